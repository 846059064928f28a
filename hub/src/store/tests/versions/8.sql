-- What is written to a database of version 8, over what one of version 7 held.

INSERT INTO attested VALUES ('h-1', '{"agent":{"version":"0.1.0","binary":null},"executor":null,"closure":"was"}', 1763000000000);
INSERT INTO quarantine VALUES ('h-1', 1763000300000, '["closure"]', '{"agent":{"version":"0.1.0","binary":null},"executor":null,"closure":"is"}', 1);
INSERT INTO release VALUES ('"agent"', '0.1.1', 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a', 1763000000000);
INSERT INTO announced VALUES ('clinic-7', 'abc', 1763000000000);
INSERT INTO generation VALUES ('h-1', 'was', 0);

PRAGMA user_version = 8;
