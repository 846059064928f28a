//! Who has to agree is somebody else than who chose.

use super::*;

#[test]
fn whoever_chose_a_runbook_is_not_a_second_person() {
    let joe = OperatorSigner::from_seed(&[22; 32]);
    let with_joe = |site: Site| {
        let operators = [("jane".parse().unwrap(), jane().public()), ("joe".parse().unwrap(), joe.public())];
        Site { operators: BTreeMap::from(operators), ..site }
    };
    let by_jane =
        |order: Order| sign(&Order { provenance: Provenance::Person("jane".parse().unwrap()), ..order });
    // The runbook asks for a person.
    let one = with_joe(site_of_changed(&[("approval: none", "approval: one_person")]));
    let order = by_jane(own_order(&one));
    let asked = |envelope: &[u8]| ask_at(&one, &Ledger::default(), &around(), envelope);
    let alone = jane().approve(&order).unwrap();
    assert_eq!(asked(&alone), Err(Refusal::NeedsApproval { have: 0, need: 1 }));
    assert_eq!(asked(&joe.approve(&order).unwrap()), Ok(()));
    assert_eq!(asked(&joe.approve(&alone).unwrap()), Ok(()), "her own signature spoils his");
    let both = jane().approve(&joe.approve(&sign(&own_order(&one))).unwrap()).unwrap();
    assert_eq!(asked(&both), Ok(()), "the rules chose it, and she is as good as he");
    // What flaps.
    let calm = with_joe(site());
    let tired = war(&own_order(&calm).control, 3);
    let order = by_jane(own_order(&calm));
    let asked = |envelope: &[u8]| ask_at(&calm, &tired, &around(), envelope);
    assert!(matches!(asked(&jane().approve(&order).unwrap()), Err(Refusal::Flapping { .. })));
    assert_eq!(asked(&joe.approve(&order).unwrap()), Ok(()));
    // The policy's review.
    let text = crate::policy_verb::DEFAULT.replace("answer: allow", "answer: require_review");
    let reviewing = Surroundings { policy: Arc::new(engine(&text)), ..around() };
    let order = by_jane(order_for(&calm, "files.shadow", "RB-FILE-002-system-files"));
    let asked = |envelope: &[u8]| ask_at(&calm, &Ledger::default(), &reviewing, envelope);
    let review = Err(Refusal::NeedsReview(Verb::FileRestore));
    assert_eq!(asked(&jane().approve(&order).unwrap()), review);
    assert_eq!(asked(&joe.approve(&order).unwrap()), Ok(()));
}
