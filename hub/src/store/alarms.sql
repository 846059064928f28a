
CREATE TABLE alarm (
    id     INTEGER PRIMARY KEY,
    host   TEXT NOT NULL REFERENCES host,
    kind   TEXT NOT NULL,
    detail TEXT NOT NULL,
    first  INTEGER NOT NULL,
    last   INTEGER NOT NULL,
    times  INTEGER NOT NULL DEFAULT 1,
    UNIQUE (host, kind, detail)
) STRICT
