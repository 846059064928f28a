//! After a restart: each file goes on where it was left, whatever its name is by now, after the rest of what was rotated away meanwhile.

use std::collections::BTreeMap;
use std::os::unix::fs::DirEntryExt as _;
use std::path::{Path, PathBuf};

use contract::record::LineLoss;
use contract::time::MonoNs;

use super::Followed;
use crate::logs::listing::Scope;
use crate::logs::place::{FileId, Place};
use crate::logs::reading::Reading;
use crate::logs::rotated;
use crate::logs::tail::{From, Tail, open};

impl Followed {
    /// Takes up where the last run ended, with what was rotated away meanwhile.
    pub(in crate::logs) fn resume(scope: Scope, reading: &mut Reading) -> Self {
        let mut files = Self::new(scope, !reading.kept.resumed, reading.kept_since());
        let directories = files.scope.directories();
        let now = edge::clock::mono();
        let (mut missing, mut unread) = (Vec::new(), Vec::new());
        for (path, place) in reading.kept.places.clone() {
            if !path.parent().is_some_and(|p| directories.iter().any(|d| d == p)) {
                continue;
            }
            if !place.has_fingerprint() && !place.over {
                unread.push(path.clone());
            }
            if let Some(place) = files.take_up(&path, place, now) {
                missing.push((path, place));
            }
        }
        if !missing.is_empty() {
            files.search(missing, &directories, now, reading);
        }
        for path in unread {
            files.read_newer(&path, now, reading);
        }
        files
    }

    /// A file of which nothing was read cannot be known again in a copy. What was copied since our last word is one.
    fn read_newer(&mut self, path: &Path, now: MonoNs, reading: &mut Reading) {
        let Some(since) = reading.kept_since() else { return };
        for tail in rotated::newer(path, since, now) {
            let is_met = self.scope.is_log(&tail.path) || self.tails.contains_key(&tail.place.id());
            if !is_met && !self.dormant.contains_key(&tail.place.id()) {
                self.read_out(tail, now, reading);
            }
        }
    }

    /// Follows `path` on from `place`; gives the place back where it is another file.
    fn take_up(&mut self, path: &Path, place: Place, now: MonoNs) -> Option<Place> {
        let Ok(Some(file)) = open(path) else { return Some(place) };
        let is_it = file.metadata().is_ok_and(|m| FileId::of(&m) == place.id())
            && place.is_in(&file).unwrap_or(false);
        if !is_it {
            return Some(place);
        }
        let id = place.id();
        if !self.tails.contains_key(&id)
            && let Ok(mut tail) = Tail::begin(file, path, From::Place(place), now)
        {
            tail.place.over = false;
            // Idle until it is written to.
            tail.stirred = MonoNs(0);
            tail.nameless = !self.scope.is_log(path);
            if !tail.nameless {
                self.names.insert(path.to_owned(), id);
                self.note_link(path);
            }
            self.tails.insert(id, tail);
        }
        None
    }

    /// Looks for files by what they are: first for those that have another name now, then for copies.
    fn search(
        &mut self,
        missing: Vec<(PathBuf, Place)>,
        directories: &[PathBuf],
        now: MonoNs,
        reading: &mut Reading,
    ) {
        let wanted: BTreeMap<FileId, usize> =
            missing.iter().enumerate().map(|(n, (_, place))| (place.id(), n)).collect();
        let mut found = vec![false; missing.len()];
        for entry in directories.iter().filter_map(|d| std::fs::read_dir(d).ok()).flatten().flatten() {
            // What the directory says of the inode is enough to pass by a million others.
            if wanted.keys().any(|id| id.has_inode(entry.ino()))
                && let Ok(metadata) = entry.metadata()
                && let Some(&n) = wanted.get(&FileId::of(&metadata))
            {
                found[n] |= self.take_up(&entry.path(), missing[n].1.clone(), now).is_none();
            }
        }
        for (n, (path, place)) in missing.into_iter().enumerate() {
            if found[n] {
                self.follow_between(&path, &place, now);
            } else if !place.over {
                self.read_rest(&path, &place, now, reading);
            }
        }
    }

    /// What was copied away before it was cut. Where nothing is found that holds what was read last, lines are lost and that is said.
    fn read_rest(&mut self, path: &Path, place: &Place, now: MonoNs, reading: &mut Reading) {
        match rotated::rest(path, place, now, |id| self.tails.contains_key(&id)) {
            None => reading.lost(LineLoss::RotatedAway, 1),
            Some(rest) => {
                for tail in rest {
                    self.read_out(tail, now, reading);
                }
            }
        }
    }

    /// Files that came and were rotated away while nobody looked stand between the one that had the name `path` and the one that has it now.
    fn follow_between(&mut self, path: &Path, place: &Place, now: MonoNs) {
        let rest = rotated::rest(path, place, now, |id| self.tails.contains_key(&id));
        for mut tail in rest.into_iter().flatten().skip(1) {
            // One that has a log's name is met as any other.
            if !self.scope.is_log(&tail.path) {
                tail.nameless = true;
                self.tails.insert(tail.place.id(), tail);
            }
        }
    }
}
