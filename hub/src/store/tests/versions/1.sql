-- A database of version 1, as the hub of that version made it, with what was written to it.
PRAGMA application_id = 1400206453;
PRAGMA user_version = 1;
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

-- The incident's id is the agent's to draw, so it means something only together with its host.
CREATE TABLE incident (
    host     TEXT NOT NULL REFERENCES host,
    incident TEXT NOT NULL,
    subject  TEXT NOT NULL,
    found    INTEGER NOT NULL,
    what     TEXT NOT NULL,              -- JSON
    reports  INTEGER NOT NULL DEFAULT 1,
    attempt  INTEGER NOT NULL DEFAULT 1, -- how often it was put on the queue
    state    TEXT NOT NULL,              -- JSON
    closed   INTEGER NOT NULL DEFAULT 0,
    decision TEXT,                       -- JSON
    PRIMARY KEY (host, incident)
) STRICT;
CREATE UNIQUE INDEX incident_open ON incident (host, subject) WHERE closed = 0;

CREATE TABLE signed_order (
    id       TEXT PRIMARY KEY,
    host     TEXT NOT NULL REFERENCES host,
    incident TEXT NOT NULL,
    counter  INTEGER NOT NULL,
    expires  INTEGER NOT NULL,
    envelope BLOB NOT NULL,
    answered TEXT,                       -- the outcome, in the agent's words: it only stops the order being handed out
    UNIQUE (host, counter),
    FOREIGN KEY (host, incident) REFERENCES incident
) STRICT;
CREATE INDEX order_waiting ON signed_order (host, counter) WHERE answered IS NULL;

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

;

INSERT INTO tenant VALUES ('clinic-7', 1763000000000), ('clinic-8', 1763000000000);
INSERT INTO site VALUES ('clinic-7', 'main', 1763000000000), ('clinic-8', 'main', 1763000000000);
INSERT INTO host (host, tenant, site, origin, token, secret, device_key, evidence_key, counter, settled, seen) VALUES
    ('h-1', 'clinic-7', 'main', 'localhost/h-1', 't-1', 'sha256:f7e7c36e458e80e6b6a2c67d0a9ec09bd718dadd7bfa8d6bf6e7ad526e46c2f7', 'sha256:be2974546978e3739e6d6da85c4be9f334ce32df2b9fd4b6ff1b55c0d57e9d44', 'localhost/h-1+1e4dbb05+AdQMvXx4S3G3Yr1vR4eD3i7d5o1nQ2w9mYkq3s5c5Q1D', 7, 0, 1763000100000),
    ('h-2', 'clinic-8', 'main', 'localhost/h-2', 't-2', 'sha256:f4b6bb6548129dacf11c1a9c4dffffefd4aa6b21fcf4e9754cc03b731cbe7c25', NULL, NULL, 0, 0, NULL);
INSERT INTO certificate VALUES
    ('sha256:f48cccbab55193963f6ea4f3d65dc4162c26d89bd018b150f7f21614b29f46d9', 'bootstrap', 'h-1', '', 1763000000000, 1763086400000, NULL),
    ('sha256:03204de92e11fc8c528139be419065920eb83dbff1a4663bbea455aa6e9702bd', 'device', 'h-1', '', 1763000000000, 1765592000000, 1763000200000),
    ('sha256:7efd3e51daa198ae37f6b4a6aa907ec28ce4f89e3251ceb5821307455292a531', 'bootstrap', 'h-2', '', 1763000000000, 1763086400000, NULL);
INSERT INTO incident (host, incident, subject, found, what, state, closed) VALUES
    ('h-1', 'i-1', 'drift:ssh.root-login', 1763000000000, '{"drift":{"control":"ssh.root-login","fact":"own:evidence","observed":{"flag":false}}}', '{"ordered":"o-1"}', 0),
    ('h-1', 'i-2', 'drift:time.sync', 1763000000000, '{"drift":{"control":"time.sync","fact":"own:evidence","observed":{"flag":false}}}', '{"closed":{"record":4}}', 1),
    ('h-2', 'i-1', 'drift:time.sync', 1763000000000, '{"drift":{"control":"time.sync","fact":"own:evidence","observed":{"flag":false}}}', '"escalated"', 0);
INSERT INTO signed_order (id, host, incident, counter, expires, envelope) VALUES
    ('o-1', 'h-1', 'i-1', 7, 1763000900000, x'7b7d');
INSERT INTO alarm (host, kind, detail, first, last, times) VALUES
    ('h-1', 'fork', 'two roots for 4', 1763000000000, 1763000100000, 2);
