//! A hub as it is run, with real processes: made, looked through, backed up while it works, restored, and let back into from its own machine.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use contract::event::{Event, Traced};
use contract::order::Order;
use contract::plane::{Enrolled, EnrolmentSheet, EvidenceHeld, EvidenceTaken};
use contract::record::{Body, Record, Stage as Acts, SuccessionReason};
use identity::DeviceKey;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::log::Log;
use crate::process::{serve, terminate};
use crate::restoring::epoch_of;
use crate::stage::{Device, bootstrap, client, parsed, plain, request};

pub(crate) fn hub(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_suture-hub")).args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// Runs a command of a hub that must succeed, and reads its JSON.
pub(crate) fn done(arguments: &[&str]) -> Value {
    let (code, out, err) = hub(&[arguments, &["--json"]].concat());
    assert_eq!(code, 0, "{arguments:?}: {err}");
    serde_json::from_str(&out).unwrap()
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A hub's process.
pub(crate) struct Process {
    pub(crate) child: Child,
    pub(crate) device: u16,
    operator: String,
    token: String,
}

impl Process {
    pub(crate) fn start(directory: &Path) -> Self {
        Self::started(serve(directory))
    }

    pub(crate) fn started(mut command: Command) -> Self {
        let mut child =
            command.args(["--operator", "127.0.0.1:0", "--events"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let mut events = BufReader::new(child.stdout.take().unwrap());
        events.read_line(&mut line).unwrap();
        // What the hub says later is not read, and must have somewhere to go.
        std::thread::spawn(move || std::io::copy(&mut events, &mut std::io::sink()));
        let Event::HubReady { device, operator } = serde_json::from_str::<Traced>(&line).unwrap().event
        else {
            panic!("{line}");
        };
        let device = device.rsplit(':').next().unwrap().parse().unwrap();
        Self { child, device, operator, token: String::new() }
    }

    pub(crate) async fn let_in(mut self, secret: &str) -> Self {
        let body = json!({ "secret": secret, "person": "jane", "password": "a password of a rig" });
        let joined = plain().post(format!("http://{}/api/v1/join", self.operator)).json(&body);
        let opened: Value = parsed(joined.send().await.unwrap()).await;
        opened["session"].as_str().unwrap().clone_into(&mut self.token);
        self
    }

    async fn log_in(mut self) -> Self {
        let body = json!({ "person": "jane", "password": "a password of a rig" });
        let joined = plain().post(format!("http://{}/api/v1/login", self.operator)).json(&body);
        let opened: Value = parsed(joined.send().await.unwrap()).await;
        opened["session"].as_str().unwrap().clone_into(&mut self.token);
        self
    }

    pub(crate) async fn operate(&self, method: Method, path: &str, body: Option<Value>) -> reqwest::Response {
        let request =
            plain().request(method, format!("http://{}{path}", self.operator)).bearer_auth(&self.token);
        match body {
            Some(body) => request.json(&body).send().await.unwrap(),
            None => request.send().await.unwrap(),
        }
    }

    pub(crate) async fn enrolled(&self, tenant: &str) -> Device {
        self.operate(Method::POST, "/api/v1/tenants", Some(json!({ "tenant": tenant }))).await;
        let sites = format!("/api/v1/tenants/{tenant}/sites");
        self.operate(Method::POST, &sites, Some(json!({ "site": "main" }))).await;
        let made = self.operate(Method::POST, &format!("{sites}/main/enrolments"), None).await;
        enrol(parsed(made).await).await
    }

    /// Where the device finds this hub.
    fn finds(&self, device: Device) -> Device {
        let url = format!("https://localhost:{}", self.device);
        let client = client(&device.sheet, &device.certificate, &device.key.pem());
        Device { url, client, ..device }
    }

    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

async fn enrol(sheet: EnrolmentSheet) -> Device {
    let key = DeviceKey::create().unwrap();
    let log = Log::new(&sheet);
    let url = format!("{}/v1/enrol", sheet.hub);
    let asked = bootstrap(&sheet).post(url).json(&request(&sheet, &key, &log)).send().await.unwrap();
    let Enrolled { certificate } = parsed(asked).await;
    let client = client(&sheet, &certificate, &key.pem());
    Device { url: sheet.hub.clone(), client, certificate, key, sheet, log }
}

pub(crate) async fn delivered(device: &mut Device, records: usize) {
    for _ in 0..records {
        device.log.write_filler();
    }
    loop {
        let held: EvidenceHeld = parsed(device.get("/v1/evidence").await).await;
        if held.size == device.log.entries.len() as u64 {
            return;
        }
        let to = device.log.entries.len().min(usize::try_from(held.size).unwrap() + 256);
        let package = device.log.part(held.size, to);
        parsed::<EvidenceTaken>(device.post("/v1/evidence", &package).await).await;
    }
}

/// Reports a drift, and reads the counter of the order that comes of it.
async fn counter(device: &Device, incident: &str) -> u64 {
    // Another control each time: what is reported again while it is open is no new incident.
    let control = match incident {
        "i-1" => "ssh.log-level",
        "i-2" => "ssh.weak-macs",
        "i-3" => "ssh.max-auth-tries",
        _ => "ssh.weak-ciphers",
    };
    device.report(incident, control).await;
    let mut highest = 0;
    for _ in 0..50 {
        for waiting in device.orders(500).await.orders {
            let envelope: Value = serde_json::from_slice(&waiting.envelope.0).unwrap();
            let payload: contract::blob::Blob = serde_json::from_value(envelope["payload"].clone()).unwrap();
            let order: Order = serde_json::from_slice(&payload.0).unwrap();
            if order.incident.as_str() == incident {
                highest = highest.max(order.counter);
            }
        }
        if highest > 0 {
            return highest;
        }
    }
    panic!("no order came for {incident}");
}

/// The records of a hub's own log.
pub(crate) fn own_log(directory: &Path) -> Vec<Record> {
    let mut bytes: Vec<(PathBuf, Vec<u8>)> = Vec::new();
    let bundles = directory.join("own-log/tile/entries");
    for entry in std::fs::read_dir(bundles).unwrap() {
        let path = entry.unwrap().path();
        let file = if path.is_dir() {
            std::fs::read_dir(&path).unwrap().map(|e| e.unwrap().path()).next().unwrap()
        } else {
            path.clone()
        };
        bytes.push((path, std::fs::read(file).unwrap()));
    }
    bytes.sort();
    let mut records = Vec::new();
    for (_, bundle) in bytes {
        let mut rest = bundle.as_slice();
        while let Some((length, tail)) = rest.split_first_chunk::<2>() {
            let (entry, tail) = tail.split_at(u16::from_be_bytes(*length).into());
            records.push(Record::parse(entry).unwrap());
            rest = tail;
        }
    }
    records
}

fn machine_acts(directory: &Path) -> Vec<(String, Acts)> {
    let acts = own_log(directory).into_iter().filter_map(|record| match record.body {
        Body::Acted(acted) if acted.machine_user.is_some() => Some((acted.path.unwrap(), acted.stage)),
        _ => None,
    });
    acts.collect()
}

/// A directory for hubs and backups, and the link's secret of a hub that was made in it.
pub(crate) fn made() -> (TempDir, PathBuf, String) {
    let root = tempfile::tempdir().unwrap();
    let hub_directory = root.path().join("hub");
    let made = done(&["init", "--dir", text(&hub_directory), "--name", "localhost"]);
    let secret = made["link"].as_str().unwrap().split_once("/join#").unwrap().1.to_owned();
    (root, hub_directory, secret)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_is_made_once_and_its_link_works_when_it_serves() {
    let (_root, directory, secret) = made();
    let (code, _, err) = hub(&["init", "--dir", text(&directory), "--name", "localhost"]);
    assert_eq!(code, 73, "{err}");
    let checked = done(&["check", "--dir", text(&directory)]);
    assert_eq!(checked["hub"]["problems"], json!([]), "{checked}");
    assert_eq!(checked["hub"]["pending"], 0);
    let process = Process::start(&directory).let_in(&secret).await;
    // Beside the running hub: what only reads works, what changes is refused.
    let checked = done(&["check", "--dir", text(&directory)]);
    assert_eq!(checked["hub"]["problems"], json!([]), "{checked}");
    assert_eq!(checked["hub"]["not_checked"][0]["part"], "own-log");
    let (code, _, err) = hub(&["user", "list", "--dir", text(&directory)]);
    assert_eq!(code, 75, "{err}");
    process.kill();
    assert_eq!(machine_acts(&directory), [("suture-hub init".to_owned(), Acts::Ended { status: 200 })]);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restore_evidence_counters_and_the_own_logs_go_on_without_a_fork() {
    let (root, directory, secret) = made();
    let process = Process::start(&directory).let_in(&secret).await;
    let mut device = process.enrolled("clinic-7").await;
    let stolen = process.enrolled("clinic-7").await;
    delivered(&mut device, 300).await;
    let before = counter(&device, "i-1").await;
    let backup = root.path().join("backup");
    let rehearsed = done(&["backup", "--dir", text(&directory), "--to", text(&backup), "--dry-run"]);
    assert!(rehearsed["manifest"].is_null() && !backup.exists());
    let kept = done(&["backup", "--dir", text(&directory), "--to", text(&backup)]);
    assert_eq!(kept["hosts"], 2);

    // It goes on, and what is older comes back.
    delivered(&mut device, 300).await;
    let after = counter(&device, "i-2").await;
    assert!(after > before);
    let der = rustls_pki_types::pem::PemObject::from_pem_slice(stolen.certificate.as_bytes());
    let der: rustls_pki_types::CertificateDer<'_> = der.unwrap();
    let revoke = format!("/api/v1/certificates/{}/revoke", identity::fingerprint(&der));
    assert_eq!(process.operate(Method::POST, &revoke, None).await.status(), StatusCode::OK);
    tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
    process.kill();
    let old_log = own_log(&directory);

    // With the directory that is replaced: its logs go on, and what was done since is told.
    let second = root.path().join("second");
    let (from, old) = (text(&backup), text(&directory));
    let restored = done(&["restore", "--from", from, "--dir", text(&second), "--logs-from", old]);
    assert_eq!(
        (&restored["own_log"], &restored["heads"]),
        (&json!("localhost/own"), &json!("localhost/heads"))
    );
    assert_eq!((&restored["hosts_from_there"], &restored["ended"]), (&json!(1), &json!(true)), "{restored}");
    let since = restored["since"].to_string();
    assert!(since.contains(&revoke) && since.contains("jane"), "{since}");
    let process = Process::start(&second);
    let mut device = process.finds(device);
    assert_eq!(parsed::<EvidenceHeld>(device.get("/v1/evidence").await).await.size, 601);
    delivered(&mut device, 10).await;
    assert!(counter(&device, "i-3").await > after);
    let stale = plain().get(format!("http://{}/api/v1/me", process.operator)).bearer_auth(&process.token);
    assert_eq!(
        stale.send().await.unwrap().status(),
        StatusCode::UNAUTHORIZED,
        "a session outlived the restore"
    );
    let process = process.log_in().await;
    process.kill();
    let log = own_log(&second);
    assert_eq!(log[..old_log.len()], old_log, "the own log was rewritten");
    assert!(machine_acts(&second).iter().any(|(path, _)| path.starts_with("suture-hub restore of ")));

    // Without it, to the same older state: the site sends again, and the hub's own logs begin anew and say so.
    let third = root.path().join("third");
    let restored = done(&["restore", "--from", from, "--dir", text(&third)]);
    let epoch = epoch_of(&restored);
    let process = Process::start(&third);
    let mut device = process.finds(device);
    let highest = counter(&device, "i-4").await;
    assert!(highest > after, "the counter went back");
    assert_eq!(parsed::<EvidenceHeld>(device.get("/v1/evidence").await).await.size, 301);
    delivered(&mut device, 5).await;
    process.kill();
    let log = own_log(&third);
    let Body::Opened(opened) = &log[0].body else { panic!("{:?}", log[0]) };
    let succeeds = opened.succeeds.as_ref().unwrap();
    assert_eq!((succeeds.origin.as_str(), succeeds.reason), ("localhost/own", SuccessionReason::LogLost));
    let known = usize::try_from(succeeds.size).unwrap();
    assert!(known > 0 && known < old_log.len(), "{known} of {}", old_log.len());
    assert!(third.join("own-log.1").is_dir(), "what there was of the old log is gone");
    let checked = done(&["check", "--dir", text(&third)]);
    assert_eq!(checked["hub"]["problems"], json!([]), "{checked}");

    // A restored hub can be backed up and restored like any other.
    let again = root.path().join("again");
    done(&["backup", "--dir", text(&third), "--to", text(&again)]);
    let fourth = done(&["restore", "--from", text(&again), "--dir", text(&root.path().join("fourth"))]);
    assert_ne!(epoch_of(&fourth), epoch);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_of_one_instant_while_evidence_comes_in() {
    let (root, directory, secret) = made();
    let process = Process::start(&directory).let_in(&secret).await;
    let mut device = process.enrolled("clinic-7").await;
    let sending = tokio::spawn(async move {
        for turn in 0..40 {
            delivered(&mut device, 37).await;
            device.report(&format!("i-{turn}"), "suture.evidence-directory").await;
        }
        device.log.entries.len()
    });
    let mut sizes = Vec::new();
    for turn in 0.. {
        let (backup, copy) = (root.path().join(format!("b{turn}")), root.path().join(format!("r{turn}")));
        let arguments = ["backup", "--dir", text(&directory), "--to", text(&backup)].map(str::to_owned);
        let made = tokio::task::spawn_blocking(move || done(&arguments.each_ref().map(String::as_str))).await;
        assert_eq!(made.unwrap()["hosts"], 1);
        done(&["restore", "--from", text(&backup), "--dir", text(&copy)]);
        let checked = done(&["check", "--dir", text(&copy)]);
        assert_eq!(checked["hub"]["problems"], json!([]), "{checked}");
        let database = rusqlite::Connection::open(copy.join("hub.db")).unwrap();
        sizes.push(
            database.query_row("SELECT max(settled) FROM host", [], |row| row.get::<_, i64>(0)).unwrap(),
        );
        if sending.is_finished() {
            break;
        }
    }
    let sent = i64::try_from(sending.await.unwrap()).unwrap();
    assert!(sizes.is_sorted() && *sizes.last().unwrap() <= sent, "{sizes:?} of {sent}");
    assert!(
        sizes.iter().any(|size| (1..sent).contains(size)),
        "none was made while evidence came: {sizes:?}"
    );
    process.kill();
}

#[test]
fn what_is_not_whole_is_not_restored_and_nothing_is_written_over() {
    let (root, directory, _) = made();
    let backup = root.path().join("backup");
    done(&["backup", "--dir", text(&directory), "--to", text(&backup)]);
    let (code, _, err) = hub(&["backup", "--dir", text(&directory), "--to", text(&backup)]);
    assert_eq!(code, 73, "{err}");
    let (code, _, err) = hub(&["restore", "--from", text(&backup), "--dir", text(&directory)]);
    assert_eq!(code, 73, "{err}");
    let seed = backup.join("keys/orders.seed");
    let whole = std::fs::read(&seed).unwrap();
    let mut changed = whole.clone();
    changed[0] ^= 1;
    let third = root.path().join("third");
    let refused = |says: &str| {
        let (code, _, err) = hub(&["restore", "--from", text(&backup), "--dir", text(&third)]);
        assert!(code == 65 && err.contains(says), "{code} {err}");
        assert!(!third.exists());
        std::fs::remove_dir_all(root.path().join("third.restoring")).unwrap();
    };
    edge::file::write_durably(&seed, &changed).unwrap();
    refused("orders.seed");
    edge::file::write_durably(&seed, &whole).unwrap();
    let manifest = backup.join("MANIFEST.json");
    let told = std::fs::read_to_string(&manifest).unwrap();
    let later = told.replace("\"made\": \"20", "\"made\": \"21");
    edge::file::write_durably(&manifest, later.as_bytes()).unwrap();
    let (code, _, err) = hub(&["restore", "--from", text(&backup), "--dir", text(&third)]);
    assert!(code == 78 && err.contains("clock"), "{code} {err}");
    edge::file::write_durably(&manifest, told.replace("\"hosts\"", "\"guests\"").as_bytes()).unwrap();
    let (code, _, err) = hub(&["restore", "--from", text(&backup), "--dir", text(&third)]);
    assert!(code == 65 && err.contains("line"), "{code} {err}");
    edge::file::write_durably(&manifest, told.as_bytes()).unwrap();
    done(&["restore", "--from", text(&backup), "--dir", text(&third)]);
}

#[test]
fn damage_is_named_by_a_check_and_by_a_start_and_a_restore_works() {
    let (root, directory, _) = made();
    let backup = root.path().join("backup");
    done(&["backup", "--dir", text(&directory), "--to", text(&backup)]);
    let database = directory.join("hub.db");
    let mut bytes = std::fs::read(&database).unwrap();
    bytes[8192..].fill(0xA5);
    edge::file::write_durably(&database, &bytes).unwrap();
    let (code, out, _) = hub(&["check", "--dir", text(&directory), "--json"]);
    assert!(code == 65 && out.contains("hub.db"), "{code} {out}");
    let output = serve(&directory).args(["--operator", "127.0.0.1:0"]).output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(74), "{err}");
    assert!(err.contains("hub.db") && err.contains("restore"), "{err}");
    let second = root.path().join("second");
    done(&["restore", "--from", text(&backup), "--dir", text(&second), "--logs-from", text(&directory)]);
    let mut process = Process::start(&second);
    assert_eq!(terminate(&mut process.child), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_let_back_in_and_machines_in_and_out_from_the_hubs_machine_and_it_is_written_down() {
    let (_root, directory, secret) = made();
    let process = Process::start(&directory).let_in(&secret).await;
    process.kill();
    let at = ["--dir", text(&directory)];
    let ask = |arguments: &[&str]| hub(&[arguments, &at].concat());
    let (code, _, err) = ask(&["user", "disable", "--person", "jane"]);
    assert!(code == 65 && err.contains("last MSP admin"), "{code} {err}");
    let (code, _, err) = ask(&["user", "reset", "--person", "nobody"]);
    assert_eq!(code, 66, "{err}");
    let invite = ["user", "invite", "--person", "tom", "--role", "technician", "--tenant", "clinic-7"];
    let invited = done(&[&invite[..], &at].concat());
    done(&[&["user", "reset", "--person", "jane"][..], &at].concat());
    let sheet: EnrolmentSheet = {
        let token = ["token", "--tenant", "clinic-7", "--site", "main", "--device-port", "1"];
        serde_json::from_value(done(&[&token[..], &at].concat())).unwrap()
    };
    let key = done(&[&["rotate", "own-log"][..], &at].concat());
    let people = done(&[&["user", "list"][..], &at].concat());
    assert_eq!(people[0]["person"], "jane");

    let process = Process::start(&directory);
    let joined = invited["link"].as_str().unwrap().split_once('#').unwrap().1;
    let body = json!({ "secret": joined, "person": "tom", "password": "a password of a rig" });
    let joined =
        plain().post(format!("http://{}/api/v1/join", process.operator)).json(&body).send().await.unwrap();
    assert_eq!(joined.status(), StatusCode::CREATED);
    let process = process.log_in().await;
    let keys: Value = parsed(process.operate(Method::GET, "/api/v1/keys", None).await).await;
    assert!(keys.to_string().contains(key["key"].as_str().unwrap()), "{keys}");
    let url = format!("https://localhost:{}", process.device);
    let device = enrol(EnrolmentSheet { hub: url, ..sheet }).await;
    assert_eq!(device.get("/v1/evidence").await.status(), StatusCode::OK);
    let host = device.sheet.host.clone();
    process.kill();

    let revoked = done(&[&["revoke", "--host", host.as_str()][..], &at].concat());
    assert_eq!(revoked["certificates"], 2);
    let process = Process::start(&directory);
    let device = process.finds(device);
    assert_eq!(device.get("/v1/evidence").await.status(), StatusCode::FORBIDDEN);
    process.kill();

    let acts = machine_acts(&directory);
    for (command, stage) in [
        ("suture-hub user disable jane", Acts::Ended { status: 422 }),
        ("suture-hub user reset nobody", Acts::Ended { status: 404 }),
        ("suture-hub user invite tom as technician", Acts::Ended { status: 200 }),
        ("suture-hub user reset jane", Acts::Begun),
        ("suture-hub token clinic-7 main", Acts::Ended { status: 200 }),
        ("suture-hub rotate own-log", Acts::Ended { status: 200 }),
        (&format!("suture-hub revoke host {host}"), Acts::Ended { status: 200 }),
    ] {
        assert!(acts.contains(&(command.to_owned(), stage)), "{command} is missing of {acts:?}");
    }
}
