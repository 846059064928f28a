//! What is malformed refuses to start, says where and why, and leaves everything as it was.

use std::fs;

use contract::outcome::Outcome;

use super::rig::{Rig, replace_in};

#[test]
fn an_unknown_key_in_the_configuration_is_named_with_its_place() {
    let rig = Rig::new();
    replace_in(&rig.path("executor/executor.yaml"), "mode: observe", "mode: observe\nskip_signatures: true");
    let (status, words) = rig.fails();
    assert_eq!(status, Some(78));
    assert!(words.contains("executor.yaml:13:1") && words.contains("skip_signatures"), "{words}");
    assert!(!rig.evidence().exists(), "a log was begun all the same");
}

#[test]
fn a_limit_that_would_loosen_a_guardrail_does_not_start() {
    for limit in ["order_lifetime_s_max: 901", "order_lifetime_s_max: 0", "clock_error_ms_max: 5001"] {
        let rig = Rig::new();
        replace_in(&rig.path("executor/executor.yaml"), "mode: observe", &format!("mode: observe\n{limit}"));
        let (status, words) = rig.fails();
        let key = limit.split(':').next().unwrap();
        assert!(status == Some(78) && words.contains(&format!("{key} must be")), "{limit}: {words}");
    }
}

#[test]
fn an_unsigned_or_unapproved_catalogue_does_not_start() {
    let rig = Rig::new();
    let catalogue = rig.path("executor/catalogue.dsse");
    let honest = fs::read(&catalogue).unwrap();
    let mut bent = honest.clone();
    // As in the test that boots a NixOS machine.
    let scenarios: serde_json::Value =
        serde_json::from_str(include_str!("../../../nixosTests/scenarios.json")).unwrap();
    let data = &scenarios["bad-signature"]["data"];
    let number = |key: &str| usize::try_from(data[key].as_u64().unwrap()).unwrap();
    bent[number("byte")] ^= u8::try_from(number("xor")).unwrap();
    fs::write(&catalogue, &bent).unwrap();
    let (status, words) = rig.fails();
    assert!(status == Some(78) && words.contains("catalogue.dsse"), "{words}");
    fs::write(&catalogue, &honest).unwrap();
    replace_in(
        &rig.path("executor/executor.yaml"),
        "approved_catalogue: \"sha256:",
        "approved_catalogue: \"sha256:0",
    );
    let (status, words) = rig.fails();
    assert!(status == Some(78) && words.contains("is not a digest"), "{words}");
}

#[test]
fn an_empty_list_of_hub_keys_does_not_start() {
    let rig = Rig::new();
    let config = rig.path("executor/executor.yaml");
    let text = fs::read_to_string(&config).unwrap();
    let keys = text.lines().find(|l| l.starts_with("hub_keys")).unwrap();
    replace_in(&config, keys, "hub_keys: []");
    let (status, words) = rig.fails();
    assert!(status == Some(78) && words.contains("hub_keys is empty"), "{words}");
}

#[test]
fn a_runbook_that_nobody_approved_cannot_be_enforced() {
    let rig = Rig::new();
    replace_in(&rig.path("executor/executor.yaml"), "RB-FILE-001-own-directories", "RB-FILE-009-nothing");
    let (status, words) = rig.fails();
    assert!(status == Some(78) && words.contains("RB-FILE-009-nothing"), "{words}");
}

#[test]
fn an_altered_log_does_not_start_and_names_the_entry() {
    let rig = Rig::new();
    let running = rig.start();
    assert_eq!(rig.send(&mut rig.agent(), &rig.own_order(1)).outcome, Outcome::Observed);
    drop(running);
    let tail = rig.evidence().join("writer/tail-0");
    let mut bytes = fs::read(&tail).unwrap();
    // The first of two entries: the last alone could be taken for one that a power cut tore.
    let at = bytes.windows(6).position(|w| w == b"opened").unwrap();
    bytes[at] ^= 1;
    fs::write(&tail, bytes).unwrap();
    let (status, words) = rig.fails();
    assert_eq!(status, Some(74));
    assert!(words.contains("entry 0") || words.contains("2 entries"), "{words}");
}

#[test]
fn two_executors_are_one_too_many() {
    let rig = Rig::new();
    let _running = rig.start();
    let (status, words) = rig.fails();
    assert!(status == Some(74) && words.contains("another process writes this log"), "{words}");
}

#[test]
fn setting_up_again_keeps_the_key() {
    let rig = Rig::new();
    let key = |output: std::process::Output| String::from_utf8(output.stdout).unwrap();
    assert_eq!(key(rig.init()), key(rig.init()));
}

#[test]
fn a_sheet_that_is_none_is_refused_with_its_place() {
    let rig = Rig::new();
    fs::write(rig.path("sheet.json"), "{\"hub\": 1}").unwrap();
    let output = rig.init();
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        output.status.code() == Some(78) && words.contains("sheet.json") && words.contains("line 1 column"),
        "{words}"
    );
}

#[test]
fn two_operators_with_one_key_and_a_tag_that_is_none_do_not_start() {
    let key = String::from(contract::dsse::OperatorSigner::from_seed(&[31; 32]).public());
    let config = |rig: &Rig| rig.path("executor/executor.yaml");
    let started_with = |line: &str| {
        let rig = Rig::new();
        let text = fs::read_to_string(config(&rig)).unwrap();
        fs::write(config(&rig), text + line).unwrap();
        rig.fails()
    };
    let (status, words) = started_with(&format!("operators: {{ jane: \"{key}\", j-doe: \"{key}\" }}\n"));
    assert_eq!(status, Some(78), "{words}");
    assert!(words.contains("j-doe and jane have the same key"), "{words}");
    let (status, words) = started_with("tags: [Reception desk]\n");
    assert_eq!(status, Some(78), "{words}");
    assert!(words.contains("executor.yaml") && words.contains("a tag"), "{words}");
}
