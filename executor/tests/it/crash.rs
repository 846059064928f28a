//! Killed at every system call that makes something durable or changes the machine, the executor comes back to a whole log and a closed loop.
//!
//! strace kills the real binary on entry to the n-th call, or makes that call fail: nothing of that call has happened. No hook in the product is
//! needed. What strace cannot do, a call that is done and reported as failed, is tried with the file layer of the evidence crate.

use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};

use contract::blob::Blob;
use contract::frame;
use contract::order::Order;
use contract::outcome::Outcome;
use contract::record::{Body, Record};
use contract::refusal::Refusal;
use contract::socket::{Answer, Question};

use super::rig::{Rig, Running};

/// Where the executor makes something durable, or acts.
const CALLS: [&str; 6] = ["pwrite64", "fdatasync", "fsync", "rename", "fchmod", "ftruncate"];

/// More of one call than any run makes.
pub(super) const CALLS_MAX: u32 = 40;

#[test]
fn killed_anywhere_within_a_run_the_next_start_settles_it() {
    let mut killed = 0;
    for call in CALLS {
        for nth in 1..CALLS_MAX {
            let rig = Rig::new();
            let died = run_and_kill(&rig, call, nth);
            settles(&rig, call, nth);
            if !died {
                break;
            }
            killed += 1;
        }
    }
    assert!(killed >= 15, "only {killed} places were found to kill it at");
}

#[test]
fn killed_anywhere_within_its_start_the_next_start_settles_it() {
    let mut killed = 0;
    for call in CALLS {
        for nth in 1..CALLS_MAX {
            let rig = Rig::new();
            // Something to recover: a torn tail, below it a whole log.
            drop(rig.start());
            tear(&rig);
            if !start_and_kill(&rig, call, nth) {
                break;
            }
            killed += 1;
            settles(&rig, call, nth);
        }
    }
    assert!(killed >= 8, "only {killed} places were found to kill it at");
}

/// What an evidence write goes through.
const WRITES: [&str; 4] = ["pwrite64", "fdatasync", "fsync", "rename"];

#[test]
fn a_write_that_fails_ends_everything_and_no_act_goes_without_its_intent() {
    let mut failed = 0;
    for (call, error) in WRITES.into_iter().flat_map(|call| [(call, "EIO"), (call, "ENOSPC")]) {
        for nth in 1..CALLS_MAX {
            let rig = Rig::new();
            if !run_and_fail(&rig, call, error, nth) {
                break;
            }
            failed += 1;
            if !was_reverted(&rig) {
                settles(&rig, call, nth);
            }
        }
    }
    assert!(failed >= 15, "only {failed} places were found to fail it at");
}

/// Starts it, makes one call fail, sends an order, and stops it, which publishes. True where it ended over it. Nothing may have been done then
/// that was not written down as an intent before.
fn run_and_fail(rig: &Rig, call: &str, error: &str, nth: u32) -> bool {
    let place = format!("{error} on {call} number {nth}");
    let mut running = rig.start();
    rig.loosen();
    let mut agent = rig.agent();
    let (mut strace, _words) = attach(&running, &format!("inject={call}:error={error}:when={nth}"));
    let status = order_and_stop(rig, &mut running, &mut agent);
    let ended = status.code() == Some(74);
    if ended {
        let mut words = String::new();
        running.child.stderr.take().unwrap().read_to_string(&mut words).unwrap();
        assert!(words.contains("the evidence log cannot be written"), "{place}: {words}");
        assert!(error != "ENOSPC" || words.contains("the disk is full: free space"), "{place}: {words}");
    } else {
        assert!(status.success(), "{place}: {status}");
    }
    let _ = strace.kill();
    let _ = strace.wait();
    let intended = rig.records().iter().any(|r| matches!(r.body, Body::Intent(_)));
    assert!(intended || rig.mode() == 0o755, "{place}: it acted without a durable intent");
    ended
}

/// The call that failed was the step's own, among others: it is undone, and the log says so.
fn was_reverted(rig: &Rig) -> bool {
    let reverted = rig.records().iter().any(|r| matches!(r.body, Body::Ended(Outcome::Reverted, _)));
    assert!(!reverted || rig.mode() == 0o755, "what was undone is not as it was");
    reverted
}

/// Sends the order, waits for its answer or for the end, and has it stop cleanly, where it still can.
fn order_and_stop(rig: &Rig, running: &mut Running, agent: &mut UnixStream) -> ExitStatus {
    let order = Question::Order { envelope: Blob(rig.sign(&rig.own_order(1))) };
    let _ = frame::write(agent, &order).and_then(|()| frame::read::<Answer>(agent));
    running.stop()
}

/// Starts it, attaches strace, sends an order, stops it. True where it was killed.
fn run_and_kill(rig: &Rig, call: &str, nth: u32) -> bool {
    let mut running = rig.start();
    rig.loosen();
    let mut agent = rig.agent();
    // Its words are kept open: strace ends when it cannot say them.
    let (mut strace, _words) = attach(&running, &format!("inject={call}:signal=SIGKILL:when={nth}"));
    let died = order_and_stop(rig, &mut running, &mut agent).signal() == Some(9);
    let _ = strace.kill();
    let _ = strace.wait();
    died
}

pub(super) fn attach(running: &Running, injection: &str) -> (Child, BufReader<ChildStderr>) {
    let mut strace = Command::new("strace")
        .args(["-f", "-o", "/dev/null", "-e", injection])
        .args(["-p", &running.child.id().to_string()])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It says so once it holds all threads.
    let mut words = String::new();
    let mut stderr = BufReader::new(strace.stderr.take().unwrap());
    while !words.contains("attached") {
        assert!(stderr.read_line(&mut words).unwrap() > 0, "strace did not attach: {words}");
    }
    (strace, stderr)
}

/// Starts it under strace. True where it was killed before it was ready.
fn start_and_kill(rig: &Rig, call: &str, nth: u32) -> bool {
    let mut command = Command::new("strace");
    let plain = rig.command();
    command
        .args(["-f", "-o", "/dev/null", "-e", &format!("inject={call}:signal=SIGKILL:when={nth}")])
        .arg(plain.get_program())
        .args(plain.get_args())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    let read = BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let _running = Running { child };
    read == 0
}

fn tear(rig: &Rig) {
    use std::io::Write as _;
    let tail = rig.evidence().join("writer/tail-0");
    std::fs::OpenOptions::new().append(true).open(tail).unwrap().write_all(b"\0\x09torn").unwrap();
}

/// Starts it again, hands the order out again as the hub would, and reads the whole log.
fn settles(rig: &Rig, call: &str, nth: u32) {
    let place = format!("killed on {call} number {nth}");
    let running = rig.start();
    let again = rig.send(&mut rig.agent(), &rig.own_order(1));
    if again.refusal == Some(Refusal::NoFailingCheck) {
        // It was killed before anything was loosened.
        assert_eq!(rig.mode(), 0o700, "{place}");
    } else {
        assert_eq!((again.outcome, rig.mode()), (Outcome::Healed, 0o700), "{place}: {again:?}");
    }
    drop(running);
    let records = rig.records();
    let count = |wanted: fn(&Record) -> bool| records.iter().filter(|r| wanted(r)).count();
    let accepted = count(|r| matches!(r.body, Body::Accepted(_)));
    let ended = count(|r| matches!(r.body, Body::Ended(..)));
    assert_eq!(accepted, ended, "{place}: a run has no end");
    assert!(accepted <= 1, "{place}: one order was accepted twice");
    let intents = count(|r| matches!(r.body, Body::Intent(_)));
    let healed = count(|r| matches!(r.body, Body::Ended(Outcome::Healed, _)));
    assert!(healed == 0 || intents >= 1, "{place}: healed without an act");
}

/// Starts it, sends the order, and kills it on entry to its nth write of the log: 1 the acceptance, 2 the intent, 3 the
/// verification, 4 the hold-down, 5 the end.
fn kill_at_write(rig: &Rig, order: &Order, nth: u32) {
    let running = rig.start();
    rig.loosen();
    let mut agent = rig.agent();
    let (mut strace, _words) = attach(&running, &format!("inject=pwrite64:signal=SIGKILL:when={nth}"));
    let question = Question::Order { envelope: Blob(rig.sign(order)) };
    assert!(frame::write(&mut agent, &question).and_then(|()| frame::read::<Answer>(&mut agent)).is_err());
    drop(running);
    let _ = strace.kill();
    let _ = strace.wait();
}

/// How the one run of the log ended, and how many intents it has.
fn end_of_the_run(rig: &Rig) -> (Outcome, usize) {
    let records = rig.records();
    let intents = records.iter().filter(|r| matches!(r.body, Body::Intent(_))).count();
    let ended =
        records.iter().find_map(|r| if let Body::Ended(outcome, _) = r.body { Some(outcome) } else { None });
    (ended.unwrap(), intents)
}

#[test]
fn a_run_that_never_acted_is_not_healed_though_somebody_else_repaired() {
    let rig = Rig::new();
    kill_at_write(&rig, &rig.own_order(1), 2);
    std::fs::set_permissions(rig.evidence(), std::fs::Permissions::from_mode(0o700)).unwrap();
    drop(rig.start());
    assert_eq!(end_of_the_run(&rig), (Outcome::Observed, 0));
}

/// Kills a run at a write, and settles it once its order is too old to act on.
fn expired_meanwhile(nth: u32) -> (Outcome, usize, u32) {
    let rig = Rig::new();
    let mut order = rig.own_order(1);
    order.expires = edge::clock::utc().plus_ms(1500);
    kill_at_write(&rig, &order, nth);
    while edge::clock::utc() <= order.expires {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    drop(rig.start());
    let (outcome, intents) = end_of_the_run(&rig);
    (outcome, intents, rig.mode())
}

#[test]
fn an_order_that_expired_during_an_outage_does_not_undo_a_repair_that_holds() {
    assert_eq!(expired_meanwhile(4), (Outcome::Healed, 1, 0o700));
}

#[test]
fn a_step_whose_end_nobody_saw_is_not_done_again_on_an_order_that_expired() {
    assert_eq!(expired_meanwhile(3), (Outcome::Reverted, 1, 0o755));
}

#[test]
fn a_step_whose_end_nobody_saw_is_done_once_more_though_the_check_passes() {
    let rig = Rig::new();
    kill_at_write(&rig, &rig.own_order(1), 3);
    assert_eq!(rig.mode(), 0o700, "it was killed before it acted");
    drop(rig.start());
    assert_eq!((end_of_the_run(&rig), rig.mode()), ((Outcome::Healed, 2), 0o700));
}

#[test]
fn what_a_resumed_run_cannot_repair_is_as_it_was_before_the_first_act() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("not run: only root can give a directory away");
        return;
    }
    let rig = Rig::new();
    kill_at_write(&rig, &rig.own_order(1), 3);
    assert_eq!(rig.mode(), 0o700, "it was killed before it acted");
    // Now the control fails for another reason, which no mode can mend.
    std::os::unix::fs::chown(rig.evidence(), Some(65534), None).unwrap();
    drop(rig.start());
    assert_eq!((end_of_the_run(&rig), rig.mode()), ((Outcome::Reverted, 2), 0o755));
}
