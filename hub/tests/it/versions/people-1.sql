-- The accounts of version 1, as the hub of that version made them, with what was written to them.
PRAGMA application_id = 1400197221;
PRAGMA user_version = 1;
CREATE TABLE person (
    person    TEXT PRIMARY KEY,
    role      TEXT NOT NULL,             -- JSON
    reach     TEXT NOT NULL,             -- JSON
    until     INTEGER,
    disabled  INTEGER NOT NULL DEFAULT 0,
    password  TEXT NOT NULL,             -- argon2id
    totp      BLOB,                      -- the secret of the second factor; it must be known to be checked
    confirmed INTEGER NOT NULL DEFAULT 0,
    step      INTEGER NOT NULL DEFAULT 0 -- of the last code that was used
) STRICT;

-- What opens the plane stands here as a digest.
CREATE TABLE invitation (
    secret TEXT PRIMARY KEY,
    person TEXT,                         -- none for the first of all, who chooses a name
    role   TEXT NOT NULL,
    reach  TEXT NOT NULL,
    ends   INTEGER,                      -- of the person's time
    until  INTEGER NOT NULL              -- of the invitation
) STRICT;

CREATE TABLE session (
    secret TEXT PRIMARY KEY,
    person TEXT NOT NULL REFERENCES person,
    begun  INTEGER NOT NULL,
    seen   INTEGER NOT NULL              -- to within a minute
) STRICT;
CREATE INDEX session_person ON session (person);

CREATE TABLE api_key (
    id             TEXT PRIMARY KEY,
    person         TEXT NOT NULL REFERENCES person,
    secret         TEXT NOT NULL UNIQUE,
    previous       TEXT UNIQUE,          -- before the last rotation
    previous_until INTEGER,
    reach          TEXT NOT NULL,        -- JSON
    rights         TEXT NOT NULL,        -- JSON
    until          INTEGER NOT NULL,
    revoked        INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Tries that failed: a restart forgets none.
CREATE TABLE tries (
    what     TEXT NOT NULL,
    name     TEXT NOT NULL,
    failures INTEGER NOT NULL,
    last     INTEGER NOT NULL,
    PRIMARY KEY (what, name)
) STRICT;

INSERT INTO person (person, role, reach, password) VALUES
    ('jane', '"msp-admin"', '"everywhere"', 'argon2id$19456$2$1$000102030405060708090a0b0c0d0e0f$176f93ae7a484a835a6f1197c7807885cdcf7ff213ab3a61dc9366b40a4fc813'),
    ('tom', '"technician"', '{"tenants":["clinic-7"]}', 'argon2id$19456$2$1$000102030405060708090a0b0c0d0e0f$176f93ae7a484a835a6f1197c7807885cdcf7ff213ab3a61dc9366b40a4fc813');
INSERT INTO invitation VALUES ('sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a', 'eve', '"technician"', '{"tenants":["clinic-7"]}', NULL, 1763000000000);
INSERT INTO session VALUES ('sha256:f7e7c36e458e80e6b6a2c67d0a9ec09bd718dadd7bfa8d6bf6e7ad526e46c2f7', 'tom', 1763000000000, 1763000000000);
INSERT INTO api_key (id, person, secret, reach, rights, until) VALUES
    ('k-0123456789abcdef', 'tom', 'sha256:7dc3dfce4331e0d78efe084de07a399ac8cd9b1983a00f24101cf84463c96fef', '{"tenants":["clinic-7"]}', '["incidents-read"]', 4102444800000);
INSERT INTO tries VALUES ('account', 'tom', 2, 1763000000000);
