//! Who reads a file when it starts, and goes on with what was in it until it is restarted. Looked for before the act: undoing restarts who ran then, and
//! starts nobody who did not.

use contract::resource::{Resource, UnitName};

use crate::{HandError, systemd};

/// The SSH server, under either name. Where one is the other's alias it is named once.
const SSH: [&str; 2] = ["ssh.service", "sshd.service"];

/// The units that run now and read this when they start.
pub(super) fn of(target: &Resource) -> Result<Vec<UnitName>, HandError> {
    match target {
        Resource::Path(path) if path.as_str().starts_with("/etc/ssh/") => {
            systemd::those(&SSH, systemd::State::runs)
        }
        Resource::Path(_)
        | Resource::OwnDirectory(_)
        | Resource::Unit(_)
        | Resource::SysctlKey(_)
        | Resource::Accounts(_)
        | Resource::Firewall
        | Resource::Clock
        | Resource::Journal
        | Resource::Generation
        | Resource::Store
        | Resource::Processes
        | Resource::Control(_)
        | Resource::Nothing => Ok(Vec::new()),
    }
}
