//! What a guest is to have beyond the image.

use std::path::Path;

use crate::guest::Guest;
use crate::machine::Machine;

/// What a guest is to have, before it is booted.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    binds: Vec<String>,
}

impl Plan {
    /// Shares a directory, at the same path inside, to be written from both sides.
    #[must_use]
    pub fn share(self, dir: impl AsRef<Path>) -> Self {
        self.bind("--bind", dir.as_ref())
    }

    /// Shows a directory, at the same path inside, to be read and run from: where the tested programs are.
    #[must_use]
    pub fn show(self, dir: impl AsRef<Path>) -> Self {
        self.bind("--bind-ro", dir.as_ref())
    }

    /// Shows the directory of a program.
    #[must_use]
    pub fn show_program(self, program: impl AsRef<Path>) -> Self {
        let dir = program.as_ref().parent().unwrap_or_else(|| panic!("a program's path has a directory"));
        self.show(dir)
    }

    fn bind(mut self, how: &str, dir: &Path) -> Self {
        let dir = dir.to_str().filter(|d| d.starts_with('/') && !d.contains([':', '\\']));
        let dir = dir.unwrap_or_else(|| panic!("a directory to share is absolute and without ':'"));
        self.binds.push(format!("{how}={dir}:{dir}"));
        self
    }

    /// Boots and waits until all units are up. Panics, with the console, where that fails.
    pub fn boot(self) -> Guest {
        let mut plan = self;
        // Programs that were linked on NixOS bring their loader along. Elsewhere a store is nobody's business: tests make one of their own inside.
        if Path::new("/etc/NIXOS").exists() {
            plan = plan.show("/nix/store");
        }
        let machine = Machine::boot(&plan.binds).unwrap_or_else(|e| panic!("no guest: {e}"));
        let guest = Guest { machine };
        let state = guest.sh("systemctl is-system-running").stdout;
        let state = String::from_utf8_lossy(&state).trim().to_owned();
        assert!(
            matches!(state.as_str(), "running" | "degraded"),
            "the guest is {state:?}; its console:\n{}",
            guest.console()
        );
        guest
    }
}
