//! Two marks beside the log: that its key has signed one, and that entries are being put back into it.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use edge::file::{self, FileError};

/// A mark beside the key that its log was begun. The key signs one log: an empty one beside a used key means that the log is gone, and with it
/// every counter and cooldown.
#[derive(Debug)]
pub struct Begun(PathBuf);

impl Begun {
    /// The mark of the key in `keys`.
    pub fn beside(keys: &Path) -> Self {
        Self(keys.join("evidence.begun"))
    }

    /// True where the key has signed a log.
    pub fn is_marked(&self) -> bool {
        self.0.exists()
    }

    /// Says that it has.
    pub fn mark(&self) -> Result<(), FileError> {
        if self.is_marked() { Ok(()) } else { file::write_durably(&self.0, b"") }
    }
}

/// A mark that entries are being put back, from which index on. It is there from before the first is written until the record that says so is
/// durable: so no interruption hides that it happened.
#[derive(Debug)]
pub struct Restoring(PathBuf);

impl Restoring {
    /// The mark of the log in `directory`.
    pub(super) fn in_directory(directory: &Path) -> Self {
        Self(directory.join("restoring"))
    }

    /// Says that entries are put back from `from` on. One that says so already stays: it names the first loss.
    pub fn begin(&self, from: u64) -> Result<(), FileError> {
        if self.from()?.is_some() {
            Ok(())
        } else {
            file::write_durably(&self.0, from.to_string().as_bytes())
        }
    }

    /// From which index on; none where nothing is being put back.
    pub fn from(&self) -> Result<Option<u64>, FileError> {
        match file::read_text(&self.0, 32) {
            Ok(text) => Ok(Some(text.trim().parse().unwrap_or(0))),
            Err(e) if e.source.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// It is over, and recorded.
    pub fn clear(&self) -> Result<(), FileError> {
        match file::remove_durably(&self.0) {
            Err(e) if e.source.kind() == ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }
}
