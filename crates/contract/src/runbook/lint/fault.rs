//! The faults, one by one, each with the words that a runbook's author reads.

use thiserror::Error;

use crate::ids::{ParameterName, RunbookId};
use crate::runbook::Verb;

/// How a runbook contradicts itself, or promises what it does not prove.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RunbookFault {
    /// File name and id differ.
    #[error("its id is {0}, which is not the file's name")]
    NameDiffers(RunbookId),
    /// The id has another form than all others.
    #[error("its id is {0}, and must be RB-<AREA>-<NNN>-<slug>, such as RB-DISK-001-space")]
    NameShape(RunbookId),
    /// Two files, one id.
    #[error("another file has the same id {0}")]
    Twice(RunbookId),
    /// The title is none.
    #[error("its title must be one line of at most 80 characters")]
    Title,
    /// Nothing triggers it, or it does nothing, or it cites nothing.
    #[error("its list of {0} is empty")]
    EmptyList(&'static str),
    /// A slip of the pen.
    #[error("its list of {0} names something twice")]
    Repeated(&'static str),
    /// A citation that no paragraph could have.
    #[error("{0:?} is not a citation: it must be written like 164.312(a)(2)(iii)")]
    BadCitation(String),
    /// A step uses a verb that the runbook does not ask for.
    #[error("a step uses {0}, which is not among its permissions")]
    VerbNotAsked(Verb),
    /// A permission that no step needs.
    #[error("it asks for {0}, which no step uses")]
    VerbNotUsed(Verb),
    /// A step names a parameter that is not declared.
    #[error("a step uses ${0}, which is not declared")]
    Undeclared(ParameterName),
    /// A parameter that no step uses.
    #[error("it declares {0}, which no step uses")]
    Unused(ParameterName),
    /// A step uses a parameter of the wrong type.
    #[error("a step cannot use ${0}: wrong type")]
    WrongType(ParameterName),
    /// A parameter's set or range holds nothing, something twice, or something that is not of its type.
    #[error("the parameter {0} admits nothing, names something twice, or names what is not of its type")]
    BadSet(ParameterName),
    /// What a parameter is bound from never yields its type.
    #[error("the parameter {0} can never be bound: its type does not come from there")]
    NeverBound(ParameterName),
    /// It does not say what proves the repair.
    #[error("it has no verification: say `verification: {{ check: failed_control }}`")]
    NoVerification,
    /// It does not say what happens to a repair that did not hold.
    #[error("it has no rollback: say `rollback: inverse`, or `escalate` where nothing can be undone")]
    NoRollback,
    /// Somebody would notice it, and nothing undoes it.
    #[error("it is disruptive and nothing undoes it: {0} has no inverse, or the rollback is not `inverse`")]
    DisruptiveWithoutRollback(Verb),
    /// Somebody would notice it, and it says that nobody does.
    #[error("{0} is always noticed: say `disruptive: true`")]
    DisruptionUnsaid(Verb),
    /// It may lock people out, and nothing lets them in again.
    #[error("step {step} ({verb}) touches how people get in: the rollback must be `inverse`")]
    AccessWithoutInverse {
        /// Which, from 1.
        step: usize,
        /// Its verb.
        verb: Verb,
    },
    /// Undoing it would leave no packet filter, where one was in force.
    #[error(
        "step {step} ({verb}) empties the packet filter: put a `firewall.restore` before it, which keeps what is in force"
    )]
    FilterNotKept {
        /// Which, from 1.
        step: usize,
        /// Its verb.
        verb: Verb,
    },
    /// It claims an inverse that no step has.
    #[error("its rollback is `inverse`, and no step has one")]
    NothingToInvert,
    /// A number is outside what makes sense.
    #[error("{field} is {value}, which is outside {min} to {max}")]
    OutOfRange {
        /// Which field.
        field: &'static str,
        /// Its value.
        value: u64,
        /// The least allowed.
        min: u64,
        /// The most allowed.
        max: u64,
    },
    /// A step asks for what no step may.
    #[error("step {step} ({verb}): {fault}")]
    Step {
        /// Which, from 1.
        step: usize,
        /// Its verb.
        verb: Verb,
        /// What is wrong.
        fault: BoundsFault,
    },
    /// A runbook waits for itself.
    #[error("it waits for itself")]
    AfterItself,
}

/// What one step may not ask for, whatever a site's policy says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BoundsFault {
    /// Neither content nor mode nor owner.
    #[error("it restores nothing: give content, mode, owner or group")]
    RestoresNothing,
    /// Too much to be read by whoever approves it.
    #[error("its content is longer than 8 KiB")]
    ContentTooLong,
    /// A file that is made without a mode gets whichever the moment gives it.
    #[error("content needs a mode")]
    ContentWithoutMode,
    /// Terminal codes, a torn last line.
    #[error("its content must be plain lines, the last one ended")]
    ContentNotPlain,
    /// No order brings a path for content.
    #[error("content needs a path that is written out, not a parameter")]
    ContentAnywhere,
    /// A file that locks people out when it is wrong.
    #[error("content at this path must be validated first: say `validate`")]
    NotValidated,
    /// The validator reads other files.
    #[error("this validator does not judge files at this path")]
    WrongValidator,
    /// There is nothing to judge.
    #[error("it validates, and brings no content to validate")]
    NothingToValidate,
    /// Files would be removed by any name.
    #[error("its list of suffixes is empty, or names one twice")]
    Suffixes,
    /// Files that are in use.
    #[error("older_than_h must be at least 1")]
    TooYoung,
    /// Without an end, or doing nothing.
    #[error("count_max must be 1 to 100000")]
    CountMax,
    /// Too far from what is written down.
    #[error("depth_max must be at most 4")]
    DepthMax,
    /// Programs, settings, what people made: nothing there is anybody's to clean up by age.
    #[error("nothing may be pruned there: name a directory of logs, caches or temporary files")]
    PrunesThere,
    /// The journal would be empty.
    #[error("keep_mb must be at least 64")]
    KeepMb,
    /// A certificate that ends today is none.
    #[error("days_min must be 1 to 398")]
    DaysMin,
    /// One file for both.
    #[error("certificate and key are the same file")]
    SameFile,
    /// Nothing to choose from.
    #[error("its list of units is empty, or names one twice")]
    Units,
    /// It would raise a share, or end it.
    #[error("cpu_weight must be 1 to 100")]
    CpuWeight,
    /// It would raise a priority.
    #[error("nice must be 0 to 19")]
    Nice,
    /// Every idle unit would be slowed.
    #[error("busy_percent_min must be 10 to 100")]
    BusyPercentMin,
    /// The way back would be gone.
    #[error("keep_generations must be at least 1")]
    KeepGenerations,
    /// Nothing would be compared.
    #[error("its list of what to restore is empty, or names something twice")]
    Include,
    /// A database outside what is restored is not there to be opened.
    #[error("a database is not below anything that is restored")]
    DatabaseElsewhere,
    /// Nothing, or more than a scratch place holds.
    #[error("size_mb_max must be 1 to 1048576")]
    SizeMbMax,
    /// A snapshot of any age proves nothing.
    #[error("snapshot_days_max must be 1 to 31")]
    SnapshotDaysMax,
    /// Without an end.
    #[error("time_limit_ms must be 1 ms to 1 h")]
    CommandTime,
    /// The network is for one profile alone.
    #[error("`reaches` goes with the profile standard-net, and only with it")]
    Reaches,
    /// Nothing, or too long.
    #[error("it must wait 1 ms to 10 min")]
    Wait,
}
