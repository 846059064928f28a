//! A log of any size, laid down at once: what a writer would have left, without its syncs.

use std::path::Path;

use tlog::hash::{Hash, leaf_hash};
use tlog::tile::{TILE_HEIGHT, TileKind};
use tlog::{Checkpoint, TreeSize};

use super::key;
use super::memory::MemoryDisk;
use crate::frontier::{Frontier, concat};
use crate::layout::{BUNDLE, Layout};
use crate::seal;

/// A log in memory, and what it should be found to be.
pub(super) struct Built {
    pub(super) disk: MemoryDisk,
    pub(super) layout: Layout,
    pub(super) frontier: Frontier,
    pub(super) leaves: Vec<Hash>,
}

pub(super) const DIRECTORY: &str = "/log";

/// The bytes of a record that says little, or where the executor stands.
pub(super) fn entry(seq: u64, prev: Option<&Hash>, standing: bool) -> Vec<u8> {
    let prev = prev.map_or("null".to_owned(), |h| format!("\"{h}\""));
    let (details, kind) = if standing {
        (r#"{"answers":[],"failing":[],"highest_counter":0,"last_runs":[]}"#, "standing")
    } else {
        (r#"{"torn_bytes":0,"unfinished":[]}"#, "recovered")
    };
    format!(
        r#"{{"clock":"unknown","details":{details},"digests":{{}},"format":1,"kind":"{kind}","origin":"hub.example/h-1","prev":{prev},"seq":{seq},"subject":"log","time":"2026-11-21T00:00:00.000Z"}}"#
    )
    .into_bytes()
}

/// A log of `size` entries, published at that size, with standing records at these places.
pub(super) fn build(size: u64, standing: &[u64]) -> Built {
    let directory = Path::new(DIRECTORY);
    let (disk, layout) = (MemoryDisk::new(directory), Layout::new(directory));
    let (mut frontier, mut leaves, mut bundle) = (Frontier::default(), Vec::new(), Vec::new());
    for seq in 0..size {
        let bytes = entry(seq, leaves.last(), standing.contains(&seq));
        let leaf = leaf_hash(&bytes);
        leaves.push(leaf);
        tlog::tile::bundle::append(&mut bundle, &bytes).unwrap();
        frontier.append(leaf, |level, hashes| {
            let index = seq >> (TILE_HEIGHT * (level + 1));
            disk.put(&layout.hashes(level, index), &concat(&hashes));
        });
        if (seq + 1) % BUNDLE == 0 {
            disk.put(&layout.bundle(seq / BUNDLE), &std::mem::take(&mut bundle));
        }
    }
    let origin = "hub.example/h-1".parse().unwrap();
    let checkpoint = Checkpoint { origin, size: TreeSize::new(size), root: frontier.root() };
    let note = checkpoint.sign(&key()).unwrap().note().to_string();
    disk.put(&layout.keys(), format!("{}\n", key().verifier()).as_bytes());
    if size > 0 {
        disk.put(&layout.head(), note.as_bytes());
        disk.put(&layout.checkpoint(), note.as_bytes());
    }
    if !size.is_multiple_of(BUNDLE) {
        let count = u16::try_from(size % BUNDLE).unwrap();
        disk.put(&layout.tail(size / BUNDLE), &seal::encode(count, &bundle, &note));
    }
    for tile in tlog::tile::hash_tiles(TreeSize::EMPTY, TreeSize::new(size)).filter(|t| !t.is_full()) {
        let TileKind::Hashes { level } = tile.kind() else { continue };
        disk.put(&layout.tile(tile), &concat(frontier.partial(level)));
    }
    Built { disk, layout, frontier, leaves }
}
