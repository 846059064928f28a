-- A database of version 10, as the hub of that version made it, with what was written to it.
PRAGMA application_id = 1400206453;
PRAGMA user_version = 10;
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
    alive    INTEGER,                    -- until when it waits or runs on its host, by the evidence
    floor    INTEGER NOT NULL DEFAULT 0, -- answers by records below this one speak of an envelope that was replaced
    waits    TEXT,                       -- what it waits for there, JSON; none where it does not
    UNIQUE (host, counter),
    FOREIGN KEY (host, incident) REFERENCES incident
) STRICT;
CREATE INDEX order_waiting ON signed_order (host, counter) WHERE answered IS NULL;

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

-- How much of a host's log each write-once store holds. Losing this table loses nothing: what is stored again is found to be there.
CREATE TABLE archived (
    store   TEXT NOT NULL,
    host    TEXT NOT NULL REFERENCES host,
    bundled INTEGER NOT NULL DEFAULT 0, -- entries in full bundles that are stored, with their tiles, and whose locks were read back
    head    INTEGER NOT NULL DEFAULT 0, -- the size of the newest head that is stored
    waits   INTEGER,                    -- since when something is held that is not stored
    audited INTEGER NOT NULL DEFAULT 0, -- when the store was last asked about what it holds of this host
    PRIMARY KEY (store, host)
) STRICT;

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

-- What was handed out to sites, and since when: a line for each change that a start of the hub brought.
CREATE TABLE handed_out (
    kind   TEXT NOT NULL CHECK (kind IN ('baseline', 'catalogue')),
    digest TEXT NOT NULL,
    since  INTEGER NOT NULL
) STRICT;

-- Exceptions that one person proposed and another one has not accepted yet.
CREATE TABLE proposal (
    id       TEXT PRIMARY KEY,
    tenant   TEXT NOT NULL REFERENCES tenant,
    proposer TEXT NOT NULL,
    time     INTEGER NOT NULL,
    proposed TEXT NOT NULL               -- JSON
) STRICT;
CREATE INDEX proposal_tenant ON proposal (tenant);

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

-- What somebody outside the console is told of. One line for each matter, for as long as there is a hub.
CREATE TABLE alert (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    key          TEXT NOT NULL UNIQUE,
    kind         TEXT NOT NULL,
    tenant       TEXT,                    -- whose; none where it is the hub's own
    what         TEXT NOT NULL,
    since        INTEGER NOT NULL,        -- since when it holds, this time
    told         INTEGER,
    escalated    INTEGER,
    acknowledged INTEGER,
    by           TEXT,
    over         INTEGER                  -- since when it holds no longer
) STRICT;

-- What is on its way, until the other side took it.
CREATE TABLE alert_sending (
    number  INTEGER PRIMARY KEY AUTOINCREMENT,
    alert   INTEGER NOT NULL REFERENCES alert,
    channel TEXT NOT NULL,
    message TEXT NOT NULL,                -- JSON
    begun   INTEGER NOT NULL,
    due     INTEGER NOT NULL,
    tries   INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX alert_due ON alert_sending (due);

-- Which machines or incidents an alert is about, JSON: one that was not among them before is a matter that nobody was told of.
ALTER TABLE alert ADD COLUMN about TEXT;

INSERT INTO tenant VALUES ('clinic-7', 1763000000000), ('clinic-8', 1763000000000);
INSERT INTO site VALUES ('clinic-7', 'main', 1763000000000), ('clinic-8', 'main', 1763000000000);
INSERT INTO host (host, tenant, site, origin, token, secret, token_until, device_key, evidence_key, counter, settled, seen) VALUES
    ('h-1', 'clinic-7', 'main', 'localhost/h-1', 't-1', 'sha256:f7e7c36e458e80e6b6a2c67d0a9ec09bd718dadd7bfa8d6bf6e7ad526e46c2f7', 1763000900000, 'sha256:be2974546978e3739e6d6da85c4be9f334ce32df2b9fd4b6ff1b55c0d57e9d44', 'localhost/h-1+1e4dbb05+AdQMvXx4S3G3Yr1vR4eD3i7d5o1nQ2w9mYkq3s5c5Q1D', 7, 0, 1763000100000),
    ('h-2', 'clinic-8', 'main', 'localhost/h-2', 't-2', 'sha256:f4b6bb6548129dacf11c1a9c4dffffefd4aa6b21fcf4e9754cc03b731cbe7c25', 1763000900000, NULL, NULL, 0, 0, NULL);
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
INSERT INTO archived (store, host, bundled, head) VALUES ('directory', 'h-1', 256, 300);
INSERT INTO standing VALUES ('h-1', 1763000000001);
INSERT INTO withheld VALUES ('clinic-8', '', 1763000000000);
INSERT INTO exceptions VALUES ('clinic-7', '{}', 1763000000000);
INSERT INTO paper VALUES ('h-1', 'exceptions', 1763000000002, 1763000000002, 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a');
INSERT INTO handed_out VALUES ('baseline', 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a', 1763000000000);
INSERT INTO proposal VALUES ('x-1', 'clinic-7', 'jane', 1763000000000, '{"control":"ssh.root-login","reason":"So.","risk":"So.","compensating_controls":["So."],"owner":"Ann","from":"2025-11-01","until":"2025-12-01"}');
INSERT INTO reading VALUES ('h-1', 0, NULL);
INSERT INTO control VALUES ('h-1', 'time.sync', 'pass', 0, 1763000100000, 4, 1763000000000, 4, '{"pass":{"flag":true}}');
INSERT INTO turn VALUES ('h-1', 'time.sync', 4, 1763000000000, NULL, 'pass');
INSERT INTO moment VALUES ('h-1', 4, 1763000000000, 1763000000100, '{"ended":{"outcome":"healed","acted_ms":1,"verified_ms":1}}', 'o-0', 'i-2');
INSERT INTO last_word VALUES ('h-1', 'mode', 2, 1763000000000, '"enforce"');
INSERT INTO passage VALUES ('h-1', 'i-1', 'published', 1763000000000);
INSERT INTO attested VALUES ('h-1', '{"agent":{"version":"0.1.0","binary":null},"executor":null,"closure":"was"}', 1763000000000);
INSERT INTO quarantine VALUES ('h-1', 1763000300000, '["closure"]', '{"agent":{"version":"0.1.0","binary":null},"executor":null,"closure":"is"}', 1);
INSERT INTO release VALUES ('"agent"', '0.1.1', 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a', 1763000000000);
INSERT INTO announced VALUES ('clinic-7', 'abc', 1763000000000);
INSERT INTO generation VALUES ('h-1', 'was', 0);
INSERT INTO alert (key, kind, tenant, what, since, told) VALUES ('waiting/clinic-8/main', '"waiting"', 'clinic-8', 'clinic-8/main: 1 incident waits for a person', 1763000000000, 1763000000000);
INSERT INTO alert_sending (alert, channel, message, begun, due) VALUES (1, 'mail', '{"hub":"localhost","alert":1,"kind":"waiting","what":"clinic-8/main: 1 incident waits for a person","at":"2025-11-13T02:13:20.000Z","escalated":false}', 1763000000000, 1763000060000);
INSERT INTO alert (key, kind, tenant, what, since, told, acknowledged, by, about) VALUES ('evidence/clinic-7/main/fork', '"evidence"', 'clinic-7', 'clinic-7/main: fork at 1 machine', 1763000000000, 1763000000000, 1763000060000, 'jane', '["h-1"]');
