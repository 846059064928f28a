//! Papers: what the hub signs anew holds without a restart; what is older, bent, for somebody else or not believed never takes its place.

use std::net::TcpListener;

use agent::site::{Places, number, read_identity};
use contract::digest::Digest;
use contract::dsse::{HubSigner, PayloadType};
use contract::fact::{Absence, FactValue};
use contract::finding::Verdict;
use contract::heartbeat::{Part, Trouble};
use contract::ids::ControlId;
use contract::paper::{Paper, PaperKind};
use contract::refusal::{Granted, Refusal};
use contract::runbook::{Catalogue, CatalogueFile};
use contract::socket::Answer;

use crate::rig::executor::FakeExecutor;
use crate::rig::hub::FakeHub;
use crate::rig::machine::{HUB_SEED, Machine};
use crate::rig::until;

/// A control that needs an allowlist.
const PORTS: &str = "  - id: network.unlisted-ports
    title: Nobody listens who is not listed
    area: network
    observe: listening:unlisted_ports
    expect: { ports_within: [] }
    severity: high
    citations: [\"164.312(c)(1)\"]
    why: Made for a test.
    nixos: { none: 'made here' }
";
const NONE_LISTED: &str = "listening: { tcp: [], udp: [] }\n";

fn paper(kind: PaperKind, number: u64, text: Option<&str>) -> Paper {
    Paper {
        kind,
        tenant: "clinic".parse().unwrap(),
        site: "main".parse().unwrap(),
        host: "h-1".parse().unwrap(),
        number,
        issued: edge::clock::utc(),
        text: text.map(str::to_owned),
    }
}

/// One that holds today and for a month.
fn exceptions() -> String {
    let now = edge::clock::utc();
    let day = |days: u64| now.plus_ms(days * 24 * 60 * 60 * 1000).to_string()[..10].to_owned();
    format!(
        "- control: files.watched\n  reason: The old device cannot do otherwise.\n  risk: Somebody reads along.\n  compensating_controls: \
         [It stands in a locked room.]\n  owner: Ann Example\n  approver: Ben Example\n  from: {}\n  until: {}\n",
        day(0),
        day(30)
    )
}

fn signed(paper: &Paper) -> Vec<u8> {
    HubSigner::from_seed(&HUB_SEED).sign(PayloadType::Paper, &serde_json::to_vec(paper).unwrap())
}

fn publish(hub: &FakeHub, listed: u64, paper: &Paper) {
    hub.with(|s| s.papers.insert(paper.kind, (listed, signed(paper))));
}

fn held(machine: &Machine, kind: PaperKind) -> u64 {
    let places = Places::of(&machine.path("agent"));
    number(&places, &read_identity(&places).unwrap(), kind)
}

/// What the control was last found to be.
fn verdict(executor: &FakeExecutor, control: &str) -> Option<Verdict> {
    let control: ControlId = control.parse().unwrap();
    executor.with(|s| {
        let all = s.findings.iter().rev().flat_map(|(_, findings)| findings);
        all.filter(|f| f.control == control).map(|f| f.verdict.clone()).next()
    })
}

async fn found(executor: &FakeExecutor, control: &str, is: impl Fn(&Verdict) -> bool) -> Verdict {
    until(control, || verdict(executor, control).filter(&is)).await
}

async fn set_up(more_controls: &'static str) -> (FakeHub, Machine, FakeExecutor) {
    let (hub, mut machine) = (FakeHub::start().await, Machine::new());
    machine.more_controls = more_controls;
    machine.enrol(&hub).await;
    let executor = FakeExecutor::start(&machine.socket(), "h-1", || ());
    (hub, machine, executor)
}

#[tokio::test]
async fn an_allowlist_that_comes_later_makes_a_port_a_finding_and_one_that_is_taken_back_makes_it_unassessed()
{
    // A port that may be reached from outside, in this very process.
    let listener = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (hub, machine, executor) = set_up(PORTS).await;
    let running = machine.run(&hub);
    let not_declared = Verdict::NotAssessed(Absence::NotDeclared);
    found(&executor, "network.unlisted-ports", |v| *v == not_declared).await;

    publish(&hub, 1, &paper(PaperKind::Allowlist, 1, Some(NONE_LISTED)));
    let seen = found(&executor, "network.unlisted-ports", |v| *v != not_declared).await;
    assert!(matches!(&seen, Verdict::Fail(FactValue::Ports(ports)) if ports.contains(&port)), "{seen:?}");
    // The executor had it first, as it came.
    let handed = executor.with(|s| s.papers.clone());
    assert_eq!(handed, [(PaperKind::Allowlist, hub.with(|s| s.papers[&PaperKind::Allowlist].1.clone()))]);
    assert_eq!(held(&machine, PaperKind::Allowlist), 1);
    until("the incident", || hub.with(|s| s.incidents.first().cloned())).await;

    publish(&hub, 2, &paper(PaperKind::Allowlist, 2, None));
    found(&executor, "network.unlisted-ports", |v| *v == not_declared).await;
    running.stop().await.unwrap();
}

#[tokio::test]
async fn another_baseline_and_exceptions_hold_at_once_and_after_a_restart() {
    let (hub, machine, executor) = set_up("").await;
    machine.chmod("watched", 0o644);
    let running = machine.run(&hub);
    found(&executor, "files.watched", |v| matches!(v, Verdict::Fail(_))).await;
    let exceptions = exceptions();
    publish(&hub, 1, &paper(PaperKind::Exceptions, 1, Some(&exceptions)));
    found(&executor, "files.watched", |v| matches!(v, Verdict::Excepted(_))).await;
    assert_eq!(
        executor.with(|s| s.papers.len()),
        0,
        "the executor excuses nothing, and was handed exceptions"
    );

    // The new baseline asks for the old one's file, and for a mode that it has.
    let text = machine.baseline().replace("\"0600\"", "\"0644\"").replace("version: 1", "version: 2");
    publish(&hub, 1, &paper(PaperKind::Baseline, 1, Some(&text)));
    found(&executor, "files.watched", |v| matches!(v, Verdict::Pass(_))).await;
    // The same text under another number is nothing to look at anew.
    let looks = executor.with(|s| s.findings.len());
    publish(&hub, 2, &paper(PaperKind::Baseline, 2, Some(&text)));
    until("the number", || (held(&machine, PaperKind::Baseline) == 2).then_some(())).await;
    assert_eq!(executor.with(|s| s.findings.len()), looks);
    // What changes is still seen.
    machine.chmod("watched", 0o666);
    found(&executor, "files.watched", |v| matches!(v, Verdict::Excepted(_))).await;
    running.stop().await.unwrap();

    hub.with(|s| s.broken = Some(500));
    machine.chmod("watched", 0o644);
    executor.with(|s| s.findings.clear());
    let running = machine.run(&hub);
    hub.with(|s| s.broken = None);
    found(&executor, "files.watched", |v| matches!(v, Verdict::Pass(_))).await;
    running.stop().await.unwrap();
}

#[tokio::test]
async fn exceptions_that_the_hub_took_back_do_not_bring_back_those_of_the_configuration() {
    let (hub, mut machine, executor) = set_up("").await;
    let file = machine.path("exceptions.yaml");
    std::fs::write(&file, exceptions()).unwrap();
    machine.more = Box::leak(format!("exceptions: {}\n", file.display()).into_boxed_str());
    machine.chmod("watched", 0o644);
    let running = machine.run(&hub);
    found(&executor, "files.watched", |v| matches!(v, Verdict::Excepted(_))).await;
    publish(&hub, 1, &paper(PaperKind::Exceptions, 1, Some(&exceptions())));
    until("the hub's", || (held(&machine, PaperKind::Exceptions) == 1).then_some(())).await;
    publish(&hub, 2, &paper(PaperKind::Exceptions, 2, None));
    found(&executor, "files.watched", |v| matches!(v, Verdict::Fail(_))).await;
    running.stop().await.unwrap();
}

#[tokio::test]
async fn an_executor_that_was_put_back_is_brought_the_newer_paper_without_a_restart_of_the_agent() {
    let (hub, machine, executor) = set_up(PORTS).await;
    let running = machine.run(&hub);
    publish(&hub, 1, &paper(PaperKind::Allowlist, 1, Some(NONE_LISTED)));
    let has_it = |executor: &FakeExecutor| executor.with(|s| (s.papers.len() == 1).then_some(()));
    until("the paper at the executor", || has_it(&executor)).await;
    until("the paper here", || (held(&machine, PaperKind::Allowlist) == 1).then_some(())).await;
    executor.go_away(&machine.socket());
    let put_back = FakeExecutor::start(&machine.socket(), "h-1", || ());
    until("the paper at the one that was put back", || has_it(&put_back)).await;
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_file_that_the_new_baseline_is_the_first_to_ask_for_is_watched_without_a_restart() {
    let (hub, machine, executor) = set_up("").await;
    std::fs::write(machine.path("second"), "x").unwrap();
    machine.chmod("second", 0o600);
    let running = machine.run(&hub);
    found(&executor, "files.watched", |v| matches!(v, Verdict::Pass(_))).await;
    let text = machine.baseline().replace("/watched", "/second").replace("files.watched", "files.second");
    publish(&hub, 1, &paper(PaperKind::Baseline, 1, Some(&text)));
    found(&executor, "files.second", |v| matches!(v, Verdict::Pass(_))).await;
    machine.chmod("second", 0o644);
    found(&executor, "files.second", |v| matches!(v, Verdict::Fail(_))).await;
    running.stop().await.unwrap();
}

/// What is bent, by name, and what is listed for it.
fn bent(good: &Paper) -> Vec<(&'static str, Vec<u8>)> {
    let older = Paper { number: good.number - 2, ..good.clone() };
    let same = Paper { number: good.number - 1, ..good.clone() };
    let foreign = Paper { host: "h-2".parse().unwrap(), ..good.clone() };
    let tenant = Paper { tenant: "other".parse().unwrap(), ..good.clone() };
    let other_kind = Paper { kind: PaperKind::Exceptions, ..good.clone() };
    let nonsense = Paper { text: Some("ports: [22]\n".to_owned()), ..good.clone() };
    let stranger = HubSigner::from_seed(&[8; 32]);
    let own = HubSigner::from_seed(&HUB_SEED);
    let payload = serde_json::to_vec(good).unwrap();
    let mut flipped = signed(good);
    let middle = flipped.len() / 3;
    flipped[middle] ^= 1;
    vec![
        ("an older one", signed(&older)),
        ("the one that is here, under another text", signed(&same)),
        ("another host's", signed(&foreign)),
        ("another tenant's", signed(&tenant)),
        ("another kind", signed(&other_kind)),
        ("another key's", stranger.sign(PayloadType::Paper, &payload)),
        ("an order", own.sign(PayloadType::Order, &payload)),
        ("one of a sheet", own.sign(PayloadType::Allowlist, NONE_LISTED.as_bytes())),
        ("nonsense", signed(&nonsense)),
        ("a flipped bit", flipped),
        ("nothing", Vec::new()),
    ]
}

#[tokio::test]
async fn what_is_not_believed_is_kept_out_is_not_fetched_again_and_shows() {
    let (hub, machine, executor) = set_up(PORTS).await;
    let kind = PaperKind::Allowlist;
    let listed = format!("listening: {{ tcp: {:?}, udp: [] }}\n", (1..=200).collect::<Vec<_>>());
    publish(&hub, 5, &paper(kind, 5, Some(&listed)));
    let path = Places::of(&machine.path("agent")).paper(kind);
    for (name, envelope) in bent(&paper(kind, 6, Some(NONE_LISTED))) {
        publish(&hub, 5, &paper(kind, 5, Some(&listed)));
        let running = machine.run(&hub);
        until("the first", || (held(&machine, kind) == 5).then_some(())).await;
        let good = std::fs::read(&path).unwrap();
        let fetched =
            || hub.with(|s| s.raw.iter().filter(|r| r.starts_with("GET /v1/papers/allowlist")).count());
        let before = fetched();
        executor.with(|s| s.papers.clear());
        hub.with(|s| {
            s.papers.insert(kind, (6, envelope));
        });
        until(name, || (fetched() > before).then_some(())).await;
        // Something else changes: what was refused is not asked for again.
        publish(&hub, 1, &paper(PaperKind::Exceptions, 1, None));
        let asked = || hub.with(|s| s.raw.iter().filter(|r| r.starts_with("GET /v1/papers ")).count());
        let round = asked();
        publish(&hub, 2, &paper(PaperKind::Exceptions, 2, None));
        until("another round", || (asked() > round).then_some(())).await;
        until("the other paper", || (held(&machine, PaperKind::Exceptions) >= 1).then_some(())).await;
        assert_eq!(fetched(), before + 1, "{name}: it was fetched again");
        assert_eq!(std::fs::read(&path).unwrap(), good, "{name}: it took the place of a good one");
        let handed = executor.with(|s| s.papers.iter().any(|(_, bytes)| *bytes != good));
        assert!(!handed, "{name}: the executor was handed it");
        running.stop().await.unwrap();
        hub.with(|s| s.papers.remove(&PaperKind::Exceptions));
        std::fs::remove_file(Places::of(&machine.path("agent")).paper(PaperKind::Exceptions)).unwrap();
    }
}

fn catalogue() -> String {
    let file = "RB-TIME-001-sync.yaml".to_owned();
    let text = include_str!("../../../runbooks/RB-TIME-001-sync.yaml").to_owned();
    String::from_utf8(Catalogue::bundle(vec![CatalogueFile { file, text }]).unwrap()).unwrap()
}

#[tokio::test]
async fn a_refused_paper_and_an_unapproved_catalogue_are_in_the_heartbeat() {
    let (hub, machine, executor) = set_up("").await;
    let stranger = HubSigner::from_seed(&[8; 32]);
    let payload = serde_json::to_vec(&paper(PaperKind::Allowlist, 1, Some(NONE_LISTED))).unwrap();
    hub.with(|s| {
        s.papers.insert(PaperKind::Allowlist, (1, stranger.sign(PayloadType::Paper, &payload)));
        s.deaf_to = Some("POST /v1/heartbeat");
    });
    let catalogue = catalogue();
    publish(&hub, 1, &paper(PaperKind::Catalogue, 1, Some(&catalogue)));
    let digest = Digest::of(catalogue.as_bytes());
    executor.with(|s| s.paper_answers.push_back(Answer::NotApproved { digest }));
    let running = machine.run(&hub);
    let polls = || hub.with(|s| s.raw.iter().filter(|r| r.starts_with("GET /v1/orders")).count());
    until("the paper", || {
        hub.with(|s| s.raw.iter().any(|r| r.starts_with("GET /v1/papers/allow")).then_some(()))
    })
    .await;
    let before = polls();
    until("it to be judged", || (polls() > before + 3).then_some(())).await;
    hub.with(|s| s.deaf_to = None);
    let said = until("a heartbeat", || hub.with(|s| s.heartbeats.first().cloned())).await;
    running.stop().await.unwrap();
    let said = said.condition.now().unwrap();
    assert_eq!(said.troubles.get(&Trouble::BadPaper).map(|t| t.count), Some(1));
    assert_eq!(said.troubles.get(&Trouble::Unapproved).map(|t| t.count), Some(1));
    assert_eq!(said.parts.get(&Part::Papers).map(|p| p.well), Some(false));
}

#[tokio::test]
async fn a_baseline_without_a_control_that_the_sites_own_file_excepts_is_kept_out() {
    let (hub, mut machine) = (FakeHub::start().await, Machine::new());
    machine.enrol(&hub).await;
    let file = machine.path("exceptions.yaml");
    std::fs::write(&file, exceptions()).unwrap();
    machine.more = Box::leak(format!("exceptions: {}\n", file.display()).into_boxed_str());
    machine.chmod("watched", 0o644);
    let executor = FakeExecutor::start(&machine.socket(), "h-1", || ());
    let running = machine.run(&hub);
    found(&executor, "files.watched", |v| matches!(v, Verdict::Excepted(_))).await;
    let text = machine.baseline().replace("files.watched", "files.other");
    publish(&hub, 1, &paper(PaperKind::Baseline, 1, Some(&text)));
    let fetched = || hub.with(|s| s.raw.iter().any(|r| r.starts_with("GET /v1/papers/baseline")));
    until("the paper", || fetched().then_some(())).await;
    // Once the hub has signed exceptions the file does not count.
    publish(&hub, 1, &paper(PaperKind::Exceptions, 1, Some("[]")));
    found(&executor, "files.watched", |v| matches!(v, Verdict::Fail(_))).await;
    assert_eq!((held(&machine, PaperKind::Baseline), executor.with(|s| s.papers.len())), (0, 0));
    publish(&hub, 2, &paper(PaperKind::Baseline, 2, Some(&text)));
    found(&executor, "files.other", |v| matches!(v, Verdict::Fail(_))).await;
    running.stop().await.unwrap();
}

#[tokio::test]
async fn what_the_executor_refuses_is_not_in_force_here_either() {
    let (hub, machine, executor) = set_up("").await;
    let running = machine.run(&hub);
    found(&executor, "files.watched", |v| matches!(v, Verdict::Pass(_))).await;
    let refusal = Refusal::GrantRefused(Granted::Paper);
    executor.with(|s| s.paper_answers.push_back(Answer::PaperRefused { refusal }));
    let text = machine.baseline().replace("files.watched", "files.other");
    publish(&hub, 1, &paper(PaperKind::Baseline, 1, Some(&text)));
    until("the refusal", || executor.with(|s| (s.papers.len() == 1).then_some(()))).await;
    // While a run is under way it is brought again, and then it holds.
    executor.with(|s| s.paper_answers.push_back(Answer::UnderWay { order: "o-1".parse().unwrap() }));
    assert_eq!(held(&machine, PaperKind::Baseline), 0);
    publish(&hub, 2, &paper(PaperKind::Baseline, 2, Some(&text)));
    found(&executor, "files.other", |v| matches!(v, Verdict::Pass(_))).await;
    assert_eq!(executor.with(|s| s.papers.len()), 3);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_hub_that_breaks_off_or_babbles_loses_nothing_that_was_here() {
    let (hub, machine, executor) = set_up("").await;
    let first = machine.baseline().replace("files.watched", "files.first");
    publish(&hub, 1, &paper(PaperKind::Baseline, 1, Some(&first)));
    let running = machine.run(&hub);
    found(&executor, "files.first", |v| matches!(v, Verdict::Pass(_))).await;
    let second = machine.baseline().replace("files.watched", "files.second");
    let asked = || hub.with(|s| s.raw.iter().filter(|r| r.starts_with("GET /v1/papers")).count());
    for said in [
        (500, Vec::new()),
        (403, Vec::new()),
        (200, b"{\"colour\":\"x\"}".to_vec()),
        (200, b"<html".to_vec()),
    ] {
        let before = asked();
        hub.with(|s| s.papers_say = Some(said));
        publish(&hub, 2, &paper(PaperKind::Baseline, 2, Some(&second)));
        until("a try", || (asked() > before).then_some(())).await;
        assert_eq!(held(&machine, PaperKind::Baseline), 1);
    }
    machine.chmod("watched", 0o644);
    found(&executor, "files.first", |v| matches!(v, Verdict::Fail(_))).await;
    hub.with(|s| s.papers_say = None);
    found(&executor, "files.second", |v| matches!(v, Verdict::Fail(_))).await;
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_power_cut_between_the_executors_taking_and_ours_is_made_good_without_the_hub() {
    let (hub, machine, executor) = set_up("").await;
    let text = machine.baseline().replace("files.watched", "files.other");
    let envelope = signed(&paper(PaperKind::Baseline, 3, Some(&text)));
    let places = Places::of(&machine.path("agent"));
    std::fs::write(places.next_paper(PaperKind::Baseline), &envelope).unwrap();
    // And of another a torn rest.
    std::fs::write(places.next_paper(PaperKind::Allowlist), b"{\"payl").unwrap();
    let running = machine.run(&hub);
    found(&executor, "files.other", |v| matches!(v, Verdict::Pass(_))).await;
    assert_eq!(executor.with(|s| s.papers.clone()), [(PaperKind::Baseline, envelope)]);
    until("no rests", || {
        let gone = |kind| !places.next_paper(kind).exists();
        (gone(PaperKind::Baseline) && gone(PaperKind::Allowlist)).then_some(())
    })
    .await;
    assert!(!places.paper(PaperKind::Allowlist).exists());
    running.stop().await.unwrap();
}
