//! The agent's configuration: one YAML file, unknown and duplicate keys refused with line and column, parsed once into types that hold.

mod proxy;

use std::path::{Path, PathBuf};
use std::time::Duration;

use contract::baseline::Users;
use contract::yaml::{self, YamlError};
use edge::file::FileError;
use serde::Deserialize;
use thiserror::Error;

pub use proxy::Proxy;

use crate::site::Places;

/// No configuration is near this long.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Everything `suture-agent run` is told.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The hub's device plane.
    pub hub: HubUrl,
    /// The agent's own directory, as `enrol` filled it.
    pub dir: AbsolutePath,
    /// The executor's Unix socket.
    pub socket: AbsolutePath,
    /// The user that the executor runs as. Nobody else is spoken to.
    pub executor_uid: u32,
    /// Suture's own directories, whose permissions are part of the baseline.
    pub own: Own,
    /// Certificates that this machine presents to others.
    #[serde(default)]
    pub certificates: Vec<AbsolutePath>,
    /// Their private keys.
    #[serde(default)]
    pub certificate_keys: Vec<AbsolutePath>,
    /// Files that backup jobs touch.
    #[serde(default)]
    pub stamps: Stamps,
    /// The tenant's accepted failures.
    pub exceptions: Option<AbsolutePath>,
    /// How often the whole baseline is looked at.
    #[serde(default)]
    pub rescan_s: RescanS,
    /// How long after its start the site waits for a hub that cannot be reached before it writes evidence on its own.
    #[serde(default)]
    pub alone_after_s: AloneAfterS,
    /// Which logs are followed.
    #[serde(default)]
    pub logs: Logs,
    /// The TPM 2.0 that sealed the device's key, where it is not the kernel's own device.
    pub tpm_device: Option<String>,
    /// The secret that all machines of this site share, and nobody else: under it the same address has the same pseudonym on each of them.
    pub site_key: Option<AbsolutePath>,
    /// The HTTP proxy by way of which the hub is reached.
    pub proxy: Option<Proxy>,
}

/// Suture's own directories.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Own {
    /// The evidence log.
    pub evidence: AbsolutePath,
    /// The executor's keys.
    pub executor_keys: AbsolutePath,
    /// The agent's keys.
    pub agent_keys: AbsolutePath,
}

/// Files whose time of change says when something was last done.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stamps {
    /// Touched when a backup has ended well.
    pub backup: Option<AbsolutePath>,
    /// Touched when a backup was restored and compared.
    pub restore_test: Option<AbsolutePath>,
}

/// Which logs are followed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Logs {
    /// The journal where there is one that may be read, else the files below `/var/log`.
    #[default]
    Auto,
    /// The log files in these directories.
    Directories(Vec<AbsolutePath>),
}

/// A path that means the same wherever the process was started.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct AbsolutePath(PathBuf);

impl AbsolutePath {
    /// The path.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl TryFrom<String> for AbsolutePath {
    type Error = String;
    fn try_from(s: String) -> Result<Self, String> {
        let path = PathBuf::from(&s);
        if path.is_absolute() { Ok(Self(path)) } else { Err(format!("{s:?} is not an absolute path")) }
    }
}

/// `https://host[:port]`, without a trailing slash.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct HubUrl(String);

impl HubUrl {
    /// The URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for HubUrl {
    type Error = String;
    fn try_from(s: String) -> Result<Self, String> {
        let url = s.strip_suffix('/').unwrap_or(&s);
        let authority =
            url.strip_prefix("https://").filter(|a| !a.is_empty() && !a.contains(['/', '?', '#', '@', ' ']));
        match authority {
            Some(_) => Ok(Self(url.to_owned())),
            None => Err(format!("{s:?} is not a hub: it must be written like https://hub.example:8443")),
        }
    }
}

/// Seconds between full scans, as a backstop behind the events: 10 to 86 400. Each wait is up to a tenth longer or shorter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u64")]
pub struct RescanS(u64);

impl RescanS {
    /// As a duration.
    pub const fn duration(self) -> Duration {
        Duration::from_secs(self.0)
    }
}

impl Default for RescanS {
    fn default() -> Self {
        Self(3600)
    }
}

impl TryFrom<u64> for RescanS {
    type Error = String;
    fn try_from(seconds: u64) -> Result<Self, String> {
        if (10..=86_400).contains(&seconds) {
            Ok(Self(seconds))
        } else {
            Err(format!("{seconds} is not within 10 to 86400"))
        }
    }
}

/// Seconds that an unreachable hub is waited for: 0 to 3600. 0 waits for no second try, so a machine that was put back to an older state while the hub
/// is away begins another history of its log at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u64")]
pub struct AloneAfterS(u64);

impl AloneAfterS {
    /// As a duration.
    pub const fn duration(self) -> Duration {
        Duration::from_secs(self.0)
    }
}

impl Default for AloneAfterS {
    fn default() -> Self {
        Self(60)
    }
}

impl TryFrom<u64> for AloneAfterS {
    type Error = String;
    fn try_from(seconds: u64) -> Result<Self, String> {
        if seconds <= 3600 { Ok(Self(seconds)) } else { Err(format!("{seconds} is not within 0 to 3600")) }
    }
}

/// Why a configuration was refused.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is not what a configuration is.
    #[error(transparent)]
    Yaml(#[from] YamlError),
}

impl Config {
    /// Reads the file at `path`.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        Ok(yaml::parse(&path.display().to_string(), &edge::file::read_text(path, FILE_BYTES_MAX)?)?)
    }

    /// Where the agent's own things lie.
    pub fn places(&self) -> Places {
        Places { dir: self.dir.path().to_owned(), tpm: self.tpm_device.clone() }
    }

    /// Who runs Suture here, where `agent` runs the agent.
    pub const fn users(&self, agent: u32) -> Users {
        Users { agent, executor: self.executor_uid }
    }

    /// What the readers of facts are told.
    pub fn facts(&self) -> facts::Config {
        let owned = |p: &AbsolutePath| p.0.clone();
        let own = facts::OwnDirectories {
            evidence: owned(&self.own.evidence),
            executor_keys: owned(&self.own.executor_keys),
            agent_keys: owned(&self.own.agent_keys),
        };
        let mut config = facts::Config::new(own);
        config.certificates = self.certificates.iter().map(owned).collect();
        config.certificate_keys = self.certificate_keys.iter().map(owned).collect();
        config.stamps = facts::BackupStamps {
            backup: self.stamps.backup.as_ref().map(owned),
            restore_test: self.stamps.restore_test.as_ref().map(owned),
        };
        config
    }
}
