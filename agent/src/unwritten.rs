//! Signals that no record tells of yet, in one small file: the executor may be away for long, and no incident waits for it.
//!
//! What the file has no room for is counted, and the count becomes a gap in the evidence; its incidents go their way all the same. After a kill
//! between a record and this file's next writing a signal is written down twice, under one incident's id, which is better than not at all.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use contract::record::{LineLoss, SIGNALS_MAX, Signalled};
use contract::socket::Question;
use contract::time::UtcTime;
use edge::file::{self, FileError};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

/// So many wait. An executor that is away while more came than this is away for long, or somebody floods the logs.
const WAITING_MAX: usize = 512;
/// Each is a few hundred bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// The signals, shared by those who add and the one who has them written down.
#[derive(Debug, Clone)]
pub struct Unwritten {
    held: Arc<Mutex<Held>>,
    filled: Arc<Notify>,
}

#[derive(Debug)]
struct Held {
    path: PathBuf,
    kept: Kept,
}

/// As it stands in the file.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    /// Oldest first.
    signals: VecDeque<Signalled>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    omitted: Option<Omitted>,
}

/// Signals that will stand in no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Omitted {
    many: u64,
    from: UtcTime,
    until: UtcTime,
}

/// What is to be written down next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owed {
    /// These, in one record.
    Signals(Vec<Signalled>),
    /// That there were more.
    Omitted(Omitted),
}

impl Owed {
    /// How many signals it holds.
    pub fn many(&self) -> usize {
        match self {
            Self::Signals(signals) => signals.len(),
            Self::Omitted(_) => 0,
        }
    }

    /// How the executor is asked.
    pub fn question(&self) -> Question {
        match self {
            Self::Signals(signals) => Question::Signals { signals: signals.clone() },
            Self::Omitted(Omitted { many, from, until }) => {
                Question::LinesLost { why: LineLoss::Unkept, from: *from, until: *until, lost: *many }
            }
        }
    }
}

impl Unwritten {
    /// Takes up what an earlier run left at `path`. A file that cannot be understood counts as one signal: how many they were is not known, and it
    /// must not read as none.
    pub fn open(path: &Path, now: UtcTime) -> Result<Self, FileError> {
        let kept = match file::read(path, FILE_BYTES_MAX) {
            Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_else(|_| {
                tracing::error!(path = %path.display(), "signals that were not written down are unreadable");
                Kept { omitted: Some(Omitted { many: 1, from: now, until: now }), ..Kept::default() }
            }),
            Err(e) if e.source.kind() == ErrorKind::NotFound => Kept::default(),
            Err(e) => return Err(e),
        };
        let held = Arc::new(Mutex::new(Held { path: path.to_owned(), kept }));
        Ok(Self { held, filled: Arc::default() })
    }

    /// Keeps a signal until it is written down. A disk that cannot be written keeps nobody waiting: the signal is in memory then, and in the file
    /// with the next change that can be written.
    pub async fn add(&self, signal: Signalled) {
        self.change(|kept| kept.add(signal, edge::clock::utc())).await;
        self.filled.notify_one();
    }

    /// Waits until something is to be written down, `most` signals of it; it stays here until [`Unwritten::written`].
    pub async fn next(&self, most: usize) -> Owed {
        loop {
            let owed = hold(&self.held).kept.owed(most);
            match owed {
                Some(owed) => return owed,
                None => self.filled.notified().await,
            }
        }
    }

    /// It is in the evidence.
    pub async fn written(&self, owed: Owed) {
        self.change(move |kept| kept.settle(&owed)).await;
    }

    /// It will stand in no record: it makes none. It counts among those that were omitted.
    pub async fn given_up(&self, owed: Owed) {
        self.change(move |kept| kept.give_up(&owed, edge::clock::utc())).await;
    }

    /// Disk work, away from the one thread that everything else runs on.
    async fn change(&self, change: impl FnOnce(&mut Kept) + Send + 'static) {
        let held = Arc::clone(&self.held);
        let stored = tokio::task::spawn_blocking(move || {
            let mut held = hold(&held);
            change(&mut held.kept);
            file::write_durably(&held.path, &serde_json::to_vec(&held.kept).unwrap_or_default())
        });
        match stored.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::error!(error = crate::chain(&error), "signals to be written down are not stored");
            }
            Err(error) => tracing::error!(%error, "signals to be written down are not stored"),
        }
    }
}

/// A panic in between leaves the list as it was, or changed as a whole.
fn hold(held: &Mutex<Held>) -> MutexGuard<'_, Held> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Kept {
    fn add(&mut self, signal: Signalled, now: UtcTime) {
        // The logs tell again what may not have arrived.
        if self.signals.iter().any(|held| held.incident == signal.incident) {
            return;
        }
        if self.signals.len() < WAITING_MAX {
            self.signals.push_back(signal);
        } else {
            self.omit(signal.found, now);
        }
    }

    /// One more that stands in no record: the gap reaches from when the first of them was found until now.
    fn omit(&mut self, found: UtcTime, now: UtcTime) {
        let omitted = self.omitted.get_or_insert(Omitted { many: 0, from: found, until: now });
        (omitted.many, omitted.from) = (omitted.many.saturating_add(1), omitted.from.min(found));
        omitted.until = omitted.until.max(now);
    }

    fn give_up(&mut self, owed: &Owed, now: UtcTime) {
        match owed {
            Owed::Signals(refused) => {
                self.settle(owed);
                for signal in refused {
                    self.omit(signal.found, now);
                }
            }
            // That something is missing is never given up.
            Owed::Omitted(_) => {}
        }
    }

    /// Signals go first: that there were more is said when it is known how many.
    fn owed(&self, most: usize) -> Option<Owed> {
        if self.signals.is_empty() {
            return self.omitted.map(Owed::Omitted);
        }
        Some(Owed::Signals(self.signals.iter().take(most).cloned().collect()))
    }

    fn settle(&mut self, owed: &Owed) {
        match owed {
            Owed::Signals(written) => {
                self.signals.retain(|held| !written.iter().any(|signal| signal.incident == held.incident));
            }
            Owed::Omitted(told) => {
                let left = |all: Omitted| Omitted { many: all.many - told.many, from: told.until, ..all };
                self.omitted = self.omitted.filter(|all| all.many > told.many).map(left);
            }
        }
    }
}

/// After the executor would not have the signals of a record in the evidence: they go one by one, and the one that it will not have is given up. One signal
/// must not keep all later ones from the evidence.
#[derive(Debug, Default)]
pub struct Sifting {
    /// How many signals go one by one.
    singly: usize,
}

impl Sifting {
    /// How many signals go into the next record.
    pub fn most(&self) -> usize {
        if self.singly > 0 { 1 } else { SIGNALS_MAX }
    }

    /// A record was written.
    pub fn written(&mut self) {
        self.singly = self.singly.saturating_sub(1);
    }

    /// So many signals make no record; true where that is one, which is given up.
    pub fn refused(&mut self, many: usize) -> bool {
        if many > 1 {
            self.singly = many;
            return false;
        }
        self.singly = self.singly.saturating_sub(1);
        many == 1
    }
}

#[cfg(test)]
mod tests;
