//! One round: look, weigh, have it recorded, keep the incidents.

use std::collections::{BTreeMap, BTreeSet};

use contract::event::Event;
use contract::fact::FactId;
use contract::finding::{Finding, Tally, Verdict};
use contract::ids::ControlId;
use contract::record::Trigger;
use contract::socket::{Answer, Question};
use edge::file::FileError;
use thiserror::Error;

use super::Parts;
use crate::episodes::{self, Changes, Episodes};
use crate::executor::Unanswered;
use crate::look::Look;

/// Why a round came to nothing. It is tried again.
#[derive(Debug, Error)]
pub(super) enum RoundError {
    #[error("the findings are not recorded")]
    NotRecorded(#[from] Unanswered),
    #[error("the incidents are not kept")]
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
}

impl Round {
    pub(super) fn begin(parts: Parts) -> Result<Self, FileError> {
        let episodes = episodes::load(&parts.open)?;
        Ok(Self { parts, recorded: BTreeMap::new(), episodes })
    }

    pub(super) async fn run(&mut self, full: bool, facts: &BTreeSet<FactId>) -> Result<(), RoundError> {
        self.keep().await?;
        let look = self.look(full, facts).await?;
        let now = edge::clock::utc();
        let changes = self
            .episodes
            .update(&look.findings, now, crate::incident_id)
            .map_err(RoundError::NoRandomness)?;
        let report = if full { look.findings } else { self.news(&look.findings, &changes) };
        if report.is_empty() {
            return Ok(());
        }
        if !full {
            self.trace_drift(&report);
        }
        let trigger = if full { Trigger::FullScan } else { Trigger::Change };
        match self.parts.executor.ask(Question::Findings { trigger, findings: report.clone() }).await? {
            Answer::Recorded { .. } => {}
            Answer::Welcome { .. }
            | Answer::Order(_)
            | Answer::Entries(_)
            | Answer::Kept
            | Answer::Sorry { .. } => {
                return Err(Unanswered::Unfitting.into());
            }
        }
        // Evidence now: what is known may move on, and incidents may leave.
        self.recorded.extend(report.into_iter().map(|f| (f.control, f.verdict)));
        let episodes_changed = changes.after != self.episodes;
        self.episodes = changes.after;
        if episodes_changed {
            self.store().await?;
        }
        if full {
            // Those that were open before; what is new is on its way already.
            let known = self.episodes.open().filter(|i| !self.episodes.unkept().any(|new| new == *i));
            self.parts.incidents.remind(known.cloned().collect());
        }
        self.keep().await?;
        self.parts.shipping.now();
        Ok(())
    }

    /// Forgets the episode of `control` and says what to look at again.
    pub(super) fn healed(&mut self, control: &ControlId) -> Option<FactId> {
        if self.episodes.healed(control)
            && let Err(error) = episodes::store(&self.parts.open, &self.episodes)
        {
            // The next change writes it; until then a restart would take a healed control for a known one.
            tracing::error!(error = crate::chain(&error), "a healed incident is still written down as open");
        }
        self.parts.looker.baseline.control(control).map(|c| c.observe.clone())
    }

    async fn look(&self, full: bool, facts: &BTreeSet<FactId>) -> Result<Look, RoundError> {
        let looker = self.parts.looker.clone();
        let wanted = if full { looker.all() } else { facts.iter().cloned().collect() };
        let tracer = self.parts.tracer;
        let each = move |finding: &Finding| {
            if full {
                tracer.emit(Event::Found(finding.clone()));
            }
        };
        let look = move || looker.look(&wanted, edge::clock::utc(), each);
        let look = tokio::task::spawn_blocking(look).await.map_err(|_| RoundError::Interrupted)?;
        if full {
            let (tally, slow) = (Tally::of(&look.findings), look.slow.clone());
            self.parts.tracer.emit(Event::Scanned { tally, took_ms: look.took_ms, slow });
        }
        Ok(look)
    }

    /// Findings that say something new, or begin an episode.
    fn news(&self, findings: &[Finding], changes: &Changes) -> Vec<Finding> {
        let begins =
            |f: &Finding| changes.opened.iter().any(|i| i.what.subject() == format!("control:{}", f.control));
        let is_news = |f: &&Finding| self.recorded.get(&f.control) != Some(&f.verdict) || begins(f);
        findings.iter().filter(is_news).cloned().collect()
    }

    fn trace_drift(&self, report: &[Finding]) {
        let failed_before = |control| matches!(self.recorded.get(control), Some(Verdict::Fail(_)));
        for finding in report {
            if matches!(finding.verdict, Verdict::Fail(_)) && !failed_before(&finding.control) {
                self.parts.tracer.emit(Event::Drifted { control: finding.control.clone() });
            }
        }
    }

    /// Puts into the outbox what is not there yet: of this round, of one that failed, or of an agent that lost power.
    async fn keep(&mut self) -> Result<(), RoundError> {
        let unkept: Vec<_> = self.episodes.unkept().cloned().collect();
        for incident in &unkept {
            self.parts.incidents.keep(incident.clone()).await?;
            self.episodes.keep(&incident.incident);
        }
        if unkept.is_empty() { Ok(()) } else { self.store().await }
    }

    async fn store(&self) -> Result<(), RoundError> {
        let (path, episodes) = (self.parts.open.clone(), self.episodes.clone());
        let stored = tokio::task::spawn_blocking(move || episodes::store(&path, &episodes)).await;
        Ok(stored.map_err(|_| RoundError::Interrupted)??)
    }
}
