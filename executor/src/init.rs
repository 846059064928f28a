//! Setting an executor up from an enrolment sheet: its key is made here and never leaves.

use std::path::{Path, PathBuf};

use contract::digest::Digest;
use contract::dsse::{self, PayloadType};
use contract::ids::RunbookId;
use contract::paper::{self, Holds, PaperKind};
use contract::plane::EnrolmentSheet;
use contract::record::SuccessionReason;
use edge::file::{self, FileError};
use thiserror::Error;
use tlog::note::KeyError;
use tlog::{SigningKey, VerifierKey};

use crate::keystore::{KeystoreError, Place, Protection, Sealing};
use crate::succession::{self, SuccessionError};

/// The longest enrolment sheet: 4 MiB, most of it the catalogue.
const SHEET_MAX_BYTES: u64 = 4 << 20;

/// What `suture-executor init` is told.
#[derive(Debug, clap::Args)]
pub struct Init {
    /// The enrolment sheet, as the hub wrote it.
    #[arg(long)]
    pub sheet: PathBuf,
    /// The executor's own directory. Its key, the evidence log and the approved catalogue go there.
    #[arg(long)]
    pub dir: PathBuf,
    /// Where the agent is to connect.
    #[arg(long)]
    pub socket: PathBuf,
    /// The user that the agent runs as.
    #[arg(long)]
    pub agent_uid: u32,
    /// The directory with the agent's keys.
    #[arg(long)]
    pub agent_keys: PathBuf,
    /// A runbook that may repair even while the site only observes. Give it several times for several.
    #[arg(long)]
    pub enforce: Vec<RunbookId>,
    /// The executor's directory of a log that cannot go on, which this one succeeds. It is left as it is.
    #[arg(long, requires = "reason")]
    pub succeeds: Option<PathBuf>,
    /// Why it cannot go on: `log_lost`, `log_damaged`, `key_lost` or `forked`.
    #[arg(long, requires = "succeeds", value_parser = succession_reason)]
    pub reason: Option<SuccessionReason>,
    /// The TPM 2.0 that seals the evidence key, where it is not the kernel's /dev/tpmrm0.
    #[arg(long)]
    pub tpm_device: Option<String>,
    /// Write the evidence key down in the open although there is a TPM 2.0.
    #[arg(long, conflicts_with = "tpm_device")]
    pub unsealed: bool,
}

impl Init {
    fn sealing(&self) -> Sealing {
        match &self.tpm_device {
            Some(device) => Sealing::Device(device.clone()),
            None if self.unsealed => Sealing::Unsealed,
            None => Sealing::Found,
        }
    }
}

fn succession_reason(text: &str) -> Result<SuccessionReason, serde_json::Error> {
    serde_json::from_value(text.into())
}

/// Why an executor was not set up.
#[derive(Debug, Error)]
pub enum InitError {
    /// A file cannot be read or written.
    #[error("a file cannot be used")]
    File(#[from] FileError),
    /// The sheet is not one.
    #[error("{}: not an enrolment sheet", path.display())]
    Sheet {
        /// Which file.
        path: PathBuf,
        /// Where and why.
        source: serde_json::Error,
    },
    /// What the sheet carries is not signed by the key that it names.
    #[error("the sheet's {what}: {fault}; ask the hub for a new sheet")]
    NotSigned {
        /// What.
        what: &'static str,
        /// Why not.
        fault: dsse::SignatureFault,
    },
    /// The evidence key cannot be made or opened.
    #[error(transparent)]
    Keystore(#[from] KeystoreError),
    /// The list of earlier keys is none.
    #[error("evidence.earlier: not a list of keys")]
    Earlier(#[source] KeyError),
    /// The log that is to be succeeded has nothing to go on from.
    #[error(transparent)]
    Succession(#[from] SuccessionError),
}

/// Makes the key where there is none, and writes what `run` needs. Done again, it keeps the key and writes the rest anew from the sheet.
pub fn init(told: &Init) -> Result<(VerifierKey, Protection), InitError> {
    let sheet: EnrolmentSheet = serde_json::from_slice(&file::read(&told.sheet, SHEET_MAX_BYTES)?)
        .map_err(|source| InitError::Sheet { path: told.sheet.clone(), source })?;
    let opened = |kind, what, envelope: &[u8]| {
        dsse::open(kind, envelope, std::slice::from_ref(&sheet.hub_key))
            .map_err(|fault| InitError::NotSigned { what, fault })
    };
    let catalogue = opened(PayloadType::Catalogue, "catalogue", &sheet.catalogue.0)?;
    opened(PayloadType::Baseline, "baseline", &sheet.baseline.0)?;
    if let Some(allowlist) = &sheet.allowlist {
        opened(PayloadType::Allowlist, "allowlist", &allowlist.0)?;
    }
    let succession = match (&told.succeeds, told.reason) {
        (Some(old), Some(reason)) => Some(succession::of(old, &sheet.origin, reason)?),
        _ => None,
    };
    let (key, protection) = make_or_load_key(told, &told.dir.join("keys"), &sheet.origin)?;
    if let Some(succession) = succession {
        succession::leave(&told.dir, &succession)?;
    }
    file::write_durably(&told.dir.join("catalogue.dsse"), &sheet.catalogue.0)?;
    write_unless_newer(told, &sheet, PaperKind::Baseline, &sheet.baseline.0)?;
    if let Some(allowlist) = &sheet.allowlist {
        write_unless_newer(told, &sheet, PaperKind::Allowlist, &allowlist.0)?;
    }
    // A policy that is there was put in place by its own verb, or waits to be the first: it stays.
    let policy = told.dir.join("policy.yaml");
    if policy.symlink_metadata().is_err() {
        file::write_durably(&policy, crate::policy_verb::DEFAULT.as_bytes())?;
    }
    let config = configuration(told, &sheet, Digest::of(catalogue.payload()));
    file::write_durably(&told.dir.join("executor.yaml"), config.as_bytes())?;
    Ok((key.verifier().clone(), protection))
}

/// What the hub signed for this host after the sheet stays: the sheet's would be older.
fn write_unless_newer(
    told: &Init,
    sheet: &EnrolmentSheet,
    kind: PaperKind,
    envelope: &[u8],
) -> Result<(), FileError> {
    let path = told.dir.join(kind.file());
    let holds = Holds { tenant: &sheet.tenant, site: &sheet.site, host: &sheet.host };
    let pinned = std::slice::from_ref(&sheet.hub_key);
    let there = file::read(&path, dsse::ENVELOPE_MAX_BYTES as u64).ok();
    match there.and_then(|there| paper::open(kind, &there, pinned, holds).ok()) {
        Some(_) => Ok(()),
        None => file::write_durably(&path, envelope),
    }
}

/// The evidence key of `keys`, made now where there is none.
fn make_or_load_key(told: &Init, keys: &Path, origin: &str) -> Result<(SigningKey, Protection), InitError> {
    file::private_directory(keys)?;
    let place = Place::current(keys, told.tpm_device.as_deref());
    let protection = if place.is_taken() { place.protection() } else { place.make(&told.sealing())? };
    Ok((place.load(origin)?, protection))
}

/// The public keys that were in force before the one that is now, newest first.
pub fn earlier_keys(keys: &Path) -> Result<Vec<VerifierKey>, InitError> {
    let path = keys.join("evidence.earlier");
    match file::read_text(&path, 64 << 10) {
        Ok(text) => text.lines().rev().map(|line| line.parse().map_err(InitError::Earlier)).collect(),
        Err(e) if e.source.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(e) => Err(e.into()),
    }
}

/// The configuration. JSON strings are YAML strings, so every value is quoted as JSON.
fn configuration(told: &Init, sheet: &EnrolmentSheet, approved: Digest) -> String {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let path = |path: &Path| quoted(&path.display().to_string());
    let tpm = told.tpm_device.as_ref().map_or_else(String::new, |d| format!("tpm_device: {}\n", quoted(d)));
    let enforce: Vec<String> = told.enforce.iter().map(|id| quoted(id.as_str())).collect();
    format!(
        "# Written by `suture-executor init`. Unknown keys are refused.\n\
         origin: {}\ntenant: {}\nsite: {}\nhost: {}\nhub_keys: [{}]\nwitness_key: {}\ndirectory: {}\nsocket: {}\n\
         agent_uid: {}\nagent_keys: {}\nmode: observe\nenforce: [{}]\napproved_catalogue: {}\n{tpm}",
        quoted(&sheet.origin),
        quoted(sheet.tenant.as_str()),
        quoted(sheet.site.as_str()),
        quoted(sheet.host.as_str()),
        quoted(&String::from(sheet.hub_key.clone())),
        quoted(&sheet.witness_key),
        path(&told.dir),
        path(&told.socket),
        told.agent_uid,
        path(&told.agent_keys),
        enforce.join(", "),
        quoted(&approved.to_string()),
    )
}
