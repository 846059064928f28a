#![allow(clippy::unwrap_used, reason = "a failed expectation is the test's own message")]

use contract::decision::Escalation;

use super::*;
use crate::shipped;

const DRIFT: &str =
    r#"{"drift":{"control":"ssh.root-login","fact":"sshd:permitrootlogin","observed":{"word":"yes"}}}"#;
const OTHER: &str =
    r#"{"drift":{"control":"no.such","fact":"sshd:permitrootlogin","observed":{"word":"yes"}}}"#;
const SIGNAL: &str = r#"{"signal":{"detector":"malware.found","kind":"malware","severity":"critical","count":1,"window_s":60}}"#;

fn line(id: &str, os: &str, what: &str, right: &str, acceptable: &str, must: bool) -> String {
    let label = format!(r#"{{"right":"{right}","acceptable":[{acceptable}],"must_escalate":{must}}}"#);
    format!("{{\"id\":\"{id}\",\"os\":\"{os}\",\"what\":{what},\"label\":{label},\"why\":\"It is so.\"}}\n")
}

fn baseline() -> Baseline {
    Baseline::parse(shipped::BASELINE.0, shipped::BASELINE.1).unwrap()
}

fn run(runbook: &str) -> Choice {
    Choice::Run(runbook.parse().unwrap())
}

fn person() -> Choice {
    Choice::Escalate(Escalation::NoRule)
}

/// The outcome of one answer to one line.
fn outcome_of(line: &str, choice: &Choice) -> Outcome {
    let set = LabelledSet::parse("set.jsonl", line).unwrap();
    evaluate(&set, &baseline(), |_, _| choice.clone()).answers[0].outcome
}

#[test]
fn each_answer_comes_to_what_its_label_says() {
    let repairable = line("a", "debian", DRIFT, "RB-A-001-a", r#""RB-A-002-b""#, false);
    let tolerable = line("a", "debian", DRIFT, "escalate", r#""RB-A-002-b""#, false);
    let must = line("a", "debian", SIGNAL, "escalate", "", true);
    for (line, choice, expected) in [
        (&repairable, run("RB-A-001-a"), Outcome::Right),
        (&repairable, run("RB-A-002-b"), Outcome::Acceptable),
        (&repairable, run("RB-A-003-c"), Outcome::WrongAction),
        (&repairable, person(), Outcome::Missed),
        (&tolerable, run("RB-A-002-b"), Outcome::Acceptable),
        (&tolerable, run("RB-A-001-a"), Outcome::WrongAction),
        (&tolerable, person(), Outcome::RightlyEscalated),
        (&must, run("RB-A-002-b"), Outcome::WrongAction),
        (&must, person(), Outcome::RightlyEscalated),
    ] {
        assert_eq!(outcome_of(line, &choice), expected, "{line} {choice:?}");
    }
}

#[test]
fn every_figure_has_its_numerator_and_denominator() {
    let text = [
        line("right", "debian", DRIFT, "RB-A-001-a", "", false),
        line("missed", "debian", DRIFT, "RB-A-001-a", "", false),
        line("acceptable", "nixos", DRIFT, "RB-A-001-a", r#""RB-B-001-b""#, false),
        line("wrong", "nixos", OTHER, "RB-B-001-b", "", false),
        line("broken-in", "linux", SIGNAL, "escalate", "", true),
        line("looked-at", "linux", SIGNAL, "escalate", "", true),
        line("weighed", "linux", SIGNAL, "escalate", r#""RB-B-001-b""#, false),
    ];
    let set = LabelledSet::parse("set.jsonl", &text.concat()).unwrap();
    let answers = ["RB-A-001-a", "", "RB-B-001-b", "RB-A-001-a", "RB-A-001-a", "", ""];
    let mut answers = answers.iter();
    let mut asked = Vec::new();
    let evaluation = evaluate(&set, &baseline(), |_, os| {
        asked.push(os.unwrap());
        let answer = answers.next().unwrap();
        if answer.is_empty() { person() } else { run(answer) }
    });
    let (linux, debian, nixos) = (TargetOs::Linux, TargetOs::Debian, TargetOs::Nixos);
    assert_eq!(asked, [debian, debian, nixos, nixos, linux, linux, linux]);
    let total = Tally { right: 1, acceptable: 1, wrong_action: 2, missed: 1, rightly_escalated: 2 };
    assert_eq!(evaluation.total, total);
    assert_eq!(total.accuracy(), Share { part: 3, of: 7 });
    assert_eq!(total.wrong_actions(), Share { part: 2, of: 7 });
    assert_eq!(total.escalated(), Share { part: 3, of: 7 });
    assert_eq!(total.escalated_needlessly(), Share { part: 1, of: 3 });
    assert_eq!(total.wrong_actions().to_string(), "2 of 7 (28.6 %)");
    let of_os = [
        ("debian", Tally { right: 1, missed: 1, ..Tally::default() }),
        ("linux", Tally { wrong_action: 1, rightly_escalated: 2, ..Tally::default() }),
        ("nixos", Tally { acceptable: 1, wrong_action: 1, ..Tally::default() }),
    ];
    assert_eq!(evaluation.by_os, BTreeMap::from(of_os));
    let of_severity = [
        ("critical", Tally { wrong_action: 1, rightly_escalated: 2, ..Tally::default() }),
        ("high", Tally { right: 1, acceptable: 1, missed: 1, ..Tally::default() }),
        (UNKNOWN, Tally { wrong_action: 1, ..Tally::default() }),
    ];
    assert_eq!(evaluation.by_severity, BTreeMap::from(of_severity));
    let cells: Vec<_> =
        evaluation.confusion.iter().map(|c| (c.right.as_str(), c.picked.as_str(), c.times)).collect();
    let expected = [
        ("A", "A", 1),
        ("A", "B", 1),
        ("A", ESCALATE, 1),
        ("B", "A", 1),
        (ESCALATE, ESCALATE, 1),
        (MUST_ESCALATE, "A", 1),
        (MUST_ESCALATE, ESCALATE, 1),
    ];
    assert_eq!(cells, expected);
    let wrong: Vec<_> = evaluation
        .answers
        .iter()
        .filter(|answer| answer.outcome == Outcome::WrongAction)
        .map(|answer| (answer.line, answer.id.as_str()))
        .collect();
    assert_eq!(wrong, [(4, "wrong"), (5, "broken-in")]);
}

#[test]
fn a_share_of_nothing_is_said_to_be_one() {
    assert_eq!(Tally::default().accuracy().to_string(), "0 of 0");
}

#[test]
fn a_set_that_makes_no_sense_is_refused_with_its_line() {
    let good = line("good", "debian", DRIFT, "escalate", "", true);
    let bad = |text: String| format!("{good}{text}");
    let plain = |right: &str, acceptable: &str, must| line("x", "debian", DRIFT, right, acceptable, must);
    for (text, expected) in [
        (String::new(), "set.jsonl:1: the set holds no incident"),
        (bad("\n".to_owned()), "set.jsonl:2: column 0"),
        (bad(good.clone()), "set.jsonl:2: good appears twice"),
        (bad(plain("RB-A-001-a", "", true)), "set.jsonl:2: a person must look"),
        (bad(plain("escalate", r#""RB-A-001-a""#, true)), "set.jsonl:2: a person must look"),
        (bad(plain("RB-A-001-a", r#""RB-A-001-a""#, false)), "set.jsonl:2: RB-A-001-a is named twice"),
        (
            bad(plain("escalate", r#""RB-A-001-a","RB-A-001-a""#, false)),
            "set.jsonl:2: RB-A-001-a is named twice",
        ),
        (bad(plain("perhaps", "", false)), "neither a runbook's id"),
        (bad(plain("escalate", "", false).replace("debian", "windows")), "set.jsonl:2: column"),
        (bad(plain("escalate", "", false).replace("\"why\"", "\"y\":1,\"why\"")), "unknown field"),
        (bad(plain("escalate", "", false).replace("It is so.", " ")), "set.jsonl:2: `why` is empty"),
        (bad(line(" ", "debian", DRIFT, "escalate", "", true)), "set.jsonl:2: `id` is empty"),
        (bad(plain("escalate", "", false).replace("\"word\"", "\"wort\"")), "unknown variant"),
    ] {
        let refusal = LabelledSet::parse("set.jsonl", &text).unwrap_err().to_string();
        assert!(refusal.contains(expected), "{text}: {refusal}");
    }
}

#[test]
fn a_label_by_which_nobody_could_be_measured_is_refused_with_its_line() {
    let catalogue = contract::runbook::Catalogue::parse(
        &contract::runbook::Catalogue::bundle(shipped::runbooks()).unwrap(),
    )
    .unwrap();
    let refusal = |right: &str, acceptable: &str, os: &str| {
        let text = line("x", os, DRIFT, right, acceptable, false);
        LabelledSet::parse("set.jsonl", &text).unwrap().fit(&catalogue).map_err(|error| error.to_string())
    };
    assert_eq!(refusal("RB-SSH-001-log-in", "", "debian"), Ok(()));
    let unknown = "set.jsonl:1: the catalogue holds no runbook RB-SSH-009-log-in".to_owned();
    assert_eq!(refusal("RB-SSH-009-log-in", "", "debian"), Err(unknown));
    let homeless = "set.jsonl:1: RB-SSH-001-log-in is not written for nixos".to_owned();
    assert_eq!(refusal("escalate", r#""RB-SSH-001-log-in""#, "nixos"), Err(homeless));
}
