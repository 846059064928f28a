//! A service that burns the processor beside one that does not.

use serde_json::{Value, json};

use super::inside::Inside;

/// Where two percent are busy, what sleeps is not, and what burns is, however loaded the machine.
fn limit(percent: u32) -> Value {
    json!({"process.limit": {
        "units": ["idle.service", "burns.service", "nowhere.service", "cron.timer"],
        "busy_percent_min": percent, "cpu_weight": 20, "nice": 15,
    }})
}

/// The nice value of each process of a unit, and of each of their threads.
fn nices(inside: &Inside, unit: &str) -> Vec<String> {
    let cgroup = inside.says(unit, "ControlGroup");
    let list = format!(
        "for p in $(cat /sys/fs/cgroup{cgroup}/cgroup.procs); do cut -d')' -f2 /proc/$p/task/*/stat | cut -d' ' -f18; done"
    );
    inside.guest.ok(&list).lines().map(str::to_owned).collect()
}

fn boot() -> Option<Inside> {
    let inside = Inside::boot()?;
    let burns = "sleep 1000 & nice -n 3 sleep 1001 & while :; do :; done";
    let text = format!("[Service]\nExecStart=/bin/sh -c '{burns}'\nNice=1\n");
    inside.guest.put("/etc/systemd/system/burns.service", text.as_bytes());
    inside.unit("idle.service", "[Service]\nExecStart=/bin/sleep 1002\n");
    inside.guest.ok("systemctl start idle burns; until pgrep -fx 'sleep 1001'; do sleep 0.05; done");
    Some(inside)
}

#[test]
fn guest_the_busiest_unit_gets_less_and_its_inverse_gives_it_what_it_had() {
    let Some(inside) = boot() else { return };
    let before = nices(&inside, "burns");
    assert_eq!(before, ["1", "1", "4"]);
    let armed = inside.ask("arm", &limit(2), &json!({})).well();
    assert_eq!(armed.before()["share"]["unit"], "burns.service");
    assert_eq!(armed.before()["share"]["cpu_weight"], Value::Null);
    assert_eq!(nices(&inside, "burns"), before, "arming changes nothing");
    let acted = inside.act(&limit(2)).well();
    assert_eq!(nices(&inside, "burns"), ["15", "15", "15"]);
    assert_eq!(inside.says("burns", "CPUWeight"), "20");
    assert_eq!(nices(&inside, "idle"), ["0"]);
    assert_eq!(inside.says("idle", "CPUWeight"), "[not set]");
    for _ in 0..2 {
        inside.undo(&limit(2), &acted.before()).well();
        assert_eq!(nices(&inside, "burns"), before);
        assert_eq!(inside.says("burns", "CPUWeight"), "[not set]");
    }
}

#[test]
fn guest_a_weight_that_was_declared_comes_back_and_processes_that_are_new_get_the_unit_s_own_nice_value() {
    let Some(inside) = boot() else { return };
    inside.guest.ok("systemctl set-property --runtime burns.service CPUWeight=300");
    let acted = inside.act(&limit(2)).well();
    assert_eq!(acted.before()["share"]["cpu_weight"], 300);
    // One process is new and has inherited the limit; one has ended, and somebody has given one yet another value.
    let cgroup = inside.says("burns", "ControlGroup");
    inside.guest.ok(&format!(
        "nice -n 15 setsid sleep 1003 >/dev/null 2>&1 & until pgrep -fx 'sleep 1003'; do sleep 0.05; done; pgrep -fx 'sleep 1003' >/sys/fs/cgroup{cgroup}/cgroup.procs
        pkill -fx 'sleep 1000'; while pgrep -fx 'sleep 1000'; do sleep 0.05; done; renice -n 17 -p $(pgrep -fx 'sleep 1001')"
    ));
    let mut limited = nices(&inside, "burns");
    limited.sort();
    assert_eq!(limited, ["15", "15", "17"]);
    inside.undo(&limit(2), &acted.before()).well();
    let mut after = nices(&inside, "burns");
    after.sort();
    assert_eq!(after, ["1", "1", "17"], "what somebody has thought about since is left");
    assert_eq!(inside.says("burns", "CPUWeight"), "300");
}

#[test]
fn guest_nobody_is_given_less_where_none_is_busy() {
    let Some(inside) = boot() else { return };
    inside.ask("arm", &limit(3000), &json!({})).badly("NothingToDo", "none of the units");
    inside.guest.ok("systemctl stop burns");
    inside.ask("arm", &limit(2), &json!({})).badly("NothingToDo", "none of the units");
    inside.ask("arm", &limit(2), &json!({"interrupt_after_ms": 100})).badly("Interrupted", "");
    assert_eq!(inside.says("burns", "CPUWeight"), "[not set]");
}

#[test]
fn guest_a_unit_that_was_started_again_meanwhile_is_not_touched_by_the_inverse() {
    let Some(inside) = boot() else { return };
    let acted = inside.act(&limit(2)).well();
    inside.guest.ok("systemctl restart burns; until pgrep -fx 'sleep 1001'; do sleep 0.05; done");
    let fresh = nices(&inside, "burns");
    inside.undo(&limit(2), &acted.before()).well();
    assert_eq!(nices(&inside, "burns"), fresh);
    inside.guest.ok("systemctl stop burns");
    inside.undo(&limit(2), &acted.before()).well();
}

#[test]
fn guest_a_busy_unit_is_found_also_where_only_its_processes_tell() {
    let Some(inside) = boot() else { return };
    for unit in ["burns", "idle"] {
        let cgroup = inside.says(unit, "ControlGroup");
        inside.guest.ok(&format!("mount --bind /dev/null /sys/fs/cgroup{cgroup}/cpu.stat"));
    }
    let armed = inside.ask("arm", &limit(2), &json!({})).well();
    assert_eq!(armed.before()["share"]["unit"], "burns.service");
    inside.ask("arm", &limit(3000), &json!({})).badly("NothingToDo", "none of the units");
}

#[test]
fn guest_each_thread_of_a_process_gets_less() {
    let Some(inside) = Inside::boot() else { return };
    // A Go program, which has threads, waits for its password.
    let script = "while :; do :; done & sleep 1000 | exec restic --no-cache -r /repository init";
    let text = format!("[Service]\nExecStart=/bin/sh -c '{script}'\nEnvironment=HOME=/\n");
    inside.unit("burns.service", &text);
    inside.unit("idle.service", "[Service]\nExecStart=/bin/sleep 1002\n");
    inside.guest.ok("systemctl start burns idle; until [ $(ls /proc/$(pgrep -x restic)/task | wc -l) -gt 3 ]; do sleep 0.05; done");
    let before = nices(&inside, "burns");
    assert!(before.len() > 5 && before.iter().all(|nice| nice == "0"), "{before:?}");
    let acted = inside.act(&limit(2)).well();
    let limited = nices(&inside, "burns");
    assert!(limited.len() > 5 && limited.iter().all(|nice| nice == "15"), "{limited:?}");
    inside.undo(&limit(2), &acted.before()).well();
    let after = nices(&inside, "burns");
    assert!(after.len() > 5 && after.iter().all(|nice| nice == "0"), "{after:?}");
}
