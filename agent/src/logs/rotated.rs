//! Where a log's lines went while nobody looked: into a sibling that begins with the same bytes, whether it was renamed or copied.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use contract::time::MonoNs;

use super::place::{FileId, Place};
use super::tail::{From, Tail, open};

struct Sibling {
    modified: SystemTime,
    path: PathBuf,
    file: File,
    id: FileId,
}

/// The rest of the file that `place` was read from, and whole files that came after it, oldest first. Nothing where none of `path`'s siblings
/// is it: compressed or deleted, its rest is lost. A file that `is_followed` is read already, and no further.
pub(super) fn rest(
    path: &Path,
    place: &Place,
    now: MonoNs,
    is_followed: impl Fn(FileId) -> bool,
) -> Option<Vec<Tail>> {
    let siblings = siblings(path)?;
    let at = siblings.iter().rposition(|sibling| is_it(sibling, place))?;
    let mut tails = Vec::new();
    for (n, sibling) in siblings.into_iter().enumerate().skip(at) {
        let from = if n == at { From::Place(place.clone()) } else { From::Start };
        if n == at || !is_followed(sibling.id) {
            tails.push(Tail::begin(sibling.file, &sibling.path, from, now).ok()?);
        }
    }
    Some(tails)
}

/// Siblings that were written to after `since`, oldest first.
pub(super) fn newer(path: &Path, since: SystemTime, now: MonoNs) -> Vec<Tail> {
    let siblings = siblings(path).unwrap_or_default().into_iter().filter(|s| s.modified > since);
    siblings.filter_map(|s| Tail::begin(s.file, &s.path, From::Start, now).ok()).collect()
}

fn is_it(sibling: &Sibling, place: &Place) -> bool {
    // Of a file that nothing was read of, only the inode tells.
    place.is_in(&sibling.file).unwrap_or(false) && (place.has_fingerprint() || sibling.id == place.id())
}

/// So many siblings are looked at, the newest.
const SIBLINGS_MAX: usize = 64;

/// `path.1`, `path-20261121`, `stem.1.ext`, `stem-20261121.ext` and the like, where they are plain files and not compressed.
fn siblings(path: &Path) -> Option<Vec<Sibling>> {
    let (name, stem) = (path.file_name()?.to_str()?, path.file_stem()?.to_str()?);
    let itself = std::fs::metadata(path).ok().map(|m| FileId::of(&m));
    let mut newest: BTreeSet<(SystemTime, PathBuf)> = BTreeSet::new();
    for entry in std::fs::read_dir(path.parent()?).ok()?.flatten() {
        if entry.file_name().to_str().is_some_and(|other| is_rotated_name(other, name, stem))
            && let Ok(modified) = entry.metadata().and_then(|m| m.modified())
        {
            newest.insert((modified, entry.path()));
            if newest.len() > SIBLINGS_MAX {
                newest.pop_first();
            }
        }
    }
    let mut found = Vec::new();
    for (modified, path) in newest {
        if let Ok(Some(file)) = open(&path)
            && let Ok(id) = file.metadata().map(|m| FileId::of(&m))
            && Some(id) != itself
        {
            found.push(Sibling { modified, path, file, id });
        }
    }
    Some(found)
}

/// True where `path` has the name of an older `original`.
pub(super) fn is_older(path: &Path, original: &Path) -> bool {
    let name = |p: &Path| Some(p.file_name()?.to_str()?.to_owned());
    let stem = original.file_stem().and_then(|s| s.to_str());
    match (name(path), name(original), stem) {
        (Some(other), Some(name), Some(stem)) => {
            path.parent() == original.parent() && is_rotated_name(&other, &name, stem)
        }
        _ => false,
    }
}

/// What comes after the stem must be a number or a date: `app-error.log` is no older `app.log`.
fn is_rotated_name(other: &str, name: &str, stem: &str) -> bool {
    const PACKED: [&str; 5] = [".gz", ".xz", ".zst", ".bz2", ".lz4"];
    let goes_on = |begin: &str| other.strip_prefix(begin).filter(|rest| rest.starts_with(['.', '-', '_']));
    let extension = name.strip_prefix(stem).unwrap_or_default();
    let is_numbered = |rest: &str| {
        let number = rest.strip_suffix(extension).unwrap_or(rest);
        !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit() || b".-_:TZ".contains(&b))
    };
    let is_one = goes_on(name).is_some() || goes_on(stem).is_some_and(is_numbered);
    other != name && is_one && !PACKED.iter().any(|p| other.ends_with(p))
}
