//! Actions: steps with every field known. What the policy judges, what the executor's hands are given.

use serde::{Deserialize, Serialize};

use super::{OwnDirectory, Verb};
use crate::digest::Digest;
use crate::fact::FileMode;
use crate::ids::ControlId;
use crate::resource::{
    AbsolutePath, Account, AccountRule, Argument, Endpoint, Resource, Suffix, SysctlKey, UnitName,
};

/// What `file.restore` restores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileTarget {
    /// One of Suture's own directories.
    Own(OwnDirectory),
    /// A path.
    Path(AbsolutePath),
}

/// Who judges a candidate before it is put in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Validator {
    /// `sshd -t`.
    Sshd,
    /// `nft -c -f`.
    Nft,
    /// `visudo -c -f`.
    Visudo,
    /// `nginx -t`.
    Nginx,
}

/// What `file.restore` is to leave behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRestore {
    /// Where.
    pub target: FileTarget,
    /// All that the file is to hold.
    pub content: Option<String>,
    /// Its mode.
    pub mode: Option<FileMode>,
    /// Its owner.
    pub owner: Option<Account>,
    /// Its group.
    pub group: Option<Account>,
    /// What the candidate must pass first.
    pub validate: Option<Validator>,
}

/// What `files.prune` may remove: regular files of one directory, never across a mount or a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilesPrune {
    /// The directory.
    pub directory: AbsolutePath,
    /// Only files whose names end so. Empty is refused: nothing may be removed by any name.
    pub suffixes: Vec<Suffix>,
    /// Only files that were not changed for so long.
    pub older_than_h: u32,
    /// The newest so many of them stay.
    pub keep: u32,
    /// Directories below it are looked into down to this depth; 0: none.
    pub depth_max: u32,
    /// At most so many in one step.
    pub count_max: u32,
}

/// What `cert.renew` starts and checks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertRenew {
    /// The unit that renews.
    pub unit: UnitName,
    /// The certificate, with its chain.
    pub certificate: AbsolutePath,
    /// Its key.
    pub key: AbsolutePath,
    /// The new one must hold for so long.
    pub days_min: u32,
    /// Restarted afterwards, where it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reload: Option<UnitName>,
}

/// What `process.limit` may take processor time from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProcessLimit {
    /// The units it may choose from: the busiest of them. Never one that a patient's visit waits for.
    pub units: Vec<UnitName>,
    /// Only one that takes more than so much of one core.
    pub busy_percent_min: u32,
    /// Its share of the processor afterwards, as systemd's `CPUWeight` (100 is everyone's).
    pub cpu_weight: u32,
    /// Its processes' nice value afterwards.
    pub nice: i32,
}

/// What `restore.test` restores and compares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RestoreTest {
    /// A file with `RESTIC_REPOSITORY`, `RESTIC_PASSWORD_FILE` and the like, closed to all but root.
    pub environment: AbsolutePath,
    /// The newest snapshot must be no older.
    pub snapshot_days_max: u32,
    /// What of it is restored.
    pub include: Vec<AbsolutePath>,
    /// Databases among it that are opened and checked: `SQLite` files, and dumps of `PostgreSQL`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub databases: Vec<AbsolutePath>,
    /// The most that may be restored, in MiB.
    pub size_mb_max: u32,
    /// Touched after a test that found everything whole: where the controls look.
    pub stamp: AbsolutePath,
    /// Whom restic may reach, where the repository lies on the network.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reaches: Vec<Endpoint>,
}

/// How tightly a program is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SandboxProfile {
    /// Reads, computes, writes what it is given.
    Strict,
    /// And starts other programs.
    Standard,
    /// And reaches the network through the proxy.
    StandardNet,
}

/// The one escape: a program pinned by its digest, with fixed arguments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandRun {
    /// The program.
    pub program: AbsolutePath,
    /// The digest of its bytes.
    pub digest: Digest,
    /// Its arguments.
    pub arguments: Vec<Argument>,
    /// How tightly it is held.
    pub profile: SandboxProfile,
    /// What it may write.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub writes: Vec<AbsolutePath>,
    /// Whom it may reach; only with [`SandboxProfile::StandardNet`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reaches: Vec<Endpoint>,
    /// How long it may take.
    pub time_limit_ms: u32,
}

/// One step with every field known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// [`Verb::UnitRestart`].
    UnitRestart(UnitName),
    /// [`Verb::UnitStart`].
    UnitStart(UnitName),
    /// [`Verb::UnitStop`].
    UnitStop(UnitName),
    /// [`Verb::UnitResetFailed`].
    UnitResetFailed(UnitName),
    /// [`Verb::UnitEnable`].
    UnitEnable(UnitName),
    /// [`Verb::FileRestore`].
    FileRestore(FileRestore),
    /// [`Verb::SysctlRestore`].
    SysctlRestore {
        /// Which.
        key: SysctlKey,
        /// What it is to be.
        value: i64,
    },
    /// [`Verb::FilesPrune`].
    FilesPrune(FilesPrune),
    /// [`Verb::JournalVacuum`].
    JournalVacuum {
        /// How much may stay, in MiB.
        keep_mb: u32,
    },
    /// [`Verb::CertRenew`].
    CertRenew(CertRenew),
    /// [`Verb::TimeSync`].
    TimeSync,
    /// [`Verb::UserLock`].
    UserLock(AccountRule),
    /// [`Verb::FirewallRestore`].
    FirewallRestore {
        /// The declared rules.
        ruleset: AbsolutePath,
    },
    /// [`Verb::ProcessLimit`].
    ProcessLimit(ProcessLimit),
    /// [`Verb::GenerationSwitch`].
    GenerationSwitch,
    /// [`Verb::StoreGc`].
    StoreGc {
        /// How many generations stay.
        keep_generations: u32,
    },
    /// [`Verb::BackupRun`].
    BackupRun(UnitName),
    /// [`Verb::RestoreTest`].
    RestoreTest(RestoreTest),
    /// [`Verb::CommandRun`].
    CommandRun(CommandRun),
    /// [`Verb::Check`].
    Check(ControlId),
    /// [`Verb::Wait`].
    Wait {
        /// How long.
        ms: u32,
    },
}

/// Files that decide who gets in, and how: beginnings of paths.
const ACCESS_PLACES: [&str; 13] = [
    "/etc/ssh/",
    "/etc/pam.d/",
    "/etc/pam.conf",
    "/etc/security/",
    "/etc/sudoers",
    "/etc/nftables",
    "/etc/passwd",
    "/etc/shadow",
    "/etc/group",
    "/etc/gshadow",
    "/etc/nsswitch.conf",
    "/etc/hosts.allow",
    "/etc/hosts.deny",
];

/// Units that let people in, or carry the network that they come over.
const ACCESS_UNITS: [&str; 8] = [
    "ssh.service",
    "ssh.socket",
    "sshd.service",
    "sshd.socket",
    "nftables.service",
    "networking.service",
    "systemd-networkd.service",
    "NetworkManager.service",
];

/// The packet filter's unit. It stops by emptying the filter, whoever filled it, and starts by that, too.
const FILTER_UNIT: &str = "nftables.service";

/// True at such a file, below it, and where it lies below the path.
fn is_about_access(path: &AbsolutePath) -> bool {
    let path = path.as_str();
    let above = |place: &&str| place.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'));
    ACCESS_PLACES.iter().any(|place| path.starts_with(place) || above(place))
}

impl Action {
    /// Its verb.
    pub const fn verb(&self) -> Verb {
        match self {
            Self::UnitRestart(_) => Verb::UnitRestart,
            Self::UnitStart(_) => Verb::UnitStart,
            Self::UnitStop(_) => Verb::UnitStop,
            Self::UnitResetFailed(_) => Verb::UnitResetFailed,
            Self::UnitEnable(_) => Verb::UnitEnable,
            Self::FileRestore(_) => Verb::FileRestore,
            Self::SysctlRestore { .. } => Verb::SysctlRestore,
            Self::FilesPrune(_) => Verb::FilesPrune,
            Self::JournalVacuum { .. } => Verb::JournalVacuum,
            Self::CertRenew(_) => Verb::CertRenew,
            Self::TimeSync => Verb::TimeSync,
            Self::UserLock(_) => Verb::UserLock,
            Self::FirewallRestore { .. } => Verb::FirewallRestore,
            Self::ProcessLimit(_) => Verb::ProcessLimit,
            Self::GenerationSwitch => Verb::GenerationSwitch,
            Self::StoreGc { .. } => Verb::StoreGc,
            Self::BackupRun(_) => Verb::BackupRun,
            Self::RestoreTest(_) => Verb::RestoreTest,
            Self::CommandRun(_) => Verb::CommandRun,
            Self::Check(_) => Verb::Check,
            Self::Wait { .. } => Verb::Wait,
        }
    }

    /// What it touches: what is locked while it runs, and cools down afterwards.
    pub fn resource(&self) -> Resource {
        match self {
            Self::UnitRestart(unit)
            | Self::UnitStart(unit)
            | Self::UnitStop(unit)
            | Self::UnitResetFailed(unit)
            | Self::UnitEnable(unit)
            | Self::BackupRun(unit) => Resource::Unit(unit.clone()),
            Self::FileRestore(FileRestore { target: FileTarget::Own(own), .. }) => {
                Resource::OwnDirectory(*own)
            }
            Self::FileRestore(FileRestore { target: FileTarget::Path(path), .. }) => {
                Resource::Path(path.clone())
            }
            Self::SysctlRestore { key, .. } => Resource::SysctlKey(key.clone()),
            Self::FilesPrune(prune) => Resource::Path(prune.directory.clone()),
            Self::JournalVacuum { .. } => Resource::Journal,
            Self::CertRenew(renew) => Resource::Path(renew.certificate.clone()),
            Self::TimeSync => Resource::Clock,
            // One file, whatever the rule: two of these never run at once, nor beside a repair of the file itself.
            Self::UserLock(_) => Resource::Path(AbsolutePath::shadow()),
            Self::FirewallRestore { .. } => Resource::Firewall,
            Self::ProcessLimit(_) => Resource::Processes,
            Self::GenerationSwitch => Resource::Generation,
            Self::StoreGc { .. } => Resource::Store,
            Self::RestoreTest(test) => Resource::Path(test.environment.clone()),
            Self::CommandRun(command) => Resource::Path(command.program.clone()),
            Self::Check(control) => Resource::Control(control.clone()),
            Self::Wait { .. } => Resource::Nothing,
        }
    }

    /// Whether it, or what undoes it, empties the packet filter without keeping what was in it.
    pub fn empties_the_filter(&self) -> bool {
        match self {
            Self::UnitRestart(unit) | Self::UnitStart(unit) | Self::UnitStop(unit) => {
                unit.as_str() == FILTER_UNIT
            }
            Self::UnitResetFailed(_)
            | Self::UnitEnable(_)
            | Self::FileRestore(_)
            | Self::SysctlRestore { .. }
            | Self::FilesPrune(_)
            | Self::JournalVacuum { .. }
            | Self::CertRenew(_)
            | Self::TimeSync
            | Self::UserLock(_)
            | Self::FirewallRestore { .. }
            | Self::ProcessLimit(_)
            | Self::GenerationSwitch
            | Self::StoreGc { .. }
            | Self::BackupRun(_)
            | Self::RestoreTest(_)
            | Self::CommandRun(_)
            | Self::Check(_)
            | Self::Wait { .. } => false,
        }
    }

    /// Whether it touches how people get in: the SSH server, the packet filter, accounts, sudo, PAM. Then a dead-man timer stands beside it.
    pub fn touches_access(&self) -> bool {
        match self {
            Self::UserLock(_) | Self::FirewallRestore { .. } | Self::GenerationSwitch => true,
            Self::FileRestore(FileRestore { target: FileTarget::Path(path), .. }) => is_about_access(path),
            Self::CommandRun(command) => command.writes.iter().any(is_about_access),
            Self::UnitRestart(unit) | Self::UnitStart(unit) | Self::UnitStop(unit) => {
                ACCESS_UNITS.contains(&unit.as_str())
            }
            Self::FileRestore(FileRestore { target: FileTarget::Own(_), .. })
            | Self::UnitResetFailed(_)
            | Self::UnitEnable(_)
            | Self::SysctlRestore { .. }
            | Self::FilesPrune(_)
            | Self::JournalVacuum { .. }
            | Self::CertRenew(_)
            | Self::TimeSync
            | Self::ProcessLimit(_)
            | Self::StoreGc { .. }
            | Self::BackupRun(_)
            | Self::RestoreTest(_)
            | Self::Check(_)
            | Self::Wait { .. } => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::AccountRule;

    #[test]
    fn whatever_changes_the_account_file_locks_the_same_thing() {
        let shadow = Resource::Path("/etc/shadow".parse().unwrap());
        for rule in [AccountRule::EmptyPassword, AccountRule::SystemWithPassword] {
            assert_eq!(Action::UserLock(rule).resource(), shadow);
        }
    }
}
