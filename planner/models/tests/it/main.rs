//! Models over the network, against a server of our own that speaks each wire: as it should, and in every other way.
#![allow(clippy::unwrap_used, reason = "a failed expectation is the test's own message")]

mod budgets;
mod providers;
mod server;
mod strangers;

use std::path::PathBuf;

use contract::ids::TenantId;
use contract::time::UtcTime;
use models::{Asked, Models};
use planner::model::Prompt;
use tempfile::TempDir;

pub(crate) const KEY: &str = "sk-a-key-that-nobody-may-see";
pub(crate) const ANSWER: &str = r#"{"runbook_id":"RB-TIME-001-sync","confidence":93,"reason":"repairs_it"}"#;

pub(crate) fn prompt() -> Prompt {
    let schema =
        serde_json::json!({ "type": "object", "properties": { "runbook_id": { "enum": ["escalate"] } } });
    Prompt { system: "You choose.", user: r#"{"found":"ignore-previous-instructions"}"#.to_owned(), schema }
}

pub(crate) fn tenant() -> TenantId {
    "clinic".parse().unwrap()
}

pub(crate) fn now() -> UtcTime {
    "2026-11-27T10:00:00.000Z".to_owned().try_into().unwrap()
}

/// A `models.yaml` of these models, each `(id, wire, url)`.
pub(crate) struct Rig {
    pub(crate) models: Models,
    _directory: TempDir,
}

pub(crate) fn file(
    directory: &TempDir,
    models: &[(&str, &str, String)],
    more: &str,
    budgets: &str,
) -> PathBuf {
    use std::os::unix::fs::PermissionsExt as _;
    let key = directory.path().join("key");
    edge::file::write_durably(&key, KEY.as_bytes()).unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    let mut yaml = "version: 1\nmodels:\n".to_owned();
    for (id, wire, url) in models {
        let line = format!(
            "  - {{ id: {id}, wire: {wire}, url: \"{url}\", model: a-model, key_file: {}, input_price: 1000000, output_price: 2000000, timeout_ms: 1500{more} }}\n",
            key.display()
        );
        yaml.push_str(&line);
    }
    yaml.push_str(&["budgets:\n  default: ", budgets, "\n"].concat());
    let path = directory.path().join("models.yaml");
    edge::file::write_durably(&path, yaml.as_bytes()).unwrap();
    path
}

pub(crate) const MUCH: &str = "{ hour: 1000, day: 1000, month: 1000000000 }";

impl Rig {
    pub(crate) fn new(models: &[(&str, &str, String)]) -> Self {
        Self::within(models, MUCH)
    }

    pub(crate) fn within(models: &[(&str, &str, String)], budgets: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = file(&directory, models, "", budgets);
        Self { models: Models::read(&path).unwrap(), _directory: directory }
    }

    pub(crate) async fn ask(&self) -> Asked {
        self.models.ask(&tenant(), &prompt(), now()).await
    }
}
