use super::*;
use crate::store::NoLock;

fn key(text: &str) -> Key {
    text.parse().unwrap()
}

fn time(ms: i64) -> UtcTime {
    UtcTime::from_unix_ms(ms).unwrap()
}

fn version(name: &str, stored: i64, delete_marker: bool) -> Version {
    Version { key: key(name), id: stored.to_string(), stored: time(stored), delete_marker }
}

#[test]
fn one_version_of_each_expected_key_is_nothing_to_see() {
    let versions = [version("a", 1, false), version("b", 2, false), version("c", 3, false)];
    assert_eq!(of_versions(&versions, &[key("a"), key("b")]), vec![]);
}

#[test]
fn what_was_laid_on_top_is_seen_and_so_is_what_is_gone() {
    let versions = [
        version("a", 9, false),
        version("a", 5, false),
        version("a", 1, false),
        version("b", 7, true),
        version("b", 2, false),
        version("c", 3, true),
    ];
    let expected = [key("a"), key("b"), key("c"), key("d")];
    let mut found = of_versions(&versions, &expected);
    found.sort();
    let mut all = vec![
        Finding::NewerVersion { key: key("a"), newer: 2 },
        Finding::DeleteMarker { key: key("b") },
        Finding::DeleteMarker { key: key("c") },
        Finding::Missing { key: key("c") },
        Finding::Missing { key: key("d") },
    ];
    all.sort();
    assert_eq!(found, all);
    assert_eq!(stored(&versions, &key("a")), Some(time(1)));
    assert_eq!(stored(&versions, &key("c")), None);
}

#[test]
fn only_a_lock_that_holds_long_enough_against_everybody_is_a_lock() {
    let earliest = time(1_000);
    let locked = |until: Option<i64>, mode| Some(Lock::Locked { until: until.map(time), mode });
    let of = |lock| of_lock(&key("a"), lock, earliest);
    assert_eq!(of(locked(Some(1_000), Mode::Compliance)), None);
    assert_eq!(of(locked(None, Mode::ImmutableFlag)), None);
    assert_eq!(of(Some(Lock::NotSupported(NoLock::Privilege))), None, "what cannot be is told elsewhere");
    let too_soon = Finding::EndsTooSoon { key: key("a"), until: time(999), earliest };
    assert_eq!(of(locked(Some(999), Mode::Compliance)), Some(too_soon));
    assert_eq!(of(locked(Some(9_999), Mode::Governance)), Some(Finding::Unlocked { key: key("a") }));
    assert_eq!(of(Some(Lock::Unlocked)), Some(Finding::Unlocked { key: key("a") }));
    assert_eq!(of(None), Some(Finding::Missing { key: key("a") }));
}

#[test]
fn a_sample_has_no_doubles_reaches_every_key_and_is_the_same_for_the_same_seed() {
    let keys: Vec<Key> = (0..20).map(|n| key(&format!("k{n}"))).collect();
    let mut reached = BTreeSet::new();
    for seed in 0..200 {
        let drawn = sample(&keys, 3, seed);
        assert_eq!(drawn, sample(&keys, 3, seed));
        assert_eq!(drawn.iter().collect::<BTreeSet<_>>().len(), 3);
        reached.extend(drawn);
    }
    assert_eq!(reached.len(), keys.len());
    assert_eq!(sample(&keys, 50, 1).len(), 20);
    assert!(sample(&[], 3, 1).is_empty());
}
