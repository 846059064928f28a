//! The hub's secrets: the authority, the key that signs orders, the key that cosigns, those of the hub's own logs.
//!
//! They are made on the first start and never replaced silently: once the hub is complete (`hub.json` is there), a secret that is missing, that
//! others may read, or that does not parse stops the start. Whoever holds the order key can order any approved runbook; whoever holds the
//! authority can enrol machines; neither can write or change evidence.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use contract::digest::{hex, unhex};
use contract::dsse::HubSigner;
use edge::file::{FileError, private_directory, read_text, write_durably};
use identity::{Authority, IdentityError};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tlog::SigningKey;
use tlog::note::{KeyError, SignatureType};

use crate::config::HubName;

/// The largest secret file that is read.
const SECRET_MAX_BYTES: u64 = 16 * 1024;

/// What makes this hub this hub.
#[derive(Debug)]
pub(crate) struct Keys {
    pub(crate) authority: Authority,
    pub(crate) orders: HubSigner,
    pub(crate) witness: SigningKey,
    /// Signs the log of all sites' heads, whose origin is its name.
    pub(crate) heads: SigningKey,
    /// Signs the covers of evidence kits.
    pub(crate) kits: SigningKey,
    /// The key of the hub's own log, in public: its writer has the other half.
    pub(crate) own: String,
}

/// Says that the hub is complete.
const MARKER: &str = "hub.json";
/// What it is called where another hub goes on with this one's logs.
const REPLACED: &str = "hub.json.replaced";

/// `hub.json`: written last, so that its presence says that everything else is there.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Marker {
    format: u32,
    name: String,
    /// Drawn where the hub was restored without its newest logs: its own logs begin anew then, under names of their own. Older programs counted it up
    /// from two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    epoch: Option<u64>,
}

/// Which hub lies in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Which {
    pub(crate) name: HubName,
    pub(crate) epoch: Option<u64>,
}

impl Which {
    /// The name of one of the hub's own logs.
    pub(crate) fn log(&self, log: &str) -> String {
        match self.epoch {
            None => format!("{}/{log}", self.name),
            Some(epoch) => format!("{}/{epoch}/{log}", self.name),
        }
    }
}

/// Why the hub's secrets could not be had.
#[derive(Debug, Error)]
pub enum KeysError {
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// Somebody else may read a secret.
    #[error("{}: its mode is {mode:04o}, so others may have read it: replace it if they have, else `chmod 600` it", path.display())]
    Exposed {
        /// Which file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// A file does not hold what it should.
    #[error("{}: {what}: restore it from a backup", path.display())]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The hub in this directory has another name.
    #[error(
        "this directory's hub is called {found}: logs and certificates carry that name, so start it with `--name {found}`"
    )]
    OtherName {
        /// Its name.
        found: String,
    },
    /// Another hub goes on with the logs of the one in this directory.
    #[error(
        "the hub in {} was replaced: a restore took its logs, and they go on there; were it to sign too, there would be two histories under one name. Only where that restored hub never served, remove it and rename {REPLACED} to {MARKER}",
        directory.display()
    )]
    Replaced {
        /// Which.
        directory: PathBuf,
    },
    /// The kernel gave no random bytes.
    #[error("this machine's random generator does not answer")]
    Random(#[source] std::io::Error),
    /// The authority cannot be made or read.
    #[error("the authority in {}", path.display())]
    Authority {
        /// Where it is kept.
        path: PathBuf,
        /// Why not.
        #[source]
        source: IdentityError,
    },
    /// The hub's name makes no key.
    #[error("the key for cosignatures, or for the log of heads")]
    Witness(#[source] KeyError),
}

impl Keys {
    /// Opens the secrets in `directory`, or makes them where the hub was never completed.
    pub(crate) fn open(directory: &Path, name: &HubName) -> Result<Self, KeysError> {
        let secrets = directory.join("keys");
        private_directory(&secrets)?;
        let marker = directory.join(MARKER);
        still_counts(directory)?;
        let complete = is_there(&marker)?;
        let which = if complete {
            check_marker(&marker, name)?
        } else {
            make_missing(&secrets, name)?;
            Which { name: name.clone(), epoch: None }
        };
        // A hub that is older than the log of heads has no key for it; one that began the log never gets another.
        if !is_there(&directory.join("heads/checkpoint"))? {
            make_seed(&secrets.join("heads.seed"))?;
        }
        // The same of kits: the database of exports is made right after the key, and a hub that has one never gets another key.
        if !is_there(&directory.join(crate::kit::FILE))? {
            make_seed(&secrets.join("kits.seed"))?;
        }
        // And of the hub's own log.
        if !is_there(&directory.join(crate::people::LOG).join("checkpoint"))? {
            make_seed(&secrets.join("own.seed"))?;
        }
        let keys = load(&secrets, &which)?;
        if !complete {
            mark(directory, &which)?;
        }
        Ok(keys)
    }

    /// Puts an authority that somebody else made into a directory that has none yet: the hub in it is completed with that one.
    pub(crate) fn adopt(
        directory: &Path,
        name: &HubName,
        (certificate, key): (&Path, &Path),
    ) -> Result<(), KeysError> {
        let secrets = directory.join("keys");
        private_directory(&secrets)?;
        let (pem, key_pem) = (read_text(certificate, SECRET_MAX_BYTES)?, read_text(key, SECRET_MAX_BYTES)?);
        Authority::of_others(&pem, &key_pem, name.as_str(), edge::clock::utc())
            .map_err(|source| KeysError::Authority { path: certificate.to_owned(), source })?;
        write_durably(&secrets.join("authority.key"), key_pem.as_bytes())?;
        Ok(write_durably(&secrets.join("authority.pem"), pem.as_bytes())?)
    }

    /// The key of the hub's own log, for its writer.
    pub(crate) fn own_log(directory: &Path) -> Result<SigningKey, KeysError> {
        own(&directory.join("keys"), &which(directory)?)
    }

    /// The key of the hub's own log, from a file beside the one in force.
    pub(crate) fn own_log_at(which: &Which, path: &Path) -> Result<SigningKey, KeysError> {
        Self::own_log_of(which, &seed(path)?)
    }

    /// The key of the hub's own log, from its secret.
    pub(crate) fn own_log_of(which: &Which, secret: &[u8; 32]) -> Result<SigningKey, KeysError> {
        let key_name = which.log("own").parse().map_err(KeysError::Witness)?;
        SigningKey::from_seed(key_name, SignatureType::Ed25519, secret).map_err(KeysError::Witness)
    }

    /// The secrets of a hub that is complete, and which hub it is. Nothing is made.
    pub(crate) fn there(directory: &Path) -> Result<(Self, Which), KeysError> {
        let which = which(directory)?;
        Ok((load(&directory.join("keys"), &which)?, which))
    }
}

/// Which hub lies in a directory that is complete.
pub(crate) fn which(directory: &Path) -> Result<Which, KeysError> {
    still_counts(directory)?;
    read_marker(&directory.join(MARKER))
}

/// Says for good that the hub in this directory signs nothing any more: another goes on with its logs. Its marker is kept, under another name.
pub(crate) fn replace(directory: &Path) -> Result<(), KeysError> {
    let (marker, replaced) = (directory.join(MARKER), directory.join(REPLACED));
    if !is_there(&marker)? {
        // Without its marker it would be completed by the next start.
        return Ok(write_durably(&replaced, b"{}")?);
    }
    std::fs::rename(&marker, &replaced).map_err(|source| FileError {
        path: marker,
        action: "rename it",
        source,
    })?;
    Ok(edge::file::sync_directory(directory)?)
}

/// That no other hub goes on with what is here.
pub(crate) fn still_counts(directory: &Path) -> Result<(), KeysError> {
    if is_there(&directory.join(REPLACED))? {
        return Err(KeysError::Replaced { directory: directory.to_owned() });
    }
    Ok(())
}

/// Says that everything else of the hub is there.
pub(crate) fn mark(directory: &Path, which: &Which) -> Result<(), KeysError> {
    let marker = Marker { format: 1, name: which.name.to_string(), epoch: which.epoch };
    let bytes = serde_json::to_vec(&marker).unwrap_or_default();
    Ok(write_durably(&directory.join(MARKER), &bytes)?)
}

fn check_marker(path: &Path, name: &HubName) -> Result<Which, KeysError> {
    let found = read_marker(path)?;
    if found.name == *name { Ok(found) } else { Err(KeysError::OtherName { found: found.name.to_string() }) }
}

fn read_marker(path: &Path) -> Result<Which, KeysError> {
    let text = read_text(path, SECRET_MAX_BYTES)?;
    let malformed = |what| KeysError::Malformed { path: path.to_owned(), what };
    let Marker { format, name, epoch } =
        serde_json::from_str(&text).map_err(|_| malformed("it is not the JSON that the hub wrote"))?;
    if format != 1 {
        return Err(malformed("it was written by another version"));
    }
    let name = name.parse().map_err(|_| malformed("it does not name a hub"))?;
    Ok(Which { name, epoch })
}

fn make_missing(secrets: &Path, name: &HubName) -> Result<(), KeysError> {
    let (certificate, key) = (secrets.join("authority.pem"), secrets.join("authority.key"));
    // The certificate is written last of the two: a key alone is thrown away, a certificate alone never comes about.
    if !is_there(&certificate)? {
        let authority = Authority::create(name.as_str(), edge::clock::utc())
            .map_err(|source| KeysError::Authority { path: certificate.clone(), source })?;
        write_durably(&key, authority.key_pem().as_bytes())?;
        write_durably(&certificate, authority.certificate_pem().as_bytes())?;
    }
    for path in [secrets.join("orders.seed"), secrets.join("witness.seed")] {
        make_seed(&path)?;
    }
    Ok(())
}

/// Draws a secret, where there is none.
fn make_seed(path: &Path) -> Result<(), KeysError> {
    if !is_there(path)? {
        let secret = edge::random::bytes::<32>().map_err(KeysError::Random)?;
        write_durably(path, hex(&secret).as_bytes())?;
    }
    Ok(())
}

fn load(secrets: &Path, which: &Which) -> Result<Keys, KeysError> {
    let name = &which.name;
    let certificate = secrets.join("authority.pem");
    let authority = Authority::load(
        &read_text(&certificate, SECRET_MAX_BYTES)?,
        &secret(&secrets.join("authority.key"))?,
        name.as_str(),
    )
    .map_err(|source| KeysError::Authority { path: secrets.to_owned(), source })?;
    let orders = HubSigner::from_seed(&seed(&secrets.join("orders.seed"))?);
    let key_name = format!("{name}/witness").parse().map_err(KeysError::Witness)?;
    let witness =
        SigningKey::from_seed(key_name, SignatureType::CosignatureV1, &seed(&secrets.join("witness.seed"))?)
            .map_err(KeysError::Witness)?;
    let key_name = which.log("heads").parse().map_err(KeysError::Witness)?;
    let heads = SigningKey::from_seed(key_name, SignatureType::Ed25519, &seed(&secrets.join("heads.seed"))?)
        .map_err(KeysError::Witness)?;
    let key_name = format!("{name}/{}", evidence::kit::KEY_NAME).parse().map_err(KeysError::Witness)?;
    let kits = SigningKey::from_seed(key_name, SignatureType::Ed25519, &seed(&secrets.join("kits.seed"))?)
        .map_err(KeysError::Witness)?;
    let own = own(secrets, which)?.verifier().to_string();
    Ok(Keys { authority, orders, witness, heads, kits, own })
}

fn own(secrets: &Path, which: &Which) -> Result<SigningKey, KeysError> {
    Keys::own_log_at(which, &secrets.join("own.seed"))
}

fn seed(path: &Path) -> Result<[u8; 32], KeysError> {
    let what = "it must hold exactly 64 lower-case hexadecimal characters";
    unhex(&secret(path)?).ok_or_else(|| KeysError::Malformed { path: path.to_owned(), what })
}

/// Reads a file that nobody but its owner may read.
fn secret(path: &Path) -> Result<String, KeysError> {
    let text = read_text(path, SECRET_MAX_BYTES)?;
    let mode = std::fs::metadata(path).map_err(looking(path))?.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(KeysError::Exposed { path: path.to_owned(), mode });
    }
    Ok(text)
}

fn is_there(path: &Path) -> Result<bool, KeysError> {
    path.try_exists().map_err(looking(path))
}

fn looking(path: &Path) -> impl FnOnce(std::io::Error) -> KeysError {
    move |source| KeysError::File(FileError { path: path.to_owned(), action: "look at it", source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn open(directory: &Path, name: &str) -> Result<Keys, KeysError> {
        Keys::open(directory, &name.parse().unwrap())
    }

    #[test]
    fn secrets_are_made_once_and_private() {
        let directory = tempfile::tempdir().unwrap();
        let first = open(directory.path(), "localhost").unwrap();
        let again = open(directory.path(), "localhost").unwrap();
        assert_eq!(first.orders.public(), again.orders.public());
        assert_eq!(first.authority.certificate_pem(), again.authority.certificate_pem());
        assert_eq!(first.own, again.own);
        for entry in std::fs::read_dir(directory.path().join("keys")).unwrap() {
            let mode = entry.unwrap().metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0);
        }
    }

    #[test]
    fn a_complete_hub_replaces_no_secret_silently() {
        let directory = tempfile::tempdir().unwrap();
        open(directory.path(), "localhost").unwrap();
        assert!(matches!(open(directory.path(), "hub.example"), Err(KeysError::OtherName { .. })));
        let seed = directory.path().join("keys/orders.seed");
        std::fs::set_permissions(&seed, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(open(directory.path(), "localhost"), Err(KeysError::Exposed { mode: 0o640, .. })));
        write_durably(&seed, b"short").unwrap();
        assert!(matches!(open(directory.path(), "localhost"), Err(KeysError::Malformed { .. })));
        std::fs::remove_file(&seed).unwrap();
        assert!(matches!(open(directory.path(), "localhost"), Err(KeysError::File(_))));
    }

    #[test]
    fn an_older_hub_gets_a_key_for_kits_once_and_never_another() {
        let directory = tempfile::tempdir().unwrap();
        open(directory.path(), "localhost").unwrap();
        let seed = directory.path().join("keys/kits.seed");
        std::fs::remove_file(&seed).unwrap();
        let made = open(directory.path(), "localhost").unwrap();
        assert_eq!(made.kits.verifier().label().name.as_str(), "localhost/kits");
        assert_eq!(open(directory.path(), "localhost").unwrap().kits.verifier(), made.kits.verifier());
        write_durably(&directory.path().join(crate::kit::FILE), b"").unwrap();
        std::fs::remove_file(&seed).unwrap();
        assert!(matches!(open(directory.path(), "localhost"), Err(KeysError::File(_))));
    }

    #[test]
    fn a_hub_gets_a_key_for_the_log_of_heads_until_it_has_begun_that_log() {
        let directory = tempfile::tempdir().unwrap();
        open(directory.path(), "localhost").unwrap();
        let seed = directory.path().join("keys/heads.seed");
        std::fs::remove_file(&seed).unwrap();
        let upgraded = open(directory.path(), "localhost").unwrap();
        assert_eq!(upgraded.heads.verifier().label().name.as_str(), "localhost/heads");
        private_directory(&directory.path().join("heads")).unwrap();
        write_durably(&directory.path().join("heads/checkpoint"), b"").unwrap();
        std::fs::remove_file(&seed).unwrap();
        assert!(matches!(open(directory.path(), "localhost"), Err(KeysError::File(_))));
    }

    #[test]
    fn a_first_start_that_was_interrupted_is_taken_up_again() {
        let directory = tempfile::tempdir().unwrap();
        let first = open(directory.path(), "localhost").unwrap();
        std::fs::remove_file(directory.path().join("hub.json")).unwrap();
        std::fs::remove_file(directory.path().join("keys/witness.seed")).unwrap();
        assert_eq!(open(directory.path(), "localhost").unwrap().orders.public(), first.orders.public());
    }
}
