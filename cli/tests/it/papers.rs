//! What an operator sets reaches the machine: real hub, agent and executor, the command line, and the evidence that says what became of it.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use contract::fact::{Absence, FactValue};
use contract::finding::Verdict;
use contract::paper::PaperKind;
use contract::record::{Body, PaperState, Record};
use rustix::process::{Pid, Signal, kill_process};

use super::stage::Stage;

const PATIENCE: Duration = Duration::from_secs(60);
const PORTS: &str = "network.unlisted-ports";

/// The trial, watching on, and where its hub's operator plane is.
struct Kept<'a> {
    stage: &'a Stage,
    child: Child,
    hub: String,
}

impl Drop for Kept<'_> {
    fn drop(&mut self) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        let _ = kill_process(pid, Signal::INT);
        let _ = self.child.wait();
    }
}

impl<'a> Kept<'a> {
    fn begin(stage: &'a Stage) -> Self {
        let mut command = stage.try_command();
        let mut child = command.arg("--keep").stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let (mut all, mut line) = (String::new(), String::new());
        while !line.contains("Ctrl-C") {
            line.clear();
            assert!(out.read_line(&mut line).unwrap() > 0, "it ended before it watched: {all}");
            all.push_str(&line);
        }
        // Read on, so that it is not held up.
        std::thread::spawn(move || out.lines().for_each(drop));
        let at = all.split("operator plane 127").nth(1).and_then(|rest| rest.split_whitespace().next());
        let hub = at.map_or_else(|| panic!("no hub in {all}"), |rest| format!("http://127{rest}"));
        Self { stage, child, hub }
    }

    fn suture(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(self.stage.program("suture"));
        command.args(arguments).args(["--hub", &self.hub, "--token-file"]);
        command.arg(self.stage.data().join("operator.token")).output().unwrap()
    }

    fn done(&self, arguments: &[&str]) {
        let output = self.suture(arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// The published records; none while they are just being published.
    fn records(&self) -> Option<Vec<Record>> {
        let partial = fs::read_dir(self.stage.evidence().join("tile/entries/000.p")).ok()?;
        let names = partial.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let width = names.filter_map(|name| name.parse::<u16>().ok()).max()?;
        let bytes = fs::read(self.stage.evidence().join(format!("tile/entries/000.p/{width}"))).ok()?;
        let entries = tlog::tile::bundle::entries(&bytes, width);
        entries.map(|e| Record::parse(e.ok()?).ok()).collect()
    }

    fn await_record(&self, what: &str, is: impl Fn(&Record) -> bool) {
        let began = Instant::now();
        while !self.records().is_some_and(|records| records.iter().any(&is)) {
            assert!(began.elapsed() < PATIENCE, "waited in vain: {what}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits until the control was last found so.
    fn await_verdict(&self, what: &str, is: impl Fn(&Verdict) -> bool) {
        let began = Instant::now();
        loop {
            let records = self.records().unwrap_or_default();
            let found = records.iter().rev().find_map(|record| match &record.body {
                Body::Findings(taken) => {
                    taken.findings.iter().find(|f| f.control.as_str() == PORTS).map(|f| f.verdict.clone())
                }
                _ => None,
            });
            if found.as_ref().is_some_and(&is) {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "waited in vain: {what}; it is {found:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

#[test]
fn an_operators_allowlist_and_exceptions_reach_the_machine_without_a_restart() {
    let listener = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let stage = Stage::new();
    let kept = Kept::begin(&stage);
    let not_declared = Verdict::NotAssessed(Absence::NotDeclared);
    kept.await_verdict("no list, no verdict", |v| *v == not_declared);

    let list = stage.path("allowlist.yaml");
    fs::write(&list, "listening:\n  tcp: []\n  udp: []\n  sctp: []\n").unwrap();
    let set = ["allowlist", "--tenant", "local", "--site", "here", list.to_str().unwrap()];
    let refused = kept.suture(&set);
    let words = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(65), "{words}");
    assert!(words.contains("allowlist.yaml:4:3"), "{words}");

    fs::write(&list, "listening: { tcp: [], udp: [] }\n").unwrap();
    kept.done(&set);
    kept.await_record("the record of the list", |record| match &record.body {
        Body::PaperTaken(taken) => {
            (taken.paper, taken.state) == (PaperKind::Allowlist, PaperState::InForce) && taken.number > 0
        }
        _ => false,
    });
    kept.await_verdict(
        "the port that is not listed",
        |v| matches!(v, Verdict::Fail(FactValue::Ports(ports)) if ports.contains(&port)),
    );

    let today = edge::clock::utc();
    let day = |days: u64| today.plus_ms(days * 24 * 60 * 60 * 1000).to_string()[..10].to_owned();
    let accepted = stage.path("exceptions.yaml");
    let text = |control: &str| {
        format!(
            "- control: {control}\n  reason: The old device cannot do otherwise.\n  risk: Somebody reads along.\n  compensating_controls: \
             [It stands in a locked room.]\n  owner: Ann Example\n  approver: Ben Example\n  from: {}\n  until: {}\n",
            day(0),
            day(30)
        )
    };
    let set = ["exceptions", "--tenant", "local", accepted.to_str().unwrap()];
    fs::write(&accepted, text("no.such-control")).unwrap();
    let refused = kept.suture(&set);
    let words = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(65), "{words}");
    assert!(words.contains("exceptions.yaml:1: the baseline has no control no.such-control"), "{words}");
    fs::write(&accepted, text(PORTS)).unwrap();
    kept.done(&set);
    kept.await_verdict("the accepted failure", |v| matches!(v, Verdict::Excepted(_)));

    kept.done(&["exceptions", "--tenant", "local", "--take-back"]);
    kept.await_verdict("the failure again", |v| matches!(v, Verdict::Fail(_)));
    kept.done(&["allowlist", "--tenant", "local", "--site", "here", "--take-back"]);
    kept.await_verdict("no list again", |v| *v == not_declared);
}

#[test]
fn calls_and_what_runs_teach_are_listed_and_what_is_not_there_is_said() {
    let stage = Stage::new();
    let kept = Kept::begin(&stage);
    let said = |arguments: &[&str]| {
        let Output { status, stdout, stderr } = kept.suture(arguments);
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (status.code(), text(stdout), text(stderr))
    };
    let (code, words, _) = said(&["learning"]);
    assert_eq!((code, words.trim()), (Some(0), "0 changes of the rules were proposed"));
    assert_eq!(said(&["learning", "--json"]).1.trim_end(), r#"{"learning":[]}"#);
    let (code, _, why) = said(&["learning", "approve", "7", "--canary", "local/here"]);
    assert!(code != Some(0) && why.contains('7'), "{code:?} {why}");
    let (code, _, why) = said(&["learning", "approve", "7", "--canary", "here"]);
    assert!(code == Some(2) && why.contains("TENANT/SITE"), "{code:?} {why}");
    assert_eq!(said(&["calls", "--json"]).1.trim_end(), r#"{"calls":[]}"#);
    let (code, _, why) = said(&["calls", "take", "18446744073709551615"]);
    assert!(code != Some(0) && why.contains("no call"), "{code:?} {why}");
}
