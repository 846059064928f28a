//! Where the evidence key lies: made on this machine, sealed by its TPM 2.0 where it has one.
//!
//! Sealing is `systemd-creds` with the TPM as its only key: what is on the disk opens on this machine's TPM and nowhere else, so a stolen disk or
//! backup signs nothing. It is bound to nothing that a boot measures: a firmware update must not silence a machine. A TPM that is there and cannot seal is an error, not
//! a reason to write the key down in the open, unless the operator says so.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use edge::file::{self, FileError};
use thiserror::Error;
use tlog::note::{KeyError, SignatureType};
use tlog::{Origin, SigningKey};

/// The kernel's way to a TPM 2.0, shared by its users.
const DEVICE: &str = "/dev/tpmrm0";
/// What the sealed bytes are bound to be, so that another sealed secret of this machine is not taken for this one.
const NAME: &str = "--name=suture-evidence";
/// The debug PCR, which nothing of a boot extends: bound to none at all, systemd 252 seals what it cannot open again.
const PCR: &str = "--tpm2-pcrs=16";
/// The longest sealed key: 64 characters with what the TPM adds.
const SEALED_MAX_BYTES: u64 = 16 << 10;

/// How a key lies on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// Sealed by the TPM.
    Sealed,
    /// In the open, in a private directory.
    Plain(NotSealed),
}

/// Why a key is not sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotSealed {
    /// The machine has no TPM 2.0.
    NoTpm,
    /// The operator said so.
    Told,
    /// It was made in the open before.
    Found,
}

impl std::fmt::Display for Protection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Sealed => "the evidence key is sealed by this machine's TPM 2.0",
            Self::Plain(NotSealed::NoTpm) => {
                "the evidence key is not sealed: this machine shows no TPM 2.0 (/dev/tpmrm0)"
            }
            Self::Plain(NotSealed::Told) => "the evidence key is not sealed, as you said",
            Self::Plain(NotSealed::Found) => "the evidence key is not sealed: it was made without a TPM",
        })
    }
}

/// What a new key is to be sealed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sealing {
    /// The machine's TPM 2.0, if it has one.
    Found,
    /// This one: a device, or a driver and its parameter as in `swtpm:path=…`.
    Device(String),
    /// None.
    Unsealed,
}

/// Why a key cannot be had.
#[derive(Debug, Error)]
pub enum KeystoreError {
    /// Its file.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file does not hold a key.
    #[error("{}: it must hold 64 hexadecimal characters", .0.display())]
    NotAKey(PathBuf),
    /// There is no key.
    #[error("{}: there is no evidence key here; run `suture-executor init`", .0.display())]
    None(PathBuf),
    /// The TPM's program cannot be started.
    #[error(
        "systemd-creds cannot be started, which seals the evidence key with the TPM: install systemd 250 or later, or say --unsealed"
    )]
    Program(#[source] std::io::Error),
    /// The TPM did not do it.
    #[error("the TPM did not {action} the evidence key: {words}")]
    Tpm {
        /// Seal or open.
        action: &'static str,
        /// What systemd-creds said.
        words: String,
    },
    /// The key or its name cannot be used.
    #[error("the evidence key cannot be used")]
    Key(#[from] KeyError),
    /// The origin is none.
    #[error("the log's origin cannot be used")]
    Origin(#[from] tlog::checkpoint::CheckpointParseError),
}

/// One key's place in the directory of keys.
#[derive(Debug, Clone)]
pub struct Place {
    plain: PathBuf,
    sealed: PathBuf,
    tpm: Option<String>,
}

impl Place {
    /// The key in force.
    pub fn current(keys: &Path, tpm: Option<&str>) -> Self {
        Self::named(keys, "evidence", tpm)
    }

    /// The key that is about to be.
    pub fn next(keys: &Path, tpm: Option<&str>) -> Self {
        Self::named(keys, "evidence-next", tpm)
    }

    fn named(keys: &Path, name: &str, tpm: Option<&str>) -> Self {
        let file = |end: &str| keys.join(format!("{name}.{end}"));
        Self { plain: file("key"), sealed: file("key.sealed"), tpm: tpm.map(str::to_owned) }
    }

    /// True where there is one.
    pub fn is_taken(&self) -> bool {
        self.plain.exists() || self.sealed.exists()
    }

    /// How the key that is here lies.
    pub fn protection(&self) -> Protection {
        if self.sealed.exists() { Protection::Sealed } else { Protection::Plain(NotSealed::Found) }
    }

    /// The key, opened.
    pub fn load(&self, origin: &str) -> Result<SigningKey, KeystoreError> {
        let (path, text) = if self.sealed.exists() {
            let sealed = file::read(&self.sealed, SEALED_MAX_BYTES)?;
            let opened = creds("open", "decrypt", &[NAME, &self.device()], &sealed)?;
            (&self.sealed, String::from_utf8_lossy(&opened).into_owned())
        } else if self.plain.exists() {
            (&self.plain, file::read_text(&self.plain, 128)?)
        } else {
            return Err(KeystoreError::None(self.plain.clone()));
        };
        let seed = contract::digest::unhex::<32>(text.trim());
        signing_key(&seed.ok_or_else(|| KeystoreError::NotAKey(path.clone()))?, origin)
    }

    /// Makes a key here. There must be none.
    pub fn make(&self, sealing: &Sealing) -> Result<Protection, KeystoreError> {
        let draw = |source| FileError { path: self.plain.clone(), action: "draw a key for it", source };
        let seed = contract::digest::hex(&edge::random::bytes::<32>().map_err(draw)?);
        let why_not = match sealing {
            Sealing::Device(_) => None,
            Sealing::Found if Path::new(DEVICE).exists() => None,
            Sealing::Found => Some(NotSealed::NoTpm),
            Sealing::Unsealed => Some(NotSealed::Told),
        };
        if let Some(why_not) = why_not {
            file::write_durably(&self.plain, seed.as_bytes())?;
            return Ok(Protection::Plain(why_not));
        }
        let with = ["--with-key=tpm2", PCR, NAME, &self.device()];
        let sealed = creds("seal", "encrypt", &with, seed.as_bytes())?;
        file::write_durably(&self.sealed, &sealed)?;
        Ok(Protection::Sealed)
    }

    /// Moves the key that is here to where `other` has its own, which it replaces.
    pub fn replace(&self, other: &Self) -> Result<(), FileError> {
        let (from, to, stale) = if self.sealed.exists() {
            (&self.sealed, &other.sealed, &other.plain)
        } else {
            (&self.plain, &other.plain, &other.sealed)
        };
        let failed = |source| FileError { path: to.clone(), action: "put the new key there", source };
        std::fs::rename(from, to).map_err(failed)?;
        file::sync_directory(to.parent().unwrap_or(Path::new(".")))?;
        if stale.exists() { file::remove_durably(stale) } else { Ok(()) }
    }

    /// Removes the key that is here.
    pub fn remove(&self) -> Result<(), FileError> {
        for path in [&self.plain, &self.sealed].into_iter().filter(|path| path.exists()) {
            file::remove_durably(path)?;
        }
        Ok(())
    }

    fn device(&self) -> String {
        format!("--tpm2-device={}", self.tpm.as_deref().unwrap_or(DEVICE))
    }
}

/// The key of a seed. Its name is the log's origin.
pub fn signing_key(seed: &[u8; 32], origin: &str) -> Result<SigningKey, KeystoreError> {
    let origin: Origin = origin.parse()?;
    Ok(SigningKey::from_seed(origin.key_name().clone(), SignatureType::Ed25519, seed)?)
}

/// Runs `systemd-creds` over bytes: in by its standard input, out by its standard output, so that the key is never in a file or an argument.
fn creds(action: &'static str, verb: &str, options: &[&str], input: &[u8]) -> Result<Vec<u8>, KeystoreError> {
    let mut program = Command::new("systemd-creds")
        .arg(verb)
        .args(options)
        .args(["-", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(KeystoreError::Program)?;
    if let Some(mut stdin) = program.stdin.take() {
        // A program that ends without reading says why itself.
        let _ = stdin.write_all(input);
    }
    let output = program.wait_with_output().map_err(KeystoreError::Program)?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let words: String = String::from_utf8_lossy(&output.stderr).trim().chars().take(300).collect();
    Err(KeystoreError::Tpm { action, words })
}
