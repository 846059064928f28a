//! Episodes on the disk, so that a restart does not multiply incidents.

use std::io::ErrorKind;
use std::path::Path;

use edge::file::{self, FileError};

use super::Episodes;

/// A few hundred controls are a few hundred lines.
const BYTES_MAX: u64 = 4 << 20;

/// Reads them; none where there is no file.
///
/// A file that makes no sense is set aside and the agent starts without it: the hub folds a second telling of an open drift into the first, so
/// the price is one request each, while refusing to start would be a machine that nobody watches.
pub fn load(path: &Path) -> Result<Episodes, FileError> {
    let bytes = match file::read(path, BYTES_MAX) {
        Ok(bytes) => bytes,
        Err(e) if e.source.kind() == ErrorKind::NotFound => return Ok(Episodes::default()),
        Err(e) => return Err(e),
    };
    match serde_json::from_slice(&bytes) {
        Ok(episodes) => Ok(episodes),
        Err(error) => {
            tracing::error!(path = %path.display(), %error, "open incidents are unreadable and were set aside; each is reported again");
            let aside = path.with_extension("unreadable");
            std::fs::rename(path, &aside).map_err(|source| FileError {
                path: aside,
                action: "set it aside",
                source,
            })?;
            Ok(Episodes::default())
        }
    }
}

/// Writes them durably.
pub fn store(path: &Path, episodes: &Episodes) -> Result<(), FileError> {
    file::write_durably(path, &serde_json::to_vec(episodes).unwrap_or_default())
}
