//! The project's baseline: its citations exist, its table is fresh, its facts are known, its NixOS options are NixOS's.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use contract::baseline::{Area, Baseline};
use contract::fact::{Absence, Source};

use crate::map;
use crate::tree::Tree;

pub(crate) fn baseline() -> Baseline {
    let text = fs::read_to_string(map::folder().join("hipaa-v1.yaml")).unwrap();
    Baseline::parse("baseline/hipaa-v1.yaml", &text).unwrap_or_else(|e| panic!("{e}"))
}

fn rule() -> map::Rule {
    map::rule(&fs::read_to_string(map::folder().join("hipaa-security-rule.csv")).unwrap())
}

#[test]
fn it_has_controls_in_every_area_and_from_every_source() {
    let baseline = baseline();
    assert!(baseline.controls().len() >= 40, "{} controls", baseline.controls().len());
    let areas: BTreeSet<_> = baseline.controls().iter().map(|c| c.area).collect();
    assert_eq!(areas, Area::ALL.into());
    let sources: BTreeSet<_> = baseline.controls().iter().map(|c| c.observe.source()).collect();
    assert_eq!(sources, Source::ALL.into());
}

#[test]
fn every_citation_is_a_paragraph_of_the_rule() {
    let rule = rule();
    for control in baseline().controls() {
        for citation in &control.citations {
            assert!(
                rule.contains_key(citation.as_str()),
                "{} cites {citation}, which the rule does not have",
                control.id
            );
        }
    }
}

/// Paragraphs that the rule asks for by name, and the control that speaks to each.
#[test]
fn the_named_paragraphs_are_cited_where_they_belong() {
    let baseline = baseline();
    let cases = [
        ("ssh.idle-session", "164.312(a)(2)(iii)"),
        ("accounts.shell-timeout", "164.312(a)(2)(iii)"),
        ("ssh.weak-ciphers", "164.312(e)(2)(ii)"),
        ("backup.recent", "164.308(a)(7)(ii)(A)"),
        ("backup.restore-test", "164.308(a)(7)(ii)(D)"),
        ("journal.retention", "164.316(b)(2)(i)"),
        ("disk.root-encrypted", "164.312(a)(2)(iv)"),
    ];
    for (control, citation) in cases {
        let control = baseline.control(&control.parse().unwrap()).unwrap();
        assert!(control.citations.iter().any(|c| c.as_str() == citation), "{} lacks {citation}", control.id);
    }
}

#[test]
fn controls_map_is_fresh() {
    let written = fs::read_to_string(map::folder().join("controls-map.csv")).unwrap_or_default();
    let made = map::map(&baseline(), &rule());
    assert!(written == made, "baseline/controls-map.csv is stale: cargo run -p facts --example controls-map");
}

#[test]
fn every_fact_is_known_to_its_source() {
    let empty = Tree::new();
    let facts = empty.reader().read_all(&baseline().facts(), |_, _| ());
    for control in baseline().controls() {
        let seen = facts.observation(&control.observe);
        assert_ne!(
            seen,
            Err(Absence::Unsupported),
            "{} looks at {}, which nobody knows",
            control.id,
            control.observe
        );
        assert!(seen.is_err(), "{} saw {seen:?} on a machine without a single file", control.id);
    }
}

/// The option itself, or a free-form one above it, is in the list from NixOS's manual.
fn is_option(options: &BTreeMap<String, String>, parts: &[&str]) -> bool {
    let named = |parts: &[&str]| {
        options.iter().find(|(name, _)| {
            let declared: Vec<&str> = name.split('.').collect();
            let fits = |(d, p): (&&str, &&str)| d == p || (d.starts_with('<') && d.ends_with('>'));
            declared.len() == parts.len() && declared.iter().zip(parts).all(fits)
        })
    };
    let free_form = |parts: &[&str]| named(parts).is_some_and(|(_, kind)| kind.starts_with("open submodule"));
    named(parts).is_some() || (1..parts.len()).any(|end| free_form(&parts[..end]))
}

#[test]
fn every_nixos_option_is_one() {
    let text = fs::read_to_string(map::folder().join("nixos-options-25.11.json")).unwrap();
    let options: BTreeMap<String, String> = serde_json::from_str(&text).unwrap();
    for control in baseline().controls() {
        for assignment in control.nixos.assignments() {
            let parts = assignment.parts();
            assert!(
                is_option(&options, &parts),
                "{}: NixOS has no option {}",
                control.id,
                assignment.option()
            );
        }
    }
    assert!(!is_option(&options, &["services", "openssh", "permitRootLogin"]), "the check takes anything");
}
