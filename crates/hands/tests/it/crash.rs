//! The process dies between its intent and its act, or in the middle of its act: what was armed is undone by another.

use std::time::Duration;

use serde_json::json;

use super::inside::Inside;

#[test]
fn guest_what_was_armed_and_never_acted_is_undone_to_what_is() {
    let Some(inside) = Inside::boot() else { return };
    inside.guest.ok("systemctl stop cron; systemctl disable nginx 2>/dev/null");
    let seen = || {
        let of = |unit, property| inside.says(unit, property);
        (
            of("cron", "ActiveState"),
            of("ssh", "MainPID"),
            of("nginx", "MainPID"),
            of("nginx", "UnitFileState"),
        )
    };
    let before = seen();
    for action in [
        json!({"unit.start": {"unit": "cron.service"}}),
        json!({"unit.restart": {"unit": "ssh.service"}}),
        json!({"unit.stop": {"unit": "ssh.service"}}),
        json!({"unit.enable": {"unit": "nginx.service"}}),
        json!({"unit.reset-failed": {"unit": "ssh.service"}}),
    ] {
        let armed = inside.ask("arm", &action, &json!({})).well();
        assert_eq!(seen(), before, "{action}: armed");
        inside.undo(&action, &armed.before()).well();
        assert_eq!(seen(), before, "{action}: undone");
    }
}

#[test]
fn guest_a_start_whose_process_was_killed_in_the_middle_is_undone() {
    let Some(inside) = Inside::boot() else { return };
    let slow = "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sleep 1000\n";
    inside.unit("slow.service", slow);
    let start = json!({"unit.start": {"unit": "slow.service"}});
    let before = inside.ask("arm", &start, &json!({})).well().before();
    inside.act_and_die(&start, Duration::from_millis(500));
    assert_eq!(inside.says("slow", "ActiveState"), "activating", "systemd goes on without us");
    inside.undo(&start, &before).well();
    assert_eq!(inside.says("slow", "ActiveState"), "inactive");
    assert_eq!(inside.guest.sh("pgrep -x sleep").stdout, b"");
}
