//! The dead-man timer and the look from outside, with a real SSH server and a real packet filter.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::inside::{Inside, driver};

const SNAPSHOTS: &str = "/var/lib/suture-snapshots";
const STEP: &str = "/var/lib/suture-snapshots/order-0123456789abcdef/0";
const DROP_IN: &str = "/etc/ssh/sshd_config.d/10-x.conf";
const SHUT: &str =
    "table inet f {\n chain i {\n type filter hook input priority 0; policy drop;\n iif lo accept\n }\n}\n";
const LIMIT: Duration = Duration::from_secs(20);

struct Machine(Inside);

/// One run of the stand-in for the executor, which has acted.
struct Run {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Machine {
    fn boot() -> Option<Self> {
        let inside = Inside::boot()?;
        inside.guest.ok("install -d -m 0700 /var/lib/suture-snapshots");
        Some(Self(inside))
    }

    fn program() -> PathBuf {
        driver().with_file_name("dead-man")
    }

    /// Starts a run and waits until it has acted.
    fn acts(&self, action: &Value, more: &Value) -> Run {
        let mut asked =
            json!({"action": action, "snapshots": SNAPSHOTS, "after_ms": 4000, "starter": "systemd"});
        asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let mut command = self.0.guest.command(Self::program());
        command.arg("run").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = self.0.guest.spawn(&mut command).unwrap();
        writeln!(child.stdin.take().unwrap(), "{asked}").unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut run = Run { child, lines };
        assert_eq!(run.said(), "acted");
        run
    }

    fn words(&self, words: &[&str]) -> String {
        let program = Self::program();
        let output = self.0.guest.run(&[&[program.to_str().unwrap()], words].concat());
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn looks(&self, way: &str) -> String {
        self.words(&["check", way])
    }

    fn state(&self) -> String {
        self.0.guest.ok(&format!(
            "cd {STEP}; for s in armed confirmed withdrawn firing fired; do test -e dead-man.$s && echo $s; done; true"
        ))
    }

    #[track_caller]
    fn awaits(&self, state: &str) {
        let until = Instant::now() + LIMIT;
        while self.state() != state {
            assert!(Instant::now() < until, "it is {:?} and not {state}", self.state());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn watchers(&self) -> usize {
        let found = self.0.guest.sh("pgrep -fc 'dead-man dead-ma[n] /var'");
        String::from_utf8_lossy(&found.stdout).trim().parse().unwrap()
    }

    /// Nobody keeps a time any more, soon.
    #[track_caller]
    fn nobody_watches(&self) {
        let until = Instant::now() + LIMIT;
        while self.watchers() > 0 {
            assert!(Instant::now() < until, "the process is left");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Run {
    fn said(&mut self) -> String {
        self.lines.next().unwrap().unwrap()
    }

    fn killed(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn ended(mut self) -> String {
        let said = self.said();
        assert!(self.child.wait().unwrap().success());
        said
    }
}

fn port(port: u16) -> Value {
    json!({"file.restore": {"target": DROP_IN, "content": format!("Port {port}\n"), "validate": "sshd"}})
}

fn firewall() -> Value {
    json!({"firewall.restore": {"ruleset": "/etc/nftables.conf"}})
}

#[test]
fn a_look_from_outside_sees_what_loopback_does_not_guest() {
    let Some(machine) = Machine::boot() else { return };
    let guest = &machine.0.guest;
    let links = guest.ok("ls /sys/class/net");
    assert_eq!((machine.looks("sshd"), machine.looks("firewall")), ("ok".into(), "ok".into()));
    guest.put("/tmp/shut.nft", SHUT.as_bytes());
    guest.ok("nft -f /tmp/shut.nft");
    guest.ok("timeout 2 sh -c 'socat -u TCP:127.0.0.1:22 - | head -c 8' | grep -q SSH-2.0-");
    assert_eq!((machine.looks("sshd"), machine.looks("firewall")), ("NoAnswer".into(), "NoAnswer".into()));
    guest.ok("nft add rule inet f i tcp dport 22 accept");
    assert_eq!(machine.looks("firewall"), "ok");
    assert_eq!(guest.ok("ls /sys/class/net"), links, "a cable is left");

    // A listener that is no SSH server, a server that is down, one that would not start again, and none at all.
    // Debian's unit takes the directory along that sshd wants to be there before it reads anything.
    guest.ok("systemctl stop ssh && mkdir -p /run/sshd && systemd-run -q socat TCP-LISTEN:22,reuseaddr,fork EXEC:'echo hello'");
    guest.ok("timeout 10 sh -c 'until ss -Hltn sport = :22 | grep -q .; do sleep 0.05; done'");
    assert_eq!((machine.looks("firewall"), machine.looks("sshd")), ("NoAnswer".into(), "NotRunning".into()));
    guest.put(DROP_IN, b"Port x\n");
    assert_eq!(machine.looks("sshd"), "Configuration");
    guest.put(DROP_IN, b"ListenAddress 127.0.0.1\n");
    assert_eq!(
        machine.looks("firewall"),
        "OutOfSight",
        "somebody listens, and nobody can see whom it lets in"
    );
    guest.ok("systemctl stop 'run-*.service'");
    assert_eq!(
        (machine.looks("firewall"), machine.looks("sshd")),
        ("NothingToReach".into(), "NothingToReach".into())
    );
    // systemd waits for the first who comes.
    guest.ok("systemctl start ssh.socket");
    assert_eq!(machine.looks("firewall"), "OutOfSight");
}

#[test]
fn an_address_of_the_machine_s_own_is_reached_from_outside_guest() {
    let Some(machine) = Machine::boot() else { return };
    let guest = &machine.0.guest;
    guest.ok("ip addr add 10.7.7.7/32 dev lo");
    guest.put(DROP_IN, b"ListenAddress 10.7.7.7\nPort 2222\n");
    guest.ok("systemctl restart ssh");
    assert_eq!(machine.looks("sshd"), "ok");
}

#[test]
fn accounts_let_somebody_in_or_not_guest() {
    let Some(machine) = Machine::boot() else { return };
    let guest = &machine.0.guest;
    guest.ok("usermod -p '*' root");
    assert_eq!(machine.looks("accounts"), "NobodyCanGetIn");
    guest.ok("useradd -m ann && usermod -aG sudo -p '$6$a$b' -s /bin/bash ann");
    assert_eq!(machine.looks("accounts"), "ok");
    guest.ok("usermod --lock ann");
    assert_eq!(machine.looks("accounts"), "NobodyCanGetIn");
    guest.ok("install -d -m 0700 ~ann/.ssh && echo 'ssh-ed25519 AAAA ann' >~ann/.ssh/authorized_keys");
    assert_eq!(machine.looks("accounts"), "ok");
    guest.ok("usermod -s /usr/sbin/nologin ann");
    assert_eq!(machine.looks("accounts"), "NobodyCanGetIn");
}

#[test]
fn a_port_that_nobody_reaches_is_not_confirmed_and_comes_back_guest() {
    let Some(machine) = Machine::boot() else { return };
    let guest = &machine.0.guest;
    guest.put(
        "/tmp/web.nft",
        SHUT.replace("iif lo accept\n", "iif lo accept\n tcp dport 22 accept\n").as_bytes(),
    );
    guest.ok("nft -f /tmp/web.nft");
    let more = json!({"restart": ["ssh.service"], "then": "check"});
    assert_eq!(machine.acts(&port(2222), &more).ended(), "NoAnswer");
    assert_eq!(guest.read(DROP_IN), b"Port 2222\n");
    machine.awaits("fired");
    assert!(!guest.sh(&format!("test -e {DROP_IN}")).status.success());
    assert_eq!(machine.looks("sshd"), "ok", "the server goes on with what is no longer in its file");
    machine.nobody_watches();
}

#[test]
fn what_was_confirmed_stays_and_nothing_is_left_running_guest() {
    let Some(machine) = Machine::boot() else { return };
    for starter in ["systemd", "own_session"] {
        let more = json!({"restart": ["ssh.service"], "then": "check", "after_ms": 6000, "starter": starter});
        assert_eq!(machine.acts(&port(2222), &more).ended(), "confirmed true", "{starter}");
        machine.nobody_watches();
        std::thread::sleep(Duration::from_millis(6200));
        assert_eq!((machine.state().as_str(), machine.looks("sshd").as_str()), ("confirmed", "ok"));
        assert_eq!(machine.words(&["pending", SNAPSHOTS]), "put back 0, unreadable 0");
    }
}

#[test]
fn the_executor_killed_before_it_confirms_is_no_reason_to_be_locked_out_guest() {
    let Some(machine) = Machine::boot() else { return };
    let guest = &machine.0.guest;
    guest.put("/etc/nftables.conf", SHUT.as_bytes());
    guest.ok("nft add table inet before");
    let rules = || guest.ok("nft -s list ruleset");
    let was = rules();
    for starter in ["systemd", "own_session"] {
        let began = Instant::now();
        let run = machine.acts(&firewall(), &json!({"then": "hang", "starter": starter, "after_ms": 3000}));
        run.killed();
        assert_eq!((machine.state().as_str(), machine.watchers()), ("armed", 1), "{starter}");
        assert_eq!(machine.looks("firewall"), "NoAnswer");
        machine.awaits("fired");
        assert!(began.elapsed() >= Duration::from_secs(3), "{starter}: it fired early");
        assert_eq!((rules(), machine.looks("firewall")), (was.clone(), "ok".into()), "{starter}");
        machine.nobody_watches();
    }
}

#[test]
fn a_packet_filter_that_drops_everything_is_put_back_in_time_guest() {
    let Some(machine) = Machine::boot() else { return };
    machine.0.guest.put("/etc/nftables.conf", SHUT.as_bytes());
    let began = Instant::now();
    assert_eq!(machine.acts(&firewall(), &json!({"then": "check", "after_ms": 5000})).ended(), "NoAnswer");
    while machine.looks("firewall") != "ok" {
        assert!(began.elapsed() < LIMIT, "nobody gets in any more");
    }
    assert_eq!(machine.state(), "fired");
}

#[test]
fn accounts_that_were_locked_and_not_confirmed_are_given_back_guest() {
    let Some(machine) = Machine::boot() else { return };
    let guest = &machine.0.guest;
    guest.ok("usermod -p '*' root && useradd --system svc && usermod -p '$6$a$b' svc");
    let was = guest.read("/etc/shadow");
    let action = json!({"user.lock": {"which": "system_with_password"}});
    assert_eq!(machine.acts(&action, &json!({"then": "check", "after_ms": 1500})).ended(), "NobodyCanGetIn");
    machine.awaits("fired");
    assert_eq!(guest.read("/etc/shadow"), was);
}

#[test]
fn a_confirmation_that_comes_too_late_is_told_so_guest() {
    let Some(machine) = Machine::boot() else { return };
    machine.0.guest.put("/etc/nftables.conf", SHUT.as_bytes());
    let mut run = machine.acts(&firewall(), &json!({"then": "confirm_late", "after_ms": 300}));
    assert_eq!(run.said(), "confirmed false");
    assert_eq!((machine.state().as_str(), machine.looks("firewall").as_str()), ("fired", "ok"));
}

#[test]
fn after_a_power_cut_the_next_start_puts_the_old_state_back_guest() {
    let Some(machine) = Machine::boot() else { return };
    let guest = &machine.0.guest;
    guest.put("/etc/nftables.conf", SHUT.as_bytes());
    let more = json!({"then": "hang", "after_ms": 600_000, "starter": "own_session"});
    machine.acts(&firewall(), &more).killed();
    guest.ok("pkill -KILL -f 'dead-man dead-ma[n] /var'");
    machine.nobody_watches();
    assert_eq!((machine.state().as_str(), machine.looks("firewall").as_str()), ("armed", "NoAnswer"));
    // Cut off once more while it fires.
    guest.ok(&format!("mv {STEP}/dead-man.armed {STEP}/dead-man.firing"));
    guest.ok(&format!("install -d {SNAPSHOTS}/other/1 && touch {SNAPSHOTS}/other/1/dead-man.armed"));
    assert_eq!(machine.words(&["pending", SNAPSHOTS]), "put back 1, unreadable 1");
    assert_eq!((machine.state().as_str(), machine.looks("firewall").as_str()), ("fired", "ok"));
    assert_eq!(machine.words(&["pending", SNAPSHOTS]), "put back 0, unreadable 1");
}

#[test]
fn a_watcher_that_is_killed_is_started_again_and_keeps_its_time_guest() {
    let Some(machine) = Machine::boot() else { return };
    let guest = &machine.0.guest;
    guest.put("/etc/nftables.conf", SHUT.as_bytes());
    machine.acts(&firewall(), &json!({"then": "hang", "after_ms": 3000})).killed();
    guest.ok("pkill -KILL -f 'dead-man dead-ma[n] /var'");
    machine.awaits("fired");
    assert_eq!(machine.looks("firewall"), "ok");
}

#[test]
fn without_a_watcher_nothing_is_done_guest() {
    let Some(machine) = Machine::boot() else { return };
    let guest = &machine.0.guest;
    guest.put("/etc/nftables.conf", SHUT.as_bytes());
    // A unit of that name is there already, so none can be started.
    let name = contract::digest::Digest::of(format!("{STEP}/dead-man.json").as_bytes()).short(16);
    guest.put(
        &format!("/etc/systemd/system/suture-dead-man-{name}.service"),
        b"[Service]\nExecStart=/bin/true\n",
    );
    guest.ok("systemctl daemon-reload");
    let mut command = guest.command(Machine::program());
    command.arg("run").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = guest.spawn(&mut command).unwrap();
    let asked = json!({
        "action": firewall(), "snapshots": SNAPSHOTS, "after_ms": 1000, "starter": "systemd", "then": "check",
    });
    writeln!(child.stdin.take().unwrap(), "{asked}").unwrap();
    let output = child.wait_with_output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && complaint.contains("cannot be started"), "{complaint}");
    assert_eq!((guest.ok("nft list ruleset"), machine.state()), (String::new(), "withdrawn".into()));
}

#[test]
fn what_cannot_be_put_back_yet_is_tried_again_until_it_can_guest() {
    let Some(machine) = Machine::boot() else { return };
    let guest = &machine.0.guest;
    guest.put("/etc/nftables.conf", SHUT.as_bytes());
    machine.acts(&firewall(), &json!({"then": "hang", "after_ms": 500})).killed();
    guest.ok(&format!(
        "cp -a {STEP}/ruleset.nft.* /var/kept && echo 'table inet forged' >>$(ls {STEP}/ruleset.nft.*)"
    ));
    machine.awaits("firing");
    // Longer than one process tries: systemd starts another.
    std::thread::sleep(Duration::from_secs(7));
    assert_eq!((machine.state().as_str(), machine.looks("firewall").as_str()), ("firing", "NoAnswer"));
    guest.ok(&format!("cp -a /var/kept $(ls {STEP}/ruleset.nft.*)"));
    machine.awaits("fired");
    assert_eq!((guest.ok("nft list ruleset"), machine.looks("firewall")), (String::new(), "ok".into()));
}
