//! Tiles: missing, more than there should be, altered.

use crate::base::{self, Base};
use crate::case::{Case, Expected};
use crate::forge::bundles;

pub(super) fn cases() -> Vec<Case> {
    let base = base::bundles();
    let mut cases = missing(base);
    cases.extend(altered(base));
    cases.extend(extra(base));
    cases
}

fn names(base: &Base) -> Vec<String> {
    let folder = base.in_log("tile/");
    base.kit
        .members
        .iter()
        .map(crate::container::Member::name)
        .filter(|name| name.starts_with(&folder))
        .collect()
}

fn missing(base: &Base) -> Vec<Case> {
    let first = |name: &str| {
        bundles(base.log().size())
            .find(|(bundle, _)| name.ends_with(bundle.as_str()))
            .map(|(_, range)| range.start)
    };
    names(base)
        .iter()
        .map(|name| {
            let expected = match first(name) {
                Some(index) => Expected::of("incomplete", "bundle_missing").at(index),
                None => Expected::of("incomplete", "tile_missing"),
            };
            base.tampered(format!("missing: {name}"), expected, |kit| kit.remove(name))
        })
        .collect()
}

fn altered(base: &Base) -> Vec<Case> {
    let hashes: Vec<String> = names(base).into_iter().filter(|name| !name.contains("/entries/")).collect();
    let mut cases = Vec::new();
    for name in &hashes {
        let bytes = base.kit.get(name).to_vec();
        let mut flipped = bytes.clone();
        flipped[17] ^= 4;
        let put = |what: &str, bytes: Vec<u8>, expected| {
            base.tampered(format!("{what}: {name}"), expected, |kit| kit.put(name, bytes))
        };
        let differs = Expected::of("altered", "tile_differs");
        // A tile that is too short or too long is not the tile that the entries lead to; some would say that it is not there.
        let any = Expected {
            verdicts: vec!["altered", "incomplete"],
            reasons: vec!["tile_differs", "tile_missing"],
            index: Some(None),
        };
        cases.push(put("a hash altered", flipped, differs));
        cases.push(put("a hash less", bytes[..bytes.len() - 32].to_vec(), any.clone()));
        cases.push(put("a byte less", bytes[..bytes.len() - 1].to_vec(), any.clone()));
        cases.push(put("a hash more", [bytes.as_slice(), &[7; 32]].concat(), any));
    }
    cases
}

fn extra(base: &Base) -> Vec<Case> {
    let unexpected = || Expected::of("altered", "unexpected_file");
    [
        "tile/0/003",
        "tile/entries/003",
        "tile/entries/002",
        "tile/0/002.p/7",
        "tile/5/000",
        "tile/rest",
        "other",
    ]
    .map(|name| {
        let name = base.in_log(name);
        base.tampered(format!("extra: {name}"), unexpected(), |kit| kit.put(&name, vec![1; 32]))
    })
    .to_vec()
}
