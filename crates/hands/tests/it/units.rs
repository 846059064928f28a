//! Units on a real systemd. Names begin with `guest`, so that not more of them run at a time than the machine bears.

use serde_json::{Value, json};

use super::inside::Inside;

fn start(unit: &str) -> Value {
    json!({"unit.start": {"unit": unit}})
}

fn restart(unit: &str) -> Value {
    json!({"unit.restart": {"unit": unit}})
}

fn stop(unit: &str) -> Value {
    json!({"unit.stop": {"unit": unit}})
}

fn enable(unit: &str) -> Value {
    json!({"unit.enable": {"unit": unit}})
}

fn service(script: &str, more: &str) -> String {
    format!("[Service]\nExecStart=/bin/sh -c '{script}'\n{more}\n[Install]\nWantedBy=multi-user.target\n")
}

#[test]
fn guest_a_stopped_service_is_started_and_its_inverse_stops_it() {
    let Some(inside) = Inside::boot() else { return };
    inside.guest.ok("systemctl stop cron");
    let armed = inside.ask("arm", &start("cron.service"), &json!({})).well();
    assert_eq!(armed.before(), json!({"unit": {"active": false, "enabled": true}}));
    assert_eq!(inside.says("cron", "ActiveState"), "inactive", "arming changes nothing");
    let acted = inside.act(&start("cron.service")).well();
    assert_eq!(inside.says("cron", "ActiveState"), "active");
    for _ in 0..2 {
        inside.undo(&start("cron.service"), &acted.before()).well();
        assert_eq!(inside.says("cron", "ActiveState"), "inactive");
    }
    // One that ran before is left running.
    inside.guest.ok("systemctl start cron");
    let pid = inside.says("cron", "MainPID");
    let acted = inside.act(&start("cron.service")).well();
    inside.undo(&start("cron.service"), &acted.before()).well();
    assert_eq!(inside.says("cron", "MainPID"), pid, "starting what runs touches nothing");
}

#[test]
fn guest_a_restart_makes_another_process_and_is_undone_to_what_was() {
    let Some(inside) = Inside::boot() else { return };
    let pid = inside.says("cron", "MainPID");
    let acted = inside.act(&restart("cron.service")).well();
    assert_ne!(inside.says("cron", "MainPID"), pid);
    inside.undo(&restart("cron.service"), &acted.before()).well();
    assert_eq!(inside.says("cron", "ActiveState"), "active", "it ran before");
    inside.guest.ok("systemctl stop cron");
    let acted = inside.act(&restart("cron.service")).well();
    assert_eq!(inside.says("cron", "ActiveState"), "active");
    inside.undo(&restart("cron.service"), &acted.before()).well();
    assert_eq!(inside.says("cron", "ActiveState"), "inactive", "it did not run before");
}

#[test]
fn guest_what_stands_still_is_ended_as_it_ends_when_it_moves() {
    let Some(inside) = Inside::boot() else { return };
    // As nginx's unit of Debian does: it is asked by a signal of its own to end, and waited for.
    let asks = "ExecStop=/bin/sh -c 'kill -s USR1 $MAINPID; while kill -0 $MAINPID; do sleep 0.05; done'\n\
                ExecStopPost=/bin/sh -c 'echo $SERVICE_RESULT >/run/ended'\nKillMode=process\nTimeoutStopSec=4";
    inside.unit("still.service", &service("trap \"exit 0\" USR1; while :; do sleep 0.05; done", asks));
    inside.guest.ok("systemctl start still; sleep 0.2; systemctl kill -s STOP still");
    let pid = inside.says("still", "MainPID");
    inside.act(&restart("still.service")).well();
    assert_ne!(inside.says("still", "MainPID"), pid);
    assert_eq!(inside.guest.ok("cat /run/ended").trim(), "success", "it had to be killed");
    // The same of a part, as a cluster is one of Debian's unit for all of them.
    inside.unit("whole.service", "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n");
    let of_it = format!("{asks}\n[Unit]\nPartOf=whole.service");
    inside.unit("still.service", &service("trap \"exit 0\" USR1; while :; do sleep 0.05; done", &of_it));
    inside.guest.ok("systemctl start whole; sleep 0.2; rm /run/ended; systemctl kill -s STOP still");
    inside.act(&restart("whole.service")).well();
    assert_eq!(inside.guest.ok("cat /run/ended").trim(), "success", "the part had to be killed");
}

#[test]
fn guest_where_one_process_moves_those_that_stand_still_are_not_touched() {
    let Some(inside) = Inside::boot() else { return };
    // Somebody has stopped one of them on purpose, and a restart leaves it alone.
    let forks = "(while :; do sleep 0.05; done) & echo $! >/run/frozen; while :; do sleep 0.05; done";
    inside.unit("forks.service", &service(&forks.replace('$', "$$"), "KillMode=process"));
    inside
        .guest
        .ok("systemctl start forks; sleep 0.2; kill -s STOP $(cat /run/frozen); cp /run/frozen /run/stopped");
    inside.act(&restart("forks.service")).well();
    assert_eq!(inside.guest.ok("ps -o state= -p $(cat /run/stopped)").trim(), "T");
}

#[test]
fn guest_a_stop_stays_and_its_inverse_starts_again() {
    let Some(inside) = Inside::boot() else { return };
    let acted = inside.act(&stop("cron.service")).well();
    assert_eq!(inside.says("cron", "ActiveState"), "inactive");
    for _ in 0..2 {
        inside.undo(&stop("cron.service"), &acted.before()).well();
        assert_eq!(inside.says("cron", "ActiveState"), "active");
    }
    // Undone by a record of another verb: nothing is touched.
    inside.undo(&stop("cron.service"), &json!("nothing")).badly("NoBefore", "unit.stop");
}

#[test]
fn guest_a_service_that_falls_over_is_not_called_started() {
    let Some(inside) = Inside::boot() else { return };
    inside.unit("dies.service", &service("sleep 0.05; exit 3", ""));
    inside.act(&start("dies.service")).badly("Unit", "a moment later it is");
    assert_eq!(inside.says("dies", "ActiveState"), "failed");
    // Between two crashes it is "active" too.
    let loops = "Restart=always\nRestartSec=10ms\n[Unit]\nStartLimitIntervalSec=0";
    // Seen a moment later or while it is tried again: it is not called started either way.
    inside.unit("loops.service", &service("sleep 0.03; exit 3", loops));
    let acted = inside.act(&start("loops.service")).badly("Unit", "loops.service");
    inside.undo(&start("loops.service"), &acted.before()).well();
    assert_eq!(inside.says("loops", "ActiveState"), "inactive", "it did not run before");
    // Where systemd was trying already, it goes on trying.
    inside.guest.ok("systemctl start loops");
    let acted = inside.act(&restart("loops.service"));
    assert_eq!(acted.before()["unit"]["active"], true);
    inside.undo(&restart("loops.service"), &acted.before()).well();
    let state = inside.says("loops", "ActiveState");
    assert!(matches!(state.as_str(), "active" | "activating"), "{state}");
    let tries = format!("Type=notify\n{loops}");
    inside.unit("tries.service", &service("sleep 0.03; exit 3", &tries));
    inside.guest.ok("systemctl start --no-block tries; sleep 0.1");
    let acted = inside.act(&restart("tries.service")).badly("Unit", "restart it");
    inside.undo(&restart("tries.service"), &acted.before()).well();
    inside.guest.ok("systemctl stop tries");
    inside.undo(&restart("tries.service"), &acted.before()).well();
    let state = inside.says("tries", "ActiveState");
    assert!(!matches!(state.as_str(), "inactive" | "failed"), "it is tried again, and fails again: {state}");
    inside.unit("never.service", &service("exit 3", "Type=oneshot"));
    inside.act(&start("never.service")).badly("Unit", "failed");
}

#[test]
fn guest_a_oneshot_is_up_when_it_has_ended_well_and_really_ran() {
    let Some(inside) = Inside::boot() else { return };
    inside.unit("once.service", &service("echo x >>/ran", "Type=oneshot"));
    for ran in 1..=2 {
        inside.act(&start("once.service")).well();
        assert_eq!(inside.guest.ok("wc -l </ran"), ran.to_string());
    }
    let unmet = service("echo x >>/ran", "Type=oneshot\n[Unit]\nConditionPathExists=/nowhere");
    inside.unit("unmet.service", &unmet);
    inside.act(&start("unmet.service")).badly("Unit", "a condition of its is not met");
    assert_eq!(inside.guest.ok("wc -l </ran"), "2");
    let unmet = service("sleep 1000", "[Unit]\nConditionPathExists=/nowhere");
    inside.unit("unmet.service", &unmet);
    inside.act(&start("unmet.service")).badly("Unit", "the job is done, and the unit is Inactive");
}

#[test]
fn guest_what_is_masked_or_not_there_cannot_be_armed() {
    let Some(inside) = Inside::boot() else { return };
    inside.guest.ok("systemctl stop cron && systemctl mask cron");
    inside.unit("bad.service", "[Service]\nType=simple\n");
    for (unit, words) in
        [("cron.service", "it is masked"), ("nowhere.service", "not-found"), ("bad.service", "bad-setting")]
    {
        for action in [start(unit), restart(unit), stop(unit), enable(unit)] {
            let refused = inside.ask("arm", &action, &json!({})).badly("Unit", words);
            assert_eq!(refused.before(), Value::Null);
        }
        let known = inside.ask("knows", &Value::Null, &json!({"unit": unit})).well();
        assert_eq!(known.part("known"), &json!(false), "{unit}");
    }
    let known = inside.ask("knows", &Value::Null, &json!({"unit": "nginx.service"})).well();
    assert_eq!(known.part("known"), &json!(true));
    inside.guest.ok("systemctl stop dbus.socket dbus.service 2>/dev/null; rm -f /run/dbus/system_bus_socket");
    inside.ask("arm", &start("nginx.service"), &json!({})).badly("Unit", "reach it");
}

#[test]
fn guest_a_failure_is_forgotten() {
    let Some(inside) = Inside::boot() else { return };
    inside.unit("dies.service", &service("exit 3", ""));
    inside.guest.sh("systemctl start dies; sleep 0.2");
    assert_eq!(inside.says("dies", "ActiveState"), "failed");
    let reset = json!({"unit.reset-failed": {"unit": "dies.service"}});
    let acted = inside.act(&reset).well();
    assert_eq!(inside.says("dies", "ActiveState"), "inactive");
    inside.act(&reset).well();
    inside.undo(&reset, &acted.before()).well();
}

#[test]
fn guest_what_is_enabled_starts_at_boot_and_its_inverse_takes_away_what_it_made() {
    let Some(inside) = Inside::boot() else { return };
    inside.guest.ok("systemctl disable cron");
    let links = || inside.guest.ok("find /etc/systemd /run/systemd -type l -printf '%p %l\\n' | sort");
    let before = links();
    let acted = inside.act(&enable("cron.service")).well();
    assert_eq!(acted.before(), json!({"unit": {"active": true, "enabled": false}}));
    assert_eq!(inside.guest.ok("systemctl is-enabled cron"), "enabled");
    inside.guest.ok("test -L /etc/systemd/system/multi-user.target.wants/cron.service");
    for _ in 0..2 {
        inside.undo(&enable("cron.service"), &acted.before()).well();
        assert_eq!(links(), before);
    }
    // One that was enabled before stays so.
    let acted = inside.act(&enable("nginx.service")).well();
    inside.undo(&enable("nginx.service"), &acted.before()).well();
    assert_eq!(inside.guest.ok("systemctl is-enabled nginx"), "enabled");
    inside.unit("static.service", "[Service]\nExecStart=/bin/true\n");
    inside.act(&enable("static.service")).badly("Unit", "it cannot be enabled");
}

#[test]
fn guest_a_job_that_takes_too_long_or_is_not_wanted_is_cancelled() {
    let Some(inside) = Inside::boot() else { return };
    inside.unit("slow.service", &service("sleep 1000", "Type=oneshot\nTimeoutStartSec=infinity"));
    let jobs = || inside.guest.ok("systemctl list-jobs --no-legend");
    for (more, kind) in
        [(json!({"time_limit_ms": 700}), "TooLate"), (json!({"interrupt_after_ms": 300}), "Interrupted")]
    {
        let acted = inside.ask("arm_act", &start("slow.service"), &more).badly(kind, "");
        assert_eq!(jobs(), "", "the job is gone");
        inside.undo(&start("slow.service"), &acted.before()).well();
        assert_eq!(inside.guest.sh("pgrep -x sleep").stdout, b"", "and so is what it started");
    }
    inside.ask("arm_act", &start("cron.service"), &json!({"time_limit_ms": 0})).badly("TooLate", "");
}

#[test]
fn guest_who_needs_a_unit_is_named_with_how_it_is_and_keeps_it_from_being_stopped() {
    let Some(inside) = Inside::boot() else { return };
    inside.unit("base.service", &service("sleep 1000", ""));
    inside.unit("well.service", &service("sleep 1000", "[Unit]\nRequires=base.service"));
    inside.unit("ill.service", &service("exit 3", "[Unit]\nBindsTo=base.service\nAfter=base.service"));
    inside.unit("part.service", &service("sleep 1000", "[Unit]\nPartOf=base.service"));
    inside.unit("wants.service", &service("sleep 1000", "[Unit]\nWants=base.service"));
    inside.unit("above.service", &service("sleep 1000", "[Unit]\nRequires=well.service"));
    inside.guest.sh("systemctl start base wants; systemctl start ill; sleep 0.2");
    inside.guest.ok("systemctl start well above; systemctl show part >/dev/null");
    let asked = inside.ask("dependants", &Value::Null, &json!({"unit": "base.service"})).well();
    let (well, ill) = (json!(["well.service", true]), json!(["ill.service", false]));
    let found = asked.part("dependants").as_array().unwrap();
    assert!(found.contains(&well) && found.contains(&ill), "{found:?}");
    assert!(found.contains(&json!(["above.service", true])), "who needs one that needs it: {found:?}");
    assert!(!found.iter().any(|d| d[0] == "wants.service"), "{found:?}");
    inside.act(&stop("base.service")).badly("Unit", "other units that run need it");
    assert_eq!(inside.says("well", "ActiveState"), "active");
    inside.guest.ok("systemctl stop well");
    inside.act(&stop("base.service")).well();
}
