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
