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
