//! One file, read from where it was left.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use contract::time::MonoNs;

use super::place::{self, FileId, HEAD_BYTES, Place};

/// So much is read at once, and so much of a line is looked at: what is longer is counted, and skipped up to its end.
pub(super) const BLOCK_BYTES: usize = 64 * 1024;
/// A file with a NUL this early is not text.
const SNIFF_BYTES: usize = 512;

#[derive(Debug)]
pub(super) struct Tail {
    file: File,
    pub(super) place: Place,
    /// How it begins, as far as it was read.
    head: Vec<u8>,
    /// The name that it has, or had last.
    pub(super) path: PathBuf,
    /// Since when it has none that is followed: renamed or deleted, and its writer may not have let go of it yet.
    pub(super) nameless: bool,
    /// When it last had something to read, or lost its name.
    pub(super) stirred: MonoNs,
    /// True while it holds nothing but what was read elsewhere.
    pub(super) is_copy: bool,
}

/// Where to begin.
#[derive(Debug)]
pub(super) enum From {
    Start,
    End,
    Place(Place),
}

/// What a turn of reading came to.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Drained {
    /// Bytes read.
    pub(super) bytes: u64,
    /// Lines of which only the beginning was looked at.
    pub(super) cut: u64,
    /// True where there is more than one turn may read.
    pub(super) more: bool,
}

/// Opens a regular file; anything else is nothing. A pipe in its place would otherwise hold us for ever.
pub(super) fn open(path: &Path) -> io::Result<Option<File>> {
    let nonblocking = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or(0);
    let file = OpenOptions::new().read(true).custom_flags(nonblocking).open(path)?;
    Ok(file.metadata()?.is_file().then_some(file))
}

/// As [`open`], and nothing where it is no text.
pub(super) fn open_text(path: &Path) -> io::Result<Option<File>> {
    let Some(file) = open(path)? else { return Ok(None) };
    let mut sniffed = [0; SNIFF_BYTES];
    let n = file.read_at(&mut sniffed, 0)?;
    Ok((!sniffed[..n].contains(&0)).then_some(file))
}

impl Tail {
    pub(super) fn begin(file: File, path: &Path, from: From, now: MonoNs) -> io::Result<Self> {
        let metadata = file.metadata()?;
        let id = FileId::of(&metadata);
        let place = match from {
            From::Start => Place::start(id),
            From::End => Place::end(&file, &metadata)?,
            // Under the inode it has now: a copy is another one, with the same beginning.
            From::Place(place) => place.moved_to(id),
        };
        let head = place.begun(&file)?;
        let path = path.to_owned();
        Ok(Self { file, place, head, path, nameless: false, stirred: now, is_copy: false })
    }

    /// True where it still is what was read, perhaps longer; false where it was cut and written anew. An equal length proves nothing: content
    /// is compared.
    pub(super) fn is_whole(&self) -> io::Result<bool> {
        self.place.is_in(&self.file)
    }

    /// True where `file` holds nothing but what this one holds.
    pub(super) fn has_all_of(&self, file: &File) -> io::Result<bool> {
        place::is_copy(&self.file, file, file.metadata()?.len())
    }

    /// True where `file` begins with the same bytes, as far as both go and a fingerprint goes. One that is empty is like no other.
    pub(super) fn begins_like(&self, file: &File) -> io::Result<bool> {
        let (mut one, mut other) = ([0; HEAD_BYTES], [0; HEAD_BYTES]);
        let (n, m) = (self.file.read_at(&mut one, 0)?, file.read_at(&mut other, 0)?);
        let both = n.min(m);
        Ok((n > 0 || m == 0) && one[..both] == other[..both])
    }

    /// Hands over whole lines up to the end, or until `most` bytes are read.
    pub(super) fn drain(
        &mut self,
        block: &mut [u8],
        most: u64,
        mut take: impl FnMut(&[u8]),
    ) -> io::Result<Drained> {
        let mut drained = Drained::default();
        loop {
            let n = self.file.read_at(block, self.place.offset)?;
            let read = &block[..n];
            if n == block.len() && read.iter().all(|&b| b == 0) && self.pass_hole(n)? {
                continue;
            }
            let until_end = |b: &[u8]| b.iter().position(|&b| b == b'\n').map_or(b.len(), |n| n + 1);
            let used = if self.place.within {
                let used = until_end(read);
                self.place.within = !read[..used].ends_with(b"\n");
                used
            } else if read.first() == Some(&0) {
                // A hole: its writer went on at its old place after the file was cut.
                read.iter().position(|&b| b != 0).unwrap_or(n)
            } else {
                match read.iter().rposition(|&b| b == b'\n') {
                    Some(last) => {
                        take(&read[..=last]);
                        last + 1
                    }
                    None if n == block.len() => {
                        take(read);
                        drained.cut += 1;
                        self.place.within = true;
                        n
                    }
                    // Nothing, or a line that is still being written.
                    None => 0,
                }
            };
            if used == 0 {
                return Ok(drained);
            }
            self.place.advance(&read[..used], &mut self.head);
            drained.bytes += used as u64;
            if drained.bytes >= most {
                drained.more = true;
                return Ok(drained);
            }
        }
    }

    /// Passes over a hole to the block before what stands behind it; false where there is none. A file may be said to be as long as no disk is.
    fn pass_hole(&mut self, block: usize) -> io::Result<bool> {
        let data = match rustix::fs::seek(&self.file, rustix::fs::SeekFrom::Data(self.place.offset)) {
            Ok(data) => data,
            Err(rustix::io::Errno::NXIO) => self.file.metadata()?.len(),
            // A file system that knows of no holes.
            Err(_) => return Ok(false),
        };
        let before = data.saturating_sub(block as u64);
        if before <= self.place.offset {
            return Ok(false);
        }
        self.place = self.place.clone().at(&self.file, before)?;
        Ok(true)
    }

    /// Hands over a last line that has no end, of a file that nobody writes any more.
    pub(super) fn finish(&mut self, block: &mut [u8], take: impl FnOnce(&[u8])) -> io::Result<()> {
        let n = self.file.read_at(block, self.place.offset)?;
        if n > 0 && !self.place.within {
            take(&block[..n]);
        }
        self.place.advance(&block[..n], &mut self.head);
        Ok(())
    }

    /// Begins the same file anew.
    pub(super) fn rewind(&mut self) {
        self.place = Place::start(self.place.id());
        self.head.clear();
    }

    /// It was read under another name, so far.
    pub(super) fn read_as(&mut self, other: Self) {
        (self.place, self.head) = (other.place, other.head);
    }

    /// Passes over everything that it holds now.
    pub(super) fn skip(&mut self) -> io::Result<()> {
        self.place = Place::end(&self.file, &self.file.metadata()?)?;
        self.head = self.place.begun(&self.file)?;
        Ok(())
    }
}
