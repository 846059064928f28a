//! Files under `tile/` that the head does not cover.
//!
//! Honest logs have some: full tiles are written before the next head is published, and a crash may leave a narrower tile
//! behind. They are stated, and they prove nothing. But the log only ever grows: such a file must agree, byte for byte,
//! with the tile that the head covers in its place, and where it does not there was another history.
//!
//! A kit is made once, for one head: there such a file is a fault, and [`unexpected`] finds it.

use tlog::tile::Tile;

use crate::examine::BUNDLE_BYTES_MAX;
use crate::extent::{Extent, covered};
use crate::report::Uncovered;
use crate::source::{ReadError, Source};

/// How many names are kept.
const NAMES_MAX: usize = 8;

/// Lists them. The first that contradicts what the head covers is handed back as well.
pub(crate) fn find(source: &impl Source, size: u64) -> Result<(Uncovered, Option<String>), ReadError> {
    let mut found = Uncovered::default();
    let mut contradicts = None;
    source.visit_tiles(&mut |name| {
        let tile = name.parse::<Tile>().ok();
        let covered = tile.and_then(|tile| covered(tile, size));
        if tile.is_some() && tile == covered {
            return;
        }
        found.count += 1;
        if found.names.len() < NAMES_MAX {
            found.names.push(name.to_owned());
        }
        if let Some(covered) = covered
            && contradicts.is_none()
            && !agree(source, name, covered)
        {
            contradicts = Some(name.to_owned());
        }
    })?;
    found.names.sort();
    Ok((found, contradicts))
}

/// The first file, by its name, that has no business in a kit of this part of the log.
pub(crate) fn unexpected(source: &impl Source, extent: Extent) -> Result<Option<String>, ReadError> {
    let mut found: Option<String> = None;
    source.visit_tiles(&mut |name| {
        let expected = name.parse().is_ok_and(|tile| extent.has(tile));
        if !expected && found.as_deref().is_none_or(|found| name < found) {
            found = Some(name.to_owned());
        }
    })?;
    Ok(found)
}

fn agree(source: &impl Source, name: &str, covered: Tile) -> bool {
    let read = |name: &str| source.read(name, BUNDLE_BYTES_MAX);
    match (read(name), read(&covered.to_string())) {
        (Ok(uncovered), Ok(covered)) => uncovered.starts_with(&covered) || covered.starts_with(&uncovered),
        // What cannot be read says nothing; that it is there is stated all the same.
        _ => true,
    }
}
