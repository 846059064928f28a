//! The agent as a process: what it says of itself, how it stops, and that it listens on nothing.

use std::io::Read as _;
use std::process::{Child, Command, Stdio};

use contract::event::{Event, Traced};

use crate::rig::executor::FakeExecutor;
use crate::rig::hub::FakeHub;
use crate::rig::machine::Machine;
use crate::rig::until;

fn start(machine: &Machine, hub: &FakeHub) -> Child {
    Command::new(env!("CARGO_BIN_EXE_suture-agent"))
        .args(["run", "--events", "--config"])
        .arg(machine.config(hub))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

async fn terminate(mut child: Child) -> (Option<i32>, Vec<Event>) {
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let status = until("the end", || child.try_wait().unwrap()).await;
    let mut out = String::new();
    child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    (status.code(), out.lines().map(|l| serde_json::from_str::<Traced>(l).unwrap().event).collect())
}

#[tokio::test]
async fn it_says_what_it_does_and_stops_cleanly() {
    let (hub, machine) = (FakeHub::start().await, Machine::new());
    machine.enrol(&hub).await;
    machine.chmod("watched", 0o644);
    let executor = FakeExecutor::start(&machine.socket(), "h-1", || ());
    let child = start(&machine, &hub);
    until("the receipt", || executor.with(|s| (!s.receipts.is_empty()).then_some(()))).await;
    until("its positions", || machine.path("agent/logs.json").exists().then_some(())).await;
    assert_eq!(listening(child.id()), Vec::<String>::new());
    let (code, events) = terminate(child).await;
    assert_eq!(code, Some(0));
    let count = |wanted: fn(&Event) -> bool| events.iter().filter(|e| wanted(e)).count();
    assert_eq!(count(|e| matches!(e, Event::AgentReady)), 1);
    assert_eq!(count(|e| matches!(e, Event::Found(_))), 2);
    assert_eq!(count(|e| matches!(e, Event::Scanned { tally, .. } if (tally.pass, tally.fail) == (1, 1))), 1);
    assert_eq!(count(|e| matches!(e, Event::Tailing { streams: 1, .. })), 1);
    assert_eq!(count(|e| matches!(e, Event::IncidentKept { control: Some(_), .. })), 1);
    assert!(count(|e| matches!(e, Event::Receipted { .. })) >= 1);
}

/// The TCP and UDP sockets of `pid` that listen, and its Unix sockets that have a path.
fn listening(pid: u32) -> Vec<String> {
    let fds = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten();
    let links = fds.filter_map(|fd| std::fs::read_link(fd.path()).ok()).map(|l| l.display().to_string());
    let inodes: Vec<String> =
        links.filter_map(|l| Some(l.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned())).collect();
    assert!(!inodes.is_empty(), "it has no socket at all: this looks in the wrong place");
    let ours = |field: Option<&str>| field.is_some_and(|i| inodes.iter().any(|o| o == i));
    let mut found = Vec::new();
    for table in ["tcp", "tcp6", "udp", "udp6"] {
        let text = std::fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default();
        for line in text.lines().skip(1) {
            let fields: Vec<_> = line.split_whitespace().collect();
            let is_open = table.starts_with("udp") || fields.get(3) == Some(&"0A");
            if is_open && ours(fields.get(9).copied()) {
                found.push(format!("{table} {line}"));
            }
        }
    }
    // Flag 00010000: listening.
    let text = std::fs::read_to_string(format!("/proc/{pid}/net/unix")).unwrap();
    for line in text.lines().skip(1) {
        let fields: Vec<_> = line.split_whitespace().collect();
        if fields.get(3) == Some(&"00010000") && ours(fields.get(6).copied()) {
            found.push(line.to_owned());
        }
    }
    found
}

#[tokio::test]
async fn a_kill_at_any_moment_loses_no_incident_and_makes_none_twice() {
    let (hub, mut machine) = (FakeHub::start().await, Machine::new());
    machine.more = "alone_after_s: 0\n";
    machine.enrol(&hub).await;
    hub.with(|s| s.broken = Some(503));
    let executor = FakeExecutor::start(&machine.socket(), "h-1", || ());
    machine.chmod("own/evidence", 0o755);
    for wait_ms in [0, 5, 10, 15, 20, 30, 40, 60, 90, 130] {
        let mut child = start(&machine, &hub);
        tokio::time::sleep(std::time::Duration::from_millis(wait_ms)).await;
        child.kill().unwrap();
        child.wait().unwrap();
    }
    hub.with(|s| s.broken = None);
    let child = start(&machine, &hub);
    until("the incident", || hub.with(|s| (!s.incidents.is_empty()).then_some(()))).await;
    until("the findings", || executor.with(|s| (!s.findings.is_empty()).then_some(()))).await;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(terminate(child).await.0, Some(0));
    let all = hub.with(|s| s.incidents.clone());
    assert!(all.iter().all(|i| *i == all[0]), "one drift became several incidents: {all:?}");
}
