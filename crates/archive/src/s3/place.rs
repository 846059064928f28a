//! Where a bucket is, and who may use it: parsed once.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use edge::file::FileError;
use reqwest::Url;
use thiserror::Error;

use crate::key::Key;

/// The largest file of credentials that is read.
const CREDENTIALS_MAX_BYTES: u64 = 16 * 1024;

/// A bucket: `https://<host>/<bucket>[/<prefix>]`. Plain HTTP is taken on this machine's loopback alone, where there is nobody to listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub(super) endpoint: Url,
    pub(super) bucket: String,
    pub(super) prefix: Option<Key>,
}

/// Why a string names no bucket.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{text:?} names no bucket: {why} (https://<host>/<bucket>[/<prefix>])")]
pub struct BadPlace {
    text: String,
    why: &'static str,
}

impl FromStr for Place {
    type Err = BadPlace;
    fn from_str(s: &str) -> Result<Self, BadPlace> {
        let bad = |why| BadPlace { text: s.chars().take(200).collect(), why };
        let mut endpoint: Url = s.parse().map_err(|_| bad("it is no URL"))?;
        if endpoint.query().is_some() || endpoint.fragment().is_some() {
            return Err(bad("it has a query"));
        }
        if !endpoint.username().is_empty() || endpoint.password().is_some() {
            return Err(bad("a secret in a URL is a secret no more"));
        }
        let loopback = matches!(endpoint.host_str(), Some("127.0.0.1" | "[::1]" | "localhost"));
        if endpoint.scheme() != "https" && !(endpoint.scheme() == "http" && loopback) {
            return Err(bad("it is not https"));
        }
        let path = endpoint.path().trim_matches('/').to_owned();
        let (bucket, prefix) = path.split_once('/').map_or((path.as_str(), None), |(b, p)| (b, Some(p)));
        let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-".contains(&b);
        if !(3..=63).contains(&bucket.len()) || !bucket.bytes().all(letter) {
            return Err(bad("the first part of its path is not a bucket's name"));
        }
        let prefix = prefix.map(Key::from_str).transpose().map_err(|_| bad("its prefix is not a key"))?;
        let bucket = bucket.to_owned();
        endpoint.set_path("");
        Ok(Self { endpoint, bucket, prefix })
    }
}

/// A region's name: it stands in what is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region(String);

/// Why a string is not a region's name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is not a region: up to 40 of a-z, 0-9 and `-`")]
pub struct BadRegion(String);

impl Region {
    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Region {
    type Err = BadRegion;
    fn from_str(s: &str) -> Result<Self, BadRegion> {
        let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let fits = (1..=40).contains(&s.len()) && s.bytes().all(letter);
        if fits { Ok(Self(s.to_owned())) } else { Err(BadRegion(s.chars().take(60).collect())) }
    }
}

/// An access key with its secret.
#[derive(Clone)]
pub struct Credentials {
    pub(super) access_key: String,
    pub(super) secret_key: String,
    pub(super) session_token: Option<String>,
}

/// The secret does not go into a trace.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("access_key", &self.access_key).finish_non_exhaustive()
    }
}

/// Why there are no credentials.
#[derive(Debug, Error)]
pub enum CredentialsError {
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// Others may read the file.
    #[error(
        "{path}: its mode is {mode:04o}, so others may have read the secret: replace the key if they have, else `chmod 600` it"
    )]
    Exposed {
        /// Which file.
        path: String,
        /// Its mode.
        mode: u32,
    },
    /// Something is missing.
    #[error("{place}: {missing} is missing")]
    Missing {
        /// The file, or the environment.
        place: String,
        /// What.
        missing: &'static str,
    },
}

impl Credentials {
    /// An access key and its secret, and the token of a session where there is one.
    pub const fn new(access_key: String, secret_key: String, session_token: Option<String>) -> Self {
        Self { access_key, secret_key, session_token }
    }

    /// Reads `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN` by `variable`.
    pub fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Result<Self, CredentialsError> {
        Self::complete("the environment", |name| {
            variable(&name.to_ascii_uppercase()).filter(|v| !v.is_empty())
        })
    }

    /// Reads a file of the form that Amazon's tools use (`[default]`, `aws_access_key_id = …`), of mode 0600 or narrower.
    pub fn read(path: &Path) -> Result<Self, CredentialsError> {
        let text = edge::file::read_text(path, CREDENTIALS_MAX_BYTES)?;
        let about = std::fs::metadata(path).map_err(|source| FileError {
            path: path.to_owned(),
            action: "look at it",
            source,
        })?;
        let mode = std::os::unix::fs::MetadataExt::mode(&about) & 0o7777;
        if mode & 0o077 != 0 {
            return Err(CredentialsError::Exposed { path: path.display().to_string(), mode });
        }
        Self::complete(&path.display().to_string(), |name| value(&text, name))
    }

    fn complete(place: &str, get: impl Fn(&str) -> Option<String>) -> Result<Self, CredentialsError> {
        let missing = |missing| CredentialsError::Missing { place: place.to_owned(), missing };
        Ok(Self {
            access_key: get("aws_access_key_id").ok_or_else(|| missing("aws_access_key_id"))?,
            secret_key: get("aws_secret_access_key").ok_or_else(|| missing("aws_secret_access_key"))?,
            session_token: get("aws_session_token"),
        })
    }
}

/// The value of `name` in the profile `default`, or before any profile.
fn value(text: &str, name: &str) -> Option<String> {
    let mut ours = true;
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            ours = line == "[default]";
        } else if let Some((left, right)) = line.split_once('=')
            && ours
            && left.trim() == name
        {
            return Some(right.trim().to_owned()).filter(|v| !v.is_empty());
        }
    }
    None
}

#[cfg(test)]
mod tests;
