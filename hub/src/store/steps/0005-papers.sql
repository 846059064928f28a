-- What operators say that hosts may have: those of a site, or with a host that one alone, which then goes by its own and not by its site's.
CREATE TABLE allowlist (
    tenant TEXT NOT NULL,
    site   TEXT NOT NULL,
    host   TEXT NOT NULL,                -- empty for a whole site
    text   TEXT NOT NULL,
    since  INTEGER NOT NULL,
    PRIMARY KEY (tenant, site, host),
    FOREIGN KEY (tenant, site) REFERENCES site
) STRICT;

-- A tenant's accepted failures.
CREATE TABLE exceptions (
    tenant TEXT PRIMARY KEY REFERENCES tenant,
    text   TEXT NOT NULL,
    since  INTEGER NOT NULL
) STRICT;

-- What each host's papers said when they were last signed, and under which number.
CREATE TABLE paper (
    host   TEXT NOT NULL REFERENCES host,
    kind   TEXT NOT NULL,
    number INTEGER NOT NULL,
    issued INTEGER NOT NULL,
    digest TEXT,                         -- of its text; none where it was taken back
    PRIMARY KEY (host, kind)
) STRICT;
