-- What becomes of a message: it is live until it is acknowledged (done) or given up (dead), and is kept for a while after it.
-- Bodies stand apart: what changes about a message does not write them anew.
CREATE TABLE message_2 (
    sequence  INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant    TEXT NOT NULL,
    site      TEXT NOT NULL,
    id        TEXT NOT NULL,
    state     TEXT NOT NULL CHECK (state IN ('live', 'done', 'dead')),
    handed    INTEGER NOT NULL,  -- how often it was handed out
    released  INTEGER NOT NULL,  -- how often that ended by its being released
    published INTEGER NOT NULL,  -- milliseconds since 1970, UTC; 0 where that was not written down
    reason    TEXT CHECK ((reason IS NULL) = (state <> 'dead')),
    bytes     INTEGER NOT NULL,  -- of its body
    UNIQUE (tenant, id)
) STRICT;
CREATE TABLE body (
    sequence INTEGER PRIMARY KEY REFERENCES message_2 ON DELETE CASCADE,
    body     BLOB NOT NULL
) STRICT;
INSERT INTO message_2
    SELECT sequence, tenant, site, id, iif(body IS NULL, 'done', 'live'), 0, 0, 0, NULL, ifnull(length(body), 0)
    FROM message ORDER BY sequence;
INSERT INTO body SELECT sequence, body FROM message WHERE body IS NOT NULL ORDER BY sequence;
-- A sequence is never given to a second message, even where the last ones were deleted.
DELETE FROM sqlite_sequence WHERE name = 'message_2';
INSERT INTO sqlite_sequence SELECT 'message_2', seq FROM sqlite_sequence WHERE name = 'message';
DROP TABLE message;
ALTER TABLE message_2 RENAME TO message;
CREATE INDEX message_by_state ON message (tenant, state, sequence);
-- How many of a tenant's messages are done and kept.
CREATE TABLE remembered (
    tenant TEXT PRIMARY KEY,
    done   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO remembered SELECT tenant, count(*) FROM message WHERE state = 'done' GROUP BY tenant;
