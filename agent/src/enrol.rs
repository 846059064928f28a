//! Enrolment: the key is made here and stays here; the hub signs its public half once the sheet's token and secret say so.
//!
//! Everything can be done again: a reply that was lost, a machine that lost power in between. The key is written first and used again, the
//! pinned identity is written last, and what is complete is left alone.

use std::path::{Path, PathBuf};

use contract::plane::{EnrolRequest, EnrolmentSheet};
use edge::file::{self, FileError};
use identity::{DeviceKey, IdentityError};
use thiserror::Error;

use crate::config::{HubUrl, Proxy};
use crate::hub::{Hub, HubError};
use crate::keystore::{self, KeyError, Sealing};
use crate::site::{self, Identity, Places, SiteError};

/// Baseline, catalogue, certificates: a sheet is never longer.
const SHEET_BYTES_MAX: u64 = 4 << 20;

/// Why a machine was not enrolled.
#[derive(Debug, Error)]
pub enum EnrolError {
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The sheet, or what is already in the directory, makes no sense.
    #[error(transparent)]
    Site(#[from] SiteError),
    /// The sheet's hub is not a URL of ours.
    #[error("the sheet's hub: {0}")]
    Hub(String),
    /// Another machine, or another hub, is enrolled in this directory.
    #[error("{} already holds the enrolment of host {host}: use an empty directory", path.display())]
    Taken {
        /// The directory.
        path: PathBuf,
        /// Whose it is.
        host: contract::ids::HostId,
    },
    /// The device's key could not be made, sealed or opened.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A key or certificate could not be made or used.
    #[error("the {what} cannot be used")]
    Identity {
        /// Which.
        what: &'static str,
        /// Why.
        #[source]
        source: IdentityError,
    },
    /// The hub did not enrol it.
    #[error(transparent)]
    Asked(#[from] HubError),
}

/// What enrolment came to.
#[derive(Debug, PartialEq, Eq)]
pub enum Enrolment {
    /// The hub signed the key.
    Fresh,
    /// It had been complete before.
    AlreadyThere,
}

/// Enrols this machine by the sheet at `sheet_path`, into `places`. `evidence_key` is the verifier key of the executor's log.
pub async fn enrol(
    sheet_path: &Path,
    places: &Places,
    sealing: &Sealing,
    evidence_key: &str,
    proxy: Option<Proxy>,
) -> Result<Enrolment, EnrolError> {
    let sheet: EnrolmentSheet = site::parse_json(sheet_path, &file::read(sheet_path, SHEET_BYTES_MAX)?)?;
    // Opened before anything is stored: a baseline that the hub did not sign never reaches the disk.
    site::open_baseline(sheet_path, &sheet.baseline.0, &sheet.hub_key)?;
    if let Some(allowlist) = &sheet.allowlist {
        site::open_allowlist(sheet_path, &allowlist.0, &sheet.hub_key)?;
    }
    file::private_directory(&places.dir)?;
    file::private_directory(&places.keys())?;
    let _lock = file::lock(&places.lock())?;
    let identity = pinned(&sheet);
    if is_complete(places, &identity)? {
        return Ok(Enrolment::AlreadyThere);
    }
    let key = keystore::read_or_make(places, sealing)?;
    let certificate = ask(&sheet, &key, evidence_key, proxy).await?;
    // Refuses a certificate over another key than ours, before it is stored.
    identity::client_config(&identity.hub_authority, &certificate, &key.pem())
        .map_err(|source| EnrolError::Identity { what: "certificate that the hub issued", source })?;
    file::write_durably(&places.device_certificate(), certificate.as_bytes())?;
    file::write_durably(&places.baseline(), &sheet.baseline.0)?;
    if let Some(allowlist) = &sheet.allowlist {
        file::write_durably(&places.allowlist(), &allowlist.0)?;
    }
    let json = serde_json::to_vec_pretty(&identity).unwrap_or_default();
    file::write_durably(&places.identity(), &json)?;
    Ok(Enrolment::Fresh)
}

fn pinned(sheet: &EnrolmentSheet) -> Identity {
    Identity {
        hub_authority: sheet.hub_authority.clone(),
        hub_key: sheet.hub_key.clone(),
        witness_key: sheet.witness_key.clone(),
        tenant: sheet.tenant.clone(),
        site: sheet.site.clone(),
        host: sheet.host.clone(),
        origin: sheet.origin.clone(),
    }
}

/// The identity is written last, so where it stands all else stands too. It must be this very one.
fn is_complete(places: &Places, identity: &Identity) -> Result<bool, EnrolError> {
    if !places.identity().exists() {
        return Ok(false);
    }
    let held = site::read_identity(places)?;
    if held != *identity {
        return Err(EnrolError::Taken { path: places.dir.clone(), host: held.host });
    }
    site::read_tls(places, &held)?;
    site::read_baseline(places, &held)?;
    Ok(true)
}

async fn ask(
    sheet: &EnrolmentSheet,
    key: &DeviceKey,
    evidence_key: &str,
    proxy: Option<Proxy>,
) -> Result<String, EnrolError> {
    let tls =
        identity::client_config(&sheet.hub_authority, &sheet.bootstrap_certificate, &sheet.bootstrap_key)
            .map_err(|source| EnrolError::Identity { what: "sheet's bootstrap certificate", source })?;
    let hub = Hub::new(HubUrl::try_from(sheet.hub.clone()).map_err(EnrolError::Hub)?, tls, proxy)?;
    let csr = key.request().map_err(|source| EnrolError::Identity { what: "certificate request", source })?;
    let request = EnrolRequest {
        token: sheet.token.clone(),
        secret: sheet.secret.clone(),
        csr,
        evidence_key: evidence_key.to_owned(),
        software: Some(crate::pulse::attested()),
    };
    Ok(hub.enrol(&request).await?.certificate)
}
