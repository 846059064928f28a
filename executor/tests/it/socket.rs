//! The socket takes one user, one protocol, and frames of a bounded size.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::time::Duration;

use contract::fact::{FactValue, FileKind, FileMode, Permissions};
use contract::finding::{Finding, Verdict};
use contract::record::{Body, Trigger};
use contract::refusal::Mode;
use contract::socket::{Answer, PROTOCOL, Question};

use tlog::SigningKey;
use tlog::note::SignatureType;

use super::rig::{BEGINNING, Rig, ask, replace_in, uid, witness};

/// The size of a log that has just begun.
const BEGAN: u64 = BEGINNING as u64;

#[test]
fn the_socket_is_private() {
    let rig = Rig::new();
    let _running = rig.start();
    let mode = |name| std::fs::metadata(rig.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("run/s"), mode("run")), (0o600, 0o700));
}

#[test]
fn with_events_it_ends_with_the_process_that_started_it_and_not_with_a_thread_of_that() {
    let rig = Rig::new();
    let mut command = rig.command();
    let mut running = std::thread::spawn(move || Rig::ready(&mut command)).join().unwrap();
    std::thread::sleep(Duration::from_millis(300));
    assert!(running.child.try_wait().unwrap().is_none(), "it ended with a thread");
    running.stop();

    let run = rig.command();
    let mut shell = Command::new("sh");
    shell.args(["-c", "\"$@\" & wait", "sh"]).arg(run.get_program()).args(run.get_args());
    let mut between = Rig::ready(&mut shell);
    between.child.kill().unwrap();
    // Its standard output closes when it has ended.
    between.child.stdout.take().unwrap().read_to_end(&mut Vec::new()).unwrap();
}

/// The executor, to be started by what `systemd-socket-activate` does for a `.socket` unit: with the first connection.
fn activated(rig: &Rig, socket: &str) -> Command {
    std::fs::create_dir_all(rig.path("run")).unwrap();
    let run = rig.command();
    let mut command = Command::new("systemd-socket-activate");
    command.arg("--listen").arg(rig.path(socket)).arg(run.get_program()).args(run.get_args());
    let path = rig.path(socket);
    std::thread::spawn(move || {
        for _ in 0..500 {
            if let Ok(stream) = UnixStream::connect(&path) {
                // Kept until the program is there: it is started for this.
                std::thread::sleep(Duration::from_secs(2));
                return drop(stream);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    command
}

#[test]
fn a_socket_that_the_service_manager_opened_is_taken_over() {
    let rig = Rig::new();
    let _running = Rig::ready(&mut activated(&rig, "run/s"));
    rig.agent();
}

#[test]
fn a_socket_that_was_opened_elsewhere_is_not() {
    let rig = Rig::new();
    let output = activated(&rig, "run/elsewhere").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("what was handed over listens on"), "{said}");
}

#[test]
fn another_user_is_not_answered() {
    let rig = Rig::new();
    let other = format!("agent_uid: {}", uid().parse::<u32>().unwrap() + 1);
    replace_in(&rig.path("executor/executor.yaml"), &format!("agent_uid: {}", uid()), &other);
    let _running = rig.start();
    let mut stream = rig.connect();
    let mut byte = [0];
    assert!(matches!(stream.read(&mut byte), Ok(0) | Err(_)), "the executor spoke to a stranger");
}

#[test]
fn nonsense_ends_the_connection_and_nothing_else() {
    let rig = Rig::new();
    let _running = rig.start();
    for nonsense in [&b"\xff\xff\xff\xff"[..], b"\0\0\0\0", b"\0\0\0\x02{x", b"GET / HTTP/1.1\r\n\r\n"] {
        let mut stream = rig.connect();
        stream.write_all(nonsense).unwrap();
        let mut byte = [0];
        assert!(matches!(stream.read(&mut byte), Ok(0) | Err(_)), "{nonsense:?} was answered");
    }
    rig.agent();
}

#[test]
fn hello_comes_first_and_names_the_same_protocol() {
    let rig = Rig::new();
    let _running = rig.start();
    assert!(matches!(ask(&mut rig.connect(), &Question::Entries { from: 0 }), Answer::Sorry { .. }));
    let newer = Question::Hello { protocol: PROTOCOL + 1, software: "test".into() };
    assert!(matches!(ask(&mut rig.connect(), &newer), Answer::Sorry { .. }));
}

#[test]
fn findings_are_written_down_in_records_that_fit() {
    let rig = Rig::new();
    let running = rig.start();
    // As many as the baseline has, and every one longer than most.
    let findings: Vec<Finding> = rig.all_not_assessed();
    let (total, parts) = (findings.len() as u64, findings.len().div_ceil(60) as u64);
    let mut agent = rig.agent();
    let answer =
        ask(&mut agent, &Question::Findings { trigger: Trigger::FullScan, findings: findings.clone() });
    assert!(matches!(answer, Answer::Recorded { size } if size == BEGAN + parts), "{answer:?}");
    let Answer::Entries(package) = ask(&mut agent, &Question::Entries { from: BEGAN }) else {
        panic!("no entries")
    };
    assert_eq!((package.from, package.entries.len() as u64), (BEGAN, parts));
    assert!(matches!(ask(&mut agent, &Question::Entries { from: BEGAN + 1 + parts }), Answer::Sorry { .. }));
    let Answer::Entries(none) = ask(&mut agent, &Question::Entries { from: BEGAN + parts }) else {
        panic!("no package")
    };
    assert_eq!((none.from, none.entries.len()), (BEGAN + parts, 0));
    drop(running);
    let written: Vec<Finding> = rig
        .records()
        .into_iter()
        .filter_map(|r| if let Body::Findings(f) = r.body { Some(f) } else { None })
        .inspect(|f| assert_eq!((u64::from(f.parts), u64::from(f.tally.not_assessed)), (parts, total)))
        .flat_map(|f| f.findings)
        .collect();
    assert_eq!(written, findings);
}

#[test]
fn a_receipt_is_kept_only_if_the_witness_cosigned_a_head_of_ours() {
    let rig = Rig::new();
    let _running = rig.start();
    let mut agent = rig.agent();
    let Answer::Entries(package) = ask(&mut agent, &Question::Entries { from: 0 }) else {
        panic!("no entries")
    };
    let name = "hub.example/witness".parse().unwrap();
    let stranger = SigningKey::from_seed(name, SignatureType::CosignatureV1, &[6; 32]).unwrap();
    for forged in
        [package.checkpoint.clone(), rig.cosigned(&package.checkpoint, &stranger), "nonsense".into()]
    {
        let answer = ask(&mut agent, &Question::Receipt { note: forged });
        assert!(matches!(answer, Answer::Sorry { .. }), "{answer:?}");
    }
    assert!(!rig.path("executor/receipt").exists());
    let honest = rig.cosigned(&package.checkpoint, &witness());
    assert!(matches!(ask(&mut agent, &Question::Receipt { note: honest.clone() }), Answer::Kept));
    assert_eq!(std::fs::read_to_string(rig.path("executor/receipt")).unwrap(), honest);
}

#[test]
fn findings_that_contradict_the_baseline_are_not_taken() {
    let rig = Rig::new();
    let running = rig.start();
    let mut agent = rig.agent();
    let finding = |control: &str, fact: &str, verdict| Finding {
        control: control.parse().unwrap(),
        fact: fact.parse().unwrap(),
        verdict,
    };
    let on = || FactValue::Flag(true);
    for lie in [
        finding("made-up.control", "own:evidence", Verdict::Pass(on())),
        finding("accounts.lockout", "own:evidence", Verdict::Pass(on())),
        finding("accounts.lockout", "pam:faillock_deny", Verdict::Pass(on())),
        finding("accounts.uid-zero", "accounts:uid_zero", Verdict::Pass(FactValue::Number(7))),
        finding("accounts.uid-zero", "accounts:uid_zero", Verdict::Fail(FactValue::Number(1))),
    ] {
        let answer =
            ask(&mut agent, &Question::Findings { trigger: Trigger::Change, findings: vec![lie.clone()] });
        assert!(matches!(answer, Answer::Sorry { .. }), "{lie:?} was taken");
    }
    drop(running);
    assert_eq!(rig.records().len(), BEGINNING);
}

#[test]
fn a_pass_that_follows_a_fail_is_the_executors_own_measurement() {
    let rig = Rig::new();
    let running = rig.start();
    let mut agent = rig.agent();
    rig.loosen();
    let mode = |mode: u32| {
        let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        FactValue::Permissions(Permissions {
            kind: FileKind::Directory,
            mode: FileMode::from_st_mode(mode),
            uid,
            gid,
        })
    };
    let report = |agent: &mut UnixStream, verdict| {
        let finding = Finding {
            control: "suture.evidence-directory".parse().unwrap(),
            fact: "own:evidence".parse().unwrap(),
            verdict,
        };
        let answer = ask(agent, &Question::Findings { trigger: Trigger::Change, findings: vec![finding] });
        assert!(matches!(answer, Answer::Recorded { .. }), "{answer:?}");
    };
    report(&mut agent, Verdict::Fail(mode(0o755)));
    report(&mut agent, Verdict::Pass(mode(0o700)));
    drop(running);
    let Body::Findings(last) = rig.records().pop().unwrap().body else { panic!("no findings") };
    assert!(
        matches!(last.findings[0].verdict, Verdict::Fail(_)),
        "a lie stands in the log as a pass: {last:?}"
    );
}

#[test]
fn the_agents_user_owns_the_socket_and_may_pass_to_it() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("not run: only root can give a socket away");
        return;
    }
    let rig = Rig::new();
    let other = format!("agent_uid: {}", 65534);
    replace_in(&rig.path("executor/executor.yaml"), &format!("agent_uid: {}", uid()), &other);
    let _running = rig.start();
    let look = |name| std::fs::metadata(rig.path(name)).unwrap();
    assert_eq!((look("run/s").uid(), look("run/s").permissions().mode() & 0o777), (65534, 0o600));
    assert_eq!((look("run").uid(), look("run").permissions().mode() & 0o777), (0, 0o711));
}

#[test]
fn how_it_stands_is_told_as_often_as_it_is_asked_and_is_no_evidence() {
    let rig = Rig::new();
    let _running = rig.start();
    let mut agent = rig.agent();
    for _ in 0..3 {
        let Answer::Condition(stands) = ask(&mut agent, &Question::Condition) else {
            panic!("it did not say")
        };
        assert_eq!((stands.mode, stands.break_glass_until), (Mode::Observe, None));
        assert_eq!(stands.software.as_str(), env!("CARGO_PKG_VERSION"));
    }
    let Answer::Entries(none) = ask(&mut agent, &Question::Entries { from: BEGAN }) else {
        panic!("no package")
    };
    assert_eq!(none.entries.len(), 0);
}

#[test]
fn the_fixed_list_is_looked_at_for_the_agent_and_nothing_else_is() {
    let rig = Rig::new();
    let _running = rig.start();
    let mut agent = rig.agent();
    let mut probe = |facts: &[&str]| {
        let facts = facts.iter().map(|fact| fact.parse().unwrap()).collect();
        ask(&mut agent, &Question::Probe { facts })
    };
    let Answer::Probed(seen) = probe(&["accounts:empty_passwords", "sudo:logs"]) else {
        panic!("it did not look")
    };
    assert_eq!(seen.len(), 2);
    if rustix::process::geteuid().is_root() {
        assert!(seen.observation(&"accounts:empty_passwords".parse().unwrap()).is_ok(), "{seen:?}");
    }
    for refused in ["path:/etc/shadow", "path:/etc/gshadow", "unit:ssh.service", "accounts:nosuch"] {
        let answer = probe(&["sudo:logs", refused]);
        assert!(matches!(answer, Answer::Sorry { .. }), "{refused}: {answer:?}");
    }
    let Answer::Entries(none) = ask(&mut agent, &Question::Entries { from: BEGAN }) else {
        panic!("no package")
    };
    assert_eq!(none.entries.len(), 0, "looking is no evidence");
}
