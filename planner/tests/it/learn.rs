//! What runs teach, and how a proposal becomes a rule.

use std::sync::LazyLock;

use contract::decision::{Choice, Escalation};
use contract::fact::FactValue;
use contract::outcome::Outcome;
use contract::runbook::TargetOs;
use planner::Knowledge;
use planner::learn::stage::{NotTaken, Proposal, Proposed, Proposer, Stage, Step, resume};
use planner::learn::{
    Adopt, Evidence, Figures, NoRule, Past, Picker, Place, Ran, Rehearsal, by_rule, proposals, rehearse,
};

use super::seed::{Seed, utc};
use super::*;

const CONTROL: &str = "tls.expiry";
const RUNBOOK: &str = "RB-CERT-001-renew";

fn place(site: u64) -> Place {
    Place { tenant: "clinic".parse().unwrap(), site: format!("s-{site}").parse().unwrap() }
}

fn ran(n: u64, site: u64, picked_by: Picker, outcome: Outcome) -> Ran {
    Ran {
        picked_by,
        runbook: RUNBOOK.parse().unwrap(),
        control: CONTROL.parse().unwrap(),
        os: TargetOs::Debian,
        place: place(site),
        outcome,
        evidence: Evidence { host: format!("h-{site}").parse().unwrap(), record: n },
    }
}

fn model() -> Picker {
    Picker::Model("small-1".parse().unwrap())
}

/// So many runs that healed and failed, over so many sites.
fn runs(healed: u64, failed: u64, sites: u64, picked_by: &Picker) -> Vec<Ran> {
    let outcome = |n| if n < healed { Outcome::Healed } else { Outcome::Reverted };
    (0..healed + failed).map(|n| ran(n, n % sites, picked_by.clone(), outcome(n))).collect()
}

/// The shipped rules without the one about certificates: no rule speaks of them.
fn silent() -> String {
    let start = SHIPPED.1.find("  - id: cert-renew").unwrap();
    let end = SHIPPED.1.find("  - id: cert-key-mode").unwrap();
    format!("{}{}", &SHIPPED.1[..start], &SHIPPED.1[end..])
}

fn adopt() -> Adopt {
    static ONCE: LazyLock<Adopt> =
        LazyLock::new(|| proposals(&runs(19, 1, 2, &model()), &rules(&silent())).0.remove(0));
    ONCE.clone()
}

#[test]
fn a_pick_that_heals_five_times_nine_of_ten_on_two_sites_is_proposed() {
    let silent = rules(&silent());
    let proposed = |runs: &[Ran]| proposals(runs, &silent).0.len();
    assert_eq!(proposed(&runs(5, 0, 2, &model())), 1);
    assert_eq!(proposed(&runs(4, 0, 2, &model())), 0, "four times");
    assert_eq!(proposed(&runs(5, 0, 1, &model())), 0, "one site");
    assert_eq!(proposed(&runs(8, 1, 2, &model())), 0, "eight of nine");
    assert_eq!(proposed(&runs(9, 1, 2, &model())), 1, "nine of ten");
    assert_eq!(proposed(&runs(9, 0, 2, &Picker::Rule(rule_id("a")))), 0, "a rule's");
    let mut twice = runs(3, 0, 2, &model());
    twice.extend(twice.clone());
    assert_eq!(proposed(&twice), 0, "a record counts once");
    let mut idle = runs(4, 0, 2, &model());
    idle.extend(
        [Outcome::Deferred, Outcome::Refused, Outcome::Expired, Outcome::Observed]
            .map(|o| ran(9, 1, model(), o)),
    );
    assert_eq!(proposed(&idle), 0, "what was not tried shows nothing");
    assert_eq!(proposals(&runs(19, 1, 2, &model()), &rules(SHIPPED.1)).0, [], "a rule speaks of it");

    let adopt = adopt();
    assert_eq!(
        (adopt.rule.as_str(), adopt.figures.healed, adopt.figures.tried),
        ("learnt-tls-expiry-debian", 19, 20)
    );
    assert_eq!((adopt.figures.places.len(), adopt.figures.evidence.len()), (2, 20));
}

fn rule_id(id: &str) -> planner::RuleId {
    planner::RuleId::try_from(id.to_owned()).unwrap()
}

#[test]
fn a_rule_that_fails_more_often_than_not_over_ten_runs_is_proposed_to_go() {
    let shipped = rules(SHIPPED.1);
    let proposed = |healed, failed, rule: &str| {
        proposals(&runs(healed, failed, 3, &Picker::Rule(rule_id(rule))), &shipped).1
    };
    assert_eq!(proposed(4, 6, "cert-renew").len(), 1);
    assert_eq!(proposed(5, 5, "cert-renew"), [], "half");
    assert_eq!(proposed(0, 9, "cert-renew"), [], "nine runs");
    assert_eq!(proposed(0, 20, "gone"), [], "no rule of the table");
    let measured = by_rule(&runs(4, 6, 3, &Picker::Rule(rule_id("cert-renew"))));
    assert_eq!((measured[&rule_id("cert-renew")].healed, measured[&rule_id("cert-renew")].tried), (4, 10));
}

#[test]
fn the_new_table_is_the_old_one_and_the_rule_and_says_so_in_its_text() {
    let (table, baseline, catalogue) = (silent(), baseline(), catalogue());
    let old = rules(&table);
    let knowledge = Knowledge { rules: &old, baseline: &baseline, catalogue: &catalogue };
    let adopt = adopt();
    let (text, new) = adopt.carried_out(&table, &FactValue::Number(20), &knowledge).unwrap();
    assert!(text.starts_with(table.trim_end()), "what people wrote was touched");
    assert_eq!(new.iter().count(), old.iter().count() + 1);
    let expiry = drift(baseline.control(&CONTROL.parse().unwrap()).unwrap());
    let with = Knowledge { rules: &new, ..knowledge };
    assert_eq!(
        plan(&expiry, Some(TargetOs::Debian), &knowledge).choice,
        Choice::Escalate(Escalation::NoRule)
    );
    assert_eq!(plan(&expiry, Some(TargetOs::Debian), &with).choice, Choice::Run(RUNBOOK.parse().unwrap()));
    assert_eq!(planner::lint(&with, &[]).iter().filter(|f| f.rule == adopt.rule).count(), 0);

    assert!(matches!(adopt.carried_out(&text, &FactValue::Number(20), &with), Err(NoRule::ThereAlready(_))));
    let elsewhere = Adopt { control: "ssh.root-login".parse().unwrap(), ..adopt.clone() };
    assert!(matches!(
        elsewhere.carried_out(&table, &FactValue::Flag(true), &knowledge),
        Err(NoRule::Misfit(_))
    ));

    // And back: without it the table says what it said.
    let retire = planner::learn::Retire { rule: adopt.rule.clone(), figures: Figures::default() };
    let (back, rules_back) = retire.carried_out("rules.yaml", &text).unwrap();
    assert_eq!(back.trim_end(), table.trim_end());
    assert_eq!(rules_back.iter().count(), old.iter().count());
    assert!(matches!(retire.carried_out("rules.yaml", &table), Err(NoRule::NotThere(_))));
}

#[test]
fn any_shipped_rule_can_go_and_nothing_else_goes_with_it() {
    let old = rules(SHIPPED.1);
    for rule in old.iter() {
        let retire = planner::learn::Retire { rule: rule.id.clone(), figures: Figures::default() };
        let (text, new) = retire.carried_out("rules.yaml", SHIPPED.1).unwrap();
        assert_eq!(new.iter().count() + 1, old.iter().count());
        assert_eq!(
            text.matches('#').count(),
            SHIPPED.1.matches('#').count(),
            "a comment went with {}",
            rule.id
        );
    }
    let flow = "rules: [{ id: a, os: linux, priority: 1, when: { controls: [x.y] }, person: y }, { id: b, os: linux, priority: 1, when: { controls: [x.z] }, person: y }]\n";
    let retire = planner::learn::Retire { rule: rule_id("a"), figures: Figures::default() };
    assert!(
        retire.carried_out("rules.yaml", flow).is_err(),
        "a table on one line cannot be changed by lines"
    );
}

#[test]
fn what_it_would_have_done_is_counted() {
    let (table, baseline, catalogue) = (silent(), baseline(), catalogue());
    let old = rules(&table);
    let now = Knowledge { rules: &old, baseline: &baseline, catalogue: &catalogue };
    let (_, new) = adopt().carried_out(&table, &FactValue::Number(20), &now).unwrap();
    let changed = Knowledge { rules: &new, ..now };
    let past = |control: &str, os, choice: Choice, healed_by: Option<&str>| Past {
        what: drift(baseline.control(&control.parse().unwrap()).unwrap()),
        os,
        choice,
        healed_by: healed_by.map(|id| id.parse().unwrap()),
    };
    let run = || Choice::Run(RUNBOOK.parse().unwrap());
    let person = || Choice::Escalate(Escalation::NoRule);
    let history = [
        past(CONTROL, TargetOs::Debian, run(), Some(RUNBOOK)),
        past(CONTROL, TargetOs::Debian, run(), None),
        past(CONTROL, TargetOs::Debian, person(), Some("RB-OTHER-001-x")),
        past(CONTROL, TargetOs::Nixos, person(), None),
        past("time.sync", TargetOs::Debian, person(), None),
    ];
    let expected = Rehearsal { asked: 5, changed: 3, as_then: 2, healed_by_others: 1, left_to_people: 0 };
    assert_eq!(rehearse(&history, &now, &changed), expected);
    let expected = Rehearsal { asked: 5, changed: 3, as_then: 1, healed_by_others: 0, left_to_people: 3 };
    assert_eq!(rehearse(&history, &changed, &now), expected);
}

fn proposed(by: Proposer) -> Proposed {
    Proposed::new(Proposal::Adopt(adopt()), by, Rehearsal::default())
}

fn measured(healed: u64, failed: u64) -> Figures {
    let mut figures = Figures::default();
    for ran in runs(healed, failed, 1, &Picker::Rule(rule_id("learnt"))) {
        figures.add(&ran);
    }
    figures
}

fn approved(by: &str) -> Step {
    Step::Approved { by: by.parse().unwrap(), at: utc(0) }
}

fn began() -> Step {
    Step::Began { place: place(1), at: utc(1) }
}

fn runs_came_to(healed: u64, failed: u64) -> Step {
    Step::Measured { figures: measured(healed, failed), at: utc(2) }
}

#[test]
fn nobody_approves_what_they_proposed() {
    let jane = || Proposer::Person("jane".parse().unwrap());
    let refused = proposed(jane()).approve("jane".parse().unwrap()).unwrap_err();
    assert_eq!(refused, NotTaken::SelfApproved("jane".parse().unwrap()));
    assert_eq!(proposed(jane()).approve("joe".parse().unwrap()).unwrap().by().as_str(), "joe");
    assert!(proposed(Proposer::Planner).approve("jane".parse().unwrap()).is_ok());
    assert_eq!(
        resume(proposed(jane()), &[approved("jane"), began()]),
        Err(NotTaken::SelfApproved("jane".parse().unwrap()))
    );
}

#[test]
fn a_rule_goes_over_one_site_to_all_and_is_retired_where_it_does_worse() {
    let stage = |steps: &[Step]| resume(proposed(Proposer::Planner), steps).unwrap();
    let canary = [approved("jane"), began()];
    let with = |more: &[Step]| stage(&[&canary[..], more].concat());
    let Stage::Canary(on_one) = stage(&canary) else { panic!() };
    assert!(on_one.holds_at(&place(1)) && !on_one.holds_at(&place(2)));
    // It rests on 19 of 20: less than 85 of a hundred is worse.
    assert!(matches!(with(&[runs_came_to(4, 0)]), Stage::Canary(_)), "four runs");
    assert!(matches!(with(&[runs_came_to(5, 0)]), Stage::Everywhere(_)));
    assert!(matches!(with(&[runs_came_to(4, 1)]), Stage::Retired(_)), "four of five");
    assert!(matches!(with(&[runs_came_to(0, 1)]), Stage::Canary(_)), "once may be chance");
    assert!(matches!(with(&[runs_came_to(0, 2)]), Stage::Retired(_)), "twice is enough");
    let everywhere = |healed, failed| with(&[runs_came_to(5, 0), runs_came_to(healed, failed)]);
    assert!(matches!(everywhere(17, 3), Stage::Everywhere(_)), "85 of a hundred");
    assert!(matches!(everywhere(16, 4), Stage::Retired(_)), "80 of a hundred");
    assert!(matches!(everywhere(0, 0), Stage::Everywhere(_)));
}

#[test]
fn a_step_out_of_turn_is_not_taken() {
    for steps in [
        vec![began()],
        vec![runs_came_to(9, 0)],
        vec![approved("jane"), approved("joe")],
        vec![approved("jane"), runs_came_to(9, 0)],
        vec![approved("jane"), began(), began()],
        vec![approved("jane"), began(), runs_came_to(0, 2), runs_came_to(9, 0)],
    ] {
        assert_eq!(resume(proposed(Proposer::Planner), &steps), Err(NotTaken::OutOfTurn), "{steps:?}");
    }
}

#[test]
fn no_order_of_steps_makes_a_rule_hold_without_another_persons_word() {
    let mut seed = Seed(21);
    let mut held = 0;
    for _ in 0..5000 {
        let steps: Vec<Step> = (0..seed.below(5))
            .map(|_| match seed.below(4) {
                0 => approved("jane"),
                1 => approved("joe"),
                2 => began(),
                _ => runs_came_to(5 + seed.below(3), seed.below(2)),
            })
            .collect();
        let reached = resume(proposed(Proposer::Person("jane".parse().unwrap())), &steps);
        if let Ok(Stage::Canary(_) | Stage::Everywhere(_)) = reached {
            held += 1;
            assert_eq!(steps.first(), Some(&approved("joe")));
        }
    }
    assert!(held > 20, "{held}");
}

#[test]
fn a_rule_that_is_to_go_goes_with_a_persons_word() {
    let retire = planner::learn::Retire { rule: rule_id("cert-renew"), figures: measured(4, 6) };
    let proposed = Proposed::new(Proposal::Retire(retire), Proposer::Planner, Rehearsal::default());
    let Ok(Stage::Retired(gone)) = resume(proposed, &[approved("jane"), began()]) else { panic!() };
    assert_eq!(gone.rule, rule_id("cert-renew"));
}
