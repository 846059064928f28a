//! The heartbeat: how well this agent looks and speaks, told once a minute.
//!
//! Parts write what they see of themselves on a board that all of them share; nothing of it is durable, and a hub that misses a beat hears the same
//! counts in the next. What went wrong while the hub could not be reached is told soon after it can. What did not change since the last beat that was
//! heard is not said again.

mod telling;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use contract::attest::{Attested, Program, closure_hash};
use contract::fact::{FactId, FactValue, Word};
use contract::heartbeat::{
    Condition, ExecutorHealth, Heartbeat, OutboxHealth, Part, PartHealth, Trouble, Troubles,
};
use contract::time::{ClockOffset, MonoNs};
use tokio::time::{sleep, timeout};

use crate::backoff::{HUB, pause, random};
use crate::deliver::Incidents;
use crate::executor::{Executor, Unanswered};
use crate::hub::Hub;
use crate::in_force::InForce;
use crate::logs::{Shared, hold};
use crate::look::Looker;
use crate::site::{self, Places};
use telling::Telling;

/// Between two beats, at least. The hub closes a connection that is silent for a minute, and another handshake costs more than the beat.
const PACE: Duration = Duration::from_secs(48);
/// And so much more at most.
const PACE_MORE_MS: u64 = 8_000;
/// Before the first one: what was begun at the same moment is neither away nor blind because nobody looked yet.
const FIRST: Duration = Duration::from_secs(1);
/// A clock is asked about less often than the heart beats: it takes another program.
const CLOCK_FRESH_MS: u64 = 10 * 60 * 1000;
/// How long the executor may take to say how it stands.
const EXECUTOR_LIMIT: Duration = Duration::from_secs(5);
/// Where NixOS says what runs.
const CURRENT_SYSTEM: &str = "/run/current-system";

/// What the parts say of themselves and of the hub.
#[derive(Debug, Clone, Default)]
pub struct Board(Arc<Mutex<Notes>>);

#[derive(Debug, Default)]
struct Notes {
    parts: BTreeMap<Part, PartHealth>,
    troubles: BTreeMap<Trouble, Troubles>,
}

impl Board {
    /// What `part` did last went well, or did not.
    pub fn says(&self, part: Part, well: bool) {
        let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if notes.parts.get(&part).is_none_or(|before| before.well != well) {
            notes.parts.insert(part, PartHealth { well, since: edge::clock::utc() });
        }
    }

    /// Whether `part` last said that it is well.
    fn is_well(&self, part: Part) -> bool {
        let notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        notes.parts.get(&part).is_some_and(|health| health.well)
    }

    /// The hub was found so.
    pub fn found(&self, trouble: Trouble) {
        let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let last = edge::clock::utc();
        notes
            .troubles
            .entry(trouble)
            .and_modify(|t| *t = Troubles { count: t.count + 1, last })
            .or_insert(Troubles { count: 1, last });
    }
}

/// What beats.
#[derive(Debug)]
pub struct Parts {
    /// Whom it is told, and the board.
    pub hub: Hub,
    /// How full the outbox is.
    pub incidents: Incidents,
    /// How long the log is, and how whoever writes it stands.
    pub executor: Executor,
    /// What the kernel says of the clock.
    pub in_force: InForce,
    /// How the sources and the detectors are.
    pub logs: Shared,
    /// Where the certificate lies.
    pub places: Places,
}

/// Beats until the process stops.
pub async fn beat(parts: Parts) {
    let (mut backoff, mut telling) = (HUB, Telling::default());
    let mut kept = None;
    sleep(FIRST).await;
    loop {
        let clock = clock(&parts.in_force, &mut kept).await;
        let condition = condition(&parts).await;
        let said = now(&parts, clock, telling.say(condition)).await;
        match parts.hub.heartbeat(&said).await {
            Ok(heard) => {
                backoff.reset();
                if !telling.heard(heard) {
                    sleep(PACE + Duration::from_millis(random() % (PACE_MORE_MS + 1))).await;
                }
            }
            Err(error) => {
                telling.unheard();
                tracing::warn!(error = crate::chain(&error), "a heartbeat was not heard");
                pause(&mut backoff).await;
            }
        }
    }
}

async fn now(parts: &Parts, clock: ClockOffset, condition: contract::heartbeat::Said) -> Heartbeat {
    let outbox = parts.incidents.health().await.unwrap_or_default();
    let sources = hold(&parts.logs).pulse().now().sources;
    Heartbeat {
        at: edge::clock::utc(),
        clock,
        log_size: Some(parts.executor.log_size()).filter(|size| *size > 0),
        outbox,
        lines: sources.into_iter().map(|(source, health)| (source, health.lines)).collect(),
        condition,
    }
}

async fn condition(parts: &Parts) -> Condition {
    let executor = executor(parts).await;
    let held = site::read_certificate(&parts.places).ok();
    let certificate_until = held.and_then(|pem| Some(identity::validity_of(&pem).ok()?.until));
    let (detectors, health) = {
        let reading = hold(&parts.logs);
        (reading.detectors_health(), reading.pulse().now())
    };
    let notes = parts.hub.board().0.lock().unwrap_or_else(PoisonError::into_inner);
    Condition {
        agent: version(),
        binary: edge::binary::digest(),
        closure: closure(),
        certificate_until,
        executor,
        parts: notes.parts.clone(),
        troubles: notes.troubles.clone(),
        sources: health.sources.iter().map(|(source, health)| (*source, health.told())).collect(),
        losses: health.lost,
        detectors,
    }
}

/// Asked only where somebody is there to answer: a question to nobody waits, and so would the heart.
async fn executor(parts: &Parts) -> ExecutorHealth {
    if !parts.hub.board().is_well(Part::Executor) {
        return ExecutorHealth::Away;
    }
    match timeout(EXECUTOR_LIMIT, parts.executor.condition()).await {
        Ok(Ok(condition)) => ExecutorHealth::Stands(Box::new(condition)),
        Ok(Err(Unanswered::Restoring { .. })) => ExecutorHealth::Restoring,
        Ok(Err(error)) => {
            tracing::warn!(error = crate::chain(&error), "the executor does not say how it stands");
            ExecutorHealth::Silent
        }
        Err(_) => ExecutorHealth::Silent,
    }
}

/// What runs here, as far as the agent can tell before it has spoken with anybody.
pub fn attested() -> Attested {
    Attested {
        agent: Program { version: version(), binary: edge::binary::digest() },
        executor: None,
        closure: closure(),
    }
}

fn version() -> Word {
    #[expect(clippy::expect_used, reason = "cargo's own versions are words")]
    env!("CARGO_PKG_VERSION").to_owned().try_into().expect("a version")
}

fn closure() -> Option<Word> {
    closure_hash(std::fs::read_link(CURRENT_SYSTEM).ok()?.file_name()?.to_str()?)
}

/// What was read last, or what is read now.
async fn clock(in_force: &InForce, kept: &mut Option<(MonoNs, ClockOffset)>) -> ClockOffset {
    let now = edge::clock::mono();
    if let Some((_, clock)) = kept.filter(|(read, _)| now.ms_since(*read) < CLOCK_FRESH_MS) {
        return clock;
    }
    let looker = in_force.now();
    let clock =
        tokio::task::spawn_blocking(move || read_clock(&looker)).await.unwrap_or(ClockOffset::Unknown);
    *kept = Some((now, clock));
    clock
}

fn read_clock(looker: &Looker) -> ClockOffset {
    let facts: Vec<FactId> =
        ["time:synchronised", "time:error_ms_max"].iter().filter_map(|id| id.parse().ok()).collect();
    let seen = looker.look(&facts, edge::clock::utc(), |_| ()).facts;
    let [synchronised, error] = &facts[..] else { return ClockOffset::Unknown };
    match (seen.observation(synchronised), seen.observation(error)) {
        (Ok(FactValue::Flag(false)), _) => ClockOffset::Unsynchronised,
        (Ok(FactValue::Flag(true)), Ok(FactValue::Number(ms))) => {
            u32::try_from(ms).map_or(ClockOffset::Unknown, ClockOffset::SynchronisedWithinMs)
        }
        _ => ClockOffset::Unknown,
    }
}

/// What of the outbox is told.
impl Incidents {
    async fn health(&self) -> Result<OutboxHealth, edge::file::FileError> {
        self.with(|outbox| {
            Ok(OutboxHealth {
                waiting: outbox.len() as u64,
                bytes: outbox.held_bytes(),
                lost: outbox.gap().map_or(0, |gap| gap.lost),
                lost_in_all: outbox.lost_in_all(),
                aside: outbox.aside() as u64,
            })
        })
        .await
    }
}
