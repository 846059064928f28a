//! After a restart: each file goes on where it was left, after the rest of what was rotated away meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use contract::time::MonoNs;

use super::Followed;
use crate::logs::place::{self, Fate, Place, Remembered};
use crate::logs::tail::{From, Tail, open_text};
use crate::logs::{Reading, rotated};

impl Followed {
    /// Takes up where the last run ended, with what was rotated away meanwhile.
    pub(in crate::logs) fn resume(directories: &[PathBuf], positions: &Path, reading: &mut Reading) -> Self {
        let mut files = Self {
            directories: directories.to_vec(),
            positions: positions.to_owned(),
            tails: BTreeMap::new(),
            retiring: Vec::new(),
            unseen_from_end: true,
            unreadable: BTreeSet::new(),
            too_many: false,
            dirty: true,
            stored: MonoNs(0),
        };
        match place::load(positions) {
            Remembered::FirstTime => {}
            Remembered::Unreadable => {
                reading.lost("positions are unreadable: all files are followed from their end");
            }
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
            if let Ok(tail) = Tail::begin(file, &path, From::Place(place)) {
                self.tails.insert(path, tail);
            }
            return;
        }
        // The file of that name, if any, is another one: it is found as unseen and read from its start, after the rest of the old one.
        finish(rotated::rest(&path, &place), reading);
    }
}

/// Reads rotated files to their end; where none was found, lines are lost and that is said.
pub(super) fn finish(rest: Option<Vec<Tail>>, reading: &mut Reading) {
    let Some(tails) = rest else {
        return reading.lost("a log file was replaced, and its old content is compressed or deleted");
    };
    let now = edge::clock::mono();
    for tail in tails {
        let path = tail.path.clone();
        if tail.finish(|lines| reading.take_file(&path, lines, now)).is_err() {
            reading.lost("a rotated log file cannot be read");
        }
    }
}
