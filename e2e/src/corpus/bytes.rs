//! Every byte flipped, and the kit cut at every length.

use crate::base::Base;
use crate::case::{Case, Expected};

/// The kit with one bit of each `step`-th byte flipped, from `first` on. Within a record, the record must be named.
pub fn flips(base: &Base, first: usize, step: usize) -> impl Iterator<Item = Case> {
    let zip = base.kit.write();
    let records = record_places(base);
    (first..zip.len()).step_by(step).map(move |at| {
        let mut flipped = zip.clone();
        flipped[at] ^= 1 << (at % 8);
        let index = records.iter().position(|place| place.contains(&at));
        let expected = index.map_or_else(Expected::caught, |index| Expected::altered_at(index, &[]));
        Case { name: format!("byte {at} flipped"), zip: flipped, brought: base.brought.clone(), expected }
    })
}

/// The kit cut off after each `step`-th length, from `first` on.
pub fn truncations(base: &Base, first: usize, step: usize) -> impl Iterator<Item = Case> {
    let zip = base.kit.write();
    (first..zip.len()).step_by(step).map(move |length| Case {
        name: format!("cut after {length} bytes"),
        zip: zip[..length].to_vec(),
        brought: base.brought.clone(),
        expected: Expected::of("altered", "not_a_kit"),
    })
}

/// Where the bytes of each record of the first host lie in the kit, its length included.
fn record_places(base: &Base) -> Vec<std::ops::Range<usize>> {
    let zip = base.kit.write();
    let mut places = Vec::new();
    for (name, _) in crate::forge::bundles(base.log().size()) {
        let bundle = base.kit.get(&base.in_log(&name));
        let mut at = find(&zip, bundle).expect("the bundle lies in the kit as it is");
        for entry in crate::forge::unframed(bundle) {
            places.push(at..at + 2 + entry.len());
            at += 2 + entry.len();
        }
    }
    places
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}
