//! Signals: what a detector tells about the host's logs. Kinds and places from closed sets, numbers within bounds, and hashes under a key that
//! stays at the site. There is no field that could hold a text of somebody else's.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::baseline::Severity;
use crate::ids::DetectorId;

mod known;
mod names;

pub use known::{KnownMount, KnownUnit};

/// What one detector found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Signal {
    /// The detector.
    pub detector: DetectorId,
    /// What it is about. What agents told before there were kinds has none.
    #[serde(default)]
    pub kind: SignalKind,
    /// How much it matters.
    #[serde(default = "medium")]
    pub severity: Severity,
    /// How many lines matched within the window.
    pub count: u32,
    /// The window, in seconds.
    pub window_s: u32,
    /// What the lines named, as far as it may leave the machine.
    #[serde(default, skip_serializing_if = "About::is_empty")]
    pub about: About,
}

const fn medium() -> Severity {
    Severity::Medium
}

/// What a signal is about. The planner's rules speak of these.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SignalKind {
    /// An agent of before told no kind.
    #[default]
    Unsaid,
    /// Somebody tries to get in.
    FailedLogins,
    /// Somebody got in who perhaps should not have.
    BreakIn,
    /// Somebody asked for more than he may do.
    Privilege,
    /// An account, a group or a password was changed.
    AccountChange,
    /// A service ended with a failure.
    ServiceFailure,
    /// A service fails again and again.
    CrashLoop,
    /// The machine does not come up whole.
    BootFailure,
    /// Memory ran out.
    MemoryExhausted,
    /// The kernel itself went wrong.
    KernelFault,
    /// A part of the machine reports faults.
    HardwareFault,
    /// A disk does not read or write.
    DiskErrors,
    /// A disk foretells its end.
    DiskHealth,
    /// A file system is full.
    DiskFull,
    /// A file system will be full soon.
    DiskFilling,
    /// A file system is damaged, or was made read-only for it.
    FileSystemDamage,
    /// The database is in trouble.
    DatabaseFault,
    /// The web server is in trouble.
    WebFault,
    /// A backup failed, or was not whole.
    BackupFailed,
    /// No backup ended well for too long.
    BackupMissing,
    /// What was backed up is damaged.
    BackupDamaged,
    /// A certificate could not be renewed.
    CertificateRenewal,
    /// A certificate ends soon.
    CertificateExpiring,
    /// The clock is wrong, or was set by a jump.
    Clock,
    /// The audit trail stopped or loses events.
    AuditTrail,
    /// Log lines or incidents were lost.
    LogLoss,
    /// A storage device was plugged in.
    RemovableStorage,
    /// Programs in the store are not what they were built as.
    StoreIntegrity,
    /// Scheduled work failed, or its table was changed.
    ScheduledWork,
    /// Updates could not be installed.
    Updates,
    /// A scanner found malicious software.
    Malware,
    /// The machine runs on a battery.
    Power,
    /// A network link is down.
    NetworkLink,
}

impl SignalKind {
    /// Every kind.
    pub const ALL: [Self; 33] = [
        Self::Unsaid,
        Self::FailedLogins,
        Self::BreakIn,
        Self::Privilege,
        Self::AccountChange,
        Self::ServiceFailure,
        Self::CrashLoop,
        Self::BootFailure,
        Self::MemoryExhausted,
        Self::KernelFault,
        Self::HardwareFault,
        Self::DiskErrors,
        Self::DiskHealth,
        Self::DiskFull,
        Self::DiskFilling,
        Self::FileSystemDamage,
        Self::DatabaseFault,
        Self::WebFault,
        Self::BackupFailed,
        Self::BackupMissing,
        Self::BackupDamaged,
        Self::CertificateRenewal,
        Self::CertificateExpiring,
        Self::Clock,
        Self::AuditTrail,
        Self::LogLoss,
        Self::RemovableStorage,
        Self::StoreIntegrity,
        Self::ScheduledWork,
        Self::Updates,
        Self::Malware,
        Self::Power,
        Self::NetworkLink,
    ];
}

impl fmt::Display for SignalKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // One place for the words: the wire's.
        self.serialize(f)
    }
}

/// What a signal's lines named.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct About {
    /// A unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<Unit>,
    /// Where a file system is mounted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mount: Option<Mount>,
    /// A block device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<Device>,
    /// Where somebody came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Pseudonym>,
    /// How full, hot or worn, of a hundred.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percent: Option<u8>,
    /// A port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// How many of what the detector is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<u32>,
    /// How many days are left, or have gone by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days: Option<u16>,
}

impl About {
    /// True where the lines named nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What tells two signals of one detector apart, where anything does.
    pub fn identity(&self) -> Option<String> {
        let unit = self.unit.map(|u| u.to_string());
        unit.or_else(|| self.mount.map(|m| m.to_string()))
            .or_else(|| self.device.map(|d| d.to_string()))
            .or_else(|| self.from.map(|f| f.to_string()))
    }
}

/// Why a text is not one of these values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("it is not {0}")]
pub struct NotOfTheSet(&'static str);

/// What something is called outside: the first eight bytes of a hash of its name, under a key that never leaves the site. Equal for equal names
/// there, and to nobody else a name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pseudonym(pub [u8; 8]);

crate::schema::text!(Pseudonym, "^[0-9a-f]{16}$", None);

impl fmt::Display for Pseudonym {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::digest::hex(&self.0))
    }
}

impl FromStr for Pseudonym {
    type Err = NotOfTheSet;
    fn from_str(text: &str) -> Result<Self, NotOfTheSet> {
        let lower = text.len() == 16 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let number = u64::from_str_radix(text, 16).ok().filter(|_| lower);
        number.map(|n| Self(n.to_be_bytes())).ok_or(NotOfTheSet("sixteen hexadecimal digits"))
    }
}

/// A block device, by the kernel's own name: a type and a few digits or letters, never a label that somebody chose.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Device {
    length: u8,
    text: [u8; 12],
}

crate::schema::text!(Device, "^[a-z0-9]+$", Some((1, 12)));

impl Device {
    /// The device of this name, where the kernel gives such names.
    pub fn of(name: &[u8]) -> Option<Self> {
        let mut text = [0; 12];
        let is_one = names::is_device(name);
        text.get_mut(..name.len()).filter(|_| is_one)?.copy_from_slice(name);
        Some(Self { length: u8::try_from(name.len()).ok()?, text })
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(str::from_utf8(&self.text[..usize::from(self.length)]).unwrap_or_default())
    }
}

impl FromStr for Device {
    type Err = NotOfTheSet;
    fn from_str(text: &str) -> Result<Self, NotOfTheSet> {
        Self::of(text.as_bytes()).ok_or(NotOfTheSet("a block device's name"))
    }
}

/// A name that is told outside where everybody knows it, and as a pseudonym where this site alone does.
macro_rules! label {
    ($(#[$doc:meta])* $name:ident, $known:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Label);

        crate::schema::text!($name, r"^\S+$", Some((1, 256)));

        impl $name {
            /// This name, where it is one that everybody knows.
            pub fn known(name: &[u8]) -> Option<Self> {
                names::known(names::$known, name).map(|known| Self(Label::Known(known)))
            }

            /// Any other, under its pseudonym.
            pub const fn other(name: Pseudonym) -> Self {
                Self(Label::Other(name))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.0 {
                    Label::Known(name) => f.write_str(name),
                    Label::Other(name) => write!(f, "other:{name}"),
                }
            }
        }

        impl FromStr for $name {
            type Err = NotOfTheSet;
            fn from_str(text: &str) -> Result<Self, NotOfTheSet> {
                match text.strip_prefix("other:") {
                    Some(rest) => rest.parse().map(Self::other),
                    None => Self::known(text.as_bytes()).ok_or(NotOfTheSet($what)),
                }
            }
        }
    };
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Label {
    Known(&'static str),
    Other(Pseudonym),
}

label!(
    /// A unit of systemd, without its instance.
    Unit, UNITS, "a well-known unit, or other: and its pseudonym"
);
label!(
    /// Where a file system is mounted.
    Mount, MOUNTS, "a well-known mount point, or other: and its pseudonym"
);

macro_rules! as_text {
    ($($name:ident)*) => { $(
        impl TryFrom<String> for $name {
            type Error = NotOfTheSet;
            fn try_from(text: String) -> Result<Self, NotOfTheSet> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.to_string()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{self}")
            }
        }
    )* };
}

as_text!(Pseudonym Device Unit Mount KnownUnit KnownMount);

#[cfg(test)]
mod tests;
