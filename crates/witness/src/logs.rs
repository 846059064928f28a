//! The logs that a witness knows: their origins, and the keys that may sign for each.

use std::collections::HashMap;

use tlog::checkpoint::CheckpointParseError;
use tlog::note::SignatureType;
use tlog::{Origin, VerifierKey};

/// Known logs. A log is named by its origin, which is also the name of each of its keys.
#[derive(Debug, Clone, Default)]
pub struct Logs(HashMap<Origin, Vec<VerifierKey>>);

impl Logs {
    /// The logs of these keys; keys of one name are keys of one log.
    pub fn of<'a>(keys: impl IntoIterator<Item = &'a VerifierKey>) -> Result<Self, LogsError> {
        let mut logs: HashMap<Origin, Vec<VerifierKey>> = HashMap::new();
        for key in keys {
            if key.signature_type() != SignatureType::Ed25519 {
                return Err(LogsError::NotALogKey(key.to_string()));
            }
            let name = key.label().name.as_str();
            let origin =
                name.parse().map_err(|source| LogsError::Origin { name: name.to_owned(), source })?;
            logs.entry(origin).or_default().push(key.clone());
        }
        Ok(Self(logs))
    }

    /// The keys of the log that `name` names; none where it is not known, or where nothing could be a log of that name.
    pub fn keys(&self, name: &str) -> Option<&[VerifierKey]> {
        self.0.get(&name.parse::<Origin>().ok()?).map(Vec::as_slice)
    }

    /// How many logs are known.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Why keys are not those of logs. Whoever wrote the list must put it right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogsError {
    /// It is a witness's key.
    #[error("{0} is a key for cosignatures: a log signs with a key of type 0x01")]
    NotALogKey(String),
    /// The key's name cannot be a log's origin.
    #[error("{name:?} cannot be the origin of a log")]
    Origin {
        /// The key's name.
        name: String,
        /// Why not.
        #[source]
        source: CheckpointParseError,
    },
}
