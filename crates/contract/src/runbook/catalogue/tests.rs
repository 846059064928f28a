//! A catalogue is refused whole, with file and line.

use super::*;

const FILE: &str = "RB-FILE-001-own-directories.yaml";
const OWN: &str = include_str!("../../../../../runbooks/RB-FILE-001-own-directories.yaml");

fn file(text: &str) -> CatalogueFile {
    CatalogueFile { file: FILE.into(), text: text.into() }
}

fn refusal(text: &str) -> String {
    Catalogue::bundle(vec![file(text)]).unwrap_err().to_string()
}

#[test]
fn a_malformed_runbook_is_named_with_file_line_and_column() {
    let misspelt = OWN.replace("cooldown_ms", "cooldwon_ms");
    let line = misspelt.lines().position(|l| l.starts_with("cooldwon")).unwrap() + 1;
    let words = refusal(&misspelt);
    assert!(words.starts_with(&format!("{FILE}:{line}:1: ")) && words.contains("cooldwon_ms"), "{words}");
    assert!(refusal("a: [").starts_with(&format!("{FILE}:1:")));
}

#[test]
fn a_runbook_that_contradicts_itself_is_named_with_file_and_line() {
    let words =
        refusal(&OWN.replace("permissions: [file.restore]", "permissions: [file.restore, time.sync]"));
    let line = OWN.lines().position(|l| l.starts_with("permissions")).unwrap() + 1;
    assert_eq!(words, format!("{FILE}:{line}: it asks for time.sync, which no step uses"));
}

#[test]
fn a_catalogue_holds_each_runbook_once_and_at_least_one() {
    assert_eq!(Catalogue::bundle(vec![]), Err(CatalogueError::Empty));
    let twice = Catalogue::bundle(vec![file(OWN), file(OWN)]).unwrap_err();
    assert!(matches!(twice, CatalogueError::Runbook { fault: RunbookFault::Twice(_), .. }), "{twice}");
    assert!(matches!(Catalogue::parse(b"{}"), Err(CatalogueError::NotABundle { line: 1, .. })));
}

#[test]
fn a_catalogue_answers_with_the_digest_of_each_files_bytes() {
    let bytes = Catalogue::bundle(vec![file(OWN)]).unwrap();
    let catalogue = Catalogue::parse(&bytes).unwrap();
    assert_eq!(catalogue.digest(), Digest::of(&bytes));
    let held = catalogue.iter().next().unwrap();
    assert_eq!(held.digest, Digest::of(OWN.as_bytes()));
    assert_eq!(catalogue.runbook(&held.runbook.id), Some(held));
}

#[test]
fn one_file_is_refused_with_all_that_is_wrong_with_it() {
    let bad = OWN.replace("hold_down_ms: 250", "hold_down_ms: 0").replace("rollback: inverse\n", "");
    let faults = Approved::read(FILE, &bad).unwrap_err();
    assert_eq!(faults.len(), 2, "{faults:?}");
}
