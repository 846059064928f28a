-- Where each site's head stands in the log of heads: made again from the log where it is behind.
CREATE TABLE entry (
    origin TEXT NOT NULL,
    size   INTEGER NOT NULL,
    leaf   INTEGER NOT NULL UNIQUE,
    PRIMARY KEY (origin, size)
) STRICT;

-- The size that each outside witness cosigned last: a first guess, which the witness corrects.
CREATE TABLE outsider (
    key   TEXT PRIMARY KEY,
    known INTEGER NOT NULL
) STRICT;

CREATE TABLE mark (
    name TEXT PRIMARY KEY,
    at   INTEGER NOT NULL
) STRICT;

CREATE TABLE alarm (
    kind   TEXT NOT NULL,
    detail TEXT NOT NULL,
    first  INTEGER NOT NULL,
    last   INTEGER NOT NULL,
    times  INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (kind, detail)
) STRICT;
