//! A machine: directories, a baseline of two controls, a configuration, and the agent running on it.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use agent::config::Config;
use agent::enrol::enrol;
use agent::keystore::Sealing;
use agent::site::Places;
use contract::blob::Blob;
use contract::dsse::{HubSigner, PayloadType};
use contract::plane::EnrolmentSheet;
use edge::trace::Tracer;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::hub::FakeHub;

pub(crate) const HUB_SEED: [u8; 32] = [7; 32];
pub(crate) const EVIDENCE_KEY: &str = "hub.example/h-1+c3a1+AQID";

pub(crate) struct Machine {
    pub(crate) dir: TempDir,
    /// Further lines of the configuration.
    pub(crate) more: &'static str,
    /// Further controls of the baseline.
    pub(crate) more_controls: &'static str,
    /// A whole baseline in place of the made-up one.
    pub(crate) whole_baseline: Option<&'static str>,
    /// What the hub signs as this host's allowlist.
    pub(crate) allowlist: Option<&'static str>,
}

/// The agent, running within the test.
pub(crate) struct Running {
    agent: JoinHandle<Result<(), agent::run::RunError>>,
    stop: oneshot::Sender<()>,
}

impl Running {
    pub(crate) async fn stop(self) -> Result<(), agent::run::RunError> {
        // It may have ended by itself.
        let _ = self.stop.send(());
        self.agent.await.unwrap()
    }

    /// Waits until it ends by itself.
    pub(crate) async fn ended(self) -> Result<(), agent::run::RunError> {
        self.agent.await.unwrap()
    }
}

impl Machine {
    /// Two own directories, a watched file and an empty directory of logs.
    pub(crate) fn new() -> Self {
        let machine = Self {
            dir: tempfile::tempdir().unwrap(),
            more: "",
            more_controls: "",
            whole_baseline: None,
            allowlist: None,
        };
        for name in ["own", "own/evidence", "own/executor-keys", "own/agent-keys", "logs"] {
            edge::file::private_directory(&machine.path(name)).unwrap();
        }
        std::fs::write(machine.path("watched"), "x").unwrap();
        machine.chmod("watched", 0o600);
        std::fs::write(machine.path("logs/app.log"), "an ordinary line\n").unwrap();
        machine
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn chmod(&self, name: &str, mode: u32) {
        std::fs::set_permissions(self.path(name), std::fs::Permissions::from_mode(mode)).unwrap();
    }

    pub(crate) fn baseline(&self) -> String {
        if let Some(whole) = self.whole_baseline {
            return whole.to_owned();
        }
        let control = |id: &str, fact: &str, kind: &str, mode: &str| {
            format!(
                "  - id: {id}\n    title: It is closed to others\n    area: suture\n    observe: {fact}\n    \
                 expect: {{ permissions: {{ kind: {kind}, mode_within: \"{mode}\", owner: executor }} }}\n    severity: high\n    \
                 citations: [\"164.312(c)(1)\"]\n    why: Nobody else may alter it.\n    nixos: {{ none: 'made here' }}\n"
            )
        };
        let watched = format!("path:{}", self.path("watched").display());
        let controls = [
            control("suture.evidence-directory", "own:evidence", "directory", "0700"),
            control("files.watched", &watched, "file", "0600"),
        ];
        format!("name: test\nversion: 1\ncontrols:\n{}{}", controls.concat(), self.more_controls)
    }

    /// The sheet for this machine, as the hub would have printed it.
    pub(crate) fn sheet(&self, hub: &FakeHub) -> PathBuf {
        let signer = HubSigner::from_seed(&HUB_SEED);
        let bootstrap = hub.authority.bootstrap(&hub.holder, edge::clock::utc()).unwrap();
        let sheet = EnrolmentSheet {
            hub: hub.url.clone(),
            hub_authority: hub.authority.certificate_pem().to_owned(),
            hub_key: signer.public(),
            witness_key: "witness".to_owned(),
            tenant: hub.holder.tenant.clone(),
            site: hub.holder.site.clone(),
            host: hub.holder.host.clone(),
            origin: "hub.example/h-1".to_owned(),
            token: "tok-1".parse().unwrap(),
            secret: "secret".to_owned(),
            bootstrap_certificate: bootstrap.issued.certificate_pem,
            bootstrap_key: bootstrap.key_pem,
            baseline: Blob(signer.sign(PayloadType::Baseline, self.baseline().as_bytes())),
            catalogue: Blob(signer.sign(PayloadType::Catalogue, b"[]")),
            allowlist: self.allowlist.map(|text| Blob(signer.sign(PayloadType::Allowlist, text.as_bytes()))),
        };
        let path = self.path("sheet.json");
        edge::file::write_durably(&path, &serde_json::to_vec(&sheet).unwrap()).unwrap();
        path
    }

    pub(crate) async fn enrol(&self, hub: &FakeHub) {
        let places = Places::of(&self.path("agent"));
        enrol(&self.sheet(hub), &places, &Sealing::Unsealed, EVIDENCE_KEY, None).await.unwrap();
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.path("executor.sock")
    }

    pub(crate) fn config_text(&self, hub_url: &str, executor_uid: u32) -> String {
        let dir = self.dir.path().display();
        format!(
            "hub: {hub_url}\ndir: {dir}/agent\nsocket: {dir}/executor.sock\nexecutor_uid: {executor_uid}\nown:\n  \
             evidence: {dir}/own/evidence\n  executor_keys: {dir}/own/executor-keys\n  agent_keys: {dir}/own/agent-keys\n\
             logs:\n  directories: [{dir}/logs]\n"
        )
    }

    pub(crate) fn config(&self, hub: &FakeHub) -> PathBuf {
        let path = self.path("agent.yaml");
        std::fs::write(&path, self.config_text(&hub.url, uid()) + self.more).unwrap();
        path
    }

    pub(crate) fn run(&self, hub: &FakeHub) -> Running {
        run(&self.config(hub))
    }

    /// Runs it with another idea of how long the hub must be silent.
    pub(crate) fn run_alone_after(&self, hub: &FakeHub, silence: Duration) -> Running {
        run_alone_after(&self.config(hub), silence)
    }
}

pub(crate) fn run(config: &Path) -> Running {
    run_alone_after(config, Duration::from_millis(contract::grant::SILENCE_MS))
}

fn run_alone_after(config: &Path, silence: Duration) -> Running {
    let config = Config::read(config).unwrap();
    let (stop, stopped) = oneshot::channel();
    let until = async {
        let _ = stopped.await;
    };
    Running {
        agent: tokio::spawn(agent::run::run_alone_after(config, Tracer::new(false), until, silence)),
        stop,
    }
}

pub(crate) fn uid() -> u32 {
    rustix::process::geteuid().as_raw()
}
