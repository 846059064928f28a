//! The tail: the bundle that is not full yet, as frames of group commits in one file.

use std::path::Path;

use tlog::checkpoint::VerifiedCheckpoint;
use tlog::tile::bundle;

use crate::disk::Disk;
use crate::error::OpenError;
use crate::files::{Files, failed};
use crate::keys::Keys;
use crate::layout::{BUNDLE, Layout};
use crate::seal::{self, Frame, MARK};
use edge::file::FileError;

/// The tail grows by this many bytes of zeros at a time. Writing over what is there already, a sync need not wait for the file system's journal.
const GROWTH: usize = 64 * 1024;

/// What a tail file was found to hold.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// The signed entries, as a bundle.
    pub(crate) entries: Vec<u8>,
    /// How many they are.
    pub(crate) count: u64,
    /// The frames that hold them.
    pub(crate) frames: Vec<u8>,
    /// The newest head in the file.
    pub(crate) head: Option<VerifiedCheckpoint>,
    /// Bytes above the last signed frame: from the first that is not zero to the last.
    pub(crate) torn_bytes: u64,
}

/// Reads a tail file whose first entry has the index `base`. Only frames under a head that a key of the log signed count; what follows the last of them was
/// never acknowledged. Where an older frame is spoilt and a newer one is signed, the file was altered.
pub(crate) fn read(path: &Path, bytes: &[u8], base: u64, keys: &Keys) -> Result<Found, OpenError> {
    let mut frames = walk(bytes);
    let mut found = Found::default();
    let mut end = 0;
    while let Some((count, frame_end, frame)) = frames.pop() {
        let head = keys.head(&frame.note()).filter(|h| h.checkpoint().size.get() == base + count);
        if head.is_some() {
            (found.head, found.count, end) = (head, count, frame_end);
            frames.push((count, frame_end, frame));
            break;
        }
    }
    found.entries = frames.iter().flat_map(|(_, _, f)| f.entries).copied().collect();
    found.frames = bytes[..end].to_vec();
    // The room that the tail grew by is zeros.
    let last = bytes.iter().rposition(|b| *b != 0).map_or(0, |last| last + 1);
    let rest = &bytes[end..last.max(end)];
    // Not only up to the last byte that is not zero: a masked head may end in one.
    if let Some(signed) = later_head(&bytes[end..], base + found.count, keys) {
        return Err(OpenError::TailAltered { path: path.to_owned(), from: base + found.count, signed });
    }
    found.torn_bytes = rest.iter().position(|b| *b != 0).map_or(0, |first| (rest.len() - first) as u64);
    Ok(found)
}

/// The frames from the beginning on, each with the number of entries up to it and the place of its end.
fn walk(bytes: &[u8]) -> Vec<(u64, usize, Frame<'_>)> {
    let mut frames = Vec::new();
    let (mut count, mut at) = (0, 0);
    while let Some(frame) = seal::decode(&bytes[at..]) {
        count += u64::from(frame.count);
        let whole = bundle::entries(frame.entries, frame.count).all(|e| e.is_ok());
        if frame.count == 0 || count > BUNDLE || !whole {
            break;
        }
        at += frame.length;
        frames.push((count, at, frame));
    }
    frames
}

/// The size of a head that stands anywhere in `rest` and covers more than `signed` entries.
fn later_head(rest: &[u8], signed: u64, keys: &Keys) -> Option<u64> {
    let marks = (0..rest.len()).filter(|at| rest[*at] == MARK[0] && rest[*at..].starts_with(&MARK));
    let heads = marks.filter_map(|at| keys.head(&seal::decode(&rest[at..])?.note()));
    heads.map(|h| h.checkpoint().size.get()).filter(|size| *size > signed).max()
}

/// The tail file as its writer holds it.
#[derive(Debug)]
pub(crate) struct TailFile<F> {
    file: F,
    /// Where the next frame goes.
    end: u64,
    /// Bytes that are there, zeros above `end`.
    length: u64,
}

impl<F> TailFile<F> {
    /// Begins or goes on with the tail of a bundle; `end` bytes of frames are in it.
    pub(crate) fn open<D: Disk<File = F>>(
        files: &mut Files<D>,
        layout: &Layout,
        index: u64,
        end: u64,
    ) -> Result<Self, FileError> {
        let path = layout.tail(index);
        let file = files.disk.open(&path).map_err(failed(&path, "open it"))?;
        files.sync_directory(&layout.writer())?;
        Ok(Self { file, end, length: end })
    }

    /// Writes a frame, syncs it, and reads it back: what comes back is what lies there.
    pub(crate) fn append<D: Disk<File = F>>(
        &mut self,
        disk: &D,
        path: &Path,
        frame: &[u8],
    ) -> Result<Vec<u8>, FileError> {
        let end = self.end + frame.len() as u64;
        if end > self.length {
            let room = vec![0; GROWTH];
            disk.write_at(&self.file, end, &room).map_err(failed(path, "make room in it"))?;
            self.length = end + GROWTH as u64;
        }
        disk.write_at(&self.file, self.end, frame).map_err(failed(path, "write it"))?;
        disk.sync_data(&self.file).map_err(failed(path, "sync it"))?;
        let mut back = vec![0; frame.len()];
        disk.read_at(&self.file, self.end, &mut back).map_err(failed(path, "read it back"))?;
        self.end = end;
        Ok(back)
    }
}
