//! Each guardrail is shown an order that it must refuse; one order passes all ten.

use std::collections::BTreeMap;

use contract::decision::Provenance;
use contract::dsse::{HubSigner, SignatureFault};
use contract::fact::{FileMode, Word};
use contract::refusal::{Addressee, Guardrail};
use contract::runbook::{CatalogueFile, ParameterFault, ParameterValue, Verb};

use super::*;

const NOW: i64 = 1_800_000_000_000;

fn hub() -> HubSigner {
    HubSigner::from_seed(&[1; 32])
}

fn utc(ms: i64) -> UtcTime {
    UtcTime::from_unix_ms(ms).unwrap()
}

fn moment() -> Moment {
    Moment { now: utc(NOW), mono: MonoNs(1 << 60), clock: ClockOffset::Unsynchronised }
}

fn shipped(name: &str, text: &str) -> CatalogueFile {
    CatalogueFile { file: format!("{name}.yaml"), text: text.to_owned() }
}

fn site_with(files: Vec<CatalogueFile>, mode: Mode, enforce: &[&str]) -> Site {
    let baseline = include_str!("../../../baseline/hipaa-v1.yaml");
    Site {
        tenant: "clinic".parse().unwrap(),
        site: "main".parse().unwrap(),
        host: "h-1".parse().unwrap(),
        agent_uid: 0,
        hub_keys: vec![hub().public()],
        mode,
        enforce: enforce.iter().map(|id| id.parse().unwrap()).collect(),
        catalogue: Catalogue::parse(&Catalogue::bundle(files).unwrap()).unwrap(),
        baseline: Baseline::parse("hipaa-v1.yaml", baseline).unwrap(),
        baseline_digest: Digest::of(baseline.as_bytes()),
    }
}

const OWN: &str = include_str!("../../../runbooks/RB-FILE-001-own-directories.yaml");
const FILES: &str = include_str!("../../../runbooks/RB-FILE-002-system-files.yaml");
const KERNEL: &str = include_str!("../../../runbooks/RB-KERNEL-001-sysctl.yaml");

fn site() -> Site {
    let files = vec![
        shipped("RB-FILE-001-own-directories", OWN),
        shipped("RB-FILE-002-system-files", FILES),
        shipped("RB-KERNEL-001-sysctl", KERNEL),
    ];
    site_with(
        files,
        Mode::Observe,
        &["RB-FILE-001-own-directories", "RB-FILE-002-system-files", "RB-KERNEL-001-sysctl"],
    )
}

fn order_for(site: &Site, control: &str, runbook: &str) -> Order {
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
    }
}

fn order(site: &Site) -> Order {
    order_for(site, "suture.evidence-directory", "RB-FILE-001-own-directories")
}

fn ask(site: &Site, ledger: &Ledger, order: &Order) -> Result<Vec<Guardrail>, Refusal> {
    let envelope = hub().sign(PayloadType::Order, &serde_json::to_vec(order).unwrap());
    Authentic::open(site, &envelope)
        .and_then(|a| permit(site, ledger, &moment(), a, Arrival::New))
        .map(|_| Permit::guardrails())
        .map_err(|d| d.refusal)
}

/// Asks for an order that was bent, and expects this refusal.
fn refused(bend: impl FnOnce(&mut Order)) -> Refusal {
    let site = site();
    let mut order = order(&site);
    bend(&mut order);
    ask(&site, &Ledger::default(), &order).unwrap_err()
}

#[test]
fn an_honest_order_passes_all_ten_in_the_designs_order() {
    let site = site();
    assert_eq!(ask(&site, &Ledger::default(), &order(&site)).unwrap(), Guardrail::ALL);
    let rest: Vec<_> = REST.iter().map(|(g, _)| *g).collect();
    assert_eq!(rest, Guardrail::ALL[3..], "the table is not guardrails 4 to 10");
}

#[test]
fn guardrail_1_signature() {
    let site = site();
    let stranger =
        HubSigner::from_seed(&[2; 32]).sign(PayloadType::Order, &serde_json::to_vec(&order(&site)).unwrap());
    assert_eq!(
        Authentic::open(&site, &stranger).unwrap_err().refusal,
        Refusal::Signature(SignatureFault::NotByAPinnedKey)
    );
    let nonsense = hub().sign(PayloadType::Order, b"{\"order\":1}");
    assert!(matches!(
        Authentic::open(&site, &nonsense).unwrap_err().refusal,
        Refusal::NotAnOrder { column: 1.. }
    ));
    assert_eq!(refused(|o| o.tenant = "other".parse().unwrap()), Refusal::NotForUs(Addressee::Tenant));
    assert_eq!(refused(|o| o.site = "other".parse().unwrap()), Refusal::NotForUs(Addressee::Site));
    assert_eq!(refused(|o| o.host = "other".parse().unwrap()), Refusal::NotForUs(Addressee::Host));
}

#[test]
fn an_unknown_key_in_a_signed_order_is_refused_too() {
    let site = site();
    let mut value = serde_json::to_value(order(&site)).unwrap();
    value["force"] = true.into();
    let envelope = hub().sign(PayloadType::Order, value.to_string().as_bytes());
    assert!(matches!(Authentic::open(&site, &envelope).unwrap_err().refusal, Refusal::NotAnOrder { .. }));
}

#[test]
fn guardrail_2_freshness() {
    assert!(matches!(refused(|o| o.expires = utc(NOW - 1)), Refusal::Expired { .. }));
    assert!(matches!(refused(|o| o.issued = utc(NOW + 120_000)), Refusal::FromTheFuture { .. }));
    assert_eq!(refused(|o| o.counter = 0), Refusal::Replayed { counter: 0, highest: 0 });
}

#[test]
fn guardrail_3_approved_runbook() {
    assert!(matches!(
        refused(|o| o.catalogue_digest = Digest::of(b"x")),
        Refusal::CatalogueNotApproved { .. }
    ));
    assert_eq!(refused(|o| o.runbook_digest = Digest::of(b"x")), Refusal::RunbookNotApproved);
    assert_eq!(refused(|o| o.runbook = "RB-NONE-001-x".parse().unwrap()), Refusal::RunbookNotApproved);
    assert_eq!(refused(|o| o.control = "files.shadow".parse().unwrap()), Refusal::NotTriggered);
}

#[test]
fn guardrail_4_parameters() {
    let fault = |bend: fn(&mut BTreeMap<contract::ids::ParameterName, ParameterValue>)| match refused(|o| {
        bend(&mut o.parameters);
    }) {
        Refusal::Parameter { fault, .. } => fault,
        other => panic!("{other}"),
    };
    assert_eq!(fault(BTreeMap::clear), ParameterFault::Missing);
    assert_eq!(
        fault(|p| _ = p.insert("path".parse().unwrap(), ParameterValue::Number(1))),
        ParameterFault::Undeclared
    );
    assert_eq!(
        fault(|p| _ = p.insert(
            "directory".parse().unwrap(),
            ParameterValue::Path(Word::try_from("/etc".to_owned()).unwrap())
        )),
        ParameterFault::WrongType
    );
    assert_eq!(
        fault(|p| _ =
            p.insert("directory".parse().unwrap(), ParameterValue::OwnDirectory(OwnDirectory::AgentKeys))),
        ParameterFault::NotAsBound
    );
    assert_eq!(
        fault(|p| _ =
            p.insert("mode".parse().unwrap(), ParameterValue::FileMode(FileMode::from_st_mode(0o777)))),
        ParameterFault::OutOfRange
    );
}

#[test]
fn guardrail_5_mode() {
    let one = || vec![shipped("RB-FILE-001-own-directories", OWN)];
    for (mode, enforce, refusal) in [
        (Mode::Observe, &[][..], Some(Mode::Observe)),
        (Mode::Maintenance, &["RB-FILE-001-own-directories"][..], Some(Mode::Maintenance)),
        (Mode::Enforce, &[][..], None),
    ] {
        let site = site_with(one(), mode, enforce);
        let asked = ask(&site, &Ledger::default(), &order(&site));
        assert_eq!(asked.err(), refusal.map(Refusal::Mode));
    }
}

/// The shipped runbook with one line changed: what the guardrail looks at is the runbook that the site approved.
fn refused_by_runbook(from: &str, to: &str) -> Refusal {
    assert!(OWN.contains(from));
    let file = shipped("RB-FILE-001-own-directories", &OWN.replace(from, to));
    let site = site_with(vec![file], Mode::Enforce, &[]);
    ask(&site, &Ledger::default(), &order(&site)).unwrap_err()
}

#[test]
fn guardrails_6_and_7_hold_back_what_is_disruptive() {
    assert_eq!(refused_by_runbook("disruptive: false", "disruptive: true"), Refusal::NoWindow);
    let file = shipped("RB-FILE-001-own-directories", &OWN.replace("disruptive: false", "disruptive: true"));
    let site = site_with(vec![file], Mode::Enforce, &[]);
    let envelope = hub().sign(PayloadType::Order, &serde_json::to_vec(&order(&site)).unwrap());
    let approved = Authentic::open(&site, &envelope)
        .and_then(|a| a.fresh(&Ledger::default(), &moment(), Arrival::New))
        .and_then(|f| f.approved(&site))
        .unwrap();
    let clock = REST[3];
    assert_eq!(clock.0, Guardrail::Clock);
    assert_eq!(clock.1(&approved, &site, &Ledger::default(), &moment()), Err(Refusal::ClockUnsynchronised));
}

#[test]
fn guardrail_9_blast_radius() {
    assert_eq!(refused_by_runbook("approval: none", "approval: two_people"), Refusal::NeedsApproval);
}

#[test]
fn guardrail_10_policy_allows_only_our_own_directories_private_mode() {
    let site = site();
    let ask = |control, runbook| ask(&site, &Ledger::default(), &order_for(&site, control, runbook));
    assert_eq!(ask("files.shadow", "RB-FILE-002-system-files"), Err(Refusal::NotAllowed(Verb::FileRestore)));
    assert_eq!(ask("kernel.syn-cookies", "RB-KERNEL-001-sysctl"), Err(Refusal::NotAllowed(Verb::SysctlSet)));
}

#[test]
fn guardrails_2_and_8_know_what_the_log_says() {
    let site = site();
    let first = order(&site);
    let mut ledger = Ledger::default();
    for record in crate::ledger::tests::a_run(&first) {
        ledger.apply(&record, Some(moment().mono));
    }
    assert_eq!(ask(&site, &ledger, &first), Err(Refusal::Replayed { counter: 1, highest: 1 }));
    let second = Order { counter: 2, ..first };
    assert_eq!(ask(&site, &ledger, &second), Err(Refusal::CoolingDown { left_ms: 1000 }));
    // Another target of the same runbook does not wait.
    let other = Order { counter: 3, ..order_for(&site, "suture.agent-keys", "RB-FILE-001-own-directories") };
    assert!(ask(&site, &ledger, &other).is_ok());
}
