//! Names of objects: paths that are the same thing in a directory and in a bucket.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The longest key, in bytes. S3 takes 1 024, of which a bucket's prefix needs some.
const KEY_MAX_BYTES: usize = 512;

/// An object's name: parts of `a-z`, `0-9`, `.`, `_` and `-`, joined by `/`, none of them beginning with a dot. So a key can neither leave its
/// directory nor name one of our temporary files, and needs no escaping in a URL.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(String);

/// Why a string is not a key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "{0:?} is not an object's key: up to 512 of a-z, 0-9, `.`, `_`, `-` and `/`, no part empty or beginning with a dot"
)]
pub struct BadKey(String);

impl Key {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Key {
    type Err = BadKey;
    fn from_str(s: &str) -> Result<Self, BadKey> {
        let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-_".contains(&b);
        let part = |p: &str| !p.is_empty() && !p.starts_with('.') && p.bytes().all(letter);
        let fits = s.len() <= KEY_MAX_BYTES && s.split('/').all(part);
        if fits { Ok(Self(s.to_owned())) } else { Err(BadKey(s.chars().take(100).collect())) }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_can_leave_nothing_and_hide_nothing() {
        for good in ["a", "clinic-7/h-1/tile/entries/x001/000", "t/h/forks/7-0a1b2c3d.note", "a/000.p/17"] {
            assert_eq!(good.parse::<Key>().unwrap().as_str(), good);
        }
        let long = "a".repeat(513);
        for bad in
            ["", "/", "/a", "a/", "a//b", "..", "a/../b", "a/.hidden", "A", "a b", "a%2e", "ä", "a\0", &long]
        {
            assert!(bad.parse::<Key>().is_err(), "{bad:?} was taken");
        }
    }
}
