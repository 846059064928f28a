-- What each host's evidence says of it: read out of verified records alone, and out of the archive again where a row is missing.
CREATE TABLE reading (
    host     TEXT PRIMARY KEY REFERENCES host,
    records  INTEGER NOT NULL, -- so many of its records stand in these tables
    received INTEGER           -- when the last of them were given a receipt; none where they were read from the archive
) STRICT;

-- The last word on each control.
CREATE TABLE control (
    host           TEXT NOT NULL REFERENCES host,
    control        TEXT NOT NULL,
    word           TEXT NOT NULL,    -- of the verdict
    unmet          INTEGER NOT NULL, -- whether the last value that was seen, perhaps long ago, did not meet the expectation
    checked        INTEGER NOT NULL,
    checked_record INTEGER NOT NULL,
    since          INTEGER NOT NULL, -- since when it has been of this word
    since_record   INTEGER NOT NULL,
    verdict        TEXT NOT NULL,    -- JSON
    PRIMARY KEY (host, control)
) STRICT, WITHOUT ROWID;

-- A score is counted out of this alone, host by host, without sorting.
CREATE INDEX control_counts ON control (host, word, unmet, checked, control);
-- A site's hosts.
CREATE INDEX host_place ON host (tenant, site, host);

-- When a control's word changed.
CREATE TABLE turn (
    host     TEXT NOT NULL REFERENCES host,
    control  TEXT NOT NULL,
    record   INTEGER NOT NULL,
    at       INTEGER NOT NULL, -- by the host's clock
    received INTEGER,          -- as for a moment
    word     TEXT NOT NULL,
    PRIMARY KEY (host, control, record)
) STRICT, WITHOUT ROWID;

-- What happened to an order on its host.
CREATE TABLE moment (
    host     TEXT NOT NULL REFERENCES host,
    record   INTEGER NOT NULL,
    at       INTEGER NOT NULL, -- by the host's clock
    received INTEGER,          -- when the hub gave its receipt for the record; none where it was read from the archive
    said     TEXT NOT NULL,    -- JSON
    order_id TEXT NOT NULL,
    incident TEXT,
    PRIMARY KEY (host, record)
) STRICT, WITHOUT ROWID;
CREATE INDEX moment_order ON moment (host, order_id);
CREATE INDEX moment_incident ON moment (host, incident, record);

-- The last record of each kind that says how a host stands.
CREATE TABLE last_word (
    host   TEXT NOT NULL REFERENCES host,
    kind   TEXT NOT NULL,
    record INTEGER NOT NULL,
    at     INTEGER NOT NULL,
    said   TEXT NOT NULL,      -- JSON
    PRIMARY KEY (host, kind)
) STRICT, WITHOUT ROWID;

-- When the hub itself had to do with an incident. No record says so: losing this table loses these times.
CREATE TABLE passage (
    host     TEXT NOT NULL REFERENCES host,
    incident TEXT NOT NULL,
    leg      TEXT NOT NULL,
    at       INTEGER NOT NULL,
    PRIMARY KEY (host, incident, leg, at)
) STRICT, WITHOUT ROWID;
