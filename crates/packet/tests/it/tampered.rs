//! A log that is not what was signed gives no month at all.

use contract::finding::Verdict;
use packet::WalkError;

use packet::sample::{FAIL, Log, PASS, canonical, whose};

fn honest() -> Log {
    Log::opened("2026-09-20")
        .found("2026-10-01", &[("time.sync", PASS)])
        .found("2026-10-02", &[("time.sync", FAIL)])
        .found("2026-10-03", &[("time.sync", PASS)])
}

#[test]
fn each_byte_counts() {
    let (honest, head) = (honest(), honest().head());
    assert!(honest.walk(&[], &[], &head).is_ok());
    for entry in 0..honest.entries.len() {
        for byte in 0..honest.entries[entry].len() {
            let mut log = honest.clone();
            log.entries[entry][byte] ^= 1;
            assert!(log.walk(&[], &[], &head).is_err(), "entry {entry}, byte {byte}");
        }
    }
}

#[test]
fn nothing_may_be_missing_added_or_moved() {
    let (honest, head) = (honest(), honest().head());
    let refused = |log: &Log| log.walk(&[], &[], &head).unwrap_err();
    for entry in 0..honest.entries.len() {
        let mut log = honest.clone();
        log.entries.remove(entry);
        refused(&log);
        let mut log = honest.clone();
        log.entries.insert(entry, log.entries[entry].clone());
        refused(&log);
    }
    let mut log = honest.clone();
    log.entries.swap(1, 2);
    assert!(matches!(refused(&log), WalkError::OutOfLine { seq: 1, .. }));
    let more = honest.clone().found("2026-10-04", &[("time.sync", PASS)]);
    assert!(matches!(refused(&more), WalkError::Head { entries: 5, size: 4 }));
    assert_eq!(refused(&Log { whose: whose(), entries: Vec::new() }), WalkError::Empty);
    // What was written anew from some entry on is whole, and leads to another head.
    let rewritten = Log::opened("2026-09-20").found("2026-10-01", &[("time.sync", PASS)]);
    let rewritten =
        rewritten.found("2026-10-02", &[("time.sync", PASS)]).found("2026-10-03", &[("time.sync", PASS)]);
    assert!(rewritten.walk(&[], &[], &rewritten.head()).is_ok());
    assert!(matches!(refused(&rewritten), WalkError::Head { entries: 4, size: 4 }));
}

#[test]
fn a_log_is_of_whom_its_first_record_says_and_is_opened_once() {
    let honest = honest();
    let mut value: serde_json::Value = serde_json::from_slice(&honest.entries[0]).unwrap();
    value["details"]["tenant"] = "t-2".into();
    let another = Log { whose: whose(), entries: vec![canonical(&value)] };
    assert!(matches!(another.walk(&[], &[], &another.head()), Err(WalkError::Another { .. })));
    assert_eq!(whose().tenant.as_str(), "t-1");
    let mut first: serde_json::Value = serde_json::from_slice(&honest.entries[1]).unwrap();
    first["seq"] = 0.into();
    first["prev"] = serde_json::Value::Null;
    let headless = Log { whose: whose(), entries: vec![canonical(&first)] };
    assert!(matches!(headless.walk(&[], &[], &headless.head()), Err(WalkError::OutOfLine { seq: 0, .. })));
    let contract::record::Body::Opened(opened) =
        contract::record::Record::parse(&honest.entries[0]).unwrap().body
    else {
        panic!("it is opened")
    };
    let again = honest.then("2026-10-05", contract::record::Body::Opened(opened));
    assert!(matches!(again.walk(&[], &[], &again.head()), Err(WalkError::OutOfLine { seq: 4, .. })));
}

#[test]
fn a_kind_of_a_later_release_is_counted_and_one_that_is_bent_is_refused() {
    let with = |change: fn(&mut serde_json::Value)| {
        let mut log = honest().found("2026-10-05", &[("time.sync", Verdict::clone(&PASS))]);
        let mut value: serde_json::Value = serde_json::from_slice(&log.entries[4]).unwrap();
        change(&mut value);
        log.entries[4] = canonical(&value);
        log.walk(&[], &[], &log.head())
    };
    let later = with(|value| {
        value["kind"] = "dreamt".into();
        value["details"] = serde_json::json!({"of": "sheep"});
    });
    let later = later.unwrap();
    assert_eq!((later.unread, later.records), (1, 4));
    assert!(matches!(
        with(|value| value["details"]["more"] = 1.into()),
        Err(WalkError::NoRecord { seq: 4, .. })
    ));
    assert!(matches!(with(|value| value["format"] = 2.into()), Err(WalkError::NoRecord { seq: 4, .. })));
}

#[test]
fn a_log_that_was_rewritten_and_signed_anew_contradicts_the_head_that_others_were_shown() {
    let honest = honest();
    let shown = tlog::CompactRange::new();
    let shown = honest.entries[..3].iter().fold(shown, |mut tree, entry| {
        tree.append(tlog::leaf_hash(entry));
        tree
    });
    let root = shown.root();
    let against = |log: &Log, size| {
        let span = packet::sample::Scene::month().span(&packet::sample::Scene::zone());
        let walk = packet::Walk::new(log.whose.clone(), log.origin(), span, [].into(), Vec::new());
        let mut walk = walk.shown(size, root);
        log.entries.iter().try_for_each(|entry| walk.entry(entry))?;
        walk.end(&log.head())
    };
    assert!(against(&honest, 3).is_ok());
    let rewritten = Log::opened("2026-09-20").found("2026-10-01", &[("time.sync", PASS)]);
    let rewritten =
        rewritten.found("2026-10-02", &[("time.sync", PASS)]).found("2026-10-03", &[("time.sync", PASS)]);
    assert_eq!(against(&rewritten, 3).unwrap_err(), WalkError::Shown { size: 3 });
    // Nor may others have been shown more than there is, or nothing.
    assert_eq!(against(&honest, 9).unwrap_err(), WalkError::Shown { size: 9 });
    assert_eq!(against(&honest, 0).unwrap_err(), WalkError::Shown { size: 0 });
}
