//! Files that were cut, and the copies in which what they held before still stands.

use std::path::Path;

use contract::record::LineLoss;
use contract::time::MonoNs;

use super::Followed;
use crate::logs::place::FileId;
use crate::logs::reading::Reading;
use crate::logs::rotated;
use crate::logs::tail::{Drained, From, Tail, open_text};

/// So much of a copy is read at once: everything else waits meanwhile.
const READ_OUT_BYTES: u64 = 16 << 20;

impl Followed {
    /// Copied and cut: what was written between our last look and the copy stands in the copy alone.
    pub(super) fn was_cut(&mut self, id: FileId, now: MonoNs, reading: &mut Reading) {
        let Some(tail) = self.tails.get(&id) else { return };
        let (path, place) = (tail.path.clone(), tail.place.clone());
        self.dirty = true;
        match rotated::rest(&path, &place, now, |id| self.tails.contains_key(&id)) {
            None => reading.lost(LineLoss::Truncated, 1),
            Some(rest) => {
                for copy in rest {
                    self.read_out(copy, now, reading);
                }
            }
        }
        if let Some(tail) = self.tails.get_mut(&id) {
            tail.rewind();
            (tail.is_copy, tail.stirred) = (false, now);
        }
    }

    /// A file of which nothing was read yet has no fingerprint that tells that it was copied and cut. That there is a copy, which it does not
    /// begin like, does.
    pub(super) fn was_copied(&mut self, copy: &Path, now: MonoNs, reading: &mut Reading) {
        let Ok(Some(file)) = open_text(copy) else { return };
        let is_original =
            |t: &&Tail| !t.nameless && !t.place.has_fingerprint() && rotated::is_older(copy, &t.path);
        let is_cut = |t: &Tail| t.begins_like(&file).is_ok_and(|like| !like);
        if self.tails.values().find(is_original).is_some_and(is_cut)
            && let Ok(copy) = Tail::begin(file, copy, From::Start, now)
            && !self.tails.contains_key(&copy.place.id())
        {
            self.read_out(copy, now, reading);
        }
    }

    /// Reads a file to its end that nobody writes any more. Where it has a name that is followed, what is read here is not read again.
    pub(super) fn read_out(&mut self, mut tail: Tail, now: MonoNs, reading: &mut Reading) {
        let id = tail.place.id();
        let path = tail.path.clone();
        let source = self.scope.source(&path);
        let mut take = |lines: &[u8]| reading.take_file(&source, lines, now);
        let read = tail.drain(&mut self.block, READ_OUT_BYTES, &mut take).and_then(|drained| {
            // What is longer is read in turns, as if its writer had just let go of it.
            if !drained.more {
                tail.finish(&mut self.block, &mut take)?;
            }
            Ok(drained)
        });
        let more = matches!(read, Ok(Drained { more: true, .. }));
        match read {
            Ok(Drained { cut: 0, .. }) => {}
            Ok(Drained { cut, .. }) => reading.lost(LineLoss::TooLong, cut),
            Err(_) => reading.lost(LineLoss::Unreadable, 1),
        }
        let is_log = self.scope.is_log(&tail.path);
        if let Some(followed) = self.tails.get_mut(&id) {
            followed.read_as(tail);
        } else if is_log || more {
            if is_log {
                self.names.insert(tail.path.clone(), id);
            }
            tail.nameless = !is_log;
            self.tails.insert(id, tail);
        }
        if more {
            self.unfinished.insert(id);
        }
    }
}
