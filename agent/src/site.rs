//! What this machine knows about itself since it was enrolled: whom it believes, who it is, and the baseline it is held against.
//!
//! Everything here was pinned at enrolment or is signed by what was pinned. A file that is missing or bent refuses to start.

use std::path::{Path, PathBuf};

use contract::allowlist::{Allowlist, AllowlistError};
use contract::baseline::{Baseline, BaselineError};
use contract::dsse::{self, ENVELOPE_MAX_BYTES, HubKey, PayloadType, SignatureFault};
use contract::exception::{ExceptionError, Exceptions};
use contract::fact::Absence;
use contract::ids::{HostId, SiteId, TenantId};
use contract::paper::{self, Holds, OpenedPaper, PaperFault, PaperKind};
use edge::file::{self, FileError};
use rustls::ClientConfig;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::keystore::{self, KeyError};

/// No certificate, key or identity is near this long.
const SMALL_FILE_BYTES_MAX: u64 = 64 * 1024;

/// `DIR/identity.json`: pinned at enrolment, never learnt from a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// The only authority whose server certificates are believed, in PEM.
    pub hub_authority: String,
    /// The key that signs orders, the catalogue and the baseline.
    pub hub_key: HubKey,
    /// The key with which the hub cosigns checkpoints.
    pub witness_key: String,
    /// The tenant.
    pub tenant: TenantId,
    /// The site.
    pub site: SiteId,
    /// This machine.
    pub host: HostId,
    /// The origin of its evidence log.
    pub origin: String,
}

/// Where things lie in the agent's directory.
#[derive(Debug, Clone)]
pub struct Places {
    /// The directory itself.
    pub dir: PathBuf,
    /// The TPM 2.0, where it is not the kernel's own device.
    pub tpm: Option<String>,
}

impl Places {
    /// Those of `dir`.
    pub fn of(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), tpm: None }
    }

    /// The TPM 2.0 that seals the device's key.
    pub(crate) fn tpm_device(&self) -> &str {
        self.tpm.as_deref().unwrap_or(keystore::DEVICE)
    }

    /// What was pinned.
    pub fn identity(&self) -> PathBuf {
        self.dir.join("identity.json")
    }

    /// The directory of the device's key and certificate.
    pub fn keys(&self) -> PathBuf {
        self.dir.join("keys")
    }

    /// The device's key, where it lies in the open.
    pub fn device_key(&self) -> PathBuf {
        self.keys().join("device.key")
    }

    /// The device's key, where a TPM sealed it.
    pub fn sealed_device_key(&self) -> PathBuf {
        self.keys().join("device.key.sealed")
    }

    /// The device's certificate.
    pub fn device_certificate(&self) -> PathBuf {
        self.keys().join("device.crt")
    }

    /// The signed baseline.
    pub fn baseline(&self) -> PathBuf {
        self.paper(PaperKind::Baseline)
    }

    /// The signed allowlist.
    pub fn allowlist(&self) -> PathBuf {
        self.paper(PaperKind::Allowlist)
    }

    /// What the hub signed.
    pub fn paper(&self, kind: PaperKind) -> PathBuf {
        self.dir.join(kind.file())
    }

    /// What it signed since, and the executor has not taken yet.
    pub fn next_paper(&self, kind: PaperKind) -> PathBuf {
        self.dir.join(format!("next-{}", kind.file()))
    }

    /// Incidents that the hub has not taken yet.
    pub fn outbox(&self) -> PathBuf {
        self.dir.join("outbox")
    }

    /// Controls that fail, and under which incident.
    pub fn open(&self) -> PathBuf {
        self.dir.join("open.json")
    }

    /// How far logs were read, and what came of them that is not in the outbox yet.
    pub fn logs(&self) -> PathBuf {
        self.dir.join("logs.json")
    }

    /// Signals that no record tells of yet.
    pub fn unwritten(&self) -> PathBuf {
        self.dir.join("unwritten.json")
    }

    /// The key under which names become pseudonyms.
    pub fn site_key(&self) -> PathBuf {
        self.dir.join("site.key")
    }

    /// Held by the one agent that works in this directory.
    pub fn lock(&self) -> PathBuf {
        self.dir.join("agent.lock")
    }
}

/// Why the machine's own files were refused.
#[derive(Debug, Error)]
pub enum SiteError {
    /// One could not be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// One is not what it should be.
    #[error("{}:{line}:{column}: {message}", path.display())]
    Json {
        /// Which.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
        /// What is wrong there.
        message: String,
    },
    /// The baseline's envelope does not open with the pinned key.
    #[error("{}: the signed baseline is not believed", path.display())]
    Signature {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        fault: SignatureFault,
    },
    /// The allowlist's envelope does not open with the pinned key.
    #[error("{}: the signed allowlist is not believed", path.display())]
    Allowlist {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        fault: SignatureFault,
    },
    /// The signed allowlist makes no sense.
    #[error(transparent)]
    AllowlistMeaning(#[from] AllowlistError),
    /// A paper that is kept is not believed.
    #[error("{}: it is not believed", path.display())]
    Paper {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        fault: PaperFault,
    },
    /// The signed exceptions make no sense.
    #[error(transparent)]
    Exceptions(#[from] ExceptionError),
    /// What was signed is not UTF-8.
    #[error("{}: what was signed is not UTF-8", .0.display())]
    NotText(PathBuf),
    /// The signed baseline makes no sense.
    #[error(transparent)]
    Baseline(#[from] BaselineError),
    /// The device's key cannot be had.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// It is not there.
    #[error("{}: there is no device key here; run `suture-agent enrol`", .0.display())]
    NoKey(PathBuf),
    /// The keys and certificates do not belong together.
    #[error("{}: its keys and certificates cannot be used", path.display())]
    Tls {
        /// The directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: identity::IdentityError,
    },
}

/// Parses JSON that came out of `path`.
pub fn parse_json<T: serde::de::DeserializeOwned>(path: &Path, bytes: &[u8]) -> Result<T, SiteError> {
    serde_json::from_slice(bytes).map_err(|e| SiteError::Json {
        path: path.to_owned(),
        line: e.line(),
        column: e.column(),
        message: e.to_string(),
    })
}

/// Opens a signed baseline: the payload is parsed only after the pinned key was found to have signed it.
pub fn open_baseline(path: &Path, envelope: &[u8], pinned: &HubKey) -> Result<Baseline, SiteError> {
    let signed = dsse::open(PayloadType::Baseline, envelope, std::slice::from_ref(pinned))
        .map_err(|fault| SiteError::Signature { path: path.to_owned(), fault })?;
    let text = std::str::from_utf8(signed.payload()).map_err(|_| SiteError::NotText(path.to_owned()))?;
    Ok(Baseline::parse(&path.display().to_string(), text)?)
}

/// Opens a signed allowlist, as [`open_baseline`] does a baseline.
pub fn open_allowlist(path: &Path, envelope: &[u8], pinned: &HubKey) -> Result<Allowlist, SiteError> {
    let signed = dsse::open(PayloadType::Allowlist, envelope, std::slice::from_ref(pinned))
        .map_err(|fault| SiteError::Allowlist { path: path.to_owned(), fault })?;
    let text = std::str::from_utf8(signed.payload()).map_err(|_| SiteError::NotText(path.to_owned()))?;
    Ok(Allowlist::parse(&path.display().to_string(), text)?)
}

impl Identity {
    /// Whose papers count here.
    pub const fn holds(&self) -> Holds<'_> {
        Holds { tenant: &self.tenant, site: &self.site, host: &self.host }
    }
}

/// Reads a paper that is kept: what came with the sheet, or what came since.
pub(crate) fn read_paper(
    places: &Places,
    identity: &Identity,
    kind: PaperKind,
) -> Result<OpenedPaper, SiteError> {
    let path = places.paper(kind);
    let envelope = file::read(&path, ENVELOPE_MAX_BYTES as u64)?;
    let pinned = std::slice::from_ref(&identity.hub_key);
    paper::open_held(kind, &envelope, pinned, identity.holds())
        .map_err(|fault| SiteError::Paper { path, fault })
}

/// The number of the paper that is kept; 0 where it came with the sheet, and where there is none that is believed.
pub fn number(places: &Places, identity: &Identity, kind: PaperKind) -> u64 {
    read_paper(places, identity, kind).map_or(0, |opened| opened.number())
}

/// Reads the signed allowlist. One that is missing or was taken back was not declared, and one that is not believed is not read: either way nothing is
/// held against it, and nothing passes.
pub fn read_allowlist(places: &Places, identity: &Identity) -> Result<Allowlist, Absence> {
    let file = places.allowlist().display().to_string();
    let read = || -> Result<Option<Allowlist>, SiteError> {
        let opened = read_paper(places, identity, PaperKind::Allowlist)?;
        Ok(opened.text().map(|text| Allowlist::parse(&file, text)).transpose()?)
    };
    match read() {
        Ok(allowlist) => allowlist.ok_or(Absence::NotDeclared),
        Err(error) if is_missing(&error) => Err(Absence::NotDeclared),
        Err(error) => {
            tracing::error!(error = crate::chain(&error), "the allowlist is not used");
            Err(Absence::Unreadable)
        }
    }
}

/// Reads the signed exceptions; none where the hub never signed any. Those that it took back, and those that are not believed, excuse nothing.
pub fn read_exceptions(places: &Places, identity: &Identity) -> Option<Exceptions> {
    let file = places.paper(PaperKind::Exceptions).display().to_string();
    let read = || -> Result<Exceptions, SiteError> {
        let opened = read_paper(places, identity, PaperKind::Exceptions)?;
        Ok(opened.text().map(|text| Exceptions::parse(&file, text)).transpose()?.unwrap_or_default())
    };
    match read() {
        Ok(exceptions) => Some(exceptions),
        Err(error) if is_missing(&error) => None,
        Err(error) => {
            tracing::error!(error = crate::chain(&error), "the signed exceptions excuse nothing");
            Some(Exceptions::default())
        }
    }
}

fn is_missing(error: &SiteError) -> bool {
    matches!(error, SiteError::File(file) if file.source.kind() == std::io::ErrorKind::NotFound)
}

/// Reads what was pinned.
pub fn read_identity(places: &Places) -> Result<Identity, SiteError> {
    let path = places.identity();
    parse_json(&path, &file::read(&path, SMALL_FILE_BYTES_MAX)?)
}

/// Reads the signed baseline.
pub fn read_baseline(places: &Places, identity: &Identity) -> Result<Baseline, SiteError> {
    let path = places.baseline();
    let opened = read_paper(places, identity, PaperKind::Baseline)?;
    // A baseline is never taken back, so it has a text; without one it would be refused as empty.
    Ok(Baseline::parse(&path.display().to_string(), opened.text().unwrap_or_default())?)
}

/// The device's certificate, in PEM.
pub(crate) fn read_certificate(places: &Places) -> Result<String, FileError> {
    file::read_text(&places.device_certificate(), SMALL_FILE_BYTES_MAX)
}

/// The device's certificate and its key, in PEM.
pub(crate) fn read_device(places: &Places) -> Result<(String, String), SiteError> {
    let certificate = read_certificate(places)?;
    let key = keystore::read(places)?.ok_or_else(|| SiteError::NoKey(places.device_key()))?;
    Ok((certificate, key))
}

/// Mutual TLS as this device: pinned authority, own certificate.
pub fn read_tls(places: &Places, identity: &Identity) -> Result<ClientConfig, SiteError> {
    let (certificate, key) = read_device(places)?;
    identity::client_config(&identity.hub_authority, &certificate, &key)
        .map_err(|source| SiteError::Tls { path: places.keys(), source })
}
