//! The executor's one configuration file, parsed once into what the parts need.

mod observed;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use contract::baseline::Users;
use contract::digest::Digest;
use contract::dsse::{HubKey, OperatorKey};
use contract::ids::{HostId, OperatorId, RunbookId, SiteId, TenantId};
use contract::order::LIFETIME_MS;
use contract::paper::PaperFault;
use contract::refusal::Mode;
use contract::resource::{AbsolutePath, UnitName};
use contract::time::UtcTime;
use contract::window::DeclaredWindow;
use edge::file::{self, FileError};
use facts::OwnDirectories;
use jiff::tz::TimeZone;
use policy::Tag;
use serde::Deserialize;
use thiserror::Error;

use crate::guard::{BadWindow, CLOCK_ERROR_MAX_MS, RetiredKey, Site, Window};
use crate::keystore::Place;
pub use observed::Stamps;

/// What the hub gives each order, in seconds.
const LIFETIME_S: u64 = LIFETIME_MS / 1000;
/// The longest configuration file: 64 KiB.
const CONFIG_MAX_BYTES: u64 = 64 << 10;

/// The file, as it stands. Unknown keys are refused. No key weakens a signature check, a guardrail or the log.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The origin of the evidence log.
    pub origin: String,
    /// Whose machine this is.
    pub tenant: TenantId,
    /// Where it is.
    pub site: SiteId,
    /// Which machine it is.
    pub host: HostId,
    /// The hub's order keys.
    pub hub_keys: Vec<HubKey>,
    /// The key with which the hub cosigns, as a C2SP verifier key: only its receipts are kept.
    pub witness_key: String,
    /// The executor's own directory.
    pub directory: PathBuf,
    /// Where the agent connects.
    pub socket: PathBuf,
    /// The only user that may connect, beside none.
    pub agent_uid: u32,
    /// The directory with the agent's keys, whose permissions are a control.
    pub agent_keys: PathBuf,
    /// Previous order keys of the hub, each with the instant at which it stops counting.
    #[serde(default)]
    pub retired_hub_keys: Vec<RetiredKeySheet>,
    /// The people who may approve orders and break the glass, each with a key of their own.
    #[serde(default)]
    pub operators: BTreeMap<OperatorId, OperatorKey>,
    /// When disruptive steps may run, in the site's own time zone. Without it they never do.
    #[serde(default)]
    pub window: Option<DeclaredWindow>,
    /// Units that a patient's visit waits for.
    #[serde(default)]
    pub critical_units: BTreeSet<UnitName>,
    /// What the site calls this machine, for rules of its policy that ask.
    #[serde(default)]
    pub tags: BTreeSet<Tag>,
    /// The most things that one run may touch.
    #[serde(default = "targets_max_by_default")]
    pub targets_max: usize,
    /// The most runs at once.
    #[serde(default = "runs_max_by_default")]
    pub runs_max: usize,
    /// How old an order may be when it comes, in seconds, whatever it says itself. The hub gives each [`LIFETIME_MS`]; a site may ask for less.
    #[serde(default)]
    pub order_lifetime_s_max: Option<u64>,
    /// How far off the clock may be for a disruptive step, in milliseconds: at most what the guardrail itself allows.
    #[serde(default = "clock_error_by_default")]
    pub clock_error_ms_max: u32,
    /// What runbooks may do.
    pub mode: Mode,
    /// Who set it, for the people who look: nothing is decided by it.
    #[serde(default)]
    pub mode_set_by: Option<OperatorId>,
    /// Runbooks that may repair even in observe mode.
    #[serde(default)]
    pub enforce: BTreeSet<RunbookId>,
    /// The catalogue that this site approved.
    pub approved_catalogue: Digest,
    /// Certificates that this machine presents to others.
    #[serde(default)]
    pub certificates: Vec<AbsolutePath>,
    /// Their private keys.
    #[serde(default)]
    pub certificate_keys: Vec<AbsolutePath>,
    /// Files that backup jobs touch.
    #[serde(default)]
    pub stamps: Stamps,
    /// The TPM 2.0 that sealed the evidence key, where it is not the kernel's own device.
    #[serde(default)]
    pub tpm_device: Option<String>,
    /// How many MiB of entries stay on this machine. What is older goes once the hub has given its receipt for it; the tree stays.
    #[serde(default = "keep_mb_by_default")]
    pub evidence_keep_mb: u64,
}

/// A previous key of the hub, as the configuration writes it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetiredKeySheet {
    /// The key.
    pub key: HubKey,
    /// Its end date.
    pub until: UtcTime,
}

/// Five: a service, its settings, and what goes with them.
const fn targets_max_by_default() -> usize {
    5
}

/// Two: as many as the smallest appliance has cores.
const fn runs_max_by_default() -> usize {
    2
}

/// What the guardrail allows.
const fn clock_error_by_default() -> u32 {
    CLOCK_ERROR_MAX_MS
}

/// 1 GiB: years of an ordinary machine.
const fn keep_mb_by_default() -> u64 {
    1024
}

/// Why the executor does not start.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// A file cannot be read.
    #[error("a file that is needed to start cannot be read")]
    File(#[from] FileError),
    /// The configuration file is not understood.
    #[error(transparent)]
    Yaml(#[from] contract::yaml::YamlError),
    /// No hub key is pinned, so no order could ever be believed.
    #[error("{0}: hub_keys is empty; put the key of the enrolment sheet there")]
    NoHubKey(String),
    /// The maintenance window makes no sense.
    #[error("{file}: window")]
    Window {
        /// The configuration file.
        file: String,
        /// Why not.
        source: BadWindow,
    },
    /// The time zone is not known to this machine.
    #[error(
        "{file}: window: the time zone {zone:?} is not known here; install tzdata, or write it as in Europe/Berlin"
    )]
    Zone {
        /// The configuration file.
        file: String,
        /// The zone.
        zone: String,
    },
    /// A limit that makes no sense.
    #[error("{file}: {key} must be {min} to {max}")]
    Limit {
        /// The configuration file.
        file: String,
        /// Which.
        key: &'static str,
        /// The least allowed.
        min: u64,
        /// The most allowed.
        max: u64,
    },
    /// Two operators are pinned with the same key.
    #[error("{file}: operators: {one} and {other} have the same key, so one person could agree as two")]
    OneKeyForTwo {
        /// The configuration file.
        file: String,
        /// One of them.
        one: OperatorId,
        /// The other.
        other: OperatorId,
    },
    /// The catalogue or baseline was not signed by a pinned key.
    #[error("{}: {fault}; fetch it again from the hub", path.display())]
    NotBelieved {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        fault: PaperFault,
    },
    /// The catalogue is another one than the approved one.
    #[error("{}: it is {found}, and this site approved {approved}", path.display())]
    NotApproved {
        /// Which file.
        path: PathBuf,
        /// Its digest.
        found: Digest,
        /// The approved digest.
        approved: Digest,
    },
    /// The catalogue is signed and makes no sense.
    #[error("{}: signed, and not a catalogue", path.display())]
    Catalogue {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: contract::runbook::CatalogueError,
    },
    /// The baseline is signed and makes no sense.
    #[error("{}: signed, and not a baseline", path.display())]
    Baseline {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: contract::baseline::BaselineError,
    },
    /// A runbook that is to be enforced is not in the catalogue.
    #[error("{file}: enforce names {runbook}, which the approved catalogue does not hold")]
    UnknownRunbook {
        /// The configuration file.
        file: String,
        /// The runbook.
        runbook: RunbookId,
    },
}

impl Config {
    /// Reads and parses the file.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let config: Self =
            contract::yaml::parse(&path.display().to_string(), &file::read_text(path, CONFIG_MAX_BYTES)?)?;
        if config.hub_keys.is_empty() {
            return Err(ConfigError::NoHubKey(path.display().to_string()));
        }
        config.limits(&path.display().to_string())?;
        config.one_key_each(&path.display().to_string())?;
        Ok(config)
    }

    /// Suture's own directories on this machine, free of links: what is measured is what would be repaired.
    pub fn own_directories(&self) -> OwnDirectories {
        let real = |path: PathBuf| path.canonicalize().unwrap_or(path);
        OwnDirectories {
            evidence: real(self.evidence()),
            executor_keys: real(self.keys()),
            agent_keys: real(self.agent_keys.clone()),
        }
    }

    /// Who runs Suture here.
    pub fn users(&self) -> Users {
        Users { agent: self.agent_uid, executor: rustix::process::geteuid().as_raw() }
    }

    /// What the readers of facts are told.
    pub fn facts(&self) -> facts::Config {
        let path = |declared: &AbsolutePath| PathBuf::from(declared.as_str());
        let paths = |declared: &[AbsolutePath]| declared.iter().map(path).collect();
        facts::Config {
            certificates: paths(&self.certificates),
            certificate_keys: paths(&self.certificate_keys),
            stamps: facts::BackupStamps {
                backup: self.stamps.backup.as_ref().map(path),
                restore_test: self.stamps.restore_test.as_ref().map(path),
            },
            allowed: self.allowlist(),
            store_verification: Some(self.store_verification()),
            ..facts::Config::new(self.own_directories())
        }
    }

    /// The evidence log.
    pub fn evidence(&self) -> PathBuf {
        self.directory.join("evidence")
    }

    /// What the last verification of the Nix store came to.
    pub fn store_verification(&self) -> PathBuf {
        self.directory.join("store-verification.json")
    }

    /// Where the evidence key lies.
    pub fn key(&self) -> Place {
        Place::current(&self.keys(), self.tpm_device.as_deref())
    }

    /// Where the key lies that is about to be.
    pub fn next_key(&self) -> Place {
        Place::next(&self.keys(), self.tpm_device.as_deref())
    }

    /// The executor's keys.
    pub fn keys(&self) -> PathBuf {
        self.directory.join("keys")
    }

    /// What this site is and has approved: signed bytes, opened with the pinned keys.
    pub fn site(&self, file_name: &str) -> Result<Site, ConfigError> {
        let catalogue = self.catalogue()?;
        if let Some(runbook) = self.enforce.iter().find(|id| catalogue.runbook(id).is_none()) {
            return Err(ConfigError::UnknownRunbook { file: file_name.to_owned(), runbook: runbook.clone() });
        }
        let (baseline, baseline_digest) = self.baseline()?;
        Ok(Site {
            tenant: self.tenant.clone(),
            site: self.site.clone(),
            host: self.host.clone(),
            users: self.users(),
            hub_keys: self.hub_keys.clone(),
            retired_hub_keys: self
                .retired_hub_keys
                .iter()
                .map(|retired| RetiredKey { key: retired.key.clone(), until: retired.until })
                .collect(),
            operators: self.operators.clone(),
            window: self.window(file_name)?,
            critical_units: self.critical_units.clone(),
            tags: self.tags.clone(),
            targets_max: self.targets_max,
            order_lifetime_ms_max: self.order_lifetime_s_max.map(|s| s * 1000),
            clock_error_ms_max: self.clock_error_ms_max,
            mode: self.mode,
            mode_set_by: self.mode_set_by.clone(),
            enforce: self.enforce.clone(),
            catalogue,
            baseline,
            baseline_digest,
            #[cfg(test)]
            without: None,
        })
    }

    fn window(&self, file: &str) -> Result<Option<Window>, ConfigError> {
        let Some(sheet) = &self.window else { return Ok(None) };
        let zone = TimeZone::get(sheet.zone.as_str())
            .map_err(|_| ConfigError::Zone { file: file.to_owned(), zone: sheet.zone.clone().into() })?;
        let window = Window::new(sheet, zone);
        window.map(Some).map_err(|source| ConfigError::Window { file: file.to_owned(), source })
    }

    fn limits(&self, file: &str) -> Result<(), ConfigError> {
        let limits = [
            ("targets_max", self.targets_max as u64, 1, 64),
            ("runs_max", self.runs_max as u64, 1, 16),
            ("order_lifetime_s_max", self.order_lifetime_s_max.unwrap_or(LIFETIME_S), 60, LIFETIME_S),
            ("clock_error_ms_max", self.clock_error_ms_max.into(), 50, CLOCK_ERROR_MAX_MS.into()),
        ];
        match limits.into_iter().find(|(_, value, min, max)| !(min..=max).contains(&value)) {
            Some((key, _, min, max)) => Err(ConfigError::Limit { file: file.to_owned(), key, min, max }),
            None => Ok(()),
        }
    }

    /// Two names with one key would let one person agree twice.
    fn one_key_each(&self, file: &str) -> Result<(), ConfigError> {
        let operators: Vec<_> = self.operators.iter().collect();
        for (index, (one, key)) in operators.iter().enumerate() {
            if let Some((other, _)) = operators[..index].iter().find(|(_, earlier)| earlier == key) {
                let (file, one, other) = (file.to_owned(), (*other).clone(), (*one).clone());
                return Err(ConfigError::OneKeyForTwo { file, one, other });
            }
        }
        Ok(())
    }
}
