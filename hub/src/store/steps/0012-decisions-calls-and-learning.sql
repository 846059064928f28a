-- The incident that this one follows from: nothing is planned for it until that one ends. And why it stands as it does, in one line.
ALTER TABLE incident ADD COLUMN cause_host TEXT;
ALTER TABLE incident ADD COLUMN cause TEXT;
ALTER TABLE incident ADD COLUMN why TEXT;
CREATE INDEX incident_cause ON incident (cause_host, cause) WHERE cause IS NOT NULL;
-- What happened before to one subject of one host.
CREATE INDEX incident_past ON incident (host, subject, found);
-- And to the host at all.
CREATE INDEX incident_found ON incident (host, found);
-- What is over, the newest first.
CREATE INDEX incident_over ON incident (found) WHERE closed = 1 AND decision IS NOT NULL;

-- Every decision with all that it was made of: it can be made again from its line, and comes out the same.
CREATE TABLE decided (
    number   INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant   TEXT NOT NULL REFERENCES tenant,
    host     TEXT NOT NULL REFERENCES host,
    incident TEXT NOT NULL,
    at       INTEGER NOT NULL,
    decision TEXT,                  -- JSON; none where it follows from something
    rule     TEXT,                  -- the rule that chose, where one did
    model    TEXT,                  -- the model that was asked, where one was
    runbook  TEXT,                  -- what was chosen, where it was not a person
    order_id TEXT,
    line     TEXT                   -- JSON; none where a person chose, whose word nothing makes again
) STRICT;
CREATE INDEX decided_tenant ON decided (tenant, number);
CREATE INDEX decided_incident ON decided (host, incident);
CREATE INDEX decided_order ON decided (order_id) WHERE order_id IS NOT NULL;

-- One call to a person for each cause that waits for one.
CREATE TABLE call (
    number   INTEGER PRIMARY KEY AUTOINCREMENT,
    host     TEXT NOT NULL REFERENCES host,
    incident TEXT NOT NULL,
    severity TEXT NOT NULL,         -- JSON
    raised   INTEGER NOT NULL,
    due      INTEGER NOT NULL,      -- by when somebody has to have it; where somebody has, by when it is to be over
    again    INTEGER NOT NULL DEFAULT 0,
    holder   TEXT,
    over     INTEGER
) STRICT;
CREATE UNIQUE INDEX call_open ON call (host, incident) WHERE over IS NULL;
CREATE INDEX call_over ON call (over) WHERE over IS NOT NULL;

-- Who took a call, and who had it then.
CREATE TABLE call_step (
    call   INTEGER NOT NULL REFERENCES call,
    at     INTEGER NOT NULL,
    by     TEXT NOT NULL,
    holder TEXT NOT NULL
) STRICT;
CREATE INDEX call_steps ON call_step (call);

-- What was learnt and is proposed, and each step that a proposal took.
CREATE TABLE learnt (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    rule   TEXT NOT NULL,
    at     INTEGER NOT NULL,
    said   TEXT NOT NULL           -- JSON
) STRICT;
CREATE TABLE learnt_step (
    learnt INTEGER NOT NULL REFERENCES learnt,
    step   TEXT NOT NULL           -- JSON
) STRICT;
CREATE INDEX learnt_steps ON learnt_step (learnt);

-- What models were asked and answered, in full, where the hub is told to keep that.
CREATE TABLE asked (
    prompt TEXT NOT NULL,          -- its digest
    answer TEXT,                   -- its digest, where one came
    at     INTEGER NOT NULL,
    model  TEXT NOT NULL,
    host   TEXT NOT NULL REFERENCES host,
    cost   INTEGER NOT NULL,       -- in millionths
    question TEXT,
    said   TEXT
) STRICT;
CREATE INDEX asked_at ON asked (at);
