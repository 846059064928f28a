//! What is brought from outside: what it covers, what it cannot replace, and what makes it worthless.

use tlog::{SignedNote, SigningKey};

use super::heads::{TIME, head, with_head};
use crate::base::{self, Base};
use crate::case::{Brought, Case, Expected};
use crate::container::Container;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = signature_still_asked_for();
    cases.extend(vouching());
    cases.extend(covered_without_a_key());
    cases.extend(log_of_heads_alone());
    cases.extend(nothing_of_a_log());
    cases.extend(worthless());
    cases
}

/// A case over this kit with something else brought.
fn bringing(
    base: &Base,
    name: &str,
    kit: &Container,
    expected: Expected,
    bring: impl FnOnce(&mut Brought),
) -> Case {
    let mut case = base.case(format!("brought: {name}"), kit, expected);
    bring(&mut case.brought);
    case
}

/// The line of the last signature of a note.
pub(super) fn last_line(note: &SignedNote) -> String {
    note.to_string().lines().last().expect("a signature line").to_owned()
}

/// The head without the signature of the log's own key.
fn unsigned(base: &Base) -> Container {
    let head = head(base);
    let own = head.lines().nth(4).expect("the log's own signature");
    with_head(base, &head.replace(&format!("{own}\n"), ""))
}

/// Without the hub's cosignature.
fn uncosigned(base: &Base) -> Container {
    with_head(base, &base.log().head(base.log().size(), base.key(), &[], TIME).to_string())
}

/// An earlier head, even of this very size, does not replace the signature of a key that was given.
fn signature_still_asked_for() -> Vec<Case> {
    let base = base::bundles();
    let (log, hub) = (base.log(), base.sample.keys.witness.verifier().to_string());
    let same = vec![log.head_text(log.size())];
    let nothing = |reason| Expected::of("nothing_verified", reason);
    let stripped = unsigned(base);
    let key_log =
        |last: &str| vec![format!("suture key log v1\n{}\n{} 1 {last}\n", log.origin, base.key().verifier())];
    vec![
        bringing(
            base,
            "the same head beside a key that did not sign",
            &stripped,
            nothing("not_signed_by_key"),
            |brought| {
                brought.heads.clone_from(&same);
            },
        ),
        bringing(
            base,
            "the same head beside a key log, none of whose keys signed",
            &stripped,
            nothing("not_signed_by_key"),
            |brought| {
                brought.heads.clone_from(&same);
                brought.key_logs = key_log("-");
            },
        ),
        bringing(base, "the same head beside a revoked key", &base.kit, nothing("key_revoked"), |brought| {
            brought.heads.clone_from(&same);
            brought.key_logs = key_log("300");
        }),
        bringing(
            base,
            "the same head, and no key",
            &stripped,
            Expected::intact("intact_witnessed"),
            |brought| {
                *brought = Brought { heads: same.clone(), witnesses: vec![hub], ..Brought::default() };
            },
        ),
    ]
}

/// Cosignatures in the note that an earlier head came in.
fn vouching() -> Vec<Case> {
    let base = base::bundles();
    let (log, size, hub) = (base.log(), base.log().size(), &base.sample.keys.witness);
    let stripped = uncosigned(base);
    let whole = log.head(size, base.key(), &[hub], TIME).to_string();
    let earlier = log.head(450, base.key(), &[hub], TIME);
    let plain = log.head(450, base.key(), &[], TIME).to_string();
    let moved = format!("{plain}{}\n", last_line(&log.head(440, base.key(), &[hub], TIME)));
    let with = |name: &str, kit: &Container, note: &str, expected| {
        bringing(base, name, kit, expected, |brought| brought.heads = vec![note.to_owned()])
    };
    let tail = || Expected::intact("intact_unwitnessed_tail");
    let invalid = || Expected::of("nothing_verified", "receipt_invalid");
    let own = earlier.to_string().lines().nth(4).expect("its own line").to_owned();
    let forged = earlier
        .to_string()
        .replace(&own, log.head(440, base.key(), &[], TIME).to_string().lines().nth(4).expect("a line"));
    let mut altered = base.kit.clone();
    altered.remove(&base.in_log("tile/entries/001"));
    vec![
        with("a head cosigned in its own note", &stripped, &whole, Expected::intact("intact_witnessed")),
        with("a shorter head cosigned in its own note", &stripped, &earlier.to_string(), tail()),
        with("a head that nobody cosigned", &stripped, &plain, tail()),
        with("a head with another head's cosignature", &base.kit, &moved, invalid()),
        with("a head with another head's cosignature, of a log cut short", &altered, &moved, invalid()),
        with(
            "a head with another head's signature",
            &altered,
            &forged,
            Expected::of("nothing_verified", "outside_head_signature"),
        ),
        bringing(
            base,
            "a head cosigned in its own note, and no key",
            &stripped,
            Expected::of("incomplete", "tail_not_covered").at(450),
            |brought| {
                let witnesses = vec![hub.verifier().to_string()];
                *brought = Brought { heads: vec![earlier.to_string()], witnesses, ..Brought::default() };
            },
        ),
    ]
}

/// Without a key only what was pinned, or what enough witnesses saw, is covered.
fn covered_without_a_key() -> Vec<Case> {
    let base = base::bundles();
    let (hub, outside) = (base.sample.keys.witness.verifier(), base.sample.keys.outside.verifier());
    let pinned = base.log().head_text(450);
    let only = |witnesses: Vec<String>, policy: Option<String>| Brought {
        heads: vec![pinned.clone()],
        witnesses,
        policy,
        ..Brought::default()
    };
    let uncovered = |index| Expected::of("incomplete", "tail_not_covered").at(index);
    let quorum = |rest: &str| Some(format!("witness hub {hub}\nwitness outside {outside}\n{rest}"));
    let case = |name: &str, expected, what: Brought| {
        bringing(base, name, &base.kit, expected, |brought| *brought = what)
    };
    let part = base::period();
    let first = part.sample.logs[0].checkpoint(tlog::TreeSize::new(1)).expect("a head").to_string();
    vec![
        case("a head and no key", uncovered(450), only(vec![], None)),
        case(
            "a head and one witness of two",
            uncovered(450),
            only(vec![hub.to_string(), outside.to_string()], None),
        ),
        case(
            "a head and a quorum that is not reached",
            uncovered(450),
            only(vec![], quorum("group both all hub outside\nquorum both\n")),
        ),
        case("a head and a quorum of nobody", uncovered(450), only(vec![], quorum("quorum none\n"))),
        case(
            "a head and a quorum",
            Expected::intact("intact_witnessed"),
            only(vec![], quorum("group any any hub outside\nquorum any\n")),
        ),
        bringing(part, "a head that cannot be compared, and no key", &part.kit, uncovered(0), |brought| {
            *brought = Brought { heads: vec![first], ..Brought::default() };
        }),
    ]
}

/// The log of heads is the hub's word, and no quorum.
fn log_of_heads_alone() -> Vec<Case> {
    let (base, tail) = (base::witnessed_outside(), base::outside_tail());
    let heads = |base: &Base| {
        let of = |log: usize, size| {
            base.sample.logs[log].checkpoint(tlog::TreeSize::new(size)).expect("a head").to_string()
        };
        vec![of(0, 200), of(1, 300)]
    };
    let case = |base: &Base, name: &str, witnesses: Vec<&SigningKey>, expected| {
        bringing(base, name, &base.kit, expected, |brought| {
            let witnesses = witnesses.iter().map(|key| key.verifier().to_string()).collect();
            *brought = Brought {
                heads: heads(base),
                heads_key: brought.heads_key.take(),
                witnesses,
                ..Brought::default()
            };
        })
    };
    let uncovered = |index| Expected::of("incomplete", "tail_not_covered").at(index);
    let outside = |base: &'static Base| vec![&base.sample.keys.outside];
    vec![
        case(base, "the log of heads, and no key", vec![], uncovered(200)),
        case(base, "the log of heads and its witness", outside(base), Expected::intact("intact_witnessed")),
        case(tail, "the log of heads and its witness, who saw less", outside(tail), uncovered(280)),
    ]
}

/// Nothing that is for a log: nothing of the kit is read, whatever state it is in.
fn nothing_of_a_log() -> Vec<Case> {
    let base = base::bundles();
    let keys = &base.sample.keys;
    let only: [(&str, Brought); 4] = [
        ("nothing", Brought::default()),
        ("the kit key", Brought { kit_key: Some(keys.kits.verifier().to_string()), ..Brought::default() }),
        (
            "the heads key",
            Brought { heads_key: Some(keys.heads.verifier().to_string()), ..Brought::default() },
        ),
        ("witnesses", Brought { witnesses: vec![keys.witness.verifier().to_string()], ..Brought::default() }),
    ];
    let mut kits = [
        ("", base.kit.clone()),
        (" for a container cut open", base.kit.clone()),
        (" for a kit without a cover", base.kit.clone()),
    ];
    kits[1].1.suffix = vec![0];
    kits[2].1.remove("kit.json");
    let mut cases = Vec::new();
    for (what, brought) in only {
        for (state, kit) in &kits {
            let expected = Expected::of("nothing_verified", "no_trust");
            cases.push(bringing(base, &format!("{what} alone{state}"), kit, expected, |b| {
                b.clone_from(&brought);
            }));
        }
    }
    cases
}

/// What contradicts itself, or is no trust at all.
fn worthless() -> Vec<Case> {
    let base = base::bundles();
    let log = base.log();
    let other = |text: String| text.replacen("hub.example/", "hub.example/not-", 1);
    let witness = base.sample.keys.witness.verifier().to_string();
    let two_roots = vec![
        log.head_text(450),
        log.head_text(450).replacen(&log.root(450).to_base64(), &log.root(449).to_base64(), 1),
    ];
    let empty = format!("{}\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n", log.origin);
    let nothing = |reason| Expected::of("nothing_verified", reason);
    let emptied = with_head(base, &{
        let head: tlog::Checkpoint = empty.parse().expect("a head");
        head.sign(base.key()).expect("the log's key").note().to_string()
    });
    let mut gone = base.kit.clone();
    gone.remove(&base.in_log("checkpoint"));
    let case =
        |name: &str, expected, bring: &dyn Fn(&mut Brought)| bringing(base, name, &base.kit, expected, bring);
    vec![
        case("two roots for one size", nothing("trust_disagrees"), &|b| b.heads.clone_from(&two_roots)),
        case("a head of nothing", nothing("outside_head_empty"), &|b| b.heads = vec![empty.clone()]),
        case("a witness's key as the log's", nothing("wrong_kind_of_key"), &|b| {
            b.keys = vec![witness.clone()];
        }),
        case("a head of a log that is not there", Expected::of("incomplete", "log_missing"), &|b| {
            b.heads = vec![other(log.head_text(450))];
        }),
        base.case("head: of nothing", &emptied, nothing("empty_log")),
        base.case("head: gone", &gone, nothing("no_head")),
    ]
}
