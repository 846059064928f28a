//! What is shipped fits together: the policy that a site begins with allows each shipped runbook what it touches, on each control that it may repair,
//! and says nothing of anything else.

use std::collections::BTreeSet;

use super::*;

pub(super) fn shipped_files() -> Vec<CatalogueFile> {
    let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../runbooks");
    let mut files: Vec<CatalogueFile> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let file = path.file_name().unwrap().to_str().unwrap().to_owned();
            CatalogueFile { file, text: std::fs::read_to_string(&path).unwrap() }
        })
        .filter(|file| file.text.contains("\nverification:"))
        .collect();
    files.sort_by(|a, b| a.file.cmp(&b.file));
    files
}

#[test]
fn the_policy_that_a_site_begins_with_allows_every_shipped_repair_and_names_nothing_else() {
    let site = site_with(shipped_files(), Mode::Enforce, &[]);
    let mut used = BTreeSet::new();
    let mut repairs = 0;
    for listed in site.catalogue.iter() {
        for trigger in &listed.runbook.triggers {
            let control = site.baseline.control(trigger).unwrap();
            let parameters = listed.runbook.bind(control).unwrap();
            let order =
                Order { parameters, ..order_for(&site, trigger.as_str(), listed.runbook.id.as_str()) };
            let verified = SignedOrder(&sign(&order)).verify(&site, utc(NOW)).unwrap();
            let fresh = verified.fresh(&site, &Ledger::default(), &around().moment, Arrival::New).unwrap();
            // The system is whichever the runbook is written for.
            let there = Surroundings {
                system: listed.runbook.target_os,
                confinement: Confinement::ALL.into_iter().collect(),
                ..around()
            };
            let bound = fresh.approved(&site, &there).and_then(|approved| approved.bind(&site)).unwrap();
            let (decided, answer) = super::super::policy::decide(&bound, &site, &there);
            assert_eq!(answer, Ok(()), "{} on {trigger}: {decided:?}", listed.runbook.id);
            used.extend(decided.rules);
            repairs += 1;
        }
    }
    assert!(repairs > 60, "only {repairs} repairs were looked at");
    let rules = crate::policy_verb::DEFAULT.lines().filter_map(|line| line.trim().strip_prefix("- id: "));
    // A record names at most eight rules; none of the shipped runbooks needs more.
    for rule in rules {
        assert!(used.contains(&format!("rule {rule}")), "{rule} allows what no shipped runbook asks for");
    }
}
