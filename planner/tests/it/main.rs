//! The rule table that is shipped, and what happens to tables and decisions that make no sense.
#![allow(clippy::unwrap_used, reason = "a failed expectation is the test's own message")]

mod coalesce;
mod consider;
mod decisions;
mod flap;
mod learn;
mod lint;
mod replay;
mod seed;
mod why;

use std::path::{Path, PathBuf};

use contract::baseline::{Baseline, Control, Severity};
use contract::decision::{Choice, Escalation, Provenance};
use contract::digest::Digest;
use contract::fact::FactValue;
use contract::incident::What;
use contract::runbook::TargetOs;
use contract::runbook::{Catalogue, CatalogueFile};
use contract::signal::{About, Signal, SignalKind};
use planner::{Misfit, Rules, SHIPPED, decide, plan};

fn beside(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

fn baseline() -> Baseline {
    Baseline::parse("hipaa-v1.yaml", &std::fs::read_to_string(beside("baseline/hipaa-v1.yaml")).unwrap())
        .unwrap()
}

fn runbook(file: &str, text: &str) -> CatalogueFile {
    CatalogueFile { file: file.to_owned(), text: text.to_owned() }
}

fn catalogue_of(files: Vec<CatalogueFile>) -> Catalogue {
    Catalogue::parse(&Catalogue::bundle(files).unwrap()).unwrap()
}

fn catalogue() -> Catalogue {
    let files = std::fs::read_dir(beside("runbooks")).unwrap().map(|entry| {
        let path = entry.unwrap().path();
        runbook(path.file_name().unwrap().to_str().unwrap(), &std::fs::read_to_string(&path).unwrap())
    });
    catalogue_of(files.collect())
}

fn rules(text: &str) -> Rules {
    Rules::parse("rules.yaml", text).unwrap()
}

fn drift(control: &Control) -> What {
    What::Drift {
        control: control.id.clone(),
        fact: control.observe.clone(),
        observed: FactValue::Flag(false),
    }
}

fn signal(kind: SignalKind) -> What {
    What::Signal(Signal {
        detector: "auth.failed-logins".parse().unwrap(),
        kind,
        severity: Severity::Low,
        count: 9,
        window_s: 60,
        about: About::default(),
    })
}

/// The shipped runbook for Suture's own directories alone, and one control fewer.
fn own_only() -> Catalogue {
    const FILE: &str = "RB-FILE-001-own-directories.yaml";
    let text = std::fs::read_to_string(beside("runbooks").join(FILE)).unwrap();
    let fewer = text.replace("  - suture.agent-keys\n", "");
    assert_ne!(text, fewer);
    catalogue_of(vec![runbook(FILE, &fewer)])
}

/// The same, with a runbook for Debian.
fn with_ssh() -> Catalogue {
    const OWN: &str = "RB-FILE-001-own-directories.yaml";
    const SSH: &str = "RB-SSH-001-log-in.yaml";
    let read = |file: &str| std::fs::read_to_string(beside("runbooks").join(file)).unwrap();
    let fewer = read(OWN).replace("  - suture.agent-keys\n", "");
    catalogue_of(vec![runbook(OWN, &fewer), runbook(SSH, &read(SSH))])
}

#[test]
fn every_control_is_decided_as_the_baseline_says() {
    let (baseline, catalogue) = (baseline(), catalogue());
    let rules = Rules::parse(SHIPPED.0, SHIPPED.1).unwrap();
    rules.fit(&baseline, &catalogue).unwrap();
    for control in baseline.controls() {
        let decision = decide(&drift(control), Some(TargetOs::Debian), &rules, &catalogue);
        let expected = match &control.runbook {
            Some(runbook) => Choice::Run(runbook.clone()),
            None => Choice::Escalate(Escalation::NoRule),
        };
        assert_eq!(decision.choice, expected, "{}", control.id);
        assert_eq!(
            decide(&drift(control), Some(TargetOs::Debian), &rules, &catalogue),
            decision,
            "a decision cannot be made again"
        );
    }
}

#[test]
fn a_decision_names_its_rule_and_its_tables_bytes() {
    let text = "rules:\n- { id: own, os: linux, priority: 100, when: { controls: [suture.evidence-directory] }, run: RB-FILE-001-own-directories }\n";
    let control = baseline().control(&"suture.evidence-directory".parse().unwrap()).unwrap().clone();
    let decision = decide(&drift(&control), None, &rules(text), &own_only());
    let table = Digest::of(text.as_bytes());
    assert_eq!(decision.provenance, Provenance::Rules { table, rule: Some("own".to_owned()) });
    assert_eq!(decision.choice, Choice::Run("RB-FILE-001-own-directories".parse().unwrap()));
}

#[test]
fn where_rules_are_silent_or_disagree_a_person_decides() {
    let what = signal(SignalKind::FailedLogins);
    let one = "- { id: one, os: linux, priority: 100, when: { detectors: [auth.failed-logins] }, run: RB-FILE-001-own-directories }\n";
    let same = "- { id: same, os: linux, priority: 100, when: { detectors: [auth.failed-logins] }, run: RB-FILE-001-own-directories }\n";
    let other = "- { id: other, os: linux, priority: 100, when: { detectors: [auth.failed-logins] }, run: RB-X-001-x }\n";
    let deaf = "- { id: deaf, os: linux, priority: 100, when: { controls: [auth.failed-logins] }, run: RB-X-001-x }\n";
    let check = |text: &[&str], expected: Choice| {
        let rules = rules(&format!("rules:\n{}", text.concat()));
        assert_eq!(decide(&what, None, &rules, &own_only()).choice, expected, "{text:?}");
    };
    let run = Choice::Run("RB-FILE-001-own-directories".parse().unwrap());
    check(&[one], run.clone());
    check(&[one, same], run.clone());
    check(&[deaf, one], run);
    check(&[deaf], Choice::Escalate(Escalation::NoRule));
    check(&[other], Choice::Escalate(Escalation::RunbookMissing));
    check(&[one, other], Choice::Escalate(Escalation::RulesDisagree));
    check(&[other, one], Choice::Escalate(Escalation::RulesDisagree));
    let person = "- { id: person, os: linux, priority: 100, when: { kinds: [failed_logins] }, person: Somebody knows. }\n";
    let too = "- { id: too, os: linux, priority: 100, when: { detectors: [auth.failed-logins] }, person: Somebody else knows. }\n";
    check(&[person], Choice::Escalate(Escalation::ByRule));
    check(&[person, too], Choice::Escalate(Escalation::ByRule));
    check(&[person, one], Choice::Escalate(Escalation::RulesDisagree));
}

#[test]
fn every_kind_of_signal_is_handed_to_a_person_by_one_rule() {
    let rules = Rules::parse(SHIPPED.0, SHIPPED.1).unwrap();
    for kind in SignalKind::ALL {
        let what = signal(kind);
        assert_eq!(rules.iter().filter(|rule| rule.when.matches(&what)).count(), 1, "{kind}");
        assert_eq!(
            decide(&what, None, &rules, &catalogue()).choice,
            Choice::Escalate(Escalation::ByRule),
            "{kind}"
        );
    }
}

#[test]
fn a_table_that_makes_no_sense_is_refused_with_its_line() {
    let rule = "- { id: a, os: linux, priority: 100, when: { controls: [x.y] }, run: RB-X-001-x }\n";
    let cases = [
        ("rules: []\n", "rules.yaml:1", "empty"),
        ("", "rules.yaml", ""),
        (&format!("rules:\n{rule}{rule}"), "rules.yaml:3", "twice"),
        (
            "rules:\n- { id: a, os: linux, priority: 100, when: { controls: [] }, run: RB-X-001-x }\n",
            "rules.yaml:2",
            "empty",
        ),
        (
            "rules:\n- { id: a, os: linux, priority: 100, when: { controls: [x, x] }, run: RB-X-001-x }\n",
            "rules.yaml:2",
            "x twice",
        ),
        ("rules:\n- { id: a, os: linux, priority: 100, when: {}, run: RB-X-001-x }\n", "rules.yaml:2", ""),
        ("rules:\n- { id: a, os: linux, priority: 1, run: RB-X-001-x }\n", "rules.yaml:2", "when"),
        (
            "rules:\n- { id: a, os: linux, priority: 100, when: { hosts: [x] }, run: RB-X-001-x }\n",
            "rules.yaml:2",
            "hosts",
        ),
        (
            "rules:\n- { id: a, os: linux, priority: 100, when: { controls: [x] }, run: rm -rf, with: 1 }\n",
            "rules.yaml:2",
            "",
        ),
        (
            "rules:\n- { id: a, os: linux, priority: 100, when: { kinds: [x] }, person: y }\n",
            "rules.yaml:2",
            "unknown variant",
        ),
        (
            "rules:\n- { id: a, os: linux, priority: 100, when: { kinds: [clock] } }\n",
            "rules.yaml:2",
            "and not both",
        ),
        (
            "rules:\n- { id: a, os: linux, priority: 100, when: { kinds: [clock] }, person: ' ' }\n",
            "rules.yaml:2",
            "and not both",
        ),
        (
            "rules:\n- { id: a, os: linux, priority: 100, when: { kinds: [clock] }, person: y, run: RB-X-001-x }\n",
            "rules.yaml:2",
            "and not both",
        ),
        ("rules:\n- { id: a, priority: 1, when: { kinds: [clock] }, person: y }\n", "rules.yaml:2", "os"),
        ("rules:\n- { id: a, os: linux, when: { kinds: [clock] }, person: y }\n", "rules.yaml:2", "priority"),
        (
            "rules:\n- { id: A!, os: linux, priority: 100, when: { controls: [x] }, run: RB-X-001-x }\n",
            "rules.yaml:2",
            "rule's id",
        ),
    ];
    for (text, place, word) in cases {
        let refusal = Rules::parse("rules.yaml", text).unwrap_err().to_string();
        assert!(refusal.starts_with(place) && refusal.contains(word), "{text:?}: {refusal}");
    }
}

type Expected = fn(&Misfit) -> bool;

#[test]
fn a_rule_that_could_never_be_carried_out_is_found_before_the_first_incident() {
    let misfit = |text: &str| rules(text).fit(&baseline(), &with_ssh()).unwrap_err();
    let run = "run: RB-FILE-001-own-directories";
    let cases: [(&str, String, Expected); 9] = [
        ("unknown control", format!("controls: [no.such] }}, {run}"), |m| matches!(m, Misfit::NoControl(_))),
        ("another's control", format!("controls: [ssh.root-login] }}, {run}"), |m| {
            matches!(m, Misfit::NotTheBaselines { .. })
        }),
        ("not triggered", format!("controls: [suture.agent-keys] }}, {run}"), |m| {
            matches!(m, Misfit::NotTriggered { .. })
        }),
        ("unknown runbook", "controls: [files.passwd] }, run: RB-X-001-x".to_owned(), |m| {
            matches!(m, Misfit::NoRunbook(_))
        }),
        ("another system", "controls: [ssh.root-login] }, run: RB-SSH-001-log-in".to_owned(), |m| {
            matches!(m, Misfit::OtherSystem { .. })
        }),
        ("a kind", format!("kinds: [clock] }}, {run}"), |m| matches!(m, Misfit::NothingToMeasure)),
        ("a person for no control", "controls: [no.such] }, person: y".to_owned(), |m| {
            matches!(m, Misfit::NoControl(_))
        }),
        ("a person for what is repaired", "controls: [files.passwd] }, person: y".to_owned(), |m| {
            matches!(m, Misfit::NotTheBaselines { .. })
        }),
        ("a signal", format!("detectors: [a.b] }}, {run}"), |m| matches!(m, Misfit::NothingToMeasure)),
    ];
    for (name, rule, expected) in cases {
        let error = misfit(&format!("rules:\n- {{ id: a, os: linux, priority: 100, when: {{ {rule} }}\n"));
        assert!(expected(&error.misfit), "{name}: {error}");
        assert!(error.to_string().starts_with("rules.yaml:2: rule a: "), "{error}");
    }
}

#[test]
fn a_runbook_that_names_a_control_of_no_baseline_is_found_before_it_runs() {
    const FILE: &str = "RB-FILE-001-own-directories.yaml";
    let text = std::fs::read_to_string(beside("runbooks").join(FILE)).unwrap();
    let rule = "rules:\n- { id: a, os: linux, priority: 100, when: { controls: [suture.evidence-directory] }, run: RB-FILE-001-own-directories }\n";
    for (from, to) in [
        ("steps:\n", "preconditions: [{ passes: no.such }]\nsteps:\n"),
        ("check: failed_control", "check: failed_control, also: [no.such]"),
        ("steps:\n", "steps:\n  - check: { control: no.such }\n"),
    ] {
        assert!(text.contains(from), "{from}");
        let changed = text.replace(from, to);
        let asks = if to.contains("- check:") { "[file.restore, check]" } else { "[file.restore]" };
        let changed = changed.replace("[file.restore]", asks);
        let error = rules(rule).fit(&baseline(), &catalogue_of(vec![runbook(FILE, &changed)])).unwrap_err();
        assert!(matches!(&*error.misfit, Misfit::NamesNoControl { .. }), "{to}: {error}");
    }
}

#[test]
fn a_condition_that_contradicts_itself_or_says_nothing_is_refused_with_its_line() {
    let cases = [
        ("kinds: [clock], controls: [x.y]", "exactly one"),
        ("controls: [x.y], count_at_least: 3", "about signals"),
        ("controls: [x.y], units: [nginx.service]", "about signals"),
        ("kinds: [clock], observed: { flag: true }", "about controls"),
        ("kinds: [clock], severity_at_least: low", "says nothing"),
        ("kinds: [clock], count_at_least: 1", "says nothing"),
        ("kinds: [clock], percent_at_least: 90, percent_at_most: 80", "nothing is between"),
        ("kinds: [clock], percent_at_least: 101", "above anything"),
        ("kinds: [clock], days_at_least: 9, days_at_most: 8", "nothing is between"),
        ("controls: [x.y], observed: { number: { at_least: 2, at_most: 1 } }", "nothing is between"),
        ("controls: [x.y], observed: { number: {} }", "says nothing"),
        ("controls: [x.y], observed: { words: [] }", "empty"),
        ("controls: [x.y], observed: { words: [a, a] }", "a twice"),
        ("controls: [x.y], observed: {}", ""),
        ("kinds: [clock], units: []", "empty"),
        ("kinds: [clock], units: [nginx.service, nginx.service]", "twice"),
        ("kinds: [clock], mounts: [not a mount]", "mount"),
    ];
    for (when, word) in cases {
        let text = format!("rules:\n- {{ id: a, os: linux, priority: 1, when: {{ {when} }}, person: y }}\n");
        let refusal = Rules::parse("rules.yaml", &text).unwrap_err().to_string();
        assert!(refusal.starts_with("rules.yaml:2") && refusal.contains(word), "{when}: {refusal}");
    }
    for (field, wrong) in
        [("priority: 1,", "priority: 0,"), ("priority: 1,", "priority: 1001,"), ("os: linux", "os: windows")]
    {
        let text = "rules:\n- { id: a, os: linux, priority: 1, when: { kinds: [clock] }, person: y }\n";
        let refusal = Rules::parse("rules.yaml", &text.replace(field, wrong)).unwrap_err().to_string();
        assert!(refusal.starts_with("rules.yaml:2"), "{wrong}: {refusal}");
    }
}

#[test]
fn a_condition_narrows_by_what_was_seen() {
    let drift = |observed: FactValue| What::Drift {
        control: "x.y".parse().unwrap(),
        fact: "disk:fullest_percent".parse().unwrap(),
        observed,
    };
    let word = |w: &str| FactValue::Word(w.to_owned().try_into().unwrap());
    let told = |severity, count, about: About| {
        What::Signal(Signal {
            detector: "a.b".parse().unwrap(),
            kind: SignalKind::DiskFull,
            severity,
            count,
            window_s: 60,
            about,
        })
    };
    let about = || About {
        unit: "nginx.service".parse().ok(),
        mount: "/var".parse().ok(),
        percent: Some(90),
        days: Some(7),
        ..About::default()
    };
    let full = || told(Severity::High, 5, about());
    let bare = || told(Severity::High, 5, About::default());
    let cases = [
        ("controls: [x.y], observed: { flag: true }", drift(FactValue::Flag(true)), true),
        ("controls: [x.y], observed: { flag: true }", drift(FactValue::Flag(false)), false),
        ("controls: [x.y], observed: { flag: true }", drift(FactValue::Number(1)), false),
        ("controls: [x.y], observed: { number: { at_least: 90 } }", drift(FactValue::Number(90)), true),
        ("controls: [x.y], observed: { number: { at_least: 90 } }", drift(FactValue::Number(89)), false),
        ("controls: [x.y], observed: { number: { at_most: 5 } }", drift(FactValue::Number(6)), false),
        ("controls: [x.y], observed: { words: [a, b] }", drift(word("b")), true),
        ("controls: [x.y], observed: { words: [a, b] }", drift(word("c")), false),
        ("kinds: [disk_full], severity_at_least: high", full(), true),
        ("kinds: [disk_full], severity_at_least: critical", full(), false),
        ("detectors: [a.b], count_at_least: 5", full(), true),
        ("detectors: [a.b], count_at_least: 6", full(), false),
        ("kinds: [disk_full], units: [nginx.service]", full(), true),
        ("kinds: [disk_full], units: [ssh.service]", full(), false),
        ("kinds: [disk_full], units: [nginx.service]", bare(), false),
        ("kinds: [disk_full], mounts: [/, /var]", full(), true),
        ("kinds: [disk_full], mounts: [/]", full(), false),
        ("kinds: [disk_full], percent_at_least: 90", full(), true),
        ("kinds: [disk_full], percent_at_least: 91", full(), false),
        ("kinds: [disk_full], percent_at_least: 1", bare(), false),
        ("kinds: [disk_full], days_at_most: 7", full(), true),
        ("kinds: [disk_full], days_at_most: 6", full(), false),
        ("kinds: [disk_full], days_at_most: 9", bare(), false),
    ];
    for (when, what, expected) in cases {
        let rules =
            rules(&format!("rules:\n- {{ id: a, os: linux, priority: 1, when: {{ {when} }}, person: y }}\n"));
        let matches = !rules.heard(&what, TargetOs::Debian).is_empty();
        assert_eq!(matches, expected, "{when}: {what:?}");
    }
}
