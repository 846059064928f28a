//! The lint, with a bad table for each thing that it finds; and what is shipped, with none.

use contract::runbook::TargetOs;
use planner::{Finding, Flaw, Knowledge, KnownDetector, Misfit, lint};

use super::*;

fn known() -> Vec<KnownDetector> {
    decisions::detectors()
        .into_iter()
        .map(|d| KnownDetector { id: d.id, kind: d.kind, severity: d.severity })
        .collect()
}

fn found(text: &str) -> Vec<Finding> {
    let (rules, baseline, catalogue) = (rules(text), baseline(), catalogue());
    lint(&Knowledge { rules: &rules, baseline: &baseline, catalogue: &catalogue }, &known())
}

/// A rule that hands a signal or a control to a person, with a case that holds.
fn person(id: &str, priority: u16, when: &str, case: &str) -> String {
    format!(
        "- {{ id: {id}, os: linux, priority: {priority}, when: {{ {when} }}, person: y, tests: [{{ {case}, matches: true }}] }}\n"
    )
}

const LOGINS: &str = "signal: ssh.failed-logins, kind: failed_logins, severity: medium, count: 9, on: linux";
const UID: &str = "drift: accounts.uid-zero, observed: { number: 2 }, on: linux";

#[test]
fn nothing_is_wrong_with_what_is_shipped() {
    let findings: Vec<String> = found(SHIPPED.1).iter().map(ToString::to_string).collect();
    assert_eq!(findings, Vec::<String>::new());
    let rules = rules(SHIPPED.1);
    assert!(rules.iter().all(|rule| u16::from(rule.priority) == 100));
}

type Expected = fn(&Flaw) -> bool;

/// The one finding of the table, which must be about its last rule.
fn check(name: &str, table: &[String], expected: Expected) {
    let text = format!("rules:\n{}", table.concat());
    let findings = found(&text);
    let [finding] = findings.as_slice() else { panic!("{name}: {findings:?}") };
    assert!(expected(&finding.flaw), "{name}: {finding}");
    let line = text.lines().position(|l| l.contains(&format!("id: {},", finding.rule))).unwrap() + 1;
    let told = finding.to_string();
    assert!(told.starts_with(&format!("rules.yaml:{line}: rule {}: ", finding.rule)), "{told}");
}

#[test]
fn a_rule_that_can_never_match_is_found() {
    let rule = |when: &str, case: &str| vec![person("a", 100, when, case)];
    check(
        "a control of no baseline",
        &rule("controls: [no.such]", "drift: no.such, observed: { flag: true }, on: linux"),
        |f| matches!(f, Flaw::Misfit(m) if matches!(**m, Misfit::NoControl(_))),
    );
    check(
        "a detector that is not there",
        &rule("detectors: [no.such]", &LOGINS.replace("ssh.failed-logins", "no.such")),
        |f| matches!(f, Flaw::NoDetector(_)),
    );
    check(
        "a value that passes",
        &rule(
            "controls: [accounts.uid-zero], observed: { number: { at_least: 1, at_most: 1 } }",
            &UID.replace('2', "1"),
        ),
        |f| matches!(f, Flaw::NeverSeen(_)),
    );
    check(
        "a value of another kind",
        &rule(
            "controls: [accounts.uid-zero], observed: { flag: false }",
            "drift: accounts.uid-zero, observed: { flag: false }, on: linux",
        ),
        |f| matches!(f, Flaw::NeverSeen(_)),
    );
    check(
        "more severe than any",
        &rule(
            "detectors: [ssh.failed-logins], severity_at_least: critical",
            &LOGINS.replace("medium", "critical"),
        ),
        |f| matches!(f, Flaw::NeverSoSevere(_)),
    );
    assert_eq!(
        found(&format!(
            "rules:\n{}",
            person("a", 100, "controls: [accounts.uid-zero], observed: { number: { at_least: 2 } }", UID)
        )),
        []
    );
}

#[test]
fn a_kind_that_no_detector_tells_is_found() {
    let text = format!(
        "rules:\n{}",
        person("a", 100, "kinds: [power]", "signal: a.b, kind: power, severity: low, count: 9, on: linux")
    );
    let (rules, baseline, catalogue) = (rules(&text), baseline(), catalogue());
    let knowledge = Knowledge { rules: &rules, baseline: &baseline, catalogue: &catalogue };
    let without: Vec<KnownDetector> = known().into_iter().filter(|d| d.kind != SignalKind::Power).collect();
    assert!(matches!(
        &lint(&knowledge, &without)[..],
        [Finding { flaw: Flaw::NoDetectorOfKind(SignalKind::Power), line: 2, .. }]
    ));
    assert_eq!(lint(&knowledge, &known()), []);
}

#[test]
fn a_rule_for_systems_that_its_runbook_or_no_runbook_serves_is_found() {
    let ssh = |os: &str| {
        vec![format!(
            "- {{ id: a, os: {os}, priority: 100, when: {{ controls: [ssh.root-login] }}, run: RB-SSH-001-log-in, tests: [{{ drift: ssh.root-login, observed: {{ word: \"yes\" }}, on: {os}, matches: true }}] }}\n"
        )]
    };
    let other: Expected = |f| matches!(f, Flaw::Misfit(m) if matches!(**m, Misfit::OtherSystem { target: TargetOs::Debian, .. }));
    check("every Linux", &ssh("linux"), other);
    check("nixos", &ssh("nixos"), other);
    assert_eq!(found(&format!("rules:\n{}", ssh("debian")[0])), []);

    let text = std::fs::read_to_string(beside("runbooks/RB-SSH-001-log-in.yaml")).unwrap();
    let debian_only = catalogue_of(vec![runbook("RB-SSH-001-log-in.yaml", &text)]);
    let (rules, baseline) = (rules(&format!("rules:\n{}", ssh("nixos")[0])), baseline());
    let knowledge = Knowledge { rules: &rules, baseline: &baseline, catalogue: &debian_only };
    assert!(matches!(
        &lint(&knowledge, &known())[..],
        [Finding { flaw: Flaw::NoRunbookServes(TargetOs::Nixos), .. }]
    ));
}

#[test]
fn a_rule_that_is_never_heard_is_found() {
    let low = person("low", 10, "controls: [accounts.uid-zero, accounts.umask]", UID);
    let one = person("one", 20, "controls: [accounts.uid-zero]", UID);
    let umask = "drift: accounts.umask, observed: { number: 2 }, on: linux";
    let two = person("two", 30, "controls: [accounts.umask]", umask);
    let both = person("both", 40, "controls: [accounts.umask, accounts.uid-zero]", umask);
    check("by one", &[both.clone(), low.clone()], |f| matches!(f, Flaw::Shadowed(_)));
    check("by several together", &[one.clone(), two, low.clone()], |f| matches!(f, Flaw::ShadowedByMany(_)));
    assert_eq!(found(&format!("rules:\n{one}{low}")), [], "half of it is heard");
    let debian = both.replace("os: linux", "os: debian").replace("on: linux", "on: debian");
    assert_eq!(found(&format!("rules:\n{debian}{low}")), [], "elsewhere it is heard");
    let one_low = person("low", 10, "controls: [accounts.uid-zero]", UID);
    let three = "drift: accounts.uid-zero, observed: { number: 3 }, on: linux";
    let narrow = "controls: [accounts.uid-zero], observed: { number: { at_least: 3 } }";
    let narrow = person("narrow", 40, narrow, three);
    assert_eq!(found(&format!("rules:\n{narrow}{one_low}")), [], "otherwise it is heard");

    // A detector's signals have its kind.
    let kind = person("kind", 20, "kinds: [failed_logins]", LOGINS);
    let detector =
        |narrow: &str| person("detector", 10, &format!("detectors: [ssh.failed-logins]{narrow}"), LOGINS);
    check("by its kind", &[kind, detector("")], |f| matches!(f, Flaw::Shadowed(_)));
    let wide = person(
        "wide",
        20,
        "kinds: [failed_logins], count_at_least: 5, percent_at_most: 90",
        &format!("{LOGINS}, percent: 3"),
    );
    assert_eq!(found(&format!("rules:\n{wide}{}", detector(""))), []);
    check(
        "by wider bounds",
        &[
            wide,
            detector(", count_at_least: 6, percent_at_most: 80")
                .replace("linux, matches", "linux, percent: 3, matches"),
        ],
        |f| matches!(f, Flaw::Shadowed(_)),
    );
}

#[test]
fn a_rule_that_another_of_its_priority_always_contradicts_is_found() {
    let run = "- { id: run, os: linux, priority: 100, when: { controls: [suture.agent-keys, suture.executor-keys] }, run: RB-FILE-001-own-directories, tests: [{ drift: suture.agent-keys, observed: { flag: true }, on: linux, matches: true }] }\n".to_owned();
    let keys = "drift: suture.agent-keys, observed: { flag: true }, on: nixos";
    let person = person("hand", 100, "controls: [suture.agent-keys]", keys).replace("os: linux", "os: nixos");
    check("hand", &[run, person], |f| matches!(f, Flaw::AlwaysDisagrees(id) if id.as_str() == "run"));
}

#[test]
fn a_rule_for_everything_is_found() {
    let controls: Vec<String> =
        baseline().controls().iter().filter(|c| c.runbook.is_none()).map(|c| c.id.to_string()).collect();
    let text = std::fs::read_to_string(beside("baseline/hipaa-v1.yaml")).unwrap();
    assert!(text.contains("runbook: RB-"));
    let unrepaired: String =
        text.lines().filter(|l| !l.trim().starts_with("runbook: ")).fold(String::new(), |t, l| t + l + "\n");
    let baseline = Baseline::parse("b.yaml", &unrepaired).unwrap();
    let all: Vec<String> = baseline.controls().iter().map(|c| c.id.to_string()).collect();
    assert!(controls.len() < all.len());
    let of = |controls: &[String]| {
        let rules = rules(&format!(
            "rules:\n{}",
            person("a", 100, &format!("controls: [{}]", controls.join(", ")), UID)
        ));
        lint(&Knowledge { rules: &rules, baseline: &baseline, catalogue: &catalogue() }, &known())
    };
    assert!(matches!(&of(&all)[..], [Finding { flaw: Flaw::MatchesEverything("control"), line: 2, .. }]));
    assert_eq!(of(&all[1..]).len(), usize::from(!all[1..].contains(&"accounts.uid-zero".to_owned())));

    let kinds: Vec<String> = SignalKind::ALL.iter().map(ToString::to_string).collect();
    let every = |narrow: &str| [person("a", 100, &format!("kinds: [{}]{narrow}", kinds.join(", ")), LOGINS)];
    check("every kind", &every(""), |f| matches!(f, Flaw::MatchesEverything("kind of signal")));
    assert_eq!(found(&format!("rules:\n{}", every(", count_at_least: 9")[0])), []);
    let detectors: Vec<String> = known().iter().map(|d| d.id.to_string()).collect();
    check(
        "every detector",
        &[person("a", 100, &format!("detectors: [{}]", detectors.join(", ")), LOGINS)],
        |f| matches!(f, Flaw::MatchesEverything("detector")),
    );
}

#[test]
fn a_rule_without_a_case_or_with_one_that_does_not_hold_is_found() {
    let rule = person("a", 100, "controls: [accounts.uid-zero]", UID);
    let without = rule.replace(&format!(", tests: [{{ {UID}, matches: true }}]"), "");
    assert_ne!(rule, without);
    check("none", &[without], |f| *f == Flaw::NoTest);
    let denied =
        rule.replace("matches: true", "matches: false").replace("uid-zero, observed", "umask, observed");
    check("only where it does not match", &[denied], |f| *f == Flaw::NoTest);
    let wrong = rule.replace(
        "}] }",
        "}, { drift: accounts.umask, observed: { number: 2 }, on: linux, matches: true }] }",
    );
    check("a case that does not match", &[wrong], |f| *f == Flaw::TestFails { expected: true });
    let told = rule.replace("}] }", &format!("}}, {{ {UID}, matches: false }}] }}"));
    check("a case that matches", &[told], |f| *f == Flaw::TestFails { expected: false });
    // On the line of the case itself.
    let spread = "rules:\n- id: a\n  os: debian\n  priority: 1\n  when: { controls: [accounts.uid-zero] }\n  person: y\n  tests:\n    - { drift: accounts.uid-zero, observed: { number: 2 }, on: debian, matches: true }\n    - { drift: accounts.uid-zero, observed: { number: 2 }, on: nixos, matches: true }\n";
    let findings = found(spread);
    assert!(
        matches!(&findings[..], [Finding { flaw: Flaw::TestFails { expected: true }, line: 9, .. }]),
        "{findings:?}"
    );
}
