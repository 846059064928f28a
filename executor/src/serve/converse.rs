//! One connection's questions and answers.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use contract::frame::FrameError;
use contract::probe;
use contract::record::{Body, Gap, GapReason, Intrusion, Lost, Signalled};
use contract::socket::{Answer, CHANGE_WITHIN_MS, EntryPackage, PROTOCOL, Question};
use edge::file::FileError;
use evidence::{AppendError, PackageError};

use super::Served;
use super::line::Line;
use super::places::Place;
use crate::config::ConfigError;
use crate::machine::GivenUp;
use crate::recorder::Recorder;
use crate::restore::{Fork, Lacking, Progress, PutBackError};
use crate::run::{FindingsError, GrantError, OrderError, PaperError, Reply, Runner, SignalsError};
use crate::start::{Stage, StartError};

/// Why the process ends over a question.
pub(super) enum End {
    /// The log cannot be written.
    Append(AppendError),
    /// The log was put back, and does not open.
    Start(StartError),
    /// What was kept a moment ago cannot be read any more.
    Config(ConfigError),
    /// The log and its mirror hold different histories.
    Fork(Fork),
}

impl From<AppendError> for End {
    fn from(e: AppendError) -> Self {
        Self::Append(e)
    }
}

impl From<FileError> for End {
    fn from(e: FileError) -> Self {
        Self::Append(AppendError::File(e))
    }
}

pub(super) fn converse(place: &Place, served: &Served) -> Result<(), FrameError> {
    let mut line = Line::new(place);
    match line.first_question()? {
        Question::Hello { protocol: PROTOCOL, software: _ } => {
            let (size, lacks) = match &mut *served.lock() {
                Stage::Ready(runner) => match runner.machine().with_log(|recorder| recorder.size()) {
                    Ok(size) => (size, false),
                    Err(GivenUp) => return Ok(()),
                },
                Stage::Lacking(lacking) => (lacking.size(), true),
                Stage::Changing => return Ok(()),
            };
            let software = env!("CARGO_PKG_VERSION").to_owned();
            let host = served.ground.config.host.clone();
            line.say(&Answer::Welcome { protocol: PROTOCOL, software, host, size, lacks })?;
        }
        Question::Hello { protocol, .. } => {
            let why = format!(
                "this executor speaks protocol {PROTOCOL}, not {protocol}: update the older of the two"
            );
            return line.say(&Answer::Sorry { why });
        }
        Question::Findings { .. }
        | Question::Signals { .. }
        | Question::Condition
        | Question::Probe { .. }
        | Question::AwaitChange
        | Question::Order { .. }
        | Question::Decide { .. }
        | Question::StandingOrder { .. }
        | Question::BreakGlass { .. }
        | Question::Paper { .. }
        | Question::Entries { .. }
        | Question::Receipt { .. }
        | Question::Restore(_)
        | Question::Gap { .. }
        | Question::LinesLost { .. } => {
            return line.say(&Answer::Sorry { why: "say hello first".to_owned() });
        }
    }
    loop {
        let question = line.question()?;
        match answer(question, served) {
            Ok(answer) => {
                line.say(&answer)?;
                served.tell_intrusions();
            }
            Err(end) => {
                let words = words(&end);
                let _ = line.say(&Answer::Sorry { why: words.chars().take(300).collect() });
                end_over(&end, served);
            }
        }
    }
}

fn answer(question: Question, served: &Served) -> Result<Answer, End> {
    let runner = match (&question, &mut *served.lock()) {
        (Question::Hello { .. }, _) => return Ok(sorry("hello was said already")),
        (Question::Restore(_), _) => None,
        (_, Stage::Lacking(lacking)) => return Ok(Answer::Restoring { from: lacking.wanted() }),
        // The stage is let go: a long run holds up no other question.
        (_, Stage::Ready(runner)) => Some(Arc::clone(runner)),
        (_, Stage::Changing) => return Ok(sorry("the executor is stopping")),
    };
    match (question, runner) {
        (Question::Restore(package), _) => restore(package, &mut served.lock(), served),
        (question, Some(runner)) => match ready(question, &runner, served) {
            Err(Unready::GivenUp(GivenUp)) => Ok(sorry("the log is being put back: ask again")),
            Err(Unready::End(end)) => Err(end),
            Ok(answer) => Ok(answer),
        },
        (_, None) => Ok(sorry("the executor is stopping")),
    }
}

/// Why a question has no answer of its own.
enum Unready {
    End(End),
    GivenUp(GivenUp),
}

impl<T: Into<End>> From<T> for Unready {
    fn from(e: T) -> Self {
        Self::End(e.into())
    }
}

impl From<GivenUp> for Unready {
    fn from(e: GivenUp) -> Self {
        Self::GivenUp(e)
    }
}

impl From<OrderError> for Unready {
    fn from(e: OrderError) -> Self {
        match e {
            OrderError::Append(e) => Self::End(e.into()),
            OrderError::GivenUp(e) => Self::GivenUp(e),
        }
    }
}

fn sorry(why: &str) -> Answer {
    Answer::Sorry { why: why.to_owned() }
}

fn ready(question: Question, runner: &Arc<Runner>, served: &Served) -> Result<Answer, Unready> {
    let machine = runner.machine();
    let log = |work: &mut dyn FnMut(&mut Recorder)| machine.with_log(work).map_err(Unready::GivenUp);
    let answer = match question {
        Question::Findings { trigger, findings } => match runner.findings(trigger, findings) {
            Ok(size) => Answer::Recorded { size },
            // Nothing was written, and the log goes on.
            Err(FindingsError::Append(AppendError::Record(e))) => sorry(&chain(&e)),
            Err(FindingsError::Append(e)) => return Err(e.into()),
            Err(e) => sorry(&e.to_string()),
        },
        Question::Signals { signals } => signalled(signals, runner, served)?,
        Question::Condition => Answer::Condition(runner.condition()?),
        Question::Probe { facts } => match facts.iter().find(|fact| !probe::is_probed(fact)) {
            Some(fact) => return Ok(sorry(&format!("{fact} is not looked at for anybody"))),
            None => {
                let seen = machine.meter.probe(&facts);
                served.lookout.looked_at(&facts);
                return Ok(Answer::Probed(seen));
            }
        },
        Question::AwaitChange => {
            Answer::Changed { facts: served.lookout.changed(Duration::from_millis(CHANGE_WITHIN_MS)) }
        }
        Question::Order { envelope } => replied(runner.order(&envelope.0)?),
        Question::Decide { incident, what } => replied(runner.decide_here(&incident, &what)?),
        Question::StandingOrder { envelope, rules } => {
            granted(runner.take_standing(&served.ground.config.directory, &envelope.0, &rules))?
        }
        Question::Paper { kind, envelope } => papered(runner.take_paper(&served.ground, kind, &envelope.0))?,
        Question::BreakGlass { envelope } => granted(runner.break_glass(&envelope.0))?,
        Question::Entries { from } => {
            let mut package = None;
            log(&mut |recorder| package = Some(recorder.package(from)))?;
            match package {
                Some(Ok(Some(package))) => Answer::Entries(package),
                Some(Ok(None)) | None => sorry(&format!("there is no entry {from} yet")),
                // Whoever asks for what the hub has a receipt for is not right, and the log is.
                Some(Err(PackageError::Pruned { first, .. })) => Answer::Pruned { first },
                Some(Err(e @ (PackageError::File(_) | PackageError::Bundle { .. }))) => {
                    return Err(FileError::from(e).into());
                }
            }
        }
        Question::Receipt { note } => {
            let mut kept = None;
            log(&mut |recorder| {
                let size = recorder.size();
                kept = Some(served.ground.receipts.keep(&note, size).inspect(|receipt| {
                    recorder.heard(receipt, edge::clock::mono());
                }));
            })?;
            match kept {
                Some(Ok(_)) => Answer::Kept,
                Some(Err(e)) => sorry(&e.to_string()),
                None => sorry("the receipt was not looked at"),
            }
        }
        Question::Gap { from, until, lost } => {
            let gap = Gap { reason: GapReason::OutboxFull, from, until, lost: Lost::Count(lost) };
            Answer::Recorded { size: machine.about_the_log(vec![Body::Gap(gap)])?.size() }
        }
        Question::LinesLost { why, from, until, lost } => {
            let gap = Gap { reason: GapReason::Lines(why), from, until, lost: Lost::Count(lost) };
            Answer::Recorded { size: machine.about_the_log(vec![Body::Gap(gap)])?.size() }
        }
        // Answered before.
        Question::Hello { .. } | Question::Restore(_) => sorry("that was answered already"),
    };
    // Told whether or not something was written: the timer looks for itself.
    served.written.now();
    Ok(answer)
}

fn signalled(signals: Vec<Signalled>, runner: &Runner, served: &Served) -> Result<Answer, Unready> {
    match runner.signals(signals) {
        Ok(size) => Ok(Answer::Recorded { size }),
        // Nothing was written, and the log goes on.
        Err(SignalsError::Append(AppendError::Record(e))) => Ok(Answer::Unrecorded { why: chain(&e) }),
        Err(SignalsError::Append(e)) => Err(e.into()),
        Err(SignalsError::GivenUp(e)) => Err(e.into()),
        Err(e @ SignalsError::TooSoon) => {
            served.intruded(Intrusion::Signals, None, "the agent brought more signals than it may");
            Ok(sorry(&e.to_string()))
        }
        Err(e @ SignalsError::Number(_)) => Ok(Answer::Unrecorded { why: e.to_string() }),
    }
}

fn replied(reply: Reply) -> Answer {
    match reply {
        Reply::Answered(answer) => Answer::Order(answer),
        Reply::UnderWay(order) => Answer::UnderWay { order },
    }
}

fn papered(taken: Result<Answer, PaperError>) -> Result<Answer, Unready> {
    match taken {
        Ok(answer) => Ok(answer),
        Err(PaperError::Kept(e)) => granted(Err(e)),
        // It was written a moment ago, and the log says that it holds: the start settles what that is worth.
        Err(PaperError::Config(e)) => Err(Unready::End(End::Config(e))),
    }
}

fn granted(taken: Result<(), GrantError>) -> Result<Answer, Unready> {
    match taken {
        Ok(()) => Ok(Answer::Kept),
        Err(GrantError::Append(e)) => Err(e.into()),
        Err(GrantError::File(e)) => Err(e.into()),
        Err(GrantError::GivenUp(e)) => Err(Unready::GivenUp(e)),
        Err(e @ (GrantError::Standing(_) | GrantError::BreakGlass(_))) => Ok(sorry(&e.to_string())),
    }
}

/// Takes entries that the log lacks. A head of it that is longer than the log, with both signatures, is what makes it lacking.
fn restore(package: EntryPackage, stage: &mut Stage, served: &Served) -> Result<Answer, End> {
    let receipts = &served.ground.receipts;
    let sorry = |e: &dyn Error| Ok(Answer::Sorry { why: chain(e) });
    if let Stage::Ready(runner) = stage {
        let Ok(size) = runner.machine().with_log(|recorder| recorder.size()) else {
            return Ok(Answer::Restoring { from: 0 });
        };
        match receipts.verify(&package.checkpoint) {
            Ok(head) if head.checkpoint().size.get() > size => {
                tracing::error!(
                    "the hub holds {} entries of this log, and here are {size}",
                    head.checkpoint().size
                );
            }
            Ok(_) => {
                return Ok(Answer::Sorry { why: format!("nothing is lacking: the log has {size} entries") });
            }
            Err(e) => return sorry(&e),
        }
        // A run under way ends first: its end belongs to the log that is here.
        let Some(recorder) = runner.give_up() else {
            return Ok(Answer::Sorry {
                why: "a run is under way: bring them again when it has ended".to_owned(),
            });
        };
        *stage = Stage::Lacking(Box::new(Lacking::new(recorder, None)));
    }
    let Stage::Lacking(lacking) = stage else { return Ok(Answer::Restoring { from: 0 }) };
    match lacking.take(package, receipts) {
        Ok(Progress::More(from)) => Ok(Answer::Restoring { from }),
        Ok(Progress::Whole) => put_back(stage, served),
        Err(e) => {
            tracing::error!("{}", chain(&e));
            sorry(&e)
        }
    }
}

/// Puts back what came, and stands up.
fn put_back(stage: &mut Stage, served: &Served) -> Result<Answer, End> {
    let Stage::Lacking(lacking) = stage else { return Ok(Answer::Restoring { from: 0 }) };
    let size = lacking.size();
    served.ground.restoring().begin(size)?;
    match lacking.put_back() {
        Ok(Progress::Whole) => {}
        Ok(Progress::More(from)) => return Ok(Answer::Restoring { from }),
        Err(PutBackError::Append(e)) => return Err(e.into()),
        Err(PutBackError::Fork(e)) => return Err(End::Fork(e)),
        Err(PutBackError::Restore(e)) => {
            tracing::error!("{}", chain(&e));
            return Ok(Answer::Sorry { why: chain(&e) });
        }
    }
    // The log's lock is let go before it is taken again.
    *stage = Stage::Changing;
    let (opened, _) = served.ground.open().map_err(End::Start)?;
    *stage = opened;
    Ok(match stage {
        Stage::Ready(runner) => {
            served.written.now();
            runner.look_after();
            match runner.machine().with_log(|recorder| recorder.size()) {
                Ok(size) => Answer::Recorded { size },
                Err(GivenUp) => Answer::Sorry { why: "the executor is stopping".to_owned() },
            }
        }
        Stage::Lacking(lacking) => Answer::Restoring { from: lacking.wanted() },
        Stage::Changing => Answer::Sorry { why: "the executor is stopping".to_owned() },
    })
}

fn words(end: &End) -> String {
    match end {
        End::Append(e) => chain(e),
        End::Start(e) => chain(e),
        End::Config(e) => chain(e),
        End::Fork(e) => format!(
            "fork: this log and the one that the hub holds have parted, and can never be one again: do not delete anything, tell the hub's \
             operator, and open a successor log (`suture-executor init --succeeds … --reason forked`): {}",
            chain(e)
        ),
    }
}

pub(crate) fn chain(e: &dyn Error) -> String {
    let mut words = e.to_string();
    let mut source = e.source();
    while let Some(cause) = source {
        words = format!("{words}: {cause}");
        source = cause.source();
    }
    words
}

/// Without evidence nothing may be done: the process ends, says why, and leaves it to its supervisor and to people to start it again.
fn end_over(end: &End, served: &Served) -> ! {
    let directory = &served.ground.config.directory;
    let last = match end {
        End::Append(e) => last_words(e, directory),
        End::Start(_) | End::Config(_) | End::Fork(_) => format!("suture-executor: {}", words(end)),
    };
    edge::trace::complain(&last);
    std::process::exit(crate::EXIT_EVIDENCE);
}

/// What is said last where the log cannot be written, and what to do then.
pub(crate) fn last_words(e: &AppendError, directory: &Path) -> String {
    let advice = if e.is_disk_full() {
        format!("; the disk is full: free space for {} and start it again", directory.display())
    } else {
        String::new()
    };
    format!("suture-executor: {}{advice}", chain(e))
}

/// Ends over a log that cannot be written.
pub(super) fn stop(e: AppendError, served: &Served) -> ! {
    end_over(&End::Append(e), served)
}
