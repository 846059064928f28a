-- What is written to a database of version 6, over what one of version 5 held.

INSERT INTO handed_out VALUES ('baseline', 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a', 1763000000000);
INSERT INTO proposal VALUES ('x-1', 'clinic-7', 'jane', 1763000000000, '{"control":"ssh.root-login","reason":"So.","risk":"So.","compensating_controls":["So."],"owner":"Ann","from":"2025-11-01","until":"2025-12-01"}');

PRAGMA user_version = 6;
