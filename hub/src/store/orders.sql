
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
