//! What an action would do to which thing: the questions that the policy is asked. Each verb's are named here, so that none is forgotten.

use std::collections::BTreeSet;

use contract::decision::Provenance;
use contract::ids::RunbookId;
use contract::policy::{Asked, Operation as Op};
use contract::record::Authority;
use contract::resource::{AbsolutePath, Resource};
use contract::runbook::{Action, FileRestore, FileTarget};
use policy::{Actor, Links, Measures, Operation, Request, Tag};

use super::policy::own_directory_mode;

/// The journal's store.
const JOURNAL: &str = "/var/log/journal";
/// Where passwords lie.
const SHADOW: &str = "/etc/shadow";
/// The Nix store.
const STORE: &str = "/nix/store";
const HOUR_MS: u64 = 60 * 60 * 1000;

/// All accesses of one action. Looking and waiting ask for none.
pub(super) fn of(action: &Action) -> Vec<Asked> {
    let verb = action.verb();
    let one = |operation, resource| Asked { verb, operation, resource, age_ms: None, count: None };
    let path = |operation, path: &AbsolutePath| one(operation, Resource::Path(path.clone()));
    let fixed = |operation, text: &str| text.parse().map(|p| one(operation, Resource::Path(p))).into_iter();
    match action {
        Action::UnitRestart(unit)
        | Action::UnitStart(unit)
        | Action::UnitStop(unit)
        | Action::UnitResetFailed(unit)
        | Action::UnitEnable(unit)
        | Action::BackupRun(unit) => vec![one(Op::Control, Resource::Unit(unit.clone()))],
        Action::FileRestore(restore) => file(restore).into_iter().map(|(op, at)| one(op, at)).collect(),
        Action::SysctlRestore { key, .. } => vec![one(Op::Write, Resource::SysctlKey(key.clone()))],
        Action::FilesPrune(prune) => vec![Asked {
            age_ms: Some(u64::from(prune.older_than_h) * HOUR_MS),
            count: Some(u64::from(prune.count_max)),
            ..path(Op::Delete, &prune.directory)
        }],
        Action::JournalVacuum { .. } => fixed(Op::Delete, JOURNAL).collect(),
        Action::CertRenew(renew) => {
            let units = std::iter::once(&renew.unit).chain(&renew.reload);
            let units = units.map(|unit| one(Op::Control, Resource::Unit(unit.clone())));
            units.chain([path(Op::Write, &renew.certificate), path(Op::Write, &renew.key)]).collect()
        }
        Action::TimeSync => vec![one(Op::Control, Resource::Clock)],
        Action::UserLock(_) => fixed(Op::Write, SHADOW).collect(),
        Action::FirewallRestore { ruleset } => {
            vec![one(Op::Control, Resource::Firewall), path(Op::Read, ruleset)]
        }
        Action::ProcessLimit(limit) => {
            limit.units.iter().map(|unit| one(Op::Control, Resource::Unit(unit.clone()))).collect()
        }
        Action::GenerationSwitch => vec![one(Op::Control, Resource::Generation)],
        Action::StoreGc { .. } => fixed(Op::Delete, STORE).collect(),
        Action::RestoreTest(test) => vec![path(Op::Read, &test.environment), path(Op::Write, &test.stamp)],
        Action::CommandRun(command) => {
            let writes = command.writes.iter().map(|written| path(Op::Write, written));
            std::iter::once(path(Op::Exec, &command.program)).chain(writes).collect()
        }
        Action::Check(_) | Action::Wait { .. } => Vec::new(),
    }
}

fn file(restore: &FileRestore) -> Vec<(Op, Resource)> {
    let FileRestore { target, content, mode, owner, group, validate: _ } = restore;
    let owned = owner.is_some() || group.is_some();
    match target {
        FileTarget::Own(own) => {
            let private = mode.is_some_and(|mode| mode.bits() == own_directory_mode(*own));
            let tightens = private && content.is_none() && !owned;
            vec![(if tightens { Op::TightenOwn } else { Op::Chmod }, Resource::OwnDirectory(*own))]
        }
        FileTarget::Path(path) => {
            let at = || Resource::Path(path.clone());
            let written = content.as_ref().map(|_| (Op::Write, at()));
            let changed = (mode.is_some() || owned).then(|| (Op::Chmod, at()));
            written.into_iter().chain(changed).collect()
        }
    }
}

/// The question as the policy's engine takes it. None where a name is longer than the engine takes: then nothing is asked, and nothing allowed.
pub fn request(
    asked: &Asked,
    runbook: &RunbookId,
    actor: &Actor,
    tags: &BTreeSet<Tag>,
    links: &dyn Links,
) -> Option<Request> {
    let operation = match asked.operation {
        Op::Read => Operation::Read,
        Op::Write => Operation::Write,
        Op::Delete => Operation::Delete,
        Op::Chmod => Operation::Chmod,
        Op::Exec => Operation::Exec,
        Op::Control => Operation::Control,
        Op::TightenOwn => Operation::TightenOwn,
    };
    let resource = match &asked.resource {
        Resource::OwnDirectory(own) => policy::Resource::Own(*own),
        Resource::Path(path) if operation == Operation::Exec => {
            policy::Resource::program(path.as_str(), links)
        }
        Resource::Path(path) => policy::Resource::path(path.as_str(), None, operation, links),
        Resource::Unit(unit) => policy::Resource::Unit(unit.as_str().parse().ok()?),
        Resource::SysctlKey(key) => policy::Resource::Sysctl(key.as_str().parse().ok()?),
        Resource::Accounts(_) => policy::Resource::path(SHADOW, None, operation, links),
        Resource::Journal => policy::Resource::path(JOURNAL, None, operation, links),
        Resource::Store => policy::Resource::path(STORE, None, operation, links),
        Resource::Firewall
        | Resource::Clock
        | Resource::Generation
        | Resource::Processes
        | Resource::Control(_)
        | Resource::Nothing => policy::Resource::Machine,
    };
    Some(Request {
        verb: asked.verb.word().parse().ok()?,
        operation,
        resource,
        runbook: runbook.clone(),
        actor: actor.clone(),
        tags: tags.clone(),
        measures: Measures { size_bytes: None, age_ms: asked.age_ms, count: asked.count },
    })
}

/// On whose word a run stands, as the policy knows actors.
pub fn actor(authority: &Authority, provenance: &Provenance) -> Option<Actor> {
    match (authority, provenance) {
        (Authority::StandingOrder(_), _) => Some(Actor::Standing),
        (Authority::Hub, Provenance::Rules { .. } | Provenance::Model(_)) => Some(Actor::Hub),
        (Authority::Hub, Provenance::Person(operator)) => operator.as_str().parse().ok().map(Actor::Person),
    }
}
