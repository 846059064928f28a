//! A step as a transient unit of systemd: its cgroup is then systemd's, seen by `systemctl` and counted by it.
//!
//! What the unit runs is our launcher, with the same order over the same socket, so mounts, filters and Landlock are the same. Only the limits
//! change hands. **Absent:** systemd's own sandbox options; two that disagree would be hard to read.

use std::fs;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use zbus::blocking::{Connection, connection};
use zbus::zvariant::{Fd, OwnedObjectPath, OwnedValue, Value};

use crate::cgroup::{Group, OWN_PROCESSES};
use crate::confinement::Limits;
use crate::launcher::NAME;

const SYSTEMD: &str = "org.freedesktop.systemd1";
const MANAGER: &str = "org.freedesktop.systemd1.Manager";
const MANAGER_PATH: &str = "/org/freedesktop/systemd1";
/// How long systemd may take to answer.
const LIMIT: Duration = Duration::from_secs(10);

/// A unit that was started.
#[derive(Debug)]
pub(crate) struct Unit {
    bus: Connection,
    name: String,
}

/// The launcher's three descriptors.
pub(crate) struct Ends {
    pub(crate) control: OwnedFd,
    pub(crate) stdout: OwnedFd,
    pub(crate) stderr: OwnedFd,
}

impl Unit {
    /// Has systemd start the launcher.
    pub(crate) fn start(launcher: &Path, limits: &Limits, ends: Ends) -> zbus::Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("suture-step-{}-{number}.service", std::process::id());
        let bus = connection::Builder::system()?.method_timeout(LIMIT).build()?;
        let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let launcher = launcher.display().to_string();
        let mut properties = properties(&launcher, limits, own_unit(&groups));
        properties.push(("StandardInputFileDescriptor", Value::Fd(Fd::from(ends.control))));
        properties.push(("StandardOutputFileDescriptor", Value::Fd(Fd::from(ends.stdout))));
        properties.push(("StandardErrorFileDescriptor", Value::Fd(Fd::from(ends.stderr))));
        let further: Vec<(&str, Vec<(&str, Value<'_>)>)> = Vec::new();
        let asked = (name.as_str(), "fail", properties, further);
        bus.call_method(Some(SYSTEMD), MANAGER_PATH, Some(MANAGER), "StartTransientUnit", &asked)?;
        Ok(Self { bus, name })
    }

    pub(crate) fn kill(&self) {
        // `all` is every process of its cgroup. The tree's own first process is killed besides.
        let _ = self.ask("KillUnit", &(self.name.as_str(), "all", 9i32));
    }

    pub(crate) fn freeze(&self, frozen: bool) -> zbus::Result<()> {
        self.ask(if frozen { "FreezeUnit" } else { "ThawUnit" }, &(self.name.as_str())).map(drop)
    }

    pub(crate) fn out_of_memory(&self) -> bool {
        let group = || {
            let reply = self.ask("GetUnit", &(self.name.as_str())).ok()?;
            let path: OwnedObjectPath = reply.body().deserialize().ok()?;
            let asked = ("org.freedesktop.systemd1.Service", "ControlGroup");
            let properties = Some("org.freedesktop.DBus.Properties");
            let reply = self.bus.call_method(Some(SYSTEMD), path, properties, "Get", &asked).ok()?;
            let value: OwnedValue = reply.body().deserialize().ok()?;
            Group::of_unit(&String::try_from(value).ok()?).ok()
        };
        group().is_some_and(|group| group.out_of_memory())
    }

    fn ask<B>(&self, method: &str, body: &B) -> zbus::Result<zbus::Message>
    where
        B: serde::ser::Serialize + zbus::zvariant::DynamicType,
    {
        self.bus.call_method(Some(SYSTEMD), MANAGER_PATH, Some(MANAGER), method, body)
    }
}

/// What the unit is, without its descriptors.
fn properties<'a>(
    launcher: &'a str,
    limits: &Limits,
    bound_to: Option<&'a str>,
) -> Vec<(&'static str, Value<'a>)> {
    let second = 1_000_000u64;
    let mut properties = vec![
        ("Description", Value::from("A step of a Suture run")),
        ("Type", Value::from("exec")),
        ("ExecStart", Value::from(vec![(launcher, vec![NAME], false)])),
        ("CollectMode", Value::from("inactive-or-failed")),
        ("KillMode", Value::from("control-group")),
        ("KillSignal", Value::from(9i32)),
        ("NoNewPrivileges", Value::from(true)),
        ("OOMPolicy", Value::from("kill")),
        ("MemoryMax", Value::from(limits.memory_bytes)),
        ("MemorySwapMax", Value::from(0u64)),
        ("TasksMax", Value::from(u64::from(limits.pids + OWN_PROCESSES))),
        ("CPUQuotaPerSecUSec", Value::from(u64::from(limits.cpu_percent) * second / 100)),
        ("LimitCORE", Value::from(0u64)),
    ];
    if let Some(unit) = bound_to {
        // It ends with us even if it is frozen at that moment.
        properties.push(("BindsTo", Value::from(vec![unit])));
        properties.push(("After", Value::from(vec![unit])));
    }
    properties
}

/// The unit that we ourselves are, from the text of `/proc/self/cgroup`.
fn own_unit(groups: &str) -> Option<&str> {
    let path = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    path.split('/').rev().find(|part| part.ends_with(".service"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_has_the_limits_of_the_step_and_ends_with_ours() {
        let limits = Limits { memory_bytes: 64 << 20, cpu_percent: 50, pids: 10, ..Limits::default() };
        let made = properties("/nix/store/x/bin/suture-executor", &limits, Some("suture-executor.service"));
        let has = |name: &str| made.iter().find(|(n, _)| *n == name).map(|(_, value)| value.clone());
        assert_eq!(has("MemoryMax"), Some(Value::from(67_108_864u64)));
        assert_eq!(has("MemorySwapMax"), Some(Value::from(0u64)));
        assert_eq!(has("TasksMax"), Some(Value::from(12u64)));
        assert_eq!(has("CPUQuotaPerSecUSec"), Some(Value::from(500_000u64)));
        assert_eq!(has("NoNewPrivileges"), Some(Value::from(true)));
        assert_eq!(has("KillMode"), Some(Value::from("control-group")));
        assert_eq!(has("BindsTo"), Some(Value::from(vec!["suture-executor.service"])));
        let start = has("ExecStart").unwrap();
        // The signatures are systemd's own: a property of another type is refused by it.
        assert_eq!(start.value_signature().to_string(), "a(sasb)");
        let mut names: Vec<_> = made.iter().map(|(name, _)| name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), made.len(), "a property stands twice");
        assert!(!properties("/x", &limits, None).iter().any(|(name, _)| *name == "BindsTo"));
    }

    #[test]
    fn our_own_unit_is_read_from_our_cgroup() {
        let groups = "1:name=systemd:/x\n0::/system.slice/suture-executor.service/main\n";
        assert_eq!(own_unit(groups), Some("suture-executor.service"));
        assert_eq!(own_unit("0::/user.slice/session-1.scope\n"), None);
        assert_eq!(own_unit(""), None);
    }
}
