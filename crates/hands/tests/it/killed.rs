//! Killed at every system call that makes something durable or changes a file, `file.restore` is undone by another process to exactly what was there.
//!
//! strace kills the driver on entry to the n-th call: nothing of that call has happened. Then the undo is killed at each of its calls, and done
//! again.

use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::inside::driver;
use crate::rig::Rig;

const CALLS: [&str; 6] = ["write", "fsync", "fchmod", "fchown", "unlinkat", "rename,renameat,renameat2"];
/// Far more calls of one kind than a step makes.
const CALLS_MAX: u32 = 60;

/// Runs the driver, killed at the `nth` call. None where it was not killed; then what it said.
fn run(asked: &Value, call: &str, nth: u32) -> Option<Value> {
    let mut child = Command::new("strace")
        .args(["-f", "-o", "/dev/null", "-e", &format!("inject={call}:signal=SIGKILL:when={nth}")])
        .arg(driver())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    writeln!(child.stdin.take().unwrap(), "{asked}").unwrap();
    let output = child.wait_with_output().unwrap();
    if output.status.signal() == Some(9) {
        return None;
    }
    assert!(output.status.success(), "{}", output.status);
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

#[test]
fn wherever_it_is_killed_undoing_gives_the_old_file_back_exactly() {
    let Some(rig) = Rig::new() else { return };
    let target = rig.path("etc/a");
    let step = |fields: Value| {
        let mut step = json!({"target": target.to_str().unwrap()});
        step.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        json!({ "file.restore": step })
    };
    let asked = |what: &str, action: &Value, before: &Value| json!({"do": what, "action": action, "before": before, "snapshots": rig.path("snapshots").to_str().unwrap()});
    let mut kills = 0;
    for (fields, was_there) in [
        (json!({"content": "new", "mode": "0600", "owner": "root", "group": "root"}), true),
        (json!({"content": "new"}), false),
        (json!({"mode": "0600", "owner": "root"}), true),
    ] {
        let _ = std::fs::remove_file(&target);
        if was_there {
            rig.write("etc/a", "old", 0o640);
            std::os::unix::fs::chown(&target, Some(7), Some(8)).unwrap();
        }
        let stands = || {
            let owned = was_there.then(|| rig.owned("etc/a"));
            (rig.text("etc/a").ok(), owned, rig.names("etc"))
        };
        let (was, action) = (stands(), step(fields));
        for call in CALLS {
            for nth in 1..CALLS_MAX {
                let armed = run(&asked("arm", &action, &Value::Null), "reboot", 1).unwrap();
                let killed = run(&asked("arm_act", &action, &Value::Null), call, nth).is_none();
                let undo = asked("undo", &action, &armed["before"]);
                let undo_killed = run(&undo, call, nth).is_none();
                let undone = run(&undo, "reboot", 1).unwrap();
                assert_eq!(undone["error"], Value::Null, "{call} {nth}: {undone}");
                assert_eq!(stands(), was, "killed at {call} {nth}: {action}");
                kills += u32::from(killed) + u32::from(undo_killed);
                if !killed && !undo_killed {
                    break;
                }
            }
        }
    }
    assert!(kills > 30, "it was killed only {kills} times");
}
