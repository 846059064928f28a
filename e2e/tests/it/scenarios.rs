//! The scenarios of `nixosTests` name, for each threat, the tests that hold it where no NixOS is booted. Those must be there.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenario {
    threat: String,
    data: serde_json::Value,
    held_here: Vec<Held>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Held {
    file: String,
    test: String,
}

/// What a scenario names that is not there.
fn missing(tree: &Path, scenarios: &BTreeMap<String, Scenario>) -> Vec<String> {
    let there = |held: &Held| {
        let text = std::fs::read_to_string(tree.join(&held.file)).unwrap_or_default();
        ["fn ", "def "].iter().any(|word| text.contains(&format!("{word}{}(", held.test)))
    };
    let of = |(name, scenario): (&String, &Scenario)| {
        let gone = scenario.held_here.iter().filter(|held| !there(held));
        gone.map(|held| format!("{name}: {} has no test {}", held.file, held.test)).collect::<Vec<_>>()
    };
    scenarios.iter().flat_map(of).collect()
}

#[test]
fn each_threat_is_held_here_by_a_test_that_there_is() {
    let tree = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let text = std::fs::read_to_string(tree.join("nixosTests/scenarios.json")).unwrap();
    let scenarios: BTreeMap<String, Scenario> = serde_json::from_str(&text).unwrap();
    assert!(scenarios.len() >= 12, "{}", scenarios.len());
    for (name, scenario) in &scenarios {
        assert!(scenario.threat.ends_with('.') && scenario.data.is_object(), "{name}");
        assert!(!scenario.held_here.is_empty(), "{name}");
    }
    assert_eq!(missing(&tree, &scenarios), Vec::<String>::new());
    let gone = text.replace("nothing_listens_on_a_network", "something_listens_on_a_network");
    assert_eq!(missing(&tree, &serde_json::from_str(&gone).unwrap()).len(), 1, "the check takes anything");
}
