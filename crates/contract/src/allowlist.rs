//! The allowlist: what a host may have that lets somebody in or makes them mighty: listening ports, set-uid programs, administrators, SSH keys.
//!
//! It is signed by the hub as the baseline is, and parsed only then. What it does not speak of is not judged at all: a list that was never written is no
//! list of nothing. One that speaks of nothing is refused.

use std::collections::BTreeSet;

use serde::Deserialize;
use thiserror::Error;

use crate::digest::Digest;
use crate::yaml::{self, YamlError};

/// What one host may have. A list that is there and empty allows none; one that is not there was never declared.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Allowlist {
    /// Ports that may be reached from outside, over TCP and UDP.
    pub listening: Option<Ports>,
    /// Programs that may run as their owner or group whoever starts them, by their absolute paths.
    pub setuid: Option<BTreeSet<Program>>,
    /// Accounts that may administer the machine, besides root.
    pub administrators: Option<BTreeSet<String>>,
    /// Keys that may be put down for logging in, as `ssh-keygen -l` names them.
    pub ssh_keys: Option<BTreeSet<Fingerprint>>,
}

/// Ports, by protocol.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ports {
    /// Over TCP.
    pub tcp: BTreeSet<u16>,
    /// Over UDP.
    pub udp: BTreeSet<u16>,
}

/// A program's absolute path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Program(String);

/// Why a string is not a program's path.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is not an absolute path")]
pub struct BadProgram(String);

impl TryFrom<String> for Program {
    type Error = BadProgram;
    fn try_from(s: String) -> Result<Self, BadProgram> {
        if s.starts_with('/') { Ok(Self(s)) } else { Err(BadProgram(s.chars().take(80).collect())) }
    }
}

impl std::borrow::Borrow<str> for Program {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// `SHA256:` and 43 characters of base64 without padding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Fingerprint(String);

/// Why a string is not a fingerprint.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is not a key's fingerprint: it must be as `ssh-keygen -l` prints it, SHA256:…")]
pub struct BadFingerprint(String);

impl Fingerprint {
    /// That of the key whose public half is these bytes, as they stand in base64 in an `authorized_keys` file.
    pub fn of(key: &[u8]) -> Self {
        use base64::Engine as _;
        let digest = Digest::of(key);
        Self(format!("SHA256:{}", base64::prelude::BASE64_STANDARD_NO_PAD.encode(digest.as_bytes())))
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = BadFingerprint;
    fn try_from(s: String) -> Result<Self, BadFingerprint> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'+' || b == b'/';
        let digest = s.strip_prefix("SHA256:").filter(|d| d.len() == 43 && d.bytes().all(plain));
        match digest {
            Some(_) => Ok(Self(s)),
            None => Err(BadFingerprint(s.chars().take(80).collect())),
        }
    }
}

/// Why an allowlist was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AllowlistError {
    /// It is not YAML of our shape.
    #[error(transparent)]
    Yaml(#[from] YamlError),
    /// It speaks of nothing: it may as well have been cut off.
    #[error("{0}:1:1: an allowlist that speaks of nothing")]
    Empty(String),
}

impl Allowlist {
    /// Parses `text`. `file` is only for the messages.
    pub fn parse(file: &str, text: &str) -> Result<Self, AllowlistError> {
        let list: Option<Self> = yaml::parse(file, text)?;
        let empty = || AllowlistError::Empty(file.to_owned());
        let list = list.ok_or_else(empty)?;
        let Self { listening, setuid, administrators, ssh_keys } = &list;
        if listening.is_none() && setuid.is_none() && administrators.is_none() && ssh_keys.is_none() {
            return Err(empty());
        }
        Ok(list)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_not_declared_and_what_is_empty_allows_nothing() {
        let text = "listening: { tcp: [22, 443], udp: [] }\nadministrators: []\n";
        let list = Allowlist::parse("a.yaml", text).unwrap();
        assert!(list.listening.is_some_and(|ports| ports.tcp.contains(&443) && ports.udp.is_empty()));
        assert_eq!(list.administrators, Some(BTreeSet::new()));
        assert_eq!((list.setuid, list.ssh_keys), (None, None));
    }

    #[test]
    fn what_is_refused_is_named_with_its_place() {
        let refusal = |text| Allowlist::parse("a.yaml", text).unwrap_err().to_string();
        let path = refusal("administrators: []\nsetuid:\n  - /bin/su\n  - bin/mount\n");
        assert!(path.starts_with("a.yaml:4:5: ") && path.contains("bin/mount"), "{path}");
        assert!(refusal("setuid: []\nusers: []\n").starts_with("a.yaml:2:1: "));
        assert!(refusal("{}").starts_with("a.yaml:1:1: "));
    }

    #[test]
    fn an_allowlist_that_says_nothing_or_something_else_is_refused() {
        for bad in [
            "",
            "{}",
            "[]",
            "# nothing\n",
            "setuid: [bin/su]",
            "setuid: [/bin/su]\nsetuid: []",
            "administrators: [ann]\nusers: [ben]",
            "ssh_keys: [AAAA]",
            "ssh_keys: ['MD5:00']",
            "listening: { tcp: [22] }",
            "listening: { tcp: [70000], udp: [] }",
        ] {
            assert!(Allowlist::parse("a.yaml", bad).is_err(), "{bad:?} was taken");
        }
    }
}
