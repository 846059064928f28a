//! Where a paper is judged, kept, handed to the executor and put in force, in this order.

use std::collections::BTreeMap;
use std::io::ErrorKind;

use contract::allowlist::{Allowlist, AllowlistError};
use contract::baseline::{Baseline, BaselineError};
use contract::blob::Blob;
use contract::dsse::ENVELOPE_MAX_BYTES;
use contract::exception::{ExceptionError, Exceptions};
use contract::heartbeat::Trouble;
use contract::paper::{self, OpenedPaper, PaperFault, PaperKind};
use contract::plane::PaperNamed;
use contract::runbook::{Catalogue, CatalogueError};
use contract::socket::{Answer, Question};
use edge::file::{self, FileError};
use thiserror::Error;
use tokio::sync::watch;

use super::Parts;
use crate::executor::Unanswered;
use crate::hub::HubError;
use crate::in_force;
use crate::observe::News;
use crate::run::RunError;
use crate::site;

/// Why the papers are not up to date. It is tried again.
#[derive(Debug, Error)]
pub(super) enum Untaken {
    #[error("the hub has not given them")]
    Hub(#[from] HubError),
    #[error("the executor has not taken one")]
    Executor(#[from] Unanswered),
    #[error("a run is under way: the executor takes none until it has ended")]
    RunUnderWay,
    #[error("one cannot be kept")]
    File(#[from] FileError),
    #[error("what was taken cannot be put in force")]
    InForce(#[source] Box<RunError>),
    #[error("the keeping of one was interrupted")]
    Interrupted,
}

/// Why a paper was refused: it is kept out.
#[derive(Debug, Error)]
enum Refused {
    #[error(transparent)]
    Fault(#[from] PaperFault),
    #[error(transparent)]
    Baseline(#[from] BaselineError),
    #[error(transparent)]
    Allowlist(#[from] AllowlistError),
    #[error(transparent)]
    Exceptions(#[from] ExceptionError),
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
}

#[derive(Debug)]
pub(super) struct Desk {
    parts: Parts,
    /// The number of each kind that was refused last: the same is not fetched again and again.
    refused: BTreeMap<PaperKind, u64>,
    /// The number of each kind that the executor was handed since it was connected to last.
    handed: BTreeMap<PaperKind, u64>,
    connections: watch::Receiver<u64>,
    /// True where what lies on the disk is not what is in force.
    stale: bool,
}

/// Whether the executor makes use of it.
const fn is_the_executors(kind: PaperKind) -> bool {
    match kind {
        PaperKind::Baseline | PaperKind::Catalogue | PaperKind::Allowlist => true,
        // It measures, and excuses nothing.
        PaperKind::Exceptions => false,
    }
}

impl Desk {
    pub(super) fn new(parts: Parts) -> Self {
        let connections = parts.executor.connections();
        Self { parts, refused: BTreeMap::new(), handed: BTreeMap::new(), connections, stale: false }
    }

    /// Whether what the hub gave last is in force, or waits for this site's approval.
    pub(super) fn refuses_nothing(&self) -> bool {
        self.refused.is_empty()
    }

    /// Whether the hub names one that is to be fetched.
    pub(super) fn wants(&self, PaperNamed { kind, number }: PaperNamed) -> bool {
        let held = self.held(kind);
        if number < held {
            tracing::warn!(%kind, number, held, "the hub has an older paper than is here: it is not taken");
            self.parts.hub.board().found(Trouble::BadPaper);
        }
        number > held && self.refused.get(&kind) != Some(&number)
    }

    /// Judges what came for `named`, and keeps it beside the one in force.
    pub(super) async fn take(&mut self, named: PaperNamed, envelope: &Blob) -> Result<(), Untaken> {
        let PaperNamed { kind, number } = named;
        match self.judge(kind, &envelope.0) {
            Ok(opened) => {
                self.refused.remove(&kind);
                self.write(self.parts.places.next_paper(kind), envelope.0.clone()).await?;
                tracing::info!(%kind, number = opened.number(), "a paper came");
            }
            Err(refused) => {
                tracing::error!(%kind, number, error = crate::chain(&refused), "a paper is kept out");
                self.keep_out(kind, number);
            }
        }
        Ok(())
    }

    /// Hands the executor what it makes use of, and puts in force what it has taken.
    pub(super) async fn hand_over(&mut self) -> Result<(), Untaken> {
        if self.connections.has_changed().unwrap_or(false) {
            self.connections.mark_unchanged();
            self.handed.clear();
        }
        for kind in PaperKind::ALL {
            self.hand_over_held(kind).await?;
            self.hand_over_next(kind).await?;
        }
        if self.stale {
            let Parts { config, places, identity, in_force, observer, .. } = &self.parts;
            let looker = in_force::looker(config, places, identity);
            in_force.exchange(looker.map_err(|e| Untaken::InForce(Box::new(e)))?);
            self.stale = false;
            // Nobody listens any more only while the process stops.
            let _ = observer.send(News::Rule).await;
        }
        Ok(())
    }

    /// An executor whose directory was put back from a copy has an older one.
    async fn hand_over_held(&mut self, kind: PaperKind) -> Result<(), Untaken> {
        let number = self.held(kind);
        if number == 0 || !is_the_executors(kind) || self.handed.get(&kind) == Some(&number) {
            return Ok(());
        }
        let envelope = file::read(&self.parts.places.paper(kind), ENVELOPE_MAX_BYTES as u64)?;
        self.ask(kind, number, envelope).await.map(drop)
    }

    async fn hand_over_next(&mut self, kind: PaperKind) -> Result<(), Untaken> {
        let next = self.parts.places.next_paper(kind);
        let envelope = match file::read(&next, ENVELOPE_MAX_BYTES as u64) {
            Ok(envelope) => envelope,
            Err(e) if e.source.kind() == ErrorKind::NotFound => return Ok(()),
            Err(e) => return Err(e.into()),
        };
        let (places, identity) = (&self.parts.places, &self.parts.identity);
        let before = site::read_paper(places, identity, kind).ok();
        let mut other = true;
        let taken = match self.judge(kind, &envelope) {
            Ok(opened) => {
                // The sheet's own text under its first number says nothing new: there is nothing to look at anew.
                // By a catalogue nothing is looked at.
                other = kind != PaperKind::Catalogue
                    && before.is_none_or(|before| before.text() != opened.text());
                !is_the_executors(kind) || self.ask(kind, opened.number(), envelope.clone()).await?
            }
            Err(refused) => {
                tracing::error!(%kind, error = crate::chain(&refused), "a paper that was kept is dropped");
                false
            }
        };
        if taken {
            self.write(self.parts.places.paper(kind), envelope).await?;
            self.stale |= other;
        }
        Ok(file::remove_durably(&next)?)
    }

    /// True where the executor has it; false where it refuses it.
    async fn ask(&mut self, kind: PaperKind, number: u64, envelope: Vec<u8>) -> Result<bool, Untaken> {
        let taken = match self.parts.executor.ask(Question::Paper { kind, envelope: Blob(envelope) }).await? {
            Answer::Kept => true,
            Answer::NotApproved { digest } => {
                tracing::error!(%kind, number, %digest, "this site has not approved it: its executor goes by the one before");
                self.parts.hub.board().found(Trouble::Unapproved);
                true
            }
            Answer::PaperRefused { refusal } => {
                tracing::error!(%kind, number, %refusal, "the executor refuses a paper");
                self.keep_out(kind, number);
                false
            }
            Answer::UnderWay { .. } => return Err(Untaken::RunUnderWay),
            Answer::Welcome { .. }
            | Answer::Recorded { .. }
            | Answer::Order(_)
            | Answer::Entries(_)
            | Answer::Probed(_)
            | Answer::Changed { .. }
            | Answer::Condition(_)
            | Answer::Restoring { .. }
            | Answer::Pruned { .. }
            | Answer::Unrecorded { .. }
            | Answer::Sorry { .. } => return Err(Unanswered::Unfitting.into()),
        };
        self.handed.insert(kind, number);
        Ok(taken)
    }

    fn keep_out(&mut self, kind: PaperKind, number: u64) {
        self.refused.insert(kind, number);
        self.parts.hub.board().found(Trouble::BadPaper);
    }

    fn judge(&self, kind: PaperKind, envelope: &[u8]) -> Result<OpenedPaper, Refused> {
        let identity = &self.parts.identity;
        let pinned = std::slice::from_ref(&identity.hub_key);
        let opened = paper::open(kind, envelope, pinned, identity.holds())?.above(self.held(kind))?;
        let Some(text) = opened.text() else { return Ok(opened) };
        match kind {
            PaperKind::Baseline => {
                let baseline = Baseline::parse(kind.word(), text)?;
                // The configuration's own file must fit, here as at a start. Those that the hub signed excuse nothing where they do not.
                if site::read_exceptions(&self.parts.places, identity).is_none() {
                    self.parts.in_force.now().exceptions.check_against(&baseline)?;
                }
            }
            PaperKind::Catalogue => drop(Catalogue::parse(text.as_bytes())?),
            PaperKind::Allowlist => drop(Allowlist::parse(kind.word(), text)?),
            PaperKind::Exceptions => {
                let exceptions = Exceptions::parse(kind.word(), text)?;
                exceptions.check_against(&self.parts.in_force.now().baseline)?;
            }
        }
        Ok(opened)
    }

    fn held(&self, kind: PaperKind) -> u64 {
        site::number(&self.parts.places, &self.parts.identity, kind)
    }

    async fn write(&self, path: std::path::PathBuf, bytes: Vec<u8>) -> Result<(), Untaken> {
        let written = tokio::task::spawn_blocking(move || file::write_durably(&path, &bytes)).await;
        Ok(written.map_err(|_| Untaken::Interrupted)??)
    }
}
