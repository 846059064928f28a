//! The certificate is renewed in time, after its time, and not once it was revoked.

use std::process::Command;

use agent::run::RunError;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::rig::executor::FakeExecutor;
use crate::rig::hub::{Due, FakeHub};
use crate::rig::machine::Machine;
use crate::rig::until;

fn certificate(machine: &Machine) -> String {
    std::fs::read_to_string(machine.path("agent/keys/device.crt")).unwrap()
}

#[tokio::test]
async fn a_certificate_that_is_due_or_over_is_renewed_with_the_same_key_and_shown_at_once() {
    // Two thirds through its month; and run out long ago.
    for days in [21, 400] {
        let (hub, machine) = (FakeHub::start().await, Machine::new());
        hub.with(|s| s.aged_days = days);
        machine.enrol(&hub).await;
        let (old, key) =
            (certificate(&machine), std::fs::read(machine.path("agent/keys/device.key")).unwrap());
        let executor = FakeExecutor::start(&machine.socket(), "h-1", || ());
        let running = machine.run(&hub);
        until("the receipt", || executor.with(|s| (!s.receipts.is_empty()).then_some(()))).await;
        until("the new certificate on the wire", || hub.with(|s| (s.shown.len() >= 2).then_some(()))).await;
        let new = certificate(&machine);
        assert_ne!(new, old, "{days} days");
        assert_eq!(std::fs::read(machine.path("agent/keys/device.key")).unwrap(), key);
        assert!(hub.with(|s| (1..=2).contains(&s.renewals)), "{days} days: renewed over and over");
        running.stop().await.unwrap();

        // What was renewed is what a new start shows. What was asked with the old one before may still arrive.
        let renewed = identity::fingerprint(&CertificateDer::from_pem_slice(new.as_bytes()).unwrap());
        hub.with(|s| (s.raw.clear(), s.shown.clear()));
        let running = machine.run(&hub);
        until("another request", || {
            hub.with(|s| s.raw.iter().any(|r| r.starts_with("GET /v1/orders")).then_some(()))
        })
        .await;
        assert_eq!(hub.with(|s| s.shown.clone()), [renewed], "{days} days");
        running.stop().await.unwrap();
    }
}

#[tokio::test]
async fn a_certificate_that_is_not_due_is_left_alone() {
    let (hub, machine) = (FakeHub::start().await, Machine::new());
    hub.with(|s| s.aged_days = 18);
    machine.enrol(&hub).await;
    let executor = FakeExecutor::start(&machine.socket(), "h-1", || ());
    let running = machine.run(&hub);
    until("the receipt", || executor.with(|s| (!s.receipts.is_empty()).then_some(()))).await;
    assert_eq!(hub.with(|s| s.renewals), 0);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_clock_that_is_ahead_of_the_hubs_does_not_have_the_certificate_asked_for_over_and_over() {
    let (hub, machine) = (FakeHub::start().await, Machine::new());
    // Due by the clock here, and not by the hub's, which gives the same one again.
    hub.with(|s| (s.aged_days, s.due) = (21, Due::Nothing));
    machine.enrol(&hub).await;
    let old = certificate(&machine);
    let executor = FakeExecutor::start(&machine.socket(), "h-1", || ());
    let running = machine.run(&hub);
    until("the receipt", || executor.with(|s| (!s.receipts.is_empty()).then_some(()))).await;
    until("the renewal", || hub.with(|s| (s.renewals > 0).then_some(()))).await;
    tokio::time::sleep(std::time::Duration::from_millis(3_500)).await;
    assert_eq!(hub.with(|s| s.renewals), 1);
    assert_eq!(certificate(&machine), old);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn renewal_is_tried_again_for_as_long_as_the_hub_is_broken() {
    let (hub, machine) = (FakeHub::start().await, Machine::new());
    hub.with(|s| s.aged_days = 31);
    machine.enrol(&hub).await;
    hub.with(|s| s.broken = Some(500));
    let _executor = FakeExecutor::start(&machine.socket(), "h-1", || ());
    let running = machine.run(&hub);
    let asked = || hub.with(|s| s.raw.iter().filter(|r| r.starts_with("POST /v1/renew")).count());
    until("a second try", || (asked() >= 2).then_some(())).await;
    hub.with(|s| s.broken = None);
    until("the new certificate", || hub.with(|s| (s.shown.len() >= 2).then_some(()))).await;
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_machine_that_was_revoked_stops_says_so_and_keeps_what_it_could_not_say() {
    let (hub, machine) = (FakeHub::start().await, Machine::new());
    machine.enrol(&hub).await;
    machine.chmod("watched", 0o644);
    hub.with(|s| s.refuses_incidents = true);
    let executor = FakeExecutor::start(&machine.socket(), "h-1", || ());
    let running = machine.run(&hub);
    until("the incident", || {
        hub.with(|s| s.raw.iter().any(|r| r.starts_with("POST /v1/incidents")).then_some(()))
    })
    .await;
    hub.with(|s| s.revoked = true);
    assert!(matches!(running.ended().await, Err(RunError::Revoked)));
    let kept =
        machine.path("agent/outbox").read_dir().unwrap().flatten().filter(|e| e.path().is_file()).count();
    assert_eq!(kept, 1, "what was not taken is gone");

    // Started again it is told again, and says it with a status of its own.
    let asked = hub.with(|s| s.raw.len());
    let out = tokio::process::Command::from(command(&machine)).output().await.unwrap();
    assert_eq!(out.status.code(), Some(4));
    assert!(String::from_utf8_lossy(&out.stderr).contains("was revoked by the operator"), "{out:?}");
    assert!(hub.with(|s| s.raw.len()) - asked < 20, "it went on asking");
    drop(executor);
}

fn command(machine: &Machine) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_suture-agent"));
    command.args(["run", "--config"]).arg(machine.path("agent.yaml"));
    command
}
