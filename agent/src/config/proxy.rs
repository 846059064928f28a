//! The clinic's own HTTP proxy, where its machines reach the world only through one.

use serde::Deserialize;

/// `http://name[:port]`. It is asked to CONNECT to the hub and to nobody else; the TLS session goes through it from end to end.
///
/// Credentials are no part of it: a configuration is not where a secret lies.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Proxy(String);

impl Proxy {
    /// For `reqwest`.
    pub(crate) fn connect(&self) -> reqwest::Result<reqwest::Proxy> {
        // The hub's URLs are all `https`: nothing is ever sent through it in the clear.
        reqwest::Proxy::https(&self.0)
    }
}

impl TryFrom<String> for Proxy {
    type Error = String;
    fn try_from(s: String) -> Result<Self, String> {
        let url = s.strip_suffix('/').unwrap_or(&s);
        let authority =
            url.strip_prefix("http://").filter(|a| !a.is_empty() && !a.contains(['/', '?', '#', '@', ' ']));
        match authority {
            Some(_) => Ok(Self(url.to_owned())),
            None => Err(format!("{s:?} is not a proxy: it must be written like http://proxy.example:3128")),
        }
    }
}

impl std::str::FromStr for Proxy {
    type Err = String;
    fn from_str(s: &str) -> Result<Self, String> {
        s.to_owned().try_into()
    }
}
