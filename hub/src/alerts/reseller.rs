//! By what id a reseller's systems know this hub: it stands in what is told to machines (webhook, syslog), and in nothing else.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Lower-case letters, digits and dashes, at most 40: it stands in a syslog line as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Reseller(String);

impl TryFrom<String> for Reseller {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if (1..=40).contains(&text.len()) && text.bytes().all(fits) {
            Ok(Self(text))
        } else {
            Err("a reseller's id is lower-case letters, digits and dashes, at most 40")
        }
    }
}

impl From<Reseller> for String {
    fn from(id: Reseller) -> Self {
        id.0
    }
}

impl fmt::Display for Reseller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
