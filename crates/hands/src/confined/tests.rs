use std::time::Duration;

use sandbox::{Cost, Refusal};

use super::*;

fn program() -> Program {
    let reaches = vec!["backup.example.org:443".parse().unwrap(), "192.0.2.1:8443".parse().unwrap()];
    Program { reaches, profile: SandboxProfile::StandardNet, ..Program::of_the_system("/usr/bin/true", &[]) }
}

fn finished(exit: Exit) -> Finished {
    Finished {
        exit,
        stdout: b"out".to_vec(),
        stderr: vec![b'x'; 2 * COMPLAINT_BYTES],
        cost: Cost::default(),
        confined_by: Vec::new(),
        missing: Vec::new(),
        connections: Vec::new(),
    }
}

#[test]
fn a_status_is_the_verb_s_to_judge_and_each_death_is_an_error() {
    let ran_as = |exit| ran(&program(), finished(exit));
    let good = ran_as(Exit::Code(3)).unwrap();
    assert_eq!(
        (good.status, good.output.as_slice(), good.complaint.len()),
        (Some(3), &b"out"[..], COMPLAINT_BYTES)
    );
    assert_eq!(ran_as(Exit::Signal(9)).unwrap().status, None);
    for death in
        [Exit::WallClock, Exit::Memory, Exit::OutputCap, Exit::BadSyscall, Exit::Cancelled, Exit::Lost]
    {
        let Err(HandError::Program { why, .. }) = ran_as(death) else { panic!("{death} is no error") };
        assert!(why.starts_with("killed"), "{why}");
    }
}

#[test]
fn a_name_that_a_program_made_up_is_not_told() {
    let opened = Verdict::Opened {
        address: "192.0.2.7:443".parse().unwrap(),
        sent: 5,
        received: 7,
        lasted: Duration::ZERO,
    };
    let told = |host: &str, port, verdict| {
        let to = Some(Destination { host: host.to_owned(), port });
        connected(&Connection { to, verdict }, &program().reaches)
    };
    let known = told("Backup.Example.ORG", 443, opened);
    let to = Some("backup.example.org:443".parse().unwrap());
    assert_eq!(known, Connected { to, allowed: true, sent: 5, received: 7 });
    let refused = Verdict::Refused(Refusal::NotDeclared);
    let nothing = Connected { to: None, allowed: false, sent: 0, received: 0 };
    assert_eq!(told("john-smith-1961.attacker.example", 443, refused), nothing);
    assert_eq!(told("backup.example.org", 80, refused), nothing);
}

#[test]
fn suture_s_own_directories_are_hidden_whatever_else_is() {
    let at = |name: &str| PathBuf::from("/var/lib/suture").join(name);
    let own = OwnDirectories { evidence: at("evidence"), executor_keys: at("keys"), agent_keys: at("agent") };
    let confined = Confined::new(&own, vec![at("snapshots")]).unwrap();
    let confinement = confined.confinement(&program()).unwrap();
    assert_eq!(confinement.hidden, ["snapshots", "evidence", "keys", "agent"].map(at));
}

#[test]
fn what_may_not_be_given_or_has_no_time_left_starts_nothing() {
    let nowhere = PathBuf::from("/nonexistent");
    let own =
        OwnDirectories { evidence: nowhere.clone(), executor_keys: nowhere.clone(), agent_keys: nowhere };
    let confined = Confined::new(&own, Vec::new()).unwrap();
    let admin = Program { capabilities: vec!["CAP_SYS_ADMIN"], ..program() };
    assert!(matches!(confined.confinement(&admin), Err(HandError::Program { .. })));
    let late = Program { time_limit_ms: 0, ..program() };
    assert!(matches!(confined.confinement(&late), Err(HandError::TooLate)));
    let missing = Program { reads: vec!["/nonexistent/x".into()], ..program() };
    assert!(matches!(confined.confinement(&missing), Err(HandError::File { .. })));
}
