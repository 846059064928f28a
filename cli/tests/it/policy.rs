//! `suture policy`, as a process: what it says, and the status that a script sees. No hub and no executor is needed.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const POLICY: &str = "\
policy: 1
name: clinic
rules:
  - id: restart
    match: { verbs: [unit.restart], units: [cron.service, auditd.service] }
    except: [{ tags: [reception] }]
    answer: allow
    why: a restart loses nothing
  - id: look
    match: { actors: [person] }
    answer: require_review
    why: a second pair of eyes
";

fn suture(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_suture")).arg("policy").args(arguments).output().unwrap()
}

/// Status, standard output, standard error.
fn said(arguments: &[&str]) -> (i32, String, String) {
    let output = suture(arguments);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn json(arguments: &[&str]) -> (i32, serde_json::Value) {
    let (status, out, _) = said(arguments);
    assert_eq!(out.lines().count(), 1, "{out}");
    (status, serde_json::from_str(&out).unwrap())
}

fn file(dir: &Path, name: &str, text: &str) -> String {
    let path: PathBuf = dir.join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn check_names_the_place_of_what_is_wrong() {
    let dir = tempfile::tempdir().unwrap();
    let good = file(dir.path(), "good.yaml", POLICY);
    let (status, out, _) = said(&["check", &good]);
    assert_eq!(status, 0);
    assert!(out.contains("policy clinic can be read: 2 rules, 0 warnings, sha256:"), "{out}");

    let bad = file(
        dir.path(),
        "bad.yaml",
        &POLICY.replace("    why: a second", "    colour: red\n    why: a second"),
    );
    let (status, out, err) = said(&["check", &bad]);
    assert_eq!((status, out.as_str()), (65, ""));
    assert!(err.starts_with(&format!("suture: {bad}:12:5: ")) && err.contains("colour"), "{err}");
    let (status, told) = json(&["check", &bad, "--json"]);
    assert_eq!(
        (status, &told["ok"], &told["line"], &told["column"]),
        (65, &false.into(), &12.into(), &5.into())
    );

    let odd = file(dir.path(), "odd.yaml", &POLICY.replace("actors: [person]", "actors: []"));
    let (status, out, _) = said(&["check", &odd]);
    assert_eq!(status, 0, "a warning is no refusal");
    assert!(out.contains(&format!("{odd}:9:5: warning: rule look: a list is empty")), "{out}");
    let (_, told) = json(&["check", &odd, "--json"]);
    assert_eq!(told["warnings"][0]["line"], 9);

    let (status, _, err) = said(&["check", dir.path().join("none.yaml").to_str().unwrap()]);
    assert_eq!(status, 66, "{err}");
}

#[test]
fn explain_says_which_phase_and_which_rules() {
    let dir = tempfile::tempdir().unwrap();
    let policy = file(dir.path(), "policy.yaml", POLICY);
    let ask = |resource: &str, more: &[&str]| {
        let mut arguments = vec!["explain", &policy, "--verb", "unit.restart", "--resource", resource];
        arguments.extend(["--runbook", "RB-SERVICE-001-restart"]);
        arguments.extend(more);
        let (status, out, err) = said(&arguments);
        assert_eq!(status, 0, "{err}");
        out
    };
    let out = ask("cron.service", &[]);
    assert!(out.starts_with("allow  control of cron.service\n"), "{out}");
    assert!(out.contains(&format!("{policy}:4: restart answers allow: a restart loses nothing")), "{out}");
    assert!(out.contains("1 of 2 rules do not match"), "{out}");
    assert!(!out.contains('\x1b'), "there is no terminal: {out:?}");

    let out = ask("cron.service", &["--tag", "reception", "--all"]);
    assert!(out.starts_with("deny  "), "{out}");
    assert!(out.contains("because: no rule matched"), "{out}");
    assert!(out.contains("restart matches and abstains: exception 1"), "{out}");
    assert!(out.contains("look does not match: actors"), "{out}");

    assert!(ask("cron.service", &["--actor", "person:ada"]).starts_with("review  "));
    let out = ask("suture-executor.service", &["--actor", "person:ada"]);
    assert!(
        out.contains("ended by a built-in") && out.contains("the executor's units are untouchable"),
        "{out}"
    );
    assert!(ask("/var/lib/x/../suture/evidence", &[]).contains("the evidence is untouchable"));
    assert!(ask("var/lib", &[]).contains("the path cannot be placed: it is relative"));
    let out = ask("own:evidence", &[]);
    assert!(out.starts_with("allow  tighten_own") && out.contains("built in:"), "{out}");

    let arguments = ["--verb", "unit.explode", "--resource", "cron.service", "--runbook", "RB-X-1", "--json"];
    let (_, told) = json(&[&["explain", &policy][..], &arguments].concat());
    assert_eq!(told["explanation"]["answer"], "deny");
    assert_eq!(
        (&told["explanation"]["phase"], &told["explanation"]["reasons"][0]),
        (&"question".into(), &"unknown_verb".into())
    );
}

#[test]
fn what_cannot_be_asked_is_wrong_usage() {
    let dir = tempfile::tempdir().unwrap();
    let policy = file(dir.path(), "policy.yaml", POLICY);
    for (flag, value) in
        [("--resource", "cron"), ("--size", "500"), ("--actor", "anybody"), ("--operation", "break")]
    {
        let mut arguments = vec!["explain", &policy, "--verb", "unit.restart", "--runbook", "RB-X-1"];
        if flag != "--resource" {
            arguments.extend(["--resource", "cron.service"]);
        }
        arguments.extend([flag, value]);
        let (status, _, err) = said(&arguments);
        assert_eq!(status, 2, "{flag} {value}: {err}");
    }
}

/// A decision on one unit, as the log exports it.
fn decision(unit: &str) -> String {
    let digest = format!("sha256:{}", "0".repeat(64));
    serde_json::json!({
        "request": {
            "verb": "unit.restart", "operation": "control", "resource": { "unit": unit },
            "runbook": "RB-SERVICE-001-restart", "actor": "hub",
        },
        "answer": "allow", "reasons": [{ "rule": "restart" }], "policy": digest,
    })
    .to_string()
}

#[test]
fn diff_tells_rules_and_decisions_and_fails_on_what_breaks() {
    let dir = tempfile::tempdir().unwrap();
    let old = file(dir.path(), "old.yaml", POLICY);
    let same = file(
        dir.path(),
        "same.yaml",
        &POLICY.replace("[cron.service, auditd.service]", "[auditd.service, cron.service]"),
    );
    let (status, out, _) = said(&["diff", &old, &same]);
    assert_eq!(status, 0);
    assert!(out.contains("the rules mean the same") && out.contains("nothing was replayed"), "{out}");

    let fewer = POLICY.replace("cron.service, ", "").replace("id: look", "id: look-twice");
    let new = file(dir.path(), "new.yaml", &fewer);
    let decisions = format!("{}\n{}\n", decision("cron.service"), decision("auditd.service"));
    let decisions = file(dir.path(), "decisions.ndjson", &decisions);
    let (status, out, err) = said(&["diff", &old, &new, "--decisions", &decisions]);
    assert_eq!(status, 3, "{out}{err}");
    assert!(
        out.contains("- look\n") && out.contains("+ look-twice\n") && out.contains("~ restart\n"),
        "{out}"
    );
    assert!(out.contains("breaking  allow → deny  unit.restart of cron.service"), "{out}");
    assert!(out.contains("1 of 2 replayed decisions would be others, 1 of them breaking"), "{out}");
    assert!(err.contains("1 of 2 replayed decisions would turn from allow to deny"), "{err}");
    // The other way round nothing breaks.
    let (status, told) = json(&["diff", &new, &old, "--decisions", &decisions, "--json"]);
    assert_eq!((status, &told["breaking"], &told["changes"][0]["shift"]), (0, &0.into(), &"milder".into()));

    let many: String = (0..8).map(|_| decision("cron.service") + "\n").collect();
    let many = file(dir.path(), "many.ndjson", &many);
    let (status, out, _) = said(&["diff", &old, &new, "--decisions", &many]);
    assert_eq!(status, 3);
    assert!(out.contains("somebody will have to type: deny 8 of clinic"), "{out}");

    let broken =
        file(dir.path(), "broken.ndjson", &format!("{}\n{{\"request\": 1}}\n", decision("a.service")));
    let (status, _, err) = said(&["diff", &old, &new, "--decisions", &broken]);
    assert_eq!(status, 65);
    assert!(err.contains(&format!("{broken}:2:")), "{err}");
}
