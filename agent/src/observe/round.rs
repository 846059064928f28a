//! One round: look, weigh, have it recorded, keep the incidents.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use contract::event::Event;
use contract::fact::{Absence, FactId};
use contract::finding::{Finding, Tally, Verdict};
use contract::ids::{ControlId, IncidentId};
use contract::probe::is_probed;
use contract::record::Trigger;
use contract::socket::{Answer, Question};
use edge::file::FileError;
use thiserror::Error;

use super::Parts;
use crate::episodes::{self, Changes, Episodes};
use crate::executor::Unanswered;
use crate::look::{Look, Looker};

/// Why a round came to nothing. It is tried again.
#[derive(Debug, Error)]
pub(super) enum RoundError {
    #[error("the findings are not recorded")]
    NotRecorded(#[from] Unanswered),
    #[error("the incidents are not written down")]
    NotKept(#[from] FileError),
    #[error("no id can be drawn for an incident")]
    NoRandomness(#[source] std::io::Error),
    #[error("the look at the machine was interrupted")]
    Interrupted,
}

pub(super) struct Round {
    parts: Parts,
    /// What the executor recorded last, by control.
    recorded: BTreeMap<ControlId, Verdict>,
    episodes: Episodes,
    /// True where the episodes on the disk are not these.
    unstored: bool,
}

impl Round {
    pub(super) fn begin(parts: Parts) -> Result<Self, FileError> {
        let episodes = episodes::load(&parts.open)?;
        Ok(Self { parts, recorded: BTreeMap::new(), episodes, unstored: false })
    }

    pub(super) async fn run(&mut self, full: bool, facts: &BTreeSet<FactId>) -> Result<(), RoundError> {
        self.settle().await;
        let look = self.look(full, facts).await?;
        let now = edge::clock::utc();
        let changes = self
            .episodes
            .update(&look.findings, now, crate::incident_id)
            .map_err(RoundError::NoRandomness)?;
        let said = if full { look.findings } else { self.news(&look.findings, &changes) };
        if said.is_empty() {
            return Ok(());
        }
        if !full {
            self.trace_drift(&said);
        }
        let trigger = if full { Trigger::FullScan } else { Trigger::Change };
        self.parts.executor.record(Question::Findings { trigger, findings: said.clone() }).await?;
        // Evidence now: what is known may move on, and incidents may leave.
        self.recorded.extend(said.into_iter().map(|f| (f.control, f.verdict)));
        self.unstored |= changes.after != self.episodes;
        self.episodes = changes.after;
        if full {
            // Those that were open before; what is new is on its way already.
            let known = self.episodes.open().filter(|i| !self.episodes.unkept().any(|new| new == *i));
            self.parts.incidents.remind(known.cloned().collect());
        }
        self.settle().await;
        self.parts.shipping.now();
        Ok(())
    }

    /// Forgets the episode of `control`, or only that of `incident` where that is named, and says what to look at again.
    pub(super) fn healed(&mut self, control: &ControlId, incident: Option<&IncidentId>) -> Option<FactId> {
        if incident.is_none_or(|incident| self.episodes.is_of(control, incident)) {
            self.unstored |= self.episodes.healed(control);
        }
        self.parts.in_force.now().baseline.control(control).map(|c| c.observe.clone())
    }

    /// True where something could not be written yet.
    pub(super) fn owes(&self) -> bool {
        self.unstored || self.episodes.unkept().next().is_some()
    }

    /// Writes down what is owed: of this round, of an earlier one, or of an agent that lost power. A disk that is full is no reason to have the
    /// same findings recorded again and again: what cannot be written is owed, and tried again.
    pub(super) async fn settle(&mut self) {
        if let Err(error) = self.write().await {
            tracing::error!(error = crate::chain(&error), "incidents wait to be kept");
        }
    }

    async fn look(&self, full: bool, facts: &BTreeSet<FactId>) -> Result<Look, RoundError> {
        let in_force = self.parts.in_force.now();
        let looker = Arc::clone(&in_force);
        let wanted = if full { looker.all() } else { facts.iter().cloned().collect() };
        let tracer = self.parts.tracer;
        let each = move |finding: &Finding| {
            if full && !is_hidden(finding) {
                tracer.emit(Event::Found(finding.clone()));
            }
        };
        let look = move || looker.look(&wanted, edge::clock::utc(), each);
        let mut look = tokio::task::spawn_blocking(look).await.map_err(|_| RoundError::Interrupted)?;
        let hidden = Looker::hidden(&look);
        if !hidden.is_empty() {
            self.probe(&in_force, &mut look, &hidden).await;
        }
        if full {
            let late = look.findings.iter().filter(|f| hidden.contains(&f.fact));
            late.for_each(|f| tracer.emit(Event::Found(f.clone())));
            let (tally, slow) = (Tally::of(&look.findings), look.slow.clone());
            self.parts.tracer.emit(Event::Scanned { tally, took_ms: look.took_ms, slow });
        }
        Ok(look)
    }

    /// Has the executor look at what only root can see. Where it does not, that is not assessed, and the rest is.
    async fn probe(&self, looker: &Looker, look: &mut Look, hidden: &[FactId]) {
        match self.parts.executor.ask(Question::Probe { facts: hidden.to_vec() }).await {
            Ok(Answer::Probed(seen)) => {
                looker.show(look, hidden, &seen, edge::clock::utc());
            }
            Ok(other) => tracing::warn!(?other, "the executor did not say what it sees"),
            Err(error) => tracing::warn!(error = crate::chain(&error), "the executor does not look for us"),
        }
    }

    /// Findings that say something new, or begin an episode.
    fn news(&self, findings: &[Finding], changes: &Changes) -> Vec<Finding> {
        let begins =
            |f: &Finding| changes.opened.iter().any(|i| i.what.subject() == format!("control:{}", f.control));
        let is_news = |f: &&Finding| self.recorded.get(&f.control) != Some(&f.verdict) || begins(f);
        findings.iter().filter(is_news).cloned().collect()
    }

    fn trace_drift(&self, said: &[Finding]) {
        let failed_before = |control| matches!(self.recorded.get(control), Some(Verdict::Fail(_)));
        for finding in said {
            if matches!(finding.verdict, Verdict::Fail(_)) && !failed_before(&finding.control) {
                self.parts.tracer.emit(Event::Drifted { control: finding.control.clone() });
            }
        }
    }

    /// First that an incident is to be kept, then the incident, then that it is kept: a power cut in between loses nothing.
    async fn write(&mut self) -> Result<(), RoundError> {
        self.store().await?;
        let unkept: Vec<_> = self.episodes.unkept().cloned().collect();
        for incident in &unkept {
            self.parts.incidents.keep(incident.clone()).await?;
            self.episodes.keep(&incident.incident);
            self.unstored = true;
        }
        self.store().await
    }

    async fn store(&mut self) -> Result<(), RoundError> {
        if self.unstored {
            let (path, episodes) = (self.parts.open.clone(), self.episodes.clone());
            let stored = tokio::task::spawn_blocking(move || episodes::store(&path, &episodes)).await;
            stored.map_err(|_| RoundError::Interrupted)??;
            self.unstored = false;
        }
        Ok(())
    }
}

/// Whether a finding may become another one once the executor has looked.
fn is_hidden(finding: &Finding) -> bool {
    finding.verdict == Verdict::NotAssessed(Absence::NeedsRoot) && is_probed(&finding.fact)
}
