//! Asking a store about what it holds of one host.

use archive::audit::{self, Finding};
use archive::{Key, Retention, Version, WriteOnce};
use contract::time::UtcTime;
use tlog::tree::TreeSize;

use super::ship::blocking;
use super::{LookError, Worker, names, read};
use crate::store::Archived;

/// How many objects of a host are read back, lock and bytes, in one audit.
const SAMPLE: usize = 8;

impl<S: WriteOnce> Worker<S> {
    /// Lists all versions of the host's objects, and reads a random few of them back.
    pub(super) async fn audit(&self, log: &Archived, now: UtcTime) -> Result<(), LookError> {
        let holder = &log.subject.holder;
        let mut expected = Vec::new();
        for tile in names::filled(TreeSize::EMPTY, TreeSize::new(log.bundled)) {
            expected.push((
                names::full(holder, tile)?,
                Some(self.hub.mirror.directory(holder).join(tile.to_string())),
            ));
        }
        if log.head > 0 {
            expected.push((names::head(holder, log.head)?, None));
        }
        let keys: Vec<Key> = expected.iter().map(|(key, _)| key.clone()).collect();
        let versions = self.store.versions(&names::below(holder)?).await?;
        let mut findings = audit::of_versions(&versions, &keys);
        let seed = u64::from_le_bytes(edge::random::bytes::<8>().map_err(LookError::Random)?);
        for key in audit::sample(&keys, SAMPLE, seed) {
            findings.extend(self.sampled(key, &versions).await?);
            let Some((_, Some(path))) = expected.iter().find(|(k, _)| k == key).cloned() else { continue };
            let held = blocking(move || read(&path)).await?;
            if self.store.oldest(key).await?.is_some_and(|stored| stored != held) {
                findings.push(Finding::Differs { key: key.clone() });
            }
        }
        for finding in &findings {
            let (kind, detail) = told(finding);
            self.raise(&holder.host, kind, detail).await?;
        }
        tracing::info!(store = self.name, host = %holder.host, objects = keys.len(), findings = findings.len(), "audited the archive");
        Ok(self.hub.store.set_audited(self.name, holder.host.clone(), now).await?)
    }

    /// The lock of one object, beside the day on which the store says that it was written.
    async fn sampled(&self, key: &Key, versions: &[Version]) -> Result<Option<Finding>, LookError> {
        // What is missing altogether is in the list's own findings.
        let Some(stored) = audit::stored(versions, key) else { return Ok(None) };
        Ok(audit::of_lock(key, self.store.lock(key).await?, Retention::earliest(stored)))
    }
}

/// The alarm's word, and what happened.
pub(super) fn told(finding: &Finding) -> (&'static str, String) {
    match finding {
        Finding::Unlocked { key } => (
            "archive_unlocked",
            format!(
                "{key} is not locked, or its lock cannot be seen (s3:GetObjectRetention): it can be removed"
            ),
        ),
        Finding::EndsTooSoon { key, until, earliest } => {
            ("archive_unlocked", format!("{key} is locked until {until} only, and must be until {earliest}"))
        }
        Finding::NewerVersion { key, newer } => (
            "archive_newer_version",
            format!("{key} was written over, {newer} times; the oldest version is there, and is what counts"),
        ),
        Finding::DeleteMarker { key } => (
            "archive_delete_marker",
            format!("{key} was deleted; it is hidden, and its versions are what counts"),
        ),
        Finding::Missing { key } => ("archive_missing", format!("{key} was stored, and is not there")),
        Finding::Differs { key } => {
            ("archive_differs", format!("{key} holds other bytes than the hub's mirror: look at both"))
        }
    }
}
