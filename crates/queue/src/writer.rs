//! One thread that owns one `SQLite` database, and commits in groups.
//!
//! Whoever writes hands a closure over and waits. The thread runs all closures that wait in one transaction, each in a savepoint of its own, and
//! answers them after the one `COMMIT` that makes them durable: sixty-four writers cost one sync of the disk, not sixty-four. A closure that fails
//! undoes its own savepoint and nobody else's. Reads go the same way, so every answer is read from what is durable or about to be.
//!
//! What only has to outlive the process, and may be forgotten by a power cut ([`Writer::hand_over_unsynced`]), is committed first and waits for no
//! sync: a transaction of its own, whole or not there, as any other. The next sync makes it durable as well.

mod cut;
mod schema;

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use rusqlite::Connection;
use thiserror::Error;
use tokio::sync::oneshot;

pub use cut::{Cut, Look, look};
pub use schema::Schema;

/// The most closures in one transaction.
const GROUP_MAX: usize = 256;

/// Why a database could not be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The file cannot be made or read.
    #[error("{}: cannot open it", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// `SQLite` does not take it.
    #[error("{}: SQLite cannot open it", path.display())]
    Sqlite {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
    /// What is in it cannot be read.
    #[error("{}: it cannot be read", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: WriteError<rusqlite::Error>,
    },
    /// It belongs to another program.
    #[error("{}: it is another program's database: application {application}, version {version}", path.display())]
    Foreign {
        /// Which file.
        path: PathBuf,
        /// Its application number.
        application: i32,
        /// Its version.
        version: i32,
    },
    /// A later version of this program wrote it. It is left as it is: there is no way back.
    #[error("{}: it has version {version}, and this program knows {known} and what came before: start the newer program, or restore a backup that was made before it", path.display())]
    Newer {
        /// Which file.
        path: PathBuf,
        /// Its version.
        version: i32,
        /// The latest version that is known here.
        known: i32,
    },
    /// Its pages do not fit together.
    #[error("{}: it is damaged ({what}): put a backup in its place (suture-hub restore), and keep the file", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What `SQLite` says of it.
        what: String,
    },
    /// A step to the next version was not taken; the file has the version `from`.
    #[error("{}: it cannot be brought from version {from} to version {to}, and stays as it was", path.display())]
    Step {
        /// Which file.
        path: PathBuf,
        /// Its version; 0 where it is empty.
        from: i32,
        /// The version that it was to get.
        to: i32,
        /// Why not.
        #[source]
        source: rusqlite::Error,
    },
    /// A row would point to nothing after a step; the file has the version `from`.
    #[error("{}: brought from version {from} to version {to}, a row of {table} would point to nothing; it stays as it was", path.display())]
    Dangling {
        /// Which file.
        path: PathBuf,
        /// Its version.
        from: i32,
        /// The version that it was to get.
        to: i32,
        /// Whose row it is.
        table: String,
    },
}

impl OpenError {
    /// What `SQLite` says of a file; that it is damaged, it may say at any question.
    fn of(path: &Path, source: rusqlite::Error) -> Self {
        let path = path.to_owned();
        match source.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase) => {
                Self::Damaged { path, what: source.to_string() }
            }
            Some(_) | None => Self::Sqlite { path, source },
        }
    }
}

/// Why a closure's work does not stand.
#[derive(Debug, Error)]
pub enum WriteError<E> {
    /// The closure itself failed; its savepoint was undone.
    #[error("it was undone")]
    Undone(#[source] E),
    /// The transaction could not be begun or committed; nothing of its group stands.
    #[error("the transaction was not committed")]
    NotCommitted(#[source] Arc<rusqlite::Error>),
    /// The thread has ended.
    #[error("the database is closed")]
    Closed,
}

/// Called once with the connection, inside the group's transaction, or with the reason why there is none.
type Call = Box<dyn FnOnce(Result<&Connection, &Arc<rusqlite::Error>>) -> Settle + Send>;
/// Called once when the group's fate is known.
type Settle = Box<dyn FnOnce(Result<(), &Arc<rusqlite::Error>>)>;

/// A closure that was handed over.
struct Work {
    call: Call,
    /// Whether its answer waits for the disk.
    synced: bool,
}

/// The handle to the thread. Dropping it commits what was handed over and ends the thread.
#[derive(Debug)]
pub struct Writer {
    sender: Option<Sender<Work>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Opens or makes the database at `path`, and starts its thread.
    pub fn open(path: &Path, schema: Schema) -> Result<Self, OpenError> {
        let connection = open(path, schema)?;
        let (sender, receiver) = channel();
        let thread = std::thread::Builder::new()
            .name("database".to_owned())
            .spawn(move || serve(&connection, &receiver))
            .map_err(|source| OpenError::File { path: path.to_owned(), source })?;
        Ok(Self { sender: Some(sender), thread: Some(thread) })
    }

    /// Runs `work` on the database and answers once what it did is durable.
    pub async fn run<T, E, F>(&self, work: F) -> Result<T, WriteError<E>>
    where
        T: Send + 'static,
        E: From<rusqlite::Error> + Send + 'static,
        F: FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    {
        self.run_then(work, |_| ()).await
    }

    /// The same, and calls `then` with the outcome, on the database's thread, even where nobody waits for the answer any more: what is kept in
    /// memory beside the database is changed there, so that it cannot fall behind when a request is given up.
    pub async fn run_then<T, E, F, A>(&self, work: F, then: A) -> Result<T, WriteError<E>>
    where
        T: Send + 'static,
        E: From<rusqlite::Error> + Send + 'static,
        F: FnOnce(&Connection) -> Result<T, E> + Send + 'static,
        A: FnOnce(&Result<T, WriteError<E>>) + Send + 'static,
    {
        self.hand_over(work, then).outcome().await
    }

    /// The same, and does not wait: what is handed over later comes later.
    pub fn hand_over<T, E, F, A>(&self, work: F, then: A) -> HandedOver<T, E>
    where
        T: Send + 'static,
        E: From<rusqlite::Error> + Send + 'static,
        F: FnOnce(&Connection) -> Result<T, E> + Send + 'static,
        A: FnOnce(&Result<T, WriteError<E>>) + Send + 'static,
    {
        self.hand(true, work, then)
    }

    /// The same, but answers once it outlives the process: a power cut may forget it. It overtakes what waits for a sync.
    pub fn hand_over_unsynced<T, E, F, A>(&self, work: F, then: A) -> HandedOver<T, E>
    where
        T: Send + 'static,
        E: From<rusqlite::Error> + Send + 'static,
        F: FnOnce(&Connection) -> Result<T, E> + Send + 'static,
        A: FnOnce(&Result<T, WriteError<E>>) + Send + 'static,
    {
        self.hand(false, work, then)
    }

    fn hand<T, E, F, A>(&self, synced: bool, work: F, then: A) -> HandedOver<T, E>
    where
        T: Send + 'static,
        E: From<rusqlite::Error> + Send + 'static,
        F: FnOnce(&Connection) -> Result<T, E> + Send + 'static,
        A: FnOnce(&Result<T, WriteError<E>>) + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let call: Call = Box::new(move |connection| {
            let done = match connection {
                Ok(connection) => within_savepoint(connection, work).map_err(WriteError::Undone),
                Err(e) => Err(WriteError::NotCommitted(Arc::clone(e))),
            };
            Box::new(move |committed| {
                let done = match committed {
                    Ok(()) => done,
                    Err(e) => done.and(Err(WriteError::NotCommitted(Arc::clone(e)))),
                };
                then(&done);
                // Whoever asked may have gone away; the work stands all the same.
                let _ = answer.send(done);
            })
        });
        // Where the thread has ended, the closure is dropped and with it the answer's other end: that it is closed shows there.
        let _ = self.sender.as_ref().map(|sender| sender.send(Work { call, synced }));
        HandedOver(answered)
    }
}

/// Work that was handed over. It is done whether anybody waits for its outcome or not.
#[derive(Debug)]
pub struct HandedOver<T, E>(oneshot::Receiver<Result<T, WriteError<E>>>);

impl<T, E> HandedOver<T, E> {
    /// What came of it, once that is durable.
    pub async fn outcome(self) -> Result<T, WriteError<E>> {
        self.0.await.unwrap_or(Err(WriteError::Closed))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.sender = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(connection: &Connection, receiver: &Receiver<Work>) {
    while let Ok(first) = receiver.recv() {
        let others = std::iter::from_fn(|| receiver.try_recv().ok()).take(GROUP_MAX - 1);
        let (synced, unsynced): (Vec<_>, Vec<_>) =
            std::iter::once(first).chain(others).partition(|work| work.synced);
        for (group, mode) in [(unsynced, "NORMAL"), (synced, "FULL")] {
            if !group.is_empty() {
                commit(connection, mode, group);
            }
        }
    }
}

/// In `NORMAL` mode a commit in the log is whole or not there after a power cut, and not synced; in `FULL` mode it is synced.
fn commit(connection: &Connection, mode: &str, group: Vec<Work>) {
    let opening = format!("PRAGMA synchronous = {mode}; BEGIN IMMEDIATE");
    let begun = connection.execute_batch(&opening).map_err(Arc::new);
    let settles: Vec<Settle> =
        group.into_iter().map(|work| (work.call)(begun.as_ref().map(|()| connection))).collect();
    let committed = begun.and_then(|()| connection.execute_batch("COMMIT").map_err(Arc::new));
    if committed.is_err() && !connection.is_autocommit() {
        let _ = connection.execute_batch("ROLLBACK");
    }
    for settle in settles {
        settle(committed.as_ref().copied());
    }
}

fn within_savepoint<T, E: From<rusqlite::Error>>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> Result<T, E>,
) -> Result<T, E> {
    connection.execute_batch("SAVEPOINT work")?;
    let done = work(connection);
    let end = if done.is_ok() { "RELEASE work" } else { "ROLLBACK TO work; RELEASE work" };
    // After a full disk SQLite may have undone the whole transaction: then this fails, and so does the commit.
    connection.execute_batch(end).map_err(E::from).and(done)
}

fn open(path: &Path, schema: Schema) -> Result<Connection, OpenError> {
    let file = |source| OpenError::File { path: path.to_owned(), source };
    let sqlite = |source| OpenError::of(path, source);
    make_private(path)?;
    let connection = Connection::open(path).map_err(sqlite)?;
    connection
        .execute_batch("PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;")
        .map_err(sqlite)?;
    schema::bring_up(&connection, path, &schema)?;
    let directory = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(directory).and_then(|d| d.sync_all()).map_err(file)?;
    Ok(connection)
}

/// Made here, so that it and its journal, which takes over the mode, are private from their first byte.
fn make_private(path: &Path) -> Result<(), OpenError> {
    let made = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path);
    made.map(drop).map_err(|source| OpenError::File { path: path.to_owned(), source })
}
