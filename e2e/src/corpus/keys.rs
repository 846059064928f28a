//! Rotated keys: whose lines on a head must be genuine, for which sizes a key counts, and what a hand-over may say.

use tlog::SigningKey;

use super::heads::{TIME, head, published, with_head};
use super::trust::last_line;
use crate::base::{self, Base};
use crate::case::{Case, Expected};
use crate::forge::Forged;

/// The record that names the new key; the next one takes over.
const NAMED: usize = 100;

pub(super) fn cases() -> Vec<Case> {
    let base = base::rotated();
    let mut cases = listed(base);
    cases.extend(two_histories(base));
    cases.extend(hand_overs(base));
    cases
}

fn keys(base: &Base) -> [&SigningKey; 2] {
    let keys = &base.sample.logs[0].keys;
    [&keys[0].1, &keys[1].1]
}

fn key_log(base: &Base) -> Vec<String> {
    base.sample.key_logs.values().cloned().collect()
}

/// Lines of all keys of a key log are held to be genuine, also where they do not count.
fn listed(base: &Base) -> Vec<Case> {
    let (log, [old, new], hub) = (base.log(), keys(base), &base.sample.keys.witness);
    let size = log.size();
    let honest = head(base);
    let bogus = last_line(&log.head(size - 1, old, &[], TIME));
    let genuine = last_line(&log.head(size, old, &[], TIME));
    let unsigned = log.head(size, new, &[hub], TIME).to_string();
    let own = unsigned.lines().nth(4).expect("its own line").to_owned();
    let case = |name: &str, head: &str, expected| {
        let mut case = base.case(format!("key log: {name}"), &with_head(base, head), expected);
        case.brought.key_logs = key_log(base);
        case
    };
    let altered = || Expected::of("altered", "head_signature");
    vec![
        case(
            "a genuine line of the replaced key as well",
            &format!("{honest}{genuine}\n"),
            Expected::intact("intact_witnessed"),
        ),
        case("a bogus line of the replaced key as well", &format!("{honest}{bogus}\n"), altered()),
        case("a bogus line of the replaced key alone", &unsigned.replace(&own, &bogus), altered()),
        case(
            "a genuine line of the replaced key alone",
            &unsigned.replace(&own, &genuine),
            Expected::of("nothing_verified", "key_revoked"),
        ),
    ]
}

/// Heads of another history prove two of them only where the key that signed counts for their size.
fn two_histories(base: &Base) -> Vec<Case> {
    let [old, new] = keys(base);
    let mut other = base.log();
    let text = String::from_utf8(other.entries[5].clone()).expect("UTF-8");
    other.entries[5] = text.replacen("\"subject\":\"log\"", "\"subject\":\"lag\"", 1).into_bytes();
    other.chain_from(6);
    let last = NAMED + 1;
    let by_old = [(50, true), (last, true), (last + 1, false), (300, false)]
        .map(|(size, counts)| ("the first key", old, size, counts));
    let by_new = [(50, false), (last, false), (last + 1, true), (300, true)]
        .map(|(size, counts)| ("the second key", new, size, counts));
    let mut cases = Vec::new();
    for (whose, key, size, counts) in by_old.into_iter().chain(by_new) {
        let head = other.head(size, key, &[], TIME).to_string();
        let expected =
            |counts| Expected::of("fork", if counts { "two_heads_signed" } else { "outside_head_differs" });
        let case = |given: &str, counts| {
            let name = format!("another history: {whose} signed size {size}, {given} given");
            let mut case = base.case(name, &base.kit, expected(counts));
            case.brought.heads = vec![head.clone()];
            case
        };
        cases.push(case("the first key", counts));
        let mut with_log = case("a key log", counts);
        with_log.brought.key_logs = key_log(base);
        cases.push(with_log);
        // Who was given the second key only knows of no other.
        let mut with_second = case("the second key", counts && key.verifier() == new.verifier());
        with_second.brought.policy = None;
        with_second.brought.keys = vec![new.verifier().to_string()];
        cases.push(with_second);
    }
    cases
}

/// The log with its hand-over written anew, by whoever holds both keys.
fn handed_over(base: &Base, edit: impl Fn(&mut serde_json::Value, usize)) -> Forged {
    let mut log = base.log();
    let rewrite = |log: &mut Forged, at: usize, handover: Option<String>| {
        let mut record: serde_json::Value =
            serde_json::from_slice(&log.entries[at]).expect("a record is JSON");
        if let Some(handover) = handover {
            record["details"]["handover"] = handover.into();
        }
        edit(&mut record["details"], at);
        log.entries[at] = record.to_string().into_bytes();
    };
    rewrite(&mut log, NAMED, None);
    let handover = log.head(NAMED + 1, keys(base)[0], &[], TIME).to_string();
    rewrite(&mut log, NAMED + 1, Some(handover));
    log.chain_from(NAMED + 1);
    log
}

fn hand_overs(base: &Base) -> Vec<Case> {
    let case = |name: &str, expected, edit: &dyn Fn(&mut serde_json::Value, usize)| {
        let log = handed_over(base, edit);
        let kit = published(base, &log, log.size(), keys(base)[1], &[&base.sample.keys.witness]);
        base.case(format!("hand-over: {name}"), &kit, expected)
    };
    let refused = || Expected::of("altered", "key_handover").at(NAMED + 1);
    let shouted = |details: &mut serde_json::Value| {
        let key = details["key"].as_str().expect("a key").to_owned();
        let [name, id, rest] = key.splitn(3, '+').collect::<Vec<_>>()[..] else {
            panic!("a verifier key: {key}")
        };
        assert_ne!(id, id.to_uppercase(), "an ID with a letter");
        details["key"] = format!("{name}+{}+{rest}", id.to_uppercase()).into();
    };
    vec![
        case("as it should be", Expected::intact("intact_witnessed"), &|_, _| ()),
        case("a member more where the key is named", refused(), &|details, at| {
            if at == NAMED {
                details["more"] = 1.into();
            }
        }),
        case("a member more where the key takes over", refused(), &|details, at| {
            if at > NAMED {
                details["more"] = 1.into();
            }
        }),
        case("a key ID in upper case", refused(), &|details, _| shouted(details)),
        case("a key ID in upper case where the key takes over", refused(), &|details, at| {
            if at > NAMED {
                shouted(details);
            }
        }),
    ]
}
