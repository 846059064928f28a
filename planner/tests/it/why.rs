//! Each line that says why, as a technician reads it; and none is too long.

use contract::decision::{Asked, Choice, Decision, Escalation};
use contract::outcome::Outcome;
use contract::runbook::TargetOs;
use planner::coalesce::{HostLife, Sibling};
use planner::flap::{Ended, EndedBy, Episode};
use planner::{About as Subject, Case, Knowledge, LINE_MAX, RuleId, RulePriority, Why, consider};

use super::seed::utc;
use super::*;

fn case(what: What) -> Case {
    Case {
        incident: "i-77".parse().unwrap(),
        host: "h-1".parse().unwrap(),
        what,
        os: Some(TargetOs::Debian),
        found: utc(600_000),
        now: utc(601_000),
        open: Vec::new(),
        hosts: Vec::new(),
        past: Vec::new(),
    }
}

fn fails(control: &str) -> What {
    drift(baseline().control(&control.parse().unwrap()).unwrap())
}

fn says(table: &str, case: &Case) -> String {
    let (rules, baseline, catalogue) = (rules(table), baseline(), catalogue());
    let why = consider(case, &Knowledge { rules: &rules, baseline: &baseline, catalogue: &catalogue }).why;
    // What is kept is what is read.
    assert_eq!(serde_json::from_str::<Why>(&serde_json::to_string(&why).unwrap()).unwrap(), why);
    why.to_string()
}

fn check(case: &Case, expected: &str) {
    assert_eq!(says(SHIPPED.1, case), expected);
}

#[test]
fn a_rule_says_which_it_is_and_what_it_answers() {
    check(
        &case(fails("ssh.root-login")),
        "rule ssh-log-in (priority 100) answers ssh.root-login on debian with RB-SSH-001-log-in",
    );
    check(
        &case(fails("tls.expiry")),
        "rule cert-renew (priority 100) answers tls.expiry on linux with RB-CERT-001-renew",
    );
    check(
        &case(signal(SignalKind::BreakIn)),
        "rule signals-of-people (priority 100) hands detector auth.failed-logins on linux to a person",
    );
    check(&case(fails("accounts.uid-zero")), "no rule speaks of accounts.uid-zero on debian");
    let nixos = Case { os: Some(TargetOs::Nixos), ..case(fails("ssh.root-login")) };
    check(&nixos, "no rule speaks of ssh.root-login on nixos");
    let unknown = Case { os: None, ..case(fails("accounts.uid-zero")) };
    check(&unknown, "no rule speaks of accounts.uid-zero on an unknown system");
}

#[test]
fn a_table_that_does_not_help_says_why() {
    let rule = |id: &str, answer: &str| {
        format!("- {{ id: {id}, os: linux, priority: 7, when: {{ controls: [tls.expiry] }}, {answer} }}\n")
    };
    let says = |rules: &[String]| says(&format!("rules:\n{}", rules.concat()), &case(fails("tls.expiry")));
    let (one, other) = (rule("one", "run: RB-CERT-001-renew"), rule("other", "person: y"));
    assert_eq!(
        says(&[other, one]),
        "rules one and other disagree about tls.expiry on debian: a person decides"
    );
    assert_eq!(
        says(&[rule("a", "run: RB-X-001-x")]),
        "rule a names RB-X-001-x, which the catalogue does not hold: a person decides"
    );
    assert_eq!(
        says(&[rule("a", "run: RB-TIME-001-sync")]),
        "rule a names RB-TIME-001-sync, which cannot be bound to tls.expiry: a person decides"
    );
}

#[test]
fn what_follows_says_from_what() {
    let cause = |found: i64| Sibling {
        host: "h-1".parse().unwrap(),
        incident: "i-12".parse().unwrap(),
        found: utc(found),
        what: What::Drift {
            control: "disk.space".parse().unwrap(),
            fact: "disk:fullest_percent".parse().unwrap(),
            observed: FactValue::Number(99),
        },
    };
    let web = || case(fails("services.web"));
    let with = |found| Case { open: vec![cause(found)], ..web() };
    check(
        &with(560_000),
        "follows incident i-12 (disk.space on the same host, 40 s earlier): nothing is ordered until that ends",
    );
    check(
        &with(600_000),
        "follows incident i-12 (disk.space on the same host, at the same time): nothing is ordered until that ends",
    );
    check(
        &with(900_000),
        "follows incident i-12 (disk.space on the same host, 5 min later): nothing is ordered until that ends",
    );
    let life = |n: u32| HostLife { host: format!("h-{n}").parse().unwrap(), dark_since: Some(utc(480_000)) };
    check(
        &Case { hosts: vec![life(1)], ..web() },
        "follows the host's silence since 2026-06-01T00:08:00.000Z: nothing is ordered until that ends",
    );
    check(
        &Case { hosts: (1..5).map(life).collect(), ..web() },
        "follows the site's silence since 2026-06-01T00:08:00.000Z (4 of 4 hosts): nothing is ordered until that ends",
    );
}

/// Healed so often, so far apart, the last of them before the case was found.
fn past(times: i64, apart: i64) -> Vec<Episode> {
    let by = || EndedBy::Run("RB-TIME-001-sync".parse().unwrap(), Outcome::Healed);
    (1..=times)
        .map(|n| Episode {
            host: "h-1".parse().unwrap(),
            subject: "control:time.sync".to_owned(),
            found: utc(600_000 - n * apart),
            ended: Some(Ended { at: utc(600_000 - n * apart + 60_000), by: by(), opponent: None }),
        })
        .collect()
}

#[test]
fn what_flaps_says_how_often_and_what_is_known() {
    let time = || case(fails("time.sync"));
    check(
        &Case { past: past(6, 1_800_000), ..time() },
        "flapping: 6 returns in 3 h, about every 30 min; RB-TIME-001-sync healed 6 of 6 times: something on a timer sets it back",
    );
    let mut uneven = past(3, 86_400_000);
    uneven[0].found = utc(600_000 - 3_000_000);
    let ended = uneven[0].ended.as_mut().unwrap();
    // Its executor was asked, and could name nobody.
    (ended.at, ended.by, ended.opponent) =
        (utc(0), EndedBy::Person, Some(contract::record::Opponent::Unknown));
    check(
        &Case { past: uneven.clone(), ..time() },
        "flapping: 3 returns in 3 days; RB-TIME-001-sync healed 2 of 2 times: something sets it back",
    );
    uneven[0].ended.as_mut().unwrap().opponent =
        Some(contract::record::Opponent::Unit("puppet.service".parse().unwrap()));
    check(
        &Case { past: uneven, ..time() },
        "flapping: 3 returns in 3 days; RB-TIME-001-sync healed 2 of 2 times: unit puppet.service sets it back",
    );
}

#[test]
fn a_model_and_a_person_are_named_with_what_they_chose() {
    let asked = |choice: Choice, confidence| Decision {
        choice,
        provenance: Provenance::Model(Asked {
            table: Digest::of(b""),
            model: "small-1".parse().unwrap(),
            prompt: Digest::of(b""),
            answer: None,
            confidence,
        }),
    };
    let run = || Choice::Run("RB-TIME-001-sync".parse().unwrap());
    let says = |decision: &Decision| Why::of(decision).unwrap().to_string();
    assert_eq!(
        says(&asked(run(), Some(93))),
        "no rule speaks of it; model small-1 chose RB-TIME-001-sync (93 % sure)"
    );
    assert_eq!(
        says(&asked(Choice::Escalate(Escalation::ModelSilent), None)),
        "model small-1: a model was to be asked and did not answer: a person decides"
    );
    let by_hand = Decision { choice: run(), provenance: Provenance::Person("j-doe".parse().unwrap()) };
    assert_eq!(says(&by_hand), "j-doe chose RB-TIME-001-sync");
    let ruled =
        Decision { choice: run(), provenance: Provenance::Rules { table: Digest::of(b""), rule: None } };
    assert_eq!(Why::of(&ruled), None);
}

#[test]
fn the_longest_names_make_no_line_too_long() {
    let long = |n: usize| "x".repeat(n);
    let rule = || RuleId::try_from(long(40)).unwrap();
    let runbook = || format!("RB-{}", long(61)).parse().unwrap();
    let control = || Subject::Control(long(64).parse().unwrap());
    let detector = || Subject::Detector(long(64).parse().unwrap());
    let priority = RulePriority::try_from(1000).unwrap();
    let os = TargetOs::Debian;
    let found = utc(0);
    let incident = planner::coalesce::Root::Incident {
        host: long(40).parse().unwrap(),
        incident: long(48).parse().unwrap(),
        about: detector(),
        found,
        followed: utc(170_000_000),
    };
    let flapping = planner::flap::Flapping {
        scope: planner::flap::Scope::Site,
        returns: 1000,
        transitions: 2000,
        span_ms: 7 * 86_400_000,
        repair: Some(planner::flap::Repair { runbook: runbook(), healed: 1000, runs: 1000 }),
        war: planner::flap::War {
            period_ms: Some(86_400_000),
            alternates: Some(planner::flap::Alternation { runbook: runbook(), times: 9 }),
            ..Default::default()
        },
    };
    let lines = [
        Why::Rule { rule: rule(), priority, about: detector(), os, runbook: runbook() },
        Why::RulePerson { rule: rule(), priority, about: detector(), os },
        Why::Disagree { one: rule(), other: rule(), about: detector(), os: None },
        Why::RunbookMissing { rule: rule(), runbook: runbook() },
        Why::Unbindable { rule: rule(), about: control(), runbook: runbook() },
        Why::Silent { about: detector(), os: None },
        Why::Follows(Box::new(incident)),
        Why::Flapping(Box::new(flapping)),
        Why::Model {
            model: long(40).parse().unwrap(),
            confidence: Some(100),
            choice: Choice::Run(runbook()),
        },
        Why::Model {
            model: long(40).parse().unwrap(),
            confidence: Some(100),
            choice: Choice::Escalate(Escalation::ModelBudget),
        },
        Why::Person { operator: long(40).parse().unwrap(), choice: Choice::Run(runbook()) },
    ];
    for line in lines {
        let text = line.to_string();
        assert!(text.chars().count() <= LINE_MAX, "{} characters: {text}", text.chars().count());
    }
}
