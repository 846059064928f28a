//! What goes wrong on the machine itself, or between it and its hub, shows in the heartbeat: typed, counted, and small.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use agent::outbox::{BLOCK_BYTES, Outbox};
use contract::fact::FactValue;
use contract::heartbeat::{
    Blind, Condition, ExecutorHealth, Following, Heartbeat, LogSource, Part, Said, SourceHealth, Trouble,
};
use contract::incident::{Incident, What};
use contract::record::LineLoss;
use contract::refusal::Mode;
use contract::runbook::Confinement;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};

use crate::rig::executor::FakeExecutor;
use crate::rig::hub::FakeHub;
use crate::rig::machine::{self, Machine};
use crate::rig::until;

/// The first beat that is heard once the hub is whole again: one that was not heard says all.
async fn heard(hub: &FakeHub) -> (Heartbeat, Condition) {
    hub.with(|s| (s.broken = None, s.heartbeats.clear()));
    let said = until("a heartbeat", || hub.with(|s| s.heartbeats.first().cloned())).await;
    let condition = said.condition.now().unwrap().clone();
    (said, condition)
}

async fn enrolled() -> (FakeHub, Machine) {
    let (hub, mut machine) = (FakeHub::start().await, Machine::new());
    machine.more = "alone_after_s: 0\n";
    machine.enrol(&hub).await;
    hub.with(|s| s.broken = Some(500));
    (hub, machine)
}

#[tokio::test]
async fn an_executor_that_is_away_is_said_to_be_away_and_one_that_is_back_says_how_it_stands() {
    let (hub, machine) = enrolled().await;
    let running = machine.run(&hub);
    let failed = || hub.with(|s| s.raw.iter().filter(|r| r.starts_with("POST /v1/heartbeat")).count());
    until("a beat", || (failed() >= 1).then_some(())).await;
    let (_, condition) = heard(&hub).await;
    assert_eq!(condition.executor, ExecutorHealth::Away);
    assert_eq!(condition.parts.get(&Part::Executor).map(|p| p.well), Some(false));
    running.stop().await.unwrap();

    let executor = FakeExecutor::start(&machine.socket(), "h-1", || ());
    let until_when = edge::clock::utc().plus_ms(60_000);
    executor.with(|s| s.glass_until = Some(until_when));
    hub.with(|s| s.broken = Some(500));
    let running = machine.run(&hub);
    until("the executor", || executor.with(|s| (!s.findings.is_empty()).then_some(()))).await;
    let (_, condition) = heard(&hub).await;
    running.stop().await.unwrap();
    let ExecutorHealth::Stands(stands) = &condition.executor else { panic!("{:?}", condition.executor) };
    assert_eq!((stands.mode, stands.break_glass_until), (Mode::Enforce, Some(until_when)));
    assert_eq!(stands.confinement, [Confinement::Landlock].into());
    assert_eq!(stands.software.as_str(), "0.0.0-made-up");
    assert_eq!(condition.parts.get(&Part::Executor).map(|p| p.well), Some(true));
}

#[tokio::test]
async fn an_executor_that_has_to_get_its_log_back_is_not_said_to_stand() {
    let (hub, machine) = enrolled().await;
    let executor = FakeExecutor::start(&machine.socket(), "h-1", || ());
    executor.with(|s| s.lacks_until = Some(1_000));
    let running = machine.run(&hub);
    let asked = || executor.with(|s| s.raw.iter().any(|q| q == "\"condition\"").then_some(()));
    until("the question", asked).await;
    let (_, condition) = heard(&hub).await;
    running.stop().await.unwrap();
    assert_eq!(condition.executor, ExecutorHealth::Restoring);
}

#[tokio::test]
async fn sources_detectors_and_lost_lines_are_told_each_by_its_name() {
    let (hub, machine) = enrolled().await;
    let executor = FakeExecutor::start(&machine.socket(), "h-1", || ());
    std::fs::write(machine.path("logs/auth.log"), "").unwrap();
    let agent = machine.run(&hub);
    until("its positions", || machine.path("agent/logs.json").exists().then_some(())).await;
    agent.stop().await.unwrap();
    // Another file in the place of one that was not read to its end.
    std::fs::write(machine.path("logs/fresh"), "another file\n").unwrap();
    std::fs::rename(machine.path("logs/fresh"), machine.path("logs/app.log")).unwrap();
    let agent = machine.run(&hub);
    until("the loss", || executor.with(|s| (!s.lines_lost.is_empty()).then_some(()))).await;
    let failed = "Nov 21 06:20:01 host sshd[1]: Failed password for root from 192.0.2.1 port 1 ssh2\n";
    std::fs::write(machine.path("logs/auth.log"), failed.repeat(6)).unwrap();
    let kept = || {
        let all = std::fs::read_dir(machine.path("agent/outbox")).unwrap().flatten();
        all.filter_map(|entry| std::fs::read_to_string(entry.path()).ok()).collect::<String>()
    };
    until("the signal", || kept().contains("ssh.failed-logins").then_some(())).await;
    let (said, condition) = heard(&hub).await;
    agent.stop().await.unwrap();

    assert_eq!(condition.losses, [(LineLoss::RotatedAway, 1)].into());
    let files = SourceHealth { state: Following::Streams(2), unfollowed: 0 };
    assert_eq!(condition.sources, [(LogSource::Files, files)].into(), "there is no journal here");
    assert!(said.lines[&LogSource::Files] >= 6, "{:?}", said.lines);
    let detectors = &condition.detectors;
    let known = agent::detectors::library().unwrap().iter().count();
    assert_eq!(detectors.known as usize, known);
    let blind = |id: &str| detectors.blind.iter().find(|(_, all)| all.iter().any(|d| d.as_str() == id));
    assert_eq!(blind("backup.failed").map(|(why, _)| *why), Some(Blind::NotFollowed));
    assert_eq!(blind("ssh.failed-logins"), None);
    let fired: Vec<_> = detectors.fired.iter().map(|(id, fired)| (id.as_str(), fired.count)).collect();
    assert_eq!(fired, [("ssh.failed-logins", 1)]);
}

#[tokio::test]
async fn an_outbox_that_overflowed_says_how_many_it_lost() {
    let (hub, machine) = enrolled().await;
    let mut outbox =
        Outbox::open(&machine.path("agent/outbox"), 2 * BLOCK_BYTES, edge::clock::utc()).unwrap();
    for n in 0..5 {
        let what = What::Drift {
            control: "files.watched".parse().unwrap(),
            fact: "path:/x".parse().unwrap(),
            observed: FactValue::Flag(false),
        };
        let incident =
            Incident { incident: format!("inc-{n}").parse().unwrap(), found: edge::clock::utc(), what };
        outbox.put(&incident, edge::clock::utc()).unwrap();
    }
    let running = machine.run(&hub);
    let failed = || hub.with(|s| s.raw.iter().filter(|r| r.starts_with("POST /v1/heartbeat")).count());
    until("a beat", || (failed() >= 1).then_some(())).await;
    hub.with(|s| s.refuses_incidents = true);
    let (said, _) = heard(&hub).await;
    running.stop().await.unwrap();
    assert_eq!((said.outbox.waiting, said.outbox.lost, said.outbox.lost_in_all), (2, 3, 3));
}

/// Leads to one of two hubs, as somebody in between would.
async fn switch(to: SocketAddr) -> (String, Arc<Mutex<SocketAddr>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let leads_to = Arc::new(Mutex::new(to));
    let leads = Arc::clone(&leads_to);
    tokio::spawn(async move {
        loop {
            let (mut from, _) = listener.accept().await.unwrap();
            let to = *leads.lock().unwrap();
            tokio::spawn(async move {
                let mut to = TcpStream::connect(to).await.unwrap();
                let _ = copy_bidirectional(&mut from, &mut to).await;
            });
        }
    });
    (url, leads_to)
}

#[tokio::test]
async fn a_stranger_in_the_hubs_place_is_told_nothing_and_the_hub_hears_of_him() {
    let (hub, machine) = enrolled().await;
    hub.with(|s| s.broken = None);
    let stranger = FakeHub::start().await;
    let address = |hub: &FakeHub| hub.url.strip_prefix("https://").unwrap().parse().unwrap();
    let (url, leads_to) = switch(address(&stranger)).await;
    let config = machine.path("agent.yaml");
    std::fs::write(&config, machine.config_text(&url, machine::uid())).unwrap();
    let _executor = FakeExecutor::start(&machine.socket(), "h-1", || ());
    let running = machine::run(&config);
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    assert_eq!(stranger.with(|s| s.raw.len()), 0);
    *leads_to.lock().unwrap() = address(&hub);
    let (_, condition) = heard(&hub).await;
    running.stop().await.unwrap();
    let troubles = &condition.troubles;
    assert!(troubles.get(&Trouble::WrongCertificate).is_some_and(|t| t.count >= 2), "{troubles:?}");
}

#[tokio::test]
async fn a_heartbeat_is_small_and_an_unchanged_one_smaller() {
    let (hub, machine) = enrolled().await;
    let executor = FakeExecutor::start(&machine.socket(), "h-1", || ());
    let running = machine.run(&hub);
    until("the executor", || executor.with(|s| (!s.findings.is_empty()).then_some(()))).await;
    let (mut said, _) = heard(&hub).await;
    running.stop().await.unwrap();
    let bytes = |said: &Heartbeat| serde_json::to_vec(said).unwrap().len();
    let all = bytes(&said);
    said.condition = Said::Unchanged;
    let unchanged = bytes(&said);
    println!("all {all} bytes, unchanged {unchanged} bytes");
    assert!(all < 4_096 && unchanged < 256, "all {all}, unchanged {unchanged}");
}
