//! Tile paths, the tiles of a tree, and entry bundles.

use proptest::prelude::*;
use tlog::TreeSize;
use tlog::tile::bundle::{BundleError, ENTRY_BYTES_MAX, EntryTooLong, append, entries};
use tlog::tile::{TILE_LEVEL_MAX, Tile, TileError, TileKind, entry_bundles, hash_tiles, locate};
use tlog::tree::Subtree;

fn hashes(level: u8, index: u64, width: u16) -> Tile {
    Tile::new(TileKind::Hashes { level }, index, width).unwrap()
}

fn paths(tiles: impl Iterator<Item = Tile>) -> Vec<String> {
    tiles.map(|tile| tile.to_string()).collect()
}

#[test]
fn paths_are_those_of_the_specification() {
    let entries = |index, width| Tile::new(TileKind::Entries, index, width).unwrap();
    let cases = [
        (hashes(0, 1_234_067, 256), "tile/0/x001/x234/067"),
        (hashes(0, 0, 256), "tile/0/000"),
        (hashes(1, 999, 1), "tile/1/999.p/1"),
        (hashes(2, 1000, 255), "tile/2/x001/000.p/255"),
        (hashes(7, 0, 3), "tile/7/000.p/3"),
        (entries(1_234_067, 17), "tile/entries/x001/x234/067.p/17"),
        (entries((1 << 56) - 1, 256), "tile/entries/x072/x057/x594/x037/x927/935"),
    ];
    for (tile, path) in cases {
        assert_eq!(tile.to_string(), path);
        assert_eq!(path.parse(), Ok(tile));
    }
}

#[test]
fn a_path_has_one_spelling() {
    let refused = [
        "",
        "tile",
        "tile/0",
        "tile/0/",
        "/tile/0/000",
        "tile/0/000/",
        "tile/00/000",
        "tile/+1/000",
        "tile/x/000",
        "tile/256/000",
        "tile/0/0",
        "tile/0/0000",
        "tile/0/1000",
        "tile/0/x000/001",
        "tile/0/001/002",
        "tile/0/x001/x002",
        "tile/0/x01/002",
        "tile/0/X001/002",
        "tile/0/xx01/002",
        "tile/0/+01",
        "tile/0/-01",
        "tile/0/000.p",
        "tile/0/000.p/",
        "tile/0/000.p/01",
        "tile/0/000.p/256",
        "tile/0/000.p/65792",
        "tile/0/000.p/1/",
        "tile/0/000.P/1",
        "tile/0/000.p/1.p/1",
        "tile/0/../000",
        "tile/0/\u{661}\u{661}\u{661}",
        "tile/entry/000",
        "tile/entries",
        "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
    ];
    for path in refused {
        assert_eq!(path.parse::<Tile>(), Err(TileError::Path), "{path}");
    }
    for (path, error) in [
        // The specification allows levels to 63. From 8 on they need more leaves than a 64-bit size counts.
        ("tile/8/000", TileError::Coordinates(8, 0, 256)),
        ("tile/63/x999/999.p/255", TileError::Coordinates(63, 999_999, 255)),
        ("tile/0/000.p/0", TileError::Coordinates(0, 0, 0)),
        ("tile/7/001", TileError::Coordinates(7, 1, 256)),
        ("tile/entries/x072/x057/x594/x037/x927/936", TileError::Coordinates(0, 1 << 56, 256)),
    ] {
        assert_eq!(path.parse::<Tile>(), Err(error), "{path}");
    }
}

#[test]
fn the_tiles_of_70_000_leaves_are_those_of_the_specification() {
    let tiles: Vec<Tile> = hash_tiles(TreeSize::EMPTY, TreeSize::new(70_000)).collect();
    let count = |level, full| {
        tiles
            .iter()
            .filter(|tile| tile.kind() == TileKind::Hashes { level } && tile.is_full() == full)
            .count()
    };
    assert_eq!((count(0, true), count(0, false), count(1, true), count(1, false)), (273, 1, 1, 1));
    assert_eq!((count(2, true), count(2, false)), (0, 1));
    let partial: Vec<u16> = tiles.iter().filter(|tile| !tile.is_full()).map(|tile| tile.width()).collect();
    assert_eq!(partial, [112, 17, 1]);
}

// The cases of transparency-dev/tessera (api/layout/paths_test.go) that a log of 64-bit size can have: the path of
// the tile that holds an entry, in a log of a size.
#[test]
fn entries_are_in_the_bundles_where_tessera_looks_for_them() {
    let cases = [
        (0, 256, "tile/entries/000"),
        (255, 256, "tile/entries/000"),
        (251, 255, "tile/entries/000.p/255"),
        (256, 512, "tile/entries/001"),
        (256, 257, "tile/entries/001.p/1"),
        (123_456_789 * 256, 123_456_790 * 256, "tile/entries/x123/x456/789"),
        (123_456_789_000 * 256, u64::MAX, "tile/entries/x123/x456/x789/000"),
    ];
    for (entry, size, path) in cases {
        let start = entry / 256 * 256;
        let mut bundles = entry_bundles(TreeSize::new(start), TreeSize::new(size));
        assert_eq!(bundles.next().unwrap().to_string(), path);
    }
    let location = |level: u8, index, size| {
        let located = locate(Subtree { level: level * 8, index }, TreeSize::new(size)).unwrap();
        located.tile().to_string()
    };
    assert_eq!(location(0, 0, 255), "tile/0/000.p/255");
    assert_eq!(location(1, 0, u64::MAX), "tile/1/000");
    assert_eq!(location(1, 0, 256), "tile/1/000.p/1");
    assert_eq!(location(1, 3, 1024), "tile/1/000.p/4");
    assert_eq!(location(3, 1_234_567 * 256, u64::MAX), "tile/3/x001/x234/567");
}

#[test]
fn small_trees_have_few_tiles() {
    let all = |size| paths(hash_tiles(TreeSize::EMPTY, TreeSize::new(size)));
    assert_eq!(all(0), Vec::<String>::new());
    assert_eq!(all(1), ["tile/0/000.p/1"]);
    assert_eq!(all(256), ["tile/0/000", "tile/1/000.p/1"]);
    let bundles = paths(entry_bundles(TreeSize::new(10), TreeSize::new(513)));
    assert_eq!(bundles, ["tile/entries/000", "tile/entries/001", "tile/entries/002.p/1"]);
}

#[test]
fn only_changed_tiles_are_listed_between_two_sizes() {
    let changed = |old, new| paths(hash_tiles(TreeSize::new(old), TreeSize::new(new)));
    assert_eq!(changed(300, 301), ["tile/0/001.p/45"]);
    assert_eq!(changed(511, 512), ["tile/0/001", "tile/1/000.p/2"]);
    assert_eq!(changed(512, 512), Vec::<String>::new());
    assert_eq!(changed(300, 300), Vec::<String>::new());
}

#[test]
fn the_largest_tree_is_counted_without_overflow() {
    let near = TreeSize::new(u64::MAX - 1);
    let levels: Vec<_> = hash_tiles(near, TreeSize::new(u64::MAX)).collect();
    assert_eq!(levels, [hashes(0, (1 << 56) - 1, 255)]);
    assert!(Tile::new(TileKind::Hashes { level: TILE_LEVEL_MAX }, 0, 255).is_ok());
}

#[test]
fn a_hash_tile_is_exactly_its_width() {
    let tile = hashes(0, 0, 2);
    assert_eq!(tile.parse_hashes(&[7; 64]).unwrap().len(), 2);
    for length in [0, 32, 63, 65, 96] {
        assert_eq!(tile.parse_hashes(&vec![7; length]), Err(TileError::Length(length, 2)));
    }
}

#[test]
fn bundle_faults_name_the_entry() {
    let mut bundle = Vec::new();
    append(&mut bundle, b"").unwrap();
    append(&mut bundle, b"ab").unwrap();
    assert_eq!(bundle, [0, 0, 0, 2, b'a', b'b']);
    let read = |bytes: &[u8], width| {
        entries(bytes, width).map(|it| it.map(<[u8]>::to_vec)).collect::<Result<Vec<_>, _>>()
    };
    assert_eq!(read(&bundle, 2), Ok(vec![vec![], b"ab".to_vec()]));
    assert_eq!(read(&bundle, 1), Err(BundleError::Trailing { bytes: 4 }));
    assert_eq!(read(&bundle, 3), Err(BundleError::Truncated { index: 2 }));
    assert_eq!(read(&bundle[..5], 2), Err(BundleError::Truncated { index: 1 }));
    assert_eq!(read(&bundle[..3], 2), Err(BundleError::Truncated { index: 1 }));
    // After its first error a reader has nothing more to say.
    assert_eq!(entries(&bundle[..5], 2).count(), 2);
    assert_eq!(append(&mut bundle, &vec![0; 65_536]), Err(EntryTooLong { length: 65_536 }));
    assert_eq!(bundle.len(), 6);
    append(&mut bundle, &vec![1; ENTRY_BYTES_MAX]).unwrap();
    assert!(read(&bundle, 3).is_ok());
}

proptest! {
    #[test]
    fn every_tile_is_named_by_its_path(level in 0_u8..=7, index: u64, width in 1_u16..=256) {
        let index = index.checked_shr(8 * (u32::from(level) + 1)).unwrap_or(0);
        let tile = hashes(level, index, width);
        prop_assert_eq!(tile.to_string().parse(), Ok(tile));
    }

    #[test]
    fn bundles_round_trip_and_no_shorter_one_does(
        written in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..20), cut: prop::sample::Index,
    ) {
        let mut bundle = Vec::new();
        for entry in &written {
            append(&mut bundle, entry).unwrap();
        }
        let width = u16::try_from(written.len()).unwrap();
        let read: Vec<&[u8]> = entries(&bundle, width).collect::<Result<_, _>>().unwrap();
        prop_assert_eq!(&read, &written);
        let cut = &bundle[..cut.index(bundle.len())];
        prop_assert!(entries(cut, width).any(|entry| entry.is_err()));
    }
}
