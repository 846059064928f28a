-- Exports: never changed, never deleted. What a kit holds beside tiles is kept here, byte for byte; the tiles follow from the pinned heads.
CREATE TABLE export (
    number INTEGER PRIMARY KEY,
    id     TEXT NOT NULL UNIQUE,
    tenant TEXT NOT NULL,
    since  INTEGER NOT NULL,             -- the period's first instant
    until  INTEGER NOT NULL,             -- the first one after it
    by     TEXT NOT NULL,
    time   INTEGER NOT NULL,
    cover  BLOB NOT NULL,                -- kit.json
    note   TEXT NOT NULL,                -- kit.note
    bytes  INTEGER NOT NULL,             -- of the whole zip
    digest TEXT NOT NULL                 -- of the whole zip
) STRICT;
CREATE INDEX export_tenant ON export (tenant, since, until);

CREATE TABLE export_log (
    number  INTEGER NOT NULL REFERENCES export,
    host    TEXT NOT NULL,
    site    TEXT NOT NULL,
    head    TEXT NOT NULL,               -- the pinned head's note, with its cosignatures
    size    INTEGER NOT NULL,
    first   INTEGER NOT NULL,
    "end"   INTEGER NOT NULL,
    records INTEGER NOT NULL,
    settled INTEGER NOT NULL,            -- whether the log had a record from after the period
    PRIMARY KEY (number, host)
) STRICT;

CREATE TABLE content (
    digest TEXT PRIMARY KEY,
    bytes  BLOB NOT NULL
) STRICT;

CREATE TABLE export_file (
    number INTEGER NOT NULL REFERENCES export,
    name   TEXT NOT NULL,
    digest TEXT NOT NULL REFERENCES content,
    PRIMARY KEY (number, name)
) STRICT;

-- Every baseline that this hub ever handed out, signed.
CREATE TABLE baseline (
    digest   TEXT PRIMARY KEY,
    envelope BLOB NOT NULL,
    since    INTEGER NOT NULL
) STRICT;
