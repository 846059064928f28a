//! The observer: looks at the whole baseline now and then and at what changed at once, has the findings written down as evidence, and only
//! then lets an incident leave.
//!
//! Nothing it knows moves on before the executor has recorded it. Where that fails, the same is looked at again, so what is reported late is
//! still what is true then.

mod round;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use contract::fact::FactId;
use contract::ids::{ControlId, IncidentId};
use edge::trace::Tracer;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};

use crate::backoff::{Backoff, pause};
use crate::deliver::Incidents;
use crate::executor::Executor;
use crate::in_force::InForce;
use crate::ship::Shipping;
use round::Round;

/// When to try again to write what could not be written.
const AGAIN: Duration = Duration::from_secs(5);

/// What the observer works with.
#[derive(Debug)]
pub struct Parts {
    /// What is looked at, and against what it is held.
    pub in_force: InForce,
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
    /// Another baseline, allowlist or list of exceptions is in force.
    Rule,
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
    let rescan = parts.rescan;
    let mut next_sweep = Instant::now() + spread(rescan, random());
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
            () = sleep_until(next_sweep) => {
                due.full = true;
                next_sweep = Instant::now() + spread(rescan, random());
            }
            () = sleep(AGAIN), if round.owes() => round.settle().await,
        }
    }
}

/// `period`, up to a tenth longer or shorter: machines that were started together do not go on looking together.
fn spread(period: Duration, random: u64) -> Duration {
    let tenth = u64::try_from(period.as_millis() / 10).unwrap_or(u64::MAX / 4);
    let step = random % (2 * tenth + 1);
    (period + Duration::from_millis(step)).saturating_sub(Duration::from_millis(tenth))
}

fn random() -> u64 {
    // Without randomness the sweeps are merely not spread out.
    edge::random::bytes::<8>().map_or(0, u64::from_le_bytes)
}

impl Due {
    fn add(&mut self, news: News, round: &mut Round) {
        match news {
            News::Changed(facts) => self.facts.extend(facts),
            News::Rule => self.full = true,
            // Looked at again at once: what drifted back in the same moment is a new incident.
            News::Healed { control, incident } => {
                self.facts.extend(round.healed(&control, incident.as_ref()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sweeps_come_within_a_tenth_of_their_period() {
        let hour = Duration::from_secs(3600);
        let waits = [0, 1, 12_345_678, 719_999, 720_000, u64::MAX].map(|random| spread(hour, random));
        for wait in waits {
            assert!(wait.abs_diff(hour) <= hour / 10, "{wait:?}");
        }
        assert_eq!(waits[0], hour * 9 / 10);
        assert_eq!(waits[4], hour * 11 / 10);
    }
}
