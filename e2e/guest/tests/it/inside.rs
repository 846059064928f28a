//! What a repair needs is there and works: the bus, units, tools, confinement.

use std::time::{Duration, Instant};

use guest::Guest;

/// What systemd says over D-Bus, as the executor asks it.
pub(crate) fn active_state(guest: &Guest, unit: &str) -> String {
    let path = format!("/org/freedesktop/systemd1/unit/{}", unit.replace('.', "_2e"));
    let state = guest.ok(&format!(
        "busctl --system get-property org.freedesktop.systemd1 {path} org.freedesktop.systemd1.Unit ActiveState"
    ));
    state.trim_start_matches("s ").trim_matches('"').to_owned()
}

#[test]
fn a_unit_that_stops_is_seen_stopped_over_the_bus() {
    if !guest::runnable() {
        return;
    }
    let guest = Guest::boot();
    assert!(guest.run(&["systemctl", "stop", "cron"]).status.success());
    assert_eq!(active_state(&guest, "cron.service"), "inactive");
    // A crash is one also to this systemd.
    guest.ok("systemctl kill --signal=SEGV nginx");
    let failed = || active_state(&guest, "nginx.service") == "failed";
    let limit = Instant::now() + Duration::from_secs(10);
    while !failed() && Instant::now() < limit {
        std::thread::sleep(Duration::from_millis(20));
    }
    let result = guest.ok("systemctl show --property=Result nginx");
    assert!(matches!(result.as_str(), "Result=signal" | "Result=core-dump"), "{result}");
    guest.ok("systemctl restart nginx");
    assert_eq!(active_state(&guest, "nginx.service"), "active");
}

#[test]
fn the_tools_of_repairs_and_backups_work() {
    if !guest::runnable() {
        return;
    }
    let guest = Guest::boot();
    guest.put(
        "/tmp/rules.nft",
        b"table inet f {\n chain i {\n type filter hook input priority 0\n tcp dport 80 drop\n }\n}\n",
    );
    guest.ok("curl --fail --silent http://localhost >/dev/null");
    guest.ok("nft --file /tmp/rules.nft; ! curl --max-time 0.3 --silent http://localhost; nft flush ruleset");
    guest.ok(
        "useradd bob && echo bob:x | chpasswd && usermod --lock bob && passwd --status bob | grep '^bob L'",
    );
    guest.put("/etc/ssh/sshd_config.d/x.conf", b"PermitRootLogin maybe\n");
    assert!(!guest.sh("sshd -t").status.success(), "sshd checks its files");
    guest.ok("rm /etc/ssh/sshd_config.d/x.conf && sshd -t && systemctl reload ssh");
    guest.ok("systemctl start logrotate && journalctl --rotate --vacuum-size=1M");
    guest.ok(
        "export RESTIC_PASSWORD=x; restic -q init -r /r && restic -q backup -r /r /etc/ssh && restic -q check -r /r \\
         && restic -q restore latest -r /r --target /o && diff -r --no-dereference /etc/ssh /o/etc/ssh",
    );
    guest
        .ok("systemctl start postgresql@15-main && sudo -u postgres pg_dump --format=custom postgres >/dump");
    guest.ok("pg_restore --list /dump | grep 'dbname: postgres'");
}

#[test]
fn units_are_confined_as_on_any_machine_and_cgroups_are_the_guest_s() {
    if !guest::runnable() {
        return;
    }
    let guest = Guest::boot();
    let unit = |properties: &str, script: &str| {
        guest.sh(&format!("systemd-run --quiet --wait --pipe {properties} sh -c '{script}'")).status.success()
    };
    let web = "curl --max-time 0.5 --silent http://127.0.0.1 >/dev/null";
    assert!(unit("", web) && !unit("-p IPAddressDeny=any", web));
    assert!(unit("", "touch /etc/x") && !unit("-p ProtectSystem=strict", "touch /etc/x"));
    let zero = "head -c 1 /dev/zero >/dev/null";
    assert!(unit("", zero) && !unit("-p DevicePolicy=strict -p DeviceAllow=/dev/null", zero));
    assert!(unit("-p DynamicUser=yes -p SystemCallFilter=@system-service -p PrivateDevices=yes", "true"));
    assert!(unit("-p Delegate=yes", "mkdir /sys/fs/cgroup$(sed s/^0::// /proc/self/cgroup | tail -1)/inner"));
    assert_eq!(guest.ok("tail -1 /proc/self/cgroup"), "0::/tests.scope");
    guest.ok("mkdir /sys/fs/cgroup/x && { sleep 1000 & } && echo $! >/sys/fs/cgroup/x/cgroup.procs && echo 1 >/sys/fs/cgroup/x/cgroup.kill");
}
