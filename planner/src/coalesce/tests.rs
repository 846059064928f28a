//! The table holds to the order of trouble, and the names in it are the shipped baseline's.

use std::collections::BTreeSet;

use super::table::LINKS;
use super::trouble::{CONTROLS, PEOPLE};
use super::*;

#[test]
fn nothing_follows_from_what_stands_further_down_so_there_is_no_circle() {
    let all: BTreeSet<Trouble> = Trouble::ALL.into_iter().collect();
    assert_eq!(all.len(), Trouble::ALL.len());
    assert!(Trouble::ALL.is_sorted());
    for link in LINKS {
        assert!(!link.symptoms.is_empty(), "{link:?}");
        for symptom in link.symptoms {
            assert!(link.cause < *symptom, "{link:?}");
            assert!(*symptom != Trouble::Other && link.cause > Trouble::HostDark, "{link:?}");
        }
    }
    let pairs: Vec<_> = LINKS.iter().flat_map(|l| l.symptoms.iter().map(|s| (l.cause, *s))).collect();
    assert_eq!(pairs.iter().collect::<BTreeSet<_>>().len(), pairs.len(), "a line stands there twice");
}

#[test]
fn every_control_that_is_named_is_in_the_shipped_baseline() {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../baseline/hipaa-v1.yaml");
    let text = std::fs::read_to_string(file).unwrap();
    let baseline = contract::baseline::Baseline::parse("hipaa-v1.yaml", &text).unwrap();
    for (id, _) in CONTROLS {
        assert!(baseline.control(&id.parse().unwrap()).is_some(), "{id}");
        assert!(!PEOPLE.iter().any(|prefix| id.starts_with(prefix)), "{id} is of people, too");
    }
    for prefix in PEOPLE {
        assert!(baseline.controls().iter().any(|c| c.id.as_str().starts_with(prefix)), "{prefix}");
    }
}
