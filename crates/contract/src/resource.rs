//! What an action may touch, by type: paths, units, kernel parameters, accounts by rule. Each is checked when it is parsed, and has one spelling.
//!
//! A resource is also the unit of locking and of cooling down: two runs on one resource never overlap, and an attacker's address or a user's name
//! is never one, since neither may leave the machine.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::ids::ControlId;
use crate::runbook::OwnDirectory;

/// Why a string does not name a resource.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{value:?} is not {kind}: {why}")]
pub struct BadResource {
    kind: &'static str,
    value: String,
    why: &'static str,
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $max:literal, $check:ident) => {
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

        impl TryFrom<String> for $name {
            type Error = BadResource;
            fn try_from(s: String) -> Result<Self, BadResource> {
                let why = if s.is_empty() {
                    Some("it is empty")
                } else if s.len() > $max {
                    Some("it is too long")
                } else {
                    $check(&s)
                };
                match why {
                    None => Ok(Self(s)),
                    Some(why) => Err(BadResource { kind: $kind, value: s.chars().take(160).collect(), why }),
                }
            }
        }

        impl std::str::FromStr for $name {
            type Err = BadResource;
            fn from_str(s: &str) -> Result<Self, BadResource> {
                Self::try_from(s.to_owned())
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(
    /// An absolute path in its one spelling: no `.`, no `..`, no empty part, nothing but `[A-Za-z0-9_.:+@-]` in a part.
    AbsolutePath, "an absolute path", 128, wrong_with_path
);

impl AbsolutePath {
    /// The file of the accounts' passwords.
    pub fn shadow() -> Self {
        Self("/etc/shadow".to_owned())
    }
}

name!(
    /// A systemd unit, with its kind: `cron.service`.
    UnitName, "a unit", 96, wrong_with_unit
);
name!(
    /// A kernel parameter: `kernel.dmesg_restrict`.
    SysctlKey, "a kernel parameter", 96, wrong_with_sysctl
);
name!(
    /// A user or group of the system, such as `root`: only what a runbook writes down, never what a machine's users are called.
    Account, "an account", 32, wrong_with_account
);
name!(
    /// A file name's ending, such as `.gz`.
    Suffix, "a file name's ending", 24, wrong_with_suffix
);
name!(
    /// One argument of a program, fixed in a runbook: printable ASCII without quotes or a backslash.
    Argument, "an argument", 160, wrong_with_argument
);
name!(
    /// A place on the network that a step may reach: `host:port`.
    Endpoint, "a host and port", 128, wrong_with_endpoint
);

fn wrong_with_path(s: &str) -> Option<&'static str> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"_.:+@-".contains(&b);
    let Some(rest) = s.strip_prefix('/') else { return Some("it must begin with a slash") };
    if rest.split('/').any(|part| part.is_empty() || part == "." || part == "..") {
        Some("it is not in its one canonical spelling")
    } else if !rest.split('/').all(|part| part.bytes().all(allowed)) {
        Some("it holds a character that is not allowed")
    } else {
        None
    }
}

fn wrong_with_unit(s: &str) -> Option<&'static str> {
    const KINDS: [&str; 6] = [".service", ".socket", ".timer", ".target", ".mount", ".path"];
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"_.:@-".contains(&b);
    if s.starts_with(['-', '.']) || !s.bytes().all(allowed) {
        Some("it holds a character that is not allowed there")
    } else if KINDS.iter().any(|kind| s.len() > kind.len() && s.ends_with(kind)) {
        None
    } else {
        Some("it must end in its kind, such as .service")
    }
}

fn wrong_with_sysctl(s: &str) -> Option<&'static str> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"_-".contains(&b);
    let parts_are_plain = s.split('.').all(|part| !part.is_empty() && part.bytes().all(allowed));
    if parts_are_plain { None } else { Some("it must be words of [A-Za-z0-9_-] with dots between them") }
}

fn wrong_with_account(s: &str) -> Option<&'static str> {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b);
    let starts = s.bytes().next().is_some_and(|b| b.is_ascii_lowercase() || b == b'_');
    if starts && s.bytes().all(allowed) { None } else { Some("it must be a lower-case name") }
}

fn wrong_with_suffix(s: &str) -> Option<&'static str> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._-~".contains(&b);
    if s.len() >= 2 && s.bytes().all(allowed) {
        None
    } else {
        Some("it must be two or more plain characters")
    }
}

fn wrong_with_argument(s: &str) -> Option<&'static str> {
    let allowed = |b: u8| (b' '..=b'~').contains(&b) && !b"'\"\\`".contains(&b);
    if s.bytes().all(allowed) { None } else { Some("it holds a character that is not allowed") }
}

fn wrong_with_endpoint(s: &str) -> Option<&'static str> {
    let Some((host, port)) = s.rsplit_once(':') else { return Some("it must be host:port") };
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-".contains(&b);
    let host_is_plain = !host.is_empty() && !host.starts_with(['-', '.']) && host.bytes().all(allowed);
    let port_is_plain = !port.starts_with('0') && port.parse::<u16>().is_ok_and(|p| p.to_string() == port);
    if host_is_plain && port_is_plain { None } else { Some("it must be a lower-case host name and a port") }
}

/// Which accounts an action is about: a rule that the machine itself applies, so that no name is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountRule {
    /// Accounts whose password field is empty: anybody is let in.
    EmptyPassword,
    /// System accounts that have a password.
    SystemWithPassword,
}

impl fmt::Display for AccountRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::EmptyPassword => "empty_password",
            Self::SystemWithPassword => "system_with_password",
        })
    }
}

/// What an action touches.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Resource {
    /// One of Suture's own directories.
    OwnDirectory(OwnDirectory),
    /// A file or directory.
    Path(AbsolutePath),
    /// A unit.
    Unit(UnitName),
    /// A kernel parameter.
    SysctlKey(SysctlKey),
    /// The accounts that a rule picks: only in older records. Locking them touches [`AbsolutePath::shadow`].
    Accounts(AccountRule),
    /// The packet filter.
    Firewall,
    /// The machine's clock.
    Clock,
    /// The journal's store.
    Journal,
    /// Which NixOS generation runs.
    Generation,
    /// The Nix store.
    Store,
    /// Whichever of the runbook's units burns most of the processor.
    Processes,
    /// A control that is looked at and not touched.
    Control(ControlId),
    /// Nothing at all: time passes.
    Nothing,
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OwnDirectory(d) => f.pad(d.word()),
            Self::Path(p) => f.pad(p.as_str()),
            Self::Unit(u) => f.pad(u.as_str()),
            Self::SysctlKey(k) => f.pad(k.as_str()),
            Self::Accounts(rule) => rule.fmt(f),
            Self::Firewall => f.pad("firewall"),
            Self::Clock => f.pad("clock"),
            Self::Journal => f.pad("journal"),
            Self::Generation => f.pad("generation"),
            Self::Store => f.pad("store"),
            Self::Processes => f.pad("processes"),
            Self::Control(c) => f.pad(c.as_str()),
            Self::Nothing => f.pad("nothing"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refuses<T: std::str::FromStr>(bad: &[&str]) {
        for text in bad {
            assert!(text.parse::<T>().is_err(), "{text:?} was taken");
        }
    }

    #[test]
    fn a_path_has_one_spelling_and_no_way_out() {
        refuses::<AbsolutePath>(&[
            "", "/", "a", "/a/", "//a", "/a/../b", "/a/./b", "/a b", "/a\0", "/a\n", "/ä",
        ]);
        assert_eq!("/etc/ssh/sshd_config.d/00-x.conf".parse::<AbsolutePath>().unwrap().as_str().len(), 32);
    }

    #[test]
    fn a_unit_is_no_option_and_has_a_kind() {
        refuses::<UnitName>(&[
            "",
            "-a.service",
            "cron",
            ".service",
            "a b.service",
            "../a.service",
            "a.servicex",
        ]);
        assert!("getty@tty1.service".parse::<UnitName>().is_ok());
    }

    #[test]
    fn a_kernel_parameter_cannot_climb() {
        refuses::<SysctlKey>(&["", ".", "a..b", "../x", "a/b", "kernel.", "a b"]);
        assert!("net.ipv4.conf.all.accept_redirects".parse::<SysctlKey>().is_ok());
    }

    #[test]
    fn an_endpoint_is_a_name_and_a_port() {
        refuses::<Endpoint>(&[
            "", "a", "a:", "a:0", "a:070", "a:65536", ":443", "-a:443", "A:443", "a b:443",
        ]);
        assert!("backup.example.org:443".parse::<Endpoint>().is_ok());
    }
}
