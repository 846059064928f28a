//! Where a log's lines went while nobody looked: into a sibling that begins with the same bytes, whether it was renamed or copied.

use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::SystemTime;

use super::place::Place;
use super::tail::{From, Tail, open_text};

/// The rest of the file that `place` was read from, and whole files that came after it, oldest first. Nothing where none of `path`'s siblings
/// is it: compressed or deleted, its rest is lost.
pub(super) fn rest(path: &Path, place: &Place) -> Option<Vec<Tail>> {
    let mut siblings = siblings(path)?;
    siblings.sort_by_key(|(modified, _)| *modified);
    let at = siblings.iter().rposition(|(_, file)| is_it(file, place))?;
    let mut tails = Vec::new();
    for (n, (_, file)) in siblings.into_iter().enumerate().skip(at) {
        let from = if n == at { From::Place(place.clone()) } else { From::Start };
        tails.push(Tail::begin(file, path, from).ok()?);
    }
    Some(tails)
}

fn is_it(file: &File, place: &Place) -> bool {
    let inode = || file.metadata().is_ok_and(|m| (m.dev(), m.ino()) == (place.device, place.inode));
    let begins = place.begins(file).unwrap_or(false);
    // Of a file that nothing was read of, only the inode tells.
    begins && (place.has_fingerprint() || inode())
}

/// `path.1`, `path-20261121` and the like, where they are text.
fn siblings(path: &Path) -> Option<Vec<(SystemTime, File)>> {
    let name = path.file_name()?.to_str()?;
    let is_sibling = |other: &str| other.strip_prefix(name).is_some_and(|rest| rest.starts_with(['.', '-']));
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path.parent()?).ok()?.flatten() {
        if entry.file_name().to_str().is_some_and(is_sibling)
            && let Ok(Some(file)) = open_text(&entry.path())
            && let Ok(modified) = file.metadata().and_then(|m| m.modified())
        {
            found.push((modified, file));
        }
    }
    Some(found)
}
