//! What an answer is worth: which system calls stand between a publication and its answer, counted from outside by strace.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use queue::conformance::limits;
use queue::nats::Servers;
use queue::{Queue as _, Subject};

use crate::rig::Rigged;
use crate::server::{How, program};

const PUBLICATIONS: usize = 30;

struct Strace(Child);

impl Strace {
    /// Attaches to every thread of the process that there is and will be.
    fn attach(pid: u32, out: &Path) -> Self {
        let mut child = Command::new("strace")
            .args(["-f", "-ttt", "-y", "-e", "trace=fsync,fdatasync,openat,write,pwrite64", "-p"])
            .arg(pid.to_string())
            .arg("-o")
            .arg(out)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let first = lines.next().unwrap().unwrap();
        assert!(first.contains("attached"), "{first}");
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        // It says so for the first thread; the others follow at once.
        std::thread::sleep(Duration::from_millis(300));
        Self(child)
    }

    fn detach(mut self) {
        let pid = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        self.0.wait().unwrap();
    }
}

fn seconds() -> f64 {
    // As strace counts them: with microseconds.
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
    Duration::try_from(now).unwrap().as_secs_f64()
}

#[derive(Debug)]
struct Seen {
    /// Publications in whose time the stream's file was written.
    written: usize,
    /// Those in whose time it was synced, by a call or because it is open for synchronous writing.
    synced: usize,
    /// Whether it was opened with `O_SYNC` or `O_DSYNC`.
    opened_for_sync: bool,
}

/// Publishes one after the other, and looks at what the server did between each and its answer.
async fn watch(how: &How, age: Servers) -> Seen {
    let mut rig = Rigged::start(1, how);
    rig.settings.age = age;
    rig.keys.retain(|tenant, _| tenant.as_str() == "a");
    rig.provision(&rig.plan(limits())).await;
    let queue = rig.queue(limits()).await;
    let out = rig.directory.path().join("strace");
    let strace = Strace::attach(rig.servers[0].pid(), &out);
    let mut spans = Vec::new();
    for n in 0..PUBLICATIONS {
        let subject = Subject::new("a".parse().unwrap(), "s".parse().unwrap());
        // The first asks how much room there is; that is no part of it.
        let from = seconds();
        queue.publish(subject, format!("m{n}").parse().unwrap(), vec![7; 120]).await.unwrap();
        spans.push((from, seconds()));
        // What the server does afterwards is to be seen as that.
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    strace.detach();
    let text = std::fs::read_to_string(&out).unwrap();
    let of_stream = |line: &&str| line.contains("/INCIDENTS/msgs/") && line.contains(".blk");
    let lines: Vec<&str> = text.lines().filter(of_stream).collect();
    let at = |line: &str| line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap();
    let opened_for_sync = lines
        .iter()
        .any(|line| line.contains("openat(") && (line.contains("O_SYNC") || line.contains("O_DSYNC")));
    let within = |(from, to): &(f64, f64), calls: &[&str]| {
        lines
            .iter()
            .any(|line| calls.iter().any(|call| line.contains(call)) && (*from..=*to).contains(&at(line)))
    };
    let count = |calls: &[&str]| spans.iter().filter(|span| within(span, calls)).count();
    let written = count(&[" write(", " pwrite64("]);
    let by_call = count(&[" fsync(", " fdatasync("]);
    Seen { written, synced: if opened_for_sync { written } else { by_call }, opened_for_sync }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_sync_always_every_answer_comes_after_the_disk() {
    let seen = watch(&How::safe(), Servers::Safe).await;
    println!("  sync_interval: always: of {PUBLICATIONS} publications {seen:?}");
    assert_eq!((seen.written, seen.synced), (PUBLICATIONS, PUBLICATIONS));
}

#[tokio::test(flavor = "multi_thread")]
async fn by_default_and_on_the_old_server_answers_come_before_the_disk() {
    let default = How { program: program(), jetstream: "", under: vec![] };
    for (name, how, age) in
        [("default", default, Servers::Safe), ("2.9.10", How::old(), Servers::AnyForProtocolTestsOnly)]
    {
        let seen = watch(&how, age).await;
        println!("  {name}: of {PUBLICATIONS} publications {seen:?}");
        assert!(seen.synced <= PUBLICATIONS / 10, "{name}: it is better than it is said to be: {seen:?}");
        assert!(!seen.opened_for_sync);
    }
}
