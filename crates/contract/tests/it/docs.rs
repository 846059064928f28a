//! `docs/runbooks.md` names every verb, and its inverse as the code has it.

use std::fs;

use contract::runbook::{Approved, Inverse, Verb};

use crate::beside;

fn page() -> String {
    fs::read_to_string(beside("../../docs/runbooks.md")).unwrap()
}

#[test]
fn the_page_names_every_verb_and_how_it_is_undone() {
    let page = page();
    let rows: Vec<&str> = page.lines().filter(|l| l.starts_with("| `")).collect();
    for verb in Verb::ALL {
        let row = rows.iter().find(|row| row.starts_with(&format!("| `{verb}` |")));
        let row = row.unwrap_or_else(|| panic!("the page has no row for {verb}"));
        let undone = row.trim_end_matches('|').rsplit('|').next().unwrap().trim();
        let begins = match verb.inverse() {
            Inverse::PutBack => "put back",
            Inverse::None => "nothing",
            Inverse::NotNeeded => "not needed",
        };
        assert!(undone.starts_with(begins), "{verb}: {undone}");
        assert_eq!(row.contains("always disruptive"), verb.always_disrupts(), "{verb}");
    }
    assert_eq!(rows.len(), Verb::ALL.len(), "a row is about no verb");
}

#[test]
fn the_pages_example_is_a_runbook() {
    let page = page();
    let example = page.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    Approved::read("RB-TIME-001-sync.yaml", example).unwrap();
}
