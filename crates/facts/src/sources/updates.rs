//! Package updates: how fresh apt's lists are, whether updates install themselves, whether a newer kernel waits for a restart.

use std::fs;

use contract::fact::{Absence, FactValue, Observation};

use super::FactSource;
use super::nixos::{MARK, is_nixos};
use crate::config::Config;
use crate::inputs::{self, HOUR, Input};
use crate::program;
use crate::root::age_ms;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// Touched by apt after a successful update; the directory of lists changes with each.
const STAMPS: [&str; 2] = ["/var/lib/apt/periodic/update-success-stamp", "/var/lib/apt/lists"];

/// Package updates.
pub(crate) struct Updates<'a> {
    config: &'a Config,
}

impl<'a> Updates<'a> {
    pub(crate) const fn new(config: &'a Config) -> Self {
        Self { config }
    }

    /// The youngest of apt's stamps.
    fn list_age_days(&self) -> Observation {
        let mut youngest = None;
        for stamp in STAMPS {
            match self.config.root.lstat(stamp) {
                Ok(metadata) => {
                    let age = age_ms(&metadata, (self.config.clock)())?;
                    youngest = Some(youngest.map_or(age, |y: i64| y.min(age)));
                }
                Err(Absence::NotInstalled) => {}
                Err(absence) => return Err(absence),
            }
        }
        youngest.map(|age| FactValue::Number(age / DAY_MS)).ok_or(Absence::NotInstalled)
    }

    /// apt's own answer, since its configuration can be split over many files. The program that would act on it must be there too.
    fn automatic(&self) -> Observation {
        let root = &self.config.root;
        let printed = program::run(root, "apt-config", &["dump", "APT::Periodic"], self.config.limit)?;
        if !printed.status.success() {
            return Err(Absence::Malformed);
        }
        let asked = |name: &str| {
            let prefix = format!("APT::Periodic::{name} \"");
            let value = printed.out.lines().rev().find_map(|l| l.strip_prefix(&prefix));
            value.is_some_and(|v| !v.starts_with("0\"") && !v.starts_with('"'))
        };
        let installed = program::find(root, "unattended-upgrade").is_ok();
        Ok(FactValue::Flag(installed && asked("Update-Package-Lists") && asked("Unattended-Upgrade")))
    }

    fn restart_pending(&self) -> Observation {
        if is_nixos(&self.config.root)? {
            self.nixos_restart_pending()
        } else {
            self.debian_restart_pending()
        }
    }

    /// The kernel, its initial disk and its modules, of the generation that was started and of the one that runs.
    fn nixos_restart_pending(&self) -> Observation {
        let root = &self.config.root;
        let real = |path: String| fs::canonicalize(root.path(path)).map_err(|e| root.absence(&e));
        for part in ["kernel", "initrd", "kernel-modules"] {
            if real(format!("/run/booted-system/{part}"))? != real(format!("/run/current-system/{part}"))? {
                return Ok(FactValue::Flag(true));
            }
        }
        Ok(FactValue::Flag(false))
    }

    /// A package may ask for it; and an installed kernel may be newer than the running one. Where the running kernel is none of those installed
    /// (a container, a cloud's own kernel), nothing can be said.
    fn debian_restart_pending(&self) -> Observation {
        let root = &self.config.root;
        if root.has("/run/reboot-required")? {
            return Ok(FactValue::Flag(true));
        }
        let running = root.text("/proc/sys/kernel/osrelease")?;
        let installed: Vec<String> = root
            .names("/boot")?
            .into_iter()
            .filter_map(|name| name.strip_prefix("vmlinuz-").map(str::to_owned))
            .collect();
        if !installed.iter().any(|version| version == running.trim()) {
            return Err(Absence::DoesNotApply);
        }
        let newest = installed.iter().max_by_key(|version| version_key(version));
        Ok(FactValue::Flag(newest.is_some_and(|newest| newest != running.trim())))
    }
}

impl FactSource for Updates<'_> {
    fn read(&self, name: &str) -> Observation {
        let apts_own: fn(&Self) -> Observation = match name {
            "restart_pending" => return self.restart_pending(),
            "list_age_days" => Self::list_age_days,
            "automatic" => Self::automatic,
            _ => return Err(Absence::Unsupported),
        };
        // A generation carries its packages with it; its age is the `nixos` source's to tell.
        if is_nixos(&self.config.root)? { Err(Absence::DoesNotApply) } else { apts_own(self) }
    }

    fn inputs(&self, name: &str) -> Vec<Input> {
        let root = &self.config.root;
        let which = match name {
            "list_age_days" => [inputs::files(root, STAMPS), vec![Input::Clock, Input::Every(HOUR)]].concat(),
            "automatic" => {
                let programs = ["apt-config", "unattended-upgrade"].map(|name| program::inputs(root, name));
                [programs.concat(), vec![Input::Files(root.path("/etc/apt"))]].concat()
            }
            "restart_pending" => {
                let links = ["/run/booted-system", "/run/current-system"];
                let places = inputs::places(root, ["/run/reboot-required"]);
                [places, inputs::entries(root, ["/boot"]), inputs::files(root, links)].concat()
            }
            _ => return Vec::new(),
        };
        [inputs::places(root, [MARK]), which].concat()
    }
}

/// The numbers of a version, in order: `6.1.0-28-amd64` before `6.1.0-31-amd64`.
fn version_key(version: &str) -> Vec<u64> {
    version.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok()).collect()
}
