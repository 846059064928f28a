//! The runner on real files and a real log, with clocks that can be set: what each guardrail keeps from happening, what waits and for what, what a
//! site heals by itself.

mod bounds;
mod clock;
mod generation;
mod grants;
mod mutation;
mod resumed;
mod signals;
mod waiting;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use contract::baseline::Users;
use contract::order::Order;
use contract::outcome::Outcome;
use contract::record::{Body, Digests, Kind, Record};
use contract::refusal::Refusal;
use contract::time::{ClockOffset, UtcTime};
use edge::clock::Clock;
use edge::trace::Tracer;
use facts::{OwnDirectories, Reader};
use hands::{HandError, Program, Programs, Ran};
use tempfile::TempDir;
use tlog::SigningKey;
use tlog::note::SignatureType;

use super::*;
use crate::guard::tests as fixtures;
use crate::machine::Parts;
use crate::measure::Meter;

/// Clocks that move when they are told to. Waiting takes no time and moves them.
#[derive(Debug, Clone, Default)]
pub(super) struct SetClock {
    since_ms: Arc<AtomicU64>,
    /// How far the clock on the wall has been put from where it would be.
    off_ms: Arc<AtomicI64>,
}

impl SetClock {
    fn advance_ms(&self, ms: u64) {
        self.since_ms.fetch_add(ms, Ordering::SeqCst);
    }

    /// Puts the clock on the wall ahead or back. The time that passes is the same.
    fn jump_ms(&self, ms: i64) {
        self.off_ms.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for SetClock {
    fn utc(&self) -> UtcTime {
        let ms = i64::try_from(self.since_ms.load(Ordering::SeqCst)).unwrap();
        fixtures::utc(fixtures::NOW + ms + self.off_ms.load(Ordering::SeqCst))
    }
    fn mono(&self) -> MonoNs {
        MonoNs((self.since_ms.load(Ordering::SeqCst) + 1) * 1_000_000)
    }
    fn wait_ms(&self, ms: u64) {
        self.advance_ms(ms);
    }
}

#[derive(Debug)]
struct NoPrograms;

impl Programs for NoPrograms {
    fn run(&self, program: &Program) -> Result<Ran, HandError> {
        Err(HandError::Program { program: program.path.clone(), why: "no programs in this test".into() })
    }
}

/// A site of one machine in a directory.
pub(super) struct Rig {
    pub(super) directory: TempDir,
    pub(super) runner: Arc<Runner>,
    pub(super) clock: SetClock,
}

fn key() -> SigningKey {
    SigningKey::from_seed("hub.example/h-1".parse().unwrap(), SignatureType::Ed25519, &[7; 32]).unwrap()
}

impl Rig {
    pub(super) fn new(site: Site) -> Self {
        Self::with_policy(site, crate::policy_verb::DEFAULT)
    }

    pub(super) fn with_policy(site: Site, policy: &str) -> Self {
        Self::with_clock(site, policy, ClockOffset::SynchronisedWithinMs(1))
    }

    pub(super) fn with_clock(site: Site, policy: &str, discipline: ClockOffset) -> Self {
        let directory = tempfile::tempdir().unwrap();
        for name in ["evidence", "keys", "agent-keys"] {
            let path = directory.path().join(name);
            fs::create_dir(&path).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(0o700)).unwrap();
        }
        let clock = SetClock::default();
        let runner = stand(&directory, site, policy, &clock, discipline);
        Self { directory, runner, clock }
    }

    /// The same machine after the process was started again.
    pub(super) fn restarted(self, site: Site) -> Self {
        let Self { directory, runner, clock } = self;
        runner.close(10_000);
        drop(runner.machine.give_up());
        let disciplined = ClockOffset::SynchronisedWithinMs(1);
        let runner = stand(&directory, site, crate::policy_verb::DEFAULT, &clock, disciplined);
        Self { directory, runner, clock }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().canonicalize().unwrap().join(name)
    }

    pub(super) fn loosen(&self, name: &str) {
        fs::set_permissions(self.path(name), Permissions::from_mode(0o755)).unwrap();
    }

    pub(super) fn is_loose(&self, name: &str) -> bool {
        fs::metadata(self.path(name)).unwrap().permissions().mode() & 0o7777 == 0o755
    }

    /// Hands an order in and waits for its end.
    pub(super) fn send(&self, envelope: &[u8]) -> OrderAnswer {
        ended(self.runner.order(envelope).unwrap())
    }

    pub(super) fn records(&self) -> Vec<Record> {
        let entries = self.runner.machine.with_log(|recorder| {
            let mut entries = Vec::new();
            while let Ok(Some(package)) = recorder.package(entries.len() as u64) {
                if package.entries.is_empty() {
                    break;
                }
                entries.extend(package.entries);
            }
            entries
        });
        entries.unwrap().iter().map(|entry| Record::parse(entry.as_bytes()).unwrap()).collect()
    }

    pub(super) fn kinds(&self) -> Vec<Kind> {
        self.records().iter().map(|record| record.body.kind()).collect()
    }
}

/// The hub's receipt for so many entries.
pub(super) fn receipt(size: u64, time: UtcTime) -> crate::receipt::Receipt {
    let (origin, root) = ("hub.example/h-1".parse().unwrap(), tlog::leaf_hash(b"whatever it is"));
    let head = tlog::Checkpoint { origin, size: tlog::TreeSize::new(size), root };
    crate::receipt::Receipt { head, time }
}

pub(super) fn ended(reply: Reply) -> OrderAnswer {
    match reply {
        Reply::Answered(answer) => answer,
        Reply::UnderWay(order) => panic!("{order} has not ended"),
    }
}

fn stand(
    directory: &TempDir,
    site: Site,
    policy: &str,
    clock: &SetClock,
    discipline: ClockOffset,
) -> Arc<Runner> {
    let root = directory.path().canonicalize().unwrap();
    let own = OwnDirectories {
        evidence: root.join("evidence"),
        executor_keys: root.join("keys"),
        agent_keys: root.join("agent-keys"),
    };
    let (recorder, recovery) =
        crate::recorder::Recorder::open(&root.join("evidence"), key(), None, Digests::default()).unwrap();
    let uid = rustix::process::geteuid().as_raw();
    let mut meter = Meter::new(Reader::new(facts::Config::new(own.clone())), Users::one(uid));
    meter.discipline = Some(discipline);
    let parts = Parts {
        meter,
        own,
        tracer: Tracer::new(false),
        directory: root.clone(),
        programs: Box::new(NoPrograms),
        confinement: std::collections::BTreeSet::new(),
        system: contract::runbook::TargetOs::Debian,
        clock: Box::new(clock.clone()),
        policy: Arc::new(fixtures::engine(policy)),
        program: PathBuf::from("/proc/self/exe"),
        root,
    };
    let fatal: Fatal = Arc::new(|e| panic!("the log cannot be written: {e}"));
    let runner = Arc::new(Runner::new(Arc::new(site), Machine::new(recorder, parts), 2, fatal));
    runner.take_up_standing(directory.path()).unwrap();
    runner.recover(recovery.torn_bytes).unwrap();
    runner
}

/// An order for one of the own directories, with an id of its own.
pub(super) fn order(site: &Site, control: &str, counter: u64) -> Order {
    let order = fixtures::order_for(site, control, "RB-FILE-001-own-directories");
    Order {
        order: format!("o-{counter}").parse().unwrap(),
        incident: format!("i-{counter}").parse().unwrap(),
        counter,
        expires: fixtures::utc(fixtures::NOW + 900_000),
        ..order
    }
}

#[test]
fn a_run_is_one_record_for_each_state() {
    let site = fixtures::site();
    let envelope = fixtures::sign(&order(&site, "suture.agent-keys", 1));
    let rig = Rig::new(site);
    rig.loosen("agent-keys");
    let answer = rig.send(&envelope);
    assert_eq!((answer.outcome, rig.is_loose("agent-keys")), (Outcome::Healed, false));
    assert_eq!(rig.kinds(), [Kind::Accepted, Kind::Intent, Kind::Moved, Kind::Moved, Kind::Ended]);
}

#[test]
fn an_incident_that_is_gone_ends_as_observed_with_no_step_run() {
    let site = fixtures::site();
    let envelope = fixtures::sign(&order(&site, "suture.agent-keys", 1));
    let rig = Rig::new(site);
    let answer = rig.send(&envelope);
    assert_eq!((answer.outcome, answer.refusal), (Outcome::Observed, Some(Refusal::NoFailingCheck)));
    assert_eq!(rig.kinds(), [Kind::Refused]);
}

#[test]
fn two_runs_on_two_targets_both_end_and_each_is_whole_in_the_log() {
    let site = fixtures::site();
    let envelopes = ["suture.agent-keys", "suture.executor-keys"]
        .into_iter()
        .zip(1..)
        .map(|(control, counter)| fixtures::sign(&order(&site, control, counter)))
        .collect::<Vec<_>>();
    let rig = Rig::new(site);
    rig.loosen("agent-keys");
    rig.loosen("keys");
    let answers: Vec<_> = std::thread::scope(|scope| {
        // The second order's counter is above the first's only if the first is admitted before it.
        let first = scope.spawn(|| rig.send(&envelopes[0]));
        while rig.runner.machine.with_ledger(crate::ledger::Ledger::highest_counter).unwrap() < 1 {
            std::thread::yield_now();
        }
        let second = scope.spawn(|| rig.send(&envelopes[1]));
        vec![first.join().unwrap(), second.join().unwrap()]
    });
    assert!(answers.iter().all(|answer| answer.outcome == Outcome::Healed), "{answers:?}");
    let ends = rig.records().iter().filter(|r| matches!(r.body, Body::Ended(Outcome::Healed, _))).count();
    assert_eq!(ends, 2);
}
