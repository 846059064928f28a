//! The socket to the executor: who sits there, how long a frame may be, and what happens when it dies.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixListener;

use agent::executor::{self, LineError, Seat, Unanswered, WrongExecutor};
use contract::frame::FrameError;
use contract::record::Trigger;
use contract::socket::{PROTOCOL, Question};

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
    assert!(executor.with(|s| s.connections) >= 9);
    assert_eq!(executor.with(|s| s.findings[0].0), Trigger::FullScan);
    agent.stop().await.unwrap();
}

#[tokio::test]
async fn an_executor_whose_log_is_short_is_given_back_what_the_hub_holds_before_it_hears_anything_else() {
    let (hub, machine) = (FakeHub::start().await, Machine::new());
    machine.enrol(&hub).await;
    hub.with(|s| s.evidence = (0..5).map(|n| format!("{{\"seq\":{n}}}")).collect());
    let executor = FakeExecutor::start(&machine.socket(), "h-1", || ());
    executor.with(|s| s.lacks_until = Some(5));
    let agent = machine.run(&hub);
    until("the findings", || executor.with(|s| (!s.findings.is_empty()).then_some(()))).await;
    let pieces = executor.with(|s| s.restored.iter().map(|p| (p.from, p.entries.len())).collect::<Vec<_>>());
    assert_eq!(pieces, [(0, 2), (2, 2), (4, 1)]);
    until("the rest", || hub.with(|s| (s.evidence.len() > 5).then_some(()))).await;
    agent.stop().await.unwrap();
}

#[tokio::test]
async fn the_hubs_copy_is_compared_before_anything_new_is_written() {
    let (hub, machine) = (FakeHub::start().await, Machine::new());
    machine.enrol(&hub).await;
    hub.with(|s| s.evidence = (0..5).map(|n| format!("{{\"seq\":{n}}}")).collect());
    // It was put back to an older state as a whole, so it does not know that it lacks anything.
    let executor = FakeExecutor::start(&machine.socket(), "h-1", || ());
    let agent = machine.run(&hub);
    until("the findings", || executor.with(|s| (!s.findings.is_empty()).then_some(()))).await;
    assert_eq!(executor.with(|s| s.restored.iter().map(|p| p.entries.len()).sum::<usize>()), 5);
    agent.stop().await.unwrap();
}

#[tokio::test]
async fn nothing_is_handed_to_the_executor_while_the_hubs_copy_was_not_compared() {
    let (hub, machine) = (FakeHub::start().await, Machine::new());
    machine.enrol(&hub).await;
    hub.with(|s| {
        s.evidence = (0..5).map(|n| format!("{{\"seq\":{n}}}")).collect();
        s.orders.push_back(("ord-1".to_owned(), b"an order".to_vec()));
        s.silent_on_evidence = true;
    });
    let executor = FakeExecutor::start(&machine.socket(), "h-1", || ());
    let agent = machine.run(&hub);
    let tries = || hub.with(|s| s.raw.iter().filter(|r| r.starts_with("GET /v1/evidence")).count());
    until("the third try", || (tries() >= 3).then_some(())).await;
    assert_eq!(executor.with(|s| (s.orders, s.findings.len())), (0, 0), "written before it was compared");
    hub.with(|s| s.silent_on_evidence = false);
    until("the answer", || hub.with(|s| (!s.answers.is_empty()).then_some(()))).await;
    let first = |what: &str| executor.with(|s| s.raw.iter().position(|r| r.starts_with(what))).unwrap();
    until("the findings", || executor.with(|s| (!s.findings.is_empty()).then_some(()))).await;
    let restored = first("{\"restore\"");
    assert!(restored < first("{\"order\"") && restored < first("{\"findings\""));
    agent.stop().await.unwrap();
}

#[tokio::test]
async fn entries_that_were_dropped_here_and_lost_at_the_hub_are_an_error_and_not_nothing_new() {
    let (hub, machine) = (FakeHub::start().await, Machine::new());
    machine.enrol(&hub).await;
    let executor = FakeExecutor::start(&machine.socket(), "h-1", || ());
    executor.with(|s| (s.first, s.size) = (3, 5));
    let agent = machine.run(&hub);
    // The machine's log is not the shorter one: the site goes on.
    until("the findings", || executor.with(|s| (!s.findings.is_empty()).then_some(()))).await;
    let tries = || executor.with(|s| s.raw.iter().filter(|r| r.starts_with("{\"entries\"")).count());
    until("the fourth try", || (tries() >= 4).then_some(())).await;
    assert_eq!(hub.with(|s| s.evidence.len()), 0);
    // Its operator brought it back.
    hub.with(|s| s.evidence = (0..5).map(|n| format!("{{\"seq\":{n}}}")).collect());
    until("the rest", || hub.with(|s| (s.evidence.len() > 5).then_some(()))).await;
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
            let welcome = format!(
                r#"{{"welcome":{{"protocol":{PROTOCOL},"software":"x","host":"h-1","size":0,"lacks":false}}}}"#
            );
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
    let conversation = tokio::spawn(executor::converse(seat, questions, |_| ()));
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
        // As the first protocol had it.
        let welcome = r#"{"welcome":{"protocol":1,"software":"0.1","host":"h-1","size":0}}"#;
        stream.write_all(&u32::try_from(welcome.len()).unwrap().to_be_bytes()).unwrap();
        stream.write_all(welcome.as_bytes()).unwrap();
        let _ = stream.read(&mut [0; 1024]);
    });
    let (_executor, questions) = executor::channel();
    let seat = Seat { socket, uid: uid(), host: "h-1".parse().unwrap() };
    let wrong = executor::converse(seat, questions, |_| ()).await.unwrap_err();
    assert!(matches!(wrong, WrongExecutor::Protocol { expected: PROTOCOL, found: 1, .. }), "{wrong:?}");
}
