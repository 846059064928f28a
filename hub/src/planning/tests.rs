//! What this hub decides is what is written down beside the rules, byte for byte: the executor's tests hold a site to the same list.

use contract::digest::Digest;

use contract::decision::{Decision, Provenance};
use contract::dsse::HubSigner;
use contract::incident::What;
use contract::time::UtcTime;

use super::*;
use crate::library::{Library, Sources};
use crate::tables::Tables;

const DECISIONS: &str = include_str!("../../../planner/rules/decisions.jsonl");

#[derive(Debug, Serialize, Deserialize)]
struct Line {
    what: What,
    choice: Choice,
}

#[test]
fn a_hub_decides_each_shipped_incident_as_the_list_says() {
    let library = Library::read(&Sources::default()).unwrap();
    let table = Tables::new(&library, &[]).everywhere();
    let signer = HubSigner::from_seed(&[1; 32]);
    for line in DECISIONS.lines() {
        let Line { what, choice: _ } = serde_json::from_str(line).unwrap();
        let draft = Draft {
            id: "o-1".parse().unwrap(),
            holder: Holder {
                tenant: "clinic".parse().unwrap(),
                site: "main".parse().unwrap(),
                host: "h-1".parse().unwrap(),
            },
            incident: "inc-1".parse().unwrap(),
            now: UtcTime::from_unix_ms(1_700_000_000_000).unwrap(),
            break_glass: None,
        };
        let now = draft.now;
        let case = Case {
            incident: draft.incident.clone(),
            host: draft.holder.host.clone(),
            what: what.clone(),
            os: None,
            found: now,
            now,
            open: Vec::new(),
            hosts: Vec::new(),
            past: Vec::new(),
        };
        let thought = decide((&library, &table), &signer, &draft, (&case, 1), &Asking::Nobody).unwrap();
        let Comes::Decided(decision, ordered) = thought.comes else { panic!("{thought:?}") };
        assert!(!thought.why.is_empty() && thought.why.len() <= 200, "{}", thought.why);
        let Decision { choice, provenance } = decision;
        assert_eq!(ordered.is_some(), matches!(choice, Choice::Run(_)), "{line}");
        assert_eq!(serde_json::to_string(&Line { what, choice }).unwrap(), line);
        let Provenance::Rules { table, .. } = provenance else { panic!("{provenance:?}") };
        assert_eq!(table, Digest::of(planner::SHIPPED.1.as_bytes()));
    }
}
