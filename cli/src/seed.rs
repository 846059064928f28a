//! Secret keys in files: 64 hexadecimal characters that nobody but their owner may read, as the hub keeps its own.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use contract::digest::{hex, unhex};

use crate::exit::{Failure, Status};

/// The longest file that is read: a key and a line's end.
const SEED_MAX_BYTES: u64 = 128;

/// Reads a key; refuses one that others may have read.
pub(crate) fn read(path: &Path) -> Result<[u8; 32], Failure> {
    let text = edge::file::read_text(path, SEED_MAX_BYTES)?;
    let mode = std::fs::metadata(path).map_err(|e| unusable(path, &e))?.mode() & 0o7777;
    if mode & 0o077 != 0 {
        let words = format!(
            "{}: its mode is {mode:04o}, so others may have read it: replace it if they have, else `chmod 600` it",
            path.display()
        );
        return Err(Failure::new(Status::CannotCreate, words));
    }
    unhex(text.trim_end()).ok_or_else(|| {
        let words = format!("{}: a key is 64 lower-case hexadecimal characters", path.display());
        Failure::new(Status::Refused, words)
    })
}

/// Draws a key into a new file with mode 0600. A file that is there stays as it is: it may be somebody's only key.
pub(crate) fn make(path: &Path) -> Result<[u8; 32], Failure> {
    if path.symlink_metadata().is_ok() {
        let words = format!(
            "{}: it is there already, and a key is never replaced: choose another --out",
            path.display()
        );
        return Err(Failure::new(Status::CannotCreate, words));
    }
    let seed = edge::random::bytes::<32>()
        .map_err(|e| Failure::new(Status::CannotCreate, format!("no random bytes: {e}")))?;
    edge::file::write_durably(path, hex(&seed).as_bytes())?;
    Ok(seed)
}

fn unusable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(Status::CannotCreate, format!("{}: cannot look at it: {error}", path.display()))
}
