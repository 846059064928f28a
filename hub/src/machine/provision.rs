//! Making the queue's accounts on NATS servers: the keys on this machine, and what stands on the servers. Doing it twice changes nothing.
//!
//! Keys lie in a directory of their own, which a hub that serves need not read: it has only its tenants' credentials.

use std::path::{Path, PathBuf};

use contract::ids::TenantId;
use contract::time::UtcTime;
use edge::file::{FileError, SECRET_BYTES_MAX, private_directory, read_secret, write_durably};
use queue::Limits;
use queue::nats::{Change, Key, NatsError, Operator, Plan, Provisioned, Provisioning, WINDOW, hub_user};
use serde::Serialize;
use thiserror::Error;

use crate::config::{NatsFile, NatsFileError};

/// Why it was not done, or only in part: doing it again goes on from there.
#[derive(Debug, Error)]
pub enum ProvisionError {
    /// The file that says where servers are.
    #[error("what is said of the queue's servers makes no sense")]
    Settings(#[from] NatsFileError),
    /// A key or credentials.
    #[error(transparent)]
    File(#[from] FileError),
    /// A key, or the servers.
    #[error(transparent)]
    Nats(#[from] NatsError),
    /// The servers do not know this operator yet, most likely.
    #[error("the servers cannot be reached as the operator: include {} in each server's configuration, start or reload it, and do this again", lines.display())]
    Unreached {
        /// What the servers must be told.
        lines: PathBuf,
        /// Why.
        #[source]
        source: NatsError,
    },
    /// There is no such tenant here.
    #[error("tenant {0} has no key in this directory: nothing was provisioned for it from here")]
    Unknown(TenantId),
}

/// What is to be made, and where.
#[derive(Debug)]
pub struct Wanted {
    /// The nats.yaml.
    pub nats: PathBuf,
    /// The operator's keys.
    pub keys: PathBuf,
    /// Where each server is to keep the accounts that it is told of.
    pub accounts: PathBuf,
    /// For whom.
    pub tenants: Vec<TenantId>,
    /// Only look.
    pub dry_run: bool,
    /// Draw keys and write files, and connect to nothing.
    pub offline: bool,
}

/// What came of it.
#[derive(Debug, Serialize)]
pub struct Told {
    /// The operator's keys.
    pub operator: Change,
    /// The lines for the servers' configuration.
    pub server_lines: PathBuf,
    /// Each tenant.
    pub tenants: Vec<Tenant>,
    /// Whether nothing was written anywhere.
    pub dry_run: bool,
}

/// What came of one tenant.
#[derive(Debug, Serialize)]
pub struct Tenant {
    /// On the servers; nothing where they were not asked.
    #[serde(flatten)]
    pub servers: Option<Provisioned>,
    /// Whose, where the servers were not asked.
    pub name: TenantId,
    /// The account's key on this machine.
    pub key: Change,
    /// The hub's credentials for it.
    pub credentials: Change,
}

/// Where things lie.
struct Places<'a>(&'a Path);

impl Places<'_> {
    fn operator(&self) -> PathBuf {
        self.0.join("operator.seed")
    }

    fn system(&self) -> PathBuf {
        self.0.join("system.seed")
    }

    fn lines(&self) -> PathBuf {
        self.0.join("server.conf")
    }

    fn account(&self, tenant: &TenantId) -> PathBuf {
        self.0.join("accounts").join(format!("{tenant}.seed"))
    }
}

/// A key that is there, or a new one; only what `write` lets be written is.
fn kept(
    path: &Path,
    write: bool,
    read: fn(&str) -> Result<Key, NatsError>,
    draw: fn() -> Key,
) -> Result<(Key, Change), ProvisionError> {
    if path.exists() {
        return Ok((read(&read_secret(path, SECRET_BYTES_MAX)?)?, Change::WasThere));
    }
    let key = draw();
    if write {
        write_durably(path, key.seed()?.as_bytes())?;
    }
    Ok((key, Change::Made))
}

fn operator(wanted: &Wanted, now: UtcTime) -> Result<(Operator, Change), ProvisionError> {
    let (places, write) = (Places(&wanted.keys), !wanted.dry_run);
    if write {
        private_directory(&wanted.keys)?;
        private_directory(&wanted.keys.join("accounts"))?;
    }
    let (key, change) = kept(&places.operator(), write, Key::operator, Key::draw_operator)?;
    let (system, _) = kept(&places.system(), write, Key::account, Key::draw_account)?;
    let operator = Operator { key, system };
    if write && !places.lines().exists() {
        write_durably(&places.lines(), operator.server_lines(&wanted.accounts, now)?.as_bytes())?;
    }
    Ok((operator, change))
}

/// Makes what is missing.
pub async fn provision(wanted: &Wanted, now: UtcTime) -> Result<Told, ProvisionError> {
    let NatsFile { settings, replicas, quota } = NatsFile::read(&wanted.nats)?;
    let (operator, change) = operator(wanted, now)?;
    let places = Places(&wanted.keys);
    // Servers that do not know the operator cannot be looked at.
    let asks = !(wanted.offline || wanted.dry_run && change == Change::Made);
    let servers = if asks {
        let unreached = |source| ProvisionError::Unreached { lines: places.lines(), source };
        Some(Provisioning::open(&settings, &operator, now).await.map_err(unreached)?)
    } else {
        None
    };
    let plan = Plan { limits: Limits::default(), quota, replicas, window: WINDOW, dry_run: wanted.dry_run };
    let mut tenants = Vec::new();
    for tenant in &wanted.tenants {
        let write = !wanted.dry_run;
        let (key, key_change) = kept(&places.account(tenant), write, Key::account, Key::draw_account)?;
        let told = match &servers {
            Some(servers) => Some(servers.tenant(tenant, &key, &plan).await?),
            None => None,
        };
        let path = settings.credentials.join(format!("{tenant}.creds"));
        let credentials = if path.exists() && key_change == Change::WasThere {
            Change::WasThere
        } else {
            if write {
                private_directory(&settings.credentials)?;
                write_durably(&path, hub_user(tenant, &key, now)?.file().as_bytes())?;
            }
            Change::Made
        };
        tenants.push(Tenant { servers: told, name: tenant.clone(), key: key_change, credentials });
    }
    Ok(Told { operator: change, server_lines: places.lines(), tenants, dry_run: wanted.dry_run })
}

/// Removes a tenant's streams and account from the servers, and its key and credentials from here. Nothing of it can be had again.
pub async fn remove(wanted: &Wanted, now: UtcTime) -> Result<(), ProvisionError> {
    let NatsFile { settings, .. } = NatsFile::read(&wanted.nats)?;
    let places = Places(&wanted.keys);
    for tenant in &wanted.tenants {
        if !places.account(tenant).exists() {
            return Err(ProvisionError::Unknown(tenant.clone()));
        }
    }
    let (operator, _) = operator(wanted, now)?;
    let unreached = |source| ProvisionError::Unreached { lines: places.lines(), source };
    let servers = Provisioning::open(&settings, &operator, now).await.map_err(unreached)?;
    for tenant in &wanted.tenants {
        let path = places.account(tenant);
        let key = Key::account(&read_secret(&path, SECRET_BYTES_MAX)?)?;
        servers.remove(tenant, &key).await?;
        let credentials = settings.credentials.join(format!("{tenant}.creds"));
        if credentials.exists() {
            edge::file::remove_durably(&credentials)?;
        }
        edge::file::remove_durably(&path)?;
    }
    Ok(())
}
