//! Lines of the journal and of files are counted on one clock, and so is what does not come.

use agent::detectors::Source;
use agent::logs::{Reading, Scope, journal, outlet};
use agent::thread::Thread;
use contract::time::MonoNs;
use edge::trace::Tracer;

use super::{At, built_in, detector, name, parsed};
use crate::journal::{entry, script};
use crate::rig::until_blocking;

const DAY_NS: u64 = 86_400_000_000_000;

#[test]
fn a_line_of_a_file_and_one_of_the_journal_lie_in_one_window() {
    let dir = tempfile::tempdir().unwrap();
    let (out, mut inlet) = outlet();
    let twice = parsed(&detector("mark.twice", "a mark", 2, 60));
    let mut reading = Reading::resume(twice, &dir.path().join("kept.json"), out, Tracer::new(false));
    reading.take_file(&Source::of_file("/var/log/app.log".as_ref()), b"a mark\n", edge::clock::mono());
    let shared = reading.shared();
    let program = script(dir.path(), &[entry(1, 0, r#""a mark""#)], "exec sleep 60");
    let thread = Thread::begin("journal", move |stop| journal::follow(&program, &shared, &stop)).unwrap();
    until_blocking("the signal", || inlet.told.try_recv().ok().filter(|t| name(t) == "mark.twice"));
    thread.end();
}

#[test]
fn what_does_not_come_is_told_by_the_time_of_the_lines() {
    let dir = tempfile::tempdir().unwrap();
    let (out, mut inlet) = outlet();
    let mut reading = Reading::resume(built_in(), &dir.path().join("kept.json"), out, Tracer::new(false));
    reading.take_file(
        &Source::of_file("/var/log/restic.log".as_ref()),
        b"snapshot 40dc1520 saved\n",
        MonoNs(0),
    );
    reading.tell(MonoNs(DAY_NS));
    reading.write_down();
    assert!(inlet.told.try_recv().is_err(), "a day is not too long");
    reading.tell(MonoNs(2 * DAY_NS));
    assert!(inlet.told.try_recv().is_err(), "it was told before it was written down");
    reading.write_down();
    assert_eq!(name(&inlet.told.try_recv().unwrap()), "backup.missing");
}

#[test]
fn what_is_missed_is_missed_though_the_agent_started_anew() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("logs")).unwrap();
    let begin = || {
        let awaited = "- {id: backup.gone, title: t, kind: unsaid, severity: low, source: {everything: true}, \
             lines: [{literal: 'backup done', pattern: '^backup done$'}], when: {missing: 2 s}, \
             matches: ['backup done'], ignores: [x]}\n";
        let scope = Scope::Directories(vec![dir.path().join("logs")]);
        At::begin(scope, &dir.path().join("kept.json"), parsed(awaited))
    };
    let log = dir.path().join("logs/app.log");
    let mut first = begin();
    until_blocking("the first look", || dir.path().join("kept.json").exists().then_some(()));
    std::fs::write(&log, "backup done\n").unwrap();
    first.until_lines(1);
    assert_eq!(first.told(), [""; 0]);
    assert_eq!(first.end().0, [""; 0]);
    let mut second = begin();
    until_blocking("what is missing", || {
        // An idle thread looks at its clock every few minutes; this wakes it.
        std::fs::write(dir.path().join("logs/other.log"), "").unwrap();
        second.told().pop().filter(|id| id == "backup.gone")
    });
    assert_eq!(second.lines(), 0, "it was read again");
    second.end();
}
