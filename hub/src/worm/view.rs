//! What the operator sees of the write-once stores.

use contract::ids::HostId;
use contract::time::UtcTime;
use serde::Serialize;
use utoipa::ToSchema;

use super::{DIRECTORY, S3};
use crate::store::{Archived, Store, StoreError};

/// One store, in `GET /api/v1/status`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ArchiveView {
    /// `directory` or `s3`.
    store: &'static str,
    hosts: Vec<ArchivedView>,
}

/// How far one host's log has come into it.
#[derive(Debug, Serialize, ToSchema)]
struct ArchivedView {
    host: HostId,
    /// Records that the hub holds, verified.
    held: u64,
    /// Records in full bundles that are stored and locked.
    locked: u64,
    /// Records that the newest stored head covers.
    stored: u64,
    /// Since when something waits; none where nothing does.
    waits: Option<UtcTime>,
}

/// The stores that the hub was told of, and in them the hosts that are wanted.
pub(crate) async fn views(
    store: &Store,
    told_of: [bool; 2],
    wanted: impl Fn(&HostId) -> bool,
) -> Result<Vec<ArchiveView>, StoreError> {
    let mut views = Vec::new();
    for (name, _) in [DIRECTORY, S3].into_iter().zip(told_of).filter(|(_, told)| *told) {
        let all = store.archived(name).await?.into_iter();
        let hosts = all.filter(|archived| wanted(&archived.subject.holder.host)).map(view).collect();
        views.push(ArchiveView { store: name, hosts });
    }
    Ok(views)
}

fn view(archived: Archived) -> ArchivedView {
    let Archived { subject, verified, bundled, head, waits, audited: _ } = archived;
    ArchivedView { host: subject.holder.host, held: verified, locked: bundled, stored: head, waits }
}
