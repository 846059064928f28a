//! The files that are followed: which they are, what became of each since the last pass, and how far each was read.

mod resume;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use contract::time::MonoNs;

use super::place::{self, Fate};
use super::tail::{From, Tail, open_text};
use super::{Reading, is_log_name, rotated};
use resume::finish;

/// Far more than any machine of ours has; beyond it the rest is not followed, and that is said.
const FILES_MAX: usize = 128;
/// Positions are written this often, and when we stop.
const STORE_MS: u64 = 5_000;
/// A writer goes on with the old file for a while after it was renamed.
const RETIRE_MS: u64 = 10_000;

/// The followed files.
pub(super) struct Followed {
    directories: Vec<PathBuf>,
    positions: PathBuf,
    tails: BTreeMap<PathBuf, Tail>,
    /// Renamed files that their writers may not have let go of yet.
    retiring: Vec<(Tail, MonoNs)>,
    /// Where files begin that we have not seen yet: at their end the first time, else at their start.
    unseen_from_end: bool,
    /// Files that may not be read, and whether there were too many: each is named once.
    unreadable: BTreeSet<PathBuf>,
    too_many: bool,
    dirty: bool,
    stored: MonoNs,
}

impl Followed {
    /// Looks at every file once.
    pub(super) fn pass(&mut self, reading: &mut Reading) {
        let now = edge::clock::mono();
        for path in self.listing() {
            match self.one(&path, now, reading) {
                Ok(Some(tail)) => drop(self.tails.insert(path, tail)),
                Ok(None) => {}
                // Once: named at every pass it would fill our own log.
                Err(error) => {
                    if self.unreadable.insert(path.clone()) {
                        tracing::warn!(path = %path.display(), %error, "a log file is not followed: its detectors see nothing");
                    }
                }
            }
        }
        self.unseen_from_end = false;
        self.retire_missing(now);
        for (tail, _) in &mut self.retiring {
            let path = tail.path.clone();
            let _ = tail.drain(|lines| reading.take_file(&path, lines, now));
        }
        reading.tell(now);
    }

    /// One file: followed on, or begun, and read to its end. Nothing where it is no text.
    fn one(&mut self, path: &Path, now: MonoNs, reading: &mut Reading) -> io::Result<Option<Tail>> {
        let followed = match self.tails.remove(path) {
            Some(tail) => self.go_on(path, tail, now, reading)?,
            None => {
                let from = if self.unseen_from_end { From::End } else { From::Start };
                open_text(path)?.map(|file| Tail::begin(file, path, from)).transpose()?
            }
        };
        let Some(mut tail) = followed else { return Ok(None) };
        let before = tail.place.offset;
        tail.drain(|lines| reading.take_file(path, lines, now))?;
        self.dirty |= tail.place.offset != before;
        Ok(Some(tail))
    }

    /// Decides how a file that was followed goes on, by what has its name now.
    fn go_on(
        &mut self,
        path: &Path,
        mut tail: Tail,
        now: MonoNs,
        reading: &mut Reading,
    ) -> io::Result<Option<Tail>> {
        let Ok(named) = std::fs::metadata(path) else {
            self.retiring.push((tail, now));
            return Ok(None);
        };
        match tail.fate(&named)? {
            Fate::Same => Ok(Some(tail)),
            Fate::Replaced => {
                self.dirty = true;
                self.retiring.push((tail, now));
                open_text(path)?.map(|file| Tail::begin(file, path, From::Start)).transpose()
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
            let path = tail.path.clone();
            let _ = tail.finish(|lines| reading.take_file(&path, lines, now));
        }
    }

    /// Writes positions down.
    pub(super) fn store(&mut self) {
        let places = self.tails.iter().map(|(path, tail)| (path.clone(), tail.place.clone())).collect();
        match place::store(&self.positions, &places) {
            Ok(()) => (self.dirty, self.stored) = (false, edge::clock::mono()),
            Err(error) => {
                tracing::error!(error = crate::chain(&error), "positions in log files are not stored");
            }
        }
    }

    fn listing(&mut self) -> Vec<PathBuf> {
        let mut paths = Vec::new();
        for directory in &self.directories {
            let Ok(entries) = std::fs::read_dir(directory) else { continue };
            let is_log = |e: &std::fs::DirEntry| e.file_name().to_str().is_some_and(is_log_name);
            paths.extend(entries.flatten().filter(is_log).map(|e| e.path()));
        }
        paths.sort();
        if paths.len() > FILES_MAX && !self.too_many {
            self.too_many = true;
            tracing::warn!(
                found = paths.len(),
                followed = FILES_MAX,
                "too many log files: the last ones by name are not followed"
            );
        }
        paths.truncate(FILES_MAX);
        paths
    }

    /// How many files are followed.
    pub(super) fn len(&self) -> usize {
        self.tails.len()
    }

    /// True where there is something to do soon, even if nothing is written.
    pub(super) fn is_restless(&self) -> bool {
        self.dirty || !self.retiring.is_empty()
    }

    /// The last pass: what was renamed a moment ago is read to its end too.
    pub(super) fn end(&mut self, reading: &mut Reading) {
        self.pass(reading);
        self.release(0, reading);
        self.store();
    }

    /// A pass, and what is due with it.
    pub(super) fn go_round(&mut self, reading: &mut Reading) {
        self.pass(reading);
        self.release(RETIRE_MS, reading);
        if self.dirty && edge::clock::mono().ms_since(self.stored) >= STORE_MS {
            self.store();
        }
    }
}
