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
