-- What is written to a database of version 11, over what one of version 10 held.

UPDATE alert SET told_of = '["h-1"]' WHERE key = 'evidence/clinic-7/main/fork';

PRAGMA user_version = 11;
