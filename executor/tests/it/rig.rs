//! A hub's key, a sheet, an executor started from it, and a connection that behaves like an agent's.

use std::fs::{self, Permissions};
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};

use contract::baseline::{Baseline, Control};
use contract::blob::Blob;
use contract::decision::Provenance;
use contract::digest::Digest;
use contract::dsse::{HubSigner, OperatorSigner, PayloadType};
use contract::fact::Absence;
use contract::finding::{Finding, Verdict};
use contract::frame;
use contract::order::Order;
use contract::paper::{Paper, PaperKind};
use contract::plane::EnrolmentSheet;
use contract::record::{Kind, Record};
use contract::runbook::{Catalogue, CatalogueFile};
use contract::socket::{Answer, OrderAnswer, PROTOCOL, Question};
use guest::Guest;
use tempfile::TempDir;
use tlog::cosignature::CosignatureTime;
use tlog::note::SignatureType;
use tlog::{SignedNote, SigningKey, VerifiedCheckpoint};

const EXECUTOR: &str = env!("CARGO_BIN_EXE_suture-executor");
pub(crate) const BASELINE: &str = include_str!("../../../baseline/hipaa-v1.yaml");
const OWN: &str = include_str!("../../../runbooks/RB-FILE-001-own-directories.yaml");
const FILES: &str = include_str!("../../../runbooks/RB-FILE-002-system-files.yaml");

/// How many records a log begins with: opened, the policy that holds, what the kernel offers.
pub(crate) const BEGINNING: usize = 3;
/// The records of a run of one step that healed.
pub(crate) const HEALED: [Kind; 5] = [Kind::Accepted, Kind::Intent, Kind::Moved, Kind::Moved, Kind::Ended];

pub(crate) struct Rig {
    /// Where the executor runs, if not on this machine. Dropped first: the directory is its as well.
    pub(crate) guest: Option<Guest>,
    dir: TempDir,
    hub: HubSigner,
    catalogue: Catalogue,
    baseline: Baseline,
}

/// A running executor. Killed, without being asked, when it is dropped.
pub(crate) struct Running {
    pub(crate) child: Child,
}

impl Running {
    /// Asks it to stop, as a supervisor does, and waits. One that ended already is as good.
    pub(crate) fn stop(&mut self) -> ExitStatus {
        if self.child.try_wait().unwrap().is_none() {
            let pid = rustix::process::Pid::from_child(&self.child);
            rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        }
        self.child.wait().unwrap()
    }
}

/// The executor's directory as it once was, to begin from more than once.
pub(crate) struct Template(PathBuf);

impl Template {
    /// Keeps it as it is now. The executor is stopped.
    pub(crate) fn of(rig: &Rig) -> Self {
        let kept = rig.path("template");
        assert!(
            Command::new("cp").arg("-a").arg(rig.path("executor")).arg(&kept).status().unwrap().success()
        );
        Self(kept)
    }

    pub(crate) fn put_back(&self, rig: &Rig) {
        fs::remove_dir_all(rig.path("executor")).unwrap();
        let copied = Command::new("cp").arg("-a").arg(&self.0).arg(rig.path("executor")).status().unwrap();
        assert!(copied.success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Rig {
    pub(crate) fn new() -> Self {
        let file = |name: &str, text: &str| CatalogueFile { file: format!("{name}.yaml"), text: text.into() };
        let files = vec![file("RB-FILE-001-own-directories", OWN), file("RB-FILE-002-system-files", FILES)];
        Self::at(tempfile::tempdir().unwrap(), None, files)
    }

    /// One whose site approved these runbooks.
    pub(crate) fn with(files: Vec<CatalogueFile>) -> Self {
        Self::at(tempfile::tempdir().unwrap(), None, files)
    }

    /// The same, inside a systemd machine of its own: all paths are equal on both sides.
    pub(crate) fn in_guest() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let guest = Guest::plan().share(&dir).show_program(EXECUTOR).boot();
        let rig = Self::at(dir, Some(guest), shipped());
        replace_in(&rig.path("executor/executor.yaml"), "mode: observe", "mode: enforce");
        rig
    }

    fn at(dir: TempDir, guest: Option<Guest>, files: Vec<CatalogueFile>) -> Self {
        let hub = HubSigner::from_seed(&[9; 32]);
        let bundle = Catalogue::bundle(files).unwrap();
        let sheet = sheet(&hub, &bundle);
        let root = dir.path();
        fs::write(root.join("sheet.json"), serde_json::to_vec(&sheet).unwrap()).unwrap();
        fs::create_dir(root.join("agent-keys")).unwrap();
        fs::set_permissions(root.join("agent-keys"), Permissions::from_mode(0o700)).unwrap();
        let catalogue = Catalogue::parse(&bundle).unwrap();
        let baseline = Baseline::parse("b", BASELINE).unwrap();
        let rig = Self { guest, dir, hub, catalogue, baseline };
        let output = rig.init();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        rig
    }

    pub(crate) fn init(&self) -> Output {
        let path = |name: &str| self.path(name).display().to_string();
        let mut command = self.executor();
        command
            .args(["init", "--sheet", &path("sheet.json"), "--dir", &path("executor")])
            .args(["--socket", &path("run/s"), "--agent-uid", &uid(), "--agent-keys", &path("agent-keys")])
            .args(["--enforce", "RB-FILE-001-own-directories"]);
        match &self.guest {
            Some(guest) => guest.output(&mut command).unwrap(),
            None => command.output().unwrap(),
        }
    }

    /// The program, wherever it is to run.
    fn executor(&self) -> Command {
        self.guest.as_ref().map_or_else(|| Command::new(EXECUTOR), |guest| guest.command(EXECUTOR))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn evidence(&self) -> PathBuf {
        self.path("executor/evidence")
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = self.executor();
        command.args(["run", "--events", "--config"]).arg(self.path("executor/executor.yaml"));
        command
    }

    /// Starts it and waits until it is ready.
    pub(crate) fn start(&self) -> Running {
        let mut command = self.command();
        match &self.guest {
            Some(guest) => {
                let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
                Self::await_ready(guest.spawn(command).unwrap())
            }
            None => Self::ready(&mut command),
        }
    }

    pub(crate) fn ready(command: &mut Command) -> Running {
        Self::await_ready(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    }

    fn await_ready(mut child: Child) -> Running {
        // One reader for all lines: what it read ahead is in it alone.
        let mut lines = BufReader::new(child.stdout.as_mut().unwrap());
        let mut line = String::new();
        while !line.contains("executor_ready") {
            if lines.read_line(&mut line).unwrap() == 0 {
                let mut words = String::new();
                child.stderr.as_mut().unwrap().read_to_string(&mut words).unwrap();
                let status = child.wait().unwrap();
                panic!("the executor ended before it was ready: {status}: {line}{words}");
            }
        }
        Running { child }
    }

    /// Runs it to its end, for what must not start.
    pub(crate) fn fails(&self) -> (Option<i32>, String) {
        let output = match &self.guest {
            Some(guest) => guest.output(&mut self.command()).unwrap(),
            None => self.command().output().unwrap(),
        };
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    }

    pub(crate) fn connect(&self) -> UnixStream {
        let socket = self.path("run/s");
        match &self.guest {
            Some(guest) => guest.connect(&socket).unwrap(),
            None => UnixStream::connect(socket).unwrap(),
        }
    }

    /// Connects and says hello.
    pub(crate) fn agent(&self) -> UnixStream {
        let mut stream = self.connect();
        let hello = Question::Hello { protocol: PROTOCOL, software: "test".into() };
        assert!(matches!(ask(&mut stream, &hello), Answer::Welcome { .. }));
        stream
    }

    /// An order as the hub would sign it.
    pub(crate) fn order(&self, control: &str, runbook: &str, counter: u64) -> Order {
        let control = self.baseline.control(&control.parse().unwrap()).unwrap();
        let approved = self.catalogue.runbook(&runbook.parse().unwrap()).unwrap();
        let now = edge::clock::utc();
        Order {
            order: format!("o-{counter}").parse().unwrap(),
            tenant: "clinic".parse().unwrap(),
            site: "main".parse().unwrap(),
            host: "h-1".parse().unwrap(),
            incident: format!("i-{counter}").parse().unwrap(),
            control: control.id.clone(),
            runbook: approved.runbook.id.clone(),
            runbook_digest: approved.digest,
            catalogue_digest: self.catalogue.digest(),
            parameters: approved.runbook.bind(control).unwrap(),
            counter,
            issued: now,
            expires: now.plus_ms(60_000),
            provenance: Provenance::Rules { table: Digest::of(b"rules"), rule: Some("r".into()) },
            break_glass: None,
        }
    }

    /// A finding for every control of the baseline.
    pub(crate) fn all_not_assessed(&self) -> Vec<Finding> {
        let finding = |control: &Control| Finding {
            control: control.id.clone(),
            fact: control.observe.clone(),
            verdict: Verdict::NotAssessed(Absence::DoesNotApply),
        };
        self.baseline.controls().iter().map(finding).collect()
    }

    pub(crate) fn own_order(&self, counter: u64) -> Order {
        self.order("suture.evidence-directory", "RB-FILE-001-own-directories", counter)
    }

    /// A paper as the hub would write it for this host.
    pub(crate) fn paper(kind: PaperKind, number: u64, text: Option<&str>) -> Paper {
        Paper {
            kind,
            tenant: "clinic".parse().unwrap(),
            site: "main".parse().unwrap(),
            host: "h-1".parse().unwrap(),
            number,
            issued: edge::clock::utc(),
            text: text.map(str::to_owned),
        }
    }

    pub(crate) fn sign_paper(&self, paper: &Paper) -> Vec<u8> {
        self.sign_as(PayloadType::Paper, &serde_json::to_vec(paper).unwrap())
    }

    pub(crate) fn sign_as(&self, kind: PayloadType, payload: &[u8]) -> Vec<u8> {
        self.hub.sign(kind, payload)
    }

    pub(crate) fn sign(&self, order: &Order) -> Vec<u8> {
        self.hub.sign(PayloadType::Order, &serde_json::to_vec(order).unwrap())
    }

    /// Pins a person's key, so that orders can bear that person's signature. What breaks and is repaired again and again is left to a person: with it
    /// a test may repair as often as it likes.
    pub(crate) fn pin_a_person(&self) {
        let key = String::from(person().public());
        let config = self.path("executor/executor.yaml");
        let text = fs::read_to_string(&config).unwrap();
        fs::write(&config, format!("{text}operators: {{ jane: \"{key}\" }}\n")).unwrap();
    }

    /// An order with that person's signature.
    pub(crate) fn sign_with_a_person(&self, order: &Order) -> Vec<u8> {
        person().approve(&self.sign(order)).unwrap()
    }

    pub(crate) fn send(&self, stream: &mut UnixStream, order: &Order) -> OrderAnswer {
        send(stream, &self.sign(order))
    }

    /// The log's head as the hub's witness would give it back.
    pub(crate) fn cosigned_head(&self, agent: &mut UnixStream) -> String {
        let Answer::Entries(package) = ask(agent, &Question::Entries { from: 0 }) else {
            panic!("no entries")
        };
        self.cosigned(&package.checkpoint, &witness())
    }

    pub(crate) fn cosigned(&self, head: &str, witness: &SigningKey) -> String {
        let mut note = SignedNote::parse(head.as_bytes()).unwrap();
        let key = executor::keystore::Place::current(&self.path("executor/keys"), None)
            .load("hub.example/h-1")
            .unwrap();
        let head = VerifiedCheckpoint::from_note(note.clone(), key.verifier()).unwrap();
        let time = CosignatureTime::from_unix_seconds(edge::clock::utc().unix_seconds()).unwrap();
        note.add(tlog::cosignature::cosign(&head, witness, time).unwrap()).unwrap();
        note.to_string()
    }

    pub(crate) fn loosen_also(&self, name: &str) {
        fs::set_permissions(self.path(name), Permissions::from_mode(0o755)).unwrap();
    }

    pub(crate) fn loosen(&self) {
        fs::set_permissions(self.evidence(), Permissions::from_mode(0o755)).unwrap();
    }

    pub(crate) fn mode(&self) -> u32 {
        fs::metadata(self.evidence()).unwrap().permissions().mode() & 0o7777
    }

    /// All records, read by the evidence crate as it would at a start: every hash and place is checked.
    pub(crate) fn records(&self) -> Vec<Record> {
        let mut records = Vec::new();
        let key = executor::keystore::Place::current(&self.path("executor/keys"), None)
            .load("hub.example/h-1")
            .unwrap();
        evidence::LogWriter::open(&self.evidence(), key, |r| records.push(r.clone())).unwrap();
        records
    }
}

fn person() -> OperatorSigner {
    OperatorSigner::from_seed(&[31; 32])
}

/// Every runbook that is shipped.
fn shipped() -> Vec<CatalogueFile> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../runbooks");
    let read = |entry: std::io::Result<fs::DirEntry>| {
        let path = entry.unwrap().path();
        let file = path.file_name().unwrap().to_str().unwrap().to_owned();
        CatalogueFile { file, text: fs::read_to_string(&path).unwrap() }
    };
    let files = fs::read_dir(directory).unwrap().map(read);
    files.filter(|file| file.text.contains("\nverification:")).collect()
}

pub(crate) fn uid() -> String {
    rustix::process::geteuid().as_raw().to_string()
}

pub(crate) fn ask(stream: &mut UnixStream, question: &Question) -> Answer {
    frame::write(stream, question).unwrap();
    frame::read(stream).unwrap()
}

pub(crate) fn send(stream: &mut UnixStream, envelope: &[u8]) -> OrderAnswer {
    // A run that takes a while is asked for again.
    for _ in 0..60 {
        match ask(stream, &Question::Order { envelope: Blob(envelope.to_vec()) }) {
            Answer::Order(answer) => return answer,
            Answer::UnderWay { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    panic!("a run did not end within two minutes")
}

pub(crate) fn replace_in(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{from:?} is not in {text}");
    fs::write(path, text.replace(from, to)).unwrap();
}

/// The hub's witness.
pub(crate) fn witness() -> SigningKey {
    SigningKey::from_seed("hub.example/witness".parse().unwrap(), SignatureType::CosignatureV1, &[5; 32])
        .unwrap()
}

fn sheet(hub: &HubSigner, bundle: &[u8]) -> EnrolmentSheet {
    EnrolmentSheet {
        hub: "https://localhost:1".into(),
        hub_authority: String::new(),
        hub_key: hub.public(),
        witness_key: witness().verifier().to_string(),
        tenant: "clinic".parse().unwrap(),
        site: "main".parse().unwrap(),
        host: "h-1".parse().unwrap(),
        origin: "hub.example/h-1".into(),
        token: "t-1".parse().unwrap(),
        secret: String::new(),
        bootstrap_certificate: String::new(),
        bootstrap_key: String::new(),
        baseline: Blob(hub.sign(PayloadType::Baseline, BASELINE.as_bytes())),
        catalogue: Blob(hub.sign(PayloadType::Catalogue, bundle)),
        allowlist: None,
    }
}
