//! Files that are refused, each with the place; and which way doubt counts.

use policy::{Answer, Measures, Operation, Policy, PolicyError, Resource};

use super::given::{answer, ask, engine, path, prune, restart, rule, verbs};

/// Refusal of a policy with these rules, written out.
fn refusal(text: &str) -> (u64, u64, String) {
    match Policy::parse("clinic.yaml", text, &verbs()) {
        Err(PolicyError::Yaml(e)) => (e.line, e.column, e.message),
        Err(PolicyError::Meaning { line, column, fault, .. }) => (line, column, fault.to_string()),
        Ok(_) => panic!("it was taken:\n{text}"),
    }
}

/// A policy of one rule, whose lines 5 to 9 are these.
fn one(lines: &str) -> String {
    format!("policy: 1\nname: clinic\nrules:\n  - id: a\n{lines}")
}

const REST: &str = "    answer: allow\n    why: a test\n";

#[test]
fn case_28_an_unknown_key_in_a_rule_or_at_the_top() {
    let top = "policy: 1\nname: clinic\nmode: lax\nrules: []\n";
    let (line, column, what) = refusal(top);
    assert_eq!((line, column), (3, 1), "{what}");
    for (lines, place) in [
        (format!("    match: {{ actors: [hub] }}\n{REST}    unless: x\n"), (8, 5)),
        (format!("    match:\n      actors: [hub]\n      hosts: [x]\n{REST}"), (7, 7)),
        (format!("    match: {{ actors: [hub] }}\n    except:\n      - host: [x]\n{REST}"), (7, 9)),
    ] {
        let (line, column, what) = refusal(&one(&lines));
        assert_eq!((line, column), place, "{what}");
    }
    let shown = Policy::parse("clinic.yaml", top, &verbs()).unwrap_err().to_string();
    assert!(shown.starts_with("clinic.yaml:3:1: ") && shown.contains("mode"), "{shown}");
}

#[test]
fn case_29_except_on_a_deny_rule() {
    let lines =
        "    match: { actors: [hub] }\n    except: [{ tags: [x] }]\n    answer: deny\n    why: a test\n";
    let (line, column, what) = refusal(&one(lines));
    assert_eq!((line, column), (6, 13), "{what}");
    assert!(what.contains("a deny takes no except"), "{what}");
}

#[test]
fn case_30_an_empty_except() {
    for except in ["[]", "", "[{}]", "[{ tags: [] }]", "[{ tags: [x] }, {}]", "~"] {
        let lines = format!("    match: {{ actors: [hub] }}\n    except: {except}\n{REST}");
        let (line, _, what) = refusal(&one(&lines));
        assert_eq!(line, 6, "{except:?}: {what}");
    }
}

#[test]
fn case_37_a_size_or_time_without_its_unit() {
    for (value, column) in [
        ("size_max: 500", 24),
        ("size_max: 500 kib", 24),
        ("size_max: 500 kB", 24),
        ("size_max: 500 Mib", 24),
        ("size_max: '500'", 24),
        ("size_max: 7 d", 24),
        ("age_min: 7", 23),
        ("age_min: 7 D", 23),
        ("age_min: 7 days", 23),
        ("age_min: 1 MiB", 23),
        ("size_max:", 0),
        ("count_max: 20 B", 25),
    ] {
        let (line, found, what) = refusal(&one(&format!("    match: {{ {value} }}\n{REST}")));
        assert_eq!(line, 5, "{value}: {what}");
        assert!(column == 0 || found == column - 1 || found == column, "{value}: column {found}: {what}");
    }
    // KiB is not KB, and both are taken as what they are.
    for (unit, within) in [("KiB", Answer::Allow), ("KB", Answer::Deny)] {
        let engine = engine(&[rule("a", &format!("verbs: [files.prune], size_max: 1 {unit}"), "allow", &[])]);
        let mut request = prune("/srv/x");
        request.measures.size_bytes = Some(1024);
        assert_eq!(answer(&engine, &request).0, within, "{unit}");
    }
}

#[test]
fn what_makes_no_sense_is_refused_where_it_stands() {
    for (lines, line, expected) in [
        (format!("    match: {{}}\n{REST}"), 5, "the rule would be for everything"),
        (format!("    match: {{ verbs: [unit.explode] }}\n{REST}"), 5, "unit.explode is not a verb"),
        (format!("    match: {{ paths: [/a/../b] }}\n{REST}"), 5, "spelt in the one way"),
        (format!("    match: {{ paths: [a/b] }}\n{REST}"), 5, "relative"),
        (format!("    match: {{ paths: ['/a/*/b'] }}\n{REST}"), 5, "only pattern"),
        (format!("    match: {{ paths: ['/a/**/b'] }}\n{REST}"), 5, "only pattern"),
        (format!("    match: {{ units: ['app*.service'] }}\n{REST}"), 5, "only pattern"),
        (format!("    match: {{ units: [cron] }}\n{REST}"), 5, "full name of a unit"),
        (format!("    match: {{ actors: [person:Ä] }}\n{REST}"), 5, "a person"),
        (format!("    match: {{ actors: [anybody] }}\n{REST}"), 5, "an actor is"),
        (format!("    match: {{ own: [attic] }}\n{REST}"), 5, "own directories"),
        (format!("    match: {{ runbooks: ['RB/x'] }}\n{REST}"), 5, "runbook"),
        (format!("    match: {{ paths: [/a], units: [b.service] }}\n{REST}"), 5, "2 kinds"),
        ("    match: { actors: [hub] }\n    answer: allow\n    why: ''\n".to_owned(), 7, "plain words"),
        ("    match: { actors: [hub] }\n    answer: maybe\n    why: x\n".to_owned(), 6, "maybe"),
        (
            format!("    match: {{ actors: [hub] }}\n{REST}  - id: a\n    match: {{ tags: [x] }}\n{REST}"),
            8,
            "twice",
        ),
        (format!("    match: {{ actors: [hub] }}\n    answer: allow\n{REST}"), 7, "duplicate"),
    ] {
        let (found, _, what) = refusal(&one(&lines));
        assert_eq!(found, line, "{what}\n{lines}");
        assert!(what.contains(expected), "{what}\n{lines}");
    }
    assert_eq!(refusal("policy: 2\nname: clinic\nrules: []\n").0, 1);
    assert!(Policy::parse("x", "policy: 1\nname: clinic\n", &verbs()).is_err(), "no rules at all was taken");
}

/// `units:` with nothing behind it is an empty list, never a match without units.
#[test]
fn a_key_without_a_value_never_matches() {
    let engine = engine(&[rule("a", "verbs: [unit.restart], units: ", "allow", &[])]);
    assert_eq!(engine.policy().warnings().len(), 1);
    assert_eq!(answer(&engine, &restart("cron.service")).0, Answer::Deny);
}

#[test]
fn patterns_match_what_they_say() {
    let restart_of = |unit: &str, units: &str| {
        answer(&engine(&[rule("a", &format!("units: ['{units}']"), "allow", &[])]), &restart(unit)).0
    };
    assert_eq!(restart_of("backup@home.service", "backup@*.service"), Answer::Allow);
    assert_eq!(restart_of("backup@a@b.service", "backup@*.service"), Answer::Allow);
    for other in ["backup@home.timer", "backup.service", "backups@home.service", "backup@.service"] {
        assert_eq!(restart_of(other, "backup@*.service"), Answer::Deny, "{other}");
    }
    let everything = engine(&[rule("a", "paths: [/**]", "allow", &[])]);
    assert_eq!(answer(&everything, &prune("/srv")).0, Answer::Allow);
}

#[test]
fn what_is_not_measured_never_helps() {
    let small = "verbs: [files.prune], size_max: 1 MiB, age_min: 7 d, count_max: 20";
    let known = Measures { size_bytes: Some(1 << 20), age_ms: Some(7 * 86_400_000), count: Some(20) };
    let said = |answered: &str, except: &[&str], measures| {
        let allow = rule("all", "verbs: [files.prune]", "allow", &[]);
        let rules = [
            rule("small", if except.is_empty() { small } else { "verbs: [files.prune]" }, answered, except),
            allow,
        ];
        let rules = if answered == "allow" { &rules[..1] } else { &rules[..] };
        let mut request = prune("/srv/x");
        request.measures = measures;
        answer(&engine(rules), &request).0
    };
    let unknown = Measures { age_ms: None, ..known };
    let large = Measures { size_bytes: Some((1 << 20) + 1), ..known };
    let excepting = ["size_max: 1 MiB, age_min: 7 d, count_max: 20"];
    assert_eq!(
        [known, unknown, large].map(|m| said("allow", &[], m)),
        [Answer::Allow, Answer::Deny, Answer::Deny]
    );
    assert_eq!(
        [known, unknown, large].map(|m| said("deny", &[], m)),
        [Answer::Deny, Answer::Deny, Answer::Allow]
    );
    assert_eq!(
        [known, unknown, large].map(|m| said("require_review", &[], m)),
        [Answer::Review, Answer::Review, Answer::Allow]
    );
    assert_eq!(
        [known, unknown, large].map(|m| said("allow", &excepting, m)),
        [Answer::Deny, Answer::Deny, Answer::Allow]
    );
    assert_eq!(
        [known, unknown, large].map(|m| said("require_review", &excepting, m)),
        [Answer::Allow, Answer::Review, Answer::Review]
    );
}

#[test]
fn deleting_a_directory_is_deleting_what_lies_in_it() {
    let rules = [
        rule("all", "paths: [/srv/**]", "allow", &["paths: [/srv/spool/keep]"]),
        rule("patients", "paths: [/srv/data/patients/**]", "deny", &[]),
        rule("look", "paths: [/srv/app/config]", "require_review", &[]),
    ];
    let engine = engine(&rules);
    let said =
        |operation, text: &str| answer(&engine, &ask("files.prune", operation, Resource::Path(path(text)))).0;
    for operation in [Operation::Delete, Operation::Rename] {
        assert_eq!(said(operation, "/srv/data"), Answer::Deny);
        assert_eq!(said(operation, "/srv/data/patients"), Answer::Deny);
        assert_eq!(said(operation, "/srv/app"), Answer::Review);
        assert_eq!(said(operation, "/srv/spool"), Answer::Deny, "the exception lies in it");
        assert_eq!(said(operation, "/srv/datas"), Answer::Allow);
    }
    assert_eq!(said(Operation::Chmod, "/srv/data"), Answer::Allow, "a mode is the directory's own");
    assert_eq!(said(Operation::Write, "/srv/spool/x"), Answer::Allow);
}
