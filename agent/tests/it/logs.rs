//! Log files through rotation, truncation and restarts: no line twice, none left out; and no line ever leaves.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc;

use agent::detectors::{self, Detectors, Library, Signal, SiteKey};
use agent::logs::{Reading, files};
use agent::thread::Thread;
use contract::time::MonoNs;
use edge::trace::Tracer;
use tokio::sync::mpsc::unbounded_channel;

use crate::rig::executor::FakeExecutor;
use crate::rig::hub::FakeHub;
use crate::rig::machine::Machine;
use crate::rig::{until, until_blocking};

/// One detector for each marked line, so that each says by itself how often it was read. Two are enough to tell "once" from "twice".
fn detectors(marks: u32) -> Detectors {
    let one = |n: u32| {
        let (once, twice) = (format!("mark.n{n}"), format!("mark.n{n}.twice"));
        let each = |(id, times): (String, u32)| {
            format!(
                "- {{id: {id}, title: t, kind: unsaid, severity: low, source: {{everything: true}}, \
                   lines: [{{literal: 'line {n}', pattern: '^line {n}$'}}], when: {{rate: {times} in 60 s}}, \
                   matches: ['line {n}'], ignores: [x]}}\n"
            )
        };
        [(once, 1), (twice, 2)].map(each).concat()
    };
    let library = Library::parse(&[("marks", &(0..marks).map(one).collect::<String>())]).unwrap();
    Detectors::new(library, key()).unwrap()
}

fn key() -> SiteKey {
    SiteKey::new(&[7; 32])
}

struct Followed {
    dir: tempfile::TempDir,
    seen: Vec<String>,
}

impl Followed {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), seen: Vec::new() }
    }

    fn log(&self) -> PathBuf {
        self.dir.path().join("app.log")
    }

    fn append(path: &Path, lines: std::ops::Range<u32>) {
        let mut file = OpenOptions::new().append(true).create(true).open(path).unwrap();
        for n in lines {
            writeln!(file, "line {n}").unwrap();
        }
    }

    /// Follows while `work` runs, until `lines` are read in all, then stops. What was seen is kept across calls.
    fn follow(&mut self, lines: u32, work: impl FnOnce(&Self)) {
        let (signals, mut received) = unbounded_channel::<Signal>();
        let (directory, positions) = (self.dir.path().to_owned(), self.dir.path().join("positions.json"));
        let (ready, is_ready) = mpsc::channel();
        let thread = Thread::begin("logs", move |stop| {
            let mut reading = Reading::new(detectors(20), signals, Tracer::new(false));
            ready.send(()).unwrap();
            files::follow(&[directory], &positions, &mut reading, &stop).unwrap();
        });
        is_ready.recv().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(150));
        work(self);
        until_blocking("the lines", || {
            while let Ok(signal) = received.try_recv() {
                self.seen.push(signal.detector.to_string());
            }
            (self.once().len() >= lines as usize).then_some(())
        });
        std::thread::sleep(std::time::Duration::from_millis(100));
        thread.unwrap().end();
        while let Ok(signal) = received.try_recv() {
            self.seen.push(signal.detector.to_string());
        }
    }

    fn once(&self) -> Vec<&str> {
        self.seen
            .iter()
            .map(String::as_str)
            .filter(|s| s.starts_with("mark") && !s.ends_with("twice"))
            .collect()
    }

    /// Lines `0..lines`, each once, and nothing else.
    fn check(&self, lines: u32) {
        let mut seen = self.seen.clone();
        let mut expected: Vec<_> = (0..lines).map(|n| format!("mark.n{n}")).collect();
        seen.sort();
        expected.sort();
        assert_eq!(seen, expected);
    }
}

#[test]
fn it_begins_at_the_end_and_goes_on_where_it_stopped() {
    let mut f = Followed::new();
    Followed::append(&f.log(), 18..20);
    f.follow(3, |f| Followed::append(&f.log(), 0..3));
    Followed::append(&f.log(), 3..5);
    f.follow(6, |f| Followed::append(&f.log(), 5..6));
    f.check(6);
}

#[test]
fn rotation_by_rename_while_it_runs() {
    let mut f = Followed::new();
    Followed::append(&f.log(), 0..0);
    f.follow(6, |f| {
        Followed::append(&f.log(), 0..2);
        let old = f.dir.path().join("app.log.1");
        std::fs::rename(f.log(), &old).unwrap();
        // The writer has not let go of the old file yet.
        Followed::append(&old, 2..3);
        Followed::append(&f.log(), 3..5);
        std::thread::sleep(std::time::Duration::from_millis(200));
        Followed::append(&old, 5..6);
    });
    f.check(6);
}

#[test]
fn rotation_while_it_is_down() {
    let mut f = Followed::new();
    Followed::append(&f.log(), 0..0);
    f.follow(2, |f| Followed::append(&f.log(), 0..2));
    // Rotated twice: the rest of the old file, the whole of the one between, and the new one.
    Followed::append(&f.log(), 2..4);
    std::fs::rename(f.log(), f.dir.path().join("app.log.2")).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(20));
    Followed::append(&f.dir.path().join("app.log.1"), 4..6);
    Followed::append(&f.log(), 6..8);
    f.follow(8, |_| ());
    f.check(8);
}

#[test]
fn copy_and_truncate_while_it_runs_and_while_it_is_down() {
    let mut f = Followed::new();
    Followed::append(&f.log(), 0..0);
    f.follow(4, |f| {
        Followed::append(&f.log(), 0..2);
        std::thread::sleep(std::time::Duration::from_millis(200));
        std::fs::copy(f.log(), f.dir.path().join("app.log.1")).unwrap();
        OpenOptions::new().write(true).truncate(true).open(f.log()).unwrap();
        Followed::append(&f.log(), 2..4);
    });
    Followed::append(&f.log(), 4..6);
    std::fs::rename(f.dir.path().join("app.log.1"), f.dir.path().join("app.log.2")).unwrap();
    std::fs::copy(f.log(), f.dir.path().join("app.log.1")).unwrap();
    OpenOptions::new().write(true).truncate(true).open(f.log()).unwrap();
    // Longer than before: only the fingerprint tells that it is not the same content.
    Followed::append(&f.log(), 6..16);
    f.follow(16, |_| ());
    f.check(16);
}

#[test]
fn a_line_is_read_when_it_is_whole() {
    let mut f = Followed::new();
    Followed::append(&f.log(), 0..0);
    f.follow(2, |f| {
        let mut file = OpenOptions::new().append(true).open(f.log()).unwrap();
        write!(file, "line").unwrap();
        std::thread::sleep(std::time::Duration::from_millis(120));
        write!(file, " 0\nline 1\n").unwrap();
    });
    f.check(2);
}

#[test]
fn what_is_lost_is_said() {
    let mut f = Followed::new();
    Followed::append(&f.log(), 0..0);
    f.follow(2, |f| Followed::append(&f.log(), 0..2));
    Followed::append(&f.log(), 2..4);
    // Deleted while nobody looked, and another file in its place.
    std::fs::remove_file(f.log()).unwrap();
    Followed::append(&f.dir.path().join("fresh"), 4..6);
    std::fs::rename(f.dir.path().join("fresh"), f.log()).unwrap();
    f.follow(4, |_| ());
    assert_eq!(f.seen, ["mark.n0", "mark.n1", "agent.log-gap", "mark.n4", "mark.n5"]);
}

#[test]
fn binary_files_and_other_names_are_not_followed() {
    let mut f = Followed::new();
    Followed::append(&f.log(), 0..0);
    f.follow(1, |f| {
        std::fs::write(f.dir.path().join("binary.log"), b"\0\x01\nline 1\n").unwrap();
        Followed::append(&f.dir.path().join("notes.txt"), 2..3);
        Followed::append(&f.log(), 0..1);
    });
    f.check(1);
}

#[tokio::test]
async fn a_line_with_a_secret_never_leaves_the_machine() {
    const SECRET: &str = "hunter2-patient-4711";
    let (hub, machine) = (FakeHub::start().await, Machine::new());
    machine.enrol(&hub).await;
    let executor = FakeExecutor::start(&machine.socket(), "h-1", || ());
    let agent = machine.run(&hub);
    until("the first scan", || executor.with(|s| (!s.findings.is_empty()).then_some(()))).await;
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    let mut log = OpenOptions::new().append(true).create(true).open(machine.path("logs/auth.log")).unwrap();
    for _ in 0..6 {
        writeln!(
            log,
            "Nov 21 06:20:01 host sshd[1]: Failed password for {SECRET} from 192.0.2.1 port 1 ssh2"
        )
        .unwrap();
    }
    let signal = until("the signal", || hub.with(|s| s.incidents.first().cloned())).await;
    assert!(signal.what.subject().starts_with("detector:ssh.failed-logins:"), "{}", signal.what.subject());
    machine.chmod("own/evidence", 0o755);
    until("evidence", || hub.with(|s| (s.evidence.len() >= 2).then_some(()))).await;
    agent.stop().await.unwrap();
    for text in hub.with(|s| s.raw.clone()).iter().chain(&executor.with(|s| s.raw.clone())) {
        assert!(!text.contains(SECRET) && !text.contains("192.0.2.1"), "{text}");
    }
    // Nor does it lie in the agent's own directory.
    for entry in ["open.json", "logs.json"] {
        let bytes = std::fs::read_to_string(machine.path("agent").join(entry)).unwrap_or_default();
        assert!(!bytes.contains(SECRET), "{entry}");
    }
}

#[test]
fn a_flood_of_lines_costs_no_memory_and_one_signal() {
    let (signals, mut received) = unbounded_channel();
    let mut reading = Reading::new(detectors::built_in(key()).unwrap(), signals, Tracer::new(false));
    let block = "Nov 21 06:20:01 host kernel: Out of memory: Killed process 1 (x)\n".repeat(1_000);
    for n in 0..100 {
        reading.take_file("/var/log/kern.log".as_ref(), block.as_bytes(), MonoNs(n));
    }
    assert_eq!(reading.numbers(), (100_000, 100_000));
    assert_eq!(received.try_recv().unwrap().detector.as_str(), "kernel.out-of-memory");
    assert!(received.try_recv().is_err());
}
