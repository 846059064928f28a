//! Log files: every text file with a log's name in the followed directories, through rotation by rename, by copy and truncation, and across
//! restarts.

use std::collections::BTreeMap;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use contract::time::MonoNs;
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};

use super::place::{self, Fate, Place, Remembered};
use super::tail::{From, Tail, open_text};
use super::{NoLogs, Reading, is_log_name, rotated};
use crate::thread::{Stop, Woken};

/// Far more than any machine of ours has; beyond it the rest is named and not followed.
const FILES_MAX: usize = 128;
/// Writes that come together are read together.
const SETTLE: Duration = Duration::from_millis(30);
/// Looked at without being told, in case the kernel dropped an event.
const IDLE: Duration = Duration::from_secs(30);
/// Positions are written this often, and when we stop.
const STORE_MS: u64 = 5_000;
/// A writer goes on with the old file for a while after it was renamed.
const RETIRE_MS: u64 = 10_000;

/// `root` and the directories right below it, without the journal's own.
pub fn below(root: &Path) -> Vec<PathBuf> {
    let mut directories = vec![root.to_owned()];
    if let Ok(entries) = std::fs::read_dir(root) {
        let directory = |e: &std::fs::DirEntry| e.file_type().is_ok_and(|t| t.is_dir()) && e.file_name() != "journal";
        directories.extend(entries.flatten().filter(directory).map(|e| e.path()));
    }
    directories.sort();
    directories
}

/// Follows the log files in `directories` until told to stop. `positions` is where their places are kept.
pub fn follow(directories: &[PathBuf], positions: &Path, reading: &mut Reading, stop: &Stop) -> Result<(), NoLogs> {
    let refused = |e: rustix::io::Errno| NoLogs::Refused(e.to_string());
    let events = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).map_err(refused)?;
    let mask = WatchFlags::MODIFY | WatchFlags::CREATE | WatchFlags::MOVE | WatchFlags::DELETE | WatchFlags::ONLYDIR;
    for directory in directories {
        // One that cannot be watched is still looked at now and then.
        let _ = inotify::add_watch(&events, directory, mask);
    }
    let mut files = Files::resume(directories, positions, reading);
    files.pass(reading);
    if files.tails.is_empty() {
        let list: Vec<_> = directories.iter().map(|d| d.display().to_string()).collect();
        return Err(NoLogs::NothingReadable(list.join(", ")));
    }
    files.store();
    reading.tailing(format!("{} files", files.tails.len()), files.tails.len());
    loop {
        let limit = if files.dirty || !files.retiring.is_empty() { Duration::from_millis(STORE_MS) } else { IDLE };
        match stop.wait(Some(&events), limit) {
            Woken::Stopped => {
                files.pass(reading);
                files.release(0, reading);
                files.store();
                return Ok(());
            }
            Woken::Readable => {
                std::thread::sleep(SETTLE);
                discard(&events);
            }
            Woken::Nothing => {}
        }
        files.pass(reading);
        files.release(RETIRE_MS, reading);
        files.store_now_and_then();
    }
}

/// Events only say that there is something to look at: a pass over a few dozen files costs less than telling them apart.
fn discard(events: &OwnedFd) {
    let mut buffer = [MaybeUninit::uninit(); 16 * 1024];
    let mut reader = inotify::Reader::new(events, &mut buffer);
    while reader.next().is_ok() {}
}

struct Files {
    directories: Vec<PathBuf>,
    positions: PathBuf,
    tails: BTreeMap<PathBuf, Tail>,
    /// Renamed files that their writers may not have let go of yet.
    retiring: Vec<(Tail, MonoNs)>,
    /// Where files begin that we have not seen yet: at their end the first time, else at their start.
    unseen_from_end: bool,
    dirty: bool,
    stored: MonoNs,
}

impl Files {
    /// Takes up where the last run ended, with what was rotated away meanwhile.
    fn resume(directories: &[PathBuf], positions: &Path, reading: &mut Reading) -> Self {
        let mut files = Self {
            directories: directories.to_vec(),
            positions: positions.to_owned(),
            tails: BTreeMap::new(),
            retiring: Vec::new(),
            unseen_from_end: true,
            dirty: true,
            stored: MonoNs(0),
        };
        match place::load(positions) {
            Remembered::FirstTime => {}
            Remembered::Unreadable => reading.lost("positions are unreadable: all files are followed from their end"),
            Remembered::Places(places) => {
                files.unseen_from_end = false;
                for (path, place) in places {
                    files.take_up(path, place, reading);
                }
            }
        }
        files
    }

    fn take_up(&mut self, path: PathBuf, place: Place, reading: &mut Reading) {
        if !self.directories.iter().any(|d| path.parent() == Some(d)) {
            return;
        }
        if let Ok(Some(file)) = open_text(&path)
            && let Ok(metadata) = file.metadata()
            && matches!(place.fate(&metadata, &file), Ok(Fate::Same))
        {
            if let Ok(tail) = Tail::begin(file, From::Place(place)) {
                self.tails.insert(path, tail);
            }
            return;
        }
        // The file of that name, if any, is another one: it is found as unseen and read from its start, after the rest of the old one.
        finish(rotated::rest(&path, &place), reading);
    }

    /// Looks at every file once.
    fn pass(&mut self, reading: &mut Reading) {
        let now = edge::clock::mono();
        for path in self.listing() {
            match self.one(&path, now, reading) {
                Ok(Some(tail)) => drop(self.tails.insert(path, tail)),
                Ok(None) => {}
                // Named at every pass it would fill our own log; what nobody may read was not followed before either.
                Err(error) => tracing::debug!(path = %path.display(), %error, "a log file cannot be read"),
            }
        }
        self.unseen_from_end = false;
        self.retire_missing(now);
        for (tail, _) in &mut self.retiring {
            let _ = tail.drain(|lines| reading.take(lines, now));
        }
        reading.tell(now);
    }

    /// One file: followed on, or begun, and read to its end. Nothing where it is no text.
    fn one(&mut self, path: &Path, now: MonoNs, reading: &mut Reading) -> io::Result<Option<Tail>> {
        let followed = match self.tails.remove(path) {
            Some(tail) => self.go_on(path, tail, now, reading)?,
            None => {
                let from = if self.unseen_from_end { From::End } else { From::Start };
                open_text(path)?.map(|file| Tail::begin(file, from)).transpose()?
            }
        };
        let Some(mut tail) = followed else { return Ok(None) };
        let before = tail.place.offset;
        tail.drain(|lines| reading.take(lines, now))?;
        self.dirty |= tail.place.offset != before;
        Ok(Some(tail))
    }

    /// Decides how a file that was followed goes on, by what has its name now.
    fn go_on(&mut self, path: &Path, mut tail: Tail, now: MonoNs, reading: &mut Reading) -> io::Result<Option<Tail>> {
        let Ok(named) = std::fs::metadata(path) else {
            self.retiring.push((tail, now));
            return Ok(None);
        };
        match tail.fate(&named)? {
            Fate::Same => Ok(Some(tail)),
            Fate::Replaced => {
                self.dirty = true;
                self.retiring.push((tail, now));
                open_text(path)?.map(|file| Tail::begin(file, From::Start)).transpose()
            }
            Fate::Truncated => {
                self.dirty = true;
                // Copied and cut: what was written between our last look and the copy stands in the copy alone.
                finish(rotated::rest(path, &tail.place), reading);
                tail.rewind()?;
                Ok(Some(tail))
            }
        }
    }

    /// Files whose name is gone: renamed, and not made anew yet.
    fn retire_missing(&mut self, now: MonoNs) {
        let gone: Vec<_> = self.tails.keys().filter(|p| !p.exists()).cloned().collect();
        for path in gone {
            if let Some(tail) = self.tails.remove(&path) {
                self.dirty = true;
                self.retiring.push((tail, now));
            }
        }
    }

    /// Lets go of files that were renamed `after_ms` ago or earlier: nobody writes them any more.
    fn release(&mut self, after_ms: u64, reading: &mut Reading) {
        let now = edge::clock::mono();
        let is_over = |(_, since): &(Tail, MonoNs)| now.ms_since(*since) >= after_ms;
        let (over, retiring): (Vec<_>, Vec<_>) = self.retiring.drain(..).partition(is_over);
        self.retiring = retiring;
        for (tail, _) in over {
            let _ = tail.finish(|lines| reading.take(lines, now));
        }
    }

    fn store_now_and_then(&mut self) {
        if self.dirty && edge::clock::mono().ms_since(self.stored) >= STORE_MS {
            self.store();
        }
    }

    fn store(&mut self) {
        let places = self.tails.iter().map(|(path, tail)| (path.clone(), tail.place.clone())).collect();
        match place::store(&self.positions, &places) {
            Ok(()) => (self.dirty, self.stored) = (false, edge::clock::mono()),
            Err(error) => tracing::error!(error = crate::chain(&error), "positions in log files are not stored"),
        }
    }

    fn listing(&self) -> Vec<PathBuf> {
        let mut paths = Vec::new();
        for directory in &self.directories {
            let Ok(entries) = std::fs::read_dir(directory) else { continue };
            let is_log = |e: &std::fs::DirEntry| e.file_name().to_str().is_some_and(is_log_name);
            paths.extend(entries.flatten().filter(is_log).map(|e| e.path()));
        }
        paths.sort();
        paths.truncate(FILES_MAX);
        paths
    }
}

/// Reads rotated files to their end; where none was found, lines are lost and that is said.
fn finish(rest: Option<Vec<Tail>>, reading: &mut Reading) {
    let Some(tails) = rest else {
        return reading.lost("a log file was replaced, and its old content is compressed or deleted");
    };
    let now = edge::clock::mono();
    for tail in tails {
        if tail.finish(|lines| reading.take(lines, now)).is_err() {
            reading.lost("a rotated log file cannot be read");
        }
    }
}
