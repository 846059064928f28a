//! One file, read from where it was left.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::place::{Fate, Place};

/// So much is read at once. A longer line counts as several.
const BLOCK_BYTES: usize = 64 * 1024;
/// A file with a NUL this early is not text.
const SNIFF_BYTES: usize = 512;

#[derive(Debug)]
pub(super) struct Tail {
    file: File,
    pub(super) place: Place,
    /// The name under which it was met.
    pub(super) path: PathBuf,
}

/// Where to begin.
#[derive(Debug)]
pub(super) enum From {
    Start,
    End,
    Place(Place),
}

/// Opens a regular file of text; anything else is nothing. A pipe in its place would otherwise hold us for ever.
pub(super) fn open_text(path: &Path) -> io::Result<Option<File>> {
    let nonblocking = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or(0);
    let file = OpenOptions::new().read(true).custom_flags(nonblocking).open(path)?;
    if !file.metadata()?.is_file() {
        return Ok(None);
    }
    let mut sniffed = [0; SNIFF_BYTES];
    let n = file.read_at(&mut sniffed, 0)?;
    Ok((!sniffed[..n].contains(&0)).then_some(file))
}

impl Tail {
    pub(super) fn begin(file: File, path: &Path, from: From) -> io::Result<Self> {
        let metadata = file.metadata()?;
        let place = match from {
            From::Start => Place::new(&metadata, 0),
            From::End => Place::new(&metadata, metadata.len()),
            // Under the inode it has now: a copy is another one, with the same beginning.
            From::Place(place) => place.moved_to(&metadata),
        };
        let mut tail = Self { file, place, path: path.to_owned() };
        tail.place.fingerprint(&tail.file)?;
        Ok(tail)
    }

    /// What became of it, where `named` has its name now.
    pub(super) fn fate(&self, named: &Metadata) -> io::Result<Fate> {
        self.place.fate(named, &self.file)
    }

    /// Hands over whole lines up to the end, at most [`BLOCK_BYTES`] at once.
    pub(super) fn drain(&mut self, mut take: impl FnMut(&[u8])) -> io::Result<()> {
        let begun_at = self.place.offset;
        let mut block = vec![0; BLOCK_BYTES];
        loop {
            let n = self.file.read_at(&mut block, self.place.offset)?;
            let whole = match block[..n].iter().rposition(|&b| b == b'\n') {
                Some(last) => last + 1,
                None if n == BLOCK_BYTES => n,
                // Nothing, or a line that is still being written.
                None => break,
            };
            take(&block[..whole]);
            self.place.offset += whole as u64;
        }
        if self.place.offset != begun_at {
            self.place.fingerprint(&self.file)?;
        }
        Ok(())
    }

    /// Hands over what is left of a file that nobody writes any more, a last line without its end included.
    pub(super) fn finish(mut self, mut take: impl FnMut(&[u8])) -> io::Result<()> {
        self.drain(&mut take)?;
        let mut rest = vec![0; BLOCK_BYTES];
        let n = self.file.read_at(&mut rest, self.place.offset)?;
        if n > 0 {
            take(&rest[..n]);
        }
        Ok(())
    }

    /// Begins the same file anew.
    pub(super) fn rewind(&mut self) -> io::Result<()> {
        self.place = Place::new(&self.file.metadata()?, 0);
        Ok(())
    }
}
