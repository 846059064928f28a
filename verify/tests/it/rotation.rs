//! Keys that hand over to each other: honestly, and as somebody would have it who stole one of them.

use tlog::hash::leaf_hash;
use tlog::note::SigningKey;
use tlog::{Checkpoint, CompactRange};
use verify::{KeyLog, Trust, Verdict};

use crate::logs::{Log, ORIGIN, key_of, verify};

/// A log as it is told record by record.
#[derive(Clone, Default)]
struct Story {
    entries: Vec<Vec<u8>>,
    tree: CompactRange,
}

impl Story {
    /// A log that begins with its first key.
    fn opened(key: &SigningKey) -> Self {
        Self::default().record("opened", &format!(r#"{{"key":"{}"}}"#, key.verifier()))
    }

    fn record(mut self, kind: &str, details: &str) -> Self {
        let prev = self.entries.last().map_or("null".to_owned(), |last| format!("\"{}\"", leaf_hash(last)));
        let entry = format!(
            concat!(
                r#"{{"clock":"unknown","details":{},"digests":{{}},"format":1,"kind":"{}","origin":"{}","#,
                r#""prev":{},"seq":{},"subject":"log","time":"2026-11-21T05:54:23.120Z"}}"#
            ),
            details,
            kind,
            ORIGIN,
            prev,
            self.entries.len(),
        );
        self.tree.append(leaf_hash(entry.as_bytes()));
        self.entries.push(entry.into_bytes());
        self
    }

    fn plain(mut self, count: usize) -> Self {
        for _ in 0..count {
            self = self.record("of_a_later_release", "{}");
        }
        self
    }

    fn named(self, key: &SigningKey) -> Self {
        self.record("key_named", &format!(r#"{{"key":"{}"}}"#, key.verifier()))
    }

    fn head(&self) -> Checkpoint {
        Checkpoint { origin: ORIGIN.parse().unwrap(), size: self.tree.size(), root: self.tree.root() }
    }

    fn taken_with(self, head: &Checkpoint, old: &SigningKey, key: &SigningKey) -> Self {
        let note = head.sign(old).unwrap().into_note().to_string();
        let note = serde_json::Value::from(note);
        self.record("key_taken", &format!(r#"{{"handover":{note},"key":"{}"}}"#, key.verifier()))
    }

    /// The next key takes over, as it should.
    fn taken(self, old: &SigningKey, key: &SigningKey) -> Self {
        let head = self.head();
        self.taken_with(&head, old, key)
    }

    fn rotated(self, old: &SigningKey, key: &SigningKey) -> Self {
        self.named(key).taken(old, key)
    }

    /// The published log, its head signed by this key.
    fn signed(&self, key: &SigningKey) -> Log {
        Log::forge(&self.entries, key)
    }
}

fn keys() -> [SigningKey; 3] {
    [3, 4, 5].map(|seed| key_of(ORIGIN, seed))
}

fn given(key: &SigningKey) -> Trust {
    Trust { keys: vec![key.verifier().clone()], ..Trust::default() }
}

fn check(log: &Log, trust: &Trust, reason: &str, index: Option<u64>) {
    let verdict = verify(log, trust).verdict;
    assert_eq!((verdict.reason(), verdict.index()), (Some(reason), index), "{verdict:?}");
}

#[test]
fn a_key_leads_to_those_after_it_and_to_none_before() {
    let [one, two, three] = keys();
    for gap in [0, 1, 250, 254, 255, 256, 600] {
        let story = Story::opened(&one).plain(gap).rotated(&one, &two).plain(3).rotated(&two, &three);
        let log = story.plain(gap).signed(&three);
        for key in [&one, &two, &three] {
            let report = verify(&log, &given(key));
            assert!(report.verdict.is_intact(), "{gap}: {:?}", report.verdict);
            let signer = report.head.unwrap().key.unwrap();
            assert_eq!(signer, *three.verifier().label());
        }
        check(&log, &given(&key_of(ORIGIN, 9)), "not_signed_by_key", None);
    }
}

#[test]
fn a_key_that_was_replaced_signs_no_later_head() {
    let [one, two, _] = keys();
    let story = Story::opened(&one).rotated(&one, &two).plain(5);
    for key in [&one, &two] {
        check(&story.signed(&one), &given(key), "not_signed_by_key", None);
    }
    // Named, and not yet taken: the old key is in force.
    let under_way = Story::opened(&one).plain(2).named(&two);
    assert!(verify(&under_way.signed(&one), &given(&one)).verdict.is_intact());
    check(&under_way.signed(&two), &given(&one), "not_signed_by_key", None);
}

#[test]
fn a_hand_over_that_is_not_in_order_is_named() {
    let [one, two, three] = keys();
    let begun = || Story::opened(&one).plain(1);
    let elsewhere = key_of("hub.example/h-2", 4);
    let earlier = begun().head();
    let mut other_root = begun().named(&two).head();
    other_root.root = earlier.root;
    let cases = [
        ("never taken", begun().named(&two).plain(1), 2),
        ("named twice", begun().named(&two).named(&two), 2),
        ("taken later", begun().named(&two).plain(1).taken(&one, &two), 2),
        ("never named", begun().taken(&one, &two), 2),
        ("another named", begun().named(&three).taken(&one, &two), 3),
        ("signed by the new key", begun().named(&two).taken(&two, &two), 3),
        ("signed by a thief", begun().named(&two).taken(&three, &two), 3),
        ("an earlier head", begun().named(&two).taken_with(&earlier, &one, &two), 3),
        ("another root", begun().named(&two).taken_with(&other_root, &one, &two), 3),
        ("the same key again", begun().rotated(&one, &one), 3),
        ("a key from before", begun().rotated(&one, &two).rotated(&two, &one), 5),
        ("no note", begun().named(&two).record("key_taken", r#"{"handover":"","key":"x"}"#), 3),
        ("nothing", begun().named(&two).record("key_taken", "{}"), 3),
        ("another log's key", begun().rotated(&one, &elsewhere), 3),
    ];
    for (what, story, index) in cases {
        for signer in [&one, &two] {
            let verdict = verify(&story.signed(signer), &given(&one)).verdict;
            assert_eq!((verdict.reason(), verdict.index()), (Some("key_handover"), Some(index)), "{what}");
        }
    }
}

#[test]
fn a_thief_who_opens_the_log_anew_hands_over_nothing() {
    let [one, two, three] = keys();
    // The thief's own key stands in record 0 and hands over to another of the thief's keys.
    let log = Story::opened(&two).plain(1).rotated(&two, &three).plain(1).signed(&three);
    check(&log, &given(&one), "not_signed_by_key", None);
    // It is a log by itself, for whoever trusts that key.
    assert!(verify(&log, &given(&two)).verdict.is_intact());
}

#[test]
fn a_record_before_a_hand_over_is_named_first() {
    let [one, two, _] = keys();
    let story = Story::opened(&one).plain(2).named(&two).taken(&two, &two);
    let mut log = story.signed(&one);
    let mut entries = log.entries();
    entries[0] = String::from_utf8(entries[0].clone()).unwrap().replace("23.120Z", "23.121Z").into_bytes();
    log.reframe(&entries);
    check(&log, &given(&one), "hash_differs", Some(0));
}

#[test]
fn a_key_log_says_which_key_counts_for_which_sizes() {
    let [one, two, three] = keys();
    let story = Story::opened(&one).plain(4);
    let log = |lines: &str| {
        let log = KeyLog::parse(&format!("suture key log v1\n{ORIGIN}\n{lines}")).unwrap();
        Trust { key_logs: vec![log], ..Trust::default() }
    };
    let line = |key: &SigningKey, sizes: &str| format!("{} {sizes}\n", key.verifier());
    let signed = story.signed(&one);
    for sizes in ["1 -", "1 5", "5 5", "5 -"] {
        assert!(verify(&signed, &log(&line(&one, sizes))).verdict.is_intact(), "{sizes}");
    }
    // Revoked by size: the head has five records.
    for sizes in ["1 4", "6 -", "6 9"] {
        check(&signed, &log(&line(&one, sizes)), "key_revoked", None);
    }
    let both = log(&(line(&one, "1 4") + &line(&two, "5 -")));
    check(&signed, &both, "key_revoked", None);
    assert!(verify(&story.signed(&two), &both).verdict.is_intact());
    check(&story.signed(&three), &both, "not_signed_by_key", None);
    // A key log is complete: a hand-over leads to nobody else.
    let rotated = story.rotated(&one, &three).signed(&three);
    check(&rotated, &log(&line(&one, "1 -")), "not_signed_by_key", None);
    assert!(verify(&rotated, &log(&(line(&one, "1 6") + &line(&three, "7 -")))).verdict.is_intact());
}

#[test]
fn a_key_and_a_key_log_must_agree() {
    let [one, two, _] = keys();
    let signed = Story::opened(&one).plain(1).signed(&one);
    let text = format!("suture key log v1\n{ORIGIN}\n{} 1 -\n", one.verifier());
    let log = || KeyLog::parse(&text).unwrap();
    let trust = |key: &SigningKey| Trust { key_logs: vec![log()], ..given(key) };
    assert!(verify(&signed, &trust(&one)).verdict.is_intact());
    check(&signed, &trust(&two), "trust_disagrees", None);
    let twice = Trust { key_logs: vec![log(), log()], ..Trust::default() };
    check(&signed, &twice, "trust_disagrees", None);
}

#[test]
fn a_flip_in_a_rotation_is_named_by_its_record() {
    let [one, two, _] = keys();
    let log = Story::opened(&one).plain(1).rotated(&one, &two).plain(1).signed(&two);
    let entries = log.entries();
    for index in 0..entries.len() {
        for at in 0..entries[index].len() {
            let mut entries = entries.clone();
            entries[index][at] ^= 1;
            let mut log = log.clone();
            log.reframe(&entries);
            let verdict = verify(&log, &given(&one)).verdict;
            assert!(matches!(verdict, Verdict::Altered(_)), "{index} {at}: {verdict:?}");
            assert_eq!(verdict.index(), Some(index as u64), "{at}: {verdict:?}");
        }
    }
}
