//! The servers, what is provisioned on them, and a queue over them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use contract::ids::TenantId;
use queue::conformance::Rig;
use queue::nats::{
    Key, Nats, NatsError, Operator, Plan, Provisioned, Provisioning, Quota, Servers, Settings, WINDOW,
    hub_user,
};
use queue::{Limits, Queue};
use tempfile::TempDir;

use crate::now;
use crate::server::{Certificates, How, Seat, Server, free_port, private};

/// The tenants of the conformance suite.
const TENANTS: [&str; 8] = ["a", "b", "calm", "flood", "t0", "t1", "t2", "t3"];

/// How long a single server may take to write what was acknowledged.
const WRITTEN_LATER: Duration = Duration::from_secs(1);

pub(crate) struct Rigged {
    pub(crate) servers: Vec<Server>,
    pub(crate) operator: Operator,
    pub(crate) keys: BTreeMap<TenantId, Key>,
    pub(crate) settings: Settings,
    pub(crate) quota: Quota,
    pub(crate) directory: TempDir,
}

impl Rigged {
    /// So many servers, started, on this machine.
    pub(crate) fn start(count: usize, how: &How) -> Self {
        Self::start_in(&std::env::temp_dir(), count, how)
    }

    /// The same, with everything in this directory.
    pub(crate) fn start_in(place: &Path, count: usize, how: &How) -> Self {
        let seat = || Seat { address: "127.0.0.1".to_owned(), port: free_port(), routes: free_port() };
        let seats: Vec<Seat> = std::iter::repeat_with(seat).take(count).collect();
        let mut rig = Self::new_in(place, &seats, |_| how.clone());
        rig.start_all();
        rig
    }

    /// Servers at these seats, not yet started.
    pub(crate) fn new(seats: &[Seat], how: impl Fn(usize) -> How) -> Self {
        Self::new_in(&std::env::temp_dir(), seats, how)
    }

    fn new_in(place: &Path, seats: &[Seat], how: impl Fn(usize) -> How) -> Self {
        let directory = tempfile::tempdir_in(place).unwrap();
        let at = directory.path();
        let (certificates, operator) = (Certificates::new(at), Operator::draw());
        let lines = |accounts: &Path| operator.server_lines(accounts, now()).unwrap();
        let server = |n| Server::new(at, &certificates, &lines, how(n), seats, n);
        let servers: Vec<Server> = (0..seats.len()).map(server).collect();
        let (certificate, key) = certificates.issue("hub", &["hub.example"]);
        let credentials = at.join("credentials");
        std::fs::create_dir(&credentials).unwrap();
        let settings = Settings {
            servers: servers.iter().map(|server| server.url.clone()).collect(),
            authority: certificates.authority.clone(),
            certificate,
            key,
            credentials,
            age: Servers::Safe,
        };
        let mut keys = BTreeMap::new();
        for tenant in TENANTS {
            keys.insert(tenant.parse().unwrap(), Key::draw_account());
        }
        Self { servers, operator, keys, settings, quota: Quota::default(), directory }
    }

    pub(crate) fn start_all(&mut self) {
        for server in &mut self.servers {
            server.start();
        }
    }

    pub(crate) fn plan(&self, limits: Limits) -> Plan {
        let replicas = if self.servers.len() < 3 { 1 } else { 3 };
        Plan { limits, quota: self.quota, replicas, window: WINDOW, dry_run: false }
    }

    /// Makes what is missing, once the servers are able to.
    pub(crate) async fn provision(&self, plan: &Plan) -> Vec<Provisioned> {
        let mut tries = 0;
        loop {
            match self.try_provision(plan).await {
                Ok(all) => return all,
                // A cluster chooses its leader first.
                Err(e) if tries < 60 => {
                    tries += 1;
                    if tries % 10 == 0 {
                        println!("not yet: {e:?}");
                    }
                    tokio::time::sleep(Duration::from_millis(250)).await;
                }
                Err(e) => panic!("{e:?}"),
            }
        }
    }

    pub(crate) async fn try_provision(&self, plan: &Plan) -> Result<Vec<Provisioned>, NatsError> {
        let provisioning = Provisioning::open(&self.settings, &self.operator, now()).await?;
        let mut all = Vec::new();
        for (tenant, key) in &self.keys {
            all.push(provisioning.tenant(tenant, key, plan).await?);
            let path = self.credentials(tenant);
            if !path.exists() {
                private(&path, &hub_user(tenant, key, now())?.file());
            }
        }
        Ok(all)
    }

    pub(crate) fn credentials(&self, tenant: &TenantId) -> PathBuf {
        self.settings.credentials.join(format!("{tenant}.creds"))
    }

    /// Credentials of a user in this account that may do all that an account may.
    pub(crate) fn unrestricted(key: &Key) -> String {
        queue::nats::unrestricted_user(key, now()).unwrap().file().to_string()
    }

    /// A plain connection with these credentials.
    pub(crate) async fn client(&self, credentials: &str, patience: Duration) -> async_nats::Client {
        async_nats::ConnectOptions::with_credentials(credentials)
            .unwrap()
            .require_tls(true)
            .add_root_certificates(self.settings.authority.clone())
            .add_client_certificate(self.settings.certificate.clone(), self.settings.key.clone())
            .request_timeout(Some(patience))
            .connect(self.settings.servers.as_slice())
            .await
            .unwrap()
    }

    /// A queue that has these tenants' credentials alone.
    pub(crate) async fn queue_of(&self, tenants: &[&str], limits: Limits) -> Nats {
        let mut settings = self.settings.clone();
        settings.credentials = self.directory.path().join(format!("credentials-of-{}", tenants.join("-")));
        std::fs::create_dir_all(&settings.credentials).unwrap();
        for tenant in tenants {
            let name = format!("{tenant}.creds");
            std::fs::copy(self.settings.credentials.join(&name), settings.credentials.join(&name)).unwrap();
        }
        Nats::open(settings, limits).await.unwrap()
    }

    pub(crate) async fn queue(&self, limits: Limits) -> Nats {
        Nats::open(self.settings.clone(), limits).await.unwrap()
    }
}

impl Rig for Rigged {
    type Queue = Nats;

    async fn open(&mut self, limits: Limits) -> Nats {
        self.provision(&self.plan(limits)).await;
        self.queue(limits).await
    }

    async fn restart(&mut self) {
        for server in &mut self.servers {
            server.stop();
            server.start();
        }
    }

    async fn kill(&mut self, queue: Nats) {
        if self.servers.len() == 1 {
            // A single server writes a moment later what was handed out and acknowledged: `killed.rs` shows what a kill within that moment does.
            tokio::time::sleep(WRITTEN_LATER).await;
        }
        for server in &mut self.servers {
            server.kill();
        }
        // It answers nobody now, and nothing comes of that.
        let tenant = "a".parse().unwrap();
        assert!(tokio::time::timeout(Duration::from_millis(50), queue.depth(&tenant)).await.is_err());
        for server in &mut self.servers {
            server.start();
        }
        drop(queue);
    }

    async fn pass(&mut self, time: Duration) {
        // The server's own clock counts; it looks at leases that ended a little later.
        tokio::time::sleep(time + Duration::from_millis(300)).await;
    }

    fn quiet(&self) -> Duration {
        Duration::from_millis(300)
    }
}
