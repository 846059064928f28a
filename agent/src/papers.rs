//! Papers: the baseline, the catalogue, the allowlist and the exceptions, fetched where the hub says that they changed, and put in force without a
//! restart.
//!
//! One that is not signed by the pinned key for this very host, is not above the one that is here, or makes no sense, never takes its place: what was
//! here goes on, and the heartbeat says so. The executor judges for itself, and first: a paper is in force here once it has taken it, so both hold the
//! machine against the same. Until then it lies beside the one in force, and a power cut in between costs nothing.

mod desk;

use std::time::Duration;

use contract::digest::Digest;
use contract::heartbeat::Part;
use contract::paper::PaperKind;
use contract::plane::PapersIssued;
use tokio::sync::{mpsc, watch};

use crate::backoff::{Backoff, pause};
use crate::config::Config;
use crate::executor::Executor;
use crate::hub::Hub;
use crate::in_force::InForce;
use crate::observe::News;
use crate::ship::Shipping;
use crate::site::{Identity, Places};
use desk::{Desk, Untaken};

/// Between two looks at what the hub has, where it says nothing: it may have said so while nobody listened.
const ASKED_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// What the hub says of its papers.
#[derive(Debug, Clone)]
pub struct Changes(watch::Sender<Option<Digest>>);

impl Default for Changes {
    fn default() -> Self {
        Self(watch::Sender::new(None))
    }
}

impl Changes {
    /// The hub says what its papers say now.
    pub fn heard(&self, says: Digest) {
        self.0.send_if_modified(|said| said.replace(says) != Some(says));
    }
}

/// What fetching papers works with.
#[derive(Debug)]
pub struct Parts {
    /// What the hub says of them.
    pub changes: Changes,
    /// Where they come from.
    pub hub: Hub,
    /// Who has to take them too.
    pub executor: Executor,
    /// Before the log was compared nothing is written into it.
    pub shipping: Shipping,
    /// Who looks anew.
    pub observer: mpsc::Sender<News>,
    /// What they are put in place of.
    pub in_force: InForce,
    /// Where they are kept.
    pub places: Places,
    /// Whose key is believed, and whose papers they must be.
    pub identity: Identity,
    /// What else a look goes by.
    pub config: Config,
}

/// Fetches and puts in force until the process stops.
pub async fn keep(parts: Parts) {
    parts.shipping.compared().await;
    let (changes, hub, shipping) = (parts.changes.clone(), parts.hub.clone(), parts.shipping.clone());
    let mut said = changes.0.subscribe();
    let mut connections = parts.executor.connections();
    let mut desk = Desk::new(parts);
    let mut backoff = Backoff::new(1_000, 15 * 60_000);
    loop {
        said.mark_unchanged();
        connections.mark_unchanged();
        let done = round(&hub, &mut desk).await;
        // What was put in force is in the log.
        shipping.now();
        hub.board().says(Part::Papers, done.is_ok() && desk.refuses_nothing());
        match done {
            Ok(says) => {
                backoff.reset();
                // After a connection to the executor it may be another one.
                let asked = async {
                    tokio::select! {
                        () = says_otherwise(&mut said, says) => {}
                        Ok(()) = connections.changed() => {}
                    }
                };
                let _ = tokio::time::timeout(ASKED_AFTER, asked).await;
            }
            Err(error) => {
                tracing::warn!(error = crate::chain(&error), "the papers are not up to date");
                pause(&mut backoff).await;
            }
        }
    }
}

async fn says_otherwise(said: &mut watch::Receiver<Option<Digest>>, says: Digest) {
    // The sender lives in `Changes`, which whoever waits here holds.
    while said.changed().await.is_ok() {
        if *said.borrow_and_update() != Some(says) {
            return;
        }
    }
}

async fn round(hub: &Hub, desk: &mut Desk) -> Result<Digest, Untaken> {
    desk.hand_over().await?;
    let PapersIssued { papers, says } = hub.papers().await?;
    // In the order of the kinds: exceptions are to controls of the baseline that came with them.
    for kind in PaperKind::ALL {
        let Some(named) = papers.iter().find(|paper| paper.kind == kind) else { continue };
        if desk.wants(*named) {
            desk.take(*named, &hub.paper(kind).await?).await?;
            desk.hand_over().await?;
        }
    }
    Ok(says)
}
