//! One writer for many threads: what comes while a group is being written makes the next group, and shares its sync and its head.
//!
//! Nobody waits for company: an append that finds the writer idle goes at once, so an intent is durable as soon as the disk can make it so.

use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread::JoinHandle;

use contract::record::RecordError;
use thiserror::Error;

use crate::draft::{Appended, Draft};
use crate::error::AppendError;
use crate::writer::LogWriter;

/// Most records in one group: two bundles.
const GROUP_MAX: usize = 512;

/// Why a record was not appended by a shared writer.
#[derive(Debug, Clone, Error)]
pub enum SharedError {
    /// The record does not fit the format: nothing of it was written.
    #[error("the record does not fit the format")]
    Record(#[source] RecordError),
    /// The group that it was in could not be written. The writer has stopped.
    #[error(transparent)]
    Append(Arc<AppendError>),
    /// The writer was taken back, or its thread is gone.
    #[error("the evidence log is closed")]
    Closed,
}

struct Request {
    drafts: Vec<Draft>,
    answer: Sender<Result<Appended, SharedError>>,
}

/// A log that many threads append to. Clones share it.
#[derive(Debug, Clone)]
pub struct SharedLog {
    requests: Arc<RwLock<Option<Sender<Request>>>>,
}

/// The thread that writes.
#[derive(Debug)]
pub struct SharedThread {
    log: SharedLog,
    thread: JoinHandle<LogWriter>,
}

impl SharedLog {
    /// Gives the writer to a thread of its own.
    pub fn start(writer: LogWriter) -> std::io::Result<(Self, SharedThread)> {
        let (send, receive) = mpsc::channel();
        let thread =
            std::thread::Builder::new().name("evidence".to_owned()).spawn(move || write(writer, &receive))?;
        let log = Self { requests: Arc::new(RwLock::new(Some(send))) };
        Ok((log.clone(), SharedThread { log, thread }))
    }

    /// Appends records, all in one group, and returns once they are durable under a signed head.
    pub fn append(&self, drafts: Vec<Draft>) -> Result<Appended, SharedError> {
        let (answer, receive) = mpsc::channel();
        let requests = self.requests.read().unwrap_or_else(PoisonError::into_inner);
        let queue = requests.as_ref().ok_or(SharedError::Closed)?;
        queue.send(Request { drafts, answer }).map_err(|_| SharedError::Closed)?;
        drop(requests);
        receive.recv().map_err(|_| SharedError::Closed)?
    }
}

impl SharedThread {
    /// Ends the sharing and gives the writer back once everything that was handed in is answered; none where its thread panicked.
    pub fn stop(self) -> Option<LogWriter> {
        *self.log.requests.write().unwrap_or_else(PoisonError::into_inner) = None;
        self.thread.join().ok()
    }
}

fn write(mut writer: LogWriter, requests: &Receiver<Request>) -> LogWriter {
    while let Ok(first) = requests.recv() {
        let mut group = vec![first];
        let mut records = group[0].drafts.len();
        while records < GROUP_MAX
            && let Ok(next) = requests.try_recv()
        {
            records += next.drafts.len();
            group.push(next);
        }
        commit(&mut writer, group);
    }
    writer
}

fn commit(writer: &mut LogWriter, group: Vec<Request>) {
    let (drafts, answers): (Vec<_>, Vec<_>) = group.into_iter().map(|r| (r.drafts, r.answer)).unzip();
    let counts: Vec<usize> = drafts.iter().map(Vec::len).collect();
    // A caller that does not wait any more is not an error of the log's.
    match writer.append(drafts.iter().flatten().cloned().collect()) {
        Ok(appended) => {
            for (part, answer) in appended.split(&counts).into_iter().zip(answers) {
                let _ = answer.send(Ok(part));
            }
        }
        // Nothing was written: whose record does not fit is found out one by one.
        Err(AppendError::Record(_)) => {
            for (drafts, answer) in drafts.into_iter().zip(answers) {
                let _ = answer.send(writer.append(drafts).map_err(shared));
            }
        }
        Err(e) => {
            let e = Arc::new(e);
            for answer in answers {
                let _ = answer.send(Err(SharedError::Append(Arc::clone(&e))));
            }
        }
    }
}

fn shared(e: AppendError) -> SharedError {
    match e {
        AppendError::Record(e) => SharedError::Record(e),
        e => SharedError::Append(Arc::new(e)),
    }
}
