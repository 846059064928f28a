//! The same attacks by the same program with nothing around it. Each must work; else the tests beside this one would be green whatever we do.

use std::io::Read;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::stage::{SECRET, Stage, hostile};

fn plain(stage: &Stage, word: &str, arg: &str) -> String {
    let output = Command::new(hostile()).args([word, arg, &stage.token]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{word}: {said}{}", String::from_utf8_lossy(&output.stderr));
    said
}

#[test]
fn files_and_sockets_are_open_to_a_program_that_nothing_confines() {
    let stage = Stage::new();
    let log = stage.evidence.join("log").display().to_string();
    assert_eq!(plain(&stage, "read", &log), format!("did {SECRET}\n"));
    let outside = stage.shown.parent().unwrap().join("outside");
    plain(&stage, "write", &outside.display().to_string());
    assert!(outside.exists());
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    assert_eq!(plain(&stage, "tcp", &tcp.local_addr().unwrap().to_string()), "did connected\n");
    let path = stage.shown.parent().unwrap().join("socket");
    let _unix = UnixListener::bind(&path).unwrap();
    assert_eq!(plain(&stage, "unix", &path.display().to_string()), "did connected\n");
    assert_eq!(plain(&stage, "exec", ""), "did exit status: 0\n");
    assert_eq!(plain(&stage, "memfd", ""), "did exit status: 0\n");
    assert!(plain(&stage, "unshare", "").contains("did"));
}

#[test]
fn root_does_to_the_machine_what_it_likes() {
    if !rustix::process::geteuid().is_root() {
        println!("not run: these attacks need root to work at all");
        return;
    }
    let stage = Stage::new();
    let at = stage.writable.display().to_string();
    plain(&stage, "mount", &at);
    let mounts = std::fs::read_to_string("/proc/mounts").unwrap();
    rustix::mount::unmount(at.as_str(), rustix::mount::UnmountFlags::DETACH).unwrap();
    assert!(mounts.contains(&at));
    plain(&stage, "setns", "/proc/self/ns/net");
    plain(&stage, "raw", "");
    plain(&stage, "sysctl", "/proc/sys/kernel/core_pattern");
    let mut victim = Command::new(hostile()).args(["sleep", "30"]).spawn().unwrap();
    let (word, pid) = ("ptrace", victim.id().to_string());
    plain(&stage, word, &pid);
    plain(&stage, "bystander", &pid);
    victim.kill().unwrap();
    victim.wait().unwrap();
}

#[test]
fn nothing_ends_a_program_that_takes_too_much() {
    let stage = Stage::new();
    assert_eq!(plain(&stage, "forkbomb", "1000"), "did 1000\n");
    assert_eq!(plain(&stage, "memory", "256"), "did 256\n");
    let fill = stage.writable.join("fill").display().to_string();
    assert_eq!(plain(&stage, "shm", &fill), "did 512\n");
    assert_eq!(plain(&stage, "output", &(16u64 << 20).to_string()).len(), (16 << 20) + "did output\n".len());
}

#[test]
fn a_stubborn_program_survives_sigterm() {
    let stage = Stage::new();
    let mark = stage.writable.join("stubborn");
    let args = ["stubborn".to_owned(), mark.display().to_string(), stage.token.clone()];
    let mut child = Command::new(hostile()).args(args).stdout(Stdio::null()).spawn().unwrap();
    while !mark.exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    assert!(child.try_wait().unwrap().is_none(), "it ended");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_double_fork_outlives_a_plain_child() {
    let stage = Stage::new();
    let mark = stage.writable.join("escaped");
    let args = ["escape".to_owned(), mark.display().to_string(), stage.token.clone()];
    let mut child = Command::new(hostile()).args(args).stdout(Stdio::piped()).spawn().unwrap();
    child.wait().unwrap();
    // One look may miss it: while the directory is read, the middle process ends and a lower number begins.
    let until = Instant::now() + Duration::from_secs(2);
    while stage.left().is_empty() {
        assert!(Instant::now() < until, "nobody is left");
    }
    let mut rest = String::new();
    child.stdout.take().unwrap().read_to_string(&mut rest).unwrap();
    assert_eq!(std::fs::read_to_string(mark).unwrap(), "after the end");
}
