//! How far a log file was read, in a way that a rotated, truncated or replaced file cannot be mistaken for it: device, inode, offset, and
//! fingerprints of how it begins and of what was read last.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};

use contract::digest::Digest;
use serde::{Deserialize, Serialize};

/// So much of a file's beginning is its fingerprint: a syslog line with its time.
pub(super) const HEAD_BYTES: usize = 256;
/// So much before the offset is compared too: a file that was cut and has grown beyond the offset again may begin as it did before.
const LAST_BYTES: usize = 64;

/// Which file it is, as long as it is not deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FileId(u64, u64);

impl FileId {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self(metadata.dev(), metadata.ino())
    }

    pub(super) const fn has_inode(self, inode: u64) -> bool {
        self.1 == inode
    }
}

/// How far one file was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Place {
    device: u64,
    inode: u64,
    /// Bytes read.
    pub(super) offset: u64,
    /// So many of the first bytes, all of them read, have this digest.
    head_bytes: usize,
    head: Digest,
    /// So many bytes before the offset have this digest.
    #[serde(default)]
    last_bytes: usize,
    #[serde(default = "nothing")]
    last: Digest,
    /// True within a line that is too long: what follows belongs to it, up to its end.
    #[serde(default)]
    pub(super) within: bool,
    /// True where it is followed no longer, since nobody wrote to it: that it goes is no loss.
    #[serde(default)]
    pub(super) over: bool,
}

fn nothing() -> Digest {
    Digest::of(b"")
}

impl Place {
    /// The beginning of a file.
    pub(super) fn start(id: FileId) -> Self {
        let FileId(device, inode) = id;
        let (head, last) = (nothing(), nothing());
        Self {
            device,
            inode,
            offset: 0,
            head_bytes: 0,
            head,
            last_bytes: 0,
            last,
            within: false,
            over: false,
        }
    }

    pub(super) const fn id(&self) -> FileId {
        FileId(self.device, self.inode)
    }

    /// The same place in a copy.
    pub(super) fn moved_to(self, id: FileId) -> Self {
        let FileId(device, inode) = id;
        Self { device, inode, ..self }
    }

    /// `read` was read from here on. `head` is how the file begins, as far as it was read. The fingerprints are made of what was read and
    /// not of what is in the file by now: it may have been cut in between.
    pub(super) fn advance(&mut self, read: &[u8], head: &mut Vec<u8>) {
        let wanted = HEAD_BYTES - head.len().min(HEAD_BYTES);
        if wanted > 0 && self.offset == head.len() as u64 {
            head.extend_from_slice(&read[..read.len().min(wanted)]);
            (self.head_bytes, self.head) = (head.len(), Digest::of(head));
        }
        self.offset += read.len() as u64;
        if !read.is_empty() {
            let last = &read[read.len().saturating_sub(LAST_BYTES)..];
            (self.last_bytes, self.last) = (last.len(), Digest::of(last));
        }
    }

    /// At the end of `file`, whose content was not read, with the fingerprints of what stands there.
    pub(super) fn end(file: &File, metadata: &Metadata) -> io::Result<Self> {
        let mut place = Self::start(FileId::of(metadata));
        place.offset = metadata.len();
        let length = usize::try_from(place.offset).unwrap_or(usize::MAX);
        (place.head_bytes, place.last_bytes) = (length.min(HEAD_BYTES), length.min(LAST_BYTES));
        let missing = || io::Error::from(io::ErrorKind::UnexpectedEof);
        place.head = digest(file, 0, place.head_bytes)?.ok_or_else(missing)?;
        place.last =
            digest(file, place.offset - place.last_bytes as u64, place.last_bytes)?.ok_or_else(missing)?;
        Ok(place)
    }

    /// Further on in `file`, with the fingerprint of what stands before it there. What lies between was not read, and is nothing but a hole.
    pub(super) fn at(mut self, file: &File, offset: u64) -> io::Result<Self> {
        let bytes = usize::try_from(offset).unwrap_or(usize::MAX).min(LAST_BYTES);
        let missing = || io::Error::from(io::ErrorKind::UnexpectedEof);
        self.last = digest(file, offset - bytes as u64, bytes)?.ok_or_else(missing)?;
        (self.offset, self.last_bytes) = (offset, bytes);
        Ok(self)
    }

    /// True where `file` begins as the one that was read, and still holds what was read last.
    pub(super) fn is_in(&self, file: &File) -> io::Result<bool> {
        let last_from = self.offset.saturating_sub(self.last_bytes as u64);
        Ok(file.metadata()?.len() >= self.offset
            && digest(file, 0, self.head_bytes)? == Some(self.head)
            && digest(file, last_from, self.last_bytes)? == Some(self.last))
    }

    /// True where something of it was read, so that its content can tell it from others.
    pub(super) const fn has_fingerprint(&self) -> bool {
        self.head_bytes > 0
    }

    /// How the file begins, so far as it is read, where that is not all of a fingerprint yet.
    pub(super) fn begun(&self, file: &File) -> io::Result<Vec<u8>> {
        let mut head = vec![0; self.head_bytes];
        file.read_exact_at(&mut head, 0)?;
        Ok(head)
    }
}

/// True where `file`, of `length` bytes, holds nothing but what stands at the same place in `original`: a copy that is being made, or was
/// made. An empty one may become one.
pub(super) fn is_copy(original: &File, file: &File, length: u64) -> io::Result<bool> {
    let bytes = usize::try_from(length).unwrap_or(usize::MAX).min(HEAD_BYTES);
    let last = bytes.min(LAST_BYTES);
    let last_from = length - last as u64;
    Ok(digest(original, 0, bytes)? == digest(file, 0, bytes)?
        && digest(original, last_from, last)? == digest(file, last_from, last)?)
}

/// The digest of `bytes` from `from` on; nothing where the file is shorter.
fn digest(file: &File, from: u64, bytes: usize) -> io::Result<Option<Digest>> {
    let mut buffer = [0; HEAD_BYTES];
    match file.read_exact_at(&mut buffer[..bytes], from) {
        Ok(()) => Ok(Some(Digest::of(&buffer[..bytes]))),
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(e) => Err(e),
    }
}
