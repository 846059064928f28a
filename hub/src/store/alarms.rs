//! Alarms: what a host's evidence did that it must never do. Kept, counted, never deleted by the hub; and so many of each kind, since what they say is of
//! sizes and hashes that the host chooses.

use contract::ids::HostId;
use contract::time::UtcTime;
use rusqlite::{Connection, params};

use super::{Store, StoreError};

/// What went wrong with a host's evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Alarm {
    /// Its word.
    pub(crate) kind: &'static str,
    /// What exactly: sizes and hashes, never a record's content.
    pub(crate) detail: String,
}

/// So many different ones of a kind are kept of each host.
const OF_A_KIND_MAX: i64 = 100;
/// What stands for all others: their number.
const OTHERS: &str = "others of this kind, beyond the first hundred: only how many, and when, is kept";

impl Store {
    /// Keeps an alarm; the same again is counted, and so is what is beyond the hundredth of its kind.
    pub(crate) async fn raise(&self, host: HostId, alarm: Alarm, now: UtcTime) -> Result<(), StoreError> {
        self.run(move |c| raise(c, &host, &alarm, now).map(drop)).await
    }
}

/// Keeps an alarm. True where it is the first like this.
pub(super) fn raise(c: &Connection, host: &HostId, alarm: &Alarm, now: UtcTime) -> rusqlite::Result<bool> {
    let again = |detail: &str| -> rusqlite::Result<bool> {
        let sql =
            "UPDATE alarm SET times = times + 1, last = ?4 WHERE host = ?1 AND kind = ?2 AND detail = ?3";
        let values = params![host.as_str(), alarm.kind, detail, now.unix_ms()];
        Ok(c.prepare_cached(sql)?.execute(values)? > 0)
    };
    if again(&alarm.detail)? {
        return Ok(false);
    }
    let kept: i64 = c
        .prepare_cached("SELECT count(*) FROM alarm WHERE host = ?1 AND kind = ?2")?
        .query_row(params![host.as_str(), alarm.kind], |row| row.get(0))?;
    let detail = if kept < OF_A_KIND_MAX { &alarm.detail } else { OTHERS };
    if kept >= OF_A_KIND_MAX && again(OTHERS)? {
        return Ok(false);
    }
    let sql = "INSERT INTO alarm (host, kind, detail, first, last) VALUES (?1, ?2, ?3, ?4, ?4)";
    c.prepare_cached(sql)?.execute(params![host.as_str(), alarm.kind, detail, now.unix_ms()])?;
    Ok(true)
}
