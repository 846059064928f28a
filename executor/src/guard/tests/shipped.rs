//! What is shipped fits together: the policy that a site begins with allows each shipped runbook what it touches, on each control that it may repair,
//! and says nothing of anything else.

use std::collections::BTreeSet;

use contract::resource::Resource;

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

/// What a shipped repair of `next` is told when one of `ended` has just ended, which touched what `touched` makes of its targets.
fn right_after(
    ended: (&str, &str),
    touched: impl Fn(&Resource) -> Resource,
    next: (&str, &str),
) -> Result<(), Refusal> {
    let site = site_with(shipped_files(), Mode::Enforce, &[]);
    let around = Surroundings { confinement: Confinement::ALL.into_iter().collect(), ..around() };
    let first = order_for(&site, ended.0, ended.1);
    let verified = SignedOrder(&sign(&first)).verify(&site, utc(NOW)).unwrap();
    let fresh = verified.fresh(&site, &Ledger::default(), &around.moment, Arrival::New).unwrap();
    let bound = fresh.approved(&site, &around).and_then(|approved| approved.bind(&site)).unwrap();
    let mut ledger = Ledger::default();
    for mut record in crate::ledger::tests::a_run(&first) {
        if let contract::record::Body::Accepted(accepted) = &mut record.body {
            accepted.targets = bound.targets.iter().map(&touched).collect();
        }
        ledger.apply(&record, Some(around.moment.mono));
    }
    let second = Order { counter: 2, ..order_for(&site, next.0, next.1) };
    ask_at(&site, &ledger, &around, &sign(&second))
}

#[test]
fn a_file_that_repairs_share_makes_none_of_them_wait_and_a_unit_does() {
    let kernel = "RB-KERNEL-001-sysctl";
    assert_eq!(
        right_after(("kernel.messages", kernel), Clone::clone, ("kernel.source-routing", kernel)),
        Ok(())
    );
    let same = right_after(("kernel.messages", kernel), Clone::clone, ("kernel.messages", kernel));
    assert!(matches!(same, Err(Refusal::CoolingDown { .. })), "{same:?}");
    let ssh = "RB-SSH-002-settings";
    let restarted = right_after(("ssh.weak-macs", ssh), Clone::clone, ("ssh.weak-ciphers", ssh));
    assert!(matches!(restarted, Err(Refusal::CoolingDown { .. })), "{restarted:?}");
    // The unit alone is the same: it is not restarted again for another file's sake.
    let other_file = |target: &Resource| match target {
        Resource::Path(_) => Resource::Path("/etc/ssh/other.conf".parse().unwrap()),
        other => other.clone(),
    };
    let restarted = right_after(("ssh.weak-macs", ssh), other_file, ("ssh.weak-ciphers", ssh));
    assert!(matches!(restarted, Err(Refusal::CoolingDown { .. })), "{restarted:?}");
}
