//! Whole kits: one recipe makes one kit, for ever, and a damaged copy makes none.

use contract::digest::Digest;
use tlog::tile::{entry_bundles, hash_tiles};

use super::*;
use crate::kit::WriteError;

fn recipe() -> Recipe {
    let period = Some((parsed_time("2026-10-01T06:00:00.000Z"), parsed_time("2026-10-01T10:00:00.000Z")));
    Recipe { hosts: 2, records: 1500, rotations: vec![300, 900], heads: true, period, ..Recipe::default() }
}

/// The names of a zip's directory, in its order.
fn names(zip: &[u8]) -> Vec<String> {
    let end = zip.len() - 22;
    let number = |at: usize| u32::from_le_bytes(zip[at..at + 4].try_into().unwrap()) as usize;
    let (mut at, mut names) = (number(end + 16), Vec::new());
    while at < end {
        let length = usize::from(u16::from_le_bytes([zip[at + 28], zip[at + 29]]));
        names.push(String::from_utf8(zip[at + 46..at + 46 + length].to_vec()).unwrap());
        at += 46 + length;
    }
    names
}

#[test]
fn the_same_recipe_makes_the_same_bytes_in_every_process() {
    let sample = make(&recipe()).unwrap();
    assert_eq!(make(&recipe()).unwrap().zip, sample.zip);
    assert_ne!(make(&Recipe { seed: 2, ..recipe() }).unwrap().zip, sample.zip);
    // Over the parts that no wording changes: cover and documents are words, and words get better.
    let logs = sample.logs.iter().map(|log| log.checkpoint(log.size()).unwrap().root.to_string());
    let golden = Digest::of(logs.chain(names(&sample.zip)).collect::<Vec<_>>().join("\n").as_bytes());
    assert_eq!(golden.to_string(), "sha256:2fffba5cff864ab7c9b8036cad3282ba190159965b9a4a3ab298a56405672653");
}

#[test]
fn a_kit_holds_what_the_format_lists_and_nothing_else() {
    let sample = make(&recipe()).unwrap();
    let found = names(&sample.zip);
    assert!(found.is_sorted());
    for log in &sample.logs {
        let folder = format!("logs/{}/", log.host);
        let mut expected = vec![format!("{folder}checkpoint"), format!("{folder}head.tlog-proof")];
        let bundles = entry_bundles(TreeSize::EMPTY, log.size()).filter(|t| (1..3).contains(&t.index()));
        let level_0 = |t: &Tile| t.kind() == tlog::tile::TileKind::Hashes { level: 0 };
        let hashes = hash_tiles(TreeSize::EMPTY, log.size())
            .filter(|t| !level_0(t) || (1..3).contains(&t.index()) || t.index() == 5);
        expected.extend(bundles.chain(hashes).map(|tile| format!("{folder}{tile}")));
        expected.sort();
        let there: Vec<_> = found.iter().filter(|name| name.starts_with(&folder)).cloned().collect();
        assert_eq!(there, expected);
    }
}

#[test]
fn a_copy_that_is_damaged_makes_no_kit() {
    struct Flipped<'a>(Logs<'a>, Tile);
    impl Source for Flipped<'_> {
        fn tile(&mut self, host: &HostId, tile: Tile) -> Result<Vec<u8>, SourceError> {
            let mut bytes = self.0.tile(host, tile)?;
            if tile == self.1 {
                bytes[40] ^= 1;
            }
            Ok(bytes)
        }
    }
    let sample = make(&recipe()).unwrap();
    for path in ["tile/entries/001", "tile/0/002"] {
        let mut source = Flipped(Logs(&sample.logs), path.parse().unwrap());
        let refused = sample.kit.write(&mut source, std::io::sink());
        assert!(matches!(refused, Err(WriteError::Damaged { .. })), "{path}: {refused:?}");
    }
}

#[test]
fn every_record_of_a_sample_is_one_that_we_would_write() {
    let sample = make(&recipe()).unwrap();
    for entry in sample.logs.iter().flat_map(|log| &log.entries) {
        contract::record::Record::parse(entry).unwrap();
    }
}

#[test]
fn what_is_kept_for_verifying_changes_with_the_recipe() {
    let whole = make(&Recipe { rotations: vec![300], period: None, ..recipe() }).unwrap();
    assert!(whole.log_keys.contains(&whole.logs[0].first_key().to_string()));
    let part = make(&recipe()).unwrap();
    assert!(
        !part.log_keys.contains(&part.logs[0].first_key().to_string()),
        "the second hand-over is not in the kit"
    );
    assert!(part.policy.ends_with("quorum both\n"));
    let tail = make(&Recipe { tail: 7, ..recipe() }).unwrap();
    assert!(tail.policy.ends_with("quorum outside\n"));
    tlog::policy::Policy::parse(&tail.policy).unwrap();
}
