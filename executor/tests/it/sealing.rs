//! With a TPM 2.0 the evidence key is never on the disk in the open, and another TPM does not open it. The TPM is `swtpm`'s; the sealing is real.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use super::rig::{Rig, replace_in, uid};

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

fn init(rig: &Rig, device: &str) -> Output {
    let path = |name: &str| rig.path(name).display().to_string();
    Command::new(env!("CARGO_BIN_EXE_suture-executor"))
        .args(["init", "--sheet", &path("sheet.json"), "--dir", &path("executor")])
        .args(["--socket", &path("run/s"), "--agent-uid", &uid(), "--agent-keys", &path("agent-keys")])
        .args(["--enforce", "RB-FILE-001-own-directories", "--tpm-device", device])
        .output()
        .unwrap()
}

#[test]
fn a_sealed_key_signs_on_its_own_tpm_and_on_no_other() {
    let rig = Rig::new();
    fs::remove_dir_all(rig.path("executor")).unwrap();
    let (socket, state) = (rig.path("tpm"), rig.path("tpm-state"));
    let device = format!("swtpm:path={}", socket.display());
    let mut own = Some(tpm(&socket, &state));
    let output = init(&rig, &device);
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    let installed =
        !words.contains("systemd-creds cannot be started") && !words.contains("TPM2 support is not");
    assert!(
        installed,
        "systemd-creds (Debian: systemd, with libtss2-esys-3.0.2-0, libtss2-rc0, libtss2-mu0 and libtss2-tcti-swtpm0) cannot use a TPM here, \
         so nothing was tested: {words}"
    );
    assert!(output.status.success() && words.contains("sealed by this machine's TPM"), "{words}");
    assert!(!rig.path("executor/keys/evidence.key").exists(), "the key lies in the open");
    let key = String::from_utf8(output.stdout).unwrap();
    // Without the kernel's resource manager a TPM keeps the sessions of those that are gone, and has room for three.
    let mut restarted = || {
        drop(own.take());
        own = Some(tpm(&socket, &state));
    };
    restarted();
    assert_eq!(String::from_utf8(init(&rig, &device).stdout).unwrap(), key, "another key was made");
    restarted();
    assert!(rig.start().stop().success());
    let opened = fs::read_to_string(rig.evidence().join("checkpoint")).unwrap();
    assert!(key.starts_with("hub.example/h-1+") && opened.starts_with("hub.example/h-1\n3\n"));

    drop(own);
    let _other = tpm(&socket, &rig.path("another-tpm"));
    let (status, words) = rig.fails();
    assert!(status == Some(78) && words.contains("the TPM did not open the evidence key"), "{words}");
}

#[test]
fn a_machine_without_a_tpm_says_that_its_key_is_not_sealed() {
    let rig = Rig::new();
    fs::remove_dir_all(rig.path("executor")).unwrap();
    let words = String::from_utf8_lossy(&rig.init().stderr).into_owned();
    // A machine with a TPM of its own seals, or says why it cannot; the rest is the same there.
    if !Path::new("/dev/tpmrm0").exists() {
        assert!(words.contains("not sealed: this machine shows no TPM 2.0"), "{words}");
    }
    // A TPM that is named and not there is no reason to go without.
    fs::remove_dir_all(rig.path("executor")).unwrap();
    let output = init(&rig, "/dev/made-up-tpm");
    assert_eq!(output.status.code(), Some(78));
    assert!(!rig.path("executor/keys/evidence.key").exists());
    // Nor is a configuration that names one the key is not sealed with.
    assert!(rig.init().status.success());
    replace_in(&rig.path("executor/executor.yaml"), "mode: observe", "mode: observe\ntpm_device: \"/dev/x\"");
    assert!(rig.start().stop().success());
}
