//! What the hub is told about the outside: who witnesses its log of heads, for whom it is a witness, and who stamps time. Read once, strictly.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use edge::file::{FileError, read};
use reqwest::{Client, Url};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;
use thiserror::Error;
use tlog::VerifierKey;
use tlog::policy::{Policy, PolicyError};
use witness::{Logs, LogsError};

/// The largest policy file that is read, in bytes.
const POLICY_MAX_BYTES: u64 = 1024 * 1024;
/// How long an outsider may take for a connection, and for a whole answer.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);
const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);

/// Who stands outside.
#[derive(Debug, Clone, Default)]
pub struct Outside {
    /// A C2SP tlog-policy file: the witnesses of the log of heads, with their URLs, and the quorum.
    pub witnesses: Option<PathBuf>,
    /// A C2SP tlog-policy file: its `log` lines name further logs that this hub cosigns, as a witness of others.
    pub witness_for: Option<PathBuf>,
    /// Where an RFC 3161 authority answers.
    pub timestamps: Option<String>,
    /// How often things are done.
    pub pace: Pace,
}

/// How often things are done.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// How long cosigned heads of sites are gathered before they are appended, at most 60 s.
    pub gather: Duration,
    /// How long to wait before an outsider that did not answer is asked again; doubled each time, up to a 24th of a day.
    pub retry: Duration,
    /// A day: between two timestamps, and until a quorum that is not met is an alarm.
    pub day: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            gather: Duration::from_secs(60),
            retry: Duration::from_secs(10),
            day: Duration::from_secs(24 * 60 * 60),
        }
    }
}

/// What was told makes no sense. Nothing was started.
#[derive(Debug, Error)]
pub enum OutsideError {
    /// A policy cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// A policy breaks the syntax.
    #[error("{}: {source}", path.display())]
    Policy {
        /// Which file.
        path: PathBuf,
        /// Which line, and why.
        source: PolicyError,
    },
    /// The policy is for another log.
    #[error("{}: none of its logs is this hub's log of heads; write `log {key}`, or no log line at all", path.display())]
    OtherLog {
        /// Which file.
        path: PathBuf,
        /// The log's own key.
        key: String,
    },
    /// A witness that cannot be asked.
    #[error("{}: the witness {name} has no URL, so the hub could never ask it", path.display())]
    NoUrl {
        /// Which file.
        path: PathBuf,
        /// Its name there.
        name: String,
    },
    /// Not a URL.
    #[error("{url:?} is not an http or https URL")]
    Url {
        /// What was given.
        url: String,
    },
    /// A log that cannot be witnessed.
    #[error("{}", path.display())]
    Logs {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: LogsError,
    },
    /// This machine's list of authorities cannot be read, and an https URL was given.
    #[error("this machine's list of certificate authorities cannot be used, and an https URL needs it")]
    Authorities(#[source] rustls::Error),
    /// The HTTP client cannot be made.
    #[error("the hub cannot ask anybody outside")]
    Client(#[source] reqwest::Error),
}

/// One outside witness.
#[derive(Debug, Clone)]
pub(super) struct Outsider {
    pub(super) name: String,
    pub(super) key: VerifierKey,
    pub(super) url: Url,
}

/// What was told, read and checked.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) policy: Option<Policy>,
    pub(super) outsiders: Vec<Outsider>,
    pub(super) timestamps: Option<Url>,
    pub(super) client: Client,
}

impl Outside {
    /// The logs that this hub is a witness of besides those of its own sites.
    pub(crate) fn logs(&self) -> Result<Logs, OutsideError> {
        let Some(path) = &self.witness_for else { return Ok(Logs::default()) };
        let policy = policy(path)?;
        Logs::of(policy.logs().iter().map(|log| &log.key))
            .map_err(|source| OutsideError::Logs { path: path.clone(), source })
    }

    /// Reads what is said about the log of heads, whose key is `key`.
    pub(super) fn read(&self, key: &VerifierKey) -> Result<Told, OutsideError> {
        let policy = self.witnesses.as_deref().map(policy).transpose()?;
        let outsiders = match (&policy, &self.witnesses) {
            (Some(policy), Some(path)) => outsiders(policy, path, key)?,
            (None, _) | (_, None) => Vec::new(),
        };
        let timestamps = self.timestamps.as_deref().map(url).transpose()?;
        let secure = outsiders.iter().map(|o| &o.url).chain(&timestamps).any(|url| url.scheme() == "https");
        let client = client(secure)?;
        Ok(Told { policy, outsiders, timestamps, client })
    }
}

fn policy(path: &Path) -> Result<Policy, OutsideError> {
    Policy::parse(read(path, POLICY_MAX_BYTES)?)
        .map_err(|source| OutsideError::Policy { path: path.to_owned(), source })
}

fn outsiders(policy: &Policy, path: &Path, key: &VerifierKey) -> Result<Vec<Outsider>, OutsideError> {
    if !policy.logs().is_empty() && !policy.logs().iter().any(|log| log.key == *key) {
        return Err(OutsideError::OtherLog { path: path.to_owned(), key: key.to_string() });
    }
    let outsider = |party: &tlog::policy::Party| {
        let missing = || OutsideError::NoUrl { path: path.to_owned(), name: party.name.clone() };
        let prefix = party.url.as_deref().ok_or_else(missing)?;
        let url = url(&format!("{}/add-checkpoint", prefix.trim_end_matches('/')))?;
        Ok(Outsider { name: party.name.clone(), key: party.key.clone(), url })
    };
    policy.witnesses().iter().map(outsider).collect()
}

fn url(text: &str) -> Result<Url, OutsideError> {
    let parsed = text.parse::<Url>().ok().filter(|url| ["http", "https"].contains(&url.scheme()));
    parsed.ok_or_else(|| OutsideError::Url { url: text.to_owned() })
}

/// Witnesses and authorities are outsiders with certificates of the public authorities, so the machine's own list is asked; what they answer is
/// believed by its signature and never by the connection.
pub(crate) fn client(secure: bool) -> Result<Client, OutsideError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(OutsideError::Authorities)?;
    let tls = if secure {
        builder.with_platform_verifier().map_err(OutsideError::Authorities)?.with_no_client_auth()
    } else {
        builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth()
    };
    Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_TIME_MAX)
        .timeout(ANSWER_TIME_MAX)
        .build()
        .map_err(OutsideError::Client)
}
