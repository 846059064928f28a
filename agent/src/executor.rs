//! The conversation with the executor: one question at a time over its Unix socket, each answered once.
//!
//! There are three lines: one for what is seen and shipped, one for what acts, one on which the executor says what has changed. It takes a moment over an
//! order before it says that it is under way, and longer until something has changed, and nothing else waits for that.
//!
//! The executor may die at any moment and come back: its supervisor sees to that. A question that was under way is asked again, so nothing that
//! was found is lost; a finding may then stand in the log twice, which is true twice.

mod error;
mod line;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use contract::heartbeat::ExecutorCondition;
use contract::ids::HostId;
use contract::socket::{Answer, Question};
use tokio::sync::{mpsc, oneshot, watch};

use crate::backoff::{Backoff, pause};
pub use error::{LineError, Unanswered, WrongExecutor};
use line::Line;

/// How long the executor may take over a question. A run that takes longer than a moment is answered as being under way.
const LIMIT: Duration = Duration::from_secs(30);
/// How often one question is asked of executors that die over it, before whoever asked is told.
const TRIES_MAX: u32 = 3;

/// Where the executor is, and how it is known.
#[derive(Debug, Clone)]
pub struct Seat {
    /// Its socket.
    pub socket: PathBuf,
    /// The user it runs as.
    pub uid: u32,
    /// The host that it must act for.
    pub host: HostId,
}

/// Asks the executor. Cheap to clone; questions of all clones wait in one line.
#[derive(Debug, Clone)]
pub struct Executor {
    questions: mpsc::Sender<Asked>,
    log_size: Arc<AtomicU64>,
    connections: watch::Receiver<u64>,
}

/// The other end of [`Executor`], for [`converse`].
#[derive(Debug)]
pub struct Questions {
    asked: mpsc::Receiver<Asked>,
    log_size: Arc<AtomicU64>,
    connections: watch::Sender<u64>,
}

/// A question, and where its answer goes.
#[derive(Debug)]
struct Asked {
    question: Question,
    answer: oneshot::Sender<Result<Answer, Unanswered>>,
}

/// A way to ask, and the line of questions for [`converse`].
pub fn channel() -> (Executor, Questions) {
    let (questions, asked) = mpsc::channel(16);
    let log_size = Arc::new(AtomicU64::new(0));
    let (counted, connections) = watch::channel(0);
    let executor = Executor { questions, log_size: Arc::clone(&log_size), connections };
    (executor, Questions { asked, log_size, connections: counted })
}

impl Executor {
    /// Asks, and waits for as long as it takes: while the executor is away, the question waits.
    pub async fn ask(&self, question: Question) -> Result<Answer, Unanswered> {
        let (answer, answered) = oneshot::channel();
        self.questions.send(Asked { question, answer }).await.map_err(|_| Unanswered::Stopping)?;
        match answered.await.map_err(|_| Unanswered::Stopping)?? {
            Answer::Sorry { why } => Err(Unanswered::Sorry(why.chars().take(300).collect())),
            Answer::Restoring { from } => Err(Unanswered::Restoring { from }),
            Answer::Pruned { first } => Err(Unanswered::Pruned { first }),
            other => Ok(other),
        }
    }

    /// Has it keep something. Any other answer than that it is kept does not fit.
    pub async fn hand_over(&self, question: Question) -> Result<(), Unanswered> {
        let Answer::Kept = self.ask(question).await? else { return Err(Unanswered::Unfitting) };
        Ok(())
    }

    /// Has it write something down. Any other answer than that it is durable does not fit.
    pub async fn record(&self, question: Question) -> Result<(), Unanswered> {
        let answer = self.ask(question).await?;
        if let Answer::Unrecorded { why } = answer {
            return Err(Unanswered::NoRecord(why.chars().take(300).collect()));
        }
        let Answer::Recorded { .. } = answer else { return Err(Unanswered::Unfitting) };
        Ok(())
    }

    /// How it stands.
    pub async fn condition(&self) -> Result<ExecutorCondition, Unanswered> {
        let Answer::Condition(condition) = self.ask(Question::Condition).await? else {
            return Err(Unanswered::Unfitting);
        };
        Ok(condition)
    }

    /// How often it was connected to. After each the executor may be another process, over a directory that was put back from a copy.
    pub fn connections(&self) -> watch::Receiver<u64> {
        self.connections.clone()
    }

    /// How long the log was when the executor last said so.
    pub fn log_size(&self) -> u64 {
        self.log_size.load(Ordering::Relaxed)
    }
}

/// How long the log is, where an answer tells.
fn told_size(answer: &Answer) -> Option<u64> {
    match answer {
        Answer::Welcome { size, .. } | Answer::Recorded { size } => Some(*size),
        Answer::Order(order) => Some(order.seq + 1),
        Answer::Entries(package) => Some(package.from + package.entries.len() as u64),
        Answer::UnderWay { .. }
        | Answer::Condition(_)
        | Answer::Probed(_)
        | Answer::Changed { .. }
        | Answer::Kept
        | Answer::NotApproved { .. }
        | Answer::PaperRefused { .. }
        | Answer::Restoring { .. }
        | Answer::Pruned { .. }
        | Answer::Unrecorded { .. }
        | Answer::Sorry { .. } => None,
    }
}

/// Keeps the connection and asks what is asked; `connected` hears whenever there is one, and when there is none. Ends only where the wrong executor sits there, or where nobody can ask any more.
pub async fn converse(
    seat: Seat,
    questions: Questions,
    mut connected: impl FnMut(bool),
) -> Result<(), WrongExecutor> {
    let Questions { mut asked, log_size, connections } = questions;
    let mut backoff = Backoff::new(20, 2_000);
    // The question that an earlier connection was lost over, and how often.
    let mut open: Option<(Asked, u32)> = None;
    loop {
        let mut line = match Line::connect(&seat).await {
            Ok((line, size)) => {
                log_size.store(size, Ordering::Relaxed);
                line
            }
            Err(LineError::Wrong(wrong)) => return Err(wrong),
            Err(error) => {
                connected(false);
                if backoff.tries() == 0 {
                    tracing::warn!(error = crate::chain(&error), "waiting for the executor");
                }
                pause(&mut backoff).await;
                continue;
            }
        };
        connected(true);
        connections.send_modify(|n| *n += 1);
        loop {
            let (next, lost) = match open.take() {
                Some(next) => next,
                None => tokio::select! {
                    next = asked.recv() => match next {
                        Some(next) => (next, 0),
                        None => return Ok(()),
                    },
                    // It has nothing to say unasked: it went away.
                    () = line.stirred() => break,
                },
            };
            match line.ask(&next.question, LIMIT).await {
                Ok(answer) => {
                    backoff.reset();
                    if let Some(size) = told_size(&answer) {
                        log_size.fetch_max(size, Ordering::Relaxed);
                    }
                    // Whoever asked may have been stopped meanwhile.
                    let _ = next.answer.send(Ok(answer));
                }
                Err(error) => {
                    tracing::warn!(error = crate::chain(&error), "the executor went away over a question");
                    if lost + 1 < TRIES_MAX {
                        open = Some((next, lost + 1));
                    } else {
                        let _ = next.answer.send(Err(Unanswered::Lost(error)));
                    }
                    break;
                }
            }
        }
        connected(false);
        pause(&mut backoff).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_answer_that_it_is_durable_makes_a_record() {
        let (executor, Questions { mut asked, .. }) = channel();
        let answering = tokio::spawn(async move {
            for answer in
                [Answer::Kept, Answer::Recorded { size: 7 }, Answer::Recorded { size: 8 }, Answer::Kept]
            {
                let next = asked.recv().await.unwrap();
                next.answer.send(Ok(answer)).unwrap();
            }
        });
        let question = || Question::Entries { from: 0 };
        assert!(matches!(executor.record(question()).await, Err(Unanswered::Unfitting)));
        assert!(executor.record(question()).await.is_ok());
        assert!(matches!(executor.hand_over(question()).await, Err(Unanswered::Unfitting)));
        assert!(executor.hand_over(question()).await.is_ok());
        answering.await.unwrap();
    }
}
