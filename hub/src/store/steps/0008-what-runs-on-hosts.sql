-- What runs on a host, as far as it was explained or approved.
CREATE TABLE attested (
    host  TEXT PRIMARY KEY REFERENCES host,
    held  TEXT NOT NULL,                 -- JSON
    since INTEGER NOT NULL
) STRICT;

-- Hosts of which something else runs that nothing explains. Only a person takes one out, or, before `since`, the evidence of a switch.
CREATE TABLE quarantine (
    host     TEXT PRIMARY KEY REFERENCES host,
    since    INTEGER NOT NULL,
    changed  TEXT NOT NULL,              -- JSON
    said     TEXT NOT NULL,              -- JSON
    recorded INTEGER NOT NULL DEFAULT 0  -- whether it is in the hub's own log
) STRICT;

-- Programs that may run in place of others, on every host.
CREATE TABLE release (
    program TEXT NOT NULL,               -- JSON
    version TEXT NOT NULL,
    binary  TEXT NOT NULL,
    added   INTEGER NOT NULL,
    PRIMARY KEY (program, version, binary)
) STRICT;

-- Closures that a tenant's hosts are going to run.
CREATE TABLE announced (
    tenant  TEXT NOT NULL REFERENCES tenant,
    closure TEXT NOT NULL,
    added   INTEGER NOT NULL,
    PRIMARY KEY (tenant, closure)
) STRICT;

-- Closures that a host's executor found healthy, and whether its evidence says that it was about to go back to one of them.
CREATE TABLE generation (
    host     TEXT NOT NULL REFERENCES host,
    closure  TEXT NOT NULL,
    switched INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (host, closure)
) STRICT;
