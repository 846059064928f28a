//! A command that hangs: it is killed alone, its control is not assessed, and the service manager hears from the agent all the while.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::{Duration, Instant};

use contract::fact::Absence;
use contract::finding::Verdict;

use crate::rig::executor::FakeExecutor;
use crate::rig::hub::FakeHub;
use crate::rig::machine::Machine;
use crate::rig::until;

/// Its fact comes from a program.
const CONTROL: &str = "  - id: updates.automatic\n    title: Updates install themselves\n    area: suture\n    observe: updates:automatic\n    \
     expect: { flag: true }\n    severity: low\n    citations: [\"164.312(c)(1)\"]\n    why: Made for a test.\n    nixos: { none: 'made here' }\n";
const PROGRAM: &str = "/usr/bin/apt-config";
/// The agent is given up where it is silent for so long: far less than the program hangs.
const SILENCE: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_command_that_hangs_is_killed_alone_and_the_watchdog_stays_calm() {
    // Another program can be put in its place only by root, in a view of the machine of its own.
    if !rustix::process::geteuid().is_root() || !std::path::Path::new(PROGRAM).exists() {
        return;
    }
    let (hub, mut machine) = (FakeHub::start().await, Machine::new());
    machine.more_controls = CONTROL;
    machine.enrol(&hub).await;
    let hangs = machine.path("hangs");
    std::fs::write(&hangs, format!("#!/bin/sh\necho $$ >> {}\nsleep 600\n", machine.path("pids").display()))
        .unwrap();
    std::fs::set_permissions(&hangs, std::fs::Permissions::from_mode(0o755)).unwrap();
    let executor = FakeExecutor::start(&machine.socket(), "h-1", || ());
    let notify = UnixDatagram::bind(machine.path("notify")).unwrap();
    notify.set_read_timeout(Some(Duration::from_millis(10))).unwrap();

    let script = format!(
        "mount --bind {} {PROGRAM} && WATCHDOG_PID=$$ exec {} run --config {}",
        hangs.display(),
        env!("CARGO_BIN_EXE_suture-agent"),
        machine.config(&hub).display()
    );
    let mut child = Command::new("unshare")
        .args(["--mount", "--propagation", "private", "sh", "-c", &script])
        .env("NOTIFY_SOCKET", machine.path("notify"))
        .env("WATCHDOG_USEC", SILENCE.as_micros().to_string())
        .spawn()
        .unwrap();

    // As the service manager does: a sign within the time, or the end.
    let (mut last, mut longest, mut signs) = (None, Duration::ZERO, 0);
    let found = until("the findings", || {
        let mut bytes = [0; 256];
        while let Ok(length) = notify.recv(&mut bytes) {
            if bytes[..length].starts_with(b"WATCHDOG=1") {
                let now = Instant::now();
                longest = longest.max(last.map_or(Duration::ZERO, |last| now - last));
                (last, signs) = (Some(now), signs + 1);
            }
        }
        executor.with(|s| s.findings.first().cloned())
    })
    .await;
    assert!(signs >= 3 && longest < SILENCE, "{signs} signs, the longest silence {longest:?}");
    let verdicts: Vec<_> = found.1.iter().map(|f| (f.control.as_str(), &f.verdict)).collect();
    assert!(matches!(verdicts[0].1, Verdict::Pass(_)), "{verdicts:?}");
    assert_eq!(verdicts[2], ("updates.automatic", &Verdict::NotAssessed(Absence::TimedOut)));
    assert_eq!(child.try_wait().unwrap(), None, "the agent itself ended");

    let pids = std::fs::read_to_string(machine.path("pids")).unwrap();
    assert!(!pids.is_empty(), "the program was never run");
    until("the end of the program", || {
        pids.lines().all(|pid| !std::path::Path::new(&format!("/proc/{pid}")).exists()).then_some(())
    })
    .await;
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::TERM)
        .unwrap();
    assert_eq!(until("the end", || child.try_wait().unwrap()).await.code(), Some(0));
}
