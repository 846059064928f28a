//! A name that is not followed: a new file, a followed one under another name, a second name of one, or a copy of one.

use std::fs::File;
use std::io;
use std::path::Path;

use contract::record::LineLoss;
use contract::time::MonoNs;

use super::{Followed, Touch, complain, has_room};
use crate::logs::place::FileId;
use crate::logs::reading::Reading;
use crate::logs::rotated;
use crate::logs::tail::{From, Tail, open, open_text};

/// A file that was written to within this time is not let go of for another.
const IDLE_MS: u64 = 60_000;
/// So many are named.
const UNREADABLE_MAX: usize = 256;
/// So many links are watched where they lead.
const LINKS_MAX: usize = 128;

impl Followed {
    /// Follows what is there, from where it is to be read.
    pub(super) fn meet(&mut self, path: &Path, touch: Touch, now: MonoNs, reading: &mut Reading) {
        self.note_link(path);
        let Ok(metadata) = std::fs::metadata(path) else { return };
        let id = FileId::of(&metadata);
        if !metadata.is_file() {
            return;
        }
        if self.tails.contains_key(&id) {
            return self.rename(id, path, now, reading);
        }
        let is_dormant = self.dormant.contains_key(&id);
        if !self.scope.is_log(path) && !is_dormant {
            return;
        }
        if !has_room(self.tails.len()) && !self.make_room(now) {
            return reading.lost(LineLoss::TooManyFiles, 1);
        }
        // What became of the file that this may be a copy of has to be known first.
        let is_original = |t: &Tail| !t.nameless && rotated::is_older(path, &t.path);
        let original = self.tails.values().find(|t| is_original(t)).map(|t| t.place.id());
        if let Some(original) = original {
            self.go_on(original, now, reading);
            if self.tails.contains_key(&id) {
                return;
            }
        }
        match self.begin(id, path, touch, now, reading) {
            Ok(Some(mut tail)) => {
                // A file under another name that was let go of, and is written to all the same.
                tail.nameless = !self.scope.is_log(path);
                if !tail.nameless {
                    self.names.insert(path.to_owned(), id);
                }
                self.unreadable.remove(path);
                self.tails.insert(id, tail);
                self.dirty = true;
                self.drain(id, now, reading);
            }
            // A file with a log's name that is no text: what is not looked at is counted.
            Ok(None) if self.scope.is_log(path) => drop(self.pass_over(path)),
            Ok(None) => {}
            Err(error) => {
                if self.pass_over(path) {
                    complain(id, &error);
                }
            }
        }
    }

    /// Counts a file that cannot be followed; true where it is news.
    fn pass_over(&mut self, path: &Path) -> bool {
        self.unreadable.len() < UNREADABLE_MAX && self.unreadable.insert(path.to_owned())
    }

    /// Opens it at the place where it is to be read from. Nothing where it is no text.
    fn begin(
        &mut self,
        id: FileId,
        path: &Path,
        touch: Touch,
        now: MonoNs,
        reading: &mut Reading,
    ) -> io::Result<Option<Tail>> {
        if let Some((_, mut place)) = self.dormant.remove(&id)
            && let Some(file) = open(path)?
            && place.is_in(&file)?
        {
            place.over = false;
            return Tail::begin(file, path, From::Place(place), now).map(Some);
        }
        // Any other file may have its number by now.
        let Some(file) = open_text(path)?.filter(|_| self.scope.is_log(path)) else { return Ok(None) };
        if self.unseen_from_end {
            return Tail::begin(file, path, From::End, now).map(Some);
        }
        if self.is_copy_of_another(path, &file, id) {
            let mut tail = Tail::begin(file, path, From::End, now)?;
            tail.is_copy = true;
            return Ok(Some(tail));
        }
        // One that was there already, and was left out: where its new lines begin is not known.
        let is_new = || file.metadata()?.created().map(|at| Some(at) > self.since);
        if touch == Touch::Changed && self.is_overfull && !is_new().unwrap_or(false) {
            reading.lost(LineLoss::TooManyFiles, 1);
            return Tail::begin(file, path, From::End, now).map(Some);
        }
        Tail::begin(file, path, From::Start, now).map(Some)
    }

    /// A file that is followed has another name now, or a second one, which is left alone.
    fn rename(&mut self, id: FileId, path: &Path, now: MonoNs, reading: &mut Reading) {
        let Some(tail) = self.tails.get_mut(&id) else { return };
        let still_named = !tail.nameless && std::fs::metadata(&tail.path).is_ok_and(|m| FileId::of(&m) == id);
        if still_named || !self.scope.is_log(path) {
            return;
        }
        let old = std::mem::replace(&mut tail.path, path.to_owned());
        tail.nameless = false;
        if self.names.get(&old) == Some(&id) {
            self.names.remove(&old);
            self.links.remove(&old);
        }
        self.names.insert(path.to_owned(), id);
        self.dirty = true;
        self.go_on(id, now, reading);
    }

    /// Notes whether the name is a link, also one that leads to nothing yet.
    pub(super) fn note_link(&mut self, path: &Path) {
        if path.is_symlink() && self.scope.is_log(path) {
            // What more of them lead to is noticed by the look at all files.
            if self.links.len() < LINKS_MAX {
                self.links.insert(path.to_owned());
            }
        } else {
            self.links.remove(path);
        }
    }

    /// A file that had a log's name and was renamed before anybody looked: all of it is new, and its writer may not have let go of it.
    pub(super) fn meet_moved(&mut self, path: &Path, now: MonoNs, reading: &mut Reading) {
        let file = match open_text(path) {
            Ok(Some(file)) => file,
            Ok(None) => return,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return reading.lost(LineLoss::RotatedAway, 1),
            Err(_) => return reading.lost(LineLoss::Unreadable, 1),
        };
        let Ok(id) = file.metadata().map(|m| FileId::of(&m)) else { return };
        if self.tails.contains_key(&id) || self.dormant.contains_key(&id) {
            return;
        }
        if !has_room(self.tails.len()) && !self.make_room(now) {
            return reading.lost(LineLoss::TooManyFiles, 1);
        }
        if let Ok(mut tail) = Tail::begin(file, path, From::Start, now) {
            tail.nameless = true;
            self.tails.insert(id, tail);
            self.dirty = true;
            self.drain(id, now, reading);
        }
    }

    /// A copy that grows holds what its original held, or goes its own way from here on.
    pub(super) fn compare(&mut self, id: FileId) {
        let Some(copy) = self.tails.get(&id) else { return };
        let file = open(&copy.path).ok().flatten();
        let is_copy = file.is_some_and(|file| self.is_copy_of_another(&copy.path, &file, id));
        let Some(copy) = self.tails.get_mut(&id) else { return };
        copy.is_copy = is_copy && copy.skip().is_ok();
    }

    /// True where it holds nothing but what a file holds that is followed, and has the name of an older one: logs may begin with the same words.
    fn is_copy_of_another(&self, path: &Path, file: &File, id: FileId) -> bool {
        let is_original = |tail: &Tail| {
            !tail.nameless
                && tail.place.id() != id
                && rotated::is_older(path, &tail.path)
                && tail.has_all_of(file).unwrap_or(false)
        };
        self.tails.values().any(is_original)
    }

    /// Lets go of the file that nobody wrote to for longest.
    fn make_room(&mut self, now: MonoNs) -> bool {
        let oldest = self.tails.iter().min_by_key(|(_, t)| t.stirred).map(|(id, t)| (*id, t.stirred));
        match oldest {
            Some((id, stirred)) if now.ms_since(stirred) >= IDLE_MS || stirred.0 == 0 => {
                self.forget(id);
                true
            }
            _ => false,
        }
    }
}
