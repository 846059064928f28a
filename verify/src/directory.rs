//! A log as a plain directory.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use crate::source::{ReadError, Source};

/// A log that lies in a directory, as its writer publishes it. `writer/` in it is the writer's own and is never read.
#[derive(Debug, Clone)]
pub struct Directory {
    path: PathBuf,
}

impl Directory {
    /// The log in `path`. Nothing is read yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }
}

impl Source for Directory {
    fn read(&self, name: &str, bytes_max: usize) -> Result<Vec<u8>, ReadError> {
        let mut bytes = Vec::new();
        read_plain(&self.path.join(name), bytes_max, &mut bytes)?;
        Ok(bytes)
    }

    fn read_into(&self, name: &str, bytes_max: usize, buffer: &mut Vec<u8>) -> Result<(), ReadError> {
        buffer.clear();
        read_plain(&self.path.join(name), bytes_max, buffer)
    }

    fn visit_tiles(&self, visit: &mut dyn FnMut(&str)) -> Result<(), ReadError> {
        let mut open = vec!["tile".to_owned()];
        while let Some(directory) = open.pop() {
            for entry in fs::read_dir(self.path.join(&directory)).map_err(refused)? {
                let entry = entry.map_err(refused)?;
                let name = format!("{directory}/{}", entry.file_name().to_string_lossy());
                // A link is never followed: it would be a file that stands elsewhere, or a way round in circles.
                if entry.file_type().map_err(refused)?.is_dir() {
                    open.push(name);
                } else {
                    visit(&name);
                }
            }
        }
        Ok(())
    }
}

/// Reads a plain file, at most `bytes_max` of it.
fn read_plain(path: &Path, bytes_max: usize, bytes: &mut Vec<u8>) -> Result<(), ReadError> {
    // Asked before opening: to open a pipe is to wait for its writer.
    if !fs::symlink_metadata(path).map_err(refused)?.is_file() {
        return Err(ReadError::NotAFile);
    }
    let limit = u64::try_from(bytes_max).unwrap_or(u64::MAX).saturating_add(1);
    File::open(path).and_then(|file| file.take(limit).read_to_end(bytes)).map_err(refused)?;
    if bytes.len() > bytes_max { Err(ReadError::TooLong { bytes_max }) } else { Ok(()) }
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` hands over")]
fn refused(error: io::Error) -> ReadError {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => ReadError::Missing,
        kind => ReadError::System(kind),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_a_directory_and_a_long_file_are_not_read() {
        let dir = tempfile::tempdir().unwrap();
        let log = Directory::new(dir.path());
        assert_eq!(log.read("checkpoint", 9), Err(ReadError::Missing));
        fs::write(dir.path().join("checkpoint"), "0123456789").unwrap();
        assert_eq!(log.read("checkpoint", 9), Err(ReadError::TooLong { bytes_max: 9 }));
        assert_eq!(log.read("checkpoint", 10).unwrap().len(), 10);
        assert_eq!(log.read("checkpoint/x", 9), Err(ReadError::Missing));
        fs::create_dir(dir.path().join("tile")).unwrap();
        assert_eq!(log.read("tile", 9), Err(ReadError::NotAFile));
        std::os::unix::fs::symlink("../checkpoint", dir.path().join("tile/link")).unwrap();
        std::os::unix::fs::symlink("..", dir.path().join("tile/up")).unwrap();
        assert_eq!(log.read("tile/link", 10), Err(ReadError::NotAFile));
        let mut seen = Vec::new();
        log.visit_tiles(&mut |name| seen.push(name.to_owned())).unwrap();
        seen.sort();
        assert_eq!(seen, ["tile/link", "tile/up"]);
    }
}
