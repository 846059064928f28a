use contract::time::MonoNs;

use super::*;
use crate::decision::Reason;
use crate::word::Verbs;

/// Row 18 of the normative table. `Protected::nothing` is compiled into these tests and into nothing else.
#[test]
fn case_18_without_built_ins_the_rules_are_still_evaluated() {
    let text = "policy: 1\nname: test\nrules:
  - id: all
    match: { verbs: [file.restore] }
    answer: allow
    why: a test
  - id: not-this
    match: { paths: [/etc/shadow] }
    answer: deny
    why: a test\n";
    let policy = Policy::parse("test.yaml", text, &Verbs::of(&["file.restore"]).unwrap()).unwrap();
    let digest = policy.digest();
    let engine = Engine::new(InForce::of(policy, Some(digest), None).unwrap(), Protected::nothing());
    let answer = |path: &str| {
        let request: Request = serde_json::from_value(serde_json::json!({
            "verb": "file.restore",
            "operation": "write",
            "resource": { "path": path },
            "runbook": "RB-FILE-002-system-files",
            "actor": "hub",
        }))
        .unwrap();
        let judged = engine.decide(Ask::plain(&request, MonoNs(1))).judged;
        (judged.answer, judged.reasons())
    };
    let rule = |id: &str| vec![Reason::Rule(id.try_into().unwrap())];
    assert_eq!(answer("/etc/shadow"), (Answer::Deny, rule("not-this")));
    assert_eq!(answer("/var/lib/suture/evidence/checkpoint"), (Answer::Allow, rule("all")));
}
