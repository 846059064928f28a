//! The whole agent as a process (`SUTURE_AGENT`, else the one that was built with this), with the shipped baseline: memory and processor time in a storm, over hours, and while nothing happens.

use std::fs::{self, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use contract::event::{Event, Traced};

use super::{row, setting};
use crate::rig::executor::FakeExecutor;
use crate::rig::hub::FakeHub;
use crate::rig::machine::Machine;
use crate::rig::until;

/// An agent at work, that may have 64 MiB and no more.
struct Agent {
    child: Child,
    limit: Limit,
    /// Lines it says that it read.
    lines: Arc<AtomicU64>,
    log: PathBuf,
    kept: PathBuf,
    _executor: FakeExecutor,
    _hub: FakeHub,
    _machine: Machine,
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Agent {
    async fn start() -> Self {
        let (hub, mut machine) = (FakeHub::start().await, Machine::new());
        machine.whole_baseline = Some(include_str!("../../../../baseline/hipaa-v1.yaml"));
        machine.enrol(&hub).await;
        hub.with(|seen| seen.hold = Some(Duration::from_secs(25)));
        let executor = FakeExecutor::start(&machine.socket(), "h-1", || ());
        let program =
            std::env::var("SUTURE_AGENT").unwrap_or_else(|_| env!("CARGO_BIN_EXE_suture-agent").to_owned());
        let limit = Limit::set();
        let mut command = Command::new("sh");
        command.args(["-c", limit.before(), &program]);
        command.args(["run", "--events", "--config"]).arg(machine.config(&hub)).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::null()).spawn().unwrap();
        let lines = Arc::new(AtomicU64::new(0));
        let (out, said) = (child.stdout.take().unwrap(), Arc::clone(&lines));
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                if let Ok(Traced { event: Event::Tailed { lines, .. }, .. }) = serde_json::from_str(&line) {
                    said.store(lines, Ordering::Relaxed);
                }
            }
        });
        let (log, kept) = (machine.path("logs/app.log"), machine.path("agent/logs.json"));
        until("its first look", || kept.exists().then_some(())).await;
        until("the first scan", || executor.with(|s| (!s.findings.is_empty()).then_some(()))).await;
        Self { child, limit, lines, log, kept, _executor: executor, _hub: hub, _machine: machine }
    }

    fn memory_kb(&self, what: &str) -> u64 {
        memory_kb(self.child.id(), what)
    }

    /// Of all its threads.
    fn processor_ms(&self) -> u64 {
        self.thread_ms("")
    }

    /// Of those whose name begins so.
    fn thread_ms(&self, name: &str) -> u64 {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap().flatten();
        let ns = |t: fs::DirEntry| -> Option<u64> {
            fs::read_to_string(t.path().join("schedstat")).ok()?.split(' ').next()?.parse().ok()
        };
        let is_named = |t: &fs::DirEntry| {
            fs::read_to_string(t.path().join("comm")).is_ok_and(|comm| comm.starts_with(name))
        };
        tasks.filter(is_named).filter_map(ns).sum::<u64>() / 1_000_000
    }

    fn lost(&self) -> String {
        let kept: serde_json::Value = serde_json::from_slice(&fs::read(&self.kept).unwrap()).unwrap();
        kept["losses"]["total"].to_string()
    }

    fn is_alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }
}

/// By what it may not have more.
enum Limit {
    /// `memory.max` of a group of its own, with the machine's caches of files that it reads: this group.
    Group(PathBuf),
    /// `RLIMIT_DATA`, where the kernel has no controller of memory for us.
    Data,
}

impl Limit {
    fn set() -> Self {
        let group = PathBuf::from("/sys/fs/cgroup/suture-agent");
        // Only what the kernel made is written to: where it has cgroups of version 1 alone, these would be files of our own and no limit.
        let tell =
            |file: PathBuf, word: &str| OpenOptions::new().write(true).open(file)?.write_all(word.as_bytes());
        let memory = || {
            tell("/sys/fs/cgroup/cgroup.subtree_control".into(), "+memory")?;
            fs::create_dir_all(&group)?;
            tell(group.join("memory.max"), "64M")
        };
        if memory().is_ok() { Self::Group(group) } else { Self::Data }
    }

    /// What the shell does before it becomes the agent.
    const fn before(&self) -> &'static str {
        match self {
            Self::Group(_) => "echo $$ > /sys/fs/cgroup/suture-agent/cgroup.procs; exec \"$0\" \"$@\"",
            Self::Data => "ulimit -d 65536; exec \"$0\" \"$@\"",
        }
    }

    /// Says what the kernel counted, and fails where it killed somebody.
    fn tell(&self, resident: u64) {
        match self {
            Self::Group(group) => {
                let peak: u64 =
                    fs::read_to_string(group.join("memory.peak")).unwrap().trim().parse().unwrap();
                let events = fs::read_to_string(group.join("memory.events")).unwrap();
                row("storm: most memory ever charged, under MemoryMax=64M", &mb(peak / 1_024), "bar: 64 MB");
                assert!(events.contains("oom_kill 0\n"), "{events}");
            }
            Self::Data => row(
                "storm: most memory ever resident, under RLIMIT_DATA 64 MiB",
                &mb(resident),
                "bar: 64 MB; MemoryMax=64M: just storm",
            ),
        }
    }
}

fn memory_kb(pid: u32, what: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|l| l.strip_prefix(what)).unwrap();
    line.trim_start_matches(':').trim().trim_end_matches(" kB").parse().unwrap()
}

fn mb(kb: u64) -> String {
    format!("{}.{} MB", kb / 1_024, kb % 1_024 * 10 / 1_024)
}

/// Writes `rate` lines a second in bursts of ten milliseconds, and rotates every `rotate`; how many.
fn write(log: &Path, rate: u64, over: Duration, rotate: Duration, mut each_second: impl FnMut(u64)) -> u64 {
    let line = "Nov 21 06:20:01 host app[4711]: request took 12 ms, status 200, 4711 bytes sent to nobody\n";
    let burst = line.repeat(usize::try_from((rate / 100).max(1)).unwrap());
    let open = || OpenOptions::new().append(true).create(true).open(log).unwrap();
    let (began, mut file, mut bursts, mut rotated, mut second) = (Instant::now(), open(), 0, 0, 0);
    while began.elapsed() < over {
        std::thread::sleep(
            (began + Duration::from_millis(bursts * 10)).saturating_duration_since(Instant::now()),
        );
        file.write_all(burst.as_bytes()).unwrap();
        bursts += 1;
        let passed = began.elapsed();
        if passed.as_secs() / rotate.as_secs() > rotated {
            rotated = passed.as_secs() / rotate.as_secs();
            fs::rename(log, log.with_extension("log.1")).unwrap();
            file = open();
        }
        if passed.as_secs() > second {
            second = passed.as_secs();
            each_second(second);
        }
    }
    bursts * (rate / 100).max(1)
}

#[tokio::test]
async fn storm() {
    if !super::is_asked() {
        return;
    }
    let mut agent = Agent::start().await;
    let over = Duration::from_secs(setting("SUTURE_SECONDS", 60));
    let (before, began) = (agent.processor_ms(), Instant::now());
    let log = agent.log.clone();
    let storm = move || write(&log, 100_000, over, Duration::from_secs(10), |_| ());
    let written = tokio::task::spawn_blocking(storm).await.unwrap();
    until("all of it", || (agent.lines.load(Ordering::Relaxed) >= written).then_some(())).await;
    let behind = began.elapsed().saturating_sub(over);
    assert!(agent.is_alive());
    let seconds = over.as_secs();
    row(
        &format!("storm of {written} lines over {seconds} s, rotated every 10 s: read"),
        &agent.lines.load(Ordering::Relaxed).to_string(),
        "",
    );
    row("storm: behind at its end (numbers are told every 3 s)", &format!("{} ms", behind.as_millis()), "");
    agent.limit.tell(agent.memory_kb("VmHWM"));
    row("storm: processor time", &format!("{} ms/s", (agent.processor_ms() - before) / seconds), "");
    row("storm: lost, by reason", &agent.lost(), "");
}

#[tokio::test]
async fn idle() {
    if !super::is_asked() {
        return;
    }
    let agent = Agent::start().await;
    tokio::time::sleep(Duration::from_secs(20)).await;
    let (before, logs_before) = (agent.processor_ms(), agent.thread_ms("logs"));
    let seconds = setting("SUTURE_SECONDS", 60);
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let (used, logs) = (agent.processor_ms() - before, agent.thread_ms("logs") - logs_before);
    row("idle: agent alone, resident", &mb(agent.memory_kb("VmRSS")), "bar: 12 MB");
    row("idle: of it private (anonymous)", &mb(agent.memory_kb("RssAnon")), "");
    row(
        &format!("idle: processor time over {seconds} s"),
        &format!("{used} ms"),
        &format!("bar: {seconds} ms (0.1 %)"),
    );
    row("idle: of it the thread that reads logs", &format!("{logs} ms"), "");
}

#[tokio::test]
async fn soak() {
    if !super::is_asked() {
        return;
    }
    let mut agent = Agent::start().await;
    let seconds = setting("SUTURE_SECONDS", 180);
    let warm = (seconds / 6).max(30);
    let (log, pid) = (agent.log.clone(), agent.child.id());
    let before = agent.processor_ms();
    let steady = move || {
        let (mut first, mut most) = (0, 0);
        let over = Duration::from_secs(seconds);
        let written = write(&log, 500, over, Duration::from_secs(30), |second| {
            let resident = memory_kb(pid, "VmRSS");
            first = if second == warm { resident } else { first };
            most = most.max(if second >= warm { resident } else { 0 });
        });
        (written, first, most)
    };
    let (written, first, most) = tokio::task::spawn_blocking(steady).await.unwrap();
    until("all of it", || (agent.lines.load(Ordering::Relaxed) >= written).then_some(())).await;
    assert!(agent.is_alive());
    row(&format!("soak: {written} lines over {seconds} s; resident after {warm} s"), &mb(first), "");
    row("soak: growth beyond that", &format!("{} kB", most.saturating_sub(first)), "bar: 2048 kB");
    row("soak: processor time", &format!("{} ms/s", (agent.processor_ms() - before) / seconds), "");
    row("soak: lost, by reason", &agent.lost(), "");
    assert!(most.saturating_sub(first) <= 2_048, "it grows");
}
