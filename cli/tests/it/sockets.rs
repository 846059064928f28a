//! Every call about sockets of a whole trial, from enrolment to its end: the site's two processes, and whatever they start, are reached by nobody.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::stage::Stage;

/// What can make a socket that others reach, and what says whose call it is. A ring of its own could do so without a call of that name.
const WATCHED: &str = "trace=%network,execve,clone,clone3,fork,vfork,io_uring_setup";

#[test]
fn over_a_whole_run_nothing_on_the_machine_listens_on_a_network() {
    let stage = Stage::new();
    let calls = stage.path("calls");
    let mut trial = Command::new("strace");
    trial.args(["-f", "-qq", "--seccomp-bpf", "-e", "signal=none", "-e", WATCHED, "-o"]).arg(&calls);
    trial.arg(stage.program("suture")).args(["try", "--dir"]).arg(stage.data());
    let mut trial = trial.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    let mut looks = BTreeMap::new();
    let status = loop {
        if let Some(status) = trial.try_wait().unwrap() {
            break status;
        }
        for (process, line) in stage.processes() {
            let Some(name) = ["suture-agent", "suture-executor"]
                .into_iter()
                .find(|n| line.contains(&format!("/{n} run ")))
            else {
                continue;
            };
            assert_eq!(reachable(&process), [""; 0], "{line}");
            *looks.entry(name).or_insert(0) += 1;
        }
        std::thread::sleep(Duration::from_millis(25));
    };
    assert!(status.success(), "{status}");
    assert!(looks.len() == 2 && looks.values().all(|looks| *looks > 10), "{looks:?}");

    let of = Calls::read(&fs::read_to_string(&calls).unwrap());
    let agent = of.all("suture-agent");
    let executor = of.all("suture-executor");
    // The look sees what is there: the hub listens on two networks, the executor on a path, and the agent calls both.
    assert!(of.named("suture-hub", "listen").len() >= 2);
    assert_eq!(of.named("suture-executor", "listen").len(), 1);
    assert!(of.named("suture-agent", "connect").iter().any(|c| c.contains("sa_family=AF_INET,")));
    assert!(of.named("suture-agent", "connect").iter().any(|c| c.contains("executor.sock")));

    let bad: Vec<_> = agent.iter().filter(|call| lets_others_in(call)).collect();
    assert!(bad.is_empty(), "{bad:#?}");
    // The executor itself has no network at all; `chronyc`, which it asks for facts, calls its daemon.
    let itself = of.itself("suture-executor");
    let bad: Vec<_> = itself.iter().filter(|call| is_of_a_network(call)).collect();
    assert!(!itself.is_empty() && bad.is_empty(), "{bad:#?}");
    let started = executor.iter().filter(|call| !itself.contains(call));
    let bad: Vec<_> = started.filter(|call| lets_others_in(call)).collect();
    assert!(bad.is_empty(), "{bad:#?}");
}

/// Whether a call of the agent's, or of a program that it asks for facts, could let others in. An address of netlink's is the kernel's to answer, and
/// `chronyc` has the answers of its daemon come to a path.
fn lets_others_in(call: &str) -> bool {
    let name = call.split('(').next().unwrap_or_default();
    match name {
        "listen" | "accept" | "accept4" | "io_uring_setup" => true,
        "bind" => {
            !call.contains("sa_family=AF_NETLINK")
                && !call.contains("sa_family=AF_UNIX, sun_path=\"/run/chrony/chronyc.")
        }
        "socket" => call.contains("SOCK_RAW") && !call.contains("AF_NETLINK"),
        _ => false,
    }
}

/// Whether a call has anything to do with a network.
fn is_of_a_network(call: &str) -> bool {
    call.contains("AF_INET") || call.contains("AF_PACKET") || call.starts_with("io_uring_setup")
}

#[test]
fn a_listener_would_be_seen() {
    let text = "10 execve(\"/x/bin/suture-agent\", [\"suture-agent\"], 0x7 /* 3 vars */) = 0\n\
                11 listen(9, 128) = 0\n\
                10 clone3({flags=CLONE_VM}, 88 <unfinished ...>\n\
                12 bind(4, {sa_family=AF_INET, sin_port=htons(80)}, 16 <unfinished ...>\n\
                10 <... clone3 resumed> => {parent_tid=[12]}, 88) = 12\n\
                12 <... bind resumed>) = 0\n\
                12 clone(child_stack=NULL, flags=CLONE_CHILD_SETTID|SIGCHLD) = 13\n\
                13 execve(\"/usr/sbin/sshd\", [\"sshd\"], 0x7 /* 3 vars */) = 0\n\
                13 accept4(4, NULL, NULL, 0) = 5\n\
                10 bind(3, {sa_family=AF_NETLINK, nl_pid=0}, 12) = 0\n";
    let calls = Calls::read(text);
    let seen: Vec<_> = calls.all("suture-agent").into_iter().filter(|call| lets_others_in(call)).collect();
    assert_eq!(seen.len(), 2, "{seen:?}");
    assert!(seen[0].starts_with("bind(4") && seen[1].starts_with("accept4("), "{seen:?}");
    assert_eq!(calls.itself("sshd").len(), 2);
    assert!(is_of_a_network("socket(AF_INET6, SOCK_DGRAM, 0) = 3"));
    assert!(!is_of_a_network("socket(AF_UNIX, SOCK_STREAM, 0) = 3"));
}

/// The calls of a trial, by the program of ours that made them or started whoever did.
struct Calls {
    /// Each with the thread that made it.
    all: Vec<(u32, String)>,
    /// Which of our programs each thread belongs to, or was started by.
    owner: BTreeMap<u32, String>,
    /// Which program each thread runs.
    runs: BTreeMap<u32, String>,
}

impl Calls {
    fn read(text: &str) -> Self {
        let lines = text.lines().filter_map(|line| line.split_once(char::is_whitespace));
        let all: Vec<(u32, String)> =
            lines.filter_map(|(pid, call)| Some((pid.parse().ok()?, call.trim().to_owned()))).collect();
        // A child's first calls may stand before the end of the call that made it.
        let mut parents = BTreeMap::new();
        let (mut ours, mut execs) = (BTreeMap::new(), BTreeMap::new());
        for (pid, call) in &all {
            let name = call.trim_start_matches("<... ").split(['(', ' ']).next().unwrap_or_default();
            if ["clone", "clone3", "fork", "vfork"].contains(&name)
                && let Some(child) = call.rsplit_once(" = ").and_then(|(_, child)| child.parse::<u32>().ok())
            {
                parents.insert(child, *pid);
            }
            if let Some(path) = call.strip_prefix("execve(\"").and_then(|rest| rest.split('"').next())
                && let Some(program) = Path::new(path).file_name().and_then(|n| n.to_str())
            {
                execs.insert(*pid, program.to_owned());
                if program.starts_with("suture-") {
                    ours.insert(*pid, program.to_owned());
                }
            }
        }
        let threads: BTreeSet<u32> = all.iter().map(|(pid, _)| *pid).collect();
        let by = |named: &BTreeMap<u32, String>| {
            threads.iter().filter_map(|pid| Some((*pid, nearest(*pid, &parents, named)?))).collect()
        };
        Self { owner: by(&ours), runs: by(&execs), all }
    }

    /// Those of a program and of whatever it starts.
    fn all(&self, program: &str) -> Vec<&str> {
        self.of(&self.owner, program)
    }

    /// Those of the program alone.
    fn itself(&self, program: &str) -> Vec<&str> {
        self.of(&self.runs, program)
    }

    fn of(&self, who: &BTreeMap<u32, String>, program: &str) -> Vec<&str> {
        let own = |pid: &u32| who.get(pid).is_some_and(|named| named == program);
        self.all.iter().filter(|(pid, _)| own(pid)).map(|(_, call)| call.as_str()).collect()
    }

    fn named(&self, program: &str, call: &str) -> Vec<&str> {
        self.all(program).into_iter().filter(|c| c.split('(').next() == Some(call)).collect()
    }
}

/// What `pid` is named, or the nearest above it.
fn nearest(pid: u32, parents: &BTreeMap<u32, u32>, named: &BTreeMap<u32, String>) -> Option<String> {
    let above = std::iter::successors(Some(pid), |pid| parents.get(pid).copied());
    above.take(64).find_map(|pid| named.get(&pid).cloned())
}

/// The network sockets on which a process can be reached: TCP ones that listen, UDP and raw ones that are bound (proc(5)).
pub(crate) fn reachable(process: &Path) -> Vec<String> {
    let descriptors = fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
    let links = descriptors.filter_map(|d| fs::read_link(d.path()).ok()).map(|l| l.display().to_string());
    let own: Vec<String> =
        links.filter_map(|l| Some(l.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned())).collect();
    let mut found = Vec::new();
    for table in ["tcp", "tcp6", "udp", "udp6", "raw", "raw6"] {
        let Ok(text) = fs::read_to_string(process.join("net").join(table)) else { continue };
        for line in text.lines().skip(1) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            // One that is connected hears its peer alone.
            let can_be_reached = fields[3] == if table.starts_with("tcp") { "0A" } else { "07" };
            if can_be_reached && own.iter().any(|inode| inode == fields[9]) {
                found.push(format!("{table} {}", fields[1]));
            }
        }
    }
    found
}
