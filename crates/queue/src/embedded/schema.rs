//! What the queue's database holds.

use crate::writer::Schema;

/// The queue's database. `AUTOINCREMENT`: a sequence is never given to a second message, even where the first was deleted.
pub const SCHEMA: Schema = Schema {
    application: 0x5375_7471, // "Sutq"
    made: 1,
    steps: &[include_str!("steps/0002-what-becomes-of-messages.sql")],
    tables: "CREATE TABLE message (
                 sequence INTEGER PRIMARY KEY AUTOINCREMENT,
                 tenant   TEXT NOT NULL,
                 site     TEXT NOT NULL,
                 id       TEXT NOT NULL,
                 body     BLOB,           -- NULL once it is acknowledged
                 UNIQUE (tenant, id)
             ) STRICT;
             CREATE INDEX message_pending ON message (sequence) WHERE body IS NOT NULL;
             CREATE INDEX message_done ON message (tenant, sequence) WHERE body IS NULL",
};
