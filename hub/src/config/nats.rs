//! `nats.yaml`: where the queue's NATS servers are. Read strictly: an unknown key is refused with its line.

use std::path::{Path, PathBuf};

use contract::yaml::{self, YamlError};
use edge::file::{FileError, read_text};
use queue::nats::{Quota, Servers, Settings};
use serde::Deserialize;
use thiserror::Error;

const FILE_BYTES_MAX: u64 = 64 * 1024;

/// Why the file was refused.
#[derive(Debug, Error)]
pub enum NatsFileError {
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// It does not parse.
    #[error(transparent)]
    Yaml(#[from] YamlError),
    /// It says something that makes no sense.
    #[error("{file}: {what}")]
    Nonsense {
        /// Which file.
        file: String,
        /// What.
        what: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    servers: Vec<String>,
    authority: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
    credentials: PathBuf,
    #[serde(default)]
    replicas: Option<u8>,
    #[serde(default)]
    disk_mb_each: Option<u32>,
    #[serde(default)]
    any_server_for_protocol_tests_only: bool,
}

/// What the file says.
#[derive(Debug, Clone)]
pub struct NatsFile {
    /// Where the servers are, and by what the hub is let in.
    pub settings: Settings,
    /// On how many servers each stream is kept.
    pub replicas: u8,
    /// What each tenant may use.
    pub quota: Quota,
}

impl NatsFile {
    /// Reads the file. What it names is looked at when it is used.
    pub fn read(path: &Path) -> Result<Self, NatsFileError> {
        Self::parse(&path.display().to_string(), &read_text(path, FILE_BYTES_MAX)?)
    }

    fn parse(name: &str, text: &str) -> Result<Self, NatsFileError> {
        let nonsense = |what: String| NatsFileError::Nonsense { file: name.to_owned(), what };
        let File {
            version,
            servers,
            authority,
            certificate,
            key,
            credentials,
            replicas,
            disk_mb_each,
            any_server_for_protocol_tests_only,
        } = yaml::parse(name, text)?;
        if version != 1 {
            return Err(nonsense(format!("version {version} is not known: write `version: 1`")));
        }
        if servers.is_empty() {
            return Err(nonsense("servers is empty: name at least one".to_owned()));
        }
        if let Some(open) = servers.iter().find(|server| !server.starts_with("tls://")) {
            return Err(nonsense(format!("{open} must begin with tls://: there is no other way to them")));
        }
        let replicas = replicas.unwrap_or(1);
        if ![1, 3, 5].contains(&replicas) {
            return Err(nonsense(format!(
                "replicas: {replicas} must be 1, 3 or 5: half of an even number is no majority"
            )));
        }
        let age =
            if any_server_for_protocol_tests_only { Servers::AnyForProtocolTestsOnly } else { Servers::Safe };
        let mut quota = Quota::default();
        if let Some(mb) = disk_mb_each {
            quota.disk_bytes = u64::from(mb.max(1)) << 20;
        }
        let settings = Settings { servers, authority, certificate, key, credentials, age };
        Ok(Self { settings, replicas, quota })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "version: 1\nservers: [\"tls://n0:4222\"]\nauthority: /a\ncertificate: /c\nkey: /k\ncredentials: /d\n";

    #[test]
    fn what_makes_no_sense_is_refused_and_named() {
        let good = NatsFile::parse("nats.yaml", GOOD).unwrap();
        assert_eq!((good.replicas, good.settings.age), (1, Servers::Safe));
        for (wrong, with) in [
            ("version: 1", "version: 2"),
            ("tls://n0", "nats://n0"),
            ("[\"tls://n0:4222\"]", "[]"),
            ("key: /k", "key: /k\nreplicas: 2"),
            ("key: /k", "key: /k\ntoken: x"),
            ("key: /k\n", ""),
        ] {
            let text = GOOD.replace(wrong, with);
            assert_ne!(text, GOOD);
            let refused = NatsFile::parse("nats.yaml", &text).unwrap_err();
            assert!(refused.to_string().contains("nats.yaml"), "{refused}");
        }
    }
}
