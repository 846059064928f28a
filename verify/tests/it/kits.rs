//! Kits: honest ones verify, and each thing that a thief could do to one has its name.

use evidence::kit::sample::{Recipe, make};
use serde_json::json;
use verify::{Remark, Trust, Verdict, Witnesses};

use crate::zip::{Files, SAMPLE, brought, fault, judge, recipe, zip};

fn check(files: &Files, trust: &Trust, name: &str, reason: &str) -> Verdict {
    let verdict = judge(&files.pack(), trust).verdict;
    assert_eq!((verdict.name(), verdict.reason()), (name, Some(reason)), "{verdict:?}");
    verdict
}

fn honest() -> (Files, Trust) {
    (Files::of(&SAMPLE), brought(&SAMPLE))
}

#[test]
fn an_honest_kit_is_intact_and_comes_apart_and_together() {
    let (files, trust) = honest();
    assert_eq!(files.pack(), SAMPLE.zip);
    let report = judge(&SAMPLE.zip, &trust);
    assert_eq!(report.verdict, Verdict::IntactWitnessed, "{:?}", report.verdict);
    assert!(report.cover.as_ref().unwrap().signed);
    assert_eq!(report.logs[0].report.summary.as_ref().unwrap().kinds["key_taken"], 2);
    let words = report.lines().join("\n");
    assert!(words.contains("signed by the kit key that was given"), "{words}");
    // Without the hub's keys its word counts for nothing, and that is said.
    let report = judge(&SAMPLE.zip, &Trust { kit_key: None, heads_key: None, ..trust });
    assert_eq!(report.verdict, Verdict::IntactWitnessed);
    assert!(!report.cover.as_ref().unwrap().signed);
    assert_eq!(report.logs[0].report.remarks, [Remark::HeadsProofIgnored]);
    assert!(report.lines().join("\n").contains("not vouched for"));
}

#[test]
fn every_kind_of_trust_carries_a_kit() {
    let policy = Witnesses::Policy(tlog::policy::Policy::parse(&SAMPLE.policy).unwrap());
    let keys = brought(&SAMPLE).keys;
    let heads_key = brought(&SAMPLE).heads_key;
    let both = Trust { keys: keys.clone(), witnesses: policy.clone(), heads_key, ..Trust::default() };
    assert_eq!(judge(&SAMPLE.zip, &both).verdict, Verdict::IntactWitnessed);
    let known_logs = keys.clone();
    let known = Trust { known_logs, witnesses: policy, ..Trust::default() };
    // The policy asks for the outside witness too, whose word comes through the log of heads alone.
    assert_eq!(judge(&SAMPLE.zip, &known).verdict, Verdict::IntactUnwitnessedTail { unwitnessed: 700 });
    let key_log = SAMPLE.key_logs.values().next().unwrap();
    let key_logs = vec![verify::KeyLog::parse(key_log).unwrap()];
    let by_log = Trust { key_logs, ..Trust::default() };
    assert!(judge(&SAMPLE.zip, &by_log).verdict.is_intact());
    let heads = vec![verify::OutsideHead::parse(SAMPLE.heads[0].as_bytes()).unwrap()];
    assert!(judge(&SAMPLE.zip, &Trust { heads, ..Trust::default() }).verdict.is_intact());
    // Every key that was ever in force, but for those that were replaced.
    let in_force: Vec<bool> = SAMPLE.logs[0]
        .keys
        .iter()
        .map(|(_, key)| Trust { keys: vec![key.verifier().clone()], ..Trust::default() })
        .map(|trust| judge(&SAMPLE.zip, &trust).verdict.is_intact())
        .collect();
    assert_eq!(in_force, [true, true, true], "each leads to the next");
}

#[test]
fn honest_kits_of_every_shape_are_intact() {
    let day = |n: u32| format!("2026-10-{n:02}T00:00:00.000Z").parse().unwrap();
    for records in [1, 3, 256, 257, 600, 900] {
        for period in [None, Some((day(1), day(2))), Some((day(2), day(3))), Some((day(1), day(30)))] {
            for rotations in [vec![], vec![2, 255, 511, 700]] {
                let hosts = if records == 257 { 2 } else { 1 };
                let (spacing_ms, record_bytes) = (240_000, 400);
                let recipe = Recipe {
                    records,
                    period,
                    rotations,
                    hosts,
                    spacing_ms,
                    record_bytes,
                    ..Recipe::default()
                };
                // Some periods lie after the last record: there is no such kit.
                let Ok(sample) = make(&recipe) else { continue };
                let report = judge(&sample.zip, &brought(&sample));
                assert_eq!(report.verdict, Verdict::IntactWitnessed, "{recipe:?}");
                assert_eq!(report.logs.len(), hosts as usize);
            }
        }
    }
}

/// A kit in whose middle the only period lies: bundles before it and after it are left out.
fn middle() -> evidence::kit::sample::Sample {
    let time = |text: &str| text.parse().unwrap();
    let period = Some((time("2026-10-01T08:30:00.000Z"), time("2026-10-01T12:00:00.000Z")));
    make(&Recipe { records: 1500, period, heads: true, ..Recipe::default() }).unwrap()
}

#[test]
fn a_part_of_a_log_is_verified_against_the_whole_tree() {
    let sample = middle();
    let (mut files, trust) = (Files::of(&sample), brought(&sample));
    let log = files.cover()["logs"][0].clone();
    assert_eq!((&log["first"], &log["end"], &log["size"]), (&json!(256), &json!(768), &json!(1500)));
    let report = judge(&sample.zip, &trust);
    assert_eq!(report.verdict, Verdict::IntactWitnessed, "{:?}", report.verdict);
    assert_eq!(report.logs[0].report.summary.as_ref().unwrap().kinds.values().sum::<u64>(), 512);
    // A hash that stands for entries that are left out is as good as they are.
    let honest = files.clone();
    files.of_log("tile/1/000.p/5")[3 * 32] ^= 1;
    check(&files, &trust, "altered", "root_differs");
    let mut files = honest.clone();
    files.of_log("tile/1/000.p/5").pop();
    check(&files, &trust, "altered", "tile_differs");
    let mut files = honest.clone();
    files.of_log("tile/0/005.p/220")[0] ^= 1;
    check(&files, &trust, "altered", "root_differs");
    for name in ["tile/1/000.p/5", "tile/0/005.p/220"] {
        let mut files = honest.clone();
        let name = files.folder() + name;
        files.0.remove(&name);
        check(&files, &trust, "incomplete", "tile_missing");
    }
    // An altered entry is named by its index in the whole log.
    let mut files = honest.clone();
    files.of_log("tile/entries/001")[40] ^= 1;
    assert_eq!(check(&files, &trust, "altered", "not_canonical").index(), Some(256));
    // What is left out must not be there.
    let mut files = honest;
    let name = files.folder() + "tile/0/000";
    files.0.insert(name, vec![0; 8192]);
    check(&files, &trust, "altered", "unexpected_file");
}

#[test]
fn an_earlier_head_is_found_where_its_root_can_be_computed() {
    let sample = middle();
    let log = &sample.logs[0];
    let head = |size| {
        let text = log.checkpoint(tlog::TreeSize::new(size)).unwrap().to_string();
        verify::OutsideHead::parse(text.as_bytes()).unwrap()
    };
    let with = |size| Trust { heads: vec![head(size)], ..brought(&sample) };
    for size in [256, 300, 768, 1024, 1300, 1500] {
        assert_eq!(judge(&sample.zip, &with(size)).verdict, Verdict::IntactWitnessed, "{size}");
    }
    for size in [1, 255, 769, 1279] {
        let report = judge(&sample.zip, &with(size));
        assert_eq!(report.verdict, Verdict::IntactWitnessed, "{size}");
        assert!(matches!(report.logs[0].report.remarks[..], [Remark::NotComparable { .. }]), "{size}");
        // Alone it pins nothing.
        let alone = Trust { heads: vec![head(size)], ..Trust::default() };
        let verdict = judge(&sample.zip, &alone).verdict;
        assert_eq!((verdict.reason(), verdict.index()), (Some("tail_not_covered"), Some(0)), "{size}");
    }
    let other = SAMPLE.logs[0].checkpoint(tlog::TreeSize::new(310)).unwrap();
    let other = format!("{}\n310\n{}\n", log.origin, other.root.to_base64());
    let heads = vec![verify::OutsideHead::parse(other.as_bytes()).unwrap()];
    let verdict = judge(&sample.zip, &Trust { heads, ..brought(&sample) }).verdict;
    assert_eq!(verdict.name(), "fork");
}

#[test]
fn a_period_that_is_cut_is_incomplete() {
    let sample = middle();
    let (mut files, trust) = (Files::of(&sample), brought(&sample));
    for (key, time) in [("from", "2026-10-01T04:00:00.000Z"), ("to", "2026-10-01T20:00:00.000Z")] {
        let mut cover = files.cover();
        cover["period"][key] = json!(time);
        files.set_cover(&cover, &sample.keys.kits);
        check(&files, &trust, "incomplete", "period_cut");
        files = Files::of(&sample);
    }
}

/// The head of a log is genuine for ever, and so is what witnesses said of it: only a late word shows that nothing came after.
#[test]
fn an_end_that_no_witness_saw_in_time_is_incomplete() {
    let sample = make(&Recipe { records: 300, ..Recipe::default() }).unwrap();
    let (log, hub) = (&sample.logs[0], &sample.keys.witness);
    let mut files = Files::of(&sample);
    let cover = files.cover();
    assert_eq!(cover["period"]["to"], "2026-10-01T05:00:00.001Z");
    let due = 1_790_812_800 + 5 * 3600;
    for (seconds, expected) in [(due - 1, Some("period_cut")), (due, None)] {
        let head = log.checkpoint(log.size()).unwrap().sign(log.key_of(log.size())).unwrap();
        let time = tlog::cosignature::CosignatureTime::from_unix_seconds(seconds).unwrap();
        let line = tlog::cosignature::cosign(&head, hub, time).unwrap();
        let mut note = head.into_note();
        note.add(line).unwrap();
        *files.of_log("checkpoint") = note.to_string().into_bytes();
        let verdict = judge(&files.pack(), &brought(&sample)).verdict;
        assert_eq!(verdict.reason(), expected, "{seconds}: {verdict:?}");
    }
}

#[test]
fn the_worst_of_several_logs_is_the_verdict() {
    let sample = make(&Recipe { hosts: 3, records: 300, ..Recipe::default() }).unwrap();
    let (mut files, trust) = (Files::of(&sample), brought(&sample));
    let folders: Vec<String> =
        files.0.keys().filter_map(|name| name.strip_suffix("checkpoint").map(str::to_owned)).collect();
    assert_eq!(folders.len(), 3);
    files.0.remove(&(folders[0].clone() + "tile/entries/001.p/44"));
    files.0.get_mut(&(folders[1].clone() + "tile/entries/001.p/44")).unwrap()[60] ^= 1;
    let report = judge(&files.pack(), &trust);
    let verdicts: Vec<&str> = report.logs.iter().map(|log| log.report.verdict.name()).collect();
    assert_eq!(verdicts, ["incomplete", "altered", "intact_witnessed"]);
    assert_eq!((report.verdict.name(), report.verdict.index()), ("altered", Some(256)));
    assert_eq!(report.host.as_ref(), Some(&report.logs[1].host));
    // A log that nothing was brought for is not verified, and a kit is not better than that.
    let trust = Trust { keys: trust.keys[..2].to_vec(), ..trust };
    let report = judge(&sample.zip, &trust);
    assert_eq!((report.verdict.name(), report.verdict.reason()), ("nothing_verified", Some("no_trust")));
}

#[test]
fn what_the_container_may_not_hold_makes_it_no_kit() {
    let (files, trust) = honest();
    let plain = files.pack();
    assert_eq!(fault(&plain, &trust), None);
    let named = |name: &str| {
        let mut all: Vec<(&str, &[u8])> = files.0.iter().map(|(n, b)| (n.as_str(), b.as_slice())).collect();
        all.push((name, b"x"));
        all.sort_unstable();
        zip(all.into_iter())
    };
    for name in ["../x", "a/../x", "./x", "/x", "a//x", "x/", "a b", "é", "README.txt", "a\\b", ""] {
        assert!(fault(&named(name), &trust).is_some(), "{name:?}");
    }
    assert!(fault(&named(&"n".repeat(201)), &trust).is_some());
    let backwards = zip(files.0.iter().rev().map(|(name, bytes)| (name.as_str(), bytes.as_slice())));
    assert!(fault(&backwards, &trust).is_some());
    for bytes in [&b""[..], b"PK", &plain[1..], &plain[..plain.len() - 1], &[&plain[..], b"\0"].concat()] {
        assert!(fault(bytes, &trust).is_some());
    }
    let none = zip(std::iter::empty());
    assert_eq!(judge(&none, &trust).verdict.reason(), Some("kit_malformed"), "an empty kit has no cover");
}

#[test]
fn every_byte_of_a_header_counts() {
    let (files, trust) = honest();
    let plain = files.pack();
    let directory = plain.len() - 22 - files.0.keys().map(|name| 46 + name.len()).sum::<usize>();
    // The first local header, the whole directory, and the end record.
    let first = 30 + files.0.keys().next().unwrap().len();
    for at in (0..first).chain(directory..plain.len()) {
        let mut bytes = plain.clone();
        bytes[at] ^= 1;
        let verdict = judge(&bytes, &trust).verdict;
        assert_eq!(verdict.name(), "altered", "byte {at}: {verdict:?}");
        assert_eq!(verdict.reason(), Some("not_a_kit"), "byte {at}: {verdict:?}");
    }
}

#[test]
fn a_kit_is_its_own_length() {
    let (_, trust) = honest();
    let step = if cfg!(debug_assertions) { 4099 } else { 97 };
    for length in (0..SAMPLE.zip.len()).step_by(step) {
        assert!(fault(&SAMPLE.zip[..length], &trust).is_some(), "{length}");
    }
}

#[test]
fn a_flip_anywhere_in_a_kit_is_an_alteration() {
    let sample = make(&Recipe { records: 5, ..recipe() }).unwrap();
    let trust = brought(&sample);
    assert_eq!(judge(&sample.zip, &trust).verdict, Verdict::IntactWitnessed);
    let step = if cfg!(debug_assertions) { 23 } else { 1 };
    for at in (0..sample.zip.len()).step_by(step) {
        let mut bytes = sample.zip.clone();
        bytes[at] ^= 1 << (at % 8);
        let verdict = judge(&bytes, &trust).verdict;
        // A flipped head may name another log, or no record at all: then nothing can be tied to it.
        assert!(matches!(verdict, Verdict::Altered(_)), "byte {at}: {verdict:?}");
    }
}
