//! What the hub knows, in one `SQLite` database: one module for each aggregate, and every question names its tenant or host.
//!
//! Trusted: whoever can write here can revoke and enrol, and can make the hub order an approved runbook. Evidence does not depend on it: records and
//! cosigned heads stand in the archive, and are verified without it.

mod alarms;
mod alerts;
mod approvals;
mod archived;
mod around;
mod attest;
mod calls;
mod certificates;
pub(crate) mod columns;
mod exports;
mod fleet;
mod grants;
mod incidents;
mod knowledge;
mod learnt;
mod library;
mod logs;
mod numbers;
mod orders;
mod papers;
mod raised;
mod registry;
mod reports;
mod settle;
#[cfg(test)]
mod tests;
mod timeline;

use std::path::Path;

use queue::writer::{OpenError, Schema, WriteError, Writer};
use rusqlite::Connection;
use thiserror::Error;

pub(crate) use alarms::Alarm;
pub(crate) use alerts::AlertView;
pub(crate) use approvals::{NotApproved, Waits};
pub(crate) use archived::Archived;
pub(crate) use around::Looked;
pub(crate) use attest::{Approving, Attesting, InQuarantine};
pub(crate) use calls::Ending;
pub(crate) use certificates::{Enrolling, Kind, Registered, Renewal};
pub(crate) use exports::{Actions, AlarmRaised, HostLog};
pub(crate) use fleet::{HostFacts, SILENT_AFTER_MS, SiteFacts, Whose};
pub(crate) use incidents::{Again, Plan, Unplanned};
pub(crate) use knowledge::{Lesson, Said as HappenedThere};
pub(crate) use learnt::{Kept, RanAt, Said as LearntSaid};
pub(crate) use numbers::Numbers;
pub(crate) use orders::{ByPerson, Came, KeptAsked, NewOrder};
pub(crate) use papers::{AllowedFor, Numbered, Said};
pub(crate) use raised::AlarmAbout;
pub(crate) use registry::{HostRow, NewHost};
pub(crate) use reports::Taken;
pub(crate) use timeline::{Filter, Healing, Moment, Pending, Whole};

/// A change of the database is one more line at the end of [`STEPS`], with a file of its own in `store/steps`; nothing else changes. A table that is
/// new stands in such a file as well. Files that were released stay as they are: a test knows their digests.
pub(crate) const SCHEMA: Schema = Schema {
    application: 0x5375_7475, // "Sutu"
    tables: concat!(
        include_str!("store/registry.sql"),
        include_str!("store/incidents.sql"),
        include_str!("store/orders.sql"),
        include_str!("store/grants.sql"),
        include_str!("store/papers.sql"),
        include_str!("store/archived.sql"),
        include_str!("store/alarms.sql"),
    ),
    made: 5,
    steps: STEPS,
};

/// From each version to the next, beginning with the one to version 2.
const STEPS: &[&str] = &[
    include_str!("store/steps/0002-what-is-archived.sql"),
    include_str!("store/steps/0003-orders-that-wait.sql"),
    include_str!("store/steps/0004-tokens-end.sql"),
    include_str!("store/steps/0005-papers.sql"),
    include_str!("store/steps/0006-what-is-handed-out.sql"),
    include_str!("store/steps/0007-what-evidence-says.sql"),
    include_str!("store/steps/0008-what-runs-on-hosts.sql"),
    include_str!("store/steps/0009-alerts.sql"),
    include_str!("store/steps/0010-what-alerts-are-about.sql"),
    include_str!("store/steps/0011-what-was-told.sql"),
    include_str!("store/steps/0012-decisions-calls-and-learning.sql"),
];

/// The store.
#[derive(Debug)]
pub(crate) struct Store {
    writer: Writer,
}

/// The store did not take it, or did not give it. Ours to solve: the operator must look at the disk.
#[derive(Debug, Error)]
#[error("the hub's database did not answer")]
pub(crate) struct StoreError(#[source] WriteError<rusqlite::Error>);

impl Store {
    /// Opens or makes the database at `path`.
    pub(crate) fn open(path: &Path) -> Result<Self, OpenError> {
        Writer::open(path, SCHEMA).map(|writer| Self { writer })
    }

    /// For tests that fill it in bulk.
    #[cfg(test)]
    pub(crate) async fn run_for_a_test<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        self.run(work).await
    }

    async fn run<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        self.writer.run(work).await.map_err(StoreError)
    }
}
