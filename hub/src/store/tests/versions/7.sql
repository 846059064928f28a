-- What is written to a database of version 7, over what one of version 6 held.

INSERT INTO reading VALUES ('h-1', 0, NULL);
INSERT INTO control VALUES ('h-1', 'time.sync', 'pass', 0, 1763000100000, 4, 1763000000000, 4, '{"pass":{"flag":true}}');
INSERT INTO turn VALUES ('h-1', 'time.sync', 4, 1763000000000, NULL, 'pass');
INSERT INTO moment VALUES ('h-1', 4, 1763000000000, 1763000000100, '{"ended":{"outcome":"healed","acted_ms":1,"verified_ms":1}}', 'o-0', 'i-2');
INSERT INTO last_word VALUES ('h-1', 'mode', 2, 1763000000000, '"enforce"');
INSERT INTO passage VALUES ('h-1', 'i-1', 'published', 1763000000000);

PRAGMA user_version = 7;
