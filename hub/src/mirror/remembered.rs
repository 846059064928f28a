//! What else the hub remembers of a log must be in its copy: a copy that was deleted, or put back to an older state, is not gone on from.
//!
//! Otherwise whoever holds the site's key could have another history cosigned over the one that the hub vouched for and has forgotten.

use thiserror::Error;

use super::{ArchiveError, Subject, Turn};
use crate::heads::HeadsFault;
use crate::hub::Hub;
use crate::store::{Alarm, StoreError};

/// Why a host's log cannot be used. Ours to solve: the operator must look at the disk.
#[derive(Debug, Error)]
pub(crate) enum NoTurn {
    /// What is remembered cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is remembered cannot be read.
    #[error(transparent)]
    Heads(#[from] HeadsFault),
    /// The copy cannot be read.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The copy is older than what the hub vouched for.
    #[error(
        "the hub's copy of this log has {verified} entries, and the hub has vouched for {known}: it was deleted, or put back to an older state, and \
         nothing of this log is taken or cosigned until it is restored"
    )]
    RolledBack {
        /// What the copy has.
        verified: u64,
        /// What it had.
        known: u64,
    },
}

/// Waits for a host's turn, and gives it where the copy has all that the hub ever vouched for.
pub(crate) async fn turn(hub: &Hub, subject: Subject) -> Result<Turn, NoTurn> {
    let (host, directory) = (subject.holder.host.clone(), hub.mirror.directory(&subject.holder));
    // Both are looked up first: what the turn before this one adds may only make the copy greater.
    let settled = hub.store.settled(host.clone()).await?;
    let known = settled.max(hub.heads.largest(&subject.origin).await?);
    let (mut turn, held) = hub.mirror.turn(subject).await.held().await;
    let verified = held?.verified;
    if verified >= known {
        return Ok(turn);
    }
    // Read again the next time: it is restored while the hub runs.
    turn.forget();
    let detail = format!(
        "{} has {verified} entries, and the hub vouched for {known}: restore this directory from a copy or from the write-once store, the hub need not \
         be stopped for it; where there is none, the machine has the same files: `tile` in its evidence directory, and as `checkpoint` its file `receipt`",
        directory.display()
    );
    tracing::error!(%host, detail, "the hub's copy of a log is older than what it vouched for");
    let alarm = Alarm { kind: "mirror_rolled_back", detail };
    hub.store.raise(host, alarm, edge::clock::utc()).await?;
    Err(NoTurn::RolledBack { verified, known })
}
