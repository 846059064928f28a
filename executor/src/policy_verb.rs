//! Which policy holds, and the only way to another one: `suture-executor policy`, while the executor is stopped.
//!
//! The evidence log names the policy in force by the digest of its bytes. A file that the log does not name does not hold, however it got there. A new
//! one is read in memory, asked the last 100 decisions again, shown with all that would change, announced in the log, renamed into place, and written
//! down as holding. A power cut anywhere leaves the old one or the new one, both of which the log names.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use contract::digest::Digest;
use contract::record::{Body, PolicyState, PolicyTaken, Record};
use contract::resource::UnitName;
use contract::runbook::Verb;
use edge::file::{self, FileError};
use evidence::{AppendError, PackageError};
use policy::{
    CanonicalPath, DecisionRecord, Engine, InForce, NotInForce, PhraseMissing, Policy, PolicyError,
    Protected, ProtectedFault, REPLAYED_MAX, Replacement, Role, Tag, Verbs,
};
use thiserror::Error;

use crate::config::Config;
use crate::guard;
use crate::ledger::Ledger;
use crate::links::RealLinks;
use crate::recorder::{Recorder, Stamp};

/// What a site begins with: leave for the runbooks that are shipped, each for what it touches.
pub const DEFAULT: &str = include_str!("../policy/default.yaml");
/// The longest policy file: 4 MiB, as ten thousand rules have.
const POLICY_MAX_BYTES: u64 = 4 << 20;
/// Units of the executor and its agent.
const UNITS: [&str; 3] = ["suture-executor.service", "suture-executor.socket", "suture-agent.service"];

/// Why a policy does not hold, or was not replaced.
#[derive(Debug, Error)]
pub enum PolicyVerbError {
    /// A file cannot be read or written.
    #[error("the policy's file cannot be used")]
    File(#[from] FileError),
    /// It is no policy.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// Another file was laid in its place.
    #[error("{}: {fault}; put a policy in place with `suture-executor policy`", path.display())]
    NotInForce {
        /// The file.
        path: PathBuf,
        /// Why not.
        fault: NotInForce,
    },
    /// What is to be protected cannot be named.
    #[error("what the policy protects: {0}")]
    Protected(#[from] ProtectedFault),
    /// One of Suture's own paths has no one spelling.
    #[error("{}: it cannot be protected: {fault}", path.display())]
    Path {
        /// Which.
        path: PathBuf,
        /// Why not.
        fault: policy::PathFault,
    },
    /// The verbs of this version cannot be named to the policy.
    #[error("a verb's word: {0}")]
    Verbs(#[from] policy::BadWord),
    /// Much would break, and nobody typed the phrase.
    #[error(transparent)]
    Phrase(#[from] PhraseMissing),
    /// The log cannot be written.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// The log cannot be read.
    #[error("the last decisions cannot be read from the log")]
    Package(#[from] PackageError),
}

/// The policy's file.
pub fn path(config: &Config) -> PathBuf {
    config.directory.join("policy.yaml")
}

/// The engine over the policy in force. A log that never named one takes the file that is there as its first
/// (`begins`), and says so.
pub fn engine(config: &Config, ledger: &Ledger, begins: bool) -> Result<Arc<Engine>, PolicyVerbError> {
    let (path, policy) = read(config)?;
    let recorded = if begins { Some(policy.digest()) } else { ledger.policy() };
    let in_force = InForce::of(policy, recorded, ledger.policy_announced())
        .map_err(|fault| PolicyVerbError::NotInForce { path, fault })?;
    Ok(Arc::new(Engine::new(in_force, protected(config)?)))
}

/// What the log's first records say of the policy.
pub fn beginning(engine: &Engine) -> Body {
    taken(PolicyState::InForce, engine.policy().digest(), None, &(0, 0, 0))
}

fn read(config: &Config) -> Result<(PathBuf, Policy), PolicyVerbError> {
    let path = path(config);
    let text = file::read_text(&path, POLICY_MAX_BYTES)?;
    let policy = Policy::parse(&path.display().to_string(), &text, &verbs()?)?;
    Ok((path, policy))
}

fn verbs() -> Result<Verbs, PolicyVerbError> {
    let words: Vec<&str> = Verb::ALL.iter().map(|verb| verb.word()).collect();
    Ok(Verbs::of(&words)?)
}

/// What is untouchable on this machine.
fn protected(config: &Config) -> Result<Protected, PolicyVerbError> {
    let places = [
        (path(config), Role::Policy),
        (config.evidence(), Role::Evidence),
        (config.directory.clone(), Role::State),
        (config.keys(), Role::Keys),
        (config.agent_keys.clone(), Role::Keys),
        (own_program(), Role::Executor),
        (config.socket.clone(), Role::Executor),
    ];
    let protect = |(path, role): (PathBuf, Role)| {
        let text = path.canonicalize().unwrap_or_else(|_| path.clone()).display().to_string();
        let canonical = CanonicalPath::resolve(&text, None, policy::Last::Followed, &RealLinks);
        canonical.map(|path| (path, role)).map_err(|fault| PolicyVerbError::Path { path, fault })
    };
    let paths = places.into_iter().map(protect).collect::<Result<Vec<_>, _>>()?;
    let units =
        UNITS.iter().filter_map(|unit| unit.parse::<UnitName>().ok()?.as_str().parse().ok()).collect();
    Ok(Protected::new(paths, units)?)
}

/// This very program.
pub fn own_program() -> PathBuf {
    std::env::current_exe().unwrap_or_else(|_| PathBuf::from("/usr/bin/suture-executor"))
}

/// What `suture-executor policy` found, before anything is changed.
#[derive(Debug)]
pub struct Prepared {
    replacement: Replacement,
    old: Digest,
}

impl Prepared {
    /// Reads the new policy and asks it the last decisions again.
    pub fn of(config: &Config, recorder: &Recorder, new: &Path) -> Result<Self, PolicyVerbError> {
        let (path, policy) = read(config)?;
        let ledger = recorder.ledger();
        let in_force = InForce::of(policy, ledger.policy(), ledger.policy_announced())
            .map_err(|fault| PolicyVerbError::NotInForce { path, fault })?;
        let text = file::read_text(new, POLICY_MAX_BYTES)?;
        let decisions = last_decisions(recorder, &config.tags)?;
        let old = in_force.policy();
        let name = new.display().to_string();
        let replacement = Replacement::prepare(old, &name, &text, &protected(config)?, &decisions)?;
        Ok(Self { replacement, old: old.digest() })
    }

    /// What would change.
    pub const fn replacement(&self) -> &Replacement {
        &self.replacement
    }

    /// Announces it, puts it in place, and writes down that it holds.
    pub fn put_in_place(
        self,
        config: &Config,
        recorder: &mut Recorder,
        stamp: impl Fn() -> Stamp,
        typed: Option<&str>,
    ) -> Result<Digest, PolicyVerbError> {
        let Self { replacement, old } = self;
        let numbers = (replacement.replayed(), replacement.changes().len(), replacement.breaking());
        let confirmed = replacement.confirm(typed)?;
        let digest = Digest::of(confirmed.text().as_bytes());
        recorder.about_the_log(stamp(), vec![taken(PolicyState::Announced, digest, Some(old), &numbers)])?;
        file::write_durably(&path(config), confirmed.text().as_bytes())?;
        recorder.about_the_log(stamp(), vec![taken(PolicyState::InForce, digest, Some(old), &numbers)])?;
        Ok(digest)
    }
}

fn taken(
    state: PolicyState,
    policy: Digest,
    replaces: Option<Digest>,
    (replayed, changed, breaking): &(usize, usize, usize),
) -> Body {
    let count = |n: &usize| u32::try_from(*n).unwrap_or(u32::MAX);
    let (replayed, changed, breaking) = (count(replayed), count(changed), count(breaking));
    Body::PolicyTaken(PolicyTaken { state, policy, replaces, replayed, changed, breaking })
}

/// The last decisions of the log, oldest first, as far back as its entries are still here.
fn last_decisions(recorder: &Recorder, tags: &BTreeSet<Tag>) -> Result<Vec<DecisionRecord>, PolicyVerbError> {
    let mut decisions: Vec<DecisionRecord> = Vec::new();
    let mut until = recorder.size();
    while until > 0 && decisions.len() < REPLAYED_MAX {
        let from = until.saturating_sub(contract::socket::PACKAGE_MAX_ENTRIES as u64);
        let package = match recorder.package(from) {
            Ok(Some(package)) => package,
            Ok(None) | Err(PackageError::Pruned { .. }) => break,
            Err(e) => return Err(e.into()),
        };
        let here = usize::try_from(until - from).unwrap_or(usize::MAX);
        let records = package.entries.iter().take(here).filter_map(|e| Record::parse(e.as_bytes()).ok());
        let mut earlier: Vec<DecisionRecord> =
            records.flat_map(|record| decisions_of(&record, tags)).collect();
        earlier.append(&mut decisions);
        decisions = earlier;
        until = from;
    }
    let surplus = decisions.len().saturating_sub(REPLAYED_MAX);
    Ok(decisions.split_off(surplus))
}

fn decisions_of(record: &Record, tags: &BTreeSet<Tag>) -> Vec<DecisionRecord> {
    match &record.body {
        Body::Accepted(accepted) => {
            let actor = guard::actor(&accepted.authority, &accepted.provenance);
            let replay =
                |actor| guard::replayed(&accepted.policy, &accepted.runbook, &actor, tags, &RealLinks);
            actor.map(replay).unwrap_or_default()
        }
        Body::Refused(_, refused) => match (&refused.policy, &refused.runbook) {
            // Who asked is not in a refusal; what was refused to one would be refused to the hub.
            (Some(decided), Some(runbook)) => {
                guard::replayed(decided, runbook, &policy::Actor::Hub, tags, &RealLinks)
            }
            (None, _) | (_, None) => Vec::new(),
        },
        _ => Vec::new(),
    }
}
