//! A whole file: content, owner and mode, put in place in one step.
//!
//! Extended attributes and access lists of the file that was there are not carried over.

use std::path::Path;

use contract::fact::FileMode;
use contract::record::{Before, FileBefore};
use contract::runbook::Validator;

use super::validator;
use crate::trusted::{Found, Owned, Spot};
use crate::{Armed, Done, Hand, HandError, Place};

/// What the snapshot calls the bytes that were there.
const KEPT: &str = "content";

/// Of a file that was not there and whose mode nobody declared: 0644.
const MODE: FileMode = FileMode::from_st_mode(0o644);

/// A place, what is there, and what is to be there.
#[derive(Debug)]
struct Written {
    spot: Spot,
    found: Option<Found>,
    content: Vec<u8>,
    owned: Owned,
    validate: Option<Validator>,
}

pub(super) fn arm(
    path: &Path,
    content: &str,
    (mode, uid, gid): (Option<FileMode>, Option<u32>, Option<u32>),
    validate: Option<Validator>,
    place: &Place<'_>,
) -> Result<Armed, HandError> {
    let spot = Spot::open(path)?;
    let found = spot.found()?;
    let had = found.as_ref().map_or(Owned { mode: MODE, uid: 0, gid: 0 }, |f| f.owned);
    let owned =
        Owned { mode: mode.unwrap_or(had.mode), uid: uid.unwrap_or(had.uid), gid: gid.unwrap_or(had.gid) };
    let before = match &found {
        None => None,
        Some(Found { bytes, owned: Owned { mode, uid, gid }, .. }) => {
            let digest = place.snapshot.keep(KEPT, bytes)?;
            Some(FileBefore { digest, mode: *mode, uid: *uid, gid: *gid })
        }
    };
    let content = content.as_bytes().to_owned();
    Ok(Armed::new(Before::File(before), Written { spot, found, content, owned, validate }))
}

impl Hand for Written {
    fn act(self: Box<Self>, place: &Place<'_>) -> Result<Done, HandError> {
        place.go_on()?;
        let candidate = self.spot.candidate(&self.content, self.owned)?;
        if let Some(by) = self.validate {
            validator::alone(by, candidate.path(), self.spot.path(), place)?;
        }
        place.go_on()?;
        // What was kept is what undoing gives back: nobody's later work is lost to it.
        self.spot.is_still(self.found.as_ref())?;
        candidate.put_in_place()?;
        if let Some(by) = self.validate
            && let Err(refused) = validator::whole(by, self.spot.path(), place)
        {
            self.put_back()?;
            return Err(refused);
        }
        Ok(Done::default())
    }
}

impl Written {
    fn put_back(&self) -> Result<(), HandError> {
        match &self.found {
            None => self.spot.remove(),
            Some(found) => self.spot.put(&found.bytes, found.owned),
        }
    }
}

/// Puts back what was there. Done twice, it leaves the same.
pub(super) fn undo(path: &Path, before: Option<&FileBefore>, place: &Place<'_>) -> Result<(), HandError> {
    let spot = Spot::open(path)?;
    spot.withdraw_candidate()?;
    match before {
        None => spot.remove(),
        Some(FileBefore { digest, mode, uid, gid }) => {
            let bytes = place.snapshot.read(KEPT, digest)?;
            let owned = Owned { mode: *mode, uid: *uid, gid: *gid };
            // Nothing is written where nothing was changed: the act may never have begun.
            match spot.found() {
                Ok(Some(found)) if found.bytes == bytes && found.owned == owned => Ok(()),
                _ => spot.put(&bytes, owned),
            }
        }
    }
}
