-- Packets: never changed, never deleted. Every file of one is kept byte for byte: a later release would write it otherwise.
CREATE TABLE packet (
    number   INTEGER PRIMARY KEY,
    id       TEXT NOT NULL UNIQUE,
    tenant   TEXT NOT NULL,
    kind     TEXT NOT NULL,              -- month, week
    period   TEXT NOT NULL,              -- 2026-10, or a week's first day
    serial   INTEGER NOT NULL,           -- which of its period, from 1
    corrects TEXT,                       -- the id of the one that it corrects
    by       TEXT,                       -- who had it made; none where the hub did
    time     INTEGER NOT NULL,
    digest   TEXT NOT NULL,              -- of packet.json
    no_pdf   TEXT,                       -- why there is none
    recorded INTEGER,                    -- the record of the hub's own log that tells of it: before, nobody is shown it
    replaces TEXT,                       -- the digest of the JSON of the one that it corrects
    UNIQUE (tenant, kind, period, serial)
) STRICT;

CREATE TABLE content (
    digest TEXT PRIMARY KEY,
    bytes  BLOB NOT NULL
) STRICT;

CREATE TABLE packet_file (
    packet INTEGER NOT NULL REFERENCES packet,
    name   TEXT NOT NULL,
    digest TEXT NOT NULL REFERENCES content,
    PRIMARY KEY (packet, name)
) STRICT;

CREATE TABLE acknowledged (
    packet INTEGER NOT NULL REFERENCES packet,
    person TEXT NOT NULL,
    time   INTEGER NOT NULL,
    PRIMARY KEY (packet, person)
) STRICT;

-- Who is to get which packet by mail, and how far that is.
CREATE TABLE outgoing (
    packet INTEGER NOT NULL REFERENCES packet,
    whom   TEXT NOT NULL,
    tries  INTEGER NOT NULL DEFAULT 0,
    next   INTEGER NOT NULL,             -- when it is tried again
    sent   INTEGER,                      -- when it was taken
    PRIMARY KEY (packet, whom)
) STRICT;

-- What lies in which write-once store.
CREATE TABLE stored (
    packet INTEGER NOT NULL REFERENCES packet,
    store  TEXT NOT NULL,
    PRIMARY KEY (packet, store)
) STRICT;

-- Every text of exceptions that this hub ever signed for a machine of a tenant: a record names it by its digest.
CREATE TABLE exceptions (
    tenant TEXT NOT NULL,
    digest TEXT NOT NULL,
    text   TEXT NOT NULL,
    since  INTEGER NOT NULL,
    PRIMARY KEY (tenant, digest)
) STRICT;
