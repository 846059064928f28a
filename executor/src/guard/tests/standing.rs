//! A standing order is verified like an order, grants no more than it may, and counts only while the hub is silent.

use contract::fact::FactValue;
use contract::grant::{SILENCE_MS, StandingOrder};
use contract::incident::What;
use contract::record::{Body, StandingTaken};

use super::*;

const RULES: &str = "rules:\n  - id: own\n    os: linux\n    priority: 100\n    when:\n      controls: [suture.evidence-directory]\n    run: RB-FILE-001-own-directories\n  - id: kernel\n    os: linux\n    priority: 100\n    when:\n      controls: [kernel.messages]\n    run: RB-KERNEL-001-sysctl\n";

fn grant(site: &Site) -> StandingOrder {
    StandingOrder {
        grant: "g-1".parse().unwrap(),
        tenant: site.tenant.clone(),
        site: site.site.clone(),
        host: site.host.clone(),
        catalogue_digest: site.catalogue.digest(),
        rules_digest: Digest::of(RULES.as_bytes()),
        runbooks: vec!["RB-FILE-001-own-directories".parse().unwrap()],
        counter: 1,
        issued: utc(NOW - 1000),
        expires: utc(NOW + 86_400_000),
    }
}

fn at(now: i64) -> Moment {
    Moment { now: utc(now), ..around().moment }
}

fn open_as(site: &Site, grant: &StandingOrder, rules: &str) -> Result<VerifiedStanding, StandingDenied> {
    let envelope = hub().sign(PayloadType::StandingOrder, &serde_json::to_vec(grant).unwrap());
    VerifiedStanding::open(site, &envelope, rules, utc(NOW))
}

fn refused(bend: impl FnOnce(&mut StandingOrder)) -> StandingDenied {
    let site = site();
    let mut altered = grant(&site);
    bend(&mut altered);
    open_as(&site, &altered, RULES).unwrap_err()
}

fn drift(control: &str) -> What {
    What::Drift {
        control: control.parse().unwrap(),
        fact: "own:evidence".parse().unwrap(),
        observed: FactValue::Flag(false),
    }
}

fn decide(
    site: &Site,
    standing: &VerifiedStanding,
    control: &str,
    now: i64,
    silent_ms: u64,
) -> Result<(), Refusal> {
    let order = standing.decide(
        site,
        &"i-1".parse().unwrap(),
        &drift(control),
        utc(now),
        silent_ms,
        "s-1".parse().unwrap(),
    )?;
    let mut around = around();
    around.moment.now = utc(now);
    permit(site, &Ledger::default(), &around, order, Arrival::New).map(drop).map_err(|denied| denied.refusal)
}

#[test]
fn a_good_one_lets_the_site_decide_once_the_hub_was_silent_for_five_minutes() {
    let site = site();
    let standing = open_as(&site, &grant(&site), RULES).unwrap();
    let decide = |control, now, silent| decide(&site, &standing, control, now, silent);
    assert_eq!(decide("suture.evidence-directory", NOW, SILENCE_MS), Ok(()));
    let heard = Refusal::HubHeard { ago_ms: SILENCE_MS - 1 };
    assert_eq!(decide("suture.evidence-directory", NOW, SILENCE_MS - 1), Err(heard));
    assert_eq!(
        decide("suture.evidence-directory", NOW + 86_400_001, SILENCE_MS),
        Err(Refusal::NoStandingOrder)
    );
    assert_eq!(
        decide("kernel.messages", NOW, SILENCE_MS),
        Err(Refusal::NotGranted),
        "the rules name it, the grant does not"
    );
    assert_eq!(decide("ssh.root-login", NOW, SILENCE_MS), Err(Refusal::NoRule));
}

#[test]
fn it_is_verified_like_an_order() {
    let site = site();
    let bytes = serde_json::to_vec(&grant(&site)).unwrap();
    let stranger = HubSigner::from_seed(&[2; 32]).sign(PayloadType::StandingOrder, &bytes);
    let by_a_stranger = VerifiedStanding::open(&site, &stranger, RULES, utc(NOW)).unwrap_err();
    assert_eq!(by_a_stranger, Refusal::Signature(SignatureFault::NotByAPinnedKey).into());
    let as_an_order = hub().sign(PayloadType::Order, &bytes);
    let relabelled = VerifiedStanding::open(&site, &as_an_order, RULES, utc(NOW)).unwrap_err();
    assert_eq!(relabelled, Refusal::Signature(SignatureFault::WrongType).into());
    assert_eq!(refused(|g| g.host = "h-2".parse().unwrap()), Refusal::NotForUs(Addressee::Host).into());
    assert_eq!(
        refused(|g| g.catalogue_digest = Digest::of(b"x")),
        StandingDenied::Catalogue(Digest::of(b"x"))
    );
    assert_eq!(refused(|g| g.expires = utc(NOW + 40 * 86_400_000)), StandingDenied::Lifetime);
    assert_eq!(refused(|g| g.expires = g.issued), StandingDenied::Lifetime);
    assert_eq!(open_as(&site, &grant(&site), "rules: []\n").unwrap_err(), StandingDenied::OtherRules);
}

#[test]
fn it_grants_nothing_that_waits_for_a_window_or_a_person() {
    for change in [("disruptive: false", "disruptive: true"), ("approval: none", "approval: one_person")] {
        let site = site_of_changed(&[change]);
        let id = "RB-FILE-001-own-directories".parse().unwrap();
        assert_eq!(open_as(&site, &grant(&site), RULES).unwrap_err(), StandingDenied::Grants(id));
    }
}

#[test]
fn it_has_a_counter_of_its_own_and_an_end_and_can_be_taken_back() {
    let site = site();
    let mut ledger = Ledger::default();
    let first = open_as(&site, &grant(&site), RULES).unwrap();
    assert_eq!(first.fresh(&ledger, &at(NOW)), Ok(()));
    assert!(matches!(
        first.fresh(&ledger, &at(NOW + 86_400_001)),
        Err(StandingDenied::Refused(Refusal::Expired { .. }))
    ));
    let taken = StandingTaken {
        grant: "g-1".parse().unwrap(),
        counter: 1,
        expires: utc(NOW),
        runbooks: 1,
        envelope: contract::blob::Blob(vec![1]),
    };
    ledger.apply(&record(Body::StandingTaken(Box::new(taken))), None);
    assert_eq!(first.fresh(&ledger, &at(NOW)), Err(Refusal::Replayed { counter: 1, highest: 1 }.into()));
    assert_eq!(ledger.highest_counter(), 0, "the orders' counter was touched");
    let back = StandingOrder { runbooks: vec![], counter: 2, ..grant(&site) };
    let back = open_as(&site, &back, "").unwrap();
    assert_eq!(back.fresh(&ledger, &at(NOW)), Ok(()));
    let nothing = decide(&site, &back, "suture.evidence-directory", NOW, SILENCE_MS);
    assert_eq!(nothing, Err(Refusal::NoStandingOrder));
}

#[test]
fn it_is_not_taken_by_a_clock_that_is_behind_the_log() {
    let site = site();
    let mut ledger = Ledger::default();
    let later = utc(NOW + 2 * 86_400_000);
    ledger.acknowledged(1, later, around().moment.mono);
    let standing = open_as(&site, &grant(&site), RULES).unwrap();
    assert_eq!(standing.fresh(&ledger, &at(NOW)), Err(Refusal::ClockBehind { at: later }.into()));
}

#[test]
fn what_it_made_is_withdrawn_when_the_hub_is_heard_and_goes_on_once_it_acted() {
    let site = site();
    let standing = open_as(&site, &grant(&site), RULES).unwrap();
    let made = standing
        .decide(
            &site,
            &"i-1".parse().unwrap(),
            &drift("suture.evidence-directory"),
            utc(NOW),
            SILENCE_MS,
            "s-1".parse().unwrap(),
        )
        .unwrap()
        .to_bytes();
    let again = |silent_ms, arrival| {
        standing.again(&site, &made, utc(NOW), silent_ms, arrival).map(|order| order.id().to_string())
    };
    for arrival in [Arrival::InLine, Arrival::Resumed] {
        assert_eq!(again(SILENCE_MS - 1, arrival), Err(Refusal::HubHeard { ago_ms: SILENCE_MS - 1 }));
        assert_eq!(again(SILENCE_MS, arrival), Ok("s-1".to_owned()));
    }
    assert_eq!(again(0, Arrival::Settled), Ok("s-1".to_owned()));
}
