//! What a site decides for itself is what is written down beside the rules, byte for byte: the hub's tests hold the hub to the same list.

use contract::decision::{Choice, Decision, Provenance};
use contract::grant::{SILENCE_MS, StandingOrder};
use contract::ids::RunbookId;
use contract::incident::What;
use serde::{Deserialize, Serialize};

use super::shipped::shipped_files;
use super::*;

const DECISIONS: &str = include_str!("../../../../planner/rules/decisions.jsonl");

#[derive(Debug, Serialize, Deserialize)]
struct Line {
    what: What,
    choice: Choice,
}

/// All that a standing order may grant.
fn granted(site: &Site) -> Vec<RunbookId> {
    let undisturbing =
        site.catalogue.iter().filter(|a| !a.runbook.disruptive && a.runbook.approval.people() == 0);
    undisturbing.map(|approved| approved.runbook.id.clone()).collect()
}

#[test]
fn a_site_decides_each_shipped_incident_as_the_list_says_and_orders_what_it_was_granted() {
    let site = site_with(shipped_files(), Mode::Enforce, &[]);
    let (_, rules) = planner::SHIPPED;
    let grant = StandingOrder {
        grant: "g-1".parse().unwrap(),
        tenant: site.tenant.clone(),
        site: site.site.clone(),
        host: site.host.clone(),
        catalogue_digest: site.catalogue.digest(),
        rules_digest: Digest::of(rules.as_bytes()),
        runbooks: granted(&site),
        counter: 1,
        issued: utc(NOW - 1000),
        expires: utc(NOW + 86_400_000),
    };
    let envelope = hub().sign(PayloadType::StandingOrder, &serde_json::to_vec(&grant).unwrap());
    let standing = VerifiedStanding::open(&site, &envelope, rules, utc(NOW)).unwrap();
    let mut ordered = 0;
    for line in DECISIONS.lines() {
        let Line { what, choice: _ } = serde_json::from_str(line).unwrap();
        let Decision { choice, provenance } = standing.decision(&site, &what).unwrap();
        let (incident, order) = ("i-1".parse().unwrap(), "s-1".parse().unwrap());
        let made = standing.decide(&site, &incident, &what, utc(NOW), SILENCE_MS, order);
        match &choice {
            Choice::Run(runbook) if grant.runbooks.contains(runbook) => {
                assert_eq!(made.unwrap().order.runbook, *runbook, "{line}");
                ordered += 1;
            }
            Choice::Run(_) => assert_eq!(made.map(drop), Err(Refusal::NotGranted), "{line}"),
            Choice::Escalate(_) => assert_eq!(made.map(drop), Err(Refusal::NoRule), "{line}"),
        }
        assert_eq!(serde_json::to_string(&Line { what, choice }).unwrap(), line);
        let Provenance::Rules { table, .. } = provenance else { panic!("{provenance:?}") };
        assert_eq!(table, grant.rules_digest);
    }
    assert!(ordered > 10, "only {ordered} were ordered");
}
