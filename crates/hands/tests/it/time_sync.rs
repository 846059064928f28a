//! `time.sync` with two real chronyds: one that knows the time, and one that follows it. Neither may set this machine's clock (`-x`).

use serde_json::json;

use crate::inside::Inside;

const SERVER: &str =
    "local stratum 3\nallow 127.0.0.1\nport 11123\ncmdport 0\nbindcmdaddress /\npidfile /run/server.pid\n";

/// A guest with a follower that has not asked its server yet.
fn with_chrony(server: bool) -> Option<Inside> {
    let inside = Inside::boot()?;
    inside.guest.ok("systemctl stop chrony.service 2>/dev/null; rm -rf /run/systemd/timesync");
    if server {
        inside.guest.put("/etc/server.conf", SERVER.as_bytes());
        inside.guest.ok("chronyd -x -f /etc/server.conf");
    }
    let client = "server 127.0.0.1 port 11123 offline minpoll 0 maxpoll 1\npidfile /run/client.pid\n";
    inside.guest.put("/etc/client.conf", client.as_bytes());
    inside.guest.ok("chronyd -x -f /etc/client.conf; for i in $(seq 50); do chronyc -n tracking >/dev/null 2>&1 && exit 0; sleep 0.1; done; exit 1");
    Some(inside)
}

#[test]
fn a_clock_that_followed_nobody_follows_its_server() {
    let Some(inside) = with_chrony(true) else { return };
    let tracking = || inside.guest.ok("chronyc -c -n tracking");
    assert!(tracking().ends_with("Not synchronised"), "{}", tracking());
    inside.ask("arm_act", &json!({"time.sync": {}}), &json!({"hidden": []})).well();
    assert!(!tracking().ends_with("Not synchronised"), "{}", tracking());
}

#[test]
fn a_server_that_does_not_answer_is_no_success() {
    let Some(inside) = with_chrony(false) else { return };
    inside
        .ask("arm_act", &json!({"time.sync": {}}), &json!({"time_limit_ms": 5000}))
        .badly("NotAsDeclared", "no time server");
}

/// chrony cannot start in a guest, which may not set the clock: what is switched on there keeps no time, and that shows.
#[test]
fn that_something_was_switched_on_is_not_taken_for_a_clock_that_is_right() {
    let Some(inside) = Inside::boot() else { return };
    inside.guest.ok("systemctl stop chrony.service 2>/dev/null; rm -rf /run/systemd/timesync");
    inside
        .ask("arm_act", &json!({"time.sync": {}}), &json!({"time_limit_ms": 3000}))
        .badly("NotAsDeclared", "not synchronised");
    assert_eq!(inside.guest.ok("systemctl is-enabled chrony.service"), "enabled");
}

/// A timesyncd of the test's own, which gets an answer at its second start only.
const TIMESYNCD: &str = "[Service]
ExecStart=/bin/sh -c 'mkdir -p /run/systemd/timesync; test -e /run/asked && touch /run/systemd/timesync/synchronized; touch /run/asked; exec sleep infinity'
";

#[test]
fn a_timesyncd_that_runs_and_got_no_answer_is_started_anew() {
    let Some(inside) = Inside::boot() else { return };
    inside.guest.ok("systemctl stop chrony.service 2>/dev/null; rm -rf /run/systemd/timesync");
    inside.unit("systemd-timesyncd.service", TIMESYNCD);
    inside.guest.ok("systemctl start systemd-timesyncd; for i in $(seq 50); do test -e /run/asked && exit 0; sleep 0.1; done; exit 1");
    inside.guest.ok("test ! -e /run/systemd/timesync/synchronized");
    inside.act(&json!({"time.sync": {}})).well();
}
