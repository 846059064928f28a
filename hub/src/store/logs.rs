//! Logs by their origins.

use identity::Holder;
use rusqlite::OptionalExtension as _;

use super::columns::parsed;
use super::{Store, StoreError};
use crate::mirror::Subject;

impl Store {
    /// Whose log this origin names, with the key that was pinned for it; none where it is no enrolled host's.
    pub(crate) async fn log_of(&self, origin: String) -> Result<Option<Subject>, StoreError> {
        let sql = "SELECT tenant, site, host, origin, evidence_key FROM host
                   WHERE origin = ?1 AND evidence_key IS NOT NULL";
        self.run(move |c| {
            let subject = |row: &rusqlite::Row<'_>| {
                let holder = Holder { tenant: parsed(row, 0)?, site: parsed(row, 1)?, host: parsed(row, 2)? };
                Ok(Subject { holder, origin: row.get(3)?, evidence_key: row.get(4)? })
            };
            c.query_row(sql, [origin], subject).optional()
        })
        .await
    }
}
