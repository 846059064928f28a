//! Heads: forged with stolen keys, rolled back, stale, of other logs, with cosignatures stripped or altered; forks; rotations.

use tlog::SigningKey;
use tlog::note::SignatureType;

use crate::base::{self, Base};
use crate::case::{Case, Expected};
use crate::container::Container;
use crate::forge::Forged;

/// When a forger cosigns, in seconds: after the end of every period here (2026-11-18).
pub(super) const TIME: u64 = 1_795_000_000;

pub(super) fn cases() -> Vec<Case> {
    let base = base::bundles();
    let mut cases = altered(base);
    cases.extend(stolen_key(base));
    cases.extend(rolled_back(base));
    cases.extend(other_logs(base));
    cases.extend(outside());
    cases.extend(rotations());
    cases
}

/// The lines of the head, which begin the file.
pub(super) fn head(base: &Base) -> String {
    String::from_utf8(base.kit.get(&base.in_log("checkpoint")).to_vec()).expect("a head is text")
}

pub(super) fn with_head(base: &Base, head: &str) -> Container {
    let mut kit = base.kit.clone();
    kit.put(&base.in_log("checkpoint"), head.as_bytes().to_vec());
    kit
}

/// The head's own bytes.
fn altered(base: &Base) -> Vec<Case> {
    let head = head(base);
    let lines: Vec<&str> = head.lines().collect();
    let &[_, size, root, "", own, hub] = lines.as_slice() else { panic!("a cosigned head: {head}") };
    let case = |name: &str, text: String, expected| {
        assert_ne!(text, head, "{name} changes nothing");
        base.case(format!("head: {name}"), &with_head(base, &text), expected)
    };
    let without = |line: &str| head.replace(&format!("{line}\n"), "");
    let damaged = |line: &str| {
        // Within the signature, behind the name and the key ID.
        let (front, back) = line.split_at(line.len() - 20);
        let other = if back.starts_with('A') { "B" } else { "A" };
        head.replace(line, &format!("{front}{other}{}", &back[1..]))
    };
    let n = base.log().size();
    vec![
        case("another size", head.replace(size, "599"), Expected::of("altered", "head_signature")),
        case(
            "another root",
            head.replace(root, &root.replacen(&root[..1], if root.starts_with('A') { "B" } else { "A" }, 1)),
            Expected::of("altered", "head_signature"),
        ),
        case(
            "a fourth line",
            head.replace(root, &format!("{root}\nextension")),
            Expected::of("altered", "head_malformed"),
        ),
        case("no signature", without(own), Expected::of("nothing_verified", "not_signed_by_key")),
        case("a damaged signature", damaged(own), Expected::of("altered", "head_signature")),
        case(
            "its signature twice",
            head.replace(own, &format!("{own}\n{own}")),
            Expected::of("altered", "head_signature"),
        ),
        case("a stripped cosignature", without(hub), Expected::intact("intact_unwitnessed_tail")),
        case("a damaged cosignature", damaged(hub), Expected::of("altered", "cosignature_invalid")),
        case(
            "a cosignature twice",
            head.replace(hub, &format!("{hub}\n{hub}")),
            Expected::of("altered", "cosignature_invalid"),
        ),
        case(
            "no signatures at all",
            format!("{}\n{n}\n{root}\n", lines[0]),
            Expected::of("altered", "head_malformed"),
        ),
        case(
            "empty",
            String::new(),
            Expected {
                verdicts: vec!["altered", "nothing_verified"],
                reasons: vec!["head_malformed", "no_head", "file_damaged"],
                index: Some(None),
            },
        ),
    ]
}

/// A log whose record 300 says something else, with everything made to fit, and its head signed with `key`.
fn rewritten(base: &Base, key: &SigningKey, witnesses: &[&SigningKey]) -> Container {
    let mut log = base.log();
    let text = String::from_utf8(log.entries[300].clone()).expect("UTF-8");
    log.entries[300] = text.replacen("\"subject\":\"log\"", "\"subject\":\"lag\"", 1).into_bytes();
    log.chain_from(301);
    published(base, &log, log.size(), key, witnesses)
}

/// The kit with another log in the place of the first, as of `size`.
pub(super) fn published(
    base: &Base,
    log: &Forged,
    size: usize,
    key: &SigningKey,
    witnesses: &[&SigningKey],
) -> Container {
    published_at(base, log, size, key, witnesses, TIME)
}

/// The same, cosigned at second `time`.
pub(super) fn published_at(
    base: &Base,
    log: &Forged,
    size: usize,
    key: &SigningKey,
    witnesses: &[&SigningKey],
    time: u64,
) -> Container {
    let mut kit = base.kit.clone();
    log.put_tree(&mut kit, &base.host(), size);
    kit.put(&base.in_log("checkpoint"), log.head(size, key, witnesses, time).to_string().into_bytes());
    base.follow(&mut kit);
    kit
}

/// With the site's own key, history can be written anew: those outside still hold the old one.
fn stolen_key(base: &Base) -> Vec<Case> {
    let earlier = base.log().head(450, base.key(), &[], TIME).to_string();
    let typed = base.log().head_text(450);
    let before_the_change = base.log().head_text(200);
    let forged = rewritten(base, base.key(), &[]);
    let cosigned_too = rewritten(base, base.key(), &[&base.sample.keys.witness]);
    let given = |name: &str, kit: &Container, head: &str, expected| {
        let mut case = base.case(format!("stolen key: {name}"), kit, expected);
        case.brought.heads = vec![head.to_owned()];
        case
    };
    let mut kept = forged.clone();
    let old = head(base);
    let hub = old.lines().last().expect("the hub's line");
    let new = String::from_utf8(forged.get(&base.in_log("checkpoint")).to_vec()).expect("text");
    kept.put(&base.in_log("checkpoint"), format!("{new}{hub}\n").into_bytes());
    vec![
        base.case("stolen key: no witness will sign", &forged, Expected::intact("intact_unwitnessed_tail")),
        base.case(
            "stolen key: the old cosignature kept",
            &kept,
            Expected::of("altered", "cosignature_invalid"),
        ),
        given("an earlier signed head", &forged, &earlier, Expected::of("fork", "two_heads_signed")),
        given("an earlier head from paper", &forged, &typed, Expected::of("fork", "outside_head_differs")),
        given(
            "a head from before the change",
            &forged,
            &before_the_change,
            Expected::intact("intact_unwitnessed_tail"),
        ),
        given(
            "the witness's key stolen as well",
            &cosigned_too,
            &earlier,
            Expected::of("fork", "two_heads_signed"),
        ),
    ]
}

/// Back to an older state, in part and as a whole.
fn rolled_back(base: &Base) -> Vec<Case> {
    let log = base.log();
    let hub = &base.sample.keys.witness;
    let older = published(base, &log, 450, base.key(), &[hub]);
    let mut known = base.case("rolled back as a whole", &older, Expected::of("incomplete", "rolled_back"));
    known.brought.heads = vec![log.head_text(500)];
    let stale = log.head(450, base.key(), &[hub], TIME).to_string();
    let mut stale_and_sealed = with_head(base, &stale);
    base.follow(&mut stale_and_sealed);
    let loose = vec!["kit_malformed", "kit_differs", "unexpected_file", "tile_missing", "bundle_missing"];
    vec![
        known,
        base.case(
            "a stale head over newer tiles",
            &stale_and_sealed,
            Expected { verdicts: vec!["altered", "incomplete"], reasons: loose.clone(), index: None },
        ),
        base.case(
            "a stale head under the cover of the newer",
            &with_head(base, &stale),
            Expected { verdicts: vec!["altered", "incomplete"], reasons: loose, index: None },
        ),
    ]
}

/// Heads of other logs, and everything signed anew by somebody else.
fn other_logs(base: &Base) -> Vec<Case> {
    let mut renamed = base.log();
    "hub.example/h-somebody".clone_into(&mut renamed.origin);
    for entry in &mut renamed.entries {
        let text = String::from_utf8(entry.clone()).expect("UTF-8");
        let start = text.find("\"origin\":\"").expect("an origin") + 10;
        let end = start + text[start..].find('"').expect("its end");
        *entry = format!("{}{}{}", &text[..start], renamed.origin, &text[end..]).into_bytes();
    }
    renamed.chain_from(1);
    let name = renamed.origin.parse().expect("a key name");
    let theirs = SigningKey::from_seed(name, SignatureType::Ed25519, &[9; 32]).expect("a key");
    let own_name = base.log().origin.parse().expect("a key name");
    let swapped = SigningKey::from_seed(own_name, SignatureType::Ed25519, &[9; 32]).expect("a key");
    let nothing = |reasons: &[&'static str]| Expected {
        verdicts: vec!["nothing_verified"],
        reasons: reasons.to_vec(),
        index: Some(None),
    };
    let foreign = published(base, &renamed, 600, &theirs, &[&base.sample.keys.witness]);
    let swapped_inside = rewritten(base, &swapped, &[]);
    let mut no_trust = base.case("nothing is brought", &base.kit, nothing(&["no_trust"]));
    no_trust.brought = crate::case::Brought::default();
    let mut only_kit_key = base.case("only the exporter's key is brought", &base.kit, nothing(&["no_trust"]));
    only_kit_key.brought.policy = None;
    vec![
        base.case("another origin", &foreign, nothing(&["no_trust", "other_log"])),
        base.case("the key swapped inside the kit", &swapped_inside, nothing(&["not_signed_by_key"])),
        no_trust,
        only_kit_key,
    ]
}

/// The log of heads and its outside witness.
fn outside() -> Vec<Case> {
    let base = base::witnessed_outside();
    let name = base.in_log("head.tlog-proof");
    let text = String::from_utf8(base.kit.get(&name).to_vec()).expect("a proof is text");
    let with = |what: &str, text: String, expected| {
        let mut kit = base.kit.clone();
        kit.put(&name, text.into_bytes());
        base.follow(&mut kit);
        base.case(format!("log of heads: {what}"), &kit, expected)
    };
    let index = text.lines().find(|line| line.starts_with("index ")).expect("an index").to_owned();
    let cosignature = text.lines().last().expect("the outside witness's line").to_owned();
    let path_line = text.lines().nth(3).expect("a hash of the path").to_owned();
    let mut gone = base.kit.clone();
    gone.remove(&name);
    base.reseal(
        &mut gone,
        |cover| drop(cover["files"].as_object_mut().and_then(|files| files.remove(&name))),
        &base.sample.keys.kits,
    );
    vec![
        with("another place", text.replace(&index, "index 0"), Expected::of("altered", "heads_proof")),
        with(
            "a hash less",
            text.replacen(&format!("{path_line}\n"), "", 1),
            Expected::of("altered", "heads_proof"),
        ),
        with(
            "without the outside cosignature",
            text.replace(&format!("{cosignature}\n"), ""),
            Expected::intact("intact_unwitnessed_tail"),
        ),
        base.case("log of heads: no proof", &gone, Expected::intact("intact_unwitnessed_tail")),
    ]
}

/// Rotated keys: what a leaked key may and may not do.
fn rotations() -> Vec<Case> {
    let base = base::rotated();
    let log = base.log();
    let old = &base.sample.logs[0].keys[0].1;
    let hub = &base.sample.keys.witness;
    let by_old = published(base, &log, log.size(), old, &[hub]);
    let mut late = base.case(
        "rotated: the old key signs a head after the hand-over",
        &by_old,
        Expected {
            verdicts: vec!["nothing_verified", "altered"],
            reasons: vec!["not_signed_by_key", "key_revoked"],
            index: Some(None),
        },
    );
    late.brought.policy = None;
    late.brought.witnesses = vec![hub.verifier().to_string()];
    late.brought.keys = vec![base.key().verifier().to_string()];
    let origin = &log.origin;
    let mut revoked = base.case("revoked by size", &by_old, Expected::of("nothing_verified", "key_revoked"));
    revoked.brought.policy = None;
    revoked.brought.key_logs = vec![format!("suture key log v1\n{origin}\n{} 1 101\n", old.verifier())];
    let mut cut = log.clone();
    cut.entries.remove(101);
    cut.chain_from(101);
    let untaken = published(base, &cut, cut.size(), old, &[hub]);
    vec![
        late,
        revoked,
        base.case(
            "rotated: the new key never takes over",
            &untaken,
            Expected { verdicts: vec!["altered"], reasons: vec!["key_handover"], index: Some(Some(100)) },
        ),
    ]
}
