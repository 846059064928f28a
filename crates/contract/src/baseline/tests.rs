//! A baseline is refused as a whole, with its place; a pass needs a value that was seen.

use super::*;
use crate::fact::{Absence, FactValue, FileKind, FileMode, Permissions};
use crate::finding::Tally;

const ONE: &str = r#"name: sample
version: 1
controls:
  - id: ssh.root-login
    title: Root cannot log in
    area: ssh
    observe: sshd:permitrootlogin
    expect: { word: "no" }
    severity: high
    citations: ["164.312(d)"]
    why: A shared account identifies nobody.
    nixos: { options: ['services.openssh.settings.PermitRootLogin = "no"'] }
"#;

const ALL_ABSENCES: [Absence; 9] = [
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

fn number(n: i64) -> FactValue {
    FactValue::Number(n)
}

fn word(w: &str) -> FactValue {
    FactValue::Word(Word::try_from(w.to_owned()).unwrap())
}

fn directory(mode: &str, uid: u32) -> FactValue {
    let mode = FileMode::try_from(mode.to_owned()).unwrap();
    FactValue::Permissions(Permissions { kind: FileKind::Directory, mode, uid, gid: 0 })
}

fn baseline(text: &str) -> Result<Baseline, BaselineError> {
    Baseline::parse("b.yaml", text)
}

fn expecting(expectation: &str) -> Control {
    baseline(&ONE.replace("{ word: \"no\" }", expectation)).unwrap().controls()[0].clone()
}

const USERS: Users = Users { agent: 7, executor: 8 };

fn now() -> UtcTime {
    "2026-11-21T00:00:00.000Z".parse().unwrap()
}

#[test]
fn a_sound_baseline_answers_by_id_and_names_its_facts() {
    let b = baseline(ONE).unwrap();
    assert_eq!((b.name().as_str(), b.version(), b.controls().len()), ("sample", 1, 1));
    assert!(b.control(&"ssh.root-login".parse().unwrap()).is_some());
    assert!(b.control(&"ssh.other".parse().unwrap()).is_none());
    assert_eq!(b.facts(), ["sshd:permitrootlogin".parse().unwrap()]);
    assert_eq!(b.digest(), Digest::of(ONE.as_bytes()));
}

#[test]
fn what_makes_no_sense_is_refused_with_its_line() {
    let item = &ONE[ONE.find("  - id").unwrap()..];
    let cases = [
        ("name: s\nversion: 1\ncontrols: []\n".to_owned(), "b.yaml:3: the list of controls is empty"),
        (format!("{ONE}{item}"), "b.yaml:13: control ssh.root-login appears twice"),
        (ONE.replace("[\"164.312(d)\"]", "[]"), "b.yaml:4: control ssh.root-login cites nothing"),
        (
            ONE.replace("[\"164.312(d)\"]", "[\"164.312(d)\", \"164.312(d)\"]"),
            "b.yaml:4: control ssh.root-login cites 164.312(d) twice",
        ),
        (
            ONE.replace("{ word: \"no\" }", "{ between: { low: 2, high: 1 } }"),
            "b.yaml:4: control ssh.root-login expects",
        ),
        (ONE.replace("{ word: \"no\" }", "{ one_of: [] }"), "b.yaml:4: control ssh.root-login expects"),
        (ONE.replace("Root cannot log in", "\"\""), "b.yaml:4: control ssh.root-login: title and why"),
        (
            ONE.replace(
                "{ options: ['services.openssh.settings.PermitRootLogin = \"no\"'] }",
                "{ options: [] }",
            ),
            "b.yaml:4: control ssh.root-login names no NixOS option",
        ),
        (format!("{ONE}    person: ''\n"), "b.yaml:4: control ssh.root-login: `person` is one line"),
        (
            format!("{ONE}    person: Somebody knows.\n    runbook: RB-SSH-001-log-in\n"),
            "b.yaml:4: control ssh.root-login: `person` is one line",
        ),
    ];
    for (text, message) in cases {
        let said = baseline(&text).unwrap_err().to_string();
        assert!(said.starts_with(message), "{said}");
    }
}

#[test]
fn what_is_badly_written_is_refused_with_line_and_column() {
    let cases = [
        (ONE.replace("severity: high", "severity: grave"), 9),
        (ONE.replace("area: ssh", "area: shoes"), 6),
        (ONE.replace("164.312(d)", "164.412(d)"), 10),
        (ONE.replace("sshd:permitrootlogin", "nowhere:permitrootlogin"), 7),
        (ONE.replace("severity: high", "severity: high\n    weight: 3"), 10),
        (ONE.replace("{ word: \"no\" }", "{ sentence: \"no\" }"), 8),
        (ONE.replace("'services.openssh.settings.PermitRootLogin = \"no\"'", "openssh"), 12),
        (ONE.replace("    runbook: x\n", ""), 0),
        (String::new(), 1),
    ];
    for (text, line) in cases {
        match baseline(&text) {
            Ok(_) => assert_eq!(line, 0, "taken:\n{text}"),
            Err(BaselineError::Yaml(e)) => {
                assert!(e.line == line && e.column > 0, "{e} is not at line {line}");
            }
            Err(other) => panic!("{other}"),
        }
    }
}

#[test]
fn each_expectation_is_met_by_its_own_kind_of_value_only() {
    let ports = |p: &[u16]| FactValue::Ports(p.to_vec());
    let agent = "{ permissions: { kind: directory, mode_within: \"0700\", owner: agent } }";
    let executor = "{ permissions: { kind: directory, mode_within: \"0700\", owner: executor } }";
    let root = "{ permissions: { kind: directory, mode_within: \"0755\", owner: root } }";
    let table = [
        ("{ flag: true }", FactValue::Flag(true), FactValue::Flag(false)),
        ("{ equals: 5 }", number(5), number(6)),
        ("{ at_least: 5 }", number(5), number(4)),
        ("{ at_most: 5 }", number(5), number(6)),
        ("{ between: { low: 1, high: 900 } }", number(900), number(0)),
        ("{ word: \"no\" }", word("no"), word("No")),
        ("{ one_of: [INFO, VERBOSE] }", word("INFO"), word("QUIET")),
        ("{ ports_within: [22] }", ports(&[]), ports(&[22, 23])),
        (agent, directory("0700", 7), directory("0700", 8)),
        (executor, directory("0700", 8), directory("0700", 7)),
        (root, directory("0755", 0), directory("0755", 7)),
    ];
    for (expectation, good, bad) in &table {
        let control = expecting(expectation);
        assert_eq!(control.judge(&Ok(good.clone()), USERS), Verdict::Pass(good.clone()), "{expectation}");
        assert_eq!(control.judge(&Ok(bad.clone()), USERS), Verdict::Fail(bad.clone()), "{expectation}");
        for (_, other, _) in &table {
            if std::mem::discriminant(other) != std::mem::discriminant(good) {
                let verdict = control.judge(&Ok(other.clone()), USERS);
                assert_eq!(verdict, Verdict::NotAssessed(Absence::Malformed), "{expectation} judged {other}");
            }
        }
    }
}

#[test]
fn a_directory_fails_by_mode_kind_and_owner_each_alone() {
    let control = expecting("{ permissions: { kind: directory, mode_within: \"0700\", owner: agent } }");
    let FactValue::Permissions(mut file) = directory("0700", 7) else { panic!("not permissions") };
    file.kind = FileKind::Symlink;
    for bad in [directory("0701", 7), directory("0700", 8), FactValue::Permissions(file)] {
        assert_eq!(control.judge(&Ok(bad.clone()), USERS), Verdict::Fail(bad));
    }
    assert_eq!(control.expected_text(), "directory, at most 0700, of the agent's user");
}

#[test]
fn an_absent_fact_is_never_judged() {
    for absence in ALL_ABSENCES {
        assert_eq!(expecting("{ flag: false }").judge(&Err(absence), USERS), Verdict::NotAssessed(absence));
    }
    let findings = baseline(ONE).unwrap().evaluate(&FactSet::default(), &Exceptions::default(), now(), USERS);
    let tally = Tally::of(&findings);
    assert_eq!((tally.pass, tally.fail, tally.not_assessed), (0, 0, 1));
}

#[test]
fn an_exception_in_force_excuses_a_fail_and_nothing_else() {
    let text = "- control: ssh.root-login\n  reason: r\n  risk: r\n  compensating_controls: [c]\n  owner: A\n  approver: B\n  from: 2026-11-20\n  until: 2026-11-21\n";
    let exceptions = Exceptions::parse("e.yaml", text).unwrap();
    let b = baseline(ONE).unwrap();
    let verdict = |seen: Result<FactValue, Absence>, now| {
        let mut facts = FactSet::default();
        facts.insert("sshd:permitrootlogin".parse().unwrap(), seen);
        b.evaluate(&facts, &exceptions, now, USERS)[0].verdict.clone()
    };
    let later = now().plus_ms(24 * 60 * 60 * 1000);
    assert_eq!(verdict(Ok(word("yes")), now()), Verdict::Excepted(word("yes")));
    assert_eq!(verdict(Ok(word("yes")), later), Verdict::Fail(word("yes")));
    assert_eq!(verdict(Ok(word("no")), now()), Verdict::Pass(word("no")));
    assert_eq!(verdict(Err(Absence::NeedsRoot), now()), Verdict::NotAssessed(Absence::NeedsRoot));
}

#[test]
fn an_option_name_keeps_the_dots_within_its_quotes() {
    let a = Assignment::try_from("boot.kernel.sysctl.\"kernel.kptr_restrict\" = 2".to_owned()).unwrap();
    assert_eq!(a.parts(), ["boot", "kernel", "sysctl", "kernel.kptr_restrict"]);
    assert_eq!(a.value(), "2");
    for bad in ["", "a.b", "a = 1", "a..b = 1", "a.\"b = 1", "a.b = ", "a b.c = 1"] {
        assert!(Assignment::try_from(bad.to_owned()).is_err(), "{bad:?} was taken");
    }
}
