//! What holds a running tree from outside: a cgroup of ours, a unit of systemd's, or nothing but the tree itself.

use crate::cgroup::Group;
use crate::error::FreezeError;
use crate::features::Absence;
use crate::unit::Unit;

/// One of the three.
#[derive(Debug)]
pub(crate) enum Holder {
    Group { group: Group, freeze: Result<(), Absence> },
    Unit(Unit),
    Tree(Absence),
}

impl Holder {
    /// Kills everything in it. The tree's first process is killed besides, by whoever calls this; so a failure here loses nothing but time.
    pub(crate) fn kill(&self) {
        match self {
            Self::Group { group, .. } => drop(group.kill()),
            Self::Unit(unit) => unit.kill(),
            Self::Tree(_) => {}
        }
    }

    pub(crate) fn freeze(&self, frozen: bool) -> Result<(), FreezeError> {
        match self {
            Self::Group { freeze: Err(absence), .. } | Self::Tree(absence) => {
                Err(FreezeError::Unavailable(*absence))
            }
            Self::Group { group, freeze: Ok(()) } => Ok(group.freeze(frozen)?),
            Self::Unit(unit) => unit.freeze(frozen).map_err(|e| FreezeError::Unit(Box::new(e))),
        }
    }

    /// Whether the kernel killed in it for want of memory.
    pub(crate) fn out_of_memory(&self) -> bool {
        match self {
            Self::Group { group, .. } => group.out_of_memory(),
            Self::Unit(unit) => unit.out_of_memory(),
            Self::Tree(_) => false,
        }
    }
}
