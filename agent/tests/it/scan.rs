//! `suture-agent scan`, as a process.

use std::path::Path;
use std::process::Command;

use crate::rig::machine::Machine;

/// Exit code, standard output, standard error.
fn scan(arguments: &[&str]) -> (Option<i32>, String, String) {
    let out = Command::new(env!("CARGO_BIN_EXE_suture-agent")).arg("scan").args(arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (out.status.code(), text(&out.stdout), text(&out.stderr))
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A machine whose baseline speaks of its one watched file, and the path of that baseline.
fn machine() -> (Machine, std::path::PathBuf) {
    let machine = Machine::new();
    let path = machine.path("baseline.yaml");
    std::fs::write(&path, machine.baseline()).unwrap();
    (machine, path)
}

#[test]
fn recorded_facts_give_the_same_table_again() {
    let (machine, baseline) = machine();
    machine.chmod("watched", 0o644);
    let facts = machine.path("facts.json");
    let (code, table, _) = scan(&["--baseline", text(&baseline), "--record", text(&facts)]);
    assert_eq!(code, Some(1), "{table}");
    assert!(table.contains("files.watched              164.312(c)(1)  FAIL          0644"), "{table}");
    // Nobody has declared where the directories are: that is neither a pass nor a fail.
    assert!(
        table.contains("suture.evidence-directory  164.312(c)(1)  not assessed  not declared"),
        "{table}"
    );
    assert!(table.ends_with("0 of 1 assessed pass; coverage 1 of 2\n"), "{table}");
    assert!(!table.contains('\x1b'), "colours without a terminal");

    machine.chmod("watched", 0o600);
    let (code, again, _) = scan(&["--baseline", text(&baseline), "--facts", text(&facts)]);
    assert_eq!((code, again), (Some(1), table));
    let (code, now, _) = scan(&["--baseline", text(&baseline)]);
    assert!(code == Some(0) && now.ends_with("1 of 1 assessed pass; coverage 1 of 2\n"), "{now}");
}

#[test]
fn json_holds_the_findings_and_their_numbers() {
    let (_machine, baseline) = machine();
    let (code, out, _) = scan(&["--baseline", text(&baseline), "--json"]);
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(code, Some(0));
    assert_eq!(json["tally"], serde_json::json!({"pass": 1, "fail": 0, "excepted": 0, "not_assessed": 1}));
    assert_eq!(json["findings"].as_array().unwrap().len(), 2);
}

#[test]
fn an_exception_excuses_and_does_not_pass() {
    let (machine, baseline) = machine();
    machine.chmod("watched", 0o644);
    let today: String = edge::clock::utc().to_string().chars().take(10).collect();
    let exceptions = machine.path("exceptions.yaml");
    let one = |control: &str| {
        format!(
            "- control: {control}\n  reason: r\n  risk: r\n  compensating_controls: [c]\n  owner: A\n  approver: B\n  from: {today}\n  until: {today}\n"
        )
    };
    std::fs::write(&exceptions, one("files.watched")).unwrap();
    let arguments = ["--baseline", text(&baseline), "--exceptions", text(&exceptions)];
    let (code, table, _) = scan(&arguments);
    assert!(code == Some(0) && table.contains("excepted"), "{table}");
    assert!(table.ends_with("0 of 1 assessed pass; coverage 1 of 2\n"), "{table}");

    std::fs::write(&exceptions, one("no.such")).unwrap();
    let (code, _, said) = scan(&arguments);
    assert!(
        code == Some(2) && said.contains("exceptions.yaml:1: the baseline has no control no.such"),
        "{said}"
    );
}

#[test]
fn a_scan_that_could_assess_nothing_is_no_success() {
    let (machine, baseline) = machine();
    let facts = machine.path("facts.json");
    std::fs::write(&facts, "{}").unwrap();
    let arguments = ["--baseline", text(&baseline), "--facts", text(&facts)];
    let (code, table, said) = scan(&arguments);
    assert!(code == Some(3) && table.ends_with("coverage 0 of 2\n"), "{table}{said}");
    assert_eq!(scan(&[arguments.as_slice(), &["--json"]].concat()).0, Some(3));
    let (_, help, _) = scan(&["--help"]);
    assert!(help.contains("3 where nothing at all could be assessed"), "{help}");
}

#[test]
fn bad_input_ends_with_2_and_names_its_place() {
    let (machine, baseline) = machine();
    let bad = machine.path("bad.yaml");
    std::fs::write(&bad, machine.baseline().replace("severity: high", "severity: dire")).unwrap();
    let (code, _, said) = scan(&["--baseline", text(&bad)]);
    assert!(code == Some(2) && said.contains("bad.yaml:9:15:"), "{said}");

    let facts = machine.path("facts.json");
    std::fs::write(&facts, "{\"own:evidence\": {\"value\": 7}}").unwrap();
    let (code, _, said) = scan(&["--baseline", text(&baseline), "--facts", text(&facts)]);
    assert!(code == Some(2) && said.contains("facts.json:1:"), "{said}");

    assert_eq!(scan(&[]).0, Some(2));
    assert_eq!(scan(&["--baseline", "/nonexistent/b.yaml"]).0, Some(2));
}
