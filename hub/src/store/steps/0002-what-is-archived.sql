-- How much of a host's log each write-once store holds. Losing this table loses nothing: what is stored again is found to be there.
CREATE TABLE archived (
    store   TEXT NOT NULL,
    host    TEXT NOT NULL REFERENCES host,
    bundled INTEGER NOT NULL DEFAULT 0, -- entries in full bundles that are stored, with their tiles, and whose locks were read back
    head    INTEGER NOT NULL DEFAULT 0, -- the size of the newest head that is stored
    waits   INTEGER,                    -- since when something is held that is not stored
    audited INTEGER NOT NULL DEFAULT 0, -- when the store was last asked about what it holds of this host
    PRIMARY KEY (store, host)
) STRICT;
