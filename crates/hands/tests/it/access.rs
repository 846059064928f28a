//! What touches how people get in, and kernel parameters, on a real machine: `file.restore` with its validators, `firewall.restore`, `user.lock`,
//! `sysctl.restore`.

use std::io::Write as _;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};

use crate::inside::{Inside, Said, driver};

/// With programs in the sandbox, as the product starts them.
fn act(inside: &Inside, action: &Value) -> Said {
    inside.ask("arm_act", action, &json!({"hidden": ["/var/lib/suture"]}))
}

fn undo(inside: &Inside, action: &Value, before: &Value) -> Said {
    inside.ask("undo", action, &json!({"before": before, "hidden": ["/var/lib/suture"]}))
}

fn restore(target: &str, content: &str, validate: &str) -> Value {
    json!({"file.restore": {"target": target, "content": content, "mode": "0440", "validate": validate}})
}

/// A candidate that its validator refuses leaves what was there, byte for byte; one that it takes is put in place, and undone by another process.
#[track_caller]
fn check(inside: &Inside, validate: &str, target: &str, refused: &[(&str, &str)], taken: &str) {
    for old in [None, Some(taken.replace('\n', " \n"))] {
        if let Some(old) = &old {
            inside.guest.put(target, old.as_bytes());
            inside.guest.ok(&format!("chmod 0440 {target}"));
        }
        let stands = || {
            inside.guest.sh(&format!("stat -c %a:%U:%G {target}; cat {target}; ls -A $(dirname {target})"))
        };
        let was = stands();
        for (content, by) in refused {
            act(inside, &restore(target, content, validate)).badly("Candidate", by);
            assert_eq!(stands().stdout, was.stdout, "{validate} refused {content:?}");
        }
        let action = restore(target, taken, validate);
        let before = act(inside, &action).well().before();
        assert_eq!(inside.guest.read(target), taken.as_bytes());
        for _ in 0..2 {
            undo(inside, &action, &before).well();
            assert_eq!(stands().stdout, was.stdout, "{validate}: undoing does not give the old state back");
        }
    }
}

#[test]
fn a_candidate_of_sshd_is_judged_alone_and_with_the_rest_guest() {
    let Some(inside) = Inside::boot() else { return };
    let refused = [
        ("PermitRootLogin maybe\n", "sshd -t -f"),
        // Good by itself; the main file has the same subsystem.
        ("Subsystem sftp /bin/false\n", "sshd -t with all of its files"),
    ];
    check(&inside, "sshd", "/etc/ssh/sshd_config.d/10-x.conf", &refused, "PermitRootLogin no\n");
}

#[test]
fn candidates_of_sudo_nginx_and_nft_are_judged_guest() {
    let Some(inside) = Inside::boot() else { return };
    inside.guest.ok(
        "echo 'User_Alias PEOPLE = root' >/etc/sudoers.d/20-people && chmod 0440 /etc/sudoers.d/20-people",
    );
    let refused = [
        ("ALL ALL=(\n", "visudo -c -f"),
        ("User_Alias PEOPLE = daemon\n", "visudo -c with all of its files"),
    ];
    check(&inside, "visudo", "/etc/sudoers.d/10-x", &refused, "Defaults use_pty\n");
    let refused = [("server { listen 8080; nonsense on; }\n", "nginx -t")];
    check(&inside, "nginx", "/etc/nginx/conf.d/x.conf", &refused, "server { listen 8080; }\n");
    inside.guest.ok("mkdir /etc/nftables.d");
    let refused = [("table inet x { chain\n", "nft -c -f")];
    check(&inside, "nft", "/etc/nftables.d/x.nft", &refused, "table inet x {\n}\n");
    inside.guest.ok("mv /usr/sbin/visudo /usr/sbin/visudo.away");
    act(&inside, &restore("/etc/sudoers.d/30-y", "Defaults use_pty\n", "visudo"))
        .badly("Program", "not here");
    assert!(!inside.guest.sh("test -e /etc/sudoers.d/30-y").status.success());
}

const OLD: &str = "table inet old {\n\tset bad {\n\t\ttype ipv4_addr\n\t\tflags timeout\n\t\telements = { 192.0.2.7 timeout 1d }\n\t}\n\n\tchain input {\n\t\ttype filter hook input priority filter; policy accept;\n\t\tip saddr @bad counter drop\n\t}\n}\n";

#[test]
fn the_packet_filter_is_loaded_and_put_back_whole_guest() {
    let Some(inside) = Inside::boot() else { return };
    let guest = &inside.guest;
    guest.put("/tmp/old.nft", OLD.as_bytes());
    guest.ok("nft -f /tmp/old.nft");
    let rules = || guest.ok("nft -s list ruleset");
    let was = rules();
    let action = json!({"firewall.restore": {"ruleset": "/etc/nftables.conf"}});
    let declared = |text: &str| guest.put("/etc/nftables.conf", text.as_bytes());

    declared("table inet new { chain input { type filter hook input priority 0\n nonsense\n }\n}\n");
    act(&inside, &action).badly("Candidate", "nft -c");
    declared("table inet new { chain input { type filter hook input priority 0\n tcp dport 23 drop\n }\n}\n");
    guest.ok("chmod 0666 /etc/nftables.conf");
    act(&inside, &action).badly("File", "trust it");
    guest.ok("chmod 0644 /etc/nftables.conf; mv /etc/nftables.conf /etc/real.conf; ln -s real.conf /etc/nftables.conf");
    act(&inside, &action).badly("File", "without following");
    assert_eq!(rules(), was, "something was loaded that was refused");

    guest.ok("rm /etc/nftables.conf; mv /etc/real.conf /etc/nftables.conf");
    let before = act(&inside, &action).well().before();
    let new = rules();
    assert!(new.contains("table inet new") && !new.contains("table inet old"), "{new}");
    for _ in 0..2 {
        undo(&inside, &action, &before).well();
        assert_eq!(rules(), was);
    }
    // No rules at all are a state like any other.
    guest.ok("nft flush ruleset");
    let before = act(&inside, &action).well().before();
    undo(&inside, &action, &before).well();
    assert_eq!(rules(), "");
    inside.ask("arm_act", &action, &json!({"time_limit_ms": 0})).badly("TooLate", "");
    guest.ok("mv /usr/sbin/nft /usr/sbin/nft.away");
    act(&inside, &action).badly("Program", "not here");
}

#[test]
fn accounts_are_locked_and_get_their_own_fields_back_guest() {
    let Some(inside) = Inside::boot() else { return };
    let guest = &inside.guest;
    guest.ok("useradd --system svc && echo svc:secret | chpasswd");
    guest.ok(
        "useradd ann && usermod -aG sudo ann && echo ann:secret | chpasswd && useradd bob && passwd -d bob",
    );
    let shadow = || guest.read("/etc/shadow");
    let status = |name: &str| guest.ok(&format!("passwd --status {name} | cut -d' ' -f2"));
    let was = shadow();
    let stat = guest.ok("stat -c %a:%U:%G /etc/shadow");

    let system = json!({"user.lock": {"which": "system_with_password"}});
    let locked = act(&inside, &system).well();
    assert_eq!(locked.count("accounts_locked"), Some(1));
    assert_eq!((status("svc"), status("ann"), status("bob")), ("L".into(), "P".into(), "NP".into()));
    act(&inside, &system).badly("NothingToDo", "");
    for _ in 0..2 {
        undo(&inside, &system, &locked.before()).well();
        assert_eq!(shadow(), was);
    }
    let empty = json!({"user.lock": {"which": "empty_password"}});
    let emptied = act(&inside, &empty).well();
    assert_eq!((emptied.count("accounts_locked"), status("bob")), (Some(1), "L".into()));
    undo(&inside, &empty, &emptied.before()).well();
    assert_eq!(guest.ok("stat -c %a:%U:%G /etc/shadow"), stat);
    assert_eq!(shadow(), was);
}

#[test]
fn a_parameter_of_the_network_is_the_machine_s_guest() {
    let Some(inside) = Inside::boot() else { return };
    let guest = &inside.guest;
    let key = "net.ipv4.conf.all.accept_redirects";
    let value = || guest.ok(&format!("sysctl -n {key}"));
    guest.ok(&format!("sysctl -qw {key}=1"));
    let action = json!({"sysctl.restore": {"key": key, "value": 0}});
    let before = act(&inside, &action).well().before();
    assert_eq!((value().as_str(), &before["sysctl"]["value"]), ("0", &json!(1)));
    for _ in 0..2 {
        undo(&inside, &action, &before).well();
        assert_eq!(value(), "1");
    }
    // Also for a process that was given a network of its own.
    let mut command = guest.command("unshare");
    command.arg("--net").arg(driver()).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = guest.spawn(&mut command).unwrap();
    let asked = json!({"do": "arm_act", "action": action, "snapshots": "/tmp/s"});
    writeln!(child.stdin.take().unwrap(), "{asked}").unwrap();
    assert!(child.wait_with_output().unwrap().status.success());
    assert_eq!(value(), "0");
    let of = |key: &str, value: i64| json!({"sysctl.restore": {"key": key, "value": value}});
    act(&inside, &of("net.ipv4.no_such_key", 0)).badly("File", "open it");
    act(&inside, &of("net.ipv4.ip_local_port_range", 1)).badly("NotAsDeclared", "not one number");
    act(&inside, &of(key, i64::MAX)).badly("File", "set it");
    inside.ask("arm_act", &of(key, 1), &json!({"time_limit_ms": 0})).badly("TooLate", "");
    assert_eq!(value(), "0");
}

#[test]
fn killed_while_a_candidate_is_judged_it_is_undone_by_another_guest() {
    let Some(inside) = Inside::boot() else { return };
    let guest = &inside.guest;
    let target = "/etc/sudoers.d/10-x";
    guest.ok(&format!(
        "printf 'Defaults use_pty\\n' >{target}; chmod 0440 {target}; mv /usr/sbin/visudo /usr/sbin/v"
    ));
    let stands = || guest.ok(&format!("stat -c %a:%U:%G {target}; cat {target}; ls -A /etc/sudoers.d"));
    let was = stands();
    let action = restore(target, "Defaults !use_pty\n", "visudo");
    let before = inside.ask("arm", &action, &json!({})).well().before();
    // Judging the candidate takes its time, then judging the whole.
    for (slow, seen) in [("$# = 3", ".10-x.suture-new"), ("$# = 1", "Defaults !use_pty")] {
        guest.put(
            "/usr/sbin/visudo",
            format!("#!/bin/sh\nif [ {slow} ]; then exec sleep 100; fi\n").as_bytes(),
        );
        guest.ok("chmod 0755 /usr/sbin/visudo");
        inside.act_and_die(&action, Duration::from_secs(2));
        assert!(stands().contains(seen), "{seen} is not in {}", stands());
        for _ in 0..2 {
            inside.undo(&action, &before).well();
            assert_eq!(stands(), was);
        }
    }
}

#[test]
fn a_full_disk_leaves_the_old_file_guest() {
    let Some(inside) = Inside::boot() else { return };
    let guest = &inside.guest;
    guest
        .ok("mkdir /etc/full && mount -t tmpfs -o size=4k,mode=0755 none /etc/full && echo old >/etc/full/a");
    let content = "x".repeat(6000);
    let action = json!({"file.restore": {"target": "/etc/full/a", "content": content}});
    act(&inside, &action).badly("File", "write a candidate");
    assert_eq!(guest.ok("cat /etc/full/a; ls -A /etc/full"), "old\na");
}

/// As `RB-FIREWALL-002` has it: the service does not run, and rules that somebody made are in force.
#[test]
fn guest_what_was_in_force_before_the_packet_filters_service_is_in_force_after_it_again() {
    let Some(inside) = Inside::boot() else { return };
    let guest = &inside.guest;
    guest.put("/tmp/old.nft", OLD.as_bytes());
    guest.ok("systemctl stop nftables; nft -f /tmp/old.nft");
    let rules = || guest.ok("nft -s list ruleset");
    let old = rules();
    let keep = json!({"firewall.restore": {"ruleset": "/etc/nftables.conf"}});
    let start = json!({"unit.start": {"unit": "nftables.service"}});
    let kept = act(&inside, &keep).well();
    let started = inside.act(&start).well();
    assert_eq!(inside.says("nftables", "ActiveState"), "active");
    assert_ne!(rules(), old);
    // The inverse of the start alone leaves nothing; that of the step before it gives back what was there.
    inside.undo(&start, &started.before()).well();
    assert_eq!((inside.says("nftables", "ActiveState"), rules()), ("inactive".into(), String::new()));
    inside.undo(&keep, &kept.before()).well();
    assert_eq!(rules(), old);
}
