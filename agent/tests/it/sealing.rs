//! With a TPM 2.0 the device's key is never on the disk in the open, and another TPM does not open it. The TPM is `swtpm`'s; the sealing is real.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use agent::enrol::{EnrolError, Enrolment, enrol};
use agent::keystore::{KeyError, Sealing};
use agent::run::RunError;
use agent::site::{Places, SiteError};

use crate::rig::executor::FakeExecutor;
use crate::rig::hub::FakeHub;
use crate::rig::machine::{self, EVIDENCE_KEY, Machine};
use crate::rig::until;

/// A software TPM. Ended when it is dropped.
struct Tpm(Child);

impl Drop for Tpm {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts one at `socket`.
fn tpm(socket: &Path, state: &Path) -> Tpm {
    fs::create_dir_all(state).unwrap();
    let _ = fs::remove_file(socket);
    let child = Command::new("swtpm")
        .args(["socket", "--tpm2", "--flags", "not-need-init,startup-clear", "--tpmstate"])
        .arg(format!("dir={}", state.display()))
        .arg("--server")
        .arg(format!("type=unixio,path={}", socket.display()))
        .arg("--ctrl")
        .arg(format!("type=unixio,path={}.ctrl", socket.display()))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|e| panic!("swtpm (Debian: swtpm) cannot be started, so nothing was tested: {e}"));
    let tpm = Tpm(child);
    let began = Instant::now();
    while !socket.exists() {
        assert!(began.elapsed() < Duration::from_secs(20), "swtpm does not listen");
        std::thread::sleep(Duration::from_millis(10));
    }
    tpm
}

/// Every file below `directory`, with what is in it.
fn files(directory: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(directory).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            all.extend(files(&path));
        } else if let Ok(bytes) = fs::read(&path) {
            all.push((path, bytes));
        }
    }
    all
}

#[tokio::test]
async fn a_sealed_key_is_enrolled_runs_on_its_own_tpm_and_is_never_replaced_on_another() {
    let (hub, machine) = (FakeHub::start().await, Machine::new());
    let (sheet, socket) = (machine.sheet(&hub), machine.path("tpm"));
    let device = format!("swtpm:path={}", socket.display());
    let mut own = Some(tpm(&socket, &machine.path("tpm-state")));
    let places = Places { dir: machine.path("agent"), tpm: Some(device.clone()) };
    let enrolling = || enrol(&sheet, &places, &Sealing::Told, EVIDENCE_KEY, None);

    // A lost reply costs nothing: the sealed key of the first try is the one of the second.
    hub.with(|s| s.replies_lost = 1);
    enrolling().await.unwrap_err();
    let sealed = fs::read(places.sealed_device_key()).unwrap();
    // In between, another TPM: the hub has enrolled that key by now, and no other is made.
    drop(own.take());
    let another = tpm(&socket, &machine.path("another-state"));
    let refused_there = enrolling().await.unwrap_err();
    assert!(matches!(refused_there, EnrolError::Key(KeyError::Open { .. })), "{refused_there:?}");
    drop(another);
    own = Some(tpm(&socket, &machine.path("tpm-state")));
    assert_eq!(enrolling().await.unwrap(), Enrolment::Fresh);
    assert_eq!(enrolling().await.unwrap(), Enrolment::AlreadyThere);
    assert_eq!(fs::read(places.sealed_device_key()).unwrap(), sealed);
    let keys = hub.with(|s| s.enrolments.iter().map(key_of).collect::<Vec<_>>());
    assert!(keys.len() == 2 && keys[0] == keys[1], "another key was made");
    assert!(!places.device_key().exists());
    for (path, bytes) in files(&places.dir) {
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("PRIVATE KEY"), "{} holds a key in the open", path.display());
    }

    // It runs, and is renewed, over the same key.
    let _executor = FakeExecutor::start(&machine.socket(), "h-1", || ());
    let config = machine.path("agent.yaml");
    let text = machine.config_text(&hub.url, machine::uid()) + &format!("tpm_device: \"{device}\"\n");
    fs::write(&config, text).unwrap();
    let running = machine::run(&config);
    until("a heartbeat", || hub.with(|s| (!s.heartbeats.is_empty()).then_some(()))).await;
    running.stop().await.unwrap();

    // Another TPM, and none: it does not start, says what to do, and touches nothing.
    drop(own);
    let another = tpm(&socket, &machine.path("another-state"));
    refused(&config).await;
    let again = enrolling().await.unwrap_err();
    assert!(matches!(again, EnrolError::Site(SiteError::Key(KeyError::Open { .. }))), "{again:?}");
    drop(another);
    refused(&config).await;
    assert_eq!(fs::read(places.sealed_device_key()).unwrap(), sealed);
    assert!(!places.device_key().exists());
}

async fn refused(config: &Path) {
    let ended = machine::run(config).ended().await.unwrap_err();
    assert!(matches!(ended, RunError::Site(SiteError::Key(KeyError::Open { .. }))), "{ended:?}");
    assert!(ended.to_string().contains("enrolled anew"), "{ended}");
}

fn key_of(request: &contract::plane::EnrolRequest) -> contract::digest::Digest {
    identity::VerifiedRequest::verify(&request.csr).unwrap().key_digest()
}

#[tokio::test]
async fn a_tpm_that_is_named_and_not_there_is_no_reason_to_write_the_key_in_the_open() {
    let (hub, machine) = (FakeHub::start().await, Machine::new());
    let places = Places { dir: machine.path("agent"), tpm: Some("/dev/made-up-tpm".to_owned()) };
    let refused = enrol(&machine.sheet(&hub), &places, &Sealing::Told, EVIDENCE_KEY, None).await.unwrap_err();
    assert!(matches!(refused, EnrolError::Key(KeyError::Seal { .. })), "{refused:?}");
    assert!(!places.device_key().exists() && !places.sealed_device_key().exists());
    assert_eq!(hub.with(|s| s.raw.len()), 0);
    // A machine that shows none goes without.
    let done = enrol(&machine.sheet(&hub), &places, &Sealing::Found, EVIDENCE_KEY, None).await.unwrap();
    assert!(done == Enrolment::Fresh && places.device_key().exists());
}
