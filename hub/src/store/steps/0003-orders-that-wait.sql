ALTER TABLE signed_order ADD COLUMN alive INTEGER;                    -- until when it waits or runs on its host, by the evidence
ALTER TABLE signed_order ADD COLUMN floor INTEGER NOT NULL DEFAULT 0; -- answers by records below this one speak of an envelope that was replaced
ALTER TABLE signed_order ADD COLUMN waits TEXT;                       -- what it waits for there, JSON; none where it does not

-- Runs that a site ordered for itself under its standing order, for incidents that may come after them.
CREATE TABLE site_run (
    host     TEXT NOT NULL REFERENCES host,
    incident TEXT NOT NULL,
    control  TEXT NOT NULL,
    until    INTEGER NOT NULL,           -- when it ended, or will have ended
    state    TEXT,                       -- what the incident becomes, JSON; none while it runs
    PRIMARY KEY (host, incident)
) STRICT;

-- The counter of the last standing order that a host was handed.
CREATE TABLE standing (
    host    TEXT PRIMARY KEY REFERENCES host,
    counter INTEGER NOT NULL
) STRICT;

-- Where standing orders are withheld: a host, or with an empty host a whole tenant.
CREATE TABLE withheld (
    tenant TEXT NOT NULL REFERENCES tenant,
    host   TEXT NOT NULL,
    since  INTEGER NOT NULL,
    PRIMARY KEY (tenant, host)
) STRICT;

-- Break-glass grants on their way. Nothing of them is believed here.
CREATE TABLE glass (
    number   INTEGER PRIMARY KEY AUTOINCREMENT,
    host     TEXT NOT NULL REFERENCES host,
    came     INTEGER NOT NULL,
    envelope BLOB NOT NULL,
    answered TEXT                        -- what the host said; none until it did
) STRICT;
CREATE INDEX glass_waiting ON glass (host, number) WHERE answered IS NULL;
