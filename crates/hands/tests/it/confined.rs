//! The system's programs under the sandbox, in a guest: each does what a hand needs of it, and none sees what is Suture's.

use std::path::Path;

use serde_json::{Value, json};

use crate::inside::Inside;

const RULES: &str = "table inet suture {
    chain input {
        type filter hook input priority 0; policy accept;
        iif lo accept
        tcp dport 22 accept
    }
}
";
const EVIDENCE: &str = "/var/lib/suture/evidence";

/// Every program that a hand starts by itself (journalctl, chronyc and restic are started by their verbs' own tests, confined too), as its hand
/// declares it.
fn programs() -> Vec<Value> {
    let netfilter = json!({"capabilities": ["CAP_NET_ADMIN"], "host_network": true});
    let with = |path: &str, arguments: &[&str], more: &Value| {
        let mut told = json!({"path": path, "arguments": arguments});
        told.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        told
    };
    vec![
        with("/usr/sbin/sshd", &["-t", "-f", "/etc/ssh/sshd_config"], &json!({"reads": ["/run/sshd"]})),
        with("/usr/sbin/sshd", &["-T", "-f", "/etc/ssh/sshd_config"], &json!({"reads": ["/run/sshd"]})),
        with("/usr/sbin/visudo", &["-c", "-f", "/etc/sudoers"], &json!({})),
        with(
            "/usr/sbin/nginx",
            &["-t", "-c", "/etc/nginx/nginx.conf"],
            &json!({
                "profile": "standard-net", "writes": ["/var/log/nginx", "/var/lib/nginx"],
                "capabilities": ["CAP_NET_BIND_SERVICE", "CAP_CHOWN", "CAP_DAC_OVERRIDE"],
            }),
        ),
        with("/usr/sbin/nft", &["-c", "-f", "/etc/nftables.conf"], &netfilter),
        with("/usr/sbin/nft", &["list", "ruleset"], &netfilter),
        with(
            "/usr/bin/openssl",
            &["x509", "-noout", "-checkend", "0", "-in", "/etc/cert.pem"],
            &json!({"profile": "strict"}),
        ),
        with("/usr/bin/sqlite3", &["-batch", "/tmp/x.db", "PRAGMA integrity_check;"], &json!({})),
    ]
}

/// Asks for a program to be run. The driver stands in for the executor, which hides its own directories.
fn run(inside: &Inside, told: &Value) -> (Option<i64>, String) {
    let said = inside.ask("run", &Value::Null, &json!({"run": told, "hidden": [EVIDENCE]})).well();
    let ran = said.part("ran");
    (ran[0].as_i64(), format!("{}{}", ran[1].as_str().unwrap(), ran[2].as_str().unwrap()))
}

fn boot() -> Option<Inside> {
    let inside = Inside::boot()?;
    inside.guest.put(&format!("{EVIDENCE}/head"), b"sequence 1\n");
    inside.guest.ok("mkdir -p /run/sshd; openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=x -days 2 -keyout /etc/key.pem -out /etc/cert.pem 2>/dev/null");
    inside.guest.put("/etc/nftables.conf", RULES.replace("suture", "filter").as_bytes());
    Some(inside)
}

#[test]
fn each_program_does_its_work_as_its_hand_holds_it() {
    let Some(inside) = boot() else { return };
    let failed: Vec<_> = programs()
        .into_iter()
        .map(|told| (run(&inside, &told), told))
        .filter(|((status, _), _)| *status != Some(0))
        .collect();
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn a_packet_filter_is_loaded_into_the_machine_s_own_network_and_a_bad_one_is_not() {
    let Some(inside) = boot() else { return };
    let nft = |arguments: &[&str], input: &str| {
        let told = json!({
            "path": "/usr/sbin/nft", "arguments": arguments, "input": input,
            "capabilities": ["CAP_NET_ADMIN"], "host_network": true,
        });
        run(&inside, &told).0
    };
    assert_eq!(nft(&["-c", "-f", "-"], RULES), Some(0));
    assert!(!inside.guest.ok("nft list ruleset").contains("suture"));
    assert_eq!(nft(&["-f", "-"], RULES), Some(0));
    assert!(inside.guest.ok("nft list ruleset").contains("table inet suture"));
    assert_ne!(nft(&["-c", "-f", "-"], "table inet x { nonsense }"), Some(0));
}

#[test]
fn none_of_them_sees_the_evidence_and_this_test_can_tell() {
    let Some(inside) = boot() else { return };
    let head = format!("{EVIDENCE}/head");
    for mut told in programs() {
        told["path"] = json!("/usr/bin/cat");
        told["arguments"] = json!([head]);
        let (status, said) = run(&inside, &told);
        assert!(status != Some(0) && !said.contains("sequence"), "{told}: {said}");
        // Even where a tree above it is shown.
        told["reads"] = json!(["/var/lib"]);
        told["writes"] = json!([]);
        let (status, said) = run(&inside, &told);
        assert!(status != Some(0) && !said.contains("sequence"), "{told}: {said}");
    }
    // What is not hidden is seen that way.
    let told = json!({"path": "/usr/bin/cat", "arguments": [head], "reads": ["/var/lib"]});
    let said = inside.ask("run", &Value::Null, &json!({"run": told, "hidden": []})).well();
    assert_eq!(said.part("ran")[1], "sequence 1\n");
    // What is to be shown and lies in what is hidden starts nothing.
    let told = json!({"path": "/usr/bin/cat", "arguments": [head], "reads": [EVIDENCE]});
    inside.ask("run", &Value::Null, &json!({"run": told, "hidden": [EVIDENCE]})).badly("Program", "hidden");
}

#[test]
fn each_death_is_told_in_plain_words() {
    let Some(inside) = boot() else { return };
    let ask = |told: Value| inside.ask("run", &Value::Null, &json!({"run": told, "hidden": []}));
    ask(json!({"path": "/usr/bin/cat", "arguments": ["/dev/zero"]}))
        .badly("Program", "wrote more than it may");
    ask(json!({"path": "/usr/bin/unshare", "arguments": ["-U", "true"]}))
        .badly("Program", "forbidden system call");
    ask(json!({"path": "/usr/bin/true", "arguments": [], "capabilities": ["CAP_SYS_ADMIN"]}))
        .badly("Program", "may have CAP_SYS_ADMIN");
    ask(json!({"path": "/usr/bin/missing", "arguments": []})).badly("File", "find it");
    let signal = ask(json!({"path": "/bin/sh", "arguments": ["-c", "kill -9 $$"]})).well();
    assert_eq!(signal.part("ran")[0], Value::Null);
}

#[test]
fn a_restore_test_passes_under_the_sandbox_and_sees_harm_there() {
    let Some(inside) = boot() else { return };
    let script = r#"
mkdir -p /srv/clinic /srv/own && cd /srv
for i in $(seq 30); do echo "letter $i" >clinic/$i.txt; done
chown -R www-data:www-data clinic; chmod 2750 clinic
sqlite3 clinic/clinic.db 'create table v(n); with recursive i(n) as (select 1 union all select n+1 from i where n<5000) insert into v select n from i;'
printf 'RESTIC_REPOSITORY=/srv/repository\nRESTIC_PASSWORD_FILE=/srv/own/password\n' >own/environment
echo secret >own/password; chmod 600 own/*
export RESTIC_REPOSITORY=/srv/repository RESTIC_PASSWORD_FILE=/srv/own/password
restic --no-cache init -q && restic --no-cache backup -q /srv/clinic"#;
    inside.guest.ok(script);
    let step = json!({"restore.test": {
        "environment": "/srv/own/environment", "snapshot_days_max": 1, "include": ["/srv/clinic"],
        "databases": ["/srv/clinic/clinic.db"], "size_mb_max": 100, "stamp": "/srv/own/stamp",
    }});
    let confined = json!({"hidden": [EVIDENCE], "time_limit_ms": 120_000});
    let said = inside.ask("arm_act", &step, &confined).well();
    let count = |what: &str| said.count(what);
    assert_eq!(
        (count("files_restored"), count("files_as_live"), count("databases_whole")),
        (Some(31), Some(31), Some(1))
    );
    inside.guest.ok("test -f /srv/own/stamp; rm /srv/own/stamp");
    inside.guest.ok(r#"p=$(find /srv/repository/data -type f -size +8k | head -1); chmod u+w "$p"; printf x | dd of="$p" bs=1 seek=2000 conv=notrunc 2>/dev/null"#);
    let failed = inside.ask("arm_act", &step, &confined);
    assert!(!failed.part("error").is_null(), "a flipped byte was not seen");
    inside.guest.ok("test ! -e /srv/own/stamp");
    assert!(!Path::new(&inside.snapshot("")).join("../../scratch/restored").exists());
}

/// A web server that does not start is the one whose settings have to be put right.
#[test]
fn nginx_s_settings_are_judged_whether_or_not_it_runs() {
    let Some(inside) = boot() else { return };
    let restore = |content: &str| {
        let step = json!({"file.restore": {
            "target": "/etc/nginx/conf.d/x.conf", "content": content, "mode": "0644", "validate": "nginx",
        }});
        inside.ask("arm_act", &step, &json!({"hidden": [EVIDENCE]}))
    };
    for _ in 0..2 {
        restore("server_tokens off;\n").well();
        restore("server_tokens perhaps;\n").badly("Candidate", "nginx -t");
        inside.guest.ok("nginx -t -q; systemctl stop nginx; rm -f /run/nginx.pid");
    }
}
