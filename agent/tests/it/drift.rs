//! Drift by events: a change of a real file, socket, mount, clock, packet filter or unit asks for the facts that hang on it, and for no others.

mod bus;
mod files;

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

use agent::observe::News;
use agent::thread::Thread;
use agent::watch::Watch;
use contract::fact::FactId;
use facts::{Config, OwnDirectories, Root};
use tokio::sync::mpsc::{self, Receiver};
use tokio::time::timeout;

/// Far longer than any event takes.
const PATIENCE: Duration = Duration::from_secs(20);
/// One change makes several events; their news come within this.
const QUIET: Duration = Duration::from_millis(300);
/// Something that must never be touched by what a test does.
const BYSTANDER: &str = "login_defs:umask";

/// A watch at work.
struct Watching {
    news: Receiver<News>,
    thread: Option<Thread>,
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.news.close();
        if let Some(thread) = self.thread.take() {
            thread.end();
        }
    }
}

impl Watching {
    fn of(config: Config, wanted: &[&str]) -> Self {
        let wanted: Vec<FactId> = wanted.iter().map(|fact| fact.parse().unwrap()).collect();
        let watch = Watch::arm(config, wanted).unwrap();
        let (observer, news) = mpsc::channel(64);
        let thread = Thread::begin("watch", move |stop| watch.follow(&observer, &stop).unwrap()).unwrap();
        Self { news, thread: Some(thread) }
    }

    /// The facts that are to be looked at again, from the next news on until it is quiet.
    async fn touched(&mut self) -> Vec<String> {
        let mut touched = BTreeSet::new();
        let mut patience = PATIENCE;
        while let Ok(Some(news)) = timeout(patience, self.news.recv()).await {
            let News::Changed(facts) = news else { panic!("{news:?}") };
            touched.extend(facts.iter().map(ToString::to_string));
            patience = QUIET;
        }
        assert!(!touched.is_empty(), "nothing was heard");
        touched.into_iter().collect()
    }

    async fn is_quiet(&mut self) -> bool {
        timeout(QUIET, self.news.recv()).await.is_err()
    }
}

fn machine(root: &std::path::Path) -> Config {
    let own = root.join("own");
    let mut config = Config::new(OwnDirectories {
        evidence: own.join("evidence"),
        executor_keys: own.join("executor-keys"),
        agent_keys: own.join("agent-keys"),
    });
    config.root = Root::new(root);
    config
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[tokio::test]
async fn a_port_that_begins_to_listen_is_heard_of_within_a_second_or_so() {
    let directory = tempfile::tempdir().unwrap();
    let ports = ["listening:plaintext_ports", "listening:tcp_ports", "listening:udp_ports"];
    let mut watching = Watching::of(machine(directory.path()), &[&ports[..], &[BYSTANDER]].concat());
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    assert_eq!(watching.touched().await, ports);
    drop(listener);
    assert_eq!(watching.touched().await, ports);
}

#[tokio::test]
async fn a_mount_is_heard_of() {
    if !is_root() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path().join("mount");
    std::fs::create_dir(&at).unwrap();
    let mut watching = Watching::of(machine(directory.path()), &["disk:root_encrypted", BYSTANDER]);
    let run = |program: &str, arguments: &[&str]| {
        assert!(Command::new(program).args(arguments).arg(&at).status().unwrap().success(), "{program}");
    };
    run("mount", &["-t", "tmpfs", "suture-test"]);
    assert_eq!(watching.touched().await, ["disk:root_encrypted"]);
    run("umount", &[]);
    assert_eq!(watching.touched().await, ["disk:root_encrypted"]);
}

#[tokio::test]
async fn a_clock_that_is_set_is_heard_of() {
    if !is_root() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let aged = ["backup:age_hours", "time:synchronised", "tls:days_left"];
    let mut watching = Watching::of(machine(directory.path()), &[&aged[..], &[BYSTANDER]].concat());
    for _ in 0..2 {
        // To what it shows already: the kernel announces that it was set, not by how much.
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
        rustix::time::clock_settime(rustix::time::ClockId::Realtime, now).unwrap();
        assert_eq!(watching.touched().await, aged);
    }
}

#[tokio::test]
async fn a_kernel_parameter_that_changes_is_noticed_without_being_announced() {
    let directory = tempfile::tempdir().unwrap();
    let (fact, other) = ("sysctl:fs.suid_dumpable", "sysctl:kernel.kptr_restrict");
    let (at, bystander) = ("proc/sys/fs/suid_dumpable", "proc/sys/kernel/kptr_restrict");
    for path in [at, bystander] {
        let path = directory.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "0\n").unwrap();
    }
    let mut watching = Watching::of(machine(directory.path()), &[fact, other]);
    for value in ["2\n", "0\n"] {
        std::fs::write(directory.path().join(at), value).unwrap();
        assert_eq!(watching.touched().await, [fact]);
    }
    // One that this kernel does not have any more is a change as well.
    std::fs::remove_file(directory.path().join(at)).unwrap();
    assert_eq!(watching.touched().await, [fact]);
}

#[tokio::test]
async fn processes_that_come_to_stand_still_are_noticed_without_being_announced() {
    let directory = tempfile::tempdir().unwrap();
    let put = |path: &str, text: &str| {
        let path = directory.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    let slice = "sys/fs/cgroup/system.slice";
    put(&format!("{slice}/cron.service/cgroup.procs"), "7\n8\n");
    put(&format!("{slice}/system-postgresql.slice/postgresql@15-main.service/cgroup.procs"), "9\n");
    let moves = |pid: u32, state: &str| put(&format!("proc/{pid}/stat"), &format!("{pid} (d) {state} 1\n"));
    for pid in [7, 8, 9] {
        moves(pid, "S");
    }
    let (cron, database) = ("unit:cron.service", "unit:postgresql.service");
    let mut watching = Watching::of(machine(directory.path()), &[cron, database, "unit:ssh.service"]);
    moves(7, "T");
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(watching.is_quiet().await, "one of its processes still moves");
    moves(8, "T");
    assert_eq!(watching.touched().await, [cron]);
    moves(7, "S");
    assert_eq!(watching.touched().await, [cron], "it moves again");
    moves(9, "T");
    assert_eq!(watching.touched().await, [database], "a cluster, for the unit that stands for it");
}
