//! A part of a log that begins with a hand-over of the forger's making, and covers that claim what nobody could hold.

use tlog::SigningKey;
use tlog::note::SignatureType;

use crate::base::{self, Base};
use crate::case::{Brought, Case, Expected};
use crate::container::{Container, Member};
use crate::forge::Forged;

/// The records of a bundle.
const WIDTH: u64 = 256;

pub(super) fn cases() -> Vec<Case> {
    let base = base::period();
    let held = more_than_anybody_holds(base, (1 << 53) - WIDTH);
    let mut beyond = more_than_anybody_holds(base, 1 << 53);
    beyond.expected = Expected::of("altered", "kit_malformed");
    vec![forged_from_the_first_record(base), held, beyond]
}

fn range(base: &Base) -> [u64; 3] {
    let cover: serde_json::Value =
        serde_json::from_slice(base.kit.get("kit.json")).expect("kit.json is JSON");
    ["first", "end", "size"].map(|name| cover["logs"][0][name].as_u64().expect("a number"))
}

/// Any published head of the right size looks like a hand-over if nobody asks for the record that named the key.
fn forged_from_the_first_record(base: &Base) -> Case {
    let [first, end, size] = range(base);
    let at = usize::try_from(first).expect("small");
    let log = &base.sample.logs[0];
    let mut forged = Forged { origin: log.origin.to_string(), entries: log.entries.clone() };
    let name = forged.origin.parse().expect("a key name");
    let thief = SigningKey::from_seed(name, SignatureType::Ed25519, &[3; 32]).expect("a key");
    let genuine = forged.head(at, base.key(), &[], 1).to_string();
    let mut record: serde_json::Value = serde_json::from_slice(&forged.entries[at]).expect("a record");
    record["kind"] = "key_taken".into();
    record["details"] = serde_json::json!({"handover": genuine, "key": thief.verifier().to_string()});
    forged.entries[at] = record.to_string().into_bytes();
    forged.chain_from(at + 1);
    let mut kit = base.kit.clone();
    forged.put_tree(&mut kit, &base.host(), forged.size());
    kit.members.retain(|member| called_for(member, first, end, size));
    let head = forged.head(forged.size(), &thief, &[], 1).to_string();
    kit.put(&base.in_log("checkpoint"), head.into_bytes());
    base.follow(&mut kit);
    let expected = Expected::of("nothing_verified", "not_signed_by_key");
    let mut case = base.case("a hand-over that nobody announced", &kit, expected);
    case.brought = given_the_log_key(base);
    case
}

/// Whether a kit of this range holds a tile.
fn called_for(member: &Member, first: u64, end: u64, size: u64) -> bool {
    let name = member.name();
    let Some((_, tile)) = name.split_once("/tile/") else { return true };
    let Some((level, index)) = tile.split_once('/') else { return true };
    let partial = index.contains(".p/");
    let index: u64 =
        index.split('.').next().and_then(|index| index.parse().ok()).expect("fewer than 1 000 tiles");
    let within = (first / WIDTH..end.div_ceil(WIDTH)).contains(&index);
    match level {
        "entries" => within,
        "0" => within || (partial && !size.is_multiple_of(WIDTH)),
        _ => true,
    }
}

fn given_the_log_key(base: &Base) -> Brought {
    let keys = base.sample.log_keys.lines().map(str::to_owned).collect();
    let witnesses = vec![base.sample.keys.witness.verifier().to_string()];
    Brought { keys, witnesses, ..Brought::default() }
}

/// Such a size costs its author nothing: it must cost the reader nothing either.
fn more_than_anybody_holds(base: &Base, size: u64) -> Case {
    let mut kit: Container = base.kit.clone();
    kit.members.retain(|member| !member.name().contains("/tile/"));
    let root = tlog::leaf_hash(b"anything").to_base64();
    let origin = base.sample.logs[0].origin.to_string();
    let name = origin.parse().expect("a key name");
    let stranger = SigningKey::from_seed(name, SignatureType::Ed25519, &[4; 32]).expect("a key");
    let text = format!("{origin}\n{size}\n{root}\n");
    let head = tlog::SignedNote::sign(&text, &stranger).expect("a key for notes").to_string();
    kit.put(&base.in_log("checkpoint"), head.into_bytes());
    let edit = |cover: &mut serde_json::Value| {
        cover["logs"][0]["first"] = (size - WIDTH).into();
        cover["logs"][0]["end"] = size.into();
    };
    base.reseal(&mut kit, edit, &base.sample.keys.kits);
    let expected = Expected {
        verdicts: vec!["incomplete", "nothing_verified"],
        reasons: vec!["tile_missing", "bundle_missing", "not_signed_by_key"],
        index: None,
    };
    let mut case = base.case(format!("a size that nobody could hold: {size}"), &kit, expected);
    case.brought = given_the_log_key(base);
    case
}
