//! The NixOS generation that runs. On any other system none of this applies.

use std::fs;
use std::path::{Path, PathBuf};

use contract::fact::{Absence, FactValue, Observation};

use super::{FactSource, mounts};
use crate::config::Config;
use crate::inputs::{self, HOUR, Input};
use crate::root::{Root, age_ms};

/// The profile that `nixos-rebuild switch` sets and the boot loader starts.
const PROFILE: &str = "/nix/var/nix/profiles/system";
/// Made by the activation of NixOS, and by nothing else.
pub(super) const MARK: &str = "/etc/NIXOS";
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// The running generation.
pub(crate) struct Nixos<'a> {
    config: &'a Config,
}

/// Whether this is NixOS: its activation makes this mark.
pub(super) fn is_nixos(root: &Root) -> Result<bool, Absence> {
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

    fn store_read_only(&self) -> Observation {
        let mounts = mounts::mounts(&self.config.root)?;
        let store = mounts::at(&mounts, "/nix/store");
        Ok(FactValue::Flag(store.is_some_and(|m| m.is_read_only)))
    }
}

impl FactSource for Nixos<'_> {
    fn read(&self, name: &str) -> Observation {
        let look: fn(&Self) -> Observation = match name {
            "running_is_declared" => {
                |s| Ok(FactValue::Flag(s.real("/run/current-system")? == s.real(PROFILE)?))
            }
            "generation_age_days" => Self::generation_age_days,
            "store_read_only" => Self::store_read_only,
            _ => return Err(Absence::Unsupported),
        };
        if is_nixos(&self.config.root)? { look(self) } else { Err(Absence::DoesNotApply) }
    }

    fn inputs(&self, name: &str) -> Vec<Input> {
        let root = &self.config.root;
        // The links and all they lead to.
        let links = |paths: &[&str]| inputs::files(root, paths);
        let which = match name {
            "running_is_declared" => links(&["/run/current-system", PROFILE]),
            "generation_age_days" => [links(&[PROFILE]), vec![Input::Clock, Input::Every(HOUR)]].concat(),
            "store_read_only" => vec![Input::Mounts],
            _ => return Vec::new(),
        };
        [inputs::places(root, [MARK]), which].concat()
    }
}
