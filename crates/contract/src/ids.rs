//! One registry of every identifier, so that a host can never be passed where a site is meant.
//!
//! All of them are short, lower-case and printable: they appear in file names, queue subjects, certificates and evidence.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why a string is not an identifier.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{value:?} is not a {kind}: {why}")]
pub struct BadId {
    kind: &'static str,
    value: String,
    why: &'static str,
}

/// Checks one grammar: what may begin an identifier, what may follow, how long it may be.
fn checked(kind: &'static str, value: &str, max: usize, rest: fn(u8) -> bool) -> Result<String, BadId> {
    let bad = |why| BadId { kind, value: value.chars().take(80).collect(), why };
    let bytes = value.as_bytes();
    match bytes {
        [] => Err(bad("it is empty")),
        _ if bytes.len() > max => Err(bad("it is too long")),
        [first, ..] if !first.is_ascii_alphanumeric() => Err(bad("it must begin with a letter or a digit")),
        _ if !bytes.iter().all(|&b| rest(b)) => Err(bad("it holds a character that is not allowed")),
        _ => Ok(value.to_owned()),
    }
}

/// What is told of a grammar to whoever writes a client.
#[cfg(feature = "schema")]
mod lower_dash {
    pub(super) const PATTERN: &str = "^[a-z0-9][a-z0-9-]*$";
}
#[cfg(feature = "schema")]
mod lower_dash_dot {
    pub(super) const PATTERN: &str = "^[a-z0-9][a-z0-9.-]*$";
}
#[cfg(feature = "schema")]
mod runbook_char {
    pub(super) const PATTERN: &str = "^[A-Za-z0-9][A-Za-z0-9-]*$";
}

fn lower_dash(b: u8) -> bool {
    b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'
}

fn lower_dash_dot(b: u8) -> bool {
    lower_dash(b) || b == b'.'
}

fn runbook_char(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'-'
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $max:literal, $rest:ident) => {
        crate::schema::text!($name, $rest::PATTERN, Some((1, $max)));

        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Its text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = BadId;
            fn from_str(s: &str) -> Result<Self, BadId> {
                checked($kind, s, $max, $rest).map(Self)
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadId;
            fn try_from(s: String) -> Result<Self, BadId> {
                s.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }
    };
}

id!(
    /// A client of the MSP.
    TenantId, "tenant", 40, lower_dash
);
id!(
    /// A place of a tenant.
    SiteId, "site", 40, lower_dash
);
id!(
    /// A machine at a site. Opaque (drawn at random by the hub), so that nothing outside the tenant learns a clinic's host names.
    HostId, "host", 40, lower_dash
);
id!(
    /// A named control of the baseline, such as `ssh.root-login`.
    ControlId, "control", 64, lower_dash_dot
);
id!(
    /// A detector over the host's logs, such as `auth.failed-logins`.
    DetectorId, "detector", 64, lower_dash_dot
);
id!(
    /// A runbook: `RB-<AREA>-<NNN>-<slug>`.
    RunbookId, "runbook", 64, runbook_char
);
id!(
    /// A model that may be asked, as the hub's configuration calls it.
    ModelId, "model", 40, lower_dash_dot
);
id!(
    /// A parameter of a runbook.
    ParameterName, "parameter", 32, lower_dash
);
id!(
    /// One drift on one host, from found to closed.
    IncidentId, "incident", 48, lower_dash
);
id!(
    /// One signed order.
    OrderId, "order", 48, lower_dash
);
id!(
    /// A person of the MSP who approves, by name: `j-doe`.
    OperatorId, "operator", 40, lower_dash
);
id!(
    /// A grant: a standing order, or break-glass.
    GrantId, "grant", 48, lower_dash
);
id!(
    /// A key that opens the operator plane, without its secret.
    ApiKeyId, "API key", 40, lower_dash
);
id!(
    /// One enrolment token, without its secret.
    TokenId, "enrolment token", 48, lower_dash
);

/// Sixteen lower-case hexadecimal characters from eight random bytes, for the opaque part of an identifier.
pub fn opaque(random: [u8; 8]) -> String {
    crate::digest::hex(&random)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_cannot_hold_a_path_a_wildcard_or_nothing() {
        for bad in ["", "-x", "../x", "a/b", "a.b", "a b", "A", "a*", "a>", "ä", &"a".repeat(41)] {
            assert!(bad.parse::<TenantId>().is_err(), "{bad:?} was taken");
        }
        assert_eq!("clinic-7".parse::<TenantId>().unwrap().as_str(), "clinic-7");
        assert_eq!("ssh.root-login".parse::<ControlId>().unwrap().as_str(), "ssh.root-login");
    }
}
