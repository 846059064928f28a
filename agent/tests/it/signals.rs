//! What detectors tell is evidence: typed, without anything of the lines, and never at the incident's expense.

use std::fs::OpenOptions;
use std::io::Write as _;

use agent::detectors::{SiteKey, Source, built_in};
use contract::incident::Incident;
use contract::record::{LineLoss, Signalled};
use contract::signal::SignalKind;
use contract::socket::{Answer, Question};
use contract::time::MonoNs;

use crate::rig::executor::FakeExecutor;
use crate::rig::hub::FakeHub;
use crate::rig::machine::Machine;
use crate::rig::until;

const LINE: &str =
    "Nov 21 06:20:01 surgery-4 sshd[311]: Failed password for wilhelmina from 192.0.2.17 port 50022 ssh2";

/// Somebody guesses a password often enough.
fn guess(machine: &Machine) {
    let log = machine.path("logs/auth.log");
    let mut log = OpenOptions::new().append(true).create(true).open(log).unwrap();
    log.write_all(format!("{LINE}\n").repeat(6).as_bytes()).unwrap();
}

/// Until its logs are followed: what stood in them before counts for nothing.
async fn follows(machine: &Machine) {
    until("its positions", || machine.path("agent/logs.json").exists().then_some(())).await;
}

fn all(executor: &FakeExecutor) -> Vec<Signalled> {
    executor.with(|s| s.signals.concat())
}

fn is_that_of(signal: &Signalled, incident: &Incident) -> bool {
    Signalled::of(incident).as_ref() == Some(signal)
}

#[tokio::test]
async fn a_detector_that_fires_is_in_one_record_under_its_incident_and_with_nothing_of_its_lines() {
    let (hub, machine) = (FakeHub::start().await, Machine::new());
    machine.enrol(&hub).await;
    let executor = FakeExecutor::start(&machine.socket(), "h-1", || ());
    let agent = machine.run(&hub);
    follows(&machine).await;
    guess(&machine);
    let told = until("the incident", || hub.with(|s| s.incidents.first().cloned())).await;
    until("the record", || (!all(&executor).is_empty()).then_some(())).await;
    let shipped = executor.with(|s| s.size);
    until("its shipping", || hub.with(|s| (s.evidence.len() as u64 >= shipped).then_some(()))).await;
    agent.stop().await.unwrap();

    let [signal] = &all(&executor)[..] else { panic!("{:?}", all(&executor)) };
    assert!(is_that_of(signal, &told), "{signal:?} is not of {told:?}");
    assert_eq!((signal.detector.as_str(), signal.kind), ("ssh.failed-logins", SignalKind::FailedLogins));
    assert!(signal.count >= 5 && signal.about.is_none(), "{signal:?}");
    let asked =
        executor.with(|s| s.raw.iter().filter(|q| q.contains("failed_logins")).cloned().collect::<Vec<_>>());
    let [asked] = &asked[..] else { panic!("{asked:?}") };
    for word in LINE.split([' ', '[', ']', ':']).filter(|word| word.len() > 2) {
        assert!(!asked.contains(word), "{word} is in {asked}");
    }
    // It was written down: no restart says it again.
    let agent = machine.run(&hub);
    tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
    agent.stop().await.unwrap();
    assert_eq!(all(&executor).len(), 1);
}

#[tokio::test]
async fn without_an_executor_the_incident_goes_out_and_the_record_follows_even_after_a_restart() {
    let (hub, machine) = (FakeHub::start().await, Machine::new());
    machine.enrol(&hub).await;
    let agent = machine.run(&hub);
    follows(&machine).await;
    guess(&machine);
    let told = until("the incident", || hub.with(|s| s.incidents.first().cloned())).await;
    let kept = || std::fs::read_to_string(machine.path("agent/unwritten.json")).unwrap_or_default();
    until("its keeping", || kept().contains(told.incident.as_str()).then_some(())).await;
    assert!(!kept().contains("wilhelmina") && !kept().contains("192.0.2.17"), "{}", kept());
    agent.stop().await.unwrap();

    let executor = FakeExecutor::start(&machine.socket(), "h-1", || ());
    let agent = machine.run(&hub);
    let signal = until("the record", || all(&executor).first().cloned()).await;
    assert!(is_that_of(&signal, &told), "{signal:?} is not of {told:?}");
    until("its settling", || (!kept().contains(told.incident.as_str())).then_some(())).await;
    agent.stop().await.unwrap();
}

#[tokio::test]
async fn what_makes_no_record_is_a_gap_and_what_cannot_be_written_now_is_written_later() {
    for (answer, is_given_up) in [
        (Answer::Unrecorded { why: "it is too long".to_owned() }, true),
        (Answer::Sorry { why: "the executor is stopping".to_owned() }, false),
    ] {
        let (hub, machine) = (FakeHub::start().await, Machine::new());
        machine.enrol(&hub).await;
        let executor = FakeExecutor::start(&machine.socket(), "h-1", || ());
        executor.with(|s| s.signal_answers = [answer].into());
        let agent = machine.run(&hub);
        follows(&machine).await;
        guess(&machine);
        let settled = || executor.with(|s| (!s.signals.is_empty() || !s.lines_lost.is_empty()).then_some(()));
        until("a record or a gap", settled).await;
        agent.stop().await.unwrap();
        let (written, lost) = (all(&executor).len(), executor.with(|s| s.lines_lost.clone()));
        let expected = if is_given_up { (0, vec![(LineLoss::Unkept, 1)]) } else { (1, Vec::new()) };
        assert_eq!((written, lost), expected);
    }
}

/// Every shipped detector, over lines with a person's name wherever a text may stand in them.
#[test]
fn whatever_the_lines_say_nothing_of_it_is_in_the_question() {
    let mut state = 7_u64;
    let mut name = || {
        let mut letter = || {
            // Knuth's: it is not to be unguessable, only never twice the same.
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from(b'a' + u8::try_from((state >> 33) % 26).unwrap())
        };
        (0..12).map(|_| letter()).collect::<String>()
    };
    let mut fired = 0;
    for round in 0..100 {
        let mut detectors = built_in(SiteKey::new(&[9; 32])).unwrap();
        let name = name();
        let lines = [
            format!("sshd[1]: Failed password for {name} from 192.0.2.{round} port 1 ssh2"),
            format!("sshd[1]: Accepted password for {name} from 192.0.2.{round} port 1 ssh2"),
            format!(
                "useradd[1]: new user: name={name}, UID=1007, GID=1007, home=/home/{name}, shell=/bin/sh"
            ),
            format!("systemd[1]: {name}.service: Failed with result 'exit-code'."),
            format!("systemd[1]: {name}.service: Main process exited, code=exited, status=1/FAILURE"),
            format!(
                "sudo: {name} : user NOT in sudoers ; TTY=pts/0 ; PWD=/home/{name} ; USER=root ; COMMAND=/bin/{name}"
            ),
            format!("kernel: EXT4-fs error (device sda1): {name}: bad block"),
            format!("clamd[1]: /home/{name}/{name}.exe: Win.Test.{name}-1 FOUND"),
        ];
        let text: String =
            lines.iter().map(|line| format!("Nov 21 06:20:01 {name} {line}\n").repeat(6)).collect();
        let seen = detectors.observe(text.as_bytes(), &Source::Syslog, MonoNs(1_000_000_000));
        let incident = |signal| agent::signals::incident(&signal).unwrap();
        let signals: Vec<_> = seen.signals.into_iter().filter_map(|s| Signalled::of(&incident(s))).collect();
        fired += signals.len();
        let asked = serde_json::to_string(&Question::Signals { signals }).unwrap();
        assert!(!asked.contains(&name) && !asked.contains("other:") && !asked.contains("192.0.2"), "{asked}");
    }
    assert!(fired >= 300, "only {fired} fired");
}
