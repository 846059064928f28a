//! Bad configurations and bent files: refused with file, line and column, and nothing done.

use std::process::Command;

use agent::config::Config;

use crate::rig::executor::FakeExecutor;
use crate::rig::hub::FakeHub;
use crate::rig::machine::Machine;
use crate::rig::until;

fn refusal(text: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("agent.yaml");
    std::fs::write(&path, text).unwrap();
    let refused = Config::read(&path).unwrap_err().to_string();
    refused.replace(&format!("{}/", dir.path().display()), "")
}

#[test]
fn a_bad_configuration_is_refused_with_its_place() {
    let good = Machine::new().config_text("https://hub.example:8443", 0);
    for (bad, place) in [
        (format!("{good}colour: red\n"), "agent.yaml:11:1:"),
        (format!("{good}hub: https://other.example\n"), "agent.yaml:11:1:"),
        (good.replace("https://hub.example:8443", "http://hub.example"), "agent.yaml:1:6:"),
        (good.replace("https://hub.example:8443", "https://hub.example/path"), "agent.yaml:1:6:"),
        (good.replace("executor_uid: 0", "executor_uid: root"), "agent.yaml:4:15:"),
        (format!("{good}rescan_s: 1\n"), "agent.yaml:11:11:"),
        (format!("{good}alone_after_s: 3601\n"), "agent.yaml:11:16:"),
        (good.replace("logs:\n  directories:", "logs:\n  folders:"), "agent.yaml:10:3:"),
        (format!("{good}exceptions: here.yaml\n"), "agent.yaml:11:13:"),
        (String::new(), "agent.yaml:"),
    ] {
        let refused = refusal(&bad);
        assert!(refused.starts_with(place), "{refused:?} is not at {place} for\n{bad}");
    }
}

fn agent(arguments: &[&str]) -> (Option<i32>, String) {
    let out = Command::new(env!("CARGO_BIN_EXE_suture-agent")).args(arguments).output().unwrap();
    (out.status.code(), String::from_utf8_lossy(&out.stderr).into_owned())
}

#[tokio::test]
async fn a_machine_whose_pinned_files_are_missing_or_bent_does_not_start() {
    let (hub, machine) = (FakeHub::start().await, Machine::new());
    let config = machine.config(&hub);
    let config = config.to_str().unwrap();
    let (code, said) = agent(&["run", "--config", config]);
    assert_eq!(code, Some(2), "{said}");

    machine.enrol(&hub).await;
    let identity = machine.path("agent/identity.json");
    let pinned = std::fs::read_to_string(&identity).unwrap();
    std::fs::write(&identity, pinned.replacen('{', "{\"more\": 1,", 1)).unwrap();
    let (code, said) = agent(&["run", "--config", config]);
    assert!(code == Some(2) && said.contains("identity.json:1:"), "{said}");

    std::fs::write(&identity, pinned).unwrap();
    let baseline = machine.path("agent/baseline.dsse");
    let mut envelope = std::fs::read(&baseline).unwrap();
    let at = envelope.len() / 2;
    envelope[at] = if envelope[at] == b'A' { b'B' } else { b'A' };
    std::fs::write(&baseline, envelope).unwrap();
    let (code, said) = agent(&["run", "--config", config]);
    assert!(code == Some(2) && said.contains("is not believed: no pinned key signed these bytes"), "{said}");
}

#[tokio::test]
async fn two_agents_do_not_share_a_directory() {
    let (hub, machine) = (FakeHub::start().await, Machine::new());
    machine.enrol(&hub).await;
    let executor = FakeExecutor::start(&machine.socket(), "h-1", || ());
    let running = machine.run(&hub);
    until("the first agent", || executor.with(|s| (!s.findings.is_empty()).then_some(()))).await;
    let (code, said) = agent(&["run", "--config", machine.path("agent.yaml").to_str().unwrap()]);
    assert!(code == Some(2) && said.contains("another agent works in"), "{said}");
    running.stop().await.unwrap();
}
