//! Bytes inside JSON: standard base64 with padding, decoded once.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Bytes that travel in JSON as base64.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Blob(pub Vec<u8>);

crate::schema::text!(
    Blob,
    "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$",
    None
);

/// Why a string is not base64.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("not standard base64 with padding")]
pub struct BadBlob;

impl TryFrom<String> for Blob {
    type Error = BadBlob;
    fn try_from(s: String) -> Result<Self, BadBlob> {
        BASE64_STANDARD.decode(s).map(Self).map_err(|_| BadBlob)
    }
}

impl From<Blob> for String {
    fn from(b: Blob) -> String {
        BASE64_STANDARD.encode(b.0)
    }
}
