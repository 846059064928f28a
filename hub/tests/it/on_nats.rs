//! A hub whose queue is on NATS: provisioned by its own command, and served from there.

use std::path::Path;
use std::process::Command;

use contract::plane::IncidentState;
use hub::config::Config;
use hub::serve::{StartError, start};
use reqwest::StatusCode;
use serde_json::Value;

use crate::incidents::{CONTROL, ordered, state};
use crate::nats_server::{Certificates, How, Seat, Server, free_port};
use crate::stage::{Stage, config, drift};

/// Runs `suture-hub queue` with these words, and says how it ended and what it said as JSON.
fn queue(at: &Path, words: &[&str]) -> (i32, Value) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_suture-hub"));
    command.arg("queue").args(words).arg("--json");
    command.arg("--nats").arg(at.join("nats.yaml")).arg("--keys").arg(at.join("keys"));
    let done = command.output().unwrap();
    let said = String::from_utf8(done.stdout).unwrap();
    assert!(
        !said.contains("SOA") && !said.contains("SUA") && !said.contains("SAA"),
        "a seed is shown: {said}"
    );
    eprint!("{}", String::from_utf8_lossy(&done.stderr));
    (done.status.code().unwrap(), serde_json::from_str(&said).unwrap_or_default())
}

/// A directory with certificates and a nats.yaml, and a server that is not started yet.
fn prepare(at: &Path) -> Server {
    let certificates = Certificates::new(at);
    let (certificate, key) = certificates.issue("hub", &["hub.example"]);
    let seat = Seat { address: "127.0.0.1".to_owned(), port: free_port(), routes: free_port() };
    let file = |server: &str| {
        format!(
            "version: 1\nservers: [\"{server}\"]\nauthority: {}\ncertificate: {}\nkey: {}\ncredentials: {}\n",
            certificates.authority.display(),
            certificate.display(),
            key.display(),
            at.join("credentials").display()
        )
    };
    std::fs::write(at.join("nats.yaml"), file(&format!("tls://127.0.0.1:{}", seat.port))).unwrap();
    let accounts = at.join("accounts");
    let (exit, told) = queue(
        at,
        &["provision", "--offline", "--tenant", "clinic-7", "--accounts", accounts.to_str().unwrap()],
    );
    assert_eq!((exit, &told["operator"], &told["tenants"][0]["key"]), (0, &"made".into(), &"made".into()));
    let lines = |_: &Path| std::fs::read_to_string(at.join("keys/server.conf")).unwrap();
    Server::new(at, &certificates, &lines, How::safe(), &[seat], 0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_on_nats_plans_what_comes_and_plans_it_once() {
    let at = tempfile::tempdir().unwrap();
    let mut server = prepare(at.path());
    let (exit, _) = queue(at.path(), &["provision", "--tenant", "clinic-7"]);
    assert_eq!(exit, 69, "there is no server yet");
    server.start();
    let words = ["provision", "--tenant", "clinic-7"];
    let (exit, would) = queue(at.path(), &[&words[..], &["--dry-run"]].concat());
    assert_eq!((exit, &would["tenants"][0]["account"]), (0, &"made".into()));
    for outcome in ["made", "was_there"] {
        let (exit, told) = queue(at.path(), &words);
        let tenant = &told["tenants"][0];
        assert_eq!(
            (exit, &tenant["account"], &tenant["things"]["INCIDENTS"]),
            (0, &outcome.into(), &outcome.into())
        );
    }

    let directory = tempfile::tempdir().unwrap();
    let on_nats = Config { nats: Some(at.path().join("nats.yaml")), ..config(directory.path()) };
    let running = start(&on_nats).await.unwrap();
    assert!(!directory.path().join("queue.db").exists(), "it has a queue of its own, too");
    let stage = Stage::of(directory, running).await;
    let device = stage.enrolled("clinic-7").await;
    let waiting = ordered(&device, "i-1").await;
    assert_eq!(state(&stage).await, IncidentState::Ordered(waiting.order));

    // Servers that are killed cost a retry, and no incident.
    server.kill();
    let again = device.post("/v1/incidents", &drift("i-2", CONTROL)).await.status();
    assert!(again == StatusCode::OK || again.is_server_error(), "{again}");
    server.start();
    assert_eq!(device.report("i-1", CONTROL).await.incident.as_str(), "i-1");
    assert_eq!(device.orders(0).await.orders.len(), 1, "it was planned twice");

    // A tenant that was not provisioned is refused, and harms no other.
    let stranger = stage.enrolled("clinic-8").await;
    assert!(stranger.post("/v1/incidents", &drift("i-1", CONTROL)).await.status().is_server_error());
    let (exit, _) = queue(at.path(), &["provision", "--tenant", "clinic-8"]);
    assert_eq!(exit, 0);
    assert_eq!(stranger.post("/v1/incidents", &drift("i-1", CONTROL)).await.status(), StatusCode::OK);
    assert_eq!(stranger.orders(10_000).await.orders.len(), 1);
    stage.running.stop().await;

    let (exit, _) = queue(at.path(), &["deprovision", "--lose-what-waits", "--tenant", "clinic-8"]);
    assert_eq!(exit, 0);
    assert!(!at.path().join("credentials/clinic-8.creds").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_does_not_start_without_the_servers_that_it_was_told_of() {
    let (at, directory) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let _never_started = prepare(at.path());
    let told = |nats| Config { nats: Some(nats), ..config(directory.path()) };
    let refused = start(&told(at.path().join("nats.yaml"))).await.unwrap_err();
    assert!(matches!(refused, StartError::Nats(_)), "{refused:?}");
    let refused = start(&told(at.path().join("keys/server.conf"))).await.unwrap_err();
    assert!(matches!(refused, StartError::NatsFile(_)), "{refused:?}");
}
