//! Records changed, dropped, doubled, swapped, spliced in, relabelled, with more and more of the log made to fit.

use crate::base::{self, Base};
use crate::case::{Case, Expected};
use crate::forge::{bundles, framed, unframed};

/// The places: beginning, middle, both sides of a bundle's edge, the last but one, the last.
const PLACES: [usize; 9] = [0, 1, 128, 255, 256, 400, 511, 512, 598];
/// The records of a bundle.
const WIDTH: usize = 256;

pub(super) fn cases() -> Vec<Case> {
    let base = base::bundles();
    let last = base.log().size() - 1;
    let mut cases: Vec<Case> = PLACES.into_iter().chain([last]).flat_map(|index| at(base, index)).collect();
    cases.extend(spliced(base));
    cases.extend(trailing(base));
    cases
}

/// Puts other entries in the place of the bundle that holds `index`.
fn in_bundle(
    base: &Base,
    index: usize,
    edit: impl FnOnce(&mut Vec<Vec<u8>>, usize),
) -> crate::container::Container {
    let mut kit = base.kit.clone();
    let (name, range) = bundles(base.log().size()).nth(index / WIDTH).expect("a bundle");
    let name = base.in_log(&name);
    let mut entries = unframed(kit.get(&name));
    edit(&mut entries, index - range.start);
    kit.put(&name, framed(&entries));
    kit
}

fn at(base: &Base, index: usize) -> Vec<Case> {
    let mut cases = one_record(base, index);
    cases.extend(order(base, index));
    cases.extend(made_to_fit(base, index));
    cases
}

/// One record's bytes, with nothing made to fit.
fn one_record(base: &Base, index: usize) -> Vec<Case> {
    let text = String::from_utf8(base.log().entries[index].clone()).expect("UTF-8");
    let replaced = |what: &str, from: &str, to: &str, reasons: &[&'static str]| {
        assert!(text.contains(from), "{from} is in record {index}: {text}");
        let kit = in_bundle(base, index, |entries, at| entries[at] = text.replacen(from, to, 1).into_bytes());
        base.case(format!("record {index}: {what}"), &kit, Expected::altered_at(index, reasons))
    };
    // A first record that says it is not the first breaks the frame's own rule: only the first has no predecessor.
    let out_of_place = if index == 0 { "not_a_record" } else { "sequence_differs" };
    let emptied = in_bundle(base, index, |entries, at| entries[at].clear());
    let spaced = in_bundle(base, index, |entries, at| entries[at].push(b'\n'));
    vec![
        replaced(
            "another clock",
            "\"synchronised_within_ms\":3",
            "\"synchronised_within_ms\":4",
            &["hash_differs"],
        ),
        replaced("another subject", "\"subject\":\"log\"", "\"subject\":\"lag\"", &["hash_differs"]),
        replaced("a legacy format", "\"format\":1", "\"format\":0", &["not_a_record"]),
        replaced("a later format", "\"format\":1", "\"format\":2", &["not_a_record"]),
        replaced("no format", "\"format\":1,", "", &["not_a_record"]),
        replaced("a key twice", "\"format\":1", "\"format\":1,\"format\":1", &["not_canonical"]),
        replaced("keys out of order", "{\"clock\":", "{\"zzz\":0,\"clock\":", &["not_canonical"]),
        replaced("a fraction", "\"format\":1", "\"format\":1.0", &["not_canonical"]),
        replaced("white space", "\"format\":1", "\"format\": 1", &["not_canonical"]),
        replaced(
            "another place",
            &format!("\"seq\":{index}"),
            &format!("\"seq\":{}", index + 1),
            &[out_of_place],
        ),
        replaced(
            "another log",
            "\"origin\":\"hub.example/",
            "\"origin\":\"hab.example/",
            &["origin_differs"],
        ),
        replaced("another year", "\"time\":\"2026", "\"time\":\"2025", &["hash_differs"]),
        base.case(
            format!("record {index}: emptied"),
            &emptied,
            Expected::altered_at(index, &["not_canonical", "not_a_record"]),
        ),
        base.case(
            format!("record {index}: a byte more"),
            &spaced,
            Expected::altered_at(index, &["not_canonical"]),
        ),
    ]
}

/// Records dropped, doubled and swapped.
fn order(base: &Base, index: usize) -> Vec<Case> {
    let last = base.log().size() - 1;
    let ends_bundle = index % WIDTH == WIDTH - 1 || index == last;
    let dropped = in_bundle(base, index, |entries, at| drop(entries.remove(at)));
    let doubled = in_bundle(base, index, |entries, at| {
        let copy = entries[at].clone();
        entries.insert(at, copy);
    });
    let gone = if ends_bundle {
        Expected::of("incomplete", "record_missing").at(index)
    } else {
        Expected::altered_at(index, &["sequence_differs"])
    };
    let twice = if ends_bundle { "bytes_after_bundle" } else { "sequence_differs" };
    let mut cases = vec![
        base.case(format!("record {index}: dropped"), &dropped, gone),
        base.case(format!("record {index}: doubled"), &doubled, Expected::altered_at(index + 1, &[twice])),
    ];
    if !ends_bundle {
        let swapped = in_bundle(base, index, |entries, at| entries.swap(at, at + 1));
        let expected = Expected::altered_at(index, &["sequence_differs"]);
        cases.push(base.case(format!("record {index}: swapped with the next"), &swapped, expected));
    }
    cases
}

/// A changed record with more and more made to fit it: the chain, the tiles, both.
fn made_to_fit(base: &Base, index: usize) -> Vec<Case> {
    let host = base.host();
    let changed = || {
        let mut log = base.log();
        let text = String::from_utf8(log.entries[index].clone()).expect("UTF-8");
        log.entries[index] = text.replacen("\"subject\":\"log\"", "\"subject\":\"lag\"", 1).into_bytes();
        log
    };
    let mut chained = changed();
    chained.chain_from(index + 1);
    let mut entries_only = base.kit.clone();
    for (name, range) in bundles(chained.size()) {
        entries_only.put(&base.in_log(&name), framed(&chained.entries[range]));
    }
    let mut tiles_too = base.kit.clone();
    chained.put_tree(&mut tiles_too, &host, chained.size());
    let mut unchained = base.kit.clone();
    changed().put_tree(&mut unchained, &host, chained.size());
    let accused = if index + 1 == chained.size() {
        Expected::of("altered", "root_differs")
    } else {
        Expected::altered_at(index, &["successor_differs"])
    };
    vec![
        base.case(
            format!("record {index}: changed, chain made to fit"),
            &entries_only,
            Expected::altered_at(index, &["hash_differs"]),
        ),
        base.case(
            format!("record {index}: changed, chain and tiles made to fit"),
            &tiles_too,
            Expected::of("altered", "root_differs"),
        ),
        base.case(format!("record {index}: changed, tiles made to fit"), &unchained, accused),
    ]
}

/// Bytes after the last record of a bundle stand where the next record would.
fn trailing(base: &Base) -> Vec<Case> {
    let last = base.log().size();
    [(0, WIDTH), (WIDTH, 2 * WIDTH), (last - 1, last)]
        .map(|(index, next)| {
            let mut kit = base.kit.clone();
            let (name, _) = bundles(last).nth(index / WIDTH).expect("a bundle");
            let name = base.in_log(&name);
            let bytes = [kit.get(&name), &[0]].concat();
            kit.put(&name, bytes);
            base.case(
                format!("a byte after record {}", next - 1),
                &kit,
                Expected::altered_at(next, &["bytes_after_bundle"]),
            )
        })
        .to_vec()
}

/// Records of another tenant's log.
fn spliced(base: &Base) -> Vec<Case> {
    let other = base::witnessed_outside();
    let foreign = other.log().entries;
    [0, 1, 255, 256, 299]
        .map(|index| {
            let kit = in_bundle(base, index, |entries, at| entries[at].clone_from(&foreign[index]));
            let expected = Expected::altered_at(index, &["origin_differs"]);
            base.case(format!("record {index}: another tenant's"), &kit, expected)
        })
        .to_vec()
}
