//! Who keeps the time: a process that is no part of the executor, and outlives it however it ends.
//!
//! Where systemd runs it is a transient service, started over D-Bus: outside the executor's cgroup, so that neither `systemctl kill` nor the
//! executor's own restart reaches it, and started again where something ends it. It is a service that waits and no timer unit: systemd's timers do not
//! count the machine's sleep, and a unit that is there and says so is seen to watch before the act. Elsewhere it is a process in a session of its
//! own.

use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use contract::digest::Digest;
use zbus::blocking::connection;
use zbus::zvariant::{OwnedObjectPath, Value};

use super::DeadManError;

const BUS: &str = "/run/dbus/system_bus_socket";
const SYSTEMD: &str = "org.freedesktop.systemd1";
const LIMIT: Duration = Duration::from_secs(10);
/// What the program is started with, before the plan.
const WORD: &str = "dead-man";

/// How the process that keeps the time is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Starter {
    /// As a transient service of systemd.
    Systemd,
    /// As a process in a session of its own.
    OwnSession,
}

impl Starter {
    /// By systemd where it is this machine's first process.
    pub(super) fn of_this_machine() -> Self {
        if crate::systemd::runs_here() { Self::Systemd } else { Self::OwnSession }
    }

    pub(super) fn start(self, program: &Path, plan: &Path) -> Result<(), DeadManError> {
        match self {
            Self::Systemd => as_unit(program, plan),
            Self::OwnSession => as_process(program, plan),
        }
        .map_err(DeadManError::NotStarted)
    }
}

fn as_unit(program: &Path, plan: &Path) -> Result<(), String> {
    let text = |path: &Path| path.to_str().map(str::to_owned).ok_or("a path that is no text");
    let (program, plan) = (text(program)?, text(plan)?);
    let name = format!("suture-dead-man-{}.service", Digest::of(plan.as_bytes()).short(16));
    let command = vec![(program.clone(), vec![program, WORD.to_owned(), plan], false)];
    let properties: Vec<(&str, Value<'_>)> = vec![
        ("Description", Value::from("Suture: puts the old way in back unless the new one is confirmed")),
        ("ExecStart", Value::from(command)),
        // Whatever ends it early, short of the machine's end: it begins again, and its time is the same.
        ("Restart", Value::from("on-failure")),
        ("RestartUSec", Value::from(200_000_u64)),
        ("StartLimitIntervalUSec", Value::from(600_000_000_u64)),
        ("StartLimitBurst", Value::from(20_u32)),
        ("OOMScoreAdjust", Value::from(-900_i32)),
        ("CollectMode", Value::from("inactive-or-failed")),
    ];
    let auxiliary: Vec<(&str, Vec<(&str, Value<'_>)>)> = Vec::new();
    let stream = UnixStream::connect(BUS).map_err(|e| format!("{BUS}: {e}"))?;
    let bus = connection::Builder::async_io_unix_stream(stream)
        .method_timeout(LIMIT)
        .build()
        .map_err(|e| e.to_string())?;
    let answer = bus
        .call_method(
            Some(SYSTEMD),
            "/org/freedesktop/systemd1",
            Some("org.freedesktop.systemd1.Manager"),
            "StartTransientUnit",
            &(name, "fail", properties, auxiliary),
        )
        .map_err(|e| e.to_string())?;
    answer.body().deserialize::<OwnedObjectPath>().map(|_| ()).map_err(|e| e.to_string())
}

fn as_process(program: &Path, plan: &Path) -> Result<(), String> {
    let mut child = Command::new(program)
        .arg(WORD)
        .arg(plan)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|e| format!("{}: {e}", program.display()))?;
    // Whoever ends is waited for; where we end first, the first process waits.
    let waiting = std::thread::Builder::new().name("hands-dead-man".to_owned()).spawn(move || child.wait());
    waiting.map(|_| ()).map_err(|e| format!("no thread: {e}"))
}
