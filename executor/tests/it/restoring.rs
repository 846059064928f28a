//! A log that lacks entries gets them back from the hub before anything else happens, and says so; one that parted from the hub's ends.

use std::fs;
use std::io::Read as _;
use std::os::unix::net::UnixStream;
use std::process::Command;

use contract::blob::Blob;
use contract::frame;
use contract::outcome::Outcome;
use contract::record::{Body, Kind, Record, Trigger};
use contract::socket::{Answer, EntryPackage, PROTOCOL, Question};

use super::crash::{CALLS_MAX, attach};
use super::rig::{BEGINNING, HEALED, Rig, Running, Template, ask};

/// What the hub holds: the entries, and its cosigned head over all of them.
struct Hub {
    entries: Vec<String>,
    head: String,
}

impl Hub {
    fn package(&self, from: usize, count: usize) -> EntryPackage {
        let entries = self.entries.iter().skip(from).take(count).cloned().collect();
        EntryPackage { from: from as u64, entries, checkpoint: self.head.clone() }
    }
}

fn copy(rig: &Rig, name: &str) {
    let copied = Command::new("cp").arg("-a").arg(rig.evidence()).arg(rig.path(name)).status().unwrap();
    assert!(copied.success());
}

fn put_back(rig: &Rig, name: &str) {
    fs::remove_dir_all(rig.evidence()).unwrap();
    fs::rename(rig.path(name), rig.evidence()).unwrap();
}

/// The size of the log as it was before the run, and after it.
const OLD: u64 = BEGINNING as u64;
const ALL: usize = BEGINNING + HEALED.len();

/// Begins a log, keeps a copy of it as `old`, heals once, has the hub take everything. `receipt` where the executor is told that it has.
fn heal_and_ship(rig: &Rig, receipt: bool) -> Hub {
    drop(rig.start());
    copy(rig, "old");
    let running = rig.start();
    rig.loosen();
    let mut agent = rig.agent();
    assert_eq!(rig.send(&mut agent, &rig.own_order(1)).outcome, Outcome::Healed);
    let Answer::Entries(all) = ask(&mut agent, &Question::Entries { from: 0 }) else { panic!("no entries") };
    let head = rig.cosigned_head(&mut agent);
    if receipt {
        assert!(matches!(ask(&mut agent, &Question::Receipt { note: head.clone() }), Answer::Kept));
    }
    drop(running);
    assert_eq!(all.entries.len(), ALL);
    Hub { entries: all.entries, head }
}

/// Says hello: the log's size, and whether it lacks something.
fn hello(stream: &mut UnixStream) -> (u64, bool) {
    let hello = Question::Hello { protocol: PROTOCOL, software: "test".into() };
    match ask(stream, &hello) {
        Answer::Welcome { size, lacks, .. } => (size, lacks),
        other => panic!("{other:?}"),
    }
}

fn kinds(records: &[Record]) -> Vec<Kind> {
    records.iter().map(|r| r.body.kind()).collect()
}

/// How it ended, and its last words.
fn end(mut running: Running) -> (Option<i32>, String) {
    let status = running.child.wait().unwrap().code();
    let mut words = String::new();
    running.child.stderr.take().unwrap().read_to_string(&mut words).unwrap();
    (status, words)
}

#[test]
fn an_older_log_put_back_does_nothing_until_it_has_its_entries_back() {
    let rig = Rig::new();
    let hub = heal_and_ship(&rig, true);
    put_back(&rig, "old");
    let running = rig.start();
    let mut agent = rig.connect();
    assert_eq!(hello(&mut agent), (OLD, true));
    rig.loosen();
    let order = Question::Order { envelope: Blob(rig.sign(&rig.own_order(2))) };
    let findings = Question::Findings { trigger: Trigger::FullScan, findings: rig.all_not_assessed() };
    for question in [order, findings, Question::Entries { from: 0 }] {
        assert!(matches!(ask(&mut agent, &question), Answer::Restoring { from: 3 }), "{question:?}");
    }
    assert_eq!(rig.mode(), 0o755, "it acted without knowing what it had done before");
    assert!(matches!(ask(&mut agent, &Question::Restore(hub.package(3, 2))), Answer::Restoring { from: 5 }));
    assert!(matches!(ask(&mut agent, &Question::Restore(hub.package(5, 256))), Answer::Recorded { size: 9 }));
    // What it did is known again: the same order has the same answer, and its counter is spent.
    let again = rig.send(&mut agent, &rig.own_order(1));
    assert_eq!((again.outcome, again.seq), (Outcome::Healed, 7));
    drop(running);
    let records = rig.records();
    assert_eq!(kinds(&records)[BEGINNING..ALL], HEALED);
    assert_eq!(records.last().unwrap().body.kind(), Kind::Restored);
    let Body::Restored(restored) = &records[ALL].body else { panic!() };
    assert_eq!((restored.from, restored.size), (3, 8));
    assert!(!rig.path("executor/restoring").exists());
}

#[test]
fn a_log_that_is_gone_is_not_begun_anew_and_comes_back_whole() {
    let rig = Rig::new();
    let hub = heal_and_ship(&rig, false);
    fs::remove_dir_all(rig.evidence()).unwrap();
    let running = rig.start();
    let mut agent = rig.connect();
    assert_eq!(hello(&mut agent), (0, true));
    assert!(matches!(ask(&mut agent, &Question::Entries { from: 0 }), Answer::Restoring { from: 0 }));
    assert!(matches!(ask(&mut agent, &Question::Restore(hub.package(0, 256))), Answer::Recorded { size: 9 }));
    drop(running);
    assert_eq!(rig.records().last().unwrap().body.kind(), Kind::Restored);
}

#[test]
fn more_at_the_hub_than_here_is_noticed_without_a_receipt_too() {
    let rig = Rig::new();
    let hub = heal_and_ship(&rig, false);
    put_back(&rig, "old");
    let running = rig.start();
    let mut agent = rig.connect();
    assert_eq!(hello(&mut agent), (OLD, false), "nothing here could tell");
    // Only both signatures together say so.
    let unsigned = EntryPackage { checkpoint: "nonsense".into(), ..hub.package(3, 256) };
    assert!(matches!(ask(&mut agent, &Question::Restore(unsigned)), Answer::Sorry { .. }));
    let plain: String = hub.head.split_inclusive('\n').take(5).collect();
    let not_cosigned = EntryPackage { checkpoint: plain, ..hub.package(3, 256) };
    assert!(matches!(ask(&mut agent, &Question::Restore(not_cosigned)), Answer::Sorry { .. }));
    assert!(matches!(ask(&mut agent, &Question::Restore(hub.package(3, 256))), Answer::Recorded { size: 9 }));
    assert!(matches!(ask(&mut agent, &Question::Restore(hub.package(7, 256))), Answer::Sorry { .. }));
    drop(running);
    assert_eq!(rig.records().len(), ALL + 1);
}

#[test]
fn what_was_altered_on_the_way_is_asked_for_again() {
    let rig = Rig::new();
    let hub = heal_and_ship(&rig, true);
    put_back(&rig, "old");
    let running = rig.start();
    let mut agent = rig.connect();
    hello(&mut agent);
    let mut altered = hub.package(3, 256);
    altered.entries[1] = altered.entries[1].replace("\"step\":0", "\"step\":1");
    assert_ne!(altered, hub.package(3, 256));
    assert!(matches!(ask(&mut agent, &Question::Restore(altered)), Answer::Sorry { .. }));
    assert!(matches!(ask(&mut agent, &Question::Entries { from: 0 }), Answer::Restoring { from: 3 }));
    assert!(matches!(ask(&mut agent, &Question::Restore(hub.package(3, 256))), Answer::Recorded { size: 9 }));
    drop(running);
    assert_eq!(rig.records().len(), ALL + 1);
}

#[test]
fn a_wrong_link_that_somebody_made_on_the_way_is_no_fork() {
    let rig = Rig::new();
    let hub = heal_and_ship(&rig, true);
    put_back(&rig, "old");
    let running = rig.start();
    let mut agent = rig.connect();
    hello(&mut agent);
    let mut altered = hub.package(3, 256);
    let at = altered.entries[0].find("\"prev\":\"").unwrap() + "\"prev\":\"".len() + 20;
    let other = if altered.entries[0].as_bytes()[at] == b'1' { "2" } else { "1" };
    altered.entries[0].replace_range(at..=at, other);
    let answer = ask(&mut agent, &Question::Restore(altered));
    assert!(matches!(&answer, Answer::Sorry { why } if !why.contains("fork")), "{answer:?}");
    // From the beginning, altered again: still no proof of anything.
    assert!(matches!(ask(&mut agent, &Question::Entries { from: 0 }), Answer::Restoring { from: 0 }));
    let mut altered = hub.package(0, 256);
    altered.entries[0].push(' ');
    let answer = ask(&mut agent, &Question::Restore(altered));
    assert!(matches!(&answer, Answer::Sorry { why } if !why.contains("fork")), "{answer:?}");
    assert!(matches!(ask(&mut agent, &Question::Restore(hub.package(3, 256))), Answer::Recorded { size: 9 }));
    drop(running);
    assert_eq!(rig.records().len(), ALL + 1);
}

#[test]
fn entries_from_the_beginning_that_pass_through_the_own_head_end_the_doubt() {
    let rig = Rig::new();
    let hub = heal_and_ship(&rig, true);
    put_back(&rig, "old");
    let running = rig.start();
    let mut agent = rig.connect();
    hello(&mut agent);
    let misplaced = EntryPackage { from: 3, ..hub.package(0, 5) };
    assert!(matches!(ask(&mut agent, &Question::Restore(misplaced)), Answer::Sorry { .. }));
    assert!(matches!(
        ask(&mut agent, &Question::Restore(hub.package(0, 256))),
        Answer::Restoring { from: 3 }
    ));
    assert!(matches!(ask(&mut agent, &Question::Restore(hub.package(3, 256))), Answer::Recorded { size: 9 }));
    drop(running);
    assert_eq!(rig.records().len(), ALL + 1);
}

#[test]
fn a_log_that_parted_from_the_hubs_ends_and_stays_as_it_is() {
    let rig = Rig::new();
    let hub = heal_and_ship(&rig, false);
    put_back(&rig, "old");
    let running = rig.start();
    let mut agent = rig.agent();
    // Nothing here could tell that it was cut, so it went on: another history.
    let findings = Question::Findings { trigger: Trigger::FullScan, findings: rig.all_not_assessed() };
    let Answer::Recorded { size } = ask(&mut agent, &findings) else { panic!("not recorded") };
    assert!(size < 8, "the hub must hold more for this test");
    let from = usize::try_from(size).unwrap();
    let answer = ask(&mut agent, &Question::Restore(hub.package(from, 256)));
    assert!(matches!(&answer, Answer::Sorry { why } if !why.contains("fork")), "{answer:?}");
    // Those might have been altered on the way. All of them from the beginning, under the signed head, are proof.
    assert!(matches!(ask(&mut agent, &Question::Entries { from: 0 }), Answer::Restoring { from: 0 }));
    assert!(matches!(ask(&mut agent, &Question::Restore(hub.package(0, 2))), Answer::Restoring { from: 2 }));
    let answer = ask(&mut agent, &Question::Restore(hub.package(2, 256)));
    assert!(matches!(&answer, Answer::Sorry { why } if why.contains("fork")), "{answer:?}");
    let (status, words) = end(running);
    assert!(status == Some(74) && words.contains("fork") && words.contains("--succeeds"), "{words}");
    assert_eq!(rig.records().len() as u64, size);
}

#[test]
fn killed_at_any_write_while_its_entries_are_put_back_it_has_them_in_the_end_and_says_so() {
    let killed = kill_while_put_back(&["pwrite64", "fdatasync"]);
    assert!(killed >= 2, "only {killed} places were found to kill it at");
}

#[test]
fn killed_at_any_name_while_its_entries_are_put_back_it_has_them_in_the_end_and_says_so() {
    let killed = kill_while_put_back(&["fsync", "rename"]);
    assert!(killed >= 4, "only {killed} places were found to kill it at");
}

/// Kills it at each of its `calls` while entries are put back. At how many places that was.
fn kill_while_put_back(calls: &[&str]) -> u32 {
    let mut killed = 0;
    let rig = Rig::new();
    let hub = heal_and_ship(&rig, true);
    put_back(&rig, "old");
    let template = Template::of(&rig);
    for call in calls {
        for nth in 1..CALLS_MAX {
            template.put_back(&rig);
            let running = rig.start();
            let mut agent = rig.connect();
            hello(&mut agent);
            let (mut strace, _words) = attach(&running, &format!("inject={call}:signal=SIGKILL:when={nth}"));
            let question = Question::Restore(hub.package(3, 256));
            let answer = frame::write(&mut agent, &question).and_then(|()| frame::read::<Answer>(&mut agent));
            drop(running);
            let _ = strace.kill();
            let _ = strace.wait();
            comes_back_whole(&rig, &hub, &format!("killed on {call} number {nth}"));
            if answer.is_ok() {
                break;
            }
            killed += 1;
        }
    }
    killed
}

/// The next start has the entries, or gets them; and the log says that they were fetched back.
fn comes_back_whole(rig: &Rig, hub: &Hub, place: &str) {
    let running = rig.start();
    let mut agent = rig.connect();
    let (size, lacks) = hello(&mut agent);
    if lacks {
        let from = usize::try_from(size).unwrap();
        let answer = ask(&mut agent, &Question::Restore(hub.package(from, 256)));
        assert!(matches!(answer, Answer::Recorded { .. }), "{place}: {answer:?}");
    }
    drop(running);
    let records = rig.records();
    assert!(kinds(&records[BEGINNING..ALL]) == HEALED, "{place}");
    let restored = records.iter().filter(|r| matches!(r.body, Body::Restored(_))).count();
    assert!(restored >= 1, "{place}: nothing says that entries were fetched back");
}

#[test]
fn a_receipt_that_somebody_bent_does_not_count_as_none() {
    let rig = Rig::new();
    heal_and_ship(&rig, true);
    fs::write(rig.path("executor/receipt"), "nothing").unwrap();
    let (status, words) = rig.fails();
    assert!(status == Some(74) && words.contains("receipt: refused"), "{words}");
}
