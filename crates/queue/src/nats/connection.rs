//! A connection to the servers for one account: mutual TLS, a challenge answered with the user's key, and nothing older than what is safe.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_nats::{Auth, AuthError, Client, ConnectOptions, Event};
use edge::file::{SECRET_BYTES_MAX, read_secret, read_text};
use tokio::sync::watch;

use super::claims::Credentials;
use super::error::NatsError;

/// How long a connection, or an answer, may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// How often a server is asked whether it is there. One that is cut off says nothing, not even that the connection is over: the third question in vain
/// ends it, and another server is tried.
const PING: Duration = Duration::from_secs(3);
/// The longest pause between two tries to connect again.
const RETRY_MAX: Duration = Duration::from_secs(2);

/// Which servers may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Servers {
    /// Those without known holes between accounts.
    Safe,
    /// Any, so that tests can show what older ones lack. Never for a hub.
    AnyForProtocolTestsOnly,
}

/// Where the servers are, and how to be let in. The files are read again at each connection, so renewed certificates count without a restart.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `tls://host:port` each. No other address is used, whatever servers say of their neighbours.
    pub servers: Vec<String>,
    /// The authorities, in PEM, of which one must have signed the servers' certificates: no other counts.
    pub authority: PathBuf,
    /// The hub's own certificate, in PEM.
    pub certificate: PathBuf,
    /// Its key, in PEM; nobody else may read it.
    pub key: PathBuf,
    /// One file of credentials for each tenant: `<tenant>.creds`.
    pub credentials: PathBuf,
    /// Which servers will do.
    pub age: Servers,
}

impl Settings {
    /// Looks at the files once, so that what is wrong with them is said by name.
    pub(super) fn check(&self) -> Result<(), NatsError> {
        read_text(&self.authority, 1 << 20)?;
        read_text(&self.certificate, 1 << 20)?;
        read_secret(&self.key, SECRET_BYTES_MAX)?;
        Ok(())
    }
}

/// A connection, and how often it was made.
#[derive(Debug, Clone)]
pub(super) struct Connection {
    pub(super) client: Client,
    /// Changes with each connection: what waited on the one before waits in vain.
    pub(super) made: watch::Receiver<u64>,
    age: Servers,
}

impl Connection {
    /// Connects, and goes on connecting again whenever the connection is lost.
    pub(super) async fn open(
        settings: &Settings,
        who: &str,
        credentials: Credentials,
    ) -> Result<Self, NatsError> {
        let (told, made) = watch::channel(0);
        let credentials = Arc::new(credentials);
        let options = ConnectOptions::with_auth_callback(move |nonce| {
            let credentials = Arc::clone(&credentials);
            async move { answer(&credentials, &nonce) }
        });
        let name = who.to_owned();
        let told = Arc::new(told);
        let options = options
            .name(format!("suture-hub {who}"))
            .require_tls(true)
            .add_root_certificates(settings.authority.clone())
            .add_client_certificate(settings.certificate.clone(), settings.key.clone())
            .ignore_discovered_servers()
            .connection_timeout(PATIENCE)
            .request_timeout(Some(PATIENCE))
            .ping_interval(PING)
            .reconnect_delay_callback(|tries| {
                RETRY_MAX.min(Duration::from_millis(100).saturating_mul(u32::try_from(tries).unwrap_or(20)))
            })
            .event_callback(move |event| {
                tell(&name, &event);
                if matches!(event, Event::Connected) {
                    told.send_modify(|times| *times += 1);
                }
                async {}
            });
        let failed = |source| NatsError::Connect { who: who.to_owned(), source };
        let client = options.connect(settings.servers.as_slice()).await.map_err(failed)?;
        let connection = Self { client, made, age: settings.age };
        connection.safe()?;
        Ok(connection)
    }

    /// Whether the server at the other end will do. After each new connection it may be another one.
    pub(super) fn safe(&self) -> Result<(), NatsError> {
        let version = self.client.server_info().version;
        match self.age {
            Servers::AnyForProtocolTestsOnly => Ok(()),
            Servers::Safe if is_safe(&version) => Ok(()),
            Servers::Safe => Err(NatsError::TooOld(version)),
        }
    }
}

fn answer(credentials: &Credentials, nonce: &[u8]) -> Result<Auth, AuthError> {
    let mut auth = Auth::new();
    auth.jwt = Some(credentials.jwt.clone());
    auth.signature = Some(credentials.answer(nonce).map_err(AuthError::new)?);
    Ok(auth)
}

fn tell(who: &str, event: &Event) {
    match event {
        Event::Connected => tracing::info!(who, "connected to the queue's server"),
        Event::Disconnected
        | Event::LameDuckMode
        | Event::Draining
        | Event::Closed
        | Event::SlowConsumer(_)
        | Event::ServerError(_)
        | Event::ClientError(_) => tracing::warn!(who, %event, "the queue's server"),
    }
}

/// Fixed in 2.11.16, 2.12.7 and 2.14.0: <https://advisories.nats.io>, up to 2026-18. A version that cannot be read is not safe.
fn is_safe(version: &str) -> bool {
    let plain = version.split(['-', '+']).next().unwrap_or_default();
    let mut numbers = plain.split('.').map(str::parse::<u64>);
    let (Some(Ok(major)), Some(Ok(minor)), Some(Ok(patch))) =
        (numbers.next(), numbers.next(), numbers.next())
    else {
        return false;
    };
    // A candidate of a release is older than the release.
    let patch = if version.contains('-') { patch.checked_sub(1) } else { Some(patch) };
    match (major, minor, patch) {
        (2, 11, Some(patch)) => patch >= 16,
        (2, 12, Some(patch)) => patch >= 7,
        // What comes before 2.14.0 lacks what it has; before a later one it does not.
        (2, 14, Some(_)) | (2, 15.., _) | (3.., _, _) => true,
        _ => false,
    }
}

/// The tenants that have credentials in this directory, and those files.
pub(super) fn credentials_in(directory: &Path) -> Result<Vec<contract::ids::TenantId>, NatsError> {
    let failed = |source| {
        NatsError::File(edge::file::FileError { path: directory.to_owned(), action: "list it", source })
    };
    let mut tenants = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        let tenant = name.to_str().and_then(|name| name.strip_suffix(".creds")).map(str::parse);
        if let Some(Ok(tenant)) = tenant {
            tenants.push(tenant);
        }
    }
    tenants.sort();
    Ok(tenants)
}

/// This tenant's credentials.
pub(super) fn credentials_of(
    directory: &Path,
    tenant: &contract::ids::TenantId,
) -> Result<Credentials, NatsError> {
    let path = directory.join(format!("{tenant}.creds"));
    if !path.exists() {
        return Err(NatsError::NoCredentials(tenant.clone()));
    }
    Credentials::parse(tenant.as_str(), &read_secret(&path, SECRET_BYTES_MAX)?)
}

#[cfg(test)]
mod tests {
    use super::is_safe;

    #[test]
    fn versions_with_known_holes_are_told_from_those_without() {
        for safe in ["2.11.16", "2.11.17", "2.12.7", "2.14.0", "2.15.1", "2.15.0-RC.1", "3.0.0"] {
            assert!(is_safe(safe), "{safe}");
        }
        for unsafe_ in [
            "2.9.10",
            "2.10.29",
            "2.11.15",
            "2.11.16-RC.1",
            "2.12.6",
            "2.12.7-RC.2",
            "2.13.0",
            "2.14.0-RC.1",
            "1.4.1",
            "",
            "2",
            "x.y.z",
        ] {
            assert!(!is_safe(unsafe_), "{unsafe_}");
        }
    }
}
