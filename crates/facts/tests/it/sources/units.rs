//! Units over a real bus, with a stand-in for systemd on it that knows a few units and can start none.

use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use contract::fact::Absence;
use zbus::blocking::{Connection, connection};
use zbus::zvariant::OwnedObjectPath;
use zbus::{fdo, interface};

use crate::tree::{Tree, number, word};

/// How many units it says have failed.
struct Manager(u32);

#[interface(name = "org.freedesktop.systemd1.Manager")]
impl Manager {
    #[zbus(property, name = "NFailedUnits")]
    fn n_failed_units(&self) -> u32 {
        self.0
    }

    #[zbus(name = "LoadUnit")]
    #[expect(clippy::unused_self, reason = "the interface asks for it")]
    fn load_unit(&self, name: &str) -> fdo::Result<OwnedObjectPath> {
        let path = match name {
            "auditd.service" => "/unit/auditd",
            "cron.service" => "/unit/cron",
            "gone.service" => "/unit/gone",
            "nginx.service" => "/unit/nginx",
            "ssh.service" => "/unit/ssh",
            "chrony.service" => "/unit/chrony",
            "nftables.service" => "/unit/nftables",
            "rsyslog.service" => "/unit/rsyslog",
            "postgresql.service" => "/unit/postgresql",
            "postgresql@15-main.service" => "/unit/cluster",
            _ => return Err(fdo::Error::AccessDenied("no".to_owned())),
        };
        OwnedObjectPath::try_from(path).map_err(|e| fdo::Error::Failed(e.to_string()))
    }
}

struct Unit {
    load: &'static str,
    active: &'static str,
    file: &'static str,
    wanted_by: &'static [&'static str],
    sub: &'static str,
    consists_of: &'static [&'static str],
}

/// What is wanted at boot where it is enabled, as systemd has it.
fn unit(load: &'static str, active: &'static str, file: &'static str) -> Unit {
    let wanted_by: &[&str] = if file == "enabled" { &["multi-user.target"] } else { &[] };
    Unit { load, active, file, wanted_by, sub: "running", consists_of: &[] }
}

#[interface(name = "org.freedesktop.systemd1.Unit")]
impl Unit {
    #[zbus(property)]
    fn load_state(&self) -> &str {
        self.load
    }

    #[zbus(property)]
    fn active_state(&self) -> &str {
        self.active
    }

    #[zbus(property)]
    fn unit_file_state(&self) -> &str {
        self.file
    }

    #[zbus(property)]
    fn wanted_by(&self) -> Vec<&str> {
        self.wanted_by.to_vec()
    }

    #[zbus(property)]
    fn sub_state(&self) -> &str {
        self.sub
    }

    #[zbus(property)]
    fn consists_of(&self) -> Vec<&str> {
        self.consists_of.to_vec()
    }
}

/// A service, by its control group.
struct Service(&'static str);

#[interface(name = "org.freedesktop.systemd1.Service")]
impl Service {
    #[zbus(property)]
    fn control_group(&self) -> &str {
        self.0
    }
}

/// Killed when it is dropped.
struct Bus(Child);

impl Drop for Bus {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Bus {
    /// A bus of its own below the tree, on which anyone may do anything.
    fn start(tree: &Tree) -> Self {
        let socket = tree.path("/run/dbus/system_bus_socket");
        let config = format!(
            "<!DOCTYPE busconfig PUBLIC '-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN' 'http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd'><busconfig><listen>unix:path={}</listen><auth>EXTERNAL</auth><policy context='default'><allow send_destination='*' eavesdrop='true'/><allow eavesdrop='true'/><allow own='*'/><allow user='*'/></policy></busconfig>",
            socket.display()
        );
        let file = tree.path("/bus.conf");
        std::fs::write(&file, config).unwrap();
        let mut daemon = Command::new("dbus-daemon");
        daemon.arg(format!("--config-file={}", file.display())).arg("--nofork");
        let child = daemon
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|e| panic!("dbus-daemon, which ./test installs, does not start: {e}"));
        let bus = Self(child);
        for _ in 0..500 {
            if socket.exists() {
                return bus;
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("dbus-daemon made no socket");
    }
}

fn stand_in(tree: &Tree) -> Connection {
    let address = format!("unix:path={}", tree.path("/run/dbus/system_bus_socket").display());
    let held_back = Unit { wanted_by: &["multi-user.target"], ..unit("masked", "inactive", "masked") };
    connection::Builder::address(address.as_str())
        .and_then(|b| b.serve_at("/org/freedesktop/systemd1", Manager(2)))
        .and_then(|b| b.serve_at("/unit/auditd", unit("loaded", "active", "enabled")))
        .and_then(|b| b.serve_at("/unit/cron", unit("loaded", "failed", "disabled")))
        .and_then(|b| b.serve_at("/unit/gone", unit("not-found", "inactive", "")))
        .and_then(|b| b.serve_at("/unit/nginx", unit("loaded", "inactive", "disabled")))
        .and_then(|b| b.serve_at("/unit/ssh", unit("loaded", "failed", "enabled")))
        .and_then(|b| b.serve_at("/unit/chrony", unit("loaded", "active", "disabled")))
        .and_then(|b| b.serve_at("/unit/rsyslog", unit("loaded", "reloading", "enabled")))
        .and_then(|b| b.serve_at("/unit/nftables", unit("masked", "inactive", "masked")))
        .and_then(|b| b.serve_at("/unit/postgresql", held_back))
        .and_then(|b| b.serve_at("/unit/auditd", Service("/system.slice/auditd.service")))
        .and_then(|b| b.serve_at("/unit/chrony", Service("/system.slice/chrony.service")))
        .and_then(|b| b.serve_at("/unit/rsyslog", Service("")))
        .and_then(|b| b.name("org.freedesktop.systemd1"))
        .and_then(connection::Builder::build)
        .unwrap()
}

#[test]
fn units_are_as_systemd_says() {
    let tree =
        Tree::new().directory("/run/systemd/system").directory("/run/dbus").limit(Duration::from_secs(10));
    let _bus = Bus::start(&tree);
    assert_eq!(tree.read("unit:failed_count"), Err(Absence::NotRunning), "a bus without systemd");
    let _systemd = stand_in(&tree);
    assert_eq!(tree.read("unit:failed_count"), number(2));
    assert_eq!(tree.read("unit:auditd.service"), word("active"));
    assert_eq!(tree.read("unit:cron.service"), word("failed"));
    assert_eq!(tree.read("unit:gone.service"), Err(Absence::NotInstalled));
    // What a site chose not to offer is not missed; what it offers is, and what runs, runs.
    assert_eq!(tree.read("unit:nginx.service"), Err(Absence::DoesNotApply));
    assert_eq!(tree.read("unit:nftables.service"), Err(Absence::DoesNotApply));
    assert_eq!(tree.read("unit:rsyslog.service"), word("active"), "it reads its settings, and runs");
    // Masked, and wanted at boot all the same.
    assert_eq!(tree.read("unit:postgresql.service"), word("inactive"));
    assert_eq!(tree.read("unit:ssh.service"), word("failed"));
    assert_eq!(tree.read("unit:chrony.service"), word("active"));
    assert_eq!(tree.read("unit:secret.service"), Err(Absence::Unreadable));
}

#[test]
fn a_service_all_of_whose_processes_stand_still_does_not_run() {
    let is = |first: &str, second: &str| {
        let tree = Tree::new()
            .directory("/run/systemd/system")
            .directory("/run/dbus")
            .file("/sys/fs/cgroup/system.slice/auditd.service/cgroup.procs", "7\n8\n")
            .file("/proc/7/stat", first)
            .file("/proc/8/stat", second)
            .limit(Duration::from_secs(10));
        let _bus = Bus::start(&tree);
        let _systemd = stand_in(&tree);
        tree.read("unit:auditd.service")
    };
    let (runs, stands) = ("8 (worker) S 7 7 7 0 -1", "8 (worker) T 7 7 7 0 -1");
    assert_eq!(is("7 (auditd) T 1 7 7 0 -1", stands), word("halted"));
    assert_eq!(is("7 (auditd) S 1 7 7 0 -1", stands), word("active"));
    assert_eq!(is("7 (auditd) T 1 7 7 0 -1", runs), word("active"), "somebody may be served");
    assert_eq!(is("7 (a) T) R 1 7 7 0 -1", stands), word("active"), "a name may hold anything");
    assert_eq!(is("7 (auditd) t 1 7 7 0 -1", stands), word("active"), "whoever looks into it does so");
    assert_eq!(is("", stands), word("active"), "it ended a moment ago");
}

#[test]
fn a_unit_that_stands_for_others_is_as_they_are() {
    let is = |cluster: &'static str, sub: &'static str, state: &str| {
        let tree = Tree::new()
            .directory("/run/systemd/system")
            .directory("/run/dbus")
            .file("/sys/fs/cgroup/p/cgroup.procs", "9\n")
            .file("/proc/9/stat", &format!("9 (postgres) {state} 1"))
            .limit(Duration::from_secs(10));
        let _bus = Bus::start(&tree);
        let all =
            Unit { sub, consists_of: &["postgresql@15-main.service"], ..unit("loaded", "active", "enabled") };
        let address = format!("unix:path={}", tree.path("/run/dbus/system_bus_socket").display());
        let _systemd = connection::Builder::address(address.as_str())
            .and_then(|b| b.serve_at("/org/freedesktop/systemd1", Manager(0)))
            .and_then(|b| b.serve_at("/unit/postgresql", all))
            .and_then(|b| b.serve_at("/unit/postgresql", Service("/p")))
            .and_then(|b| b.serve_at("/unit/cluster", unit("loaded", cluster, "enabled-runtime")))
            .and_then(|b| b.serve_at("/unit/cluster", Service("/p")))
            .and_then(|b| b.name("org.freedesktop.systemd1"))
            .and_then(connection::Builder::build)
            .unwrap();
        tree.read("unit:postgresql.service")
    };
    assert_eq!(is("active", "exited", "S"), word("active"));
    assert_eq!(is("active", "exited", "T"), word("halted"));
    assert_eq!(is("failed", "exited", "S"), word("failed"));
    assert_eq!(is("inactive", "running", "T"), word("halted"));
    assert_eq!(is("inactive", "running", "S"), word("active"), "it runs the database itself");
}
