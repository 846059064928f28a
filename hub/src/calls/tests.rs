use proptest::prelude::*;

use super::*;

const MINUTE: u64 = 60_000;

fn at(ms: u64) -> UtcTime {
    UtcTime::from_unix_ms(1_800_000_000_000).unwrap().plus_ms(ms)
}

fn place(host: &str, n: usize) -> Place {
    (host.parse().unwrap(), format!("i-{n}").parse().unwrap())
}

fn waits(host: &str, n: usize, severity: Severity) -> Waits {
    Waits { place: place(host, n), severity }
}

/// The calls of a hub, as its database keeps them.
#[derive(Default)]
struct Kept {
    open: Vec<Open>,
    raised: u64,
}

impl Kept {
    fn look(&mut self, waiting: &[Waits], now: UtcTime) -> Vec<Step> {
        let steps = look(waiting, &self.open, now);
        for step in steps.clone() {
            match step {
                Step::Raise { place, severity, due } => {
                    self.raised += 1;
                    self.open.push(Open { number: self.raised, place, severity, due, again: 0 });
                }
                Step::Again { number, due } => {
                    let call = self.open.iter_mut().find(|call| call.number == number).unwrap();
                    (call.due, call.again) = (due, call.again + 1);
                }
                Step::End { number } => self.open.retain(|call| call.number != number),
            }
        }
        steps
    }
}

#[test]
fn a_cause_is_called_once_by_its_severity_and_ends_with_what_waits() {
    let mut kept = Kept::default();
    for (severity, minutes) in
        [(Severity::Critical, 15), (Severity::High, 60), (Severity::Medium, 240), (Severity::Low, 480)]
    {
        let one = [waits("h", 1, severity)];
        let due = at(minutes * MINUTE);
        assert_eq!(kept.look(&one, at(0)), [Step::Raise { place: place("h", 1), severity, due }]);
        assert_eq!(kept.look(&one, at(minutes * MINUTE - 1)), []);
        let number = kept.raised;
        assert_eq!(kept.look(&[], at(minutes * MINUTE)), [Step::End { number }]);
    }
}

#[test]
fn what_nobody_has_in_time_is_called_anew_ever_more_rarely_and_at_least_daily() {
    let mut kept = Kept::default();
    let one = [waits("h", 1, Severity::Critical)];
    kept.look(&one, at(0));
    let again: Vec<u64> =
        (1..=3 * 24 * 60).filter(|minute| !kept.look(&one, at(minute * MINUTE)).is_empty()).collect();
    assert_eq!(again, [15, 45, 105, 225, 465, 945, 1905, 3345], "after 15, 30, 60 … minutes more, and a day");
}

#[test]
fn a_machine_that_says_a_thousand_things_is_called_for_the_most_urgent_first() {
    let mut kept = Kept::default();
    let mut all: Vec<Waits> = (0..1_000).map(|n| waits("loud", n, Severity::Low)).collect();
    all.push(waits("loud", 1_000, Severity::Critical));
    all.push(waits("quiet", 0, Severity::Low));
    let steps = kept.look(&all, at(0));
    assert_eq!(steps.len(), OPEN_MAX + 1, "the other host has its own");
    let Step::Raise { place: first, .. } = &steps[0] else { panic!("{steps:?}") };
    assert_eq!(*first, place("loud", 1_000));
    // As those end, the others come.
    let over: Vec<Place> = kept.open.iter().skip(1).take(10).map(|call| call.place.clone()).collect();
    all.retain(|waits| !over.contains(&waits.place));
    let rest = kept.look(&all, at(1));
    assert_eq!(rest.iter().filter(|step| matches!(step, Step::Raise { .. })).count(), 10, "{rest:?}");
}

#[test]
fn what_is_less_urgent_keeps_nothing_out() {
    let mut kept = Kept::default();
    let low: Vec<Waits> = (0..60).map(|n| waits("h", n, Severity::Low)).collect();
    assert_eq!(kept.look(&low, at(0)).len(), OPEN_MAX);
    let all: Vec<Waits> = low.into_iter().chain([waits("h", 99, Severity::Critical)]).collect();
    let steps = kept.look(&all, at(1));
    assert!(matches!(&steps[..], [Step::Raise { severity: Severity::Critical, .. }]), "{steps:?}");
}

proptest! {
    /// Whatever comes and goes: what waits has one open call or its host has as many as it may, and nothing else has one.
    #[test]
    fn what_waits_is_called_and_nothing_else(looks in prop::collection::vec(prop::collection::btree_set(0_usize..80, 0..70), 1..12)) {
        let mut kept = Kept::default();
        for (n, waiting) in looks.iter().enumerate() {
            let waiting: Vec<Waits> = waiting.iter().map(|n| waits("h", *n, Severity::High)).collect();
            kept.look(&waiting, at(n as u64 * 7 * MINUTE));
            let places: BTreeSet<&Place> = kept.open.iter().map(|call| &call.place).collect();
            prop_assert_eq!(places.len(), kept.open.len(), "called twice");
            prop_assert_eq!(kept.open.len(), waiting.len().min(OPEN_MAX));
            prop_assert!(places.iter().all(|place| waiting.iter().any(|waits| waits.place == **place)));
        }
    }
}
