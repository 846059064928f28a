//! Units and the clock's keeping, over a real bus with a stand-in for systemd on it.

use std::collections::HashMap;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use zbus::blocking::{Connection, connection};
use zbus::zvariant::Value;

use super::{BYSTANDER, Watching, machine};
use crate::rig::until;

const UNIT: &str = "org.freedesktop.systemd1.Unit";

/// Killed when it is dropped.
struct Bus {
    child: Child,
    address: String,
}

impl Drop for Bus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Bus {
    /// A bus of its own below `root`, on which anyone may do anything.
    async fn start(root: &std::path::Path) -> Self {
        let socket = root.join("run/dbus/system_bus_socket");
        std::fs::create_dir_all(socket.parent().unwrap()).unwrap();
        let address = format!("unix:path={}", socket.display());
        let config = root.join("bus.conf");
        let text = format!(
            "<!DOCTYPE busconfig PUBLIC '-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN' 'http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd'><busconfig><listen>{address}</listen><auth>EXTERNAL</auth><policy context='default'><allow send_destination='*' eavesdrop='true'/><allow eavesdrop='true'/><allow own='*'/><allow user='*'/></policy></busconfig>"
        );
        std::fs::write(&config, text).unwrap();
        let mut daemon = Command::new("dbus-daemon");
        daemon.arg(format!("--config-file={}", config.display())).arg("--nofork");
        let child = daemon.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let child =
            child.unwrap_or_else(|e| panic!("dbus-daemon, which ./test installs, does not start: {e}"));
        let bus = Self { child, address };
        until("the bus", || socket.exists().then_some(())).await;
        bus
    }

    fn own(&self, name: &'static str) -> Connection {
        let address = self.address.as_str();
        connection::Builder::address(address)
            .and_then(|b| b.name(name))
            .and_then(connection::Builder::build)
            .unwrap()
    }
}

/// As systemd and timedated do it.
fn tell(of: &Connection, path: &str, interface: &str, property: &str) {
    let changed = HashMap::from([(property, Value::from("failed"))]);
    let body = (interface, changed, Vec::<String>::new());
    of.emit_signal(None::<&str>, path, "org.freedesktop.DBus.Properties", "PropertiesChanged", &body)
        .unwrap();
}

fn unit(label: &str) -> String {
    format!("/org/freedesktop/systemd1/unit/{label}")
}

#[tokio::test]
async fn a_units_state_is_heard_of_by_its_name() {
    let root = tempfile::tempdir().unwrap();
    let bus = Bus::start(root.path()).await;
    let systemd = bus.own("org.freedesktop.systemd1");
    let timedate = bus.own("org.freedesktop.timedate1");
    let units = ["unit:cron.service", "unit:failed_count", "unit:ssh.service"];
    let wanted = [&units[..], &["backup:age_hours", BYSTANDER]].concat();
    let mut watching = Watching::of(machine(root.path()), &wanted);
    let all = [&["backup:age_hours"], &units[..]].concat();
    assert_eq!(watching.touched().await, all, "from the moment on that the bus is heard");

    tell(&systemd, &unit("ssh_2eservice"), UNIT, "ActiveState");
    assert_eq!(watching.touched().await, ["unit:failed_count", "unit:ssh.service"]);
    tell(&systemd, &unit("other_2eservice"), UNIT, "ActiveState");
    assert_eq!(watching.touched().await, ["unit:failed_count"]);
    // A timer tells when it elapses next, and a unit its cgroup's path: no state.
    tell(&systemd, &unit("apt_2etimer"), "org.freedesktop.systemd1.Timer", "NextElapseUSecRealtime");
    tell(&systemd, &unit("ssh_2eservice"), UNIT, "StateChangeTimestamp");
    assert!(watching.is_quiet().await);
    tell(&timedate, "/org/freedesktop/timedate1", "org.freedesktop.timedate1", "NTP");
    assert_eq!(watching.touched().await, ["backup:age_hours"]);
    let nobody = None::<&str>;
    let manager = "org.freedesktop.systemd1.Manager";
    systemd.emit_signal(nobody, "/org/freedesktop/systemd1", manager, "UnitFilesChanged", &()).unwrap();
    assert_eq!(watching.touched().await, all);
    // A stranger on the bus is not listened to.
    let stranger = bus.own("org.example.stranger");
    tell(&stranger, &unit("ssh_2eservice"), UNIT, "ActiveState");
    assert!(watching.is_quiet().await);

    drop(bus);
    assert_eq!(watching.touched().await, all, "what may have happened unheard is looked at");
    tokio::time::sleep(Duration::from_millis(10)).await;
}
