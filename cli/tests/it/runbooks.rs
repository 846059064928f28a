//! `suture runbook` over the shipped runbooks and over spoilt ones. No hub is needed.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use contract::dsse::{self, HubSigner, PayloadType};
use contract::runbook::Catalogue;
use serde_json::Value;
use tempfile::TempDir;

const ID: &str = "RB-DISK-001-space";

fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../runbooks")
}

pub(crate) fn suture(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_suture")).args(arguments).output().unwrap()
}

pub(crate) fn said(output: &Output) -> (Option<i32>, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code(), format!("{}{}", text(&output.stdout), text(&output.stderr)))
}

pub(crate) fn json(arguments: &[&str], code: i32) -> Value {
    let output = suture(arguments);
    let words = said(&output);
    assert_eq!(words.0, Some(code), "{}", words.1);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}", words.1))
}

/// A directory with one shipped runbook in it, changed.
fn changed(from: &str, to: &str) -> TempDir {
    let text = fs::read_to_string(shipped().join(format!("{ID}.yaml"))).unwrap();
    assert!(text.contains(from), "{from}");
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join(format!("{ID}.yaml")), text.replace(from, to)).unwrap();
    dir
}

fn path(of: &Path) -> &str {
    of.to_str().unwrap()
}

#[test]
fn what_is_shipped_is_sound() {
    let told = json(&["runbook", "lint", path(&shipped()), "--json"], 0);
    assert!(told["runbooks"].as_u64().unwrap() >= 27 && told["refused"] == 0, "{told}");
}

#[test]
fn lint_refuses_a_runbook_without_a_verification_with_its_place() {
    let dir = changed("verification:\n  check: failed_control\n", "");
    let (code, words) = said(&suture(&["runbook", "lint", path(dir.path())]));
    assert_eq!(code, Some(65), "{words}");
    assert!(words.contains(&format!("{ID}.yaml:")) && words.contains("it has no verification"), "{words}");
    assert!(words.contains("1 of 1 runbooks are refused"), "{words}");
    let told = json(&["runbook", "lint", path(dir.path()), "--json"], 65);
    assert!(told["faults"][0]["line"].as_u64().unwrap() > 1, "{told}");
}

#[test]
fn lint_refuses_a_disruptive_runbook_that_nothing_undoes() {
    let dir = changed("disruptive: false", "disruptive: true");
    let (code, words) = said(&suture(&["runbook", "lint", path(dir.path())]));
    assert_eq!(code, Some(65));
    assert!(words.contains("it is disruptive and nothing undoes it"), "{words}");
}

#[test]
fn lint_says_all_that_is_wrong_and_refuses_what_is_no_runbook() {
    let dir = changed("hold_down_ms: 2000", "hold_down_ms: 0");
    let file = dir.path().join(format!("{ID}.yaml"));
    fs::write(&file, fs::read_to_string(&file).unwrap().replace("cooldown_ms: 3600000", "cooldown_ms: 1"))
        .unwrap();
    let told = json(&["runbook", "lint", path(&file), "--json"], 65);
    assert_eq!(told["faults"].as_array().unwrap().len(), 2, "{told}");
    // The same runbook twice is one too many.
    let both = json(&["runbook", "lint", path(&shipped()), path(&shipped()), "--json"], 65);
    assert_eq!(both["refused"], both["runbooks"].as_u64().unwrap() / 2);
    fs::write(dir.path().join("notes.txt"), "").unwrap();
    assert_eq!(suture(&["runbook", "lint", path(dir.path())]).status.code(), Some(65));
    let empty = TempDir::new().unwrap();
    assert_eq!(suture(&["runbook", "lint", path(empty.path())]).status.code(), Some(66));
    assert_eq!(suture(&["runbook", "lint", "/nowhere/RB-X-001-x.yaml"]).status.code(), Some(66));
    assert_eq!(suture(&["runbook", "lint"]).status.code(), Some(2));
}

#[test]
fn show_says_what_it_does_proves_and_undoes() {
    let (code, words) = said(&suture(&["runbook", "show", ID, "--dir", path(&shipped())]));
    assert_eq!(code, Some(0), "{words}");
    for part in
        ["journal.vacuum keep_mb=1024", "cannot be undone", "disk.space", "a person is told", "sha256:"]
    {
        assert!(words.contains(part), "{part} is not in {words}");
    }
    assert!(!words.contains('\x1b'), "colours without a terminal");
    let told = json(&["runbook", "show", ID, "--dir", path(&shipped()), "--json"], 0);
    assert_eq!(told["runbook"]["id"], ID);
    let (code, words) = said(&suture(&["runbook", "show", "RB-NO-001-such", "--dir", path(&shipped())]));
    assert!(code == Some(66) && words.contains(ID), "{words}");
}

/// A key as the hub keeps it.
pub(crate) fn key(dir: &Path, mode: u32) -> PathBuf {
    let file = dir.join("orders.seed");
    fs::write(&file, "07".repeat(32)).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
    file
}

#[test]
fn a_signed_catalogue_opens_under_the_hubs_key_and_is_the_files_that_were_signed() {
    let dir = TempDir::new().unwrap();
    let (key, out) = (key(dir.path(), 0o600), dir.path().join("catalogue.dsse"));
    let told =
        json(&["runbook", "sign", path(&shipped()), "--key", path(&key), "--out", path(&out), "--json"], 0);
    let hub = HubSigner::from_seed(&[7; 32]).public();
    let signed = dsse::open(PayloadType::Catalogue, &fs::read(&out).unwrap(), &[hub]).unwrap();
    let catalogue = Catalogue::parse(signed.payload()).unwrap();
    assert_eq!(told["digest"], catalogue.digest().to_string());
    assert_eq!(told["runbooks"], catalogue.iter().count());
}

#[test]
fn nothing_is_signed_that_is_unsound_or_by_a_key_that_others_may_read() {
    let dir = TempDir::new().unwrap();
    let out = dir.path().join("catalogue.dsse");
    let open = key(dir.path(), 0o640);
    let (code, words) =
        said(&suture(&["runbook", "sign", path(&shipped()), "--key", path(&open), "--out", path(&out)]));
    assert!(code == Some(73) && words.contains("0640") && !out.exists(), "{words}");
    let closed = key(dir.path(), 0o600);
    let bad = changed("rollback: escalate\n", "");
    let (code, words) =
        said(&suture(&["runbook", "sign", path(bad.path()), "--key", path(&closed), "--out", path(&out)]));
    assert!(code == Some(65) && words.contains("no rollback") && !out.exists(), "{words}");
    fs::write(&closed, "short").unwrap();
    assert_eq!(
        suture(&["runbook", "sign", path(&shipped()), "--key", path(&closed), "--out", path(&out)])
            .status
            .code(),
        Some(65)
    );
}

#[test]
fn diff_tells_a_change_of_meaning_from_one_of_words_and_marks_permissions() {
    let same = changed("id: ", "id: ");
    let diff =
        |other: &TempDir| json(&["runbook", "diff", path(same.path()), path(other.path()), "--json"], 0);
    assert_eq!(diff(&same), serde_json::json!({}));
    assert_eq!(diff(&changed("# A file system", "# Some file system"))[ID]["what"], "reworded");
    let limits = diff(&changed("cooldown_ms: 3600000", "cooldown_ms: 60000"));
    assert_eq!(
        limits[ID]["fields"][0],
        serde_json::json!({ "field": "cooldown_ms", "removed": ["3600000"], "added": ["60000"] })
    );
    assert_eq!(
        (&limits[ID]["approval_lapses"], &limits[ID]["version_stays"]),
        (&Value::Bool(false), &Value::Bool(true))
    );
    let with_wait = changed("permissions: [unit.start,", "permissions: [wait, unit.start,");
    let file = with_wait.path().join(format!("{ID}.yaml"));
    let text = fs::read_to_string(&file).unwrap();
    let text = text.replace("steps:\n", "steps:\n  - wait: { ms: 5 }\n");
    fs::write(&file, text.replace("\nversion: ", "\nversion: 9")).unwrap();
    let told = diff(&with_wait);
    assert_eq!(
        (&told[ID]["approval_lapses"], &told[ID]["version_stays"]),
        (&Value::Bool(true), &Value::Bool(false))
    );
    let (_, words) = said(&suture(&["runbook", "diff", path(same.path()), path(with_wait.path())]));
    for part in ["+ wait", "a site's approval ends here", r#"+ {"wait":{"ms":5}}"#, "1 must be approved anew"]
    {
        assert!(words.contains(part), "{part} is not in {words}");
    }
    let one = json(&["runbook", "diff", path(same.path()), path(&shipped()), "--json"], 0);
    assert_eq!(one["RB-TIME-001-sync"]["what"], "added");
    let gone = json(&["runbook", "diff", path(&shipped()), path(same.path()), "--json"], 0);
    assert_eq!(gone["RB-TIME-001-sync"]["what"], "removed");
}

#[test]
fn completions_know_the_new_commands() {
    let (_, words) = said(&suture(&["completions", "bash"]));
    for command in ["runbook", "approve", "operator-key", "break-glass"] {
        assert!(words.contains(command), "{command}");
    }
}
