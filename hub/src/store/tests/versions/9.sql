-- What is written to a database of version 9, over what one of version 8 held.

INSERT INTO alert (key, kind, tenant, what, since, told) VALUES ('waiting/clinic-8/main', '"waiting"', 'clinic-8', 'clinic-8/main: 1 incident waits for a person', 1763000000000, 1763000000000);
INSERT INTO alert_sending (alert, channel, message, begun, due) VALUES (1, 'mail', '{"hub":"localhost","alert":1,"kind":"waiting","what":"clinic-8/main: 1 incident waits for a person","at":"2025-11-13T02:13:20.000Z","escalated":false}', 1763000000000, 1763000060000);

PRAGMA user_version = 9;
