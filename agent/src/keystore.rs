//! Where the device's key lies: made on this machine, sealed by its TPM 2.0 where it has one.
//!
//! A TPM that is there and cannot seal is an error, not a reason to write the key down in the open, unless the operator says so. A sealed key that does
//! not open is never replaced by another: the hub enrolled this one.

mod tpm;

use std::path::{Path, PathBuf};

use edge::file::{self, FileError};
use identity::{DeviceKey, IdentityError, SECRET_BYTES};
use thiserror::Error;

use crate::site::Places;
use tpm::Tpm;
pub use tpm::TpmError;

/// The kernel's way to a TPM 2.0, shared by its users.
pub(crate) const DEVICE: &str = "/dev/tpmrm0";
const _: () = assert!(SECRET_BYTES <= tpm::SECRET_BYTES_MAX, "a device's key fits into a TPM");
/// A key in PEM.
const KEY_BYTES_MAX: u64 = 16 * 1024;

/// What a new key is to be sealed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sealing {
    /// The machine's TPM 2.0, if it has one.
    Found,
    /// The TPM that the agent is told of, which must be there.
    Told,
    /// None.
    Unsealed,
}

/// How the key lies on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// Sealed by the TPM.
    Sealed,
    /// In the open, in a private directory.
    Plain,
}

impl std::fmt::Display for Protection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Sealed => "the device's key is sealed by this machine's TPM 2.0",
            Self::Plain => "the device's key is not sealed: this machine showed no TPM 2.0 (/dev/tpmrm0) when it was made, or you said so",
        })
    }
}

/// Why the device's key cannot be had.
#[derive(Debug, Error)]
pub enum KeyError {
    /// Its file.
    #[error(transparent)]
    File(#[from] FileError),
    /// It could not be made, or is none.
    #[error("the device's key cannot be used")]
    Key(#[from] IdentityError),
    /// The TPM did not seal the new one.
    #[error(
        "the TPM {device} did not seal the device's key: let the agent's user use it (group tss), and install tpm2-tools; or say --unsealed"
    )]
    Seal {
        /// Which TPM.
        device: String,
        /// Why.
        #[source]
        source: TpmError,
    },
    /// The TPM did not open it.
    #[error(
        "{}: the TPM {device} does not open the device's key: it is gone, was cleared, is another one, or the agent's user may not use it (group tss). \
         Where it is gone for good the key is too: have this machine enrolled anew, with another sheet into an empty directory",
        path.display()
    )]
    Open {
        /// The sealed key.
        path: PathBuf,
        /// Which TPM.
        device: String,
        /// Why.
        #[source]
        source: TpmError,
    },
    /// It opened to something that is no key.
    #[error("{}: what is sealed in it is no key", .0.display())]
    NotAKey(PathBuf),
}

/// The key that is here, in PEM. None where none is.
pub(crate) fn read(places: &Places) -> Result<Option<String>, KeyError> {
    let (plain, sealed) = (places.device_key(), places.sealed_device_key());
    if sealed.exists() {
        let bytes = file::read(&sealed, KEY_BYTES_MAX)?;
        let opened = tpm(places).and_then(|tpm| tpm.open(&bytes)).map_err(|source| KeyError::Open {
            path: sealed.clone(),
            device: places.tpm_device().to_owned(),
            source,
        })?;
        let secret = opened.try_into().map_err(|_| KeyError::NotAKey(sealed))?;
        return Ok(Some(DeviceKey::from_secret(&secret)?.pem()));
    }
    if plain.exists() { Ok(Some(file::read_text(&plain, KEY_BYTES_MAX)?)) } else { Ok(None) }
}

fn tpm(places: &Places) -> Result<Tpm, TpmError> {
    Tpm::at(places.tpm_device(), &places.keys().join("tpm"))
}

/// How the key lies that is here.
pub fn protection(places: &Places) -> Protection {
    if places.sealed_device_key().exists() { Protection::Sealed } else { Protection::Plain }
}

/// The key of an earlier try, or a new one, durable before anybody hears of it.
pub(crate) fn read_or_make(places: &Places, sealing: &Sealing) -> Result<DeviceKey, KeyError> {
    if let Some(pem) = read(places)? {
        return Ok(DeviceKey::load(&pem)?);
    }
    let key = DeviceKey::create()?;
    let seals = match sealing {
        Sealing::Told => true,
        Sealing::Found => Path::new(places.tpm_device()).exists(),
        Sealing::Unsealed => false,
    };
    if seals {
        let device = places.tpm_device();
        let secret = key.secret()?;
        let sealed = tpm(places)
            .and_then(|tpm| tpm.seal(&secret))
            .map_err(|source| KeyError::Seal { device: device.to_owned(), source })?;
        file::write_durably(&places.sealed_device_key(), &sealed)?;
    } else {
        file::write_durably(&places.device_key(), key.pem().as_bytes())?;
    }
    Ok(key)
}
