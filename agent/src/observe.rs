//! The observer: looks at the whole baseline now and then and at what changed at once, has the findings written down as evidence, and only
//! then lets an incident leave.
//!
//! Nothing it knows moves on before the executor has recorded it. Where that fails, the same is looked at again, so what is reported late is
//! still what is true then.

mod round;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use contract::fact::FactId;
use contract::ids::{ControlId, IncidentId};
use edge::trace::Tracer;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};

use crate::backoff::{Backoff, pause};
use crate::deliver::Incidents;
use crate::executor::Executor;
use crate::look::Looker;
use crate::ship::Shipping;
use round::Round;

/// When to try again to write what could not be written.
const AGAIN: Duration = Duration::from_secs(5);

/// What the observer works with.
#[derive(Debug)]
pub struct Parts {
    /// What is looked at.
    pub looker: Arc<Looker>,
    /// Who writes it down.
    pub executor: Executor,
    /// Where incidents go.
    pub incidents: Incidents,
    /// Who carries the evidence to the hub.
    pub shipping: Shipping,
    /// Where open episodes are kept.
    pub open: PathBuf,
    /// How often the whole baseline is looked at.
    pub rescan: Duration,
    /// Who hears of it.
    pub tracer: Tracer,
}

/// News for the observer.
#[derive(Debug)]
pub enum News {
    /// What these facts are about changed.
    Changed(BTreeSet<FactId>),
    /// An order healed this control: the executor measured it and wrote it down.
    Healed {
        /// The control.
        control: ControlId,
        /// The incident of ours that it answered, where that is known: what failed again since is another one.
        incident: Option<IncidentId>,
    },
}

/// What has to be looked at.
#[derive(Debug, Default)]
struct Due {
    full: bool,
    facts: BTreeSet<FactId>,
}

/// Observes until the process stops, or its own files cannot be written any more.
pub async fn observe(parts: Parts, mut news: mpsc::Receiver<News>) -> Result<(), edge::file::FileError> {
    let mut timer = interval_at(Instant::now() + parts.rescan, parts.rescan);
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    parts.shipping.compared().await;
    let mut round = Round::begin(parts)?;
    let mut due = Due { full: true, facts: BTreeSet::new() };
    let mut backoff = Backoff::new(100, 10_000);
    loop {
        while due.full || !due.facts.is_empty() {
            match round.run(due.full, &due.facts).await {
                Ok(()) => {
                    due = Due::default();
                    backoff.reset();
                }
                Err(error) => {
                    tracing::error!(error = crate::chain(&error), "findings wait");
                    pause(&mut backoff).await;
                }
            }
            while let Ok(one) = news.try_recv() {
                due.add(one, &mut round);
            }
        }
        tokio::select! {
            one = news.recv() => match one {
                Some(one) => due.add(one, &mut round),
                None => return Ok(()),
            },
            _ = timer.tick() => due.full = true,
            () = sleep(AGAIN), if round.owes() => round.settle().await,
        }
    }
}

impl Due {
    fn add(&mut self, news: News, round: &mut Round) {
        match news {
            News::Changed(facts) => self.facts.extend(facts),
            // Looked at again at once: what drifted back in the same moment is a new incident.
            News::Healed { control, incident } => {
                self.facts.extend(round.healed(&control, incident.as_ref()));
            }
        }
    }
}
