//! Any bytes as a policy file: `just fuzz-policy`. It starts from `crates/policy/corpus/policy`, which a test of the crate replays.
//!
//! What parses decides without a panic; what is untouchable stays so; the same bytes mean the same again; and a further deny makes no answer milder.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use policy::{Answer, CanonicalPath, Policy, Protected, Request, Role, Verbs};

struct Given {
    verbs: Verbs,
    protected: Protected,
    requests: Vec<Request>,
    untouchable: Request,
}

static GIVEN: LazyLock<Given> = LazyLock::new(|| {
    let own = CanonicalPath::try_from("/var/lib/suture").expect("it is canonical");
    let paths = Role::ALL.map(|role| (own.clone(), role)).to_vec();
    let unit = "suture-executor.service".try_into().expect("it is a unit");
    let request = |verb: &str, operation: &str, resource: serde_json::Value, actor: serde_json::Value| {
        serde_json::from_value(serde_json::json!({
            "verb": verb, "operation": operation, "resource": resource, "actor": actor,
            "runbook": "RB-SERVICE-001-restart", "tags": ["reception"], "measures": { "size_bytes": 1000 },
        }))
        .expect("it is a request")
    };
    let path = |text: &str| serde_json::json!({ "path": text });
    Given {
        verbs: Verbs::of(&["unit.restart", "file.restore", "files.prune", "command.run"]).expect("they are verbs"),
        protected: Protected::new(paths, vec![unit]).expect("every role has a path"),
        requests: vec![
            request("unit.restart", "control", serde_json::json!({ "unit": "cron.service" }), "hub".into()),
            request("unit.restart", "control", serde_json::json!({ "unit": "backup@a.service" }), "standing".into()),
            request("files.prune", "delete", path("/var/spool/scans/a"), "hub".into()),
            request("files.prune", "delete", path("/srv"), serde_json::json!({ "person": "ada" })),
        ],
        untouchable: request("file.restore", "write", path("/var/lib/suture/x"), "hub".into()),
    }
});

/// Another deny, for whoever wrote the rules as a block.
const DENY: &str = "\n  - id: fuzz-deny\n    match: { actors: [hub] }\n    answer: deny\n    why: a further deny\n";

fn mildness(answer: Answer) -> u8 {
    match answer {
        Answer::Deny => 0,
        Answer::Review => 1,
        Answer::Allow => 2,
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Given { verbs, protected, requests, untouchable } = &*GIVEN;
    let Ok(policy) = Policy::parse("fuzz.yaml", text, verbs) else { return };
    let again = Policy::parse("fuzz.yaml", text, verbs).expect("it was parsed a moment ago");
    assert!(policy::diff(&policy, &again).is_empty(), "the same bytes mean something else");
    assert_eq!(policy.explain(protected, untouchable).answer, Answer::Deny);
    let more = Policy::parse("more.yaml", &format!("{text}{DENY}"), verbs).ok();
    let more = more.filter(|more| more.rules().len() == policy.rules().len() + 1);
    for request in requests {
        let before = policy.explain(protected, request).answer;
        if let Some(more) = &more {
            let after = more.explain(protected, request).answer;
            assert!(mildness(after) <= mildness(before), "a deny made {after} of {before}");
        }
    }
});
