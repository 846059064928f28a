//! Alarms: what a host's evidence did that it must never do. Kept, counted, never deleted by the hub.

use contract::ids::HostId;
use contract::time::UtcTime;
use rusqlite::params;

use super::{Store, StoreError};

/// What went wrong with a host's evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Alarm {
    /// Its word.
    pub(crate) kind: &'static str,
    /// What exactly: sizes and hashes, never a record's content.
    pub(crate) detail: String,
}

impl Store {
    /// Keeps an alarm; the same again is counted.
    pub(crate) async fn raise(&self, host: HostId, alarm: Alarm, now: UtcTime) -> Result<(), StoreError> {
        let sql = "INSERT INTO alarm (host, kind, detail, first, last) VALUES (?1, ?2, ?3, ?4, ?4)
                   ON CONFLICT DO UPDATE SET times = times + 1, last = ?4";
        self.run(move |c| {
            c.execute(sql, params![host.as_str(), alarm.kind, alarm.detail, now.unix_ms()]).map(drop)
        })
        .await
    }
}
