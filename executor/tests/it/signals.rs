//! What detectors told, over the socket: one record for each question of the agent's, and none for anybody else's or for anything but typed words.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;

use contract::baseline::Severity;
use contract::frame;
use contract::incident::{Incident, What};
use contract::record::{Body, Intruded, Intrusion, Kind, SIGNALS_MAX, Signalled, SignalsTaken};
use contract::signal::{About, Signal, SignalKind, Unit};
use contract::socket::{Answer, PROTOCOL, Question};

use super::rig::{BEGINNING, Rig, ask, replace_in, uid};

/// Records of signals that a minute has.
const RECORDS_MAX: usize = 6;

fn signals(many: usize) -> Vec<Signalled> {
    let one = |n| {
        let signal = Signal {
            detector: "services.failed".parse().unwrap(),
            kind: SignalKind::ServiceFailure,
            severity: Severity::Medium,
            count: 1,
            window_s: 60,
            about: About { unit: Unit::known(b"nginx.service"), ..About::default() },
        };
        let incident = format!("inc-{n}").parse().unwrap();
        Signalled::of(&Incident { incident, found: edge::clock::utc(), what: What::Signal(signal) }).unwrap()
    };
    (0..many).map(one).collect()
}

/// What the log holds beyond its beginning.
fn written(rig: &Rig) -> Vec<Body> {
    rig.records().into_iter().skip(BEGINNING).map(|record| record.body).collect()
}

#[test]
fn each_question_is_exactly_one_record_and_it_is_durable() {
    let rig = Rig::new();
    let mut running = rig.start();
    let (few, most) = (signals(2), signals(SIGNALS_MAX));
    let mut agent = rig.agent();
    for (signals, more) in [(&few, 1), (&most, 2)] {
        let answer = ask(&mut agent, &Question::Signals { signals: signals.clone() });
        assert!(matches!(answer, Answer::Recorded { size } if size == BEGINNING as u64 + more), "{answer:?}");
    }
    for many in [0, SIGNALS_MAX + 1] {
        let answer = ask(&mut agent, &Question::Signals { signals: signals(many) });
        assert!(matches!(answer, Answer::Unrecorded { .. }), "{many}: {answer:?}");
    }
    running.child.kill().unwrap();
    running.child.wait().unwrap();
    let taken = |signals| Body::Signals(SignalsTaken { signals });
    assert_eq!(written(&rig), [taken(few), taken(most)]);
}

#[test]
fn who_is_not_the_agent_or_has_not_said_hello_brings_none() {
    let rig = Rig::new();
    let running = rig.start();
    let question = Question::Signals { signals: signals(1) };
    assert!(matches!(ask(&mut rig.connect(), &question), Answer::Sorry { .. }));
    drop(running);
    let other = format!("agent_uid: {}", uid().parse::<u32>().unwrap() + 1);
    replace_in(&rig.path("executor/executor.yaml"), &format!("agent_uid: {}", uid()), &other);
    let running = rig.start();
    let mut stranger = rig.connect();
    // The connection may be closed before all of it is said.
    let _ = frame::write(&mut stranger, &Question::Hello { protocol: PROTOCOL, software: "x".into() });
    let _ = frame::write(&mut stranger, &question);
    assert!(frame::read::<Answer>(&mut stranger).is_err(), "the executor spoke to a stranger");
    drop(running);
    assert!(written(&rig).iter().all(|body| body.kind() != Kind::Signals));
}

#[test]
fn a_pseudonym_a_name_or_a_line_is_not_understood_and_in_no_record() {
    let rig = Rig::new();
    let running = rig.start();
    let honest = serde_json::to_string(&Question::Signals { signals: signals(1) }).unwrap();
    let unit = r#""nginx.service""#;
    for text in [
        honest.replace(unit, r#""other:abababababababab""#),
        honest.replace(unit, r#""jane-doe.service""#),
        honest.replace(unit, r#""Failed password for jane""#),
        honest.replace(r#""service_failure""#, r#""jane""#),
        honest.replace(r#""services.failed""#, r#""Failed password for jane""#),
        honest.replace(r#""count":1"#, r#""count":1,"line":"jane""#),
    ] {
        assert_ne!(text, honest);
        let mut agent: UnixStream = rig.agent();
        agent.write_all(&u32::try_from(text.len()).unwrap().to_be_bytes()).unwrap();
        agent.write_all(text.as_bytes()).unwrap();
        assert!(matches!(agent.read(&mut [0]), Ok(0) | Err(_)), "{text} was answered");
    }
    drop(running);
    let all = format!("{:?}", rig.records());
    assert!(!all.contains("jane") && !all.contains("abab") && !all.contains("Signals("), "{all}");
}

#[test]
fn an_agent_that_chatters_fills_no_log_and_that_it_does_is_written_down() {
    let rig = Rig::new();
    let mut running = rig.start();
    let mut agent = rig.agent();
    let answers: Vec<Answer> =
        (0..200).map(|_| ask(&mut agent, &Question::Signals { signals: signals(SIGNALS_MAX) })).collect();
    let recorded = answers.iter().filter(|answer| matches!(answer, Answer::Recorded { .. })).count();
    assert_eq!(recorded, RECORDS_MAX);
    assert!(answers[RECORDS_MAX..].iter().all(|answer| matches!(answer, Answer::Sorry { .. })));
    assert!(running.stop().success());
    let mut expected = vec![Kind::Signals; RECORDS_MAX];
    expected.push(Kind::Intruded);
    let all = written(&rig);
    assert_eq!(all.iter().map(Body::kind).collect::<Vec<_>>(), expected);
    let first = Intruded { what: Intrusion::Signals, count: 1, uid: None };
    assert_eq!(all.last(), Some(&Body::Intruded(first)));
}
