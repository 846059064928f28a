
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
