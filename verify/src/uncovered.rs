//! Files under `tile/` that the head does not cover.
//!
//! Honest logs have some: full tiles are written before the next head is published, and a crash may leave a narrower tile
//! behind. They are stated, and they prove nothing. But the log only ever grows: such a file must agree, byte for byte,
//! with the tile that the head covers in its place, and where it does not there was another history.

use tlog::tile::{TILE_HEIGHT, TILE_WIDTH, Tile, TileKind};
use tlog::tree::TreeSize;

use crate::examine::BUNDLE_BYTES_MAX;
use crate::report::Uncovered;
use crate::source::{ReadError, Source};

/// How many names are kept.
const NAMES_MAX: usize = 8;

/// Lists them. The first that contradicts what the head covers is handed back as well.
pub(crate) fn find(source: &impl Source, size: TreeSize) -> Result<(Uncovered, Option<String>), ReadError> {
    let mut found = Uncovered::default();
    let mut contradicts = None;
    source.visit_tiles(&mut |name| {
        let tile = name.parse::<Tile>().ok();
        let covered = tile.and_then(|tile| covered_in_place_of(tile, size));
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

/// The tile of the same place, as wide as the head covers it; none where the head covers nothing of it.
fn covered_in_place_of(tile: Tile, size: TreeSize) -> Option<Tile> {
    let level = match tile.kind() {
        TileKind::Hashes { level } => level,
        TileKind::Entries => 0,
    };
    let hashes = size.get() >> (TILE_HEIGHT * level);
    let here = hashes.checked_sub(tile.index() * u64::from(TILE_WIDTH))?;
    let width = u16::try_from(here).map_or(TILE_WIDTH, |here| here.min(TILE_WIDTH));
    Tile::new(tile.kind(), tile.index(), width).ok()
}

fn agree(source: &impl Source, name: &str, covered: Tile) -> bool {
    let read = |name: &str| source.read(name, BUNDLE_BYTES_MAX);
    match (read(name), read(&covered.to_string())) {
        (Ok(uncovered), Ok(covered)) => uncovered.starts_with(&covered) || covered.starts_with(&uncovered),
        // What cannot be read says nothing; that it is there is stated all the same.
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_head_covers_is_found_in_its_place() {
        let covered = |name: &str, size| {
            covered_in_place_of(name.parse().unwrap(), TreeSize::new(size)).map(|tile| tile.to_string())
        };
        assert_eq!(covered("tile/0/000.p/2", 3).as_deref(), Some("tile/0/000.p/3"));
        assert_eq!(covered("tile/0/000", 3).as_deref(), Some("tile/0/000.p/3"));
        assert_eq!(covered("tile/entries/000.p/9", 300).as_deref(), Some("tile/entries/000"));
        assert_eq!(covered("tile/entries/001", 256), None);
        assert_eq!(covered("tile/entries/002", 256), None);
        assert_eq!(covered("tile/1/000.p/1", 255), None);
        assert_eq!(covered("tile/1/000.p/1", 256).as_deref(), Some("tile/1/000.p/1"));
    }
}
