//! `suture planner` over what is shipped and over spoilt files. No hub is needed.

use std::fs;
use std::path::{Path, PathBuf};

use contract::runbook::Catalogue;
use planner::shipped::{BASELINE, INCIDENTS, RULES};
use planner::{Case, Knowledge, Rules, consider, shipped};
use serde_json::Value;
use tempfile::TempDir;

use crate::runbooks::{json, said, suture};

fn path(of: &Path) -> &str {
    of.to_str().unwrap()
}

fn file(dir: &TempDir, name: &str, text: &str) -> PathBuf {
    let path = dir.path().join(name);
    fs::write(&path, text).unwrap();
    path
}

/// The shipped rules, with the runbook for Debian's log-in settings answering on every system.
fn wrong_rules() -> String {
    let debian = "  - id: ssh-log-in\n    os: debian\n";
    assert!(RULES.1.contains(debian));
    RULES.1.replace(debian, &debian.replace("debian", "linux"))
}

fn of<'a>(told: &'a Value, planner: &str) -> &'a Value {
    told["planners"].as_array().unwrap().iter().find(|one| one["planner"] == planner).unwrap()
}

#[test]
fn the_shipped_rules_hold_their_bar_and_each_figure_has_its_denominator() {
    let told = json(&["planner", "eval", "--json"], 0);
    let all = told["incidents"].as_u64().unwrap();
    assert!(all >= 240, "{all}");
    let rules = of(&told, "rules");
    assert_eq!(rules["wrong_actions"], serde_json::json!({ "part": 0, "of": all }));
    assert_eq!(rules["held"], true);
    assert_eq!(rules["answers"].as_array().unwrap().len() as u64, all);
    assert!(of(&told, "similarity")["wrong_actions"]["part"].as_u64().unwrap() > 0);
    let (code, words) = said(&suture(&["planner", "eval"]));
    assert_eq!(code, Some(0), "{words}");
    let none = format!("wrong actions      0 of {all} (0.0 %)");
    assert!(words.contains(&none) && words.contains("must-escalate"), "{words}");
}

#[test]
fn a_wrong_rule_misses_the_bar_and_ends_with_1() {
    let dir = TempDir::new().unwrap();
    let rules = file(&dir, "rules.yaml", &wrong_rules());
    let (code, words) = said(&suture(&["planner", "eval", "--rules", path(&rules)]));
    assert_eq!(code, Some(1), "{words}");
    assert!(words.contains("rules: 3 wrong actions, at most 0 may be"), "{words}");
    assert!(
        words.contains("ssh.root-login.nixos.not-written-for-it: RB-SSH-001-log-in in place of escalate")
    );
    let told = json(&["planner", "eval", "--rules", path(&rules), "--json"], 1);
    assert_eq!(of(&told, "rules")["held"], false);
}

#[test]
fn a_set_that_is_refused_ends_with_65_and_its_line_and_none_with_66() {
    let dir = TempDir::new().unwrap();
    let first = INCIDENTS.1.lines().next().unwrap();
    for (text, place) in [
        (format!("{first}\n{{}}\n"), "set.jsonl:2: "),
        (format!("{first}\n{first}\n"), "appears twice"),
        (first.replace("RB-SSH-001-log-in", "RB-SSH-009-x"), "holds no runbook RB-SSH-009-x"),
        (String::new(), "holds no incident"),
    ] {
        let set = file(&dir, "set.jsonl", &text);
        let (code, words) = said(&suture(&["planner", "eval", "--set", path(&set)]));
        assert_eq!(code, Some(65), "{words}");
        assert!(words.contains(place), "{words}");
    }
    for option in ["--set", "--rules", "--baseline", "--runbooks"] {
        let (code, words) = said(&suture(&["planner", "eval", option, "no-such.yaml"]));
        assert!(matches!(code, Some(65 | 66)) && words.contains("no-such.yaml"), "{option}: {words}");
    }
}

#[test]
fn the_shipped_rules_have_no_flaw_and_a_flaw_is_told_with_its_line() {
    let told = json(&["planner", "lint", "--json"], 0);
    assert_eq!(told["findings"], serde_json::json!([]));
    assert!(told["rules"].as_u64().unwrap() > 20 && told["detectors"].as_u64().unwrap() > 40, "{told}");
    let dir = TempDir::new().unwrap();
    let rules = file(&dir, "rules.yaml", &wrong_rules());
    let (code, words) = said(&suture(&["planner", "lint", "--rules", path(&rules)]));
    assert_eq!(code, Some(65), "{words}");
    let place = RULES.1.lines().position(|line| line.contains("- id: ssh-log-in")).unwrap() + 1;
    let expected = format!("rules.yaml:{place}: rule ssh-log-in: the rule speaks for linux");
    assert!(words.contains(&expected), "{words}");
    // With fewer detectors a rule of kinds is about nothing.
    let some = Path::new(env!("CARGO_MANIFEST_DIR")).join("../agent/detectors/time.yaml");
    let (code, words) = said(&suture(&["planner", "lint", "--detectors", path(&some)]));
    assert_eq!(code, Some(65), "{words}");
    assert!(words.contains("no detector tells signals of kind malware"), "{words}");
}

/// A decision as a hub would write it down, by these rules.
fn line(rules: &str) -> String {
    let rules = Rules::parse("rules.yaml", rules).unwrap();
    let baseline = contract::baseline::Baseline::parse(BASELINE.0, BASELINE.1).unwrap();
    let catalogue = Catalogue::parse(&Catalogue::bundle(shipped::runbooks()).unwrap()).unwrap();
    let knowledge = Knowledge { rules: &rules, baseline: &baseline, catalogue: &catalogue };
    let first: Value = serde_json::from_str(INCIDENTS.1.lines().next().unwrap()).unwrap();
    let at = contract::time::UtcTime::from_unix_ms(1_780_272_000_000).unwrap();
    let case = Case {
        incident: "i-1".parse().unwrap(),
        host: "h-1".parse().unwrap(),
        what: serde_json::from_value(first["what"].clone()).unwrap(),
        os: Some(contract::runbook::TargetOs::Debian),
        found: at,
        now: at,
        open: Vec::new(),
        hosts: Vec::new(),
        past: Vec::new(),
    };
    planner::line(&case, &consider(&case, &knowledge), &knowledge).unwrap()
}

#[test]
fn decisions_are_made_again_and_one_that_was_altered_ends_with_1() {
    let dir = TempDir::new().unwrap();
    let (same, other) = (line(RULES.1), line(&format!("{}# ours\n", RULES.1)));
    let both = file(&dir, "both.jsonl", &format!("{same}\n{other}\n"));
    let told = json(&["planner", "replay", path(&both), "--json"], 0);
    assert_eq!(told, serde_json::json!({ "same": 1, "other_files": 1, "differ": [] }));

    let altered = same.replacen(
        "\"choice\":{\"run\":\"RB-SSH-001-log-in\"}",
        "\"choice\":{\"escalate\":\"no_rule\"}",
        1,
    );
    assert_ne!(altered, same);
    let forged = file(&dir, "forged.jsonl", &format!("{same}\n{altered}\n"));
    let (code, words) = said(&suture(&["planner", "replay", path(&forged)]));
    assert_eq!(code, Some(1), "{words}");
    assert!(words.contains("forged.jsonl:2: ") && words.contains("1 of 2"), "{words}");

    // What was all made by other files was not made again.
    let foreign = file(&dir, "foreign.jsonl", &format!("{other}\n"));
    let (code, words) = said(&suture(&["planner", "replay", path(&foreign)]));
    assert_eq!(code, Some(1), "{words}");
    assert!(words.contains("1 were made by other files"), "{words}");
    let rules = file(&dir, "rules.yaml", &format!("{}# ours\n", RULES.1));
    let (code, _) = said(&suture(&["planner", "replay", "--rules", path(&rules), path(&foreign)]));
    assert_eq!(code, Some(0));

    let bent = file(&dir, "bent.jsonl", &format!("{same}\n{{}}\n"));
    let (code, words) = said(&suture(&["planner", "replay", path(&bent)]));
    assert_eq!(code, Some(65), "{words}");
    assert!(words.contains("bent.jsonl:2: it is no line of a decision"), "{words}");
    assert_eq!(said(&suture(&["planner", "replay", "no-such.jsonl"])).0, Some(66));
}
