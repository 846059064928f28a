//! Which crate may know which. Arrows point one way; an edge that is not in the table is red, and so is a crate that is not in it.

use crate::Finding;
use crate::graph::{Graph, Kind};

/// What a crate is: apps are ends, never anyone's dependency, not even in tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    App,
    Library,
}

/// Each crate with what it may depend on. In its tests a library may know the same, an app any library.
const TABLE: [(&str, Sort, &[&str]); 29] = [
    ("contract", Sort::Library, &[]),
    ("tlog", Sort::Library, &[]),
    ("edge", Sort::Library, &["contract"]),
    ("evidence", Sort::Library, &["contract", "edge", "tlog"]),
    ("archive", Sort::Library, &["contract", "edge"]),
    ("detectors", Sort::Library, &["contract"]),
    // Itself: its tests turn its features on.
    ("queue", Sort::Library, &["contract", "edge", "queue"]),
    ("identity", Sort::Library, &["contract"]),
    ("facts", Sort::Library, &["contract", "edge"]),
    ("changes", Sort::Library, &["contract", "facts"]),
    ("hands", Sort::Library, &["contract", "edge", "facts", "guest", "sandbox"]),
    ("planner", Sort::Library, &["contract"]),
    ("models", Sort::Library, &["contract", "edge", "planner"]),
    ("policy", Sort::Library, &["contract"]),
    ("packet", Sort::Library, &["contract", "tlog"]),
    ("sandbox", Sort::Library, &[]),
    ("witness", Sort::Library, &["edge", "tlog"]),
    ("verify", Sort::App, &["contract", "tlog"]),
    (
        "executor",
        Sort::App,
        &[
            "changes", "contract", "edge", "evidence", "facts", "hands", "planner", "policy", "sandbox",
            "tlog",
        ],
    ),
    ("agent", Sort::App, &["changes", "contract", "detectors", "edge", "facts", "identity"]),
    (
        "hub",
        Sort::App,
        &[
            "archive", "contract", "edge", "evidence", "identity", "models", "packet", "planner", "queue",
            "tlog", "witness",
        ],
    ),
    ("cli", Sort::App, &["contract", "detectors", "edge", "models", "planner", "policy"]),
    ("suture-witness", Sort::App, &["contract", "edge", "tlog", "witness"]),
    // It knows what a document is, and nothing of what one is about.
    ("suture-typeset", Sort::App, &["contract", "packet"]),
    // For tests alone: a machine to run programs on. It knows none of them.
    ("guest", Sort::Library, &[]),
    // Likewise: a machine with a kernel, a clock and disks of its own.
    ("lab", Sort::Library, &["contract", "edge", "guest"]),
    // What is done to such machines, and what comes of it: the programs are run there, not linked.
    ("faults", Sort::App, &["contract", "edge", "guest", "lab"]),
    // Tests alone: it holds one program's library to the corpus.
    ("e2e", Sort::App, &["contract", "evidence", "tlog", "verify"]),
    ("xtask", Sort::App, &[]),
];

/// Crates that must stay free of whole worlds, however far down: the cores of I/O, the executor, the verifier and the typesetter of any network.
const FREE_OF: [(&[&str], &[&str]); 2] = [
    (
        &["contract", "detectors", "packet", "tlog", "planner", "policy", "witness"],
        &["tokio", "reqwest", "hyper", "rusqlite", "notify", "rustls", "zbus"],
    ),
    (&["verify", "executor", "suture-typeset"], &["tokio", "reqwest", "hyper", "rustls"]),
];

/// Every edge, every crate, and every world.
pub(crate) fn check(graph: &Graph) -> Vec<Finding> {
    let wrong = |place: &str, what: String| Finding::new("layers", place, what);
    let row = |name: &str| TABLE.iter().find(|(crate_name, ..)| *crate_name == name);
    let unknown = graph.members.iter().filter(|member| row(member).is_none());
    let mut findings: Vec<Finding> = unknown
        .map(|member| wrong(member, "is not in the table of xtask/src/layers.rs".to_owned()))
        .collect();
    for (from, kind, to) in &graph.edges {
        let Some((_, sort, may)) = row(from) else { continue };
        let to_a_library = row(to).is_some_and(|(_, sort, _)| *sort == Sort::Library);
        // With a feature of its own, in its own tests.
        let itself = *kind == Kind::Dev && from == to;
        let allowed = itself
            || may.contains(&to.as_str())
            || (*kind == Kind::Dev && *sort == Sort::App && to_a_library);
        if !allowed {
            let how = if *kind == Kind::Dev { "depends, in its tests," } else { "depends" };
            findings.push(wrong(from, format!("{how} on {to}, which the table does not allow")));
        }
    }
    for (crates, worlds) in FREE_OF {
        for (member, world) in crates.iter().flat_map(|m| worlds.iter().map(move |w| (m, w))) {
            if let Some(way) = graph.way(member, world) {
                findings.push(wrong(member, format!("must not reach {world}: {}", way.join(" → "))));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph;

    /// A `cargo metadata` of members, foreign crates and edges, as cargo writes it.
    fn metadata(members: &[&str], foreign: &[&str], edges: &[(&str, Option<&str>, &str)]) -> Graph {
        let id = |name: &str| {
            if members.contains(&name) {
                format!("path+file:///x/{name}#0.1.0")
            } else {
                format!("registry+x#{name}@1")
            }
        };
        let all = || members.iter().chain(foreign);
        let node = |from: &str| {
            let deps = edges.iter().filter(|(f, ..)| *f == from).map(|(_, kind, to)| {
                serde_json::json!({"name": to, "pkg": id(to), "dep_kinds": [{"kind": kind, "target": null}]})
            });
            serde_json::json!({"id": id(from), "deps": deps.collect::<Vec<_>>()})
        };
        let json = serde_json::json!({
            "packages": all().map(|n| serde_json::json!({"id": id(n), "name": n})).collect::<Vec<_>>(),
            "workspace_members": members.iter().map(|n| id(n)).collect::<Vec<_>>(),
            "resolve": {"nodes": all().map(|n| node(n)).collect::<Vec<_>>()},
        });
        graph::parse(json.to_string().as_bytes()).unwrap()
    }

    fn red(members: &[&str], foreign: &[&str], edges: &[(&str, Option<&str>, &str)]) -> Vec<String> {
        check(&metadata(members, foreign, edges)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_the_table_allows_is_green() {
        let members = ["contract", "tlog", "evidence", "verify", "hub", "planner"];
        let edges = [
            ("evidence", None, "tlog"),
            ("verify", None, "contract"),
            ("verify", Some("dev"), "evidence"),
            ("hub", None, "planner"),
            ("hub", None, "tokio"),
        ];
        assert_eq!(red(&members, &["tokio"], &edges), Vec::<String>::new());
    }

    #[test]
    fn each_edge_that_the_table_does_not_hold_is_red() {
        let members =
            ["contract", "tlog", "evidence", "verify", "hub", "agent", "executor", "cli", "planner"];
        for edge in [
            ("verify", None, "evidence"),
            ("verify", Some("build"), "evidence"),
            ("contract", None, "tlog"),
            ("tlog", None, "contract"),
            ("tlog", Some("dev"), "contract"),
            ("agent", None, "executor"),
            ("agent", Some("dev"), "executor"),
            ("cli", Some("dev"), "hub"),
            ("evidence", Some("dev"), "verify"),
            ("executor", None, "hub"),
        ] {
            assert_eq!(red(&members, &[], &[edge]).len(), 1, "{edge:?}");
        }
    }

    #[test]
    fn a_crate_that_nobody_placed_is_red() {
        assert_eq!(red(&["contract", "common-things"], &[], &[]).len(), 1);
    }

    #[test]
    fn a_runtime_far_below_a_core_is_red_and_the_way_is_named() {
        let foreign = ["innocent", "tokio"];
        let edges =
            [("planner", None, "contract"), ("contract", None, "innocent"), ("innocent", None, "tokio")];
        let found = red(&["contract", "planner", "hub"], &foreign, &edges);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[1].contains("planner → contract → innocent → tokio"), "{found:?}");
        let executor = [("executor", None, "innocent"), ("innocent", None, "tokio")];
        assert_eq!(red(&["executor"], &foreign, &executor).len(), 1);
        // In tests, and while building, a core may use what it likes.
        let dev = [("contract", Some("dev"), "tokio")];
        assert_eq!(red(&["contract"], &foreign, &dev), Vec::<String>::new());
    }

    #[test]
    fn metadata_that_says_nothing_is_an_error() {
        assert!(graph::parse(b"{}").is_err());
        assert!(graph::parse(br#"{"packages":[],"workspace_members":[],"resolve":{"nodes":[]}}"#).is_err());
    }
}
