//! One connection's questions and answers.

use std::error::Error;
use std::os::unix::net::UnixStream;

use contract::frame::{self, FrameError};
use contract::record::{Body, Gap, GapReason, Lost};
use contract::socket::{Answer, EntryPackage, PROTOCOL, Question};
use edge::file::FileError;
use evidence::{AppendError, PackageError};

use super::Served;
use crate::restore::{Fork, Lacking, Progress, PutBackError};
use crate::run::{FindingsError, Runner};
use crate::start::{Stage, StartError};

/// Why the process ends over a question.
pub(super) enum End {
    /// The log cannot be written.
    Append(AppendError),
    /// The log was put back, and does not open.
    Start(StartError),
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

pub(super) fn converse(stream: &mut &UnixStream, served: &Served) -> Result<(), FrameError> {
    match frame::read(stream)? {
        Question::Hello { protocol: PROTOCOL, software: _ } => {
            let (size, lacks) = match &mut *served.lock() {
                Stage::Ready(runner) => (runner.machine().recorder.size(), false),
                Stage::Lacking(lacking) => (lacking.size(), true),
                Stage::Changing => return Ok(()),
            };
            let software = env!("CARGO_PKG_VERSION").to_owned();
            let host = served.ground.config.host.clone();
            frame::write(stream, &Answer::Welcome { protocol: PROTOCOL, software, host, size, lacks })?;
        }
        Question::Hello { protocol, .. } => {
            let why = format!(
                "this executor speaks protocol {PROTOCOL}, not {protocol}: update the older of the two"
            );
            return frame::write(stream, &Answer::Sorry { why });
        }
        Question::Findings { .. }
        | Question::Order { .. }
        | Question::Entries { .. }
        | Question::Receipt { .. }
        | Question::Restore(_)
        | Question::Gap { .. } => {
            return frame::write(stream, &Answer::Sorry { why: "say hello first".to_owned() });
        }
    }
    loop {
        let question = frame::read(stream)?;
        // The lock is not held while the agent is written to: one that does not read holds up nobody but itself.
        let answered = answer(question, &mut served.lock(), served);
        match answered {
            Ok(answer) => frame::write(stream, &answer)?,
            Err(end) => {
                let words = words(&end);
                let _ = frame::write(stream, &Answer::Sorry { why: words.chars().take(300).collect() });
                end_over(&end, served);
            }
        }
    }
}

fn answer(question: Question, stage: &mut Stage, served: &Served) -> Result<Answer, End> {
    match (question, &mut *stage) {
        (Question::Hello { .. }, _) => Ok(Answer::Sorry { why: "hello was said already".to_owned() }),
        (Question::Restore(package), _) => restore(package, stage, served),
        (_, Stage::Lacking(lacking)) => Ok(Answer::Restoring { from: lacking.wanted() }),
        (question, Stage::Ready(runner)) => {
            let before = runner.machine().recorder.size();
            let answered = ready(question, runner, served);
            if runner.machine().recorder.size() > before {
                served.written.now();
            }
            answered
        }
        (_, Stage::Changing) => Ok(Answer::Sorry { why: "the executor is stopping".to_owned() }),
    }
}

fn ready(question: Question, runner: &mut Runner, served: &Served) -> Result<Answer, End> {
    match question {
        Question::Findings { trigger, findings } => match runner.findings(trigger, findings) {
            Ok(size) => Ok(Answer::Recorded { size }),
            Err(FindingsError::Append(e)) => Err(e.into()),
            Err(e) => Ok(Answer::Sorry { why: e.to_string() }),
        },
        Question::Order { envelope } => Ok(Answer::Order(runner.order(&envelope.0)?)),
        Question::Entries { from } => match runner.machine().recorder.package(from) {
            Ok(Some(package)) => Ok(Answer::Entries(package)),
            Ok(None) => Ok(Answer::Sorry { why: format!("there is no entry {from} yet") }),
            // Whoever asks for what the hub has a receipt for is not right, and the log is.
            Err(PackageError::Pruned { first, .. }) => Ok(Answer::Pruned { first }),
            Err(e @ (PackageError::File(_) | PackageError::Bundle { .. })) => Err(FileError::from(e).into()),
        },
        Question::Receipt { note } => {
            let kept = served.ground.receipts.keep(&note, runner.machine().recorder.size());
            Ok(kept.map_or_else(|e| Answer::Sorry { why: e.to_string() }, |()| Answer::Kept))
        }
        Question::Gap { from, until, lost } => {
            let gap = Gap { reason: GapReason::OutboxFull, from, until, lost: Lost::Count(lost) };
            let machine = runner.machine();
            let written = machine.recorder.about_the_log(machine.stamp(), vec![Body::Gap(gap)])?;
            Ok(Answer::Recorded { size: written.size() })
        }
        // Answered before.
        Question::Hello { .. } | Question::Restore(_) => {
            Ok(Answer::Sorry { why: "that was answered already".to_owned() })
        }
    }
}

/// Takes entries that the log lacks. A head of it that is longer than the log, with both signatures, is what makes it lacking.
fn restore(package: EntryPackage, stage: &mut Stage, served: &Served) -> Result<Answer, End> {
    let receipts = &served.ground.receipts;
    let sorry = |e: &dyn Error| Ok(Answer::Sorry { why: chain(e) });
    if let Stage::Ready(runner) = stage {
        let size = runner.machine().recorder.size();
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
        if let Stage::Ready(runner) = std::mem::replace(stage, Stage::Changing) {
            *stage = Stage::Lacking(Box::new(Lacking::new(runner.into_recorder(), None)));
        }
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
            Answer::Recorded { size: runner.machine().recorder.size() }
        }
        Stage::Lacking(lacking) => Answer::Restoring { from: lacking.wanted() },
        Stage::Changing => Answer::Sorry { why: "the executor is stopping".to_owned() },
    })
}

fn words(end: &End) -> String {
    match end {
        End::Append(e) => chain(e),
        End::Start(e) => chain(e),
        End::Fork(e) => format!(
            "fork: this log and the one that the hub holds have parted, and can never be one again: do not delete anything, tell the hub's \
             operator, and open a successor log (`suture-executor init --succeeds … --reason forked`): {}",
            chain(e)
        ),
    }
}

fn chain(e: &dyn Error) -> String {
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
    let full = match end {
        End::Append(e) => e.is_disk_full(),
        End::Start(_) | End::Fork(_) => false,
    };
    let advice = if full {
        let directory = served.ground.config.directory.display();
        format!("; the disk is full: free space for {directory} and start it again")
    } else {
        String::new()
    };
    edge::trace::complain(&format!("suture-executor: {}{advice}", words(end)));
    std::process::exit(crate::EXIT_EVIDENCE);
}

/// Ends over a log that cannot be written.
pub(super) fn stop(e: AppendError, served: &Served) -> ! {
    end_over(&End::Append(e), served)
}
