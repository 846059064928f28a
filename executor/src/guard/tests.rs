//! Each guardrail is shown an order that it must refuse; one order passes all ten. What happens where one is taken out is shown in `run::tests`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use contract::baseline::Baseline;
use contract::decision::Provenance;
use contract::dsse::{HubSigner, OperatorSigner, PayloadType, Signed};
use contract::fact::{FileMode, Word};
use contract::ids::ControlId;
use contract::record::{BreakGlass, Digests, GlassState, Opponent, PreviousLeaf, Record};
use contract::refusal::{Mode, Refusal};
use contract::runbook::{
    Catalogue, CatalogueFile, Confinement, OwnDirectory, ParameterFault, ParameterValue, TargetOs, Verb,
};
use jiff::tz::TimeZone;

use super::*;

mod behind;
mod decisions;
mod narrower;
mod people;
mod shipped;
mod sites_policy;
mod standing;

pub(crate) const NOW: i64 = 1_800_000_000_000;

pub(crate) fn hub() -> HubSigner {
    HubSigner::from_seed(&[1; 32])
}

pub(crate) fn jane() -> OperatorSigner {
    OperatorSigner::from_seed(&[21; 32])
}

pub(crate) fn utc(ms: i64) -> UtcTime {
    UtcTime::from_unix_ms(ms).unwrap()
}

/// Whatever is in an envelope, believed without a look at its signatures: what a guard without its first rail would do.
pub(super) fn unverified(envelope: &[u8]) -> Result<(Signed, Vec<OperatorId>), SignatureFault> {
    #[derive(serde::Deserialize)]
    struct Loose {
        payload: contract::blob::Blob,
    }
    let loose: Loose = serde_json::from_slice(envelope).map_err(|_| SignatureFault::NotAnEnvelope)?;
    let again = hub().sign(PayloadType::Order, &loose.payload.0);
    Ok((dsse::open(PayloadType::Order, &again, &[hub().public()])?, Vec::new()))
}

pub(crate) fn around() -> Surroundings {
    Surroundings {
        moment: Moment { now: utc(NOW), mono: MonoNs(1 << 60), clock: ClockOffset::Unsynchronised },
        confinement: BTreeSet::new(),
        system: TargetOs::Debian,
        dependants: BTreeMap::new(),
        opponent: Opponent::Unknown,
        policy: Arc::new(engine(crate::policy_verb::DEFAULT)),
        links: Arc::new(::policy::NoLinks),
    }
}

/// A policy in force, on a machine with Suture in its usual places.
pub(crate) fn engine(text: &str) -> ::policy::Engine {
    let words: Vec<&str> = Verb::ALL.iter().map(|verb| verb.word()).collect();
    let parsed = ::policy::Policy::parse("policy.yaml", text, &::policy::Verbs::of(&words).unwrap()).unwrap();
    let digest = parsed.digest();
    let at = |path, role| {
        (
            ::policy::CanonicalPath::resolve(path, None, ::policy::Last::Followed, &::policy::NoLinks)
                .unwrap(),
            role,
        )
    };
    let places = vec![
        at("/var/lib/suture/policy.yaml", ::policy::Role::Policy),
        at("/var/lib/suture/evidence", ::policy::Role::Evidence),
        at("/var/lib/suture", ::policy::Role::State),
        at("/var/lib/suture/keys", ::policy::Role::Keys),
        at("/usr/bin/suture-executor", ::policy::Role::Executor),
    ];
    let protected =
        ::policy::Protected::new(places, vec!["suture-executor.service".parse().unwrap()]).unwrap();
    ::policy::Engine::new(::policy::InForce::of(parsed, Some(digest), None).unwrap(), protected)
}

fn shipped(name: &str, text: &str) -> CatalogueFile {
    CatalogueFile { file: format!("{name}.yaml"), text: text.to_owned() }
}

pub(crate) fn site_with(files: Vec<CatalogueFile>, mode: Mode, enforce: &[&str]) -> Site {
    let baseline = include_str!("../../../baseline/hipaa-v1.yaml");
    Site {
        tenant: "clinic".parse().unwrap(),
        site: "main".parse().unwrap(),
        host: "h-1".parse().unwrap(),
        users: contract::baseline::Users::one(0),
        hub_keys: vec![hub().public()],
        retired_hub_keys: Vec::new(),
        operators: BTreeMap::from([("jane".parse().unwrap(), jane().public())]),
        mode,
        mode_set_by: None,
        enforce: enforce.iter().map(|id| id.parse().unwrap()).collect(),
        window: None,
        critical_units: BTreeSet::new(),
        tags: BTreeSet::new(),
        targets_max: 5,
        order_lifetime_ms_max: None,
        clock_error_ms_max: CLOCK_ERROR_MAX_MS,
        catalogue: Catalogue::parse(&Catalogue::bundle(files).unwrap()).unwrap(),
        baseline: Baseline::parse("hipaa-v1.yaml", baseline).unwrap(),
        baseline_digest: Digest::of(baseline.as_bytes()),
        without: None,
    }
}

pub(crate) const OWN: &str = include_str!("../../../runbooks/RB-FILE-001-own-directories.yaml");
pub(crate) const FILES: &str = include_str!("../../../runbooks/RB-FILE-002-system-files.yaml");
const KERNEL: &str = include_str!("../../../runbooks/RB-KERNEL-001-sysctl.yaml");
const SERVICE: &str = include_str!("../../../runbooks/RB-SERVICE-001-restart.yaml");

pub(crate) fn site() -> Site {
    let files = vec![
        shipped("RB-FILE-001-own-directories", OWN),
        shipped("RB-FILE-002-system-files", FILES),
        shipped("RB-KERNEL-001-sysctl", KERNEL),
        shipped("RB-SERVICE-001-restart", SERVICE),
    ];
    site_with(files, Mode::Enforce, &[])
}

/// The runbook for own directories with one line changed: what a guardrail looks at is the runbook that the site approved.
pub(crate) fn site_of_changed(changes: &[(&str, &str)]) -> Site {
    let mut text = OWN.to_owned();
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    site_with(vec![shipped("RB-FILE-001-own-directories", &text)], Mode::Enforce, &[])
}

pub(crate) fn order_for(site: &Site, control: &str, runbook: &str) -> Order {
    let control = site.baseline.control(&control.parse().unwrap()).unwrap();
    let approved = site.catalogue.runbook(&runbook.parse().unwrap()).unwrap();
    Order {
        order: "o-1".parse().unwrap(),
        tenant: site.tenant.clone(),
        site: site.site.clone(),
        host: site.host.clone(),
        incident: "i-1".parse().unwrap(),
        control: control.id.clone(),
        runbook: approved.runbook.id.clone(),
        runbook_digest: approved.digest,
        catalogue_digest: site.catalogue.digest(),
        parameters: approved.runbook.bind(control).unwrap_or_default(),
        counter: 1,
        issued: utc(NOW - 1000),
        expires: utc(NOW + 1000),
        provenance: Provenance::Rules { table: Digest::of(b"rules"), rule: None },
        break_glass: None,
    }
}

pub(crate) fn own_order(site: &Site) -> Order {
    order_for(site, "suture.evidence-directory", "RB-FILE-001-own-directories")
}

pub(crate) fn sign(order: &Order) -> Vec<u8> {
    hub().sign(PayloadType::Order, &serde_json::to_vec(order).unwrap())
}

fn ask_at(site: &Site, ledger: &Ledger, around: &Surroundings, envelope: &[u8]) -> Result<(), Refusal> {
    SignedOrder(envelope)
        .verify(site, around.moment.now)
        .and_then(|verified| permit(site, ledger, around, verified, Arrival::New))
        .map(drop)
        .map_err(|denied| denied.refusal)
}

fn ask(site: &Site, ledger: &Ledger, order: &Order) -> Result<(), Refusal> {
    ask_at(site, ledger, &around(), &sign(order))
}

/// Asks for an order that was bent, and expects a refusal.
fn refused(bend: impl FnOnce(&mut Order)) -> Refusal {
    let site = site();
    let mut order = own_order(&site);
    bend(&mut order);
    ask(&site, &Ledger::default(), &order).unwrap_err()
}

fn refused_by(site: &Site) -> Refusal {
    ask(site, &Ledger::default(), &own_order(site)).unwrap_err()
}

fn record(body: contract::record::Body) -> Record {
    Record {
        origin: "hub.example/h-1".into(),
        seq: 1,
        time: utc(NOW),
        clock: ClockOffset::Unknown,
        prev: Some(PreviousLeaf([0; 32])),
        subject: "log".into(),
        digests: Digests::default(),
        body,
    }
}

#[test]
fn an_honest_order_passes_all_ten_in_the_designs_order() {
    let site = site();
    ask(&site, &Ledger::default(), &own_order(&site)).unwrap();
    let table: Vec<_> = REST.iter().map(|(g, _)| *g).collect();
    assert_eq!(table, Guardrail::ALL[4..9], "the table is not guardrails 5 to 9");
    assert_eq!(Permit::guardrails(), Guardrail::ALL);
}

#[test]
fn guardrail_1_signature() {
    let site = site();
    let open = |envelope: &[u8]| ask_at(&site, &Ledger::default(), &around(), envelope).unwrap_err();
    let bytes = serde_json::to_vec(&own_order(&site)).unwrap();
    let stranger = HubSigner::from_seed(&[2; 32]).sign(PayloadType::Order, &bytes);
    assert_eq!(open(&stranger), Refusal::Signature(SignatureFault::NotByAPinnedKey));
    assert!(matches!(
        open(&hub().sign(PayloadType::Order, b"{\"order\":1}")),
        Refusal::NotAnOrder { column: 1.. }
    ));
    assert_eq!(refused(|o| o.tenant = "other".parse().unwrap()), Refusal::NotForUs(Addressee::Tenant));
    assert_eq!(refused(|o| o.site = "other".parse().unwrap()), Refusal::NotForUs(Addressee::Site));
    assert_eq!(refused(|o| o.host = "other".parse().unwrap()), Refusal::NotForUs(Addressee::Host));
}

#[test]
fn the_hubs_previous_key_counts_until_its_end_date_and_not_a_millisecond_longer() {
    let old = HubSigner::from_seed(&[3; 32]);
    let asked = |until| {
        let mut site = site();
        site.retired_hub_keys = vec![RetiredKey { key: old.public(), until: utc(until) }];
        let envelope = old.sign(PayloadType::Order, &serde_json::to_vec(&own_order(&site)).unwrap());
        ask_at(&site, &Ledger::default(), &around(), &envelope)
    };
    assert_eq!(asked(NOW), Ok(()));
    assert_eq!(asked(NOW - 1), Err(Refusal::KeyEnded { at: utc(NOW - 1) }));
}

#[test]
fn an_unknown_key_in_a_signed_order_is_refused_too() {
    let site = site();
    let mut value = serde_json::to_value(own_order(&site)).unwrap();
    value["force"] = true.into();
    let envelope = hub().sign(PayloadType::Order, value.to_string().as_bytes());
    let refused = ask_at(&site, &Ledger::default(), &around(), &envelope);
    assert!(matches!(refused, Err(Refusal::NotAnOrder { .. })));
}

#[test]
fn guardrail_2_freshness() {
    assert!(matches!(refused(|o| o.expires = utc(NOW - 1)), Refusal::Expired { .. }));
    assert!(matches!(refused(|o| o.issued = utc(NOW + 120_000)), Refusal::FromTheFuture { .. }));
    assert_eq!(refused(|o| o.counter = 0), Refusal::Replayed { counter: 0, highest: 0 });
}

#[test]
fn guardrail_3_approved_runbook() {
    let other = Digest::of(b"x");
    assert!(matches!(refused(|o| o.catalogue_digest = other), Refusal::CatalogueNotApproved { .. }));
    assert_eq!(refused(|o| o.runbook_digest = other), Refusal::RunbookNotApproved);
    assert_eq!(refused(|o| o.runbook = "RB-NONE-001-x".parse().unwrap()), Refusal::RunbookNotApproved);
    assert_eq!(refused(|o| o.control = "files.shadow".parse().unwrap()), Refusal::NotTriggered);
}

#[test]
fn a_runbook_that_demands_confinement_or_another_system_is_refused_where_it_is_not() {
    let demanding = site_of_changed(&[("permissions:", "confinement: [landlock]\npermissions:")]);
    assert_eq!(refused_by(&demanding), Refusal::Unconfined(Confinement::Landlock));
    let confined = Surroundings { confinement: BTreeSet::from([Confinement::Landlock]), ..around() };
    let order = sign(&own_order(&demanding));
    assert_eq!(ask_at(&demanding, &Ledger::default(), &confined, &order), Ok(()));
    let nixos = site_of_changed(&[("target_os: linux", "target_os: nixos")]);
    assert_eq!(refused_by(&nixos), Refusal::OtherSystem);
}

#[test]
fn guardrail_4_parameters() {
    let fault = |bend: fn(&mut BTreeMap<contract::ids::ParameterName, ParameterValue>)| match refused(|o| {
        bend(&mut o.parameters);
    }) {
        Refusal::Parameter { fault, .. } => fault,
        other => panic!("{other}"),
    };
    let directory = || "directory".parse().unwrap();
    assert_eq!(fault(BTreeMap::clear), ParameterFault::Missing);
    assert_eq!(
        fault(|p| _ = p.insert("path".parse().unwrap(), ParameterValue::Number(1))),
        ParameterFault::Undeclared
    );
    let path = |text: &str| ParameterValue::Path(Word::try_from(text.to_owned()).unwrap());
    let with = |value: ParameterValue| match refused(|o| _ = o.parameters.insert(directory(), value)) {
        Refusal::Parameter { fault, .. } => fault,
        other => panic!("{other}"),
    };
    for climbing in ["/etc", "/etc/../etc/shadow", "-rf"] {
        assert_eq!(with(path(climbing)), ParameterFault::WrongType);
    }
    assert_eq!(with(ParameterValue::OwnDirectory(OwnDirectory::AgentKeys)), ParameterFault::NotAsBound);
    assert_eq!(
        fault(|p| _ =
            p.insert("mode".parse().unwrap(), ParameterValue::FileMode(FileMode::from_st_mode(0o777)))),
        ParameterFault::OutOfRange
    );
}

#[test]
fn guardrail_5_mode() {
    for (mode, enforce, refusal) in [
        (Mode::Observe, &[][..], Some(Mode::Observe)),
        (Mode::Observe, &["RB-FILE-001-own-directories"][..], None),
        (Mode::Maintenance, &["RB-FILE-001-own-directories"][..], Some(Mode::Maintenance)),
        (Mode::Enforce, &[][..], None),
    ] {
        let site = site_with(vec![shipped("RB-FILE-001-own-directories", OWN)], mode, enforce);
        let asked = ask(&site, &Ledger::default(), &own_order(&site));
        assert_eq!(asked.err(), refusal.map(Refusal::Mode));
    }
}

fn glass(until: i64, state: GlassState) -> Ledger {
    let glass = BreakGlass {
        grant: "g-1".parse().unwrap(),
        state,
        person: "jane".parse().unwrap(),
        reason: "the lab's analyser is down".to_owned().try_into().unwrap(),
        until: utc(until),
        counter: 1,
        uses: 0,
    };
    let mut ledger = Ledger::default();
    ledger.apply(&record(contract::record::Body::BreakGlass(glass)), None);
    ledger
}

#[test]
fn break_glass_lifts_mode_and_window_while_it_is_in_force_and_nothing_else() {
    let files = |text: &str| vec![shipped("RB-FILE-001-own-directories", text)];
    let disruptive = OWN.replace("disruptive: false", "disruptive: true");
    let site = site_with(files(&disruptive), Mode::Maintenance, &[]);
    let order = |grant: &str| Order { break_glass: Some(grant.parse().unwrap()), ..own_order(&site) };
    let disciplined = Surroundings {
        moment: Moment { clock: ClockOffset::SynchronisedWithinMs(1), ..around().moment },
        ..around()
    };
    let asked = |ledger: &Ledger, grant| ask_at(&site, ledger, &disciplined, &sign(&order(grant)));
    let ended = || Err(Refusal::BreakGlassEnded("g-1".parse().unwrap()));
    assert_eq!(asked(&glass(NOW, GlassState::Broken), "g-1"), Ok(()));
    assert_eq!(asked(&glass(NOW - 1, GlassState::Broken), "g-1"), ended());
    assert_eq!(asked(&glass(NOW + 1, GlassState::Ended), "g-1"), ended());
    assert_eq!(asked(&Ledger::default(), "g-1"), ended());
    assert_eq!(
        asked(&glass(NOW, GlassState::Broken), "g-2"),
        Err(Refusal::BreakGlassEnded("g-2".parse().unwrap()))
    );
    // The clock still counts, and an order that does not name the grant gets nothing of it.
    let ledger = glass(NOW, GlassState::Broken);
    assert_eq!(ask_at(&site, &ledger, &around(), &sign(&order("g-1"))), Err(Refusal::ClockUnsynchronised));
    assert_eq!(ask(&site, &ledger, &own_order(&site)), Err(Refusal::Mode(Mode::Maintenance)));
}

fn window(from: &str, to: &str) -> Window {
    let days =
        "mon tue wed thu fri sat sun".split(' ').map(|d| serde_json::from_value(d.into()).unwrap()).collect();
    let word = |text: &str| text.to_owned().try_into().unwrap();
    let declared =
        contract::window::DeclaredWindow { zone: word("UTC"), days, from: word(from), to: word(to) };
    Window::new(&declared, TimeZone::UTC).unwrap()
}

#[test]
fn guardrails_6_and_7_hold_back_what_is_disruptive() {
    let mut site = site_of_changed(&[("disruptive: false", "disruptive: true")]);
    assert_eq!(refused_by(&site), Refusal::NoWindow);
    // NOW is 2027-01-15, 08:00 UTC.
    site.window = Some(window("09:00", "10:00"));
    assert_eq!(refused_by(&site), Refusal::OutsideWindow { opens: utc(NOW + 3_600_000) });
    site.window = Some(window("07:00", "09:00"));
    assert_eq!(refused_by(&site), Refusal::ClockUnsynchronised);
    let at = |clock| Surroundings { moment: Moment { clock, ..around().moment }, ..around() };
    let asked = |clock| ask_at(&site, &Ledger::default(), &at(clock), &sign(&own_order(&site)));
    let skew = &narrower::scenarios()["clock-skew"]["data"];
    let within =
        |key: &str| ClockOffset::SynchronisedWithinMs(serde_json::from_value(skew[key].clone()).unwrap());
    assert_eq!(asked(within("good_ms")), Ok(()));
    for bad in [within("bad_ms"), ClockOffset::Unsynchronised, ClockOffset::Unknown] {
        assert_eq!(asked(bad), Err(Refusal::ClockUnsynchronised));
    }
}

#[test]
fn guardrails_2_and_8_know_what_the_log_says() {
    let site = site();
    let first = own_order(&site);
    let mut ledger = Ledger::default();
    for record in crate::ledger::tests::a_run(&first) {
        ledger.apply(&record, Some(around().moment.mono));
    }
    assert_eq!(ask(&site, &ledger, &first), Err(Refusal::Replayed { counter: 1, highest: 1 }));
    let second = Order { counter: 2, ..first };
    assert_eq!(ask(&site, &ledger, &second), Err(Refusal::CoolingDown { left_ms: 1000 }));
    // Another target of the same runbook does not wait.
    let other = Order { counter: 3, ..order_for(&site, "suture.agent-keys", "RB-FILE-001-own-directories") };
    assert!(ask(&site, &ledger, &other).is_ok());
}

/// A ledger of a control that broke and was repaired once a day, for so many days.
fn war(control: &ControlId, days: i64) -> Ledger {
    let mut ledger = Ledger::default();
    for day in 0..days {
        for (n, passes) in [false, true].into_iter().enumerate() {
            let seen = contract::fact::FactValue::Flag(passes);
            let verdict = if passes {
                contract::finding::Verdict::Pass(seen)
            } else {
                contract::finding::Verdict::Fail(seen)
            };
            let finding = contract::finding::Finding {
                control: control.clone(),
                fact: "own:evidence".parse().unwrap(),
                verdict,
            };
            let taken = contract::record::FindingsTaken {
                trigger: contract::record::Trigger::Change,
                part: 1,
                parts: 1,
                tally: contract::finding::Tally::of([&finding]),
                findings: vec![finding],
            };
            let mut record = record(contract::record::Body::Findings(taken));
            record.time = utc(NOW - (days - day) * 86_400_000 + i64::try_from(n).unwrap() * 60_000);
            ledger.apply(&record, None);
        }
    }
    ledger
}

#[test]
fn what_breaks_and_is_repaired_day_after_day_is_left_to_a_person_who_may_sign() {
    let site = site();
    let order = own_order(&site);
    assert_eq!(ask(&site, &war(&order.control, 2), &order), Ok(()));
    let tired = war(&order.control, 3);
    let around = Surroundings { opponent: Opponent::Timetable, ..around() };
    let refusal = ask_at(&site, &tired, &around, &sign(&order)).unwrap_err();
    let Refusal::Flapping { transitions: 6, days: 7, opponent: Opponent::Timetable, .. } = &refusal else {
        panic!("{refusal}")
    };
    assert_eq!(refusal.outcome(), contract::outcome::Outcome::Escalated);
    let signed = jane().approve(&sign(&order)).unwrap();
    assert_eq!(ask_at(&site, &tired, &around, &signed), Ok(()));
}

#[test]
fn guardrail_9_blast_radius() {
    let one = site_of_changed(&[("approval: none", "approval: one_person")]);
    assert_eq!(refused_by(&one), Refusal::NeedsApproval { have: 0, need: 1 });
    let signed = jane().approve(&sign(&own_order(&one))).unwrap();
    assert_eq!(ask_at(&one, &Ledger::default(), &around(), &signed), Ok(()));
    let two = site_of_changed(&[("approval: none", "approval: two_people")]);
    let signed = jane().approve(&sign(&own_order(&two))).unwrap();
    let refused = ask_at(&two, &Ledger::default(), &around(), &signed);
    assert_eq!(refused, Err(Refusal::NeedsApproval { have: 1, need: 2 }));
    let mut narrow = site();
    narrow.targets_max = 0;
    assert_eq!(refused_by(&narrow), Refusal::TooManyTargets { targets: 1, max: 0 });
}

#[test]
fn what_a_patients_visit_stands_on_is_not_restarted_under_it() {
    let mut site = site();
    site.critical_units = BTreeSet::from(["clinic-app.service".parse().unwrap()]);
    let order = order_for(&site, "services.timers", "RB-SERVICE-001-restart");
    let running = |unit: &str| Surroundings {
        dependants: BTreeMap::from([(
            "cron.service".parse().unwrap(),
            BTreeSet::from([unit.parse().unwrap()]),
        )]),
        ..around()
    };
    let asked = |around| ask_at(&site, &Ledger::default(), &around, &sign(&order));
    let critical = Refusal::DependantsCritical { unit: "cron.service".parse().unwrap(), running: 1 };
    assert_eq!(asked(running("clinic-app.service")), Err(critical));
    assert!(!matches!(asked(running("other.service")), Err(Refusal::DependantsCritical { .. })));
    // Nobody could say who depends on it.
    let unknown = Refusal::DependantsUnknown { unit: "cron.service".parse().unwrap() };
    assert_eq!(asked(around()), Err(unknown));
}
