//! The hub's own evidence log: who came in, what was done and what was refused at the operator plane. The same writer as at a site, and the same verifier.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use contract::ids::BadId;
use contract::record::{Body, Digests, Opened, Recovered, Succeeds};
use contract::time::{ClockOffset, UtcTime};
use edge::file::FileError;
use evidence::{AppendError, Draft, LogWriter, OpenError, RotateError};
use thiserror::Error;
use tlog::{SigningKey, VerifierKey};

/// What the first record says in place of a tenant, a site and a machine: the log is the hub's own.
const WHOSE: &str = "hub";

/// So much has to be free, or nothing is written.
const ROOM_BYTES: u64 = 2 << 20;

/// The log.
#[derive(Debug)]
pub(crate) struct OwnLog {
    directory: PathBuf,
    key: VerifierKey,
    writer: Arc<Mutex<Option<LogWriter>>>,
}

/// Why something was not written, and so was not done.
#[derive(Debug, Error)]
pub enum OwnLogError {
    /// It cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It cannot be written.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// It cannot be published.
    #[error(transparent)]
    Publish(#[from] FileError),
    /// The disk is all but full. What is refused for that can be done once there is room; a write that failed would end the log until the next start.
    #[error("there is no room left for the hub's own log: free space on its disk")]
    NoRoom,
    /// It does not take another key.
    #[error(transparent)]
    Rotate(#[from] RotateError),
    /// It is closed.
    #[error("the hub's own log is closed")]
    Closed,
    /// Our mistake.
    #[error("the hub's own log has no owner")]
    Owner(#[source] BadId),
    /// The writing thread ended before its time.
    #[error("the hub's own log was not waited for")]
    Thread(#[source] tokio::task::JoinError),
}

impl OwnLog {
    /// Opens the log, or begins it, and says so in it.
    pub(crate) fn open(directory: &Path, key: SigningKey, now: UtcTime) -> Result<Self, OwnLogError> {
        let verifier = key.verifier().clone();
        let text = verifier.to_string();
        let (mut writer, recovery) = LogWriter::open(directory, key, |_| ())?;
        let body = if recovery.size == 0 {
            Body::Opened(opened(text, None)?)
        } else {
            Body::Recovered(Recovered { torn_bytes: recovery.torn_bytes, unfinished: Vec::new() })
        };
        writer.append(vec![draft(body, now)])?;
        writer.publish()?;
        Ok(Self {
            directory: directory.to_owned(),
            key: verifier,
            writer: Arc::new(Mutex::new(Some(writer))),
        })
    }

    /// Where it lies, and the key that its heads are signed with.
    pub(super) fn whose(&self) -> (PathBuf, VerifierKey) {
        (self.directory.clone(), self.key.clone())
    }

    /// Begins the log that comes after one whose end is not at hand.
    pub(crate) fn succeed(
        directory: &Path,
        key: SigningKey,
        succeeds: Succeeds,
        now: UtcTime,
    ) -> Result<(), OwnLogError> {
        let text = key.verifier().to_string();
        let (mut writer, _) = LogWriter::open(directory, key, |_| ())?;
        writer.append(vec![draft(Body::Opened(opened(text, Some(succeeds))?), now)])?;
        Ok(writer.publish()?)
    }

    /// Hands the log over to another key, and says so in it.
    pub(crate) async fn rotate(&self, key: SigningKey, now: UtcTime) -> Result<(), OwnLogError> {
        self.with(move |writer| {
            writer.rotate(key, |body| draft(body, now)).map(drop).map_err(OwnLogError::Rotate)
        })
        .await
    }

    /// Writes one record, and returns its index once it is durable.
    pub(crate) async fn append(&self, body: Body, now: UtcTime) -> Result<u64, OwnLogError> {
        if !self.has_room() {
            return Err(OwnLogError::NoRoom);
        }
        self.with(move |writer| {
            writer
                .append(vec![draft(body, now)])
                .map(|appended| appended.records().first().map_or(0, |record| record.seq))
                .map_err(OwnLogError::Append)
        })
        .await
    }

    /// Lets the world read what was written so far.
    pub(crate) async fn publish(&self) -> Result<(), OwnLogError> {
        if !self.has_room() {
            // Later: nothing is written meanwhile either.
            return Ok(());
        }
        self.with(|writer| writer.publish().map_err(OwnLogError::Publish)).await
    }

    /// Whether there is room for what is written next. Where the file system does not say, the write itself will.
    fn has_room(&self) -> bool {
        let free = rustix::fs::statvfs(&self.directory).map(|s| s.f_bavail.saturating_mul(s.f_frsize));
        free.map_or(true, |bytes| bytes >= ROOM_BYTES)
    }

    async fn with<T, F>(&self, work: F) -> Result<T, OwnLogError>
    where
        T: Send + 'static,
        F: FnOnce(&mut LogWriter) -> Result<T, OwnLogError> + Send + 'static,
    {
        let writer = Arc::clone(&self.writer);
        let run = move || match writer.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            Some(writer) => work(writer),
            None => Err(OwnLogError::Closed),
        };
        tokio::task::spawn_blocking(run).await.map_err(OwnLogError::Thread)?
    }

    /// Publishes what was written, and takes nothing more.
    pub(crate) fn close(&self) {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Err(e)) = writer.map(|mut writer| writer.publish()) {
            tracing::error!(cause = crate::problem::chain(&e), "the hub's own log cannot be published");
        }
    }
}

impl Drop for OwnLog {
    fn drop(&mut self) {
        self.close();
    }
}

fn opened(key: String, succeeds: Option<Succeeds>) -> Result<Opened, OwnLogError> {
    Ok(Opened {
        tenant: WHOSE.parse().map_err(OwnLogError::Owner)?,
        site: WHOSE.parse().map_err(OwnLogError::Owner)?,
        host: WHOSE.parse().map_err(OwnLogError::Owner)?,
        key,
        software: format!("suture-hub {}", env!("CARGO_PKG_VERSION")),
        succeeds,
    })
}

/// The hub does not ask its kernel how good its clock is, and does not claim to know.
fn draft(body: Body, time: UtcTime) -> Draft {
    let subject = match &body {
        Body::Acted(acted) if acted.machine_user.is_some() => "machine",
        Body::Acted(acted) => acted.right.map_or("operator-plane", |right| right.word()),
        Body::LoggedIn(_) => "login",
        Body::Device(_) => "device-plane",
        Body::Packet(_) => "packet",
        _ => "log",
    };
    let subject = subject.to_owned();
    Draft { time, clock: ClockOffset::Unknown, subject, digests: Digests::default(), body }
}
