//! Backups: a unit that is run to its end, and believed only if it really ran.

use serde_json::{Value, json};

use super::inside::Inside;

fn backup() -> Value {
    json!({"backup.run": {"unit": "backup.service"}})
}

fn unit(script: &str, more: &str) -> String {
    format!("[Service]\nExecStart=/bin/sh -c '{script}'\n{more}\n")
}

#[test]
fn guest_a_backup_is_run_to_its_end_each_time() {
    let Some(inside) = Inside::boot() else { return };
    // The last two are over in other states than the first; the third is no oneshot, so its job is done when it begins.
    for more in
        ["Type=oneshot", "Type=oneshot\nRemainAfterExit=yes", "Type=simple", "Type=exec\nRemainAfterExit=yes"]
    {
        inside.guest.ok("rm -f /ran; systemctl stop backup 2>/dev/null || true");
        inside.unit("backup.service", &unit("sleep 0.3; echo x >>/ran", more));
        for ran in 1..=2 {
            let acted = inside.act(&backup()).well();
            assert_eq!(inside.guest.ok("wc -l </ran"), ran.to_string(), "{more}");
            assert_eq!(acted.before(), json!("nothing"));
            inside.undo(&backup(), &acted.before()).well();
        }
    }
}

#[test]
fn guest_a_backup_that_failed_or_never_ran_is_none() {
    let Some(inside) = Inside::boot() else { return };
    inside.unit("backup.service", &unit("exit 3", "Type=oneshot"));
    inside.act(&backup()).badly("Unit", "failed");
    inside.unit("backup.service", &unit("sleep 0.1; exit 3", "Type=simple"));
    inside.act(&backup()).badly("Unit", "exit-code");
    inside.unit("backup.service", &unit("exit 3", "Type=oneshot\nSuccessExitStatus=3"));
    inside.act(&backup()).badly("Unit", "with status 3");
    inside.unit("backup.service", &unit("true", "Type=oneshot\n[Unit]\nConditionPathExists=/nowhere"));
    inside.act(&backup()).badly("Unit", "it did not run");
    inside.unit(
        "backup.service",
        &unit("true", "Type=oneshot\n[Unit]\nRequires=gone.service\nAfter=gone.service"),
    );
    inside.act(&backup()).badly("Unit", "backup.service");
    inside.guest.ok("systemctl mask --runtime backup 2>/dev/null; rm /etc/systemd/system/backup.service; systemctl daemon-reload");
    inside.act(&backup()).badly("Unit", "act on it");
    inside
        .ask("arm", &json!({"backup.run": {"unit": "logrotate.timer"}}), &json!({}))
        .badly("Unit", "only a service");
}

#[test]
fn guest_a_backup_that_hangs_is_stopped_at_its_deadline_and_when_asked() {
    let Some(inside) = Inside::boot() else { return };
    for more in ["Type=oneshot", "Type=simple"] {
        inside.unit("backup.service", &unit("exec sleep 1000", more));
        for (limit, kind) in
            [(json!({"time_limit_ms": 700}), "TooLate"), (json!({"interrupt_after_ms": 400}), "Interrupted")]
        {
            inside.ask("arm_act", &backup(), &limit).badly(kind, "");
            assert_eq!(inside.guest.sh("pgrep -x sleep").stdout, b"", "{more}: it goes on");
            let state = inside.says("backup", "ActiveState");
            assert!(matches!(state.as_str(), "inactive" | "failed"), "{more}: {state}");
        }
    }
}

#[test]
fn guest_a_backup_that_runs_already_is_left_to_run() {
    let Some(inside) = Inside::boot() else { return };
    inside.unit("backup.service", &unit("exec sleep 1000", "Type=oneshot"));
    inside.guest.ok("systemctl start --no-block backup; until pgrep -x sleep; do sleep 0.05; done");
    inside.act(&backup()).badly("NothingToDo", "runs already");
    inside.guest.ok("pgrep -x sleep");
}
