//! What `cargo metadata` says, as far as the layers are concerned.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// How one crate depends on another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// In what is built and shipped, or in building it.
    Normal,
    /// In tests, examples and benchmarks only.
    Dev,
}

/// The workspace's crates, the edges between them, and what each crate of the lock file depends on in what is shipped.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    pub(crate) members: BTreeSet<String>,
    pub(crate) edges: BTreeSet<(String, Kind, String)>,
    /// From package id to the package ids of its normal dependencies.
    normal: BTreeMap<String, BTreeSet<String>>,
    names: BTreeMap<String, String>,
}

/// Asks cargo. The features of all members are united there, so this errs on the side of red.
pub(crate) fn read(root: &Path) -> Result<Graph, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--locked"])
        .current_dir(root)
        .output()
        .map_err(|e| format!("cargo metadata: {e}"))?;
    if !output.status.success() {
        return Err(format!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    parse(&output.stdout)
}

/// From the JSON that cargo prints.
pub(crate) fn parse(json: &[u8]) -> Result<Graph, String> {
    let metadata: Value = serde_json::from_slice(json).map_err(|e| format!("cargo metadata: {e}"))?;
    let mut graph = Graph::default();
    let members: BTreeSet<&str> =
        list(&metadata["workspace_members"])?.iter().filter_map(Value::as_str).collect();
    for package in list(&metadata["packages"])? {
        let (id, name) = (word(&package["id"])?, word(&package["name"])?);
        graph.names.insert(id.to_owned(), name.to_owned());
        if members.contains(id) {
            graph.members.insert(name.to_owned());
        }
    }
    for node in list(&metadata["resolve"]["nodes"])? {
        let from = word(&node["id"])?;
        for dependency in list(&node["deps"])? {
            let to = word(&dependency["pkg"])?;
            for kind in list(&dependency["dep_kinds"])? {
                graph.add(from, kind["kind"].as_str(), to, members.contains(from) && members.contains(to))?;
            }
        }
    }
    if graph.members.is_empty() { Err("cargo metadata names no member".to_owned()) } else { Ok(graph) }
}

impl Graph {
    fn add(&mut self, from: &str, kind: Option<&str>, to: &str, within: bool) -> Result<(), String> {
        if kind.is_none() {
            self.normal.entry(from.to_owned()).or_default().insert(to.to_owned());
        }
        if within {
            let kind = match kind {
                None | Some("build") => Kind::Normal,
                Some("dev") => Kind::Dev,
                Some(other) => return Err(format!("cargo metadata: unknown kind of dependency {other}")),
            };
            self.edges.insert((self.name(from), kind, self.name(to)));
        }
        Ok(())
    }

    fn name(&self, id: &str) -> String {
        self.names.get(id).cloned().unwrap_or_else(|| id.to_owned())
    }

    /// The shortest way from `member` to a crate named `wanted` along what is shipped, both ends included.
    pub(crate) fn way(&self, member: &str, wanted: &str) -> Option<Vec<String>> {
        let start = self.names.iter().find(|(id, name)| *name == member && id.starts_with("path+"))?.0;
        let mut ways = vec![vec![start.clone()]];
        let mut seen: BTreeSet<String> = BTreeSet::from([start.clone()]);
        while !ways.is_empty() {
            let mut longer = Vec::new();
            for way in ways {
                let last = way.last()?;
                if self.names.get(last).is_some_and(|name| name == wanted) {
                    return Some(way.iter().map(|id| self.name(id)).collect());
                }
                for next in self.normal.get(last).into_iter().flatten() {
                    if seen.insert(next.clone()) {
                        longer.push(way.iter().chain([next]).cloned().collect());
                    }
                }
            }
            ways = longer;
        }
        None
    }
}

fn list(value: &Value) -> Result<&Vec<Value>, String> {
    value.as_array().ok_or_else(|| "cargo metadata: a list is missing".to_owned())
}

fn word(value: &Value) -> Result<&str, String> {
    value.as_str().ok_or_else(|| "cargo metadata: a name is missing".to_owned())
}
