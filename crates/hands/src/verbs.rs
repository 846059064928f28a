//! One room for each verb. Both tables name every verb: a new one does not compile until it has hands, and an inverse or the reason why not.

mod backup;
mod cert;
mod command;
mod file_restore;
mod firewall;
mod generation;
mod journal;
mod process_limit;
mod prune;
mod restore_test;
mod sysctl;
mod time_sync;
mod units;
mod user_lock;

use contract::record::Before;
use contract::resource::Resource;
use contract::runbook::{Action, Verb};

use crate::{Armed, HandError, Place};
use units::Deed;

pub use generation::running_generation;

/// Opens what the action touches, keeps what undoing it needs, and says how things stood.
pub fn arm(action: &Action, place: &Place<'_>) -> Result<Armed, HandError> {
    match action {
        Action::UnitRestart(unit) => units::arm(Deed::Restart, unit, place),
        Action::UnitStart(unit) => units::arm(Deed::Start, unit, place),
        Action::UnitStop(unit) => units::arm(Deed::Stop, unit, place),
        Action::UnitResetFailed(unit) => units::arm(Deed::ResetFailed, unit, place),
        Action::UnitEnable(unit) => units::arm(Deed::Enable, unit, place),
        Action::FileRestore(restore) => file_restore::arm(restore, place),
        Action::SysctlRestore { key, value } => sysctl::arm(key, *value),
        Action::FilesPrune(prune) => prune::arm(prune, place),
        Action::JournalVacuum { keep_mb } => journal::arm(*keep_mb),
        Action::CertRenew(renew) => cert::arm(renew, place),
        Action::TimeSync => time_sync::arm(place),
        Action::UserLock(rule) => user_lock::arm(*rule, place),
        Action::FirewallRestore { ruleset } => firewall::arm(ruleset, place),
        Action::ProcessLimit(limit) => process_limit::arm(limit, place),
        Action::GenerationSwitch => generation::switch(place),
        Action::StoreGc { keep_generations } => generation::collect(*keep_generations, place),
        Action::BackupRun(unit) => backup::arm(unit, place),
        Action::RestoreTest(test) => restore_test::arm(test, place),
        Action::CommandRun(command) => command::arm(command, place),
        Action::Check(_) | Action::Wait { .. } => {
            Err(HandError::NothingToDo("the executor does this itself"))
        }
    }
}

/// Puts back what the intent noted. What has no inverse is as it was left: that is no error, and the runbook said so.
pub fn undo(verb: Verb, target: &Resource, before: &Before, place: &Place<'_>) -> Result<(), HandError> {
    match verb {
        Verb::UnitRestart | Verb::UnitStart | Verb::UnitStop | Verb::UnitEnable => {
            units::undo(verb, target, before, place)
        }
        Verb::FileRestore => file_restore::undo(target, before, place),
        Verb::SysctlRestore => sysctl::undo(before),
        Verb::CertRenew => cert::undo(before, place),
        Verb::UserLock => user_lock::undo(before, place),
        Verb::FirewallRestore => firewall::undo(before, place),
        Verb::ProcessLimit => process_limit::undo(before, place),
        Verb::GenerationSwitch => generation::undo(before, place),
        Verb::UnitResetFailed
        | Verb::FilesPrune
        | Verb::JournalVacuum
        | Verb::TimeSync
        | Verb::StoreGc
        | Verb::BackupRun
        | Verb::RestoreTest
        | Verb::CommandRun
        | Verb::Check
        | Verb::Wait => Ok(()),
    }
}
