//! Whether people can still get in: measured anew, from outside, after something was changed that could have locked them out.
//!
//! A connection from this machine to itself goes over the loopback interface, which nearly every packet filter lets through: it proves nothing. So
//! [`outside`] makes a network namespace with a virtual cable into the machine, and connects through that: the packets come in by an interface
//! that is not loopback, from an address that is not the machine's, and pass the input rules as anybody's do. All of it is gone afterwards.
//!
//! A rule that lets people in by the name of one interface, or from their own addresses only, does not let this connection in: then the answer is no,
//! although they would get in, and the old state comes back. That is the safe side.

mod netlink;
mod outside;
mod sshd;

use std::path::Path;

use contract::runbook::{Action, FileRestore, FileTarget};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::logins::Logins;
use crate::{HandError, Programs};

/// How people get in, as far as an action can shut it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WayIn {
    /// The SSH server: its configuration, its process, and an answer from outside.
    Sshd,
    /// The packet filter: an answer of the SSH server from outside.
    Firewall,
    /// The accounts: root or somebody who may become root has a password or a key that works.
    Accounts,
}

/// Why it is not known that people can still get in.
#[derive(Debug, Error)]
pub enum NotConfirmed {
    /// The machine has no SSH server that listens to others: nobody gets in over the network, before or after.
    #[error("no SSH server listens to other machines")]
    NothingToReach,
    /// The SSH server would not start with its configuration.
    #[error("sshd refuses its configuration")]
    Configuration,
    /// The SSH server's main process is not there.
    #[error("the SSH server does not run")]
    NotRunning,
    /// Nothing that speaks SSH answered from outside in time.
    #[error("no SSH server answers from outside")]
    NoAnswer,
    /// Nobody who is root or may become root has a password or a key.
    #[error("no account that leads to root can be used")]
    NobodyCanGetIn,
    /// It could not be measured.
    #[error("it could not be measured")]
    NotMeasured(#[from] HandError),
}

impl WayIn {
    /// Which way in an action could shut; none where it cannot. The executor asks this of what [`Action::touches_access`].
    pub fn of(action: &Action) -> Option<Self> {
        if !action.touches_access() {
            return None;
        }
        match action {
            Action::UserLock(_) => Some(Self::Accounts),
            Action::FirewallRestore { .. } => Some(Self::Firewall),
            Action::FileRestore(FileRestore { target: FileTarget::Path(path), .. }) => {
                let below = |place: &str| path.as_str().starts_with(place);
                Some(match () {
                    () if below("/etc/ssh/") => Self::Sshd,
                    () if below("/etc/nftables") => Self::Firewall,
                    () => Self::Accounts,
                })
            }
            Action::UnitRestart(unit) | Action::UnitStart(unit) | Action::UnitStop(unit) => {
                Some(if unit.as_str().starts_with("nftables") { Self::Firewall } else { Self::Sshd })
            }
            Action::FileRestore(FileRestore { target: FileTarget::Own(_), .. })
            | Action::UnitResetFailed(_)
            | Action::UnitEnable(_)
            | Action::SysctlRestore { .. }
            | Action::FilesPrune(_)
            | Action::JournalVacuum { .. }
            | Action::CertRenew(_)
            | Action::TimeSync
            | Action::ProcessLimit(_)
            | Action::GenerationSwitch
            | Action::StoreGc { .. }
            | Action::BackupRun(_)
            | Action::RestoreTest(_)
            | Action::CommandRun(_)
            | Action::Check(_)
            | Action::Wait { .. } => Some(Self::Sshd),
        }
    }
}

/// Looks, now, with nothing kept from an earlier look. Only `Ok` confirms.
pub fn after_check(way: WayIn, programs: &dyn Programs) -> Result<(), NotConfirmed> {
    match way {
        WayIn::Sshd => {
            sshd::accepts_its_configuration(programs)?;
            let server = sshd::effective(programs)?;
            server.runs()?;
            server.answers()
        }
        WayIn::Firewall => sshd::effective(programs)?.answers(),
        WayIn::Accounts => {
            let logins = Logins::read(Path::new("/"))?;
            if logins.somebody_can_get_in(&[]) { Ok(()) } else { Err(NotConfirmed::NobodyCanGetIn) }
        }
    }
}
