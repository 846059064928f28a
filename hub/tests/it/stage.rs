//! A hub in a directory of its own, an operator, and devices.

use std::path::Path;

use contract::digest::Digest;
use contract::ids::OrderId;
use contract::plane::{
    EnrolRequest, Enrolled, EnrolmentSheet, IncidentTaken, IncidentView, OrdersWaiting, Page,
};
use hub::config::{Archives, Bounds, Config, Door, Outside};
use hub::library::Sources;
use hub::serve::{Running, start};
use identity::{DeviceKey, client_config};
use reqwest::{Client, Method, Response, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::log::Log;

pub(crate) struct Stage {
    pub(crate) directory: TempDir,
    pub(crate) running: Running,
}

impl Stage {
    pub(crate) async fn start() -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), Outside::default()).await
    }

    pub(crate) async fn restart(self) -> Self {
        let Self { directory, running } = self;
        running.stop().await;
        let running = start(&config(directory.path())).await.unwrap();
        Self { directory, running }
    }

    /// A hub that is told of people outside.
    pub(crate) async fn start_told(outside: Outside) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), outside).await
    }

    pub(crate) async fn start_in(directory: TempDir, outside: Outside) -> Self {
        let running = start(&Config { outside, ..config(directory.path()) }).await.unwrap();
        Self::of(directory, running).await
    }

    /// A hub that devices may ask less of.
    pub(crate) async fn start_within(bounds: Bounds) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let running = start(&Config { bounds, ..config(directory.path()) }).await.unwrap();
        Self::of(directory, running).await
    }

    /// Stops it, and hands over what it left.
    pub(crate) async fn stopped(self) -> TempDir {
        self.running.stop().await;
        self.directory
    }

    /// What stands in the hub's own log once it has stopped.
    pub(crate) async fn own_log(self) -> String {
        let Self { directory, running } = self;
        running.stop().await;
        crate::people::own_log(directory.path())
    }

    /// A hub that runs, with somebody logged in: the one place where that comes about.
    pub(crate) async fn of(directory: TempDir, running: Running) -> Self {
        let operator = running.operator().to_string();
        if let Some(link) = running.first_run() {
            crate::people::first_account(directory.path(), &operator, link).await;
        }
        Self { directory, running }
    }

    pub(crate) async fn restart_told(self, outside: Outside) -> Self {
        let Self { directory, running } = self;
        running.stop().await;
        Self::start_in(directory, outside).await
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.running.operator())
    }

    pub(crate) fn token(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("operator.token")).unwrap()
    }

    pub(crate) async fn operate(&self, method: Method, path: &str, body: Option<Value>) -> Response {
        let request = plain().request(method, self.url(path)).bearer_auth(self.token());
        match body {
            Some(body) => request.json(&body).send().await.unwrap(),
            None => request.send().await.unwrap(),
        }
    }

    pub(crate) async fn sheet(&self, tenant: &str, site: &str) -> EnrolmentSheet {
        self.operate(Method::POST, "/api/v1/tenants", Some(json!({ "tenant": tenant }))).await;
        let sites = format!("/api/v1/tenants/{tenant}/sites");
        self.operate(Method::POST, &sites, Some(json!({ "site": site }))).await;
        let made = self.operate(Method::POST, &format!("{sites}/{site}/enrolments"), None).await;
        assert_eq!(made.status(), StatusCode::CREATED);
        made.json().await.unwrap()
    }

    pub(crate) async fn enrolled(&self, tenant: &str) -> Device {
        self.enrolled_at(tenant, "main").await
    }

    pub(crate) async fn enrolled_at(&self, tenant: &str, site: &str) -> Device {
        let sheet = self.sheet(tenant, site).await;
        self.enrolled_by(sheet, None).await
    }

    /// Enrolled by this sheet, by an agent that says that it is of that version and those bytes.
    pub(crate) async fn enrolled_by(&self, sheet: EnrolmentSheet, agent: Option<(&str, &str)>) -> Device {
        let key = DeviceKey::create().unwrap();
        let log = Log::new(&sheet);
        let software = agent.map(|(version, bytes)| {
            let agent = json!({ "version": version, "binary": Digest::of(bytes.as_bytes()) });
            serde_json::from_value(json!({ "agent": agent })).unwrap()
        });
        let request = EnrolRequest { software, ..request(&sheet, &key, &log) };
        let response =
            bootstrap(&sheet).post(format!("{}/v1/enrol", sheet.hub)).json(&request).send().await.unwrap();
        let Enrolled { certificate } = parsed(response).await;
        Device {
            url: sheet.hub.clone(),
            client: client(&sheet, &certificate, &key.pem()),
            certificate,
            key,
            sheet,
            log,
        }
    }

    pub(crate) async fn incidents(&self, tenant: &str) -> Vec<IncidentView> {
        let path = format!("/api/v1/tenants/{tenant}/incidents?limit=200");
        let page: Page<IncidentView> = parsed(self.operate(Method::GET, &path, None).await).await;
        assert_eq!(page.next, None);
        page.items
    }

    pub(crate) async fn revoke(&self, device: &Device) {
        let der = rustls_pki_types::pem::PemObject::from_pem_slice(device.certificate.as_bytes());
        let der: rustls_pki_types::CertificateDer<'_> = der.unwrap();
        let path = format!("/api/v1/certificates/{}/revoke", identity::fingerprint(&der));
        assert_eq!(self.operate(Method::POST, &path, None).await.status(), StatusCode::OK);
    }

    pub(crate) async fn status(&self) -> Value {
        parsed(self.operate(Method::GET, "/api/v1/status", None).await).await
    }

    /// What the alarms of that kind say. Reading the database while the hub writes to it is what its log is for.
    pub(crate) fn alarms(&self, kind: &str) -> Vec<String> {
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
        let database = self.directory.path().join("hub.db");
        let database = rusqlite::Connection::open_with_flags(database, flags).unwrap();
        let mut all = database.prepare("SELECT detail FROM alarm WHERE kind = ?1 ORDER BY detail").unwrap();
        all.query_map([kind], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    /// The one host of the fleet, as the operator sees it.
    pub(crate) async fn host(&self) -> Value {
        self.status().await["hosts"][0].clone()
    }
}

pub(crate) fn config(directory: &Path) -> Config {
    Config {
        directory: directory.to_owned(),
        device: "127.0.0.1:0".parse().unwrap(),
        operator: "127.0.0.1:0".parse().unwrap(),
        door: Door::Loopback,
        oidc: None,
        name: "localhost".parse().unwrap(),
        events: false,
        sources: Sources::default(),
        archives: Archives::default(),
        bounds: Bounds::default(),
        alerts: None,
        packets: None,
        typesetter: None,
        alerts_every: std::time::Duration::from_secs(30),
        models: None,
        nats: None,
        collector: None,
        outside: Outside::default(),
    }
}

pub(crate) fn client(sheet: &EnrolmentSheet, certificate: &str, key: &str) -> Client {
    let tls = client_config(&sheet.hub_authority, certificate, key).unwrap();
    Client::builder().no_proxy().tls_backend_preconfigured(tls).build().unwrap()
}

/// A client for plain HTTP. This library wants a provider of cryptography even so.
pub(crate) fn plain() -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().no_proxy().build().unwrap()
}

pub(crate) fn bootstrap(sheet: &EnrolmentSheet) -> Client {
    client(sheet, &sheet.bootstrap_certificate, &sheet.bootstrap_key)
}

pub(crate) fn request(sheet: &EnrolmentSheet, key: &DeviceKey, log: &Log) -> EnrolRequest {
    EnrolRequest {
        token: sheet.token.clone(),
        secret: sheet.secret.clone(),
        csr: key.request().unwrap(),
        evidence_key: log.key(),
        software: None,
    }
}

pub(crate) async fn parsed<T: DeserializeOwned>(response: Response) -> T {
    let (status, text) = (response.status(), response.text().await.unwrap());
    assert!(status.is_success(), "{status}: {text}");
    serde_json::from_str(&text).unwrap()
}

/// An enrolled machine.
pub(crate) struct Device {
    pub(crate) url: String,
    pub(crate) client: Client,
    pub(crate) certificate: String,
    pub(crate) key: DeviceKey,
    pub(crate) sheet: EnrolmentSheet,
    pub(crate) log: Log,
}

impl Device {
    /// After a restart the hub listens on another port.
    pub(crate) fn moved(mut self, stage: &Stage) -> Self {
        self.url = format!("https://localhost:{}", stage.running.device().port());
        self.client = client(&self.sheet, &self.certificate, &self.key.pem());
        self
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.client.get(format!("{}{path}", self.url)).send().await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, body: &impl serde::Serialize) -> Response {
        self.client.post(format!("{}{path}", self.url)).json(body).send().await.unwrap()
    }

    pub(crate) async fn report(&self, id: &str, control: &str) -> IncidentTaken {
        parsed(self.post("/v1/incidents", &drift(id, control)).await).await
    }

    pub(crate) async fn orders(&self, wait_ms: u64) -> OrdersWaiting {
        parsed(self.get(&format!("/v1/orders?wait_ms={wait_ms}")).await).await
    }

    pub(crate) async fn answer(&self, order: &OrderId) -> StatusCode {
        let body = json!({ "order": order, "outcome": "healed", "refusal": null, "seq": 3 });
        self.post(&format!("/v1/orders/{order}/answer"), &body).await.status()
    }

    /// Sends what the log has gained since the hub's size.
    pub(crate) async fn deliver(&self, from: u64) -> Response {
        self.post("/v1/evidence", &self.log.package(from)).await
    }
}

pub(crate) fn drift(id: &str, control: &str) -> Value {
    json!({
        "incident": id,
        "found": "2026-11-21T06:00:00.000Z",
        "what": { "drift": { "control": control, "fact": "own:evidence", "observed": { "flag": false } } },
    })
}
