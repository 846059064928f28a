//! Which files a kit holds, in which order, and the writing of them.

use std::collections::{BTreeMap, HashMap};
use std::io::Write;

use contract::ids::HostId;
use tlog::tile::{TILE_WIDTH, Tile, TileKind, bundle, entry_bundles, hash_tiles};
use tlog::{Hash, TreeSize, leaf_hash};

use super::error::WriteError;
use super::source::Source;
use super::zip::Zip;
use super::{Kit, Log};

/// What stands behind a name.
enum Member<'a> {
    Bytes(&'a [u8]),
    Tile(&'a HostId, Tile),
}

/// The tiles and bundles that the kit holds of a log of `size` entries.
pub(super) fn tiles(log: &Log, size: TreeSize) -> impl Iterator<Item = Tile> {
    let width = u64::from(TILE_WIDTH);
    let in_range = log.first / width..log.end.div_ceil(width);
    let bundles = entry_bundles(TreeSize::EMPTY, size).filter({
        let in_range = in_range.clone();
        move |tile| in_range.contains(&tile.index())
    });
    let hashes = hash_tiles(TreeSize::EMPTY, size).filter(move |tile| match tile.kind() {
        TileKind::Hashes { level: 0 } => in_range.contains(&tile.index()) || !tile.is_full(),
        TileKind::Hashes { .. } | TileKind::Entries => true,
    });
    bundles.chain(hashes)
}

pub(super) fn write(kit: &Kit, source: &mut dyn Source, out: impl Write) -> Result<u64, WriteError> {
    let mut zip = Zip::new(out);
    let mut leaves = Leaves::default();
    for (name, member) in members(kit) {
        match member {
            Member::Bytes(bytes) => zip.add(&name, bytes)?,
            Member::Tile(host, tile) => {
                let failed = |source| WriteError::Source { host: host.clone(), tile, source };
                let bytes = source.tile(host, tile).map_err(failed)?;
                if !leaves.fit(host, tile, &bytes) {
                    return Err(WriteError::Damaged { host: host.clone(), tile });
                }
                zip.add(&name, &bytes)?;
            }
        }
    }
    Ok(zip.finish()?)
}

/// Every file by its name: the order in which they stand.
fn members(kit: &Kit) -> BTreeMap<String, Member<'_>> {
    let mut members = BTreeMap::new();
    for (name, bytes) in &kit.documents {
        members.insert(name.clone(), Member::Bytes(bytes));
    }
    members.insert("kit.json".to_owned(), Member::Bytes(&kit.cover));
    members.insert("kit.note".to_owned(), Member::Bytes(kit.note.as_bytes()));
    for (log, head) in &kit.logs {
        let folder = format!("logs/{}", log.host);
        members.insert(format!("{folder}/checkpoint"), Member::Bytes(log.note.as_bytes()));
        for tile in tiles(log, head.size) {
            members.insert(format!("{folder}/{tile}"), Member::Tile(&log.host, tile));
        }
    }
    members
}

/// What the level-0 tiles said of the bundles: `tile/0` stands before `tile/entries`.
#[derive(Default)]
struct Leaves(HashMap<(HostId, u64), Hash>);

impl Leaves {
    /// Whether a tile is as wide as its name says and, of a bundle, whether its entries have the hashes of its tile.
    fn fit(&mut self, host: &HostId, tile: Tile, bytes: &[u8]) -> bool {
        let of_bundle = || (host.clone(), tile.index());
        match tile.kind() {
            TileKind::Hashes { level } => {
                if level == 0 {
                    self.0.insert(of_bundle(), leaf_hash(bytes));
                }
                tile.parse_hashes(bytes).is_ok()
            }
            TileKind::Entries => {
                let hashes: Result<Vec<u8>, _> = bundle::entries(bytes, tile.width())
                    .map(|entry| entry.map(|e| *leaf_hash(e).as_bytes()))
                    .collect::<Result<Vec<_>, _>>()
                    .map(|hashes| hashes.concat());
                // One hash stands for a whole tile, so that a long range does not fill the memory.
                hashes.is_ok_and(|hashes| self.0.remove(&of_bundle()) == Some(leaf_hash(&hashes)))
            }
        }
    }
}
