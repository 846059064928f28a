//! A witness's directory.
//!
//! ```text
//! <dir>/key      the verifier key: name, key ID, public key; not secret
//!      /seed     the secret, 64 hexadecimal digits, mode 0600
//!      /lock     held while the witness runs
//!      /heads/   the newest head that was cosigned, one file for each log
//!      /forks/   proofs that a log showed two histories
//! ```
//! `key` is written last, so a directory that has one has a seed as well. Losing the seed ends the witness; whoever has a copy can cosign in its
//! name. Putting back an older `heads` makes it forget what it vouched for: then it must not go on under the same key.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use contract::digest::{hex, unhex};
use edge::file::{FileError, private_directory, read_text, write_durably};
use thiserror::Error;
use tlog::note::{KeyError, SignatureType};
use tlog::{SigningKey, VerifierKey};

/// The largest of these files that is read, in bytes.
const FILE_MAX_BYTES: u64 = 4096;

/// Why there is no witness in a directory.
#[derive(Debug, Error)]
pub(crate) enum DirectoryError {
    /// A file or directory cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A witness was made there before.
    #[error("{}: a witness is here already, and its key is never replaced: use another --dir", .0.display())]
    Taken(PathBuf),
    /// No witness was made there.
    #[error("{}: no witness was made here: run `suture-witness init` first", .0.display())]
    Missing(PathBuf),
    /// The name makes no key.
    #[error("the name cannot be a witness's")]
    Name(#[source] KeyError),
    /// Others may read the secret.
    #[error("{}: its mode is {mode:04o}, so others may have read it: make a new witness if they have, else `chmod 600` it", path.display())]
    Exposed {
        /// Which file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// A file does not hold what it should.
    #[error("{}: {what}: restore it from a copy", path.display())]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        what: &'static str,
    },
    /// The kernel gave no random bytes.
    #[error("this machine's random generator does not answer")]
    Random(#[source] std::io::Error),
}

/// Draws a key of the given name and keeps it in `directory`.
pub(crate) fn make(directory: &Path, name: &str) -> Result<VerifierKey, DirectoryError> {
    let name = name.parse().map_err(DirectoryError::Name)?;
    private_directory(directory)?;
    let path = directory.join("key");
    if path.symlink_metadata().is_ok() {
        return Err(DirectoryError::Taken(directory.to_owned()));
    }
    let seed = edge::random::bytes::<32>().map_err(DirectoryError::Random)?;
    let key =
        SigningKey::from_seed(name, SignatureType::CosignatureV1, &seed).map_err(DirectoryError::Name)?;
    write_durably(&directory.join("seed"), hex(&seed).as_bytes())?;
    write_durably(&path, format!("{}\n", key.verifier()).as_bytes())?;
    Ok(key.verifier().clone())
}

/// Reads the key back; the two files must fit together.
pub(crate) fn open(directory: &Path) -> Result<SigningKey, DirectoryError> {
    let path = directory.join("key");
    let malformed = |path: &Path, what| DirectoryError::Malformed { path: path.to_owned(), what };
    if path.symlink_metadata().is_err() {
        return Err(DirectoryError::Missing(directory.to_owned()));
    }
    private_directory(directory)?;
    let public: VerifierKey = read_text(&path, FILE_MAX_BYTES)?
        .trim_end()
        .parse()
        .map_err(|_| malformed(&path, "it holds no verifier key"))?;
    let path = directory.join("seed");
    let digits = secret(&path)?;
    let seed: [u8; 32] =
        unhex(&digits).ok_or_else(|| malformed(&path, "it must hold 64 lower-case hexadecimal digits"))?;
    let key = SigningKey::from_seed(public.label().name.clone(), SignatureType::CosignatureV1, &seed)
        .map_err(DirectoryError::Name)?;
    if *key.verifier() == public {
        Ok(key)
    } else {
        Err(malformed(&path, "it is not the seed of the key beside it"))
    }
}

/// Reads a file that nobody but its owner may read.
fn secret(path: &Path) -> Result<String, DirectoryError> {
    let text = read_text(path, FILE_MAX_BYTES)?;
    let looked = std::fs::metadata(path);
    let mode =
        looked.map_err(|source| FileError { path: path.to_owned(), action: "look at it", source })?.mode()
            & 0o7777;
    if mode & 0o077 != 0 {
        return Err(DirectoryError::Exposed { path: path.to_owned(), mode });
    }
    Ok(text)
}
