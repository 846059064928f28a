//! Why a program was not started, or could not be stopped for a while.

use std::io;

use crate::confinement::Misuse;
use crate::features::{Absence, Feature};

/// Why nothing ran.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LaunchError {
    /// The confinement makes no sense: the runbook or its reader is to blame.
    #[error("the confinement makes no sense")]
    Misuse(#[from] Misuse),
    /// This machine lacks something that is demanded, by the runbook or always.
    #[error("{feature} is demanded and unavailable ({absence})")]
    Demanded {
        /// What.
        feature: Feature,
        /// Why it is not there.
        absence: Absence,
    },
    /// Something on our side of the launcher failed: the machine is to blame.
    #[error("cannot start: {at}")]
    Setup {
        /// What.
        at: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
    /// The launcher could not put up a part of the confinement, so the program did not start.
    #[error("the launcher stopped at {at}: {why}")]
    Launcher {
        /// At what.
        at: String,
        /// What the kernel said.
        why: String,
    },
    /// The launcher was gone before it said anything.
    #[error("the launcher ended without a word")]
    Silent,
    /// systemd did not take the unit.
    #[error("systemd did not start the unit")]
    Unit(#[source] Box<zbus::Error>),
}

impl LaunchError {
    /// For `map_err`: a failure of ours, with its place.
    pub(crate) fn setup<E: Into<io::Error>>(at: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self::Setup { at, source: source.into() }
    }
}

/// Why a running tree was not frozen or thawed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FreezeError {
    /// There is nothing to do it with.
    #[error("freezing is unavailable ({0})")]
    Unavailable(Absence),
    /// The kernel did not do it.
    #[error("the tree could not be frozen or thawed")]
    Kernel(#[from] io::Error),
    /// systemd did not do it.
    #[error("systemd could not freeze or thaw the unit")]
    Unit(#[source] Box<zbus::Error>),
}
