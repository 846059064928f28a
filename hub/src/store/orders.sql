
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
