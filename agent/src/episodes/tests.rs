use std::convert::Infallible;

use contract::fact::{Absence, FactValue};

use super::*;

const FAIL: Verdict = Verdict::Fail(FactValue::Flag(true));
const PASS: Verdict = Verdict::Pass(FactValue::Flag(false));
const EXCEPTED: Verdict = Verdict::Excepted(FactValue::Flag(true));
const ABSENT: Verdict = Verdict::NotAssessed(Absence::TimedOut);

fn finding(control: &str, verdict: Verdict) -> Finding {
    Finding { control: control.parse().unwrap(), fact: "own:evidence".parse().unwrap(), verdict }
}

/// Feeds one verdict after the other and says at each step what opened and closed, and under which id the episode stands.
fn course(verdicts: Vec<Verdict>) -> Vec<(usize, usize, Option<String>)> {
    let mut episodes = Episodes::default();
    let mut drawn = 0;
    let step = |verdict| {
        let draw = || {
            drawn += 1;
            Ok::<_, Infallible>(format!("inc-{drawn}").parse().unwrap())
        };
        let now = UtcTime::from_unix_ms(1).unwrap();
        let Changes { after, opened, closed } =
            episodes.update(&[finding("a.b", verdict)], now, draw).unwrap();
        episodes = after;
        let id = episodes.0.values().next().map(|e| e.incident.incident.to_string());
        (opened.len(), closed.len(), id)
    };
    verdicts.into_iter().map(step).collect()
}

#[test]
fn one_incident_from_failing_to_passing() {
    let id = |n: u32| Some(format!("inc-{n}"));
    assert_eq!(
        course(vec![PASS, FAIL, FAIL, PASS, PASS, FAIL, EXCEPTED, FAIL]),
        [
            (0, 0, None),
            (1, 0, id(1)),
            (0, 0, id(1)),
            (0, 1, None),
            (0, 0, None),
            (1, 0, id(2)),
            (0, 1, None),
            (1, 0, id(3)),
        ]
    );
}

#[test]
fn nothing_seen_neither_opens_nor_closes() {
    let id = Some("inc-1".to_owned());
    assert_eq!(
        course(vec![ABSENT, FAIL, ABSENT, FAIL]),
        [(0, 0, None), (1, 0, id.clone()), (0, 0, id.clone()), (0, 0, id)]
    );
}

#[test]
fn after_healing_the_same_drift_is_a_new_incident() {
    let mut drawn = 0;
    let mut draw = || {
        drawn += 1;
        Ok::<_, Infallible>(format!("inc-{drawn}").parse().unwrap())
    };
    let now = UtcTime::from_unix_ms(1).unwrap();
    let failing = [finding("a.b", FAIL), finding("c.d", FAIL)];
    let mut episodes = Episodes::default().update(&failing, now, &mut draw).unwrap().after;
    assert!(episodes.healed(&"a.b".parse().unwrap()));
    assert!(!episodes.healed(&"e.f".parse().unwrap()));
    let changes = episodes.update(&failing, now, &mut draw).unwrap();
    assert_eq!(changes.opened.iter().map(|i| i.incident.as_str()).collect::<Vec<_>>(), ["inc-3"]);
    assert_eq!(changes.after.open().count(), 2);
}

#[test]
fn what_was_not_kept_is_remembered_across_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("open.json");
    let now = UtcTime::from_unix_ms(1).unwrap();
    let draw = || Ok::<_, Infallible>("inc-1".parse().unwrap());
    let mut episodes = load(&path).unwrap().update(&[finding("a.b", FAIL)], now, draw).unwrap().after;
    store(&path, &episodes).unwrap();
    let mut again = load(&path).unwrap();
    assert_eq!(again, episodes);
    assert_eq!(again.unkept().count(), 1);
    again.keep(&"inc-1".parse().unwrap());
    episodes = again;
    store(&path, &episodes).unwrap();
    assert_eq!(load(&path).unwrap().unkept().count(), 0);
}

#[test]
fn an_unreadable_file_is_set_aside_and_does_not_block() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("open.json");
    edge::file::write_durably(&path, b"{\"a.b\": nonsense").unwrap();
    assert_eq!(load(&path).unwrap(), Episodes::default());
    assert!(dir.path().join("open.unreadable").exists());
}
