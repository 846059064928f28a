//! Setting an executor up from an enrolment sheet: its key is made here and never leaves.

use std::path::{Path, PathBuf};

use contract::digest::Digest;
use contract::dsse::{self, PayloadType};
use contract::ids::RunbookId;
use contract::plane::EnrolmentSheet;
use edge::file::{self, FileError};
use thiserror::Error;
use tlog::note::{KeyError, SignatureType};
use tlog::{Origin, SigningKey, VerifierKey};

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
    /// The log's key or origin cannot be used.
    #[error("the evidence key cannot be used")]
    Key(#[from] KeyError),
    /// The origin is none.
    #[error("the log's origin cannot be used")]
    Origin(#[from] tlog::checkpoint::CheckpointParseError),
    /// The key's file does not hold a key.
    #[error("{}: it must hold 64 hexadecimal characters", .0.display())]
    KeyFile(PathBuf),
}

/// Makes the key where there is none, and writes what `run` needs. Done again, it keeps the key and writes the rest anew from the sheet.
pub fn init(told: &Init) -> Result<VerifierKey, InitError> {
    let sheet: EnrolmentSheet = serde_json::from_slice(&file::read(&told.sheet, SHEET_MAX_BYTES)?)
        .map_err(|source| InitError::Sheet { path: told.sheet.clone(), source })?;
    let opened = |kind, what, envelope: &[u8]| {
        dsse::open(kind, envelope, std::slice::from_ref(&sheet.hub_key))
            .map_err(|fault| InitError::NotSigned { what, fault })
    };
    let catalogue = opened(PayloadType::Catalogue, "catalogue", &sheet.catalogue.0)?;
    opened(PayloadType::Baseline, "baseline", &sheet.baseline.0)?;
    let key = make_or_load_key(&told.dir, &sheet.origin)?;
    file::write_durably(&told.dir.join("catalogue.dsse"), &sheet.catalogue.0)?;
    file::write_durably(&told.dir.join("baseline.dsse"), &sheet.baseline.0)?;
    let config = configuration(told, &sheet, Digest::of(catalogue.payload()));
    file::write_durably(&told.dir.join("executor.yaml"), config.as_bytes())?;
    Ok(key.verifier().clone())
}

/// The evidence key of `directory`, made now where there is none.
pub fn make_or_load_key(directory: &Path, origin: &str) -> Result<SigningKey, InitError> {
    let keys = directory.join("keys");
    file::private_directory(&keys)?;
    let path = keys.join("evidence.key");
    if !path.exists() {
        let seed = edge::random::bytes::<32>().map_err(|source| FileError {
            path: path.clone(),
            action: "draw a key for it",
            source,
        })?;
        file::write_durably(&path, contract::digest::hex(&seed).as_bytes())?;
    }
    load_key(&path, origin)
}

/// The evidence key in `path`.
pub fn load_key(path: &Path, origin: &str) -> Result<SigningKey, InitError> {
    let text = file::read_text(path, 128)?;
    let seed =
        contract::digest::unhex::<32>(text.trim()).ok_or_else(|| InitError::KeyFile(path.to_owned()))?;
    let origin: Origin = origin.parse()?;
    Ok(SigningKey::from_seed(origin.key_name().clone(), SignatureType::Ed25519, &seed)?)
}

/// The configuration. JSON strings are YAML strings, so every value is quoted as JSON.
fn configuration(told: &Init, sheet: &EnrolmentSheet, approved: Digest) -> String {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let path = |path: &Path| quoted(&path.display().to_string());
    let enforce: Vec<String> = told.enforce.iter().map(|id| quoted(id.as_str())).collect();
    format!(
        "# Written by `suture-executor init`. Unknown keys are refused.\n\
         origin: {}\ntenant: {}\nsite: {}\nhost: {}\nhub_keys: [{}]\nwitness_key: {}\ndirectory: {}\nsocket: {}\n\
         agent_uid: {}\nagent_keys: {}\nmode: observe\nenforce: [{}]\napproved_catalogue: {}\n",
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
