//! The NixOS generation that runs. On any other system none of this applies.

use std::fs;
use std::path::{Path, PathBuf};

use contract::fact::{Absence, FactValue, Observation};

use super::settings::matches;
use super::{FactSource, mounts, nixos_units};
use crate::config::Config;
use crate::inputs::{self, HOUR, Input};
use crate::root::{Root, age_ms};
use crate::store;

/// The profile that `nixos-rebuild switch` sets and the boot loader starts.
const PROFILE: &str = "/nix/var/nix/profiles/system";
/// Made by the activation of NixOS, and by nothing else.
pub(super) const MARK: &str = "/etc/NIXOS";
/// The generations that the profile knows lie beside it: `system-42-link`.
const PROFILES: &str = "/nix/var/nix/profiles";
const BOOTED: &str = "/run/booted-system";
pub(super) const RUNNING: &str = "/run/current-system";
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// The running generation.
pub(crate) struct Nixos<'a> {
    config: &'a Config,
}

/// Whether this is NixOS: its activation makes this mark.
pub fn is_nixos(root: &Root) -> Result<bool, Absence> {
    root.has(MARK)
}

impl<'a> Nixos<'a> {
    pub(crate) const fn new(config: &'a Config) -> Self {
        Self { config }
    }

    fn real(&self, path: &str) -> Result<PathBuf, Absence> {
        fs::canonicalize(self.config.root.path(path)).map_err(|e| self.config.root.absence(&e))
    }

    /// The link of the generation itself: `system` → `system-42-link`, made when that generation was.
    fn generation_age_days(&self) -> Observation {
        let root = &self.config.root;
        let link = fs::read_link(root.path(PROFILE)).map_err(|e| root.absence(&e))?;
        let generation = Path::new(PROFILE).with_file_name(link.file_name().ok_or(Absence::Malformed)?);
        let age = age_ms(&root.lstat(generation)?, (self.config.clock)())?;
        Ok(FactValue::Number(age / DAY_MS))
    }

    /// Whether the system that was started is a generation that the profile knows: the declared one, or an earlier one. After a switch without a new
    /// start it is an earlier one, and that is as it should be; one that no generation leads to came from somewhere else.
    fn booted_is_declared(&self) -> Observation {
        let booted = self.real(BOOTED)?;
        let names = self.config.root.names(PROFILES)?;
        for name in names.iter().filter(|name| matches("system-*-link", name)) {
            match self.real(&format!("{PROFILES}/{name}")) {
                Ok(generation) if generation == booted => return Ok(FactValue::Flag(true)),
                // One whose closure was collected leads nowhere, and cannot have been started.
                Ok(_) | Err(Absence::NotInstalled) => {}
                Err(absence) => return Err(absence),
            }
        }
        // Without the profile nothing was declared, and nothing can be held against it.
        self.real(PROFILE).map(|declared| FactValue::Flag(declared == booted))
    }

    fn store_read_only(&self) -> Observation {
        let mounts = mounts::mounts(&self.config.root)?;
        let store = mounts::at(&mounts, "/nix/store");
        Ok(FactValue::Flag(store.is_some_and(|m| m.is_read_only)))
    }
}

impl FactSource for Nixos<'_> {
    fn read(&self, name: &str) -> Observation {
        let look: fn(&Self) -> Observation = match name {
            "running_is_declared" => |s| Ok(FactValue::Flag(s.real(RUNNING)? == s.real(PROFILE)?)),
            "generation_age_days" => Self::generation_age_days,
            "booted_is_declared" => Self::booted_is_declared,
            "store_read_only" => Self::store_read_only,
            "store_altered_paths" => |s| store::altered(s.config),
            "undeclared_units" => |s| nixos_units::undeclared(&s.config.root),
            _ => return Err(Absence::Unsupported),
        };
        if is_nixos(&self.config.root)? { look(self) } else { Err(Absence::DoesNotApply) }
    }

    fn inputs(&self, name: &str) -> Vec<Input> {
        let root = &self.config.root;
        // The links and all they lead to.
        let links = |paths: &[&str]| inputs::files(root, paths);
        let which = match name {
            "running_is_declared" => links(&[RUNNING, PROFILE]),
            "booted_is_declared" => [links(&[BOOTED, PROFILE]), inputs::entries(root, [PROFILES])].concat(),
            "generation_age_days" => [links(&[PROFILE]), vec![Input::Clock, Input::Every(HOUR)]].concat(),
            "store_read_only" => vec![Input::Mounts],
            // Days pass between two verifications, and the file is closed to all but its owner.
            "store_altered_paths" => vec![Input::Every(HOUR)],
            "undeclared_units" => nixos_units::inputs(root),
            _ => return Vec::new(),
        };
        [inputs::places(root, [MARK]), which].concat()
    }
}
