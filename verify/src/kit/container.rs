//! The container: a subset of zip so strict that no two readers can see two things in it.
//!
//! Every byte of the file is accounted for, and every field that a header has is either fixed or said twice and equal. The files
//! themselves are read by name, whole, and their checksum is compared then.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicU8, Ordering};

use crate::source::ReadError;

mod headers;

use headers::{CENTRAL, Central, END, End, LOCAL, local};

/// Most bytes of one file in a kit.
pub(super) const FILE_BYTES_MAX: u32 = 64 * 1024 * 1024;
/// Most bytes of a name.
const NAME_BYTES_MAX: usize = 200;

/// Why a file is no kit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KitFault {
    /// It is longer than a kit can be.
    #[error("it is longer than 4 GiB")]
    TooLong,
    /// It does not end in an end record that fits it.
    #[error("it does not end as a kit does")]
    End,
    /// What the directory says of a file is not what a kit says.
    #[error("what its directory says of file {file} is not what a kit says")]
    Directory {
        /// Which file, counted from 0.
        file: usize,
    },
    /// A name that no file in a kit has.
    #[error(
        "file {file} has a name that no file in a kit has, or its name is not after that of the file before"
    )]
    Name {
        /// Which file, counted from 0.
        file: usize,
    },
    /// A file's own header says something else than the directory, or the file lies elsewhere.
    #[error("file {file} does not begin where and as its directory says")]
    Local {
        /// Which file, counted from 0.
        file: usize,
    },
}

/// Why a kit could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum KitOpenError {
    /// The system refused.
    #[error(transparent)]
    System(#[from] io::Error),
    /// It is something else.
    #[error(transparent)]
    NotAKit(#[from] KitFault),
}

/// One file of a kit.
#[derive(Debug)]
struct Entry {
    name: Range<usize>,
    start: u64,
    length: u32,
    crc: u32,
    state: AtomicU8,
}

/// What is known of a file's bytes.
const UNREAD: u8 = 0;
const WELL: u8 = 1;
const DAMAGED: u8 = 2;

/// A file whose container was found to be that of a kit.
#[derive(Debug)]
pub(super) struct Container {
    file: File,
    directory: Vec<u8>,
    entries: Vec<Entry>,
}

impl Container {
    /// Reads all headers. The files themselves are not looked at yet.
    pub(super) fn open(path: &Path) -> Result<Self, KitOpenError> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        if length > u64::from(u32::MAX) {
            return Err(KitFault::TooLong.into());
        }
        let end_start = length.checked_sub(END as u64).ok_or(KitFault::End)?;
        let mut end = [0; END];
        file.read_exact_at(&mut end, end_start)?;
        let end = End::read(&end).ok_or(KitFault::End)?;
        if u64::from(end.directory_start) + u64::from(end.directory_length) != end_start {
            return Err(KitFault::End.into());
        }
        // A directory longer than its files can make it is not worth reading.
        let directory_max = usize::from(end.files) * (CENTRAL + NAME_BYTES_MAX);
        let length = usize::try_from(end.directory_length).unwrap_or(usize::MAX);
        if length > directory_max {
            return Err(KitFault::End.into());
        }
        let mut directory = vec![0; length];
        file.read_exact_at(&mut directory, end.directory_start.into())?;
        let mut container = Self { file, directory, entries: Vec::with_capacity(end.files.into()) };
        container.read_directory(usize::from(end.files), end.directory_start)?;
        Ok(container)
    }

    fn read_directory(&mut self, files: usize, end: u32) -> Result<(), KitOpenError> {
        let (mut at, mut next) = (0, 0_u64);
        for file in 0..files {
            let fault = KitFault::Directory { file };
            let (header, rest) = self.directory[at..].split_first_chunk::<CENTRAL>().ok_or(fault)?;
            let central = Central::read(header).ok_or(fault)?;
            let name = rest.get(..central.name.into()).ok_or(fault)?;
            let before = self.entries.last().map(|entry| &self.directory[entry.name.clone()]);
            if !is_name(name) || before.is_some_and(|before| before >= name) {
                return Err(KitFault::Name { file }.into());
            }
            if central.length > FILE_BYTES_MAX {
                return Err(fault.into());
            }
            let header = local(&central, name);
            let mut found = [0; LOCAL + NAME_BYTES_MAX];
            let found = &mut found[..header.len()];
            let start = next + header.len() as u64;
            let stop = start + u64::from(central.length);
            if u64::from(central.start) != next || stop > u64::from(end) {
                return Err(KitFault::Local { file }.into());
            }
            self.file.read_exact_at(found, next)?;
            if found != header {
                return Err(KitFault::Local { file }.into());
            }
            let name = at + CENTRAL..at + CENTRAL + name.len();
            (at, next) = (name.end, stop);
            let state = AtomicU8::new(UNREAD);
            self.entries.push(Entry { name, start, length: central.length, crc: central.crc, state });
        }
        let whole = at == self.directory.len() && next == u64::from(end);
        if whole { Ok(()) } else { Err(KitFault::End.into()) }
    }

    /// The names of all files, in ascending order.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| self.name(entry))
    }

    fn name(&self, entry: &Entry) -> &str {
        // Only names of ASCII were let in.
        str::from_utf8(&self.directory[entry.name.clone()]).unwrap_or_default()
    }

    fn find(&self, name: &str) -> Option<&Entry> {
        let compare = |entry: &Entry| self.directory[entry.name.clone()].cmp(name.as_bytes());
        self.entries.binary_search_by(compare).ok().map(|at| &self.entries[at])
    }

    /// The bytes of a file, whatever its checksum says of them; that is remembered.
    pub(super) fn read_into(
        &self,
        name: &str,
        bytes_max: usize,
        buffer: &mut Vec<u8>,
    ) -> Result<(), ReadError> {
        let entry = self.find(name).ok_or(ReadError::Missing)?;
        let length = usize::try_from(entry.length).unwrap_or(usize::MAX);
        if length > bytes_max {
            return Err(ReadError::TooLong { bytes_max });
        }
        // Not cleared before: only bytes that were not in the buffer yet are set to zero.
        buffer.resize(length, 0);
        let read = self.file.read_exact_at(buffer, entry.start);
        read.map_err(|error| ReadError::System(error.kind()))?;
        let state = if crc32fast::hash(buffer) == entry.crc { WELL } else { DAMAGED };
        entry.state.store(state, Ordering::Relaxed);
        Ok(())
    }

    /// The files whose checksum is wrong. Reads those that nobody has read yet.
    pub(super) fn damaged(&self) -> Result<Vec<&str>, ReadError> {
        let mut buffer = Vec::new();
        let mut damaged = Vec::new();
        for entry in &self.entries {
            let name = self.name(entry);
            if entry.state.load(Ordering::Relaxed) == UNREAD {
                self.read_into(name, usize::MAX, &mut buffer)?;
            }
            if entry.state.load(Ordering::Relaxed) == DAMAGED {
                damaged.push(name);
            }
        }
        Ok(damaged)
    }
}

/// Whether a name is one that unpacks to the same place everywhere.
fn is_name(name: &[u8]) -> bool {
    let letter = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'/' | b'-');
    let component = |part: &[u8]| !matches!(part, b"" | b"." | b"..");
    (1..=NAME_BYTES_MAX).contains(&name.len())
        && name.iter().all(letter)
        && name.split(|byte| *byte == b'/').all(component)
}
