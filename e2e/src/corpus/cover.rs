//! The cover and the documents: what the kit says of itself.

use tlog::SigningKey;
use tlog::note::SignatureType;

use crate::base::{self, Base};
use crate::case::{Case, Expected};
use crate::container::Container;

pub(super) fn cases() -> Vec<Case> {
    let base = base::bundles();
    let mut cases = documents(base);
    cases.extend(cover(base));
    cases.extend(listed(base));
    cases.extend(narrowed());
    cases
}

/// The list of files may not take over what a tree covers, of whatever host: a file of no tree would look as if one covered it.
fn listed(base: &Base) -> Vec<Case> {
    let own = base.in_log("checkpoint");
    ["logs/h-nobody/checkpoint", "logs/h-nobody/tile/0/000", "logs/h-nobody/tile/more", &own]
        .map(|name| {
            let mut kit = base.kit.clone();
            if !kit.has(name) {
                kit.put(name, vec![b'x']);
            }
            base.reseal(&mut kit, |cover| cover["files"][name] = "".into(), &base.sample.keys.kits);
            base.case(format!("cover: its files name {name}"), &kit, altered("kit_malformed"))
        })
        .to_vec()
}

fn altered(reason: &'static str) -> Expected {
    Expected::of("altered", reason)
}

fn documents(base: &Base) -> Vec<Case> {
    let mut cases = Vec::new();
    for name in ["README.txt", "custodian.txt", "verify.html", "documents/gaps.json", "documents/keys.json"] {
        let other = [base.kit.get(name), b" "].concat();
        cases.push(base.tampered(format!("altered: {name}"), altered("document_differs"), |kit| {
            kit.put(name, other);
        }));
        let gone = Expected::of("incomplete", "document_missing");
        cases.push(base.tampered(format!("missing: {name}"), gone, |kit| kit.remove(name)));
    }
    for name in ["documents/more.json", "logs/h-nobody/checkpoint", "zzz"] {
        cases.push(base.tampered(format!("extra: {name}"), altered("unexpected_file"), |kit| {
            kit.put(name, vec![b'x']);
        }));
    }
    for name in ["kit.json", "kit.note"] {
        cases.push(
            base.tampered(format!("missing: {name}"), altered("kit_malformed"), |kit| kit.remove(name)),
        );
    }
    cases
}

fn edited(base: &Base, from: &str, to: &str) -> Container {
    let mut kit = base.kit.clone();
    let cover = String::from_utf8(kit.get("kit.json").to_vec()).expect("kit.json is text");
    assert!(cover.contains(from), "{from} is in kit.json");
    kit.put("kit.json", cover.replacen(from, to, 1).into_bytes());
    kit
}

fn cover(base: &Base) -> Vec<Case> {
    let mut cases = vec![
        base.case("cover: another tenant", &edited(base, "clinic-7", "clinic-8"), altered("kit_differs")),
        base.case(
            "cover: another day",
            &edited(base, "\"from\":\"2026-10-01", "\"from\":\"2026-09-30"),
            altered("kit_differs"),
        ),
        base.case(
            "cover: a legacy format",
            &edited(base, "\"format\":1", "\"format\":0"),
            altered("kit_malformed"),
        ),
        base.case("cover: another kind", &edited(base, "suture-kit", "suture-kot"), altered("kit_malformed")),
        base.case(
            "cover: white space",
            &edited(base, "\"format\":1", "\"format\": 1"),
            altered("kit_malformed"),
        ),
        base.case(
            "cover: a key twice",
            &edited(base, "\"format\":1", "\"format\":1,\"format\":1"),
            altered("kit_malformed"),
        ),
    ];
    let name = "hub.example/kits".parse().expect("a key name");
    let forger = SigningKey::from_seed(name, SignatureType::Ed25519, &[5; 32]).expect("a key");
    let mut kit = base.kit.clone();
    kit.put("documents/keys.json", b"{}".to_vec());
    base.reseal(&mut kit, |cover| cover["tenant"] = "clinic-8".into(), &forger);
    cases.push(base.case("cover: sealed anew by somebody else", &kit, altered("kit_signature")));
    let note = String::from_utf8(base.kit.get("kit.note").to_vec()).expect("a note is text");
    let stripped = note.split("\n\n").next().expect("its text").to_owned() + "\n";
    cases.push(base.tampered("cover: its note without a signature", altered("kit_malformed"), |kit| {
        kit.put("kit.note", stripped.into_bytes());
    }));
    cases
}

/// A period whose edges were cut off, by somebody whose seal nobody knows.
fn narrowed() -> Vec<Case> {
    let base = base::period();
    let cover: serde_json::Value =
        serde_json::from_slice(base.kit.get("kit.json")).expect("kit.json is JSON");
    let range = &cover["logs"][0];
    let [first, end] = ["first", "end"].map(|edge| range[edge].as_u64().expect("an index"));
    let name = "hub.example/kits".parse().expect("a key name");
    let forger = SigningKey::from_seed(name, SignatureType::Ed25519, &[5; 32]).expect("a key");
    let cut = |what: &str, edge: &'static str, to: u64, bundle: u64| {
        let mut kit = base.kit.clone();
        for level in ["entries", "0"] {
            kit.remove(&base.in_log(&crate::forge::tile_name(
                level,
                usize::try_from(bundle).expect("small"),
                256,
            )));
        }
        base.reseal(&mut kit, |cover| cover["logs"][0][edge] = to.into(), &forger);
        let mut case = base.case(what, &kit, Expected::of("incomplete", "period_cut"));
        // Who brings the exporter's key hears of the seal first.
        case.brought.kit_key = None;
        case
    };
    assert!(end - first >= 3 * 256, "the period spans some bundles: {first} to {end}");
    vec![
        cut("period: its first records cut off", "first", first + 256, first / 256),
        cut("period: its last records cut off", "end", end - 256, end / 256 - 1),
    ]
}
