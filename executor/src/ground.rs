//! On what ground a step may be armed: the executor itself saw the control fail just now; or it did so before an interruption, and the step that was
//! under way then has no end in the log. Pure: from what the log says.
//!
//! Steps act one after the other. So the intent of the next one says that a step ended well, and the move to `verifying` says it of the last one. Where
//! the log holds neither, nobody knows whether the step acted, and whether what it looks at afterwards was as it should be: the check that passes by
//! now need not be about either. Such a step is done once more, to its end, or it is undone.

use contract::record::Intent;
use contract::runbook::{Action, Verb};

use crate::ledger::Unfinished;
use crate::measure::FailingCheck;

/// Why a step may be armed.
#[derive(Debug)]
pub enum Ground {
    /// The control fails: any step.
    Failing(FailingCheck),
    /// Steps that were begun on a failing check are brought to their end.
    Unended(Unended),
}

/// Proof that every step of an interrupted run had begun, from which on their end is not known, and that doing those twice is doing them once. Its only
/// constructor is [`Unended::of`].
#[derive(Debug)]
pub struct Unended {
    from: u32,
}

impl Ground {
    /// The first step that is to be done.
    pub const fn from(&self) -> u32 {
        match self {
            Self::Failing(_) => 0,
            Self::Unended(unended) => unended.from,
        }
    }

    /// Whether this step may be armed on it.
    pub const fn bears(&self, step: u32) -> bool {
        step >= self.from()
    }
}

impl Unended {
    /// What of this run has no end. None where all has, where something had not even begun, and where something must not be done twice.
    pub fn of(actions: &[Action], run: &Unfinished) -> Option<Self> {
        let from = run.intents.last()?.step;
        let again = run.intents.iter().filter(|intent| intent.step >= from);
        (!run.steps_ended && all_begun(actions, run) && again.clone().all(may_be_repeated))
            .then_some(Self { from })
    }
}

/// Whether all that was begun may be done again. Whatever adds up, or disturbs each time, is not.
pub fn may_repeat(run: &Unfinished) -> bool {
    run.intents.iter().all(may_be_repeated)
}

/// Whether every step that leaves an intent had begun.
fn all_begun(actions: &[Action], run: &Unfinished) -> bool {
    let acting = actions.iter().filter(|action| !hands::needs_no_hand(action)).count();
    let steps: std::collections::BTreeSet<u32> = run.intents.iter().map(|intent| intent.step).collect();
    steps.len() == acting
}

const fn may_be_repeated(intent: &Intent) -> bool {
    is_the_same_twice(intent.verb)
}

const fn is_the_same_twice(verb: Verb) -> bool {
    match verb {
        Verb::FileRestore
        | Verb::SysctlRestore
        | Verb::UnitStart
        | Verb::UnitStop
        | Verb::UnitResetFailed
        | Verb::UnitEnable
        | Verb::FilesPrune
        | Verb::JournalVacuum
        | Verb::TimeSync
        | Verb::UserLock
        | Verb::FirewallRestore
        | Verb::StoreGc
        | Verb::RestoreTest
        | Verb::Check
        | Verb::Wait => true,
        Verb::UnitRestart
        | Verb::CertRenew
        | Verb::ProcessLimit
        | Verb::GenerationSwitch
        | Verb::BackupRun
        | Verb::CommandRun => false,
    }
}

#[cfg(test)]
mod tests {
    use contract::record::{Before, Body, Moved, RunState};
    use contract::resource::Resource;

    use super::*;
    use crate::ledger::Ledger;
    use crate::ledger::tests::{accepted, record};

    #[test]
    fn what_adds_up_or_disturbs_each_time_is_never_repeated() {
        let not_twice: Vec<&str> =
            Verb::ALL.iter().filter(|verb| !is_the_same_twice(**verb)).map(|verb| verb.word()).collect();
        let expected =
            ["unit.restart", "cert.renew", "process.limit", "generation.switch", "backup.run", "command.run"];
        assert_eq!(not_twice, expected);
    }

    /// One thing that the log says of a run.
    #[derive(Clone, Copy)]
    enum Said {
        Intent(u32, Verb),
        Moved(RunState),
    }
    use Said::{Intent as Begins, Moved as Goes};

    /// A run of three steps, of which the second is a look: whether its steps ended, and from where on it may be brought to its end.
    fn after(said: &[Said]) -> (bool, Option<u32>) {
        let mut ledger = Ledger::default();
        let Body::Accepted(run) = accepted(1) else { panic!("no acceptance") };
        let order = run.order.clone();
        ledger.apply(&record(0, 0, Body::Accepted(run)), None);
        for (said, seq) in said.iter().zip(1..) {
            let order = order.clone();
            let body = match *said {
                Begins(step, verb) => {
                    let target = Resource::Clock;
                    Body::Intent(Intent { order, step, verb, target, before: Before::Nothing })
                }
                Goes(to) => Body::Moved(Moved { order, to }),
            };
            ledger.apply(&record(seq, 0, body), None);
        }
        let actions = [Action::TimeSync, Action::Check("time.sync".parse().unwrap()), Action::TimeSync];
        let run = ledger.unfinished_run(&order).unwrap();
        (run.steps_ended, Unended::of(&actions, run).map(|unended| unended.from))
    }

    #[test]
    fn only_the_next_step_or_the_verification_says_that_a_step_ended() {
        let (first, last) = (Begins(0, Verb::TimeSync), Begins(2, Verb::TimeSync));
        assert_eq!(after(&[]), (false, None));
        assert_eq!(after(&[first]), (false, None), "the last step had not begun");
        assert_eq!(after(&[first, last]), (false, Some(2)));
        assert_eq!(after(&[first, last, Goes(RunState::Paused), Goes(RunState::GoingOn)]), (false, Some(2)));
        assert_eq!(after(&[first, last, Goes(RunState::Verifying)]), (true, None));
        assert_eq!(after(&[first, last, Goes(RunState::Verifying), Goes(RunState::Stuck)]), (true, None));
        // Begun anew after it had ended once: again nobody knows.
        assert_eq!(after(&[first, last, Goes(RunState::Verifying), first]), (false, Some(0)));
        assert_eq!(after(&[first, last, Goes(RunState::Reverting)]), (false, Some(2)));
    }

    #[test]
    fn what_must_not_be_done_twice_is_not_brought_to_its_end_but_what_ended_before_it_does_not_matter() {
        let run = |first, last| after(&[Begins(0, first), Begins(2, last)]).1;
        assert_eq!(run(Verb::TimeSync, Verb::UnitRestart), None);
        assert_eq!(run(Verb::UnitRestart, Verb::TimeSync), Some(2));
        assert_eq!(
            after(&[Begins(0, Verb::UnitRestart), Begins(2, Verb::TimeSync), Begins(0, Verb::TimeSync)]).1,
            None
        );
    }
}
