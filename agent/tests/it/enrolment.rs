//! Enrolment: can be done again after any loss, and stores nothing that the hub did not sign.

use std::os::unix::fs::PermissionsExt as _;

use agent::enrol::{EnrolError, Enrolment, enrol};
use agent::keystore::Sealing;
use agent::site::{Places, read_allowlist, read_identity};
use contract::dsse::{HubSigner, PayloadType};
use contract::fact::Absence;

use crate::rig::hub::FakeHub;
use crate::rig::machine::{EVIDENCE_KEY, HUB_SEED, Machine};

fn bend(sheet: &std::path::Path, key: &str, value: serde_json::Value) {
    let mut json: serde_json::Value = serde_json::from_slice(&std::fs::read(sheet).unwrap()).unwrap();
    json[key] = value;
    std::fs::write(sheet, serde_json::to_vec(&json).unwrap()).unwrap();
}

#[tokio::test]
async fn a_lost_reply_costs_nothing_and_the_same_key_is_used_again() {
    let (hub, machine) = (FakeHub::start().await, Machine::new());
    let (sheet, dir) = (machine.sheet(&hub), machine.path("agent"));
    hub.with(|s| s.replies_lost = 1);
    enrol(&sheet, &Places::of(&dir), &Sealing::Unsealed, EVIDENCE_KEY, None).await.unwrap_err();
    let key = std::fs::read(dir.join("keys/device.key")).unwrap();
    assert!(!dir.join("identity.json").exists());

    assert_eq!(
        enrol(&sheet, &Places::of(&dir), &Sealing::Unsealed, EVIDENCE_KEY, None).await.unwrap(),
        Enrolment::Fresh
    );
    assert_eq!(std::fs::read(dir.join("keys/device.key")).unwrap(), key);
    assert_eq!(
        enrol(&sheet, &Places::of(&dir), &Sealing::Unsealed, EVIDENCE_KEY, None).await.unwrap(),
        Enrolment::AlreadyThere
    );
    assert_eq!(hub.with(|s| s.enrolments.len()), 2);
    assert!(hub.with(|s| s.enrolments.iter().all(|e| e.evidence_key == EVIDENCE_KEY)));

    let mode = |name: &str| dir.join(name).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(
        (mode(""), mode("keys"), mode("keys/device.key"), mode("identity.json")),
        (0o700, 0o700, 0o600, 0o600)
    );
}

#[tokio::test]
async fn a_baseline_that_the_hub_did_not_sign_is_never_stored() {
    let (hub, machine) = (FakeHub::start().await, Machine::new());
    let (sheet, dir) = (machine.sheet(&hub), machine.path("agent"));
    let forged = HubSigner::from_seed(&[8; 32]).sign(PayloadType::Baseline, machine.baseline().as_bytes());
    bend(&sheet, "baseline", String::from(contract::blob::Blob(forged)).into());
    let refused = enrol(&sheet, &Places::of(&dir), &Sealing::Unsealed, EVIDENCE_KEY, None).await.unwrap_err();
    assert!(refused.to_string().contains("the signed baseline is not believed"), "{refused}");
    assert!(!dir.exists());
    assert_eq!(hub.with(|s| s.raw.len()), 0);
}

#[tokio::test]
async fn a_hub_of_another_authority_is_not_spoken_to() {
    let (hub, other, machine) = (FakeHub::start().await, FakeHub::start().await, Machine::new());
    let sheet = machine.sheet(&hub);
    bend(&sheet, "hub", other.url.clone().into());
    let refused = enrol(&sheet, &Places::of(&machine.path("agent")), &Sealing::Unsealed, EVIDENCE_KEY, None)
        .await
        .unwrap_err();
    assert!(matches!(refused, EnrolError::Asked(_)), "{refused:?}");
    assert_eq!(other.with(|s| s.raw.len()), 0);
}

#[tokio::test]
async fn a_directory_of_another_machine_and_a_malformed_sheet_are_refused() {
    let (hub, machine) = (FakeHub::start().await, Machine::new());
    machine.enrol(&hub).await;
    let sheet = machine.sheet(&hub);
    bend(&sheet, "host", "h-2".into());
    let refused = enrol(&sheet, &Places::of(&machine.path("agent")), &Sealing::Unsealed, EVIDENCE_KEY, None)
        .await
        .unwrap_err()
        .to_string();
    assert!(refused.contains("already holds the enrolment of host h-1"), "{refused}");

    std::fs::write(&sheet, "{\n  \"hub\": 7\n}").unwrap();
    let refused = enrol(&sheet, &Places::of(&machine.path("agent")), &Sealing::Unsealed, EVIDENCE_KEY, None)
        .await
        .unwrap_err()
        .to_string();
    assert!(refused.contains("sheet.json:2:10:"), "{refused}");
}

#[tokio::test]
async fn an_allowlist_comes_with_the_sheet_and_only_signed() {
    let (hub, mut machine) = (FakeHub::start().await, Machine::new());
    machine.allowlist = Some("administrators: [ann]\n");
    machine.enrol(&hub).await;
    let places = Places::of(&machine.path("agent"));
    let identity = read_identity(&places).unwrap();
    let read = || read_allowlist(&places, &identity);
    assert_eq!(read().unwrap().administrators.unwrap().len(), 1);

    // Signed by another, signed as something else, cut off, or not there: nothing is held against it, and each says why.
    let text = b"administrators: [ann, eve]\n";
    let stranger = HubSigner::from_seed(&[8; 32]).sign(PayloadType::Allowlist, text);
    let relabelled = HubSigner::from_seed(&HUB_SEED).sign(PayloadType::Baseline, text);
    let hollow = HubSigner::from_seed(&HUB_SEED).sign(PayloadType::Allowlist, b"{}");
    for bent in [&stranger[..], &relabelled, &hollow, b"", &stranger[..40]] {
        std::fs::write(places.allowlist(), bent).unwrap();
        assert_eq!(read(), Err(Absence::Unreadable));
    }
    std::fs::remove_file(places.allowlist()).unwrap();
    assert_eq!(read(), Err(Absence::NotDeclared));
}
