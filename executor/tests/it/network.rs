//! The executor has no network: over a whole run, programs included, nobody binds an address of it or listens.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use contract::outcome::Outcome;

use super::rig::Rig;

/// The executor inside the guest, as this machine numbers it.
fn pid_of(rig: &Rig) -> u32 {
    let config = rig.path("executor/executor.yaml").display().to_string();
    let runs = |pid: &u32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let mut words = line.split(|b| *b == 0);
        words.next().is_some_and(|word| word.ends_with(b"suture-executor"))
            && words.any(|word| word == config.as_bytes())
    };
    let processes =
        fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
    processes.into_iter().find(runs).unwrap()
}

/// The first process of the machine that `pid` is in: it starts the confined programs, each as a unit of its own.
fn first_of(pid: u32) -> u32 {
    let machine = |pid: u32| fs::read_link(format!("/proc/{pid}/ns/pid")).ok();
    let is_first = |pid: &u32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let within = status.lines().find_map(|line| line.strip_prefix("NSpid:")?.split_whitespace().last());
        within == Some("1")
    };
    let processes =
        fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
    let here: Vec<u32> = processes.filter(|other| machine(*other) == machine(pid)).collect();
    here.into_iter().find(is_first).unwrap()
}

#[test]
fn nothing_listens_on_a_network_over_a_whole_run_with_programs() {
    if !guest::runnable() {
        return;
    }
    let rig = Rig::in_guest();
    let guest = rig.guest.as_ref().unwrap();
    let mut running = rig.start();
    let calls = rig.path("calls");
    let pid = pid_of(&rig);
    let mut strace = Command::new("strace")
        .args(["-f", "-e", "trace=socket,bind,listen,execve", "-o"])
        .arg(&calls)
        .args(["-p", &pid.to_string(), "-p", &first_of(pid).to_string()])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(strace.stderr.take().unwrap());
    let mut words = String::new();
    while words.matches("attached").count() < 2 {
        assert!(stderr.read_line(&mut words).unwrap() > 0, "strace did not attach: {words}");
    }
    // Somebody who can get in: else nobody sees a way in, and no account is touched.
    guest.ok("useradd -m -G sudo keeper && install -d -m 700 ~keeper/.ssh && echo 'ssh-ed25519 AAAA' > ~keeper/.ssh/authorized_keys");
    // Programs of the system: passwd, visudo.
    guest.ok("useradd -m guest && passwd -d guest");
    guest.ok("echo 'Defaults !use_pty' > /etc/sudoers.d/aaa && chmod 440 /etc/sudoers.d/aaa");
    for (counter, (control, runbook)) in (1..).zip([
        ("accounts.empty-passwords", "RB-ACCOUNT-001-empty-passwords"),
        ("sudo.terminal", "RB-SUDO-001-defaults"),
    ]) {
        let answer = rig.send(&mut rig.agent(), &rig.order(control, runbook, counter));
        assert_eq!(answer.outcome, Outcome::Healed, "{answer:?}");
    }
    assert!(running.stop().success());
    rustix::process::kill_process(rustix::process::Pid::from_child(&strace), rustix::process::Signal::INT)
        .unwrap();
    let _ = strace.wait();
    let calls = fs::read_to_string(&calls).unwrap();
    let count = |what: &str| calls.lines().filter(|line| line.contains(what)).count();
    println!(
        "{} programs, {} sockets of any kind, {} binds, {} listens",
        count("execve("),
        count("socket("),
        count("bind("),
        count("listen(")
    );
    // The trace reached the programs.
    assert!(count("execve(") >= 2 && (calls.contains("visudo") || calls.contains("passwd")), "{calls:.2000}");
    let network = |line: &&str| {
        let binds = line.contains("bind(") || line.contains("listen(");
        // A socket for packets sends what nobody asked for; netlink talks to the kernel, and Unix sockets to this machine.
        (binds && !line.contains("AF_NETLINK") && !line.contains("AF_UNIX")) || line.contains("AF_PACKET")
    };
    let opened: Vec<&str> = calls.lines().filter(network).collect();
    assert_eq!(opened, Vec::<&str>::new());
}
