//! The tenth guardrail: what the site's policy says of an order.

use super::*;

#[test]
fn guardrail_10_policy_refuses_what_nothing_allows() {
    let site = site();
    let ask = |control, runbook| ask(&site, &Ledger::default(), &order_for(&site, control, runbook));
    assert_eq!(ask("files.shadow", "RB-FILE-002-system-files"), Ok(()));
    let nothing =
        Surroundings { policy: Arc::new(engine("policy: 1\nname: nothing\nrules: []\n")), ..around() };
    let order = order_for(&site, "files.shadow", "RB-FILE-002-system-files");
    let refused = ask_at(&site, &Ledger::default(), &nothing, &sign(&order));
    assert_eq!(refused, Err(Refusal::NotAllowed(Verb::FileRestore)));
}

#[test]
fn a_policy_that_wants_a_review_is_satisfied_by_a_persons_signature() {
    let text = crate::policy_verb::DEFAULT.replace("answer: allow", "answer: require_review");
    let reviewing = Surroundings { policy: Arc::new(engine(&text)), ..around() };
    let site = site();
    let order = sign(&order_for(&site, "files.shadow", "RB-FILE-002-system-files"));
    let asked = |envelope: &[u8]| ask_at(&site, &Ledger::default(), &reviewing, envelope);
    assert_eq!(asked(&order), Err(Refusal::NeedsReview(Verb::FileRestore)));
    assert_eq!(asked(&jane().approve(&order).unwrap()), Ok(()));
}

#[test]
fn a_rule_on_tags_matches_what_the_site_calls_the_machine() {
    let text = "policy: 1\nname: tagged\nrules:\n  - id: lab\n    match: { tags: [lab] }\n    answer: allow\n    why: The lab repairs itself.\n";
    let around = Surroundings { policy: Arc::new(engine(text)), ..around() };
    let asked = |tags: &[&str]| {
        let site = Site { tags: tags.iter().map(|tag| tag.parse().unwrap()).collect(), ..site() };
        let order = sign(&order_for(&site, "files.shadow", "RB-FILE-002-system-files"));
        ask_at(&site, &Ledger::default(), &around, &order)
    };
    assert_eq!(asked(&["lab", "reception"]), Ok(()));
    assert_eq!(asked(&["reception"]), Err(Refusal::NotAllowed(Verb::FileRestore)));
}
