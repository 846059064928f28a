//! The files that are followed: which they are, what became of each, and how far each was read.
//!
//! A file is known by device and inode as long as it is open here, so that none can be taken for another; its name may change. Only files that
//! something happened to are looked at, but for one look at all of them now and then.

mod cut;
mod met;
mod resume;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use contract::heartbeat::LogSource;
use contract::record::LineLoss;
use contract::time::MonoNs;

use super::listing::{FILES_MAX, Scope};
use super::place::{FileId, Place};
use super::reading::{Files, Reading, STORE_MS};
use super::tail::{BLOCK_BYTES, Tail};

/// A writer goes on with the old file for a while after it was renamed.
const RETIRE_MS: u64 = 10_000;
/// So much of one file is read in one turn: the others get theirs.
const TURN_BYTES: u64 = 4 << 20;
/// Places of files that are followed no longer, should they be written to again.
const DORMANT_MAX: usize = 1_024;

/// What is known to have happened to a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Touch {
    /// Something was written there, or it went away.
    Changed,
    /// A file was made there, or got this name.
    Appeared,
}

/// What is to be looked at.
#[derive(Debug, Default)]
pub(super) struct Due {
    /// Every file there is.
    pub(super) all: bool,
    /// Every file that is followed.
    pub(super) known: bool,
    pub(super) paths: BTreeMap<PathBuf, Touch>,
    /// Names that are no log's, of new files: copies of logs may be among them.
    pub(super) made: Vec<PathBuf>,
    /// Names that are no log's, of files that had a log's name a moment ago.
    pub(super) moved: BTreeSet<PathBuf>,
}

/// The followed files.
#[derive(Debug)]
pub(super) struct Followed {
    scope: Scope,
    tails: BTreeMap<FileId, Tail>,
    names: BTreeMap<PathBuf, FileId>,
    /// Read to their end and let go of.
    dormant: BTreeMap<FileId, (PathBuf, Place)>,
    /// Names that are links, and lead to where the kernel has to be asked about too.
    links: BTreeSet<PathBuf>,
    /// Where files begin that we have not seen yet: at their end the first time, else at their start.
    unseen_from_end: bool,
    /// What was made after this is new: when an earlier run last said how far it had read.
    since: Option<SystemTime>,
    /// There are more files than are followed: one that is not known need not be new.
    is_overfull: bool,
    /// Files that may not be read: each is named once.
    unreadable: BTreeSet<PathBuf>,
    /// Directories that may not be looked into.
    closed: Vec<PathBuf>,
    /// Files with more to read than one turn may.
    unfinished: BTreeSet<FileId>,
    /// How long it took to list them all.
    listing_ms: u64,
    block: Vec<u8>,
    dirty: bool,
    stored: MonoNs,
}

impl Followed {
    fn new(scope: Scope, unseen_from_end: bool, since: Option<SystemTime>) -> Self {
        Self {
            scope,
            tails: BTreeMap::new(),
            names: BTreeMap::new(),
            dormant: BTreeMap::new(),
            links: BTreeSet::new(),
            unseen_from_end,
            since,
            is_overfull: false,
            unreadable: BTreeSet::new(),
            closed: Vec::new(),
            unfinished: BTreeSet::new(),
            listing_ms: 0,
            block: vec![0; BLOCK_BYTES],
            dirty: true,
            stored: MonoNs(0),
        }
    }

    /// Looks at what is due, and reads what is there, a turn of each.
    pub(super) fn round(&mut self, mut due: Due, reading: &mut Reading) {
        let now = edge::clock::mono();
        if due.all || due.known {
            let names = self.names.keys().cloned().map(|p| (p, Touch::Changed)).collect::<Vec<_>>();
            for (path, touch) in names {
                due.paths.entry(path).or_insert(touch);
            }
        }
        if due.all {
            self.find_all(&mut due, reading);
        }
        for path in &due.made {
            self.was_copied(path, now, reading);
        }
        // Those that are known first: what was cut or renamed tells what a new file is.
        let known: Vec<_> = due.paths.keys().filter(|p| self.names.contains_key(*p)).cloned().collect();
        let (copies, known): (Vec<_>, Vec<_>) = known.into_iter().partition(|p| self.is_copy(p));
        for path in known.iter().chain(&copies) {
            self.look(path, now, reading);
        }
        for (path, touch) in &due.paths {
            if !self.names.contains_key(path) {
                self.meet(path, *touch, now, reading);
            }
        }
        for path in &due.moved {
            self.meet_moved(path, now, reading);
        }
        self.unseen_from_end = false;
        let unfinished = std::mem::take(&mut self.unfinished);
        let nameless = self.tails.iter().filter(|(_, t)| t.nameless).map(|(id, _)| *id);
        let further: BTreeSet<_> = unfinished.into_iter().chain(nameless).collect();
        for id in further {
            self.drain(id, now, reading);
        }
        reading.tell(now);
    }

    /// Adds every log file there is.
    fn find_all(&mut self, due: &mut Due, reading: &Reading) {
        let began = edge::clock::mono();
        let listing = self.scope.list();
        self.listing_ms = edge::clock::mono().ms_since(began);
        self.is_overfull = listing.beyond > 0;
        self.closed = listing.closed;
        // What is in a closed directory nobody can count: each is one at least.
        let unreadable = self.unreadable.len() + self.closed.len();
        let unfollowed = listing.beyond + unreadable as u64;
        reading.pulse().source(LogSource::Files, |s| s.unfollowed = unfollowed);
        let first_look = if self.is_overfull { Touch::Changed } else { Touch::Appeared };
        for path in listing.paths {
            due.paths.entry(path).or_insert(first_look);
        }
    }

    fn is_copy(&self, path: &Path) -> bool {
        self.names.get(path).and_then(|id| self.tails.get(id)).is_some_and(|t| t.is_copy)
    }

    /// A name that is known: the same file still, or cut, or another one, or none.
    fn look(&mut self, path: &Path, now: MonoNs, reading: &mut Reading) {
        let Some(&id) = self.names.get(path) else { return };
        let named = std::fs::metadata(path).ok().map(|m| FileId::of(&m));
        if named == Some(id) {
            return self.go_on(id, now, reading);
        }
        self.names.remove(path);
        self.dirty = true;
        if let Some(tail) = self.tails.get_mut(&id) {
            (tail.nameless, tail.stirred) = (true, now);
        }
        self.meet(path, Touch::Appeared, now, reading);
    }

    /// A file that is followed: read on, or from its start where it was cut.
    fn go_on(&mut self, id: FileId, now: MonoNs, reading: &mut Reading) {
        let Some(tail) = self.tails.get(&id) else { return };
        match tail.is_whole() {
            Ok(true) if tail.is_copy => self.compare(id),
            Ok(true) => {}
            Ok(false) => self.was_cut(id, now, reading),
            Err(_) => return self.unreadable(id, reading),
        }
        self.drain(id, now, reading);
    }

    /// Reads one turn of a file.
    fn drain(&mut self, id: FileId, now: MonoNs, reading: &mut Reading) {
        let Some(tail) = self.tails.get_mut(&id) else { return };
        let path = tail.path.clone();
        let source = self.scope.source(&path);
        let take = |lines: &[u8]| reading.take_file(&source, lines, now);
        let drained = tail.drain(&mut self.block, TURN_BYTES, take);
        match drained {
            Ok(drained) => {
                if drained.cut > 0 {
                    reading.lost(LineLoss::TooLong, drained.cut);
                }
                if drained.more {
                    self.unfinished.insert(id);
                }
                if drained.bytes > 0 {
                    (tail.stirred, self.dirty) = (now, true);
                }
            }
            Err(_) => self.unreadable(id, reading),
        }
    }

    /// It was opened and cannot be read: a disk that fails, or a network that went. It is met again when something happens to it.
    fn unreadable(&mut self, id: FileId, reading: &mut Reading) {
        reading.lost(LineLoss::Unreadable, 1);
        self.forget(id);
    }

    /// Follows a file no longer, and keeps its place.
    fn forget(&mut self, id: FileId) {
        let Some(mut tail) = self.tails.remove(&id) else { return };
        tail.place.over = true;
        self.unfinished.remove(&id);
        if self.names.get(&tail.path) == Some(&id) {
            self.names.remove(&tail.path);
        }
        self.links.remove(&tail.path);
        if self.dormant.len() >= DORMANT_MAX {
            self.dormant.pop_first();
        }
        self.dormant.insert(id, (tail.path, tail.place));
        self.dirty = true;
    }

    /// Lets go of files without a name that nobody wrote to for `after_ms`.
    fn release(&mut self, after_ms: u64, reading: &mut Reading) {
        let now = edge::clock::mono();
        let is_over = |t: &Tail| t.nameless && now.ms_since(t.stirred) >= after_ms;
        let over = self.tails.iter().filter(|(id, t)| is_over(t) && !self.unfinished.contains(id));
        let over: Vec<_> = over.map(|(id, _)| *id).collect();
        for id in over {
            if let Some(tail) = self.tails.get_mut(&id) {
                let path = tail.path.clone();
                let source = self.scope.source(&path);
                let _ = tail.finish(&mut self.block, |lines| reading.take_file(&source, lines, now));
            }
            self.forget(id);
        }
    }

    /// How far everything was read.
    fn places(&self) -> Vec<(PathBuf, Place)> {
        let tails = self.tails.values().map(|t| (t.path.clone(), t.place.clone()));
        tails.chain(self.dormant.values().cloned()).collect()
    }

    /// The names of what is followed, and of what may not be read.
    pub(super) fn names(&self) -> Files {
        Files {
            followed: self.tails.values().map(|t| t.path.clone()).collect(),
            // Whatever log lies in a closed directory may not be read either.
            unreadable: self
                .unreadable
                .iter()
                .cloned()
                .chain(self.closed.iter().map(|d| d.join("any.log")))
                .collect(),
        }
    }

    /// How many files are followed.
    pub(super) fn len(&self) -> usize {
        self.tails.len()
    }

    /// How long the last look at all directories took.
    pub(super) const fn listing_ms(&self) -> u64 {
        self.listing_ms
    }

    /// True where there is something to do soon, even if nothing is written.
    pub(super) fn is_restless(&self) -> bool {
        self.dirty || self.tails.values().any(|t| t.nameless)
    }

    /// True where there is more to read at once.
    pub(super) fn is_behind(&self) -> bool {
        !self.unfinished.is_empty()
    }

    /// True where names are to be told that [`Self::is_log`](Scope::is_log) is false for: one of them may be a file that was let go of.
    pub(super) fn wants_others(&self) -> bool {
        !self.dormant.is_empty()
    }

    /// Names that are links.
    pub(super) const fn links(&self) -> &BTreeSet<PathBuf> {
        &self.links
    }

    /// The last round: what was renamed a moment ago is read to its end too.
    pub(super) fn end(&mut self, reading: &mut Reading) {
        self.round(Due { all: true, ..Due::default() }, reading);
        // Read to their end, after they lost their names: should they be deleted meanwhile, it is no loss.
        for tail in self.tails.values_mut().filter(|t| t.nameless) {
            tail.place.over = true;
        }
        self.store(reading);
    }

    /// What is due after a round.
    pub(super) fn after(&mut self, reading: &mut Reading) {
        self.release(RETIRE_MS, reading);
        let now = edge::clock::mono();
        self.dirty |= reading.settle();
        if reading.has_news(now) || (self.dirty && now.ms_since(self.stored) >= STORE_MS) {
            self.store(reading);
        }
    }

    fn store(&mut self, reading: &mut Reading) {
        if reading.store(Some(self.places())) {
            (self.dirty, self.stored) = (false, edge::clock::mono());
        }
    }
}

/// A file that cannot be opened is told of once: at every look it would fill our own log. By its number, since names may be people's; `find -inum`
/// has the name.
fn complain(id: FileId, error: &io::Error) {
    tracing::warn!(file = ?id, %error, "a log file is not followed: its detectors see nothing");
}

/// True where another file may be followed.
const fn has_room(followed: usize) -> bool {
    followed < FILES_MAX
}
