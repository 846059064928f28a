//! The verbs: everything that a step can do, each with its inverse. A closed set; whoever matches on it names every member.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How what a verb did is undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inverse {
    /// The state from before is noted in the intent or kept in a snapshot, and put back.
    PutBack,
    /// It removes or makes what cannot be brought back or need not be: it is only ever allowed within declared bounds.
    None,
    /// It changes nothing.
    NotNeeded,
}

macro_rules! verbs {
    ($($(#[$doc:meta])* $name:ident, $word:literal, $inverse:ident;)*) => {
        /// What a step does. Each verb has one inverse, and one room in the executor.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Verb {
            $($(#[$doc])* #[serde(rename = $word)] $name,)*
        }

        impl Verb {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Its word.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// How it is undone.
            pub const fn inverse(self) -> Inverse {
                match self { $(Self::$name => Inverse::$inverse,)* }
            }
        }
    };
}

verbs! {
    /// Restart a unit; the inverse stops it again if it did not run.
    UnitRestart, "unit.restart", PutBack;
    /// Start a unit; the inverse stops it.
    UnitStart, "unit.start", PutBack;
    /// Stop a unit; the inverse starts it.
    UnitStop, "unit.stop", PutBack;
    /// Forget that a unit failed. Nothing depends on the memory, so nothing need bring it back.
    UnitResetFailed, "unit.reset-failed", NotNeeded;
    /// Have a unit start at boot; the inverse disables it.
    UnitEnable, "unit.enable", PutBack;
    /// Give a path its declared content, owner or mode; the inverse gives back what it had.
    FileRestore, "file.restore", PutBack;
    /// Give a kernel parameter its declared value; the inverse the value it had.
    SysctlRestore, "sysctl.restore", PutBack;
    /// Remove old files from one directory, within bounds.
    FilesPrune, "files.prune", None;
    /// Shrink the journal to a declared size.
    JournalVacuum, "journal.vacuum", None;
    /// Have a certificate renewed; the inverse puts the old pair back.
    CertRenew, "cert.renew", PutBack;
    /// Have the clock set by its time server.
    TimeSync, "time.sync", None;
    /// Lock accounts; the inverse gives them the password fields back that they had.
    UserLock, "user.lock", PutBack;
    /// Load the declared packet filter; the inverse loads the one that was in force.
    FirewallRestore, "firewall.restore", PutBack;
    /// Give a runaway unit less of the processor; the inverse gives it the share it had.
    ProcessLimit, "process.limit", PutBack;
    /// Switch to the last generation that was healthy; the inverse switches back.
    GenerationSwitch, "generation.switch", PutBack;
    /// Collect garbage in the Nix store.
    StoreGc, "store.gc", None;
    /// Run the declared backup.
    BackupRun, "backup.run", None;
    /// Restore a recent snapshot to a scratch place, compare it and clean up.
    RestoreTest, "restore.test", NotNeeded;
    /// Run one program that is pinned by its digest.
    CommandRun, "command.run", None;
    /// Look at a control; go on only where it passes.
    Check, "check", NotNeeded;
    /// Wait.
    Wait, "wait", NotNeeded;
}

impl Verb {
    /// Whether somebody always notices it: what ran no longer does.
    pub const fn always_disrupts(self) -> bool {
        match self {
            Self::UnitStop | Self::GenerationSwitch => true,
            Self::UnitRestart
            | Self::UnitStart
            | Self::UnitResetFailed
            | Self::UnitEnable
            | Self::FileRestore
            | Self::SysctlRestore
            | Self::FilesPrune
            | Self::JournalVacuum
            | Self::CertRenew
            | Self::TimeSync
            | Self::UserLock
            | Self::FirewallRestore
            | Self::ProcessLimit
            | Self::StoreGc
            | Self::BackupRun
            | Self::RestoreTest
            | Self::CommandRun
            | Self::Check
            | Self::Wait => false,
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}
