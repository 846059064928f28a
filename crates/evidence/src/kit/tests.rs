//! The writer against what the format says, and the choice of a range against a slow and plain one.

use std::collections::BTreeMap;

use contract::ids::HostId;
use contract::time::UtcTime;
use proptest::prelude::*;
use tlog::TreeSize;
use tlog::note::SignatureType;
use tlog::tile::{Tile, TileKind, bundle};

use super::*;

/// A log of entries that hold nothing but a time.
struct Times(Vec<u64>);

impl Source for Times {
    fn tile(&mut self, _: &HostId, tile: Tile) -> Result<Vec<u8>, SourceError> {
        assert_eq!(tile.kind(), TileKind::Entries);
        let start = usize::try_from(tile.index())? * 256;
        let mut bytes = Vec::new();
        for time in &self.0[start..start + usize::from(tile.width())] {
            bundle::append(&mut bytes, format!("{{\"seq\":1,\"time\":\"{}\"}}", at(*time)).as_bytes())?;
        }
        Ok(bytes)
    }
}

fn at(ms: u64) -> UtcTime {
    UtcTime::from_unix_ms(i64::try_from(ms).unwrap()).unwrap()
}

fn host() -> HostId {
    "h-1".parse().unwrap()
}

fn surveyed(times: Vec<u64>, from: u64, to: u64) -> Survey {
    let size = TreeSize::new(times.len() as u64);
    survey(&mut Times(times), &host(), size, Period::new(at(from), at(to)).unwrap(), |_, _, _| ()).unwrap()
}

/// Every pair of bounds that §8 allows, and the shortest of them.
fn plainly(times: &[u64], from: u64, to: u64) -> (u64, u64) {
    let size = times.len();
    let within: Vec<usize> = (0..size).filter(|i| (from..to).contains(&times[*i])).collect();
    let firsts = (0..size).step_by(256).filter(|first| *first == 0 || times[*first] < from);
    let ends = || (256..size).step_by(256).filter(|end| times[*end - 1] >= to).chain([size]);
    let pairs = firsts.flat_map(|first| ends().map(move |end| (first, end)));
    let holding =
        pairs.filter(|(first, end)| first < end && within.iter().all(|i| (first..end).contains(&i)));
    let shortest = holding.min_by_key(|(first, end)| (end - first, *first)).unwrap();
    (shortest.0 as u64, shortest.1 as u64)
}

proptest! {
    #[test]
    fn the_range_is_the_shortest_that_the_format_allows(
        steps in prop::collection::vec(0_u64..3, 1..1500), back in prop::collection::vec((any::<prop::sample::Index>(), 0_u64..900), 0..3),
        from in 0_u64..1600, length in 1_u64..600,
    ) {
        let mut times: Vec<u64> = steps.iter().scan(0, |time, step| { *time += step; Some(*time) }).collect();
        for (index, by) in back {
            let start = index.index(times.len());
            for time in &mut times[start..] { *time = time.saturating_sub(by); }
        }
        let survey = surveyed(times.clone(), from, from + length);
        prop_assert_eq!((survey.first, survey.end), plainly(&times, from, from + length));
        let within = times.iter().filter(|t| (from..from + length).contains(*t)).count() as u64;
        prop_assert_eq!(survey.records, within);
        prop_assert_eq!(survey.steps_back, times.array_windows().filter(|[a, b]| b < a).count() as u64);
    }
}

#[test]
fn a_period_without_records_is_shown_from_both_sides() {
    let times: Vec<u64> = (0..1000).map(|i| if i < 500 { i } else { i + 5000 }).collect();
    let survey = surveyed(times, 2000, 3000);
    assert_eq!((survey.first, survey.end, survey.records, survey.bounds), (256, 512, 0, None));
    let before_all = surveyed((5000..5700).collect(), 10, 20);
    assert_eq!((before_all.first, before_all.end), (0, 256));
    let after_all = surveyed((0..700).collect(), 5000, 6000);
    assert_eq!((after_all.first, after_all.end), (512, 700));
}

#[test]
fn an_entry_without_a_time_and_an_empty_log_are_named() {
    struct Torn;
    impl Source for Torn {
        fn tile(&mut self, _: &HostId, _: Tile) -> Result<Vec<u8>, SourceError> {
            let mut bytes = Vec::new();
            bundle::append(&mut bytes, b"{\"time\":\"2026-11-21T06:00:00.000Z\"}")?;
            bundle::append(&mut bytes, b"{,\"time\":\"2026-11-21T06:00:00.00Z\"}")?;
            Ok(bytes)
        }
    }
    let period = Period::new(at(0), at(1)).unwrap();
    let look = |size| survey(&mut Torn, &host(), TreeSize::new(size), period, |_, _, _| ());
    assert!(matches!(look(2), Err(SurveyError::Damaged { index: 0, .. })), "{:?}", look(2));
    assert!(matches!(look(0), Err(SurveyError::Empty { .. })));
    assert!(Period::new(at(5), at(5)).is_none());
}

fn sealed(change: impl FnOnce(&mut Vec<Log>, &mut BTreeMap<String, Vec<u8>>)) -> Result<Kit, SealError> {
    let key =
        |name: &str| SigningKey::from_seed(name.parse().unwrap(), SignatureType::Ed25519, &[3; 32]).unwrap();
    let origin = "hub.example/h-1".parse().unwrap();
    let head = Checkpoint { origin, size: TreeSize::new(300), root: tlog::hash::empty_root() };
    let note = head.sign(&key("hub.example/h-1")).unwrap().note().to_string();
    let mut logs = vec![Log { host: host(), site: "main".parse().unwrap(), note, first: 0, end: 256 }];
    let mut documents = BTreeMap::from([("README.txt".to_owned(), b"read".to_vec())]);
    change(&mut logs, &mut documents);
    let export = Export { id: "e-1".to_owned(), by: "Ada".to_owned().try_into().unwrap(), time: at(9) };
    let period = Period::new(at(0), at(5)).unwrap();
    let cover = Cover { tenant: "clinic-7".parse().unwrap(), period, export };
    Kit::seal(&cover, logs, documents, &key("hub.example/kits"))
}

#[test]
fn a_cover_has_one_form() {
    let kit = sealed(|_, _| ()).unwrap();
    let expected = "{\"export\":{\"by\":\"Ada\",\"id\":\"e-1\",\"time\":\"1970-01-01T00:00:00.009Z\"},\"files\":{\"README.txt\":\
        \"sha256:36fcd77b6d8a2af2ddbafb54ea3c4c0e4a2ebe1fe0b9dfd1bda2a5ba9b2ba3dc\"},\"format\":1,\"kind\":\"suture-kit\",\"logs\":[{\"end\":256,\
        \"first\":0,\"host\":\"h-1\",\"origin\":\"hub.example/h-1\",\"root\":\"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\",\"site\":\"main\",\
        \"size\":300}],\"period\":{\"from\":\"1970-01-01T00:00:00.000Z\",\"to\":\"1970-01-01T00:00:00.005Z\"},\"tenant\":\"clinic-7\"}";
    let digest = contract::digest::Digest::of(b"read").to_string();
    let expected =
        expected.replace("sha256:36fcd77b6d8a2af2ddbafb54ea3c4c0e4a2ebe1fe0b9dfd1bda2a5ba9b2ba3dc", &digest);
    assert_eq!(str::from_utf8(kit.cover()).unwrap(), expected);
    contract::canonical::check(kit.cover()).unwrap();
    let note = SignedNote::parse(kit.note().as_bytes()).unwrap();
    let hex = contract::digest::Digest::of(kit.cover()).to_string();
    assert_eq!(note.text(), format!("suture kit v1\n{}\n", &hex["sha256:".len()..]));
}

#[test]
fn what_a_kit_may_not_hold_is_not_sealed() {
    let range = |first, end| sealed(move |logs, _| (logs[0].first, logs[0].end) = (first, end)).map(|_| ());
    for (first, end) in [(0, 0), (1, 256), (0, 255), (256, 256), (0, 512), (512, 256), (0, 301)] {
        assert!(matches!(range(first, end), Err(SealError::Range { .. })), "{first} to {end} was taken");
    }
    for (first, end) in [(0, 256), (0, 300), (256, 300)] {
        range(first, end).unwrap();
    }
    for name in [
        "kit.json",
        "kit.note",
        "logs/h-1/checkpoint",
        "logs/h-1/tile/0/000",
        "logs/h-2/head.tlog-proof",
        "other",
        "documents/",
        "documents/../x",
    ] {
        let refused = sealed(|_, documents| drop(documents.insert(name.to_owned(), vec![])));
        assert!(matches!(refused, Err(SealError::Document { .. })), "{name} was taken");
    }
    sealed(|_, documents| drop(documents.insert("logs/h-1/head.tlog-proof".to_owned(), vec![]))).unwrap();
    assert!(matches!(sealed(|logs, _| logs.clear()), Err(SealError::NoLogs)));
    assert!(matches!(sealed(|logs, _| logs.push(logs[0].clone())), Err(SealError::Twice { .. })));
    assert!(matches!(sealed(|logs, _| logs[0].note.clear()), Err(SealError::Head { .. })));
}

#[test]
fn a_kit_is_restored_from_its_own_parts_only() {
    let kit = sealed(|_, _| ()).unwrap();
    let parts = || {
        let logs = kit.logs().map(|(log, _)| log.clone()).collect::<Vec<_>>();
        (kit.cover().to_vec(), kit.note().to_owned(), logs, kit.documents().clone())
    };
    let (cover, note, logs, documents) = parts();
    assert_eq!(Kit::restore(cover, note, logs, documents).unwrap(), kit);
    let (cover, note, mut logs, documents) = parts();
    logs[0].end = 300;
    assert!(matches!(Kit::restore(cover, note, logs, documents), Err(SealError::OtherCover)));
    let (cover, note, logs, _) = parts();
    assert!(matches!(Kit::restore(cover, note, logs, BTreeMap::new()), Err(SealError::OtherCover)));
}
