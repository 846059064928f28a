//! Keys of people, what they approve, and what they grant. No hub is needed.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use contract::dsse::{self, HubSigner, OperatorKey, PayloadType};
use contract::grant::BreakGlassGrant;
use tempfile::TempDir;

use crate::runbooks::{json, said, suture};

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A person's key, made by the command, and its public half.
fn person(dir: &Path, name: &str) -> (String, OperatorKey) {
    let file = dir.join(name);
    let told = json(&["operator-key", "--out", text(&file), "--json"], 0);
    let public = told["operator_key"].as_str().unwrap().to_owned();
    (text(&file).to_owned(), OperatorKey::try_from(public).unwrap())
}

const ORDER: &str = r#"{"order":"o-1","tenant":"clinic","site":"main","host":"h-1","incident":"i-1","control":"disk.space","runbook":"RB-DISK-001-space","runbook_digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","catalogue_digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","parameters":{},"counter":4,"issued":"2026-11-26T10:00:00.000Z","expires":"2026-11-26T10:15:00.000Z","provenance":{"person":"j-doe"}}"#;

#[test]
fn a_persons_key_is_closed_to_others_and_never_replaced() {
    let dir = TempDir::new().unwrap();
    let (file, _) = person(dir.path(), "jane.seed");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let before = fs::read(&file).unwrap();
    let (code, words) = said(&suture(&["operator-key", "--out", &file]));
    assert!(code == Some(73) && words.contains("never replaced"), "{words}");
    assert_eq!(fs::read(&file).unwrap(), before);
}

#[test]
fn an_approved_order_carries_the_hubs_bytes_and_two_peoples_names() {
    let dir = TempDir::new().unwrap();
    let hub = HubSigner::from_seed(&[7; 32]);
    let ((jane_file, jane), (joe_file, joe)) = (person(dir.path(), "jane"), person(dir.path(), "joe"));
    let (order, approved) = (dir.path().join("order"), dir.path().join("approved"));
    fs::write(&order, hub.sign(PayloadType::Order, ORDER.as_bytes())).unwrap();
    let hub_key = String::from(hub.public());
    let by_jane = [
        "approve",
        text(&order),
        "--operator",
        "jane",
        "--key",
        &jane_file,
        "--hub-key",
        &hub_key,
        "--out",
        text(&approved),
    ];
    let (code, words) = said(&suture(&by_jane));
    assert!(
        code == Some(0) && words.contains("RB-DISK-001-space on clinic/main/h-1 for disk.space"),
        "{words}"
    );
    let (code, words) = said(&suture(&["approve", text(&approved), "--operator", "joe", "--key", &joe_file]));
    assert!(code == Some(0) && words.contains("was not looked at"), "{words}");
    let pinned = BTreeMap::from([("jane".parse().unwrap(), jane), ("joe".parse().unwrap(), joe)]);
    let (signed, by) = dsse::open_approved(&fs::read(&approved).unwrap(), &[hub.public()], &pinned).unwrap();
    assert_eq!(signed.payload(), ORDER.as_bytes());
    assert_eq!(by, ["jane".parse().unwrap(), "joe".parse().unwrap()]);
}

#[test]
fn nothing_is_approved_that_another_hub_signed_or_that_is_no_order() {
    let dir = TempDir::new().unwrap();
    let (key, _) = person(dir.path(), "jane");
    let hub = HubSigner::from_seed(&[7; 32]);
    let stranger = String::from(HubSigner::from_seed(&[8; 32]).public());
    let file = dir.path().join("order");
    let approve = |bytes: &[u8], hub_key: Option<&str>| {
        fs::write(&file, bytes).unwrap();
        let mut arguments = vec!["approve", text(&file), "--operator", "jane", "--key", &key];
        arguments.extend(hub_key.iter().flat_map(|k| ["--hub-key", k]));
        let words = said(&suture(&arguments));
        assert_eq!(fs::read(&file).unwrap() == bytes, words.0 != Some(0), "{}", words.1);
        words.0
    };
    let order = hub.sign(PayloadType::Order, ORDER.as_bytes());
    assert_eq!(approve(&order, Some(&stranger)), Some(65));
    assert_eq!(approve(&hub.sign(PayloadType::Order, b"{}"), Some(&String::from(hub.public()))), Some(65));
    assert_eq!(approve(&hub.sign(PayloadType::Catalogue, b"{}"), None), Some(65));
    assert_eq!(approve(b"nonsense", None), Some(65));
    assert_eq!(approve(&order, Some("nonsense")), Some(2));
    assert_eq!(approve(&order, None), Some(0));
}

#[test]
fn a_grant_is_signed_by_its_person_for_a_few_hours_with_a_reason() {
    let dir = TempDir::new().unwrap();
    let (key, jane) = person(dir.path(), "jane");
    let out = dir.path().join("grant");
    let grant = |hours: &str, reason: &str| {
        let fixed = "break-glass --tenant clinic --site main --host h-1 --person jane --counter 3";
        let mut arguments: Vec<&str> = fixed.split(' ').collect();
        arguments.extend(["--hours", hours, "--reason", reason, "--key", &key, "--out", text(&out)]);
        suture(&arguments).status.code()
    };
    for (hours, why) in [
        ("5", "the laboratory's analyser is down"),
        ("0", "the laboratory's analyser is down"),
        ("2", "because"),
    ] {
        assert_eq!(grant(hours, why), Some(2), "{hours} h: {why}");
        assert!(!out.exists());
    }
    assert_eq!(grant("4", "the laboratory's analyser is down"), Some(0));
    let signed = dsse::open_by(PayloadType::BreakGlass, &fs::read(&out).unwrap(), &jane).unwrap();
    let grant = BreakGlassGrant::from_signed(&signed).unwrap();
    assert_eq!(grant.until.ms_since(grant.from), contract::grant::BREAK_GLASS_MAX_MS);
    assert_eq!((grant.counter, grant.person.as_str()), (3, "jane"));
}
