//! From the archive to what the hub knows of each host: a hub that knows less than it holds reads it again.
//!
//! So a database that was made anew, or by a version that kept less, comes to the same as one that read every record when it came.

use std::sync::Arc;

use contract::ids::HostId;
use thiserror::Error;

use crate::hub::Hub;
use crate::mirror::{self, ArchiveError, Subject, Turn};
use crate::problem::chain;
use crate::store::{Lesson, StoreError};

/// Why records were not read. Ours: the operator must look at the disk.
#[derive(Debug, Error)]
pub(crate) enum ReadingFault {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Archive(#[from] ArchiveError),
}

/// Reads what had its consequences and is not known. Answers how many records had.
pub(crate) async fn catch_up(hub: &Hub, mut turn: Turn, host: &HostId) -> (Turn, Result<u64, ReadingFault>) {
    let (mut read, settled) = match hub.store.read_and_settled(host.clone()).await {
        Ok(both) => both,
        Err(e) => return (turn, Err(e.into())),
    };
    while read < settled {
        let (back, records) = turn.records(read).await;
        turn = back;
        let mut records = match records {
            Ok(records) => records,
            Err(e) => return (turn, Err(e.into())),
        };
        records.truncate(usize::try_from(settled - read).unwrap_or(usize::MAX));
        read += records.len() as u64;
        if records.is_empty() {
            break;
        }
        if let Err(e) = hub.store.learn(host.clone(), Lesson { records, received: None }).await {
            return (turn, Err(e.into()));
        }
    }
    (turn, Ok(settled))
}

/// Once after a start, host by host. Ends when all is read, or when the hub stops; what is left is read when its host comes, or at the next start.
pub(crate) async fn run(hub: Arc<Hub>) {
    let unread = match hub.store.unread().await {
        Ok(unread) => unread,
        Err(e) => return tracing::error!(error = chain(&e), "it cannot be seen whose evidence is unread"),
    };
    let mut stop = hub.stop.clone();
    for subject in unread {
        tokio::select! {
            () = stop.requested() => return,
            () = read(&hub, subject) => {}
        }
    }
}

async fn read(hub: &Hub, subject: Subject) {
    let host = subject.holder.host.clone();
    let error = match mirror::turn(hub, subject).await {
        Ok(turn) => match catch_up(hub, turn, &host).await {
            (_, Ok(_)) => return,
            (_, Err(e)) => chain(&e),
        },
        Err(e) => chain(&e),
    };
    tracing::error!(%host, error, "a host's evidence is not read: what is shown of it is older than what is held");
}
