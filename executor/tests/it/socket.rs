//! The socket takes one user, one protocol, and frames of a bounded size.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;

use contract::finding::{Finding, Verdict};
use contract::record::{Body, Trigger};
use contract::socket::{Answer, PROTOCOL, Question};

use tlog::cosignature::CosignatureTime;
use tlog::note::SignatureType;
use tlog::{SignedNote, SigningKey, VerifiedCheckpoint};

use super::rig::{Rig, ask, replace_in, uid, witness};

#[test]
fn the_socket_is_private() {
    let rig = Rig::new();
    let _running = rig.start();
    let mode = |name| std::fs::metadata(rig.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("run/s"), mode("run")), (0o600, 0o700));
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
    let finding = |n: u32| Finding {
        control: format!("made-up.control-{n}").parse().unwrap(),
        fact: "sshd:permitrootlogin".parse().unwrap(),
        verdict: Verdict::NotAssessed(contract::fact::Absence::NeedsRoot),
    };
    let findings: Vec<Finding> = (0..150).map(finding).collect();
    let mut agent = rig.agent();
    let answer =
        ask(&mut agent, &Question::Findings { trigger: Trigger::FullScan, findings: findings.clone() });
    assert!(matches!(answer, Answer::Recorded { size: 4 }), "{answer:?}");
    let Answer::Entries(package) = ask(&mut agent, &Question::Entries { from: 1 }) else {
        panic!("no entries")
    };
    assert_eq!((package.from, package.entries.len()), (1, 3));
    assert!(matches!(ask(&mut agent, &Question::Entries { from: 5 }), Answer::Sorry { .. }));
    let Answer::Entries(none) = ask(&mut agent, &Question::Entries { from: 4 }) else { panic!("no package") };
    assert_eq!((none.from, none.entries.len()), (4, 0));
    drop(running);
    let written: Vec<Finding> = rig
        .records()
        .into_iter()
        .filter_map(|r| if let Body::Findings(f) = r.body { Some(f) } else { None })
        .inspect(|f| assert_eq!((f.parts, f.tally.not_assessed), (3, 150)))
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
    let cosigned = |witness: &SigningKey| {
        let mut note = SignedNote::parse(package.checkpoint.as_bytes()).unwrap();
        let key =
            executor::init::load_key(&rig.path("executor/keys/evidence.key"), "hub.example/h-1").unwrap();
        let head = VerifiedCheckpoint::from_note(note.clone(), key.verifier()).unwrap();
        let time = CosignatureTime::from_unix_seconds(1_800_000_000).unwrap();
        note.add(tlog::cosignature::cosign(&head, witness, time).unwrap()).unwrap();
        note.to_string()
    };
    let name = "hub.example/witness".parse().unwrap();
    let stranger = SigningKey::from_seed(name, SignatureType::CosignatureV1, &[6; 32]).unwrap();
    for forged in [package.checkpoint.clone(), cosigned(&stranger), "nonsense".into()] {
        let answer = ask(&mut agent, &Question::Receipt { note: forged });
        assert!(matches!(answer, Answer::Sorry { .. }), "{answer:?}");
    }
    assert!(!rig.path("executor/receipt").exists());
    let honest = cosigned(&witness());
    assert!(matches!(ask(&mut agent, &Question::Receipt { note: honest.clone() }), Answer::Kept));
    assert_eq!(std::fs::read_to_string(rig.path("executor/receipt")).unwrap(), honest);
}
