//! The hub of the lab: a process on this machine, with a directory that can be put back to what it was when the site's machine was frozen.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use contract::event::{Event, Traced};
use contract::plane::{IncidentView, Page};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::Result;

/// How long it may take to be there.
const READY: Duration = Duration::from_secs(30);
/// The tenant and the site of the lab's machine.
pub(crate) const TENANT: &str = "clinic";
pub(crate) const SITE: &str = "main";

/// A running hub. Stopped when dropped.
#[derive(Debug)]
pub struct Hub {
    child: Child,
    operator: String,
    key: String,
    agent: ureq::Agent,
    events: Receiver<Traced>,
}

impl Hub {
    /// Starts one for the first time, in an empty directory, with an account and a key of its own.
    pub fn first(program: &Path, directory: &Path, device: &str) -> Result<Self> {
        let mut hub = Self::spawn(program, directory, device)?;
        let link = hub.event("its first-run link", |event| match event {
            Event::FirstRun { link } => Some(link.clone()),
            _ => None,
        })?;
        let secret = link.split_once('#').ok_or("the first-run link holds no secret")?.1;
        let join = json!({ "secret": secret, "person": "ada", "password": "four words of a lab" });
        let session: Value = hub.post("/api/v1/join", &join)?;
        session["session"].as_str().ok_or("no session")?.clone_into(&mut hub.key);
        let document: Value = hub.get("/api/v1/openapi.json")?;
        let rights = document["components"]["schemas"]["Right"]["enum"].clone();
        let key: Value =
            hub.post("/api/v1/me/keys", &json!({ "reach": "everywhere", "rights": rights, "days": 90 }))?;
        key["key"].as_str().ok_or("no key")?.clone_into(&mut hub.key);
        std::fs::write(directory.with_extension("key"), &hub.key).map_err(|e| e.to_string())?;
        hub.post::<Value>("/api/v1/tenants", &json!({ "tenant": TENANT }))?;
        hub.post::<Value>(&format!("/api/v1/tenants/{TENANT}/sites"), &json!({ "site": SITE }))?;
        Ok(hub)
    }

    /// Starts it again with what is in a directory.
    pub fn again(program: &Path, directory: &Path, key: &str, device: &str) -> Result<Self> {
        let mut hub = Self::spawn(program, directory, device)?;
        key.clone_into(&mut hub.key);
        Ok(hub)
    }

    fn spawn(program: &Path, directory: &Path, device: &str) -> Result<Self> {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(directory.with_extension("log"))
            .map_err(|e| e.to_string())?;
        let mut child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "--"])
            .arg(program)
            .args(["serve", "--name", "hub.lab", "--operator", "127.0.0.1:0", "--events", "--dir"])
            .arg(directory)
            .args(["--device", device])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .map_err(|e| format!("{}: {e}", program.display()))?;
        let out = child.stdout.take().ok_or("no output")?;
        let (sender, events) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(std::result::Result::ok) {
                let Ok(event) = serde_json::from_str(&line) else { continue };
                if sender.send(event).is_err() {
                    return;
                }
            }
        });
        let agent = ureq::Agent::config_builder()
            .max_idle_connections(0)
            .timeout_global(Some(Duration::from_secs(20)))
            .http_status_as_error(false)
            .build()
            .into();
        let mut hub = Self { child, operator: String::new(), key: String::new(), agent, events };
        hub.operator = hub.event("ready", |event| match event {
            Event::HubReady { operator, .. } => Some(operator.clone()),
            _ => None,
        })?;
        Ok(hub)
    }

    fn event<T>(&mut self, what: &str, wanted: impl Fn(&Event) -> Option<T>) -> Result<T> {
        let begun = Instant::now();
        while begun.elapsed() < READY {
            if let Ok(traced) = self.events.recv_timeout(Duration::from_millis(100))
                && let Some(found) = wanted(&traced.event)
            {
                return Ok(found);
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(format!("the hub ended with {status}"));
            }
        }
        Err(format!("the hub: no {what} within {} s", READY.as_secs()))
    }

    /// A sheet for one machine, as JSON.
    pub fn sheet(&self) -> Result<Vec<u8>> {
        let sheet: Value =
            self.post(&format!("/api/v1/tenants/{TENANT}/sites/{SITE}/enrolments"), &json!({}))?;
        Ok(sheet.to_string().into_bytes())
    }

    /// Sets what the site's machines may have.
    pub fn allow(&self, text: &str) -> Result<()> {
        let list = json!({ "file": "allowlist.yaml", "text": text });
        self.post::<Value>(&format!("/api/v1/tenants/{TENANT}/sites/{SITE}/allowlist"), &list).map(drop)
    }

    /// All incidents, oldest first as the hub lists them.
    pub fn incidents(&self) -> Result<Vec<IncidentView>> {
        self.pages(&format!("/api/v1/tenants/{TENANT}/incidents"))
    }

    /// How many of the machine's records it holds.
    pub fn held(&self) -> Result<u64> {
        let status: Value = self.get("/api/v1/status")?;
        let held = &status["hosts"][0]["evidence"];
        held.as_u64().ok_or_else(|| format!("the hub says that it holds {held} records"))
    }

    /// Every page of a list.
    pub fn pages<T: DeserializeOwned>(&self, path: &str) -> Result<Vec<T>> {
        let (mut all, mut cursor) = (Vec::new(), None);
        loop {
            let from = cursor.map_or_else(String::new, |cursor| format!("&cursor={cursor}"));
            let Page { items, next } = self.get::<Page<T>>(&format!("{path}?limit=200{from}"))?;
            all.extend(items);
            cursor = next;
            if cursor.is_none() {
                return Ok(all);
            }
        }
    }

    /// Asks.
    pub fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        let asked = self.agent.get(format!("http://{}{path}", self.operator));
        let answer = asked.header("Authorization", format!("Bearer {}", self.key)).call();
        read(path, answer)
    }

    /// Tells.
    pub fn post<T: DeserializeOwned>(&self, path: &str, body: &Value) -> Result<T> {
        let asked = self.agent.post(format!("http://{}{path}", self.operator));
        let answer = asked.header("Authorization", format!("Bearer {}", self.key)).send_json(body);
        read(path, answer)
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        let pid = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw);
        if let Some(pid) = pid {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(10) {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read<T: DeserializeOwned>(
    path: &str,
    answer: std::result::Result<ureq::http::Response<ureq::Body>, ureq::Error>,
) -> Result<T> {
    let mut answer = answer.map_err(|e| format!("{path}: {e}"))?;
    let status = answer.status();
    let body = answer.body_mut().read_to_string().map_err(|e| format!("{path}: {e}"))?;
    if !status.is_success() {
        return Err(format!("{path}: {status}: {body}"));
    }
    let body = if body.is_empty() { "null" } else { &body };
    serde_json::from_str(body).map_err(|e| format!("{path}: {e}: {body}"))
}

/// Copies a directory with all that is in it.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<PathBuf> {
    let status = Command::new("cp").arg("-a").arg(from).arg(to).status().map_err(|e| e.to_string())?;
    if status.success() { Ok(to.to_owned()) } else { Err(format!("cp {}: {status}", from.display())) }
}
