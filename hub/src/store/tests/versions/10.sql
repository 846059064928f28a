-- What is written to a database of version 10, over what one of version 9 held.

INSERT INTO alert (key, kind, tenant, what, since, told, acknowledged, by, about) VALUES ('evidence/clinic-7/main/fork', '"evidence"', 'clinic-7', 'clinic-7/main: fork at 1 machine', 1763000000000, 1763000000000, 1763000060000, 'jane', '["h-1"]');

PRAGMA user_version = 10;
