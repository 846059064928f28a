//! Whatever is seen or not seen: a pass needs a value, and evaluation never fails.

use contract::baseline::Users;
use contract::exception::Exceptions;
use contract::fact::{Absence, FactSet, FactValue, FileKind, FileMode, Observation, Permissions, Word};
use contract::finding::{Tally, Verdict};
use proptest::prelude::*;

use crate::baseline::baseline;

const ABSENCES: [Absence; 9] = [
    Absence::NeedsRoot,
    Absence::NotInstalled,
    Absence::NotRunning,
    Absence::TimedOut,
    Absence::Unreadable,
    Absence::Malformed,
    Absence::DoesNotApply,
    Absence::NotDeclared,
    Absence::Unsupported,
];

fn value() -> impl Strategy<Value = FactValue> {
    let kind =
        prop::sample::select(vec![FileKind::File, FileKind::Directory, FileKind::Symlink, FileKind::Special]);
    let permissions = (kind, any::<u32>(), any::<u32>(), any::<u32>());
    prop_oneof![
        any::<bool>().prop_map(FactValue::Flag),
        any::<i64>().prop_map(FactValue::Number),
        "[A-Za-z0-9_.:,+@/-]{1,64}".prop_map(|w| FactValue::Word(Word::try_from(w).unwrap())),
        prop::collection::vec(any::<u16>(), 0..5).prop_map(FactValue::Ports),
        permissions.prop_map(|(kind, mode, uid, gid)| {
            FactValue::Permissions(Permissions { kind, mode: FileMode::from_st_mode(mode), uid, gid })
        }),
    ]
}

fn observation() -> impl Strategy<Value = Observation> {
    prop_oneof![value().prop_map(Ok), prop::sample::select(ABSENCES.to_vec()).prop_map(Err)]
}

#[test]
fn no_control_passes_or_fails_on_an_absence() {
    for control in baseline().controls() {
        for absence in ABSENCES {
            assert_eq!(
                control.judge(&Err(absence), Users::one(0)),
                Verdict::NotAssessed(absence),
                "{}",
                control.id
            );
        }
    }
}

#[test]
fn a_scan_that_saw_nothing_passes_nothing() {
    let baseline = baseline();
    let now = edge::clock::utc();
    let tally =
        Tally::of(&baseline.evaluate(&FactSet::default(), &Exceptions::default(), now, Users::one(0)));
    assert_eq!((tally.assessed(), tally.pass), (0, 0));
    assert_eq!(tally.total() as usize, baseline.controls().len());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_verdict_carries_exactly_what_was_seen(seen in prop::collection::vec(observation(), 100..=100), uid in any::<u32>()) {
        let baseline = baseline();
        let mut facts = FactSet::default();
        for (fact, seen) in baseline.facts().into_iter().zip(seen) {
            facts.insert(fact, seen);
        }
        let findings = baseline.evaluate(&facts, &Exceptions::default(), edge::clock::utc(), Users::one(uid));
        prop_assert_eq!(findings.len(), baseline.controls().len());
        for finding in findings {
            match (finding.verdict, facts.observation(&finding.fact)) {
                (Verdict::Pass(judged) | Verdict::Fail(judged), Ok(seen)) => prop_assert_eq!(judged, seen),
                (Verdict::NotAssessed(why), Err(absence)) => prop_assert_eq!(why, absence),
                (Verdict::NotAssessed(why), Ok(_)) => prop_assert_eq!(why, Absence::Malformed),
                (verdict, seen) => prop_assert!(false, "{:?} from {:?}", verdict, seen),
            }
        }
        let replayed: FactSet = serde_json::from_str(&serde_json::to_string(&facts).unwrap()).unwrap();
        prop_assert_eq!(replayed, facts);
    }
}
