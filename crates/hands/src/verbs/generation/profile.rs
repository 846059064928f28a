//! The system's profile: the links of its generations, which of them is the default, which runs, and which was booted.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::HandError;
use crate::place::Generation;

/// What the link is called while it is not yet in its place.
const NEW: &str = "system.suture";

/// The links, below a root.
#[derive(Debug)]
pub(super) struct Profile {
    root: PathBuf,
    directory: PathBuf,
}

impl Profile {
    /// Refuses where this is no NixOS.
    pub(super) fn open(root: &Path) -> Result<Self, HandError> {
        let directory = root.join("nix/var/nix/profiles");
        match fs::symlink_metadata(directory.join("system")) {
            Ok(stat) if stat.is_symlink() && root.join("etc/NIXOS").exists() => {
                Ok(Self { root: root.to_owned(), directory })
            }
            Ok(_) => Err(HandError::NothingToDo("this is no NixOS")),
            Err(e) if e.kind() == ErrorKind::NotFound => Err(HandError::NothingToDo("this is no NixOS")),
            Err(e) => Err(HandError::file(&directory, "look at the system's profile in it")(e)),
        }
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// The generation that boots.
    pub(super) fn default_number(&self) -> Result<u64, HandError> {
        let link = self.directory.join("system");
        let to = fs::read_link(&link).map_err(HandError::file(&link, "read it"))?;
        to.file_name()
            .and_then(|name| number(name.to_str()?))
            .ok_or_else(|| HandError::unfit(&link, "read it", "it leads to no generation"))
    }

    /// All that are there, by their numbers. A link that is malformed or leads nowhere stops everything: whoever counts wrongly deletes wrongly.
    pub(super) fn generations(&self) -> Result<Vec<Generation>, HandError> {
        let mut generations = Vec::new();
        for entry in fs::read_dir(&self.directory).map_err(HandError::file(&self.directory, "list it"))? {
            let entry = entry.map_err(HandError::file(&self.directory, "list it"))?;
            let name = entry.file_name();
            let Some(name) = name.to_str().filter(|n| n.starts_with("system-") && n.ends_with("-link"))
            else {
                continue;
            };
            let path = entry.path();
            let number = number(name)
                .ok_or_else(|| HandError::unfit(&path, "read it", "it is no generation's link"))?;
            let closure = fs::read_link(&path).map_err(HandError::file(&path, "read it"))?;
            generations.push(Generation { number, closure });
        }
        generations.sort_by_key(|g| g.number);
        Ok(generations)
    }

    /// The closure that runs.
    pub(super) fn running(&self) -> Result<Option<PathBuf>, HandError> {
        self.leads("run/current-system")
    }

    /// The closure that was booted: its kernel and modules are in use.
    pub(super) fn booted(&self) -> Result<Option<PathBuf>, HandError> {
        self.leads("run/booted-system")
    }

    fn leads(&self, link: &str) -> Result<Option<PathBuf>, HandError> {
        let path = self.root.join(link);
        match fs::read_link(&path) {
            Ok(closure) => Ok(Some(closure)),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(HandError::file(&path, "read it")(e)),
        }
    }

    /// Makes a generation the default, durably: the old link or the new one is there, and nothing between.
    pub(super) fn point_at(&self, number: u64) -> Result<(), HandError> {
        let _lock = self.lock()?;
        let (new, link) = (self.directory.join(NEW), self.directory.join("system"));
        match fs::remove_file(&new) {
            Err(e) if e.kind() != ErrorKind::NotFound => return Err(HandError::file(&new, "remove it")(e)),
            Ok(()) | Err(_) => {}
        }
        symlink(format!("system-{number}-link"), &new).map_err(HandError::file(&new, "make it"))?;
        fs::rename(&new, &link).map_err(HandError::file(&link, "exchange it"))?;
        edge::file::sync_directory(&self.directory).map_err(|e| HandError::file(&link, "sync it")(e.source))
    }

    /// Removes the links of generations, durably. What only they held becomes garbage.
    pub(super) fn forget(&self, numbers: &[u64]) -> Result<(), HandError> {
        let _lock = self.lock()?;
        for number in numbers {
            let link = self.directory.join(format!("system-{number}-link"));
            fs::remove_file(&link).map_err(HandError::file(&link, "remove it"))?;
        }
        edge::file::sync_directory(&self.directory)
            .map_err(|e| HandError::file(&self.directory, "sync it")(e.source))
    }

    /// `nix-env` takes the same lock.
    fn lock(&self) -> Result<edge::file::Lock, HandError> {
        let path = self.directory.join("system.lock");
        edge::file::lock(&path)
            .map_err(|e| HandError::file(&path, "lock it: somebody changes the profile")(e.source))
    }
}

/// Of `system-42-link`, 42. Only in its one spelling.
fn number(name: &str) -> Option<u64> {
    let digits = name.strip_prefix("system-")?.strip_suffix("-link")?;
    digits.parse::<u64>().ok().filter(|n| n.to_string() == digits)
}
