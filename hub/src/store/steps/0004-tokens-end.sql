-- A token that was not used when this came counts as used up: nobody noted until when it was good.
CREATE TABLE host_with_end (
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
INSERT INTO host_with_end
    (host, tenant, site, origin, token, secret, token_until, device_key, evidence_key, counter, settled, seen)
    SELECT host, tenant, site, origin, token, secret, 0, device_key, evidence_key, counter, settled, seen FROM host;
DROP TABLE host;
ALTER TABLE host_with_end RENAME TO host;
CREATE INDEX host_tenant ON host (tenant);
