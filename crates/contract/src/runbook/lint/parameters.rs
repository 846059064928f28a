//! Parameters: declared, bound from where their type comes from, used by steps that take their type; and what a step could come to touch by them.

use super::fault::RunbookFault as Fault;
use super::repeats;
use crate::fact::Word;
use crate::ids::ParameterName;
use crate::resource::{AbsolutePath, SysctlKey, UnitName};
use crate::runbook::{
    Action, Binding, FileRestoreStep, Given, Parameter, ParameterType, Runbook, Step, Values,
};

/// Every declaration: its set, its binding, and that some step uses it.
pub(super) fn declarations(r: &Runbook, faults: &mut Vec<Fault>) {
    for (name, Parameter { kind, from }) in &r.parameters {
        if !admits_something(kind) {
            faults.push(Fault::BadSet(name.clone()));
        }
        if !comes_from(kind, *from) {
            faults.push(Fault::NeverBound(name.clone()));
        }
        if !r.steps.iter().any(|step| step.references().contains(&name)) {
            faults.push(Fault::Unused(name.clone()));
        }
    }
}

fn admits_something(kind: &ParameterType) -> bool {
    fn all<T: std::str::FromStr>(words: &[Word]) -> bool {
        !words.is_empty() && !repeats(words) && words.iter().all(|w| w.as_str().parse::<T>().is_ok())
    }
    match kind {
        ParameterType::OwnDirectory | ParameterType::FileMode { .. } => true,
        ParameterType::Path { one_of } => all::<AbsolutePath>(one_of),
        ParameterType::SysctlKey { one_of } => all::<SysctlKey>(one_of),
        ParameterType::Unit { one_of } => all::<UnitName>(one_of),
        ParameterType::Number { min, max } => min <= max,
    }
}

const fn comes_from(kind: &ParameterType, from: Binding) -> bool {
    match from {
        Binding::FactName => matches!(
            kind,
            ParameterType::OwnDirectory
                | ParameterType::Path { .. }
                | ParameterType::SysctlKey { .. }
                | ParameterType::Unit { .. }
        ),
        Binding::ExpectedNumber => matches!(kind, ParameterType::Number { .. }),
        Binding::ExpectedMode => matches!(kind, ParameterType::FileMode { .. }),
    }
}

/// Every parameter that a step names is declared, and of a type that fits there.
pub(super) fn uses(r: &Runbook, step: &Step, faults: &mut Vec<Fault>) {
    let mut expect = |name: Option<&ParameterName>, fits: fn(&ParameterType) -> bool| {
        let Some(name) = name else { return };
        match r.parameters.get(name) {
            None => faults.push(Fault::Undeclared(name.clone())),
            Some(p) if fits(&p.kind) => {}
            Some(_) => faults.push(Fault::WrongType(name.clone())),
        }
    };
    match step {
        Step::FileRestore(FileRestoreStep { target, mode, .. }) => {
            expect(target.parameter(), |t| {
                matches!(t, ParameterType::OwnDirectory | ParameterType::Path { .. })
            });
            expect(mode.as_ref().and_then(Given::parameter), |t| matches!(t, ParameterType::FileMode { .. }));
        }
        Step::SysctlRestore { key, value } => {
            expect(key.parameter(), |t| matches!(t, ParameterType::SysctlKey { .. }));
            expect(value.parameter(), |t| matches!(t, ParameterType::Number { .. }));
        }
        Step::UnitRestart(s)
        | Step::UnitStart(s)
        | Step::UnitStop(s)
        | Step::UnitResetFailed(s)
        | Step::UnitEnable(s)
        | Step::BackupRun(s) => expect(s.unit.parameter(), |t| matches!(t, ParameterType::Unit { .. })),
        Step::FilesPrune(_)
        | Step::JournalVacuum { .. }
        | Step::CertRenew(_)
        | Step::TimeSync {}
        | Step::UserLock { .. }
        | Step::FirewallRestore { .. }
        | Step::ProcessLimit(_)
        | Step::GenerationSwitch {}
        | Step::StoreGc { .. }
        | Step::RestoreTest(_)
        | Step::CommandRun(_)
        | Step::Check { .. }
        | Step::Wait { .. } => {}
    }
}

/// Whether the step, with any value that its parameters admit, is of that kind.
pub(super) fn may_be(r: &Runbook, step: &Step, is: fn(&Action) -> bool) -> bool {
    // One value of each parameter for a start; the first that the step names is what it touches, so each of its values has a turn.
    let first = |p: &Parameter| p.kind.examples().into_iter().next();
    let given: Values = r.parameters.iter().filter_map(|(n, p)| Some((n.clone(), first(p)?))).collect();
    let touches = |values: &Values| step.resolve(values).is_ok_and(|action| is(&action));
    let target = step.references().into_iter().next();
    match target.and_then(|name| Some((name, r.parameters.get(name)?))) {
        None => touches(&given),
        Some((name, parameter)) => parameter.kind.examples().into_iter().any(|value| {
            let mut values = given.clone();
            values.insert(name.clone(), value);
            touches(&values)
        }),
    }
}
