//! The stages in their order, and the site's decision, which is the rules' alone.

use contract::decision::{Choice, Escalation};
use contract::outcome::Outcome;
use contract::record::Opponent;
use contract::runbook::TargetOs;
use planner::flap::{Ended, EndedBy, Episode, Scope};
use planner::{Case, Knowledge, Verdict, Why, consider};

use super::seed::{Seed, case, everything, systems, utc};
use super::*;

const HOUR: i64 = 3_600_000;

/// The list of password hashes is open on one machine, and nothing else is known.
fn shadow_opened(baseline: &Baseline) -> Case {
    let mut own = case(&mut Seed(1), &everything(), 0);
    own.what = drift(baseline.control(&"files.shadow".parse().unwrap()).unwrap());
    (own.open, own.hosts, own.past) = (Vec::new(), Vec::new(), Vec::new());
    own.os = Some(TargetOs::Debian);
    own
}

#[test]
fn without_context_what_is_considered_is_what_a_site_decides() {
    let (rules, baseline, catalogue) = (rules(SHIPPED.1), baseline(), catalogue());
    let knowledge = Knowledge { rules: &rules, baseline: &baseline, catalogue: &catalogue };
    let (all, mut seed) = (everything(), Seed(2));
    let mut asked = 0;
    for number in 0..2000 {
        let mut case = case(&mut seed, &all, number);
        (case.open, case.hosts, case.past) = (Vec::new(), Vec::new(), Vec::new());
        let alone = plan(&case.what, case.os, &knowledge);
        match consider(&case, &knowledge).verdict {
            Verdict::Decided(decision) => assert_eq!(decision, alone),
            Verdict::Ask => {
                asked += 1;
                assert_eq!(alone.choice, Choice::Escalate(Escalation::NoRule));
                assert!(matches!(alone.provenance, Provenance::Rules { rule: None, .. }));
            }
            Verdict::Follow(root) => panic!("{root:?}"),
        }
    }
    assert!(asked > 100, "{asked}");
}

#[test]
fn a_machine_is_asked_once_who_fights_it_and_what_it_said_is_told_from_then_on() {
    let (rules, baseline, catalogue) = (rules(SHIPPED.1), baseline(), catalogue());
    let knowledge = Knowledge { rules: &rules, baseline: &baseline, catalogue: &catalogue };
    let own = shadow_opened(&baseline);
    let ordered = plan(&own.what, own.os, &knowledge);
    assert!(matches!(ordered.choice, Choice::Run(_)), "{ordered:?}");
    let episode = |n: i64, apart: i64| Episode {
        host: own.host.clone(),
        subject: own.what.subject(),
        found: utc(n * apart),
        ended: Some(Ended {
            at: utc(n * apart + 60_000),
            by: EndedBy::Run("RB-FILE-002-system-files".parse().unwrap(), Outcome::Healed),
            opponent: None,
        }),
    };
    let considered = |own: &Case, past: Vec<Episode>, apart: i64| {
        let found = utc(i64::try_from(past.len()).unwrap() * apart);
        consider(&Case { found, now: found, past, ..own.clone() }, &knowledge)
    };
    let stopped = |own: &Case, past: Vec<Episode>, apart: i64| match considered(own, past, apart).why {
        Why::Flapping(flapping) => flapping.war.opponent,
        why => panic!("{why:?}"),
    };
    for apart in [HOUR, 48 * HOUR] {
        let past = |times: i64| -> Vec<Episode> { (0..times).map(|n| episode(n, apart)).collect() };
        let fourth = considered(&own, past(3), apart).verdict;
        assert_eq!(fourth, Verdict::Decided(ordered.clone()), "its own guardrail has to say it");
        assert_eq!(stopped(&own, past(4), apart), None, "it repaired instead: asked once, and no more");
        let mut told = past(3);
        told[2].ended.as_mut().unwrap().opponent = Some(Opponent::Timetable);
        assert_eq!(stopped(&own, told, apart), Some(Opponent::Timetable));
    }
    // What would wait for the window first is a person's at once.
    let mut by_night = own.clone();
    by_night.what = drift(baseline.control(&"journal.persistent".parse().unwrap()).unwrap());
    assert!(matches!(plan(&by_night.what, own.os, &knowledge).choice, Choice::Run(_)));
    let subject = by_night.what.subject();
    let past = (0..3).map(|n| Episode { subject: subject.clone(), ..episode(n, HOUR) }).collect();
    assert_eq!(stopped(&by_night, past, HOUR), None);
}

#[test]
fn what_goes_from_machine_to_machine_by_the_clock_is_stopped_though_the_machine_was_not_asked() {
    let (rules, baseline, catalogue) = (rules(SHIPPED.1), baseline(), catalogue());
    let knowledge = Knowledge { rules: &rules, baseline: &baseline, catalogue: &catalogue };
    let own = shadow_opened(&baseline);
    let by = || EndedBy::Run("RB-FILE-002-system-files".parse().unwrap(), Outcome::Healed);
    let episode = |host: &str, n: i64| Episode {
        host: host.parse().unwrap(),
        subject: own.what.subject(),
        found: utc(n * HOUR),
        ended: Some(Ended { at: utc(n * HOUR + 60_000), by: by(), opponent: None }),
    };
    let past = (0..6).map(|n| episode(if n < 3 { "h-9" } else { own.host.as_str() }, n)).collect();
    let considered =
        consider(&Case { found: utc(6 * HOUR), now: utc(6 * HOUR), past, ..own.clone() }, &knowledge);
    let Why::Flapping(flapping) = considered.why else { panic!("{considered:?}") };
    assert_eq!(flapping.scope, Scope::Site);
}

#[test]
fn whatever_is_around_it_a_repair_is_ordered_only_where_the_rules_order_it() {
    let (rules, baseline, catalogue) = (rules(SHIPPED.1), baseline(), catalogue());
    let knowledge = Knowledge { rules: &rules, baseline: &baseline, catalogue: &catalogue };
    let (all, mut seed) = (everything(), Seed(4));
    for number in 0..3000 {
        let case = case(&mut seed, &all, number);
        let considered = consider(&case, &knowledge);
        let alone = plan(&case.what, case.os, &knowledge);
        match (&considered.verdict, &considered.why) {
            (Verdict::Decided(decision), Why::Flapping(_)) => {
                assert_eq!(decision.choice, Choice::Escalate(Escalation::Flapping));
                // What a rule hands to a person says so, however often it comes.
                assert!(!matches!(alone.choice, Choice::Escalate(Escalation::ByRule)));
            }
            (Verdict::Decided(decision), _) => assert_eq!(*decision, alone),
            (Verdict::Follow(_), why) => assert!(matches!(why, Why::Follows(_))),
            (Verdict::Ask, why) => assert!(matches!(why, Why::Silent { .. })),
        }
    }
}

#[test]
fn where_the_system_is_not_known_the_rules_must_agree_for_all_of_them() {
    let (baseline, catalogue) = (baseline(), catalogue());
    let expiry = drift(baseline.control(&"tls.expiry".parse().unwrap()).unwrap());
    let decided = |text: &str, os: Option<TargetOs>| {
        let rules = rules(&format!("rules:\n{text}"));
        plan(&expiry, os, &Knowledge { rules: &rules, baseline: &baseline, catalogue: &catalogue }).choice
    };
    let rule = |id: &str, os: &str, priority: u16, answer: &str| {
        format!(
            "- {{ id: {id}, os: {os}, priority: {priority}, when: {{ controls: [tls.expiry] }}, {answer} }}\n"
        )
    };
    let renew = rule("renew", "linux", 10, "run: RB-CERT-001-renew");
    let hand = rule("hand", "nixos", 20, "person: y");
    let run = Choice::Run("RB-CERT-001-renew".parse().unwrap());
    for os in systems() {
        assert_eq!(decided(&renew, os), run);
    }
    let both = renew.clone() + &hand;
    assert_eq!(decided(&both, Some(TargetOs::Debian)), run);
    assert_eq!(decided(&both, Some(TargetOs::Linux)), run);
    assert_eq!(decided(&both, Some(TargetOs::Nixos)), Choice::Escalate(Escalation::ByRule));
    assert_eq!(decided(&both, None), Choice::Escalate(Escalation::RulesDisagree));
    let same = renew.clone() + &rule("same", "nixos", 20, "run: RB-CERT-001-renew");
    assert_eq!(decided(&same, None), run);
}

#[test]
fn the_highest_priority_is_heard_and_equals_that_disagree_are_a_persons_question() {
    let (baseline, catalogue) = (baseline(), catalogue());
    let expiry = drift(baseline.control(&"tls.expiry".parse().unwrap()).unwrap());
    let rule = |id: &str, priority: u16, answer: &str| {
        format!(
            "- {{ id: {id}, os: linux, priority: {priority}, when: {{ controls: [tls.expiry] }}, {answer} }}\n"
        )
    };
    let run = Choice::Run("RB-CERT-001-renew".parse().unwrap());
    let renew = "run: RB-CERT-001-renew";
    for (renew_at, hand_at, expected) in [
        (20, 10, run),
        (10, 20, Choice::Escalate(Escalation::ByRule)),
        (10, 10, Choice::Escalate(Escalation::RulesDisagree)),
    ] {
        let mut lines =
            [rule("renew", renew_at, renew), rule("hand", hand_at, "person: y"), rule("low", 1, "person: z")];
        let mut seed = Seed(9);
        for _ in 0..6 {
            seed.shuffle(&mut lines);
            let rules = rules(&format!("rules:\n{}", lines.concat()));
            let knowledge = Knowledge { rules: &rules, baseline: &baseline, catalogue: &catalogue };
            for os in systems() {
                assert_eq!(plan(&expiry, os, &knowledge).choice, expected);
            }
        }
    }
}
