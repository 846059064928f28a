CREATE TABLE tenant (
    tenant  TEXT PRIMARY KEY,
    created INTEGER NOT NULL
) STRICT;

CREATE TABLE site (
    tenant  TEXT NOT NULL REFERENCES tenant,
    site    TEXT NOT NULL,
    created INTEGER NOT NULL,
    PRIMARY KEY (tenant, site)
) STRICT;

-- One enrolment makes one host: its token stands here.
CREATE TABLE host (
    host         TEXT PRIMARY KEY,
    tenant       TEXT NOT NULL,
    site         TEXT NOT NULL,
    origin       TEXT NOT NULL UNIQUE,
    token        TEXT NOT NULL UNIQUE,
    secret       TEXT NOT NULL,              -- the digest of the token's secret
    token_until  INTEGER NOT NULL,           -- for its first use; whoever used it may ask again
    device_key   TEXT,                       -- the digest of the key that the token was used for
    evidence_key TEXT,                       -- pinned with it
    counter      INTEGER NOT NULL DEFAULT 0, -- of the last order
    settled      INTEGER NOT NULL DEFAULT 0, -- evidence records whose consequences stand in this database
    seen         INTEGER,                    -- to within a minute
    FOREIGN KEY (tenant, site) REFERENCES site
) STRICT;
CREATE INDEX host_tenant ON host (tenant);

CREATE TABLE certificate (
    fingerprint TEXT PRIMARY KEY,
    kind        TEXT NOT NULL CHECK (kind IN ('bootstrap', 'device')),
    host        TEXT NOT NULL REFERENCES host,
    pem         TEXT NOT NULL,
    valid_from  INTEGER NOT NULL,
    valid_until INTEGER NOT NULL,
    revoked     INTEGER
) STRICT;
CREATE INDEX certificate_host ON certificate (host);
