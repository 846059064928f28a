//! The hub is away: the executor is asked to decide, once, and the hub hears of everything when it is back.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use contract::finding::Verdict;
use contract::incident::What;
use contract::outcome::Outcome;
use contract::refusal::Refusal;
use contract::socket::OrderAnswer;

use crate::rig::executor::FakeExecutor;
use crate::rig::hub::FakeHub;
use crate::rig::machine::Machine;
use crate::rig::until;

const SILENCE: Duration = Duration::from_millis(400);

fn answer(outcome: Outcome, refusal: Option<Refusal>) -> OrderAnswer {
    OrderAnswer { order: None, outcome, refusal, seq: 0 }
}

#[tokio::test]
async fn while_the_hub_is_away_a_drift_is_decided_on_site_and_the_hub_hears_of_it_later() {
    let (hub, machine) = (FakeHub::start().await, Machine::new());
    machine.enrol(&hub).await;
    let evidence = machine.path("own/evidence");
    let heal = move || std::fs::set_permissions(&evidence, std::fs::Permissions::from_mode(0o700)).unwrap();
    let executor = FakeExecutor::start(&machine.socket(), "h-1", heal);
    // The executor heard from the hub a little later than the agent thinks.
    let heard = Refusal::HubHeard { ago_ms: 200 };
    executor.with(|s| s.decisions.push_back(answer(Outcome::Deferred, Some(heard))));
    let agent = machine.run_alone_after(&hub, SILENCE);
    until("the first scan", || executor.with(|s| (!s.findings.is_empty()).then_some(()))).await;
    hub.with(|s| s.broken = Some(503));
    machine.chmod("own/evidence", 0o755);
    until("the decision", || executor.with(|s| (s.decided.len() == 2).then_some(()))).await;
    let passes = || {
        executor
            .with(|s| s.findings.last().filter(|(_, f)| matches!(f[0].verdict, Verdict::Pass(_))).map(drop))
    };
    until("the passing control", passes).await;
    let decided = executor.with(|s| s.decided.clone());
    assert_eq!(decided[0], decided[1], "it was asked about something else");
    let (incident, What::Drift { control, .. }) = &decided[0] else { panic!("{decided:?}") };
    assert_eq!(control.as_str(), "suture.evidence-directory");
    tokio::time::sleep(SILENCE * 3).await;
    assert_eq!(executor.with(|s| s.decided.len()), 2, "what is decided was asked about again");
    assert_eq!(hub.with(|s| s.incidents.len()), 0);

    hub.with(|s| s.broken = None);
    let told = until("the incident", || hub.with(|s| s.incidents.first().cloned())).await;
    assert_eq!(told.incident, *incident);
    let size = executor.with(|s| s.size);
    until("all evidence", || hub.with(|s| (s.evidence.len() as u64 == size).then_some(()))).await;
    tokio::time::sleep(SILENCE * 2).await;
    assert_eq!(executor.with(|s| (s.decided.len(), s.orders)), (2, 0), "something ran twice");
    assert_eq!(hub.with(|s| s.incidents.len()), 1);
    agent.stop().await.unwrap();
}

#[tokio::test]
async fn a_hub_that_hears_is_never_passed_over() {
    let (hub, machine) = (FakeHub::start().await, Machine::new());
    machine.enrol(&hub).await;
    let executor = FakeExecutor::start(&machine.socket(), "h-1", || ());
    let agent = machine.run_alone_after(&hub, Duration::from_millis(1_500));
    until("the first scan", || executor.with(|s| (!s.findings.is_empty()).then_some(()))).await;
    machine.chmod("own/evidence", 0o755);
    until("the incident", || hub.with(|s| (!s.incidents.is_empty()).then_some(()))).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(executor.with(|s| s.decided.len()), 0);
    agent.stop().await.unwrap();
}

#[tokio::test]
async fn what_is_not_granted_is_asked_once_until_another_standing_order_comes() {
    let (hub, machine) = (FakeHub::start().await, Machine::new());
    machine.enrol(&hub).await;
    let executor = FakeExecutor::start(&machine.socket(), "h-1", || ());
    executor.with(|s| s.decisions.push_back(answer(Outcome::Refused, Some(Refusal::NotGranted))));
    let agent = machine.run_alone_after(&hub, SILENCE);
    until("the standing order", || executor.with(|s| (!s.standing.is_empty()).then_some(()))).await;
    until("the first scan", || executor.with(|s| (!s.findings.is_empty()).then_some(()))).await;
    hub.with(|s| s.refuses_incidents = true);
    machine.chmod("own/evidence", 0o755);
    until("the question", || executor.with(|s| (!s.decided.is_empty()).then_some(()))).await;
    tokio::time::sleep(SILENCE * 4).await;
    assert_eq!(executor.with(|s| s.decided.len()), 1, "asked in vain");
    hub.with(|s| s.standing = b"another".to_vec());
    until("the second question", || executor.with(|s| (s.decided.len() == 2).then_some(()))).await;
    agent.stop().await.unwrap();
}
