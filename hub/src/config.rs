//! What a hub is started with, parsed once.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use thiserror::Error;

mod door;
mod nats;
mod oidc;

pub use door::Door;
pub use nats::{NatsFile, NatsFileError};
pub use oidc::Oidc;

pub use crate::connection::Patience;
pub use crate::device::{Rate, Rates};
pub use crate::heads::{Outside, OutsideError, Pace};
use crate::library::Sources;
pub use crate::worm::{ArchivePace, Archives, ArchivesError, S3Bucket};

/// Everything that a hub is told.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where it keeps its keys, its databases and the archive.
    pub directory: PathBuf,
    /// Where the device plane listens.
    pub device: SocketAddr,
    /// Where the operator plane listens: on loopback, unless it has TLS of its own.
    pub operator: SocketAddr,
    /// How operators reach it.
    pub door: Door,
    /// By whom people come in beside passwords.
    pub oidc: Option<Oidc>,
    /// By what devices reach it.
    pub name: HubName,
    /// Whether it says on standard output what happens.
    pub events: bool,
    /// Files that replace the shipped baseline, rules and runbooks.
    pub sources: Sources,
    /// Who witnesses the log of heads, whom the hub witnesses, and who stamps time.
    pub outside: Outside,
    /// The write-once stores behind the mirror.
    pub archives: Archives,
    /// Whom to tell outside the console, and how: `alerts.yaml`. None: nobody.
    pub alerts: Option<PathBuf>,
    /// Which models may be asked what no rule speaks of: `models.yaml`. None: nobody.
    pub models: Option<PathBuf>,
    /// Which tenants get packets by themselves, how they look, and who gets them: `packets.yaml`. None: nobody gets one unasked.
    pub packets: Option<PathBuf>,
    /// The program that makes PDFs. None: the one beside the hub, where there is one.
    pub typesetter: Option<PathBuf>,
    /// How often the hub looks whether somebody is to be told.
    pub alerts_every: std::time::Duration,
    /// Where the tenants' queues are on NATS servers: `nats.yaml`. None: in the directory.
    pub nats: Option<PathBuf>,
    /// Where spans go by OTLP/HTTP. None: nowhere.
    pub collector: Option<reqwest::Url>,
    /// How much devices may ask of it.
    pub bounds: Bounds,
}

/// What devices and people may ask of a hub. There is no need to change it; tests do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// How long each may take.
    pub patience: Patience,
    /// Peers that have not shown a certificate yet.
    pub lobby: usize,
    /// Connections of one certificate. An agent has three or four.
    pub connections_each: usize,
    /// How much each tenant may send.
    pub rates: Rates,
    /// How long a hub listens after its start before it says of any machine that it is silent; none: as long as a machine may be silent.
    pub listens: Option<std::time::Duration>,
    /// Kilobytes of evidence that are being read or worked on at once.
    pub bodies_kb: u32,
    /// Of these, so many of one tenant.
    pub bodies_kb_each: u32,
    /// Downloads of kits at once.
    pub downloads: usize,
    /// Of these, so many of one person.
    pub downloads_each: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            patience: Patience::default(),
            lobby: 12_288,
            connections_each: 16,
            rates: Rates::default(),
            listens: None,
            bodies_kb: 192 * 1024,
            bodies_kb_each: 32 * 1024,
            downloads: 8,
            downloads_each: 2,
        }
    }
}

/// The hub's own domain name. It stands in the origin of every log that it witnesses, so it never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubName(String);

/// Why a string is not a hub's name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "{0:?} is not a domain name: up to 80 of a-z, 0-9, `-` and `.`, each part beginning and ending with a letter or digit"
)]
pub struct BadHubName(String);

impl HubName {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for HubName {
    type Err = BadHubName;
    fn from_str(s: &str) -> Result<Self, BadHubName> {
        let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let part = |p: &str| {
            let bytes = p.as_bytes();
            bytes.first().is_some_and(|b| letter(*b))
                && bytes.last().is_some_and(|b| letter(*b))
                && bytes.iter().all(|b| letter(*b) || *b == b'-')
        };
        let fits = s.len() <= 80 && s.split('.').all(part);
        if fits { Ok(Self(s.to_owned())) } else { Err(BadHubName(s.chars().take(100).collect())) }
    }
}

impl fmt::Display for HubName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_domain_name() {
        for good in ["localhost", "hub.example", "a-b.c1"] {
            assert!(good.parse::<HubName>().is_ok(), "{good}");
        }
        for bad in ["", ".", "hub.", "-a", "a-", "HUB", "a b", "a/b", "a+b", "a..b", &"a".repeat(81)] {
            assert!(bad.parse::<HubName>().is_err(), "{bad} was taken");
        }
    }
}
