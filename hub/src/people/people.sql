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
