#![allow(clippy::unwrap_used, reason = "a failed expectation is the test's own message")]

use super::*;
use crate::shipped;

fn shipped(threshold: f64) -> Similarity {
    let bytes = Catalogue::bundle(shipped::runbooks()).unwrap();
    Similarity::of(&Catalogue::parse(&bytes).unwrap(), threshold)
}

fn drift(control: &str, fact: &str, observed: FactValue) -> What {
    What::Drift { control: control.parse().unwrap(), fact: fact.parse().unwrap(), observed }
}

#[test]
fn an_incident_finds_the_runbook_that_speaks_its_words() {
    let similarity = shipped(THRESHOLD);
    let expired = drift("tls.expiry", "tls:days_left", FactValue::Number(3));
    let (nearest, cosine) = similarity.nearest(&expired, Some(TargetOs::Nixos)).unwrap();
    assert_eq!(nearest.as_str(), "RB-CERT-001-renew");
    assert!((THRESHOLD..1.0).contains(&cosine), "{cosine}");
    assert_eq!(similarity.pick(&expired, Some(TargetOs::Nixos)), Choice::Run(nearest.clone()));
    // The same question, the same answer, to the last bit.
    let again = shipped(THRESHOLD);
    assert_eq!(again.nearest(&expired, Some(TargetOs::Nixos)).unwrap().1.to_bits(), cosine.to_bits());
}

#[test]
fn a_runbook_for_another_system_is_never_the_nearest() {
    let full = drift("disk.space", "disk:fullest_percent", FactValue::Number(97));
    let on = |os| shipped(0.0).nearest(&full, os).unwrap().0.to_string();
    assert_eq!(on(Some(TargetOs::Debian)), "RB-DISK-001-space");
    assert_eq!(on(None), "RB-DISK-001-space");
    assert_ne!(on(Some(TargetOs::Nixos)), "RB-DISK-001-space");
}

#[test]
fn what_shares_no_word_goes_to_a_person_and_so_does_what_is_not_near_enough() {
    let strange = drift("x.y", "sysctl:z", FactValue::Flag(false));
    assert_eq!(shipped(THRESHOLD).pick(&strange, None), Choice::Escalate(Escalation::NothingFits));
    let expired = drift("tls.expiry", "tls:days_left", FactValue::Number(3));
    assert_eq!(shipped(1.01).pick(&expired, None), Choice::Escalate(Escalation::NothingFits));
}

#[test]
fn terms_are_what_stands_between_signs_without_numbers() {
    let split: Vec<_> = terms("RB-SSH-001-log-in: sshd@.service /var/lib").collect();
    assert_eq!(split, ["rb", "ssh", "log", "in", "sshd", "service", "var", "lib"]);
    // An empty term would be in everything.
    assert_eq!(terms("--.").count(), 0);
}

#[test]
fn vectors_have_length_one_and_a_term_that_all_have_weighs_least() {
    let similarity = shipped(THRESHOLD);
    for Document { id, weights, .. } in &similarity.runbooks {
        let length: f64 = weights.values().map(|weight| weight * weight).sum();
        assert!((length - 1.0).abs() < 1e-9, "{id}: {length}");
    }
    let least = similarity.rarity.iter().min_by(|a, b| a.1.total_cmp(b.1)).unwrap();
    assert_eq!((least.0.as_str(), *least.1), ("rb", 1.0));
}
