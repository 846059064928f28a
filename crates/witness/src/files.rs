//! Where a witness keeps what it knows: the one module of this crate that touches a disk.
//!
//! ```text
//! <dir>/heads/<log>                         the newest head that was cosigned: a signed note
//!      /forks/<log>-<size>-<head>.held      a head that was cosigned, and …
//!      /forks/<log>-<size>-<head>.offered   … the refused request that contradicts it
//!      /forks/<log>-<size>-<head>.entry     … and an entry that shows it, where one was sent
//! ```
//! `<log>` stands for an origin by its hash, since an origin may hold any character. A fork's two files are signed by the log, so they prove it to
//! anybody who has the log's public key. Putting back older heads makes a witness forget what it vouched for: then it must not go on under its key.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use edge::file::{FileError, private_directory, read, write_durably};
use tlog::note::NOTE_BYTES_MAX;
use tlog::{Checkpoint, Origin, SignedNote, TreeSize, leaf_hash};

use crate::{ForkAttempt, Heads};

/// The most proofs that are kept of one log. Only its own key makes more of them, and the first ones say it all.
const FORKS_MAX: usize = 64;

/// A directory of heads and of proofs, for one process at a time: its owner holds a lock on it.
#[derive(Debug)]
pub struct Files {
    heads: PathBuf,
    forks: PathBuf,
    /// Held while a head is compared and replaced.
    replacing: Mutex<()>,
}

impl Files {
    /// Opens or makes the two directories below `directory`.
    pub fn open(directory: &Path) -> Result<Self, FileError> {
        let (heads, forks) = (directory.join("heads"), directory.join("forks"));
        private_directory(&heads)?;
        private_directory(&forks)?;
        Ok(Self { heads, forks, replacing: Mutex::new(()) })
    }

    /// Keeps a proof, once. Answers with its path without extension, or with nothing where it is there already or there are too many.
    pub fn keep(&self, fork: &ForkAttempt) -> Result<Option<PathBuf>, FileError> {
        self.keep_with(fork, None)
    }

    /// The same with an entry of the log, which stands under the offered head and comes after another record than the held head's last: what shows the
    /// fork where the two heads alone do not.
    pub fn keep_with(&self, fork: &ForkAttempt, entry: Option<&[u8]>) -> Result<Option<PathBuf>, FileError> {
        let looking = |source| FileError { path: self.forks.clone(), action: "list it", source };
        let (log, rest) = names(fork);
        // By log: whoever fills up the proofs of one takes no room from another.
        let mut of_this_log = 0;
        for file in std::fs::read_dir(&self.forks).map_err(looking)? {
            let name = file.map_err(looking)?.file_name();
            of_this_log += usize::from(name.as_encoded_bytes().starts_with(log.as_bytes()));
        }
        let stem = self.forks.join(format!("{log}-{rest}"));
        // Two files each, or three.
        if of_this_log >= 2 * FORKS_MAX || stem.with_added_extension("held").exists() {
            return Ok(None);
        }
        if let Some(entry) = entry {
            write_durably(&stem.with_added_extension("entry"), entry)?;
        }
        // The held head goes last: where it is there, the proof is whole.
        write_durably(&stem.with_added_extension("offered"), fork.offered.to_string().as_bytes())?;
        write_durably(&stem.with_added_extension("held"), fork.held.to_string().as_bytes())?;
        Ok(Some(stem))
    }

    fn path(&self, log: &Origin) -> PathBuf {
        self.heads.join(name_of(log))
    }
}

fn name_of(log: &Origin) -> String {
    leaf_hash(log.to_string().as_bytes()).to_string()
}

/// Two parts of a file's name: for the log, and for this proof.
fn names(fork: &ForkAttempt) -> (String, String) {
    let held: Option<Checkpoint> = fork.held.text().parse().ok();
    let (log, size) = held.map_or((String::new(), TreeSize::EMPTY), |c| (name_of(&c.origin), c.size));
    // By the text of the offered head: its signature lines are anybody's to vary.
    let offered = leaf_hash(fork.offered.checkpoint.text().as_bytes()).to_string();
    (format!("{log:.16}"), format!("{size}-{offered:.16}"))
}

impl Heads for Files {
    type Error = FileError;

    fn newest(&self, log: &Origin) -> Result<Option<SignedNote>, FileError> {
        let path = self.path(log);
        let bytes = match read(&path, NOTE_BYTES_MAX as u64) {
            Ok(bytes) => bytes,
            Err(e) if e.source.kind() == ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(e),
        };
        let damaged = |e| FileError {
            path,
            action: "understand it, so nothing of this log is cosigned: restore it from a copy",
            source: std::io::Error::other(e),
        };
        SignedNote::parse(&bytes).map(Some).map_err(damaged)
    }

    fn replace(
        &self,
        log: &Origin,
        expected: Option<&SignedNote>,
        next: &SignedNote,
    ) -> Result<bool, FileError> {
        let _held = self.replacing.lock().unwrap_or_else(PoisonError::into_inner);
        if self.newest(log)?.as_ref() != expected {
            return Ok(false);
        }
        write_durably(&self.path(log), next.to_string().as_bytes())?;
        Ok(true)
    }
}
