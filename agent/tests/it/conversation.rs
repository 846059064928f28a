//! The socket to the executor: who sits there, how long a frame may be, and what happens when it dies.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixListener;

use agent::executor::{self, LineError, Seat, Unanswered, WrongExecutor};
use contract::frame::FrameError;
use contract::record::Trigger;
use contract::socket::Question;

use crate::rig::executor::FakeExecutor;
use crate::rig::hub::FakeHub;
use crate::rig::machine::{Machine, run, uid};
use crate::rig::until;

#[tokio::test]
async fn an_executor_of_another_user_or_host_hears_nothing() {
    let (hub, machine) = (FakeHub::start().await, Machine::new());
    machine.enrol(&hub).await;
    let executor = FakeExecutor::start(&machine.socket(), "h-2", || ());
    std::fs::write(machine.path("a.yaml"), machine.config_text(&hub.url, uid() + 1)).unwrap();
    let ended = run(&machine.path("a.yaml")).ended().await.unwrap_err().to_string();
    assert!(ended.contains("not to the executor's user"), "{ended}");
    assert_eq!(executor.with(|s| s.raw.len()), 0, "something was said to a stranger");

    let ended = machine.run(&hub).ended().await.unwrap_err().to_string();
    assert!(ended.contains("acts for host h-2; this agent was enrolled as h-1"), "{ended}");
    assert_eq!(executor.with(|s| s.findings.len()), 0, "findings were handed to another host's executor");
}

#[tokio::test]
async fn an_executor_that_dies_over_a_question_is_asked_again() {
    let (hub, machine) = (FakeHub::start().await, Machine::new());
    machine.enrol(&hub).await;
    machine.chmod("own/evidence", 0o755);
    let executor = FakeExecutor::start(&machine.socket(), "h-1", || ());
    // More often than one question is tried: the observer looks again and asks again.
    executor.with(|s| s.deaths = 7);
    let agent = machine.run(&hub);
    until("the findings", || executor.with(|s| (!s.findings.is_empty()).then_some(()))).await;
    until("the incident", || hub.with(|s| (!s.incidents.is_empty()).then_some(()))).await;
    assert!(executor.with(|s| s.connections) >= 8);
    assert_eq!(executor.with(|s| s.findings[0].0), Trigger::FullScan);
    agent.stop().await.unwrap();
}

#[tokio::test]
async fn an_agent_waits_for_an_executor_that_comes_later() {
    let (hub, machine) = (FakeHub::start().await, Machine::new());
    machine.enrol(&hub).await;
    let agent = machine.run(&hub);
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    assert_eq!(hub.with(|s| s.incidents.len()), 0, "an incident left before its finding was evidence");
    let executor = FakeExecutor::start(&machine.socket(), "h-1", || ());
    until("the findings", || executor.with(|s| (!s.findings.is_empty()).then_some(()))).await;
    agent.stop().await.unwrap();
}

/// Greets properly, then answers every question with `answer`, which need not be a frame.
fn strange_executor(socket: &std::path::Path, answer: &'static [u8]) {
    let listener = UnixListener::bind(socket).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let welcome = r#"{"welcome":{"protocol":1,"software":"x","host":"h-1","size":0}}"#;
            let mut read = || {
                let mut header = [0; 4];
                stream.read_exact(&mut header)?;
                let mut body = vec![0; u32::from_be_bytes(header) as usize];
                stream.read_exact(&mut body)
            };
            if read().is_err() {
                continue;
            }
            let mut frame = u32::try_from(welcome.len()).unwrap().to_be_bytes().to_vec();
            frame.extend_from_slice(welcome.as_bytes());
            if stream.write_all(&frame).is_ok() {
                let mut header = [0; 4];
                let _ = stream.read_exact(&mut header);
                let _ = stream.write_all(answer);
            }
        }
    });
}

async fn ask_strange(answer: &'static [u8]) -> Unanswered {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("s");
    strange_executor(&socket, answer);
    let (executor, questions) = executor::channel();
    let seat = Seat { socket, uid: uid(), host: "h-1".parse().unwrap() };
    let conversation = tokio::spawn(executor::converse(seat, questions, || ()));
    let failed = executor.ask(Question::Entries { from: 0 }).await.unwrap_err();
    conversation.abort();
    failed
}

#[tokio::test]
async fn a_frame_that_is_too_long_or_makes_no_sense_is_refused() {
    let failed = ask_strange(&[0xff; 4]).await;
    assert!(matches!(failed, Unanswered::Lost(LineError::Frame(FrameError::Length(_)))), "{failed:?}");
    let failed = ask_strange(b"\0\0\0\x02{}").await;
    assert!(
        matches!(failed, Unanswered::Lost(LineError::Frame(FrameError::NotUnderstood { .. }))),
        "{failed:?}"
    );
    let failed = ask_strange(b"\0\0\0\x0f\"half").await;
    assert!(matches!(failed, Unanswered::Lost(LineError::Frame(FrameError::Io(_)))), "{failed:?}");
}

#[tokio::test]
async fn another_protocol_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("s");
    let listener = UnixListener::bind(&socket).unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let welcome = r#"{"welcome":{"protocol":2,"software":"9.9","host":"h-1","size":0}}"#;
        stream.write_all(&u32::try_from(welcome.len()).unwrap().to_be_bytes()).unwrap();
        stream.write_all(welcome.as_bytes()).unwrap();
        let _ = stream.read(&mut [0; 1024]);
    });
    let (_executor, questions) = executor::channel();
    let seat = Seat { socket, uid: uid(), host: "h-1".parse().unwrap() };
    let wrong = executor::converse(seat, questions, || ()).await.unwrap_err();
    assert!(matches!(wrong, WrongExecutor::Protocol { expected: 1, found: 2, .. }), "{wrong:?}");
}
