//! Flapping and war, at real intervals.

use contract::ids::HostId;
use contract::outcome::Outcome;
use contract::record::Opponent;
use planner::flap::{Ended, EndedBy, Episode, Flapping, Scope, flapping};

use super::seed::{Seed, utc};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const SUBJECT: &str = "control:time.sync";

fn host(n: u64) -> HostId {
    format!("h-{n}").parse().unwrap()
}

fn healed(subject: &str, runbook: &str, found: i64, after: i64) -> Episode {
    let by = EndedBy::Run(runbook.parse().unwrap(), Outcome::Healed);
    let ended = Some(Ended { at: utc(found + after), by, opponent: None });
    Episode { host: host(1), subject: subject.to_owned(), found: utc(found), ended }
}

fn time_sync(found: i64) -> Episode {
    healed(SUBJECT, "RB-TIME-001-sync", found, MINUTE)
}

fn at(found: i64, past: &[Episode]) -> Option<Flapping> {
    flapping(SUBJECT, &host(1), utc(found), past)
}

#[test]
fn what_comes_back_by_the_clock_is_found_at_its_fourth_time_from_ten_minutes_to_a_day() {
    // The repairs cool down for 15 minutes: what breaks every ten is repaired at every second beat.
    for (beat, period) in [
        (10 * MINUTE, 20 * MINUTE),
        (30 * MINUTE, 30 * MINUTE),
        (HOUR, HOUR),
        (6 * HOUR, 6 * HOUR),
        (DAY, DAY),
    ] {
        let mut past = Vec::new();
        let mut flagged = None;
        for n in 0..6 {
            let found = n * period;
            if let Some(flapping) = at(found, &past) {
                flagged.get_or_insert((n, flapping));
            }
            past.push(time_sync(found));
        }
        let (n, flapping) = flagged.unwrap_or_else(|| panic!("a beat of {beat} was not found"));
        assert_eq!((n, flapping.returns, flapping.transitions), (3, 3, 7), "{beat}");
        assert_eq!(flapping.war.period_ms, Some(u64::try_from(period).unwrap()));
        let repair = flapping.repair.unwrap();
        assert_eq!((repair.runbook.as_str(), repair.healed, repair.runs), ("RB-TIME-001-sync", 3, 3));
        assert_eq!(flapping.war.soon_after.is_some(), period <= HOUR, "{beat}");
    }
}

#[test]
fn a_clock_is_heard_through_jitter_and_a_missed_beat_and_chance_is_not_one() {
    let war = |findings: &[i64]| {
        let past: Vec<Episode> = findings.iter().map(|found| time_sync(found * MINUTE)).collect();
        let (last, past) = past.split_last().unwrap();
        flapping(SUBJECT, &host(1), last.found, past).unwrap().war
    };
    assert_eq!(war(&[0, 31, 60, 89]).period_ms, Some(29 * 60_000));
    assert_eq!(war(&[0, 30, 90, 120]).period_ms, Some(30 * 60_000), "a beat was missed");
    assert_eq!(war(&[0, 30, 200, 1440]).period_ms, None);
}

#[test]
fn what_fails_once_a_week_by_itself_does_not_flap() {
    let mut seed = Seed(3);
    for _ in 0..200 {
        let mut past = Vec::new();
        for week in 0..20 {
            let found = week * 7 * DAY + i64::try_from(seed.below(2 * 86_400_000)).unwrap();
            assert_eq!(at(found, &past), None, "week {week}");
            past.push(time_sync(found));
        }
    }
}

#[test]
fn many_machines_that_fail_once_a_week_each_are_no_war_of_the_site() {
    let mut seed = Seed(5);
    let mut asked = 0;
    for _ in 0..20 {
        let mut findings: Vec<(i64, u64)> = (0..40)
            .flat_map(|n| (0..3).map(move |week| (week, n)))
            .map(|(week, n)| (week * 7 * DAY + i64::try_from(seed.below(7 * 86_400_000)).unwrap(), n))
            .collect();
        findings.sort_unstable();
        let mut past: Vec<Episode> = Vec::new();
        for (found, n) in findings {
            assert_eq!(flapping(SUBJECT, &host(n), utc(found), &past), None);
            past.push(Episode { host: host(n), ..time_sync(found) });
            asked += 1;
        }
    }
    assert_eq!(asked, 2400);
}

#[test]
fn what_goes_from_machine_to_machine_by_the_clock_is_the_sites() {
    let mut past: Vec<Episode> = Vec::new();
    for n in 0..6 {
        let found = i64::try_from(n).unwrap() * HOUR;
        assert_eq!(flapping(SUBJECT, &host(n), utc(found), &past), None, "{n}");
        past.push(Episode { host: host(n), ..time_sync(found) });
        past.push(Episode { host: host(100 + n), ..time_sync(found + 5 * MINUTE) });
    }
    let found = flapping(SUBJECT, &host(6), utc(6 * HOUR), &past).unwrap();
    assert_eq!((found.scope, found.returns, found.war.period_ms), (Scope::Site, 6, Some(3_600_000)));
    assert_eq!(flapping("control:other", &host(6), utc(6 * HOUR), &past), None);
}

#[test]
fn the_figures_are_the_executors_six_within_seven_days() {
    let past = |apart: i64| -> Vec<Episode> { (0..3).map(|n| time_sync(n * apart)).collect() };
    assert!(at(3 * 56 * HOUR, &past(56 * HOUR)).is_some(), "the first of six a week ago");
    assert!(at(3 * 57 * HOUR, &past(57 * HOUR)).is_none(), "before the window");
    assert_eq!(at(2 * HOUR, &past(HOUR)[..2]), None, "five are not six");
}

#[test]
fn what_stays_open_or_lies_ahead_does_not_come_back() {
    let open: Vec<Episode> = (0..9).map(|n| Episode { ended: None, ..time_sync(n * HOUR) }).collect();
    assert_eq!(at(9 * HOUR, &open), None);
    let ahead: Vec<Episode> = (10..19).map(|n| time_sync(n * HOUR)).collect();
    assert_eq!(at(9 * HOUR, &ahead), None);
}

#[test]
fn two_of_our_own_that_undo_each_other_are_named() {
    const OTHER: &str = "control:time.offset";
    let mut past = Vec::new();
    for n in 0..3 {
        let start = n * 5 * HOUR + n * n * 40 * MINUTE;
        past.push(healed(SUBJECT, "RB-TIME-001-sync", start, MINUTE));
        past.push(healed(OTHER, "RB-OTHER-001-x", start + 3 * MINUTE, MINUTE));
    }
    // Ours breaks right after the other's repair.
    let ours: Vec<Episode> = past
        .iter()
        .filter(|e| e.subject == OTHER)
        .map(|e| {
            healed(SUBJECT, "RB-TIME-001-sync", e.found.unix_ms() - super::seed::BASE_MS + 4 * MINUTE, MINUTE)
        })
        .collect();
    past.extend(ours);
    let found = at(20 * HOUR, &past).unwrap();
    let alternation = found.war.alternates.unwrap();
    assert_eq!((alternation.runbook.as_str(), alternation.times), ("RB-OTHER-001-x", 3));
    let alone: Vec<Episode> = past.into_iter().filter(|e| e.subject == SUBJECT).collect();
    assert_eq!(at(20 * HOUR, &alone).unwrap().war.alternates, None);
}

#[test]
fn what_an_executor_found_is_told_and_the_order_of_episodes_does_not_matter() {
    let mut past: Vec<Episode> = (0..5).map(|n| time_sync(n * HOUR)).collect();
    past[3].ended.as_mut().unwrap().opponent = Some(Opponent::Timetable);
    past[4].ended.as_mut().unwrap().opponent = Some(Opponent::Unknown);
    let found = at(5 * HOUR, &past).unwrap();
    assert_eq!(found.war.opponent, Some(Opponent::Timetable));
    let mut seed = Seed(1);
    for _ in 0..50 {
        seed.shuffle(&mut past);
        assert_eq!(at(5 * HOUR, &past).as_ref(), Some(&found));
    }
}
