//! Where a log's parts lie in a write-once store. Pure.
//!
//! ```text
//! <tenant>/<host>/tile/entries/000              full bundles of entries, locked
//!                /tile/0/000                    full tiles of hashes, locked
//!                /heads/00000000000000000256    cosigned heads, by the size that they cover, locked
//! partial/<tenant>/<host>/tile/entries/001.p/7  the entries beyond the last full bundle, under each archived head: not locked
//! packets/<tenant>/month/2026-10/1/packet.pdf   the files of packets, locked
//! forks/…                                       both heads of a log that signed two histories, locked
//! ```
//! A partial bundle is superseded by the next one, so locking it for years would only cost; each has a name of its own, so none is ever replaced,
//! and a bucket's lifecycle rule may clear `partial/`. Partial tiles of hashes follow from the entries and are not stored.

use archive::{BadKey, Key};
use identity::Holder;
use tlog::tile::{self, Tile};
use tlog::tree::TreeSize;

use crate::packets::Unstored;

/// The prefix of everything that is locked of this host.
pub(super) fn below(holder: &Holder) -> Result<Key, BadKey> {
    format!("{}/{}", holder.tenant, holder.host).parse()
}

/// A full bundle or tile.
pub(super) fn full(holder: &Holder, tile: Tile) -> Result<Key, BadKey> {
    format!("{}/{}/{tile}", holder.tenant, holder.host).parse()
}

/// A partial bundle.
pub(super) fn partial(holder: &Holder, tile: Tile) -> Result<Key, BadKey> {
    format!("partial/{}/{}/{tile}", holder.tenant, holder.host).parse()
}

/// A cosigned head.
pub(super) fn head(holder: &Holder, size: u64) -> Result<Key, BadKey> {
    format!("{}/{}/heads/{size:020}", holder.tenant, holder.host).parse()
}

/// The proof of a fork, by the name of its file.
pub(super) fn fork(file: &str) -> Result<Key, BadKey> {
    format!("forks/{file}").parse()
}

/// A file of a packet.
pub(super) fn packet(packet: &Unstored, file: &str) -> Result<Key, BadKey> {
    let Unstored { tenant, kind, period, serial, .. } = packet;
    format!("packets/{tenant}/{}/{period}/{serial}/{file}", kind.word()).parse()
}

/// The bundles and tiles that are full at `new` and were not at `old`.
pub(super) fn filled(old: TreeSize, new: TreeSize) -> Vec<Tile> {
    tile::entry_bundles(old, new).chain(tile::hash_tiles(old, new)).filter(|t| t.is_full()).collect()
}

/// How many of `size` entries lie in full bundles.
pub(super) const fn bundled(size: u64) -> u64 {
    size - size % tile::TILE_WIDTH as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(n: u64) -> TreeSize {
        TreeSize::new(n)
    }

    #[test]
    fn in_steps_or_at_once_the_same_bundles_and_tiles_fill() {
        let end = 256 * 257 + 3;
        let mut stepped = Vec::new();
        let mut at = 0;
        for next in [256, 512, 256 * 256, 256 * 257] {
            stepped.extend(filled(size(at), size(next)).iter().map(ToString::to_string));
            at = next;
        }
        let mut whole: Vec<String> = filled(size(0), size(end)).iter().map(ToString::to_string).collect();
        stepped.sort();
        whole.sort();
        assert_eq!(stepped, whole);
        assert_eq!(whole.iter().filter(|t| t.starts_with("tile/1/")).count(), 1, "{whole:?}");
        assert!(whole.iter().all(|t| !t.contains(".p")), "a partial one is among them");
        assert_eq!((bundled(0), bundled(255), bundled(256), bundled(end)), (0, 0, 256, 256 * 257));
    }

    #[test]
    fn one_hosts_names_lie_below_one_prefix_and_below_nobody_elses() {
        let holder = |host: &str| Holder {
            tenant: "clinic-7".parse().unwrap(),
            site: "main".parse().unwrap(),
            host: host.parse().unwrap(),
        };
        let (one, other) = (holder("h-1"), holder("h-12"));
        let name = head(&one, 256).unwrap();
        assert_eq!(name.as_str(), "clinic-7/h-1/heads/00000000000000000256");
        assert!(name.as_str().starts_with(&format!("{}/", below(&one).unwrap())));
        assert!(!head(&other, 1).unwrap().as_str().starts_with(&format!("{}/", below(&one).unwrap())));
        let bundle = filled(size(0), size(256))[0];
        assert_eq!(full(&one, bundle).unwrap().as_str(), "clinic-7/h-1/tile/entries/000");
    }
}
