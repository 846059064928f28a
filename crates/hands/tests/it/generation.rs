//! `generation.switch` and `store.gc` over links and programs that look like NixOS's, run by a real systemd. A NixOS it is not.

use serde_json::{Value, json};

use crate::inside::Inside;

/// What a generation's program does here: it says how it was started, and makes its closure run.
const SWITCH: &str = r#"#!/bin/sh
echo "$(basename "$(dirname "$(dirname "$0")")") $1" >>/var/log/switches
[ "$1" = switch ] && ln -sfn "$(dirname "$(dirname "$0")")" /run/current-system
exit 0
"#;

/// A guest with these generations; the last is the default and runs.
fn with(generations: &[u64]) -> Option<Inside> {
    let inside = Inside::boot()?;
    inside.guest.ok("mkdir -p /nix/var/nix/profiles /nix/store; touch /etc/NIXOS /var/log/switches");
    for n in generations {
        program(&inside, *n, SWITCH);
        inside.guest.ok(&format!("ln -s /nix/store/{n}-system /nix/var/nix/profiles/system-{n}-link"));
    }
    let last = generations.last().unwrap();
    inside.guest.ok(&format!("ln -sfn system-{last}-link /nix/var/nix/profiles/system"));
    inside.guest.ok(&format!("ln -sfn /nix/store/{last}-system /run/current-system"));
    inside.guest.ok(&format!("ln -sfn /nix/store/{last}-system /run/booted-system"));
    Some(inside)
}

fn program(inside: &Inside, n: u64, text: &str) {
    let path = format!("/nix/store/{n}-system/bin/switch-to-configuration");
    inside.guest.put(&path, text.as_bytes());
    inside.guest.ok(&format!("chmod 755 {path}"));
}

fn healthy(numbers: &[u64]) -> Value {
    json!(numbers.iter().map(|n| json!([n, format!("/nix/store/{n}-system")])).collect::<Vec<_>>())
}

/// Which boots, and which runs.
fn state(inside: &Inside) -> (String, String) {
    let link = |path: &str| inside.guest.ok(&format!("readlink {path}"));
    (link("/nix/var/nix/profiles/system"), link("/run/current-system"))
}

fn is(n: u64) -> (String, String) {
    (format!("system-{n}-link"), format!("/nix/store/{n}-system"))
}

fn step() -> Value {
    json!({"generation.switch": {}})
}

#[test]
fn it_goes_to_the_last_healthy_one_and_back_any_number_of_times() {
    let Some(inside) = with(&[1, 2, 3, 4]) else { return };
    let said = inside.ask("arm_act", &step(), &json!({"healthy": healthy(&[1, 2, 4])})).well();
    assert_eq!(said.before(), json!({"generation": {"number": 4}}));
    assert_eq!(state(&inside), is(2));
    inside.undo(&step(), &said.before()).well();
    assert_eq!(state(&inside), is(4));
    inside.undo(&step(), &said.before()).well();
    assert_eq!(state(&inside), is(4));
    assert_eq!(inside.guest.ok("cat /var/log/switches"), "2-system switch\n4-system switch\n4-system switch");
    assert_eq!(inside.guest.ok("systemctl list-units --all --no-legend 'suture-generation*'"), "");
}

#[test]
fn a_switch_that_fails_or_only_says_that_it_worked_is_undone() {
    let Some(inside) = with(&[1, 2]) else { return };
    let more = json!({"healthy": healthy(&[1])});
    program(&inside, 1, "#!/bin/sh\nexit 4\n");
    inside.ask("arm_act", &step(), &more).badly("Unit", "exit-code");
    inside.undo(&step(), &json!({"generation": {"number": 2}})).well();
    assert_eq!(state(&inside), is(2));
    program(&inside, 1, "#!/bin/sh\nexit 0\n");
    inside.ask("arm_act", &step(), &more).badly("NotAsDeclared", "another generation runs");
    inside.undo(&step(), &json!({"generation": {"number": 2}})).well();
    assert_eq!(state(&inside), is(2));
}

#[test]
fn a_switch_that_outlives_its_time_is_waited_for_before_it_is_undone() {
    let Some(inside) = with(&[1, 2]) else { return };
    let slow = SWITCH.replacen("[ ", "sleep 3; [ ", 1);
    program(&inside, 1, &slow);
    let more = json!({"healthy": healthy(&[1]), "time_limit_ms": 1000});
    inside.ask("arm_act", &step(), &more).badly("TooLate", "");
    // The process that started it is gone, and it goes on.
    inside.undo(&step(), &json!({"generation": {"number": 2}})).well();
    assert_eq!(state(&inside), is(2));
    assert_eq!(inside.guest.ok("cat /var/log/switches"), "1-system switch\n2-system switch");
}

#[test]
fn without_a_healthy_one_a_program_or_nixos_nothing_is_touched() {
    let Some(inside) = with(&[1, 2]) else { return };
    inside.act(&step()).badly("NothingToDo", "no other generation");
    // One of the same number, which is another system by now.
    let more = json!({"healthy": [[1, "/nix/store/other"]]});
    inside.ask("arm_act", &step(), &more).badly("NothingToDo", "no other generation");
    inside.guest.ok("rm /nix/store/1-system/bin/switch-to-configuration");
    inside.ask("arm_act", &step(), &json!({"healthy": healthy(&[1])})).badly("File", "not there");
    inside.undo(&step(), &json!("nothing")).badly("NoBefore", "");
    inside.undo(&step(), &json!({"generation": {"number": 7}})).badly("NothingToDo", "is gone");
    assert_eq!(state(&inside), is(2));
    inside.guest.ok("rm /etc/NIXOS");
    inside.act(&step()).badly("NothingToDo", "no NixOS");
}

#[test]
fn old_generations_go_but_none_that_is_needed_and_the_boot_menu_is_made_first() {
    let Some(inside) = with(&[1, 2, 3, 4, 5, 6, 7]) else { return };
    let step = json!({"store.gc": {"keep_generations": 2}});
    let more = json!({"healthy": healthy(&[2])});
    inside.act(&step).badly("NothingToDo", "known to be healthy");
    inside
        .ask("arm_act", &step, &json!({"healthy": healthy(&[9])}))
        .badly("NothingToDo", "known to be healthy");
    inside.ask("arm_act", &step, &more).badly("Program", "nix-store");
    inside.guest.put("/usr/bin/nix-store", b"#!/bin/sh\necho \"$NIX_REMOTE $*\" >>/var/log/switches\n");
    inside.guest.ok("chmod 755 /usr/bin/nix-store; ln -sfn /nix/store/4-system /run/booted-system");
    let said = inside.ask("arm_act", &step, &more).well();
    assert!(said.count("bytes_freed").is_some());
    assert_eq!(
        inside.guest.ok("cd /nix/var/nix/profiles; echo *"),
        "system system-2-link system-4-link system-6-link system-7-link system.lock"
    );
    assert_eq!(
        inside.guest.ok("cat /var/log/switches"),
        "7-system boot\ndaemon --gc --max-freed 21474836480"
    );
}
