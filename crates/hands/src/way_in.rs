//! Whether people can still get in: measured anew, from outside, after something was changed that could have locked them out.
//!
//! A connection from this machine to itself goes over the loopback interface, which nearly every packet filter lets through: it proves nothing. So
//! [`outside`] makes a network namespace with a virtual cable into the machine, and connects through that: the packets come in by an interface
//! that is not loopback, from an address that is not the machine's, and pass the input rules as anybody's do. All of it is gone afterwards.
//!
//! A rule that lets people in by the name of one interface, or from their own addresses only, does not let this connection in: then the answer is no,
//! although they would get in. So it is looked before the act as well ([`Afterwards::after`]): a way in that cannot be seen is not touched. And what is
//! not seen to be open afterwards goes back. Neither answer ever stands in for the other.

mod netlink;
mod outside;
mod presence;
mod sshd;

use std::path::Path;

use contract::record::Unseen;
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
    /// No SSH server listens here, and systemd has none running or waiting for the first who comes: nobody gets in by one.
    #[error("no SSH server is there")]
    NothingToReach,
    /// An SSH server listens only where the look does not go.
    #[error("the SSH server listens only where nobody can look from outside")]
    OutOfSight,
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

/// The units that are an SSH server, or wait for the first who comes to start one.
pub(crate) const UNITS_OF_SSH: [&str; 4] = ["ssh.service", "sshd.service", "ssh.socket", "sshd.socket"];

/// What the look after a step has to see for the step to be confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Afterwards {
    /// The way in is open.
    Open,
    /// It is open, or still nobody is there: no SSH server ran before, so nobody could be cut off.
    OpenOrNobodyThere,
}

impl Afterwards {
    /// What the look before an action says of the look after it; or why the action must not be. A way in that is shut before is a reason to act only
    /// for what is meant to open it: the start of an SSH server that does not run. Nothing else may: not even the repair of a configuration that sshd
    /// refuses, since undoing it would have the server read that again, and shut the way in that may be open still.
    pub fn after(action: &Action, before: Result<(), NotConfirmed>) -> Result<Self, NotConfirmed> {
        match before {
            Ok(()) => Ok(Self::Open),
            Err(NotConfirmed::NothingToReach | NotConfirmed::NotRunning) if Self::opens(action) => {
                Ok(Self::Open)
            }
            Err(NotConfirmed::NothingToReach) => Ok(Self::OpenOrNobodyThere),
            Err(unseen) => Err(unseen),
        }
    }

    /// What it is for a further step of a run that has looked already: its own earlier steps may have moved the way in, as a port that is declared
    /// anew is served only once the server is restarted.
    #[must_use]
    pub fn and(self, action: &Action) -> Self {
        if Self::opens(action) { Self::Open } else { self }
    }

    /// Whether the look afterwards is as it has to be.
    pub const fn is_met(self, seen: &Result<(), NotConfirmed>) -> bool {
        match (self, seen) {
            (Self::Open | Self::OpenOrNobodyThere, Ok(()))
            | (Self::OpenOrNobodyThere, Err(NotConfirmed::NothingToReach)) => true,
            (Self::Open | Self::OpenOrNobodyThere, Err(_)) => false,
        }
    }

    fn opens(action: &Action) -> bool {
        matches!(action, Action::UnitStart(unit) | Action::UnitRestart(unit) if UNITS_OF_SSH.contains(&unit.as_str()))
    }
}

impl NotConfirmed {
    /// For the record.
    pub const fn unseen(&self) -> Unseen {
        match self {
            Self::NothingToReach => Unseen::NothingToReach,
            Self::OutOfSight => Unseen::OutOfSight,
            Self::Configuration => Unseen::Configuration,
            Self::NotRunning => Unseen::NotRunning,
            Self::NoAnswer => Unseen::NoAnswer,
            Self::NobodyCanGetIn => Unseen::NobodyCanGetIn,
            Self::NotMeasured(_) => Unseen::NotMeasured,
        }
    }

    /// Whether another look, soon, may see more: a server that is being restarted, or whose places for newcomers are all taken at the moment.
    pub const fn may_pass(&self) -> bool {
        matches!(self, Self::NotRunning | Self::NoAnswer)
    }
}

/// Looks, now, with nothing kept from an earlier look. Only `Ok` confirms.
pub fn after_check(way: WayIn, programs: &dyn Programs) -> Result<(), NotConfirmed> {
    match way {
        WayIn::Sshd | WayIn::Firewall if presence::nobody_is_there()? => Err(NotConfirmed::NothingToReach),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn restart(unit: &str) -> Action {
        Action::UnitRestart(unit.parse().unwrap())
    }

    #[test]
    fn what_is_shut_before_may_be_touched_only_by_what_opens_it() {
        let firewall = Action::FirewallRestore { ruleset: "/etc/nftables.conf".parse().unwrap() };
        let lock = Action::UserLock(contract::resource::AccountRule::EmptyPassword);
        let all = || {
            [
                NotConfirmed::NothingToReach,
                NotConfirmed::OutOfSight,
                NotConfirmed::Configuration,
                NotConfirmed::NotRunning,
                NotConfirmed::NoAnswer,
                NotConfirmed::NobodyCanGetIn,
                NotConfirmed::NotMeasured(HandError::TooLate),
            ]
        };
        let may = |action: &Action| -> Vec<_> {
            let judged = all().into_iter().map(|why| (why.unseen(), Afterwards::after(action, Err(why))));
            judged.filter_map(|(unseen, judged)| Some((unseen, judged.ok()?))).collect()
        };
        let nobody = [(Unseen::NothingToReach, Afterwards::OpenOrNobodyThere)];
        for action in [&firewall, &lock, &restart("nftables.service"), &restart("networking.service")] {
            assert_eq!(may(action), nobody, "{action:?}");
            assert_eq!(Afterwards::after(action, Ok(())).unwrap(), Afterwards::Open);
        }
        let down = [(Unseen::NothingToReach, Afterwards::Open), (Unseen::NotRunning, Afterwards::Open)];
        assert_eq!(may(&restart("ssh.service")), down);
    }

    #[test]
    fn nobody_afterwards_is_good_enough_only_where_nobody_was_there_before() {
        let nobody = || Err(NotConfirmed::NothingToReach);
        assert!(Afterwards::OpenOrNobodyThere.is_met(&nobody()) && !Afterwards::Open.is_met(&nobody()));
        assert!(!Afterwards::OpenOrNobodyThere.is_met(&Err(NotConfirmed::NoAnswer)));
        assert_eq!(Afterwards::OpenOrNobodyThere.and(&restart("ssh.service")), Afterwards::Open);
    }
}
