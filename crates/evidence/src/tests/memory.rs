//! A disk in memory that forgets: what was not synced is kept, dropped or kept in part when the power goes. Any of its operations can be
//! made to fail, or to be the last.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use edge::file::FileError;

use crate::disk::Disk;
use crate::files::parent;

/// The least that a disk writes at once, in bytes.
const SECTOR: usize = 512;

/// What happens at one operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It fails, and nothing of it happened. What a failed sync should have written never reaches the disk.
    Failed,
    /// It is done, and reported as failed.
    DoneButFailed,
    /// The process ends before it.
    KilledBefore,
    /// The process ends after it.
    KilledAfter,
}

pub(crate) const FAULTS: [Fault; 4] =
    [Fault::Failed, Fault::DoneButFailed, Fault::KilledBefore, Fault::KilledAfter];

/// Numbers by seed (SplitMix64): the same seed gives the same run everywhere.
#[derive(Debug, Clone)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub(crate) fn coin(&mut self) -> bool {
        self.below(2) == 0
    }
}

#[derive(Debug, Clone)]
enum Write {
    At(usize, Vec<u8>),
    Length(usize),
}

impl Write {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::At(at, new) => {
                bytes.resize(bytes.len().max(at + new.len()), 0);
                bytes[*at..at + new.len()].copy_from_slice(new);
            }
            Self::Length(length) => bytes.resize(*length, 0),
        }
    }
}

#[derive(Debug, Clone, Default)]
struct Inode {
    now: Vec<u8>,
    durable: Vec<u8>,
    pending: Vec<Write>,
}

impl Inode {
    fn write(&mut self, write: Write) {
        write.apply(&mut self.now);
        self.pending.push(write);
    }

    fn sync(&mut self) {
        for write in std::mem::take(&mut self.pending) {
            write.apply(&mut self.durable);
        }
    }

    /// What the disk has of it after the power went.
    fn after_power_cut(&mut self, random: &mut Random) {
        let mode = random.below(4);
        for write in std::mem::take(&mut self.pending) {
            match (mode, write) {
                (0, _) => {}
                (1, write) => write.apply(&mut self.durable),
                (2, write) => {
                    if random.coin() {
                        write.apply(&mut self.durable);
                    }
                }
                (_, Write::At(at, bytes)) => {
                    for (n, sector) in bytes.chunks(SECTOR).enumerate().filter(|_| random.coin()) {
                        Write::At(at + n * SECTOR, sector.to_vec()).apply(&mut self.durable);
                    }
                }
                (_, length @ Write::Length(_)) => length.apply(&mut self.durable),
            }
        }
        self.now.clone_from(&self.durable);
    }
}

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Entry {
    File(usize),
    Directory,
}

#[derive(Debug, Clone)]
enum Change {
    Set(PathBuf, Entry),
    Unset(PathBuf),
    Move(PathBuf, PathBuf, Entry),
}

impl Change {
    fn apply(&self, names: &mut BTreeMap<PathBuf, Entry>) {
        match self {
            Self::Set(name, entry) => _ = names.insert(name.clone(), *entry),
            Self::Unset(name) => _ = names.remove(name),
            Self::Move(from, to, entry) => {
                names.remove(from);
                names.insert(to.clone(), *entry);
            }
        }
    }

    fn directory(&self) -> &Path {
        match self {
            Self::Set(name, _) | Self::Unset(name) | Self::Move(name, _, _) => parent(name),
        }
    }
}

#[derive(Debug, Clone, Default)]
struct State {
    inodes: Vec<Inode>,
    names: BTreeMap<PathBuf, Entry>,
    durable: BTreeMap<PathBuf, Entry>,
    pending: Vec<Change>,
    done: u64,
    plan: Option<(u64, Fault)>,
    dead: bool,
    last: &'static str,
    read: BTreeSet<PathBuf>,
}

impl State {
    /// Counts an operation, and says what becomes of it.
    fn begin(&mut self, name: &'static str) -> io::Result<Option<Fault>> {
        if self.dead {
            return Err(io::Error::other("the process is dead"));
        }
        self.done += 1;
        let fault = self.plan.filter(|(at, _)| *at == self.done).map(|(_, fault)| fault);
        if fault.is_some() {
            self.last = name;
        }
        self.dead |= matches!(fault, Some(Fault::KilledBefore | Fault::KilledAfter));
        Ok(fault)
    }

    fn change(&mut self, change: Change) {
        change.apply(&mut self.names);
        self.pending.push(change);
    }

    fn file(&self, path: &Path) -> io::Result<usize> {
        match self.names.get(path) {
            Some(Entry::File(id)) => Ok(*id),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

/// See the module. Clones are the same disk.
#[derive(Debug, Clone, Default)]
pub(crate) struct MemoryDisk(Rc<RefCell<State>>);

impl MemoryDisk {
    /// A disk with this directory on it.
    pub(crate) fn new(directory: &Path) -> Self {
        let disk = Self::default();
        for above in directory.ancestors() {
            disk.0.borrow_mut().names.insert(above.to_owned(), Entry::Directory);
        }
        let names = disk.0.borrow().names.clone();
        disk.0.borrow_mut().durable = names;
        disk
    }

    /// Another disk with the same on it.
    pub(crate) fn copied(&self) -> Self {
        Self(Rc::new(RefCell::new(self.0.borrow().clone())))
    }

    /// From now on, the nth operation goes wrong.
    pub(crate) fn plan(&self, nth: u64, fault: Fault) {
        let mut state = self.0.borrow_mut();
        state.plan = Some((state.done + nth, fault));
    }

    /// Operations so far.
    pub(crate) fn operations(&self) -> u64 {
        self.0.borrow().done
    }

    /// The operation that went wrong; none where the plan was not reached.
    pub(crate) fn struck(&self) -> Option<&'static str> {
        let state = self.0.borrow();
        state.plan.filter(|(at, _)| *at <= state.done).map(|_| state.last)
    }

    /// A new process on the same machine: what was written is in its page cache, synced or not.
    pub(crate) fn restart(&self) {
        let mut state = self.0.borrow_mut();
        (state.dead, state.plan) = (false, None);
    }

    /// The power goes, and comes back.
    pub(crate) fn power_cut(&self, random: &mut Random) {
        let mut state = self.0.borrow_mut();
        (state.dead, state.plan) = (false, None);
        for inode in &mut state.inodes {
            inode.after_power_cut(random);
        }
        let pending = std::mem::take(&mut state.pending);
        let mode = random.below(4);
        let kept = random.below(pending.len() as u64 + 1);
        for (n, change) in (0..).zip(pending) {
            let keep = match mode {
                0 => false,
                1 => true,
                2 => n < kept,
                _ => random.coin(),
            };
            if keep {
                change.apply(&mut state.durable);
            }
        }
        // Nothing is found in a directory that is not there.
        let all = state.durable.clone();
        state.durable.retain(|name, _| name.ancestors().skip(1).all(|a| all.contains_key(a)));
        state.names = state.durable.clone();
    }

    /// A file's bytes.
    pub(crate) fn content(&self, path: &Path) -> Option<Vec<u8>> {
        let state = self.0.borrow();
        state.file(path).ok().map(|id| state.inodes[id].now.clone())
    }

    /// Puts a file there, durably, as somebody else would.
    pub(crate) fn put(&self, path: &Path, bytes: &[u8]) {
        let mut state = self.0.borrow_mut();
        let id = state.inodes.len();
        state.inodes.push(Inode { now: bytes.to_vec(), durable: bytes.to_vec(), pending: Vec::new() });
        state.names.insert(path.to_owned(), Entry::File(id));
        state.durable.insert(path.to_owned(), Entry::File(id));
    }

    /// Takes a file away, durably, as somebody else would.
    pub(crate) fn take(&self, path: &Path) {
        let mut state = self.0.borrow_mut();
        state.names.remove(path);
        state.durable.remove(path);
    }

    /// The files that were read since the last time it was asked.
    pub(crate) fn files_read(&self) -> BTreeSet<PathBuf> {
        std::mem::take(&mut self.0.borrow_mut().read)
    }

    /// All files.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let state = self.0.borrow();
        state.names.iter().filter(|(_, e)| **e != Entry::Directory).map(|(name, _)| name.clone()).collect()
    }

    /// Runs one operation: what the fault makes of it.
    fn run(&self, name: &'static str, act: impl FnOnce(&mut State) -> io::Result<()>) -> io::Result<()> {
        let mut state = self.0.borrow_mut();
        let fault = state.begin(name)?;
        if !matches!(fault, Some(Fault::Failed | Fault::KilledBefore)) {
            act(&mut state)?;
        }
        if fault.is_some() { Err(io::Error::other(format!("{fault:?} at {name}"))) } else { Ok(()) }
    }

    fn sync(&self, name: &'static str, file: usize) -> io::Result<()> {
        let done = self.run(name, |state| {
            state.inodes[file].sync();
            Ok(())
        });
        let mut state = self.0.borrow_mut();
        if done.is_err() && !state.dead {
            // The kernel marks the pages clean all the same.
            state.inodes[file].pending.clear();
        }
        done
    }
}

impl Disk for MemoryDisk {
    type File = usize;
    type Lock = ();

    fn lock(&self, _: &Path) -> Result<(), FileError> {
        Ok(())
    }

    fn exists(&self, path: &Path) -> bool {
        self.0.borrow().names.contains_key(path)
    }

    fn read(&self, path: &Path, max: u64) -> io::Result<Vec<u8>> {
        let mut state = self.0.borrow_mut();
        if state.dead {
            return Err(io::Error::other("the process is dead"));
        }
        state.read.insert(path.to_owned());
        let bytes = state.inodes[state.file(path)?].now.clone();
        if bytes.len() as u64 <= max { Ok(bytes) } else { Err(io::Error::other("too large")) }
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<PathBuf>> {
        let state = self.0.borrow();
        match state.names.get(directory) {
            Some(Entry::Directory) if !state.dead => {
                Ok(state.names.keys().filter(|n| n.parent() == Some(directory)).cloned().collect())
            }
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn open(&self, path: &Path) -> io::Result<usize> {
        if !self.exists(path) {
            self.run("create", |state| {
                if state.names.get(parent(path)) != Some(&Entry::Directory) {
                    return Err(io::ErrorKind::NotFound.into());
                }
                let id = state.inodes.len();
                state.inodes.push(Inode::default());
                state.change(Change::Set(path.to_owned(), Entry::File(id)));
                Ok(())
            })?;
        }
        self.0.borrow().file(path)
    }

    fn read_at(&self, file: &usize, at: u64, bytes: &mut [u8]) -> io::Result<()> {
        let at = usize::try_from(at).unwrap();
        self.run("read", |state| {
            let there = state.inodes[*file].now.get(at..at + bytes.len());
            bytes.copy_from_slice(there.ok_or(io::ErrorKind::UnexpectedEof)?);
            Ok(())
        })
    }

    fn write_at(&self, file: &usize, at: u64, bytes: &[u8]) -> io::Result<()> {
        let at = usize::try_from(at).unwrap();
        self.run("write", |state| {
            state.inodes[*file].write(Write::At(at, bytes.to_vec()));
            Ok(())
        })
    }

    fn truncate(&self, file: &usize, length: u64) -> io::Result<()> {
        let length = usize::try_from(length).unwrap();
        self.run("truncate", |state| {
            state.inodes[*file].write(Write::Length(length));
            Ok(())
        })
    }

    fn sync_data(&self, file: &usize) -> io::Result<()> {
        self.sync("fdatasync", *file)
    }

    fn sync_all(&self, file: &usize) -> io::Result<()> {
        self.sync("fsync", *file)
    }

    fn sync_directory(&self, directory: &Path) -> io::Result<()> {
        self.run("sync the directory", |state| {
            let pending = std::mem::take(&mut state.pending);
            let (now, later): (Vec<_>, Vec<_>) =
                pending.into_iter().partition(|change| change.directory() == directory);
            for change in now {
                change.apply(&mut state.durable);
            }
            state.pending = later;
            Ok(())
        })
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.run("rename", |state| {
            let id = state.file(from)?;
            state.change(Change::Move(from.to_owned(), to.to_owned(), Entry::File(id)));
            Ok(())
        })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.run("remove", |state| {
            state.file(path)?;
            state.change(Change::Unset(path.to_owned()));
            Ok(())
        })
    }

    fn remove_directory(&self, path: &Path) -> io::Result<()> {
        self.run("remove the directory", |state| {
            if state.names.keys().any(|n| n.parent() == Some(path)) {
                return Err(io::ErrorKind::DirectoryNotEmpty.into());
            }
            state.change(Change::Unset(path.to_owned()));
            Ok(())
        })
    }

    fn make_directory(&self, path: &Path) -> io::Result<()> {
        self.run("make the directory", |state| {
            if state.names.get(parent(path)) != Some(&Entry::Directory) {
                return Err(io::ErrorKind::NotFound.into());
            }
            state.change(Change::Set(path.to_owned(), Entry::Directory));
            Ok(())
        })
    }

    fn check_private(&self, _: &Path) -> Result<(), FileError> {
        Ok(())
    }
}
