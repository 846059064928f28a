//! What gets in a trial's way is said so that a person can act on it, and nothing is half done.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use super::stage::{Stage, Trial, is_root};

#[test]
fn a_second_trial_at_once_is_told_to_wait() {
    let stage = Stage::new();
    let mut first = stage.try_command().arg("--keep").stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(first.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    while !stage.data().join("lock").exists() {
        std::thread::yield_now();
    }
    let second = stage.try_once();
    assert_eq!(second.status, Some(75), "{second:?}");
    assert!(
        second.err.contains("in use by another `suture try`") && second.err.contains("--dir"),
        "{}",
        second.err
    );
    first.kill().unwrap();
    first.wait().unwrap();
}

#[test]
fn a_taken_operator_port_is_said_and_the_next_one_used() {
    let stage = Stage::new();
    // Somebody else may hold it already; then there is nothing to arrange.
    let _taken = TcpListener::bind("127.0.0.1:6767");
    let trial = stage.try_once().succeeded();
    assert!(
        trial.out.contains("127.0.0.1:6767 is taken; the operator plane goes to the next port"),
        "{}",
        trial.out
    );
}

#[test]
fn the_operator_token_is_not_shown_to_whoever_listens() {
    if !is_root() {
        eprintln!("not run: only root can listen as somebody else");
        return;
    }
    let stage = Stage::new();
    stage.try_once().succeeded();
    let listen = "import socket,sys\n\
                  s=socket.create_server(('127.0.0.1',0))\n\
                  print(s.getsockname()[1],flush=True)\n\
                  sys.stdout.buffer.write(s.accept()[0].recv(4096))";
    let mut stranger =
        Command::new("python3").args(["-c", listen]).uid(65534).stdout(Stdio::piped()).spawn().unwrap();
    let mut out = BufReader::new(stranger.stdout.take().unwrap());
    let mut port = String::new();
    out.read_line(&mut port).unwrap();
    let mut status = Command::new(stage.program("suture"));
    status.args(["status", "--operator", &format!("127.0.0.1:{}", port.trim()), "--dir"]).arg(stage.data());
    let trial = Trial::of(status.output().unwrap());
    assert_eq!(trial.status, Some(69), "{trial:?}");
    assert!(trial.err.contains("no hub of this user listens there"), "{}", trial.err);
    stranger.kill().unwrap();
    stranger.wait().unwrap();
    let mut heard = String::new();
    out.read_to_string(&mut heard).unwrap();
    assert_eq!(heard, "", "the stranger was spoken to");
}

#[test]
fn a_directory_of_somebody_else_is_not_used() {
    let stage = Stage::new();
    let dir = if is_root() {
        fs::create_dir(stage.data()).unwrap();
        std::os::unix::fs::chown(stage.data(), Some(65534), Some(65534)).unwrap();
        stage.data()
    } else {
        "/etc/suture-data".into()
    };
    let output = Command::new(stage.program("suture")).arg("try").arg("--dir").arg(dir).output().unwrap();
    let trial = Trial::of(output);
    assert_eq!(trial.status, Some(73), "{trial:?}");
    assert!(trial.err.contains("--dir"), "{}", trial.err);
}

#[test]
fn a_full_disk_is_said_and_nothing_is_claimed() {
    if !is_root() {
        eprintln!("not run: a small disk can only be mounted by root");
        return;
    }
    // From nothing at all up to nearly enough, the disk fills up in another process each time.
    let mut filled_up = 0;
    for kib in [64, 512, 768, 1024] {
        let stage = Stage::new();
        let disk = SmallDisk::mount(&stage, kib);
        let trial = stage.try_once();
        drop(disk);
        let said = format!("{}{}", trial.out, trial.err);
        if trial.status == Some(0) {
            assert!(said.contains("refused, and record"), "{said}");
            continue;
        }
        filled_up += 1;
        let words = said.to_lowercase();
        assert!(
            words.contains("disk is full") || words.contains("no space left") || words.contains("disk full"),
            "{kib} KiB: {said}"
        );
        assert_eq!(stage.left_running(), [""; 0]);
    }
    assert!(filled_up >= 2, "the disks were not small enough");
}

struct SmallDisk(std::path::PathBuf);

impl SmallDisk {
    fn mount(stage: &Stage, kib: u32) -> Self {
        fs::create_dir(stage.data()).unwrap();
        let size = format!("size={kib}k,mode=0700");
        let done = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(stage.data())
            .status()
            .unwrap();
        assert!(done.success(), "a small disk could not be mounted");
        Self(stage.data())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
