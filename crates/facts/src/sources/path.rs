//! Owner and mode of a path, and how much below `/etc` anyone may write.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use contract::allowlist::Allowlist;
use contract::fact::{Absence, Observation};

use super::{FactSource, setuid};
use crate::config::Config;
use crate::inputs::{self, Input};
use crate::root::{Root, count, permissions};

/// Far more than any `/etc` holds.
const ENTRIES_MAX: usize = 50_000;

/// Paths.
pub(crate) struct Path<'a> {
    root: &'a Root,
    allowed: &'a Result<Allowlist, Absence>,
}

impl<'a> Path<'a> {
    pub(crate) const fn new(config: &'a Config) -> Self {
        Self { root: &config.root, allowed: &config.allowed }
    }

    /// Links are not followed. One into the Nix store is declared by the generation, and what it names can be written by nobody, root included.
    fn permissions(&self, path: &str) -> Observation {
        let metadata = self.root.lstat(path)?;
        if metadata.is_symlink() {
            let real = fs::canonicalize(self.root.path(path)).map_err(|e| self.root.absence(&e))?;
            let store = fs::canonicalize(self.root.path("/nix/store"));
            if store.is_ok_and(|store| real.starts_with(store)) {
                return Err(Absence::DoesNotApply);
            }
        }
        Ok(permissions(&metadata))
    }

    /// Files and directories that anyone may write, without the sticky ones, where nobody can replace what is another's.
    fn world_writable_in_etc(&self) -> Observation {
        let mut directories = vec![self.root.path("/etc")];
        let (mut open, mut entries) = (0, 0);
        while let Some(directory) = directories.pop() {
            for entry in fs::read_dir(&directory).map_err(|e| self.root.absence(&e))? {
                let entry = entry.map_err(|e| self.root.absence(&e))?;
                // Something may vanish between its listing and our look: then it is not open either.
                let Ok(metadata) = entry.metadata() else { continue };
                entries += 1;
                if entries > ENTRIES_MAX {
                    return Err(Absence::TimedOut);
                }
                let is_open = metadata.mode() & 0o002 != 0 && metadata.mode() & 0o1000 == 0;
                open += usize::from(is_open && !metadata.is_symlink());
                if metadata.is_dir() {
                    directories.push(entry.path());
                }
            }
        }
        count(open)
    }
}

impl FactSource for Path<'_> {
    fn read(&self, name: &str) -> Observation {
        match name {
            "world_writable_in_etc" => self.world_writable_in_etc(),
            "unlisted_setuid_files" => {
                let list = self.allowed.as_ref().map_err(|absence| *absence)?;
                setuid::unlisted(self.root, list.setuid.as_ref().ok_or(Absence::NotDeclared)?)
            }
            path if path.starts_with('/') => self.permissions(path),
            _ => Err(Absence::Unsupported),
        }
    }

    fn inputs(&self, name: &str) -> Vec<Input> {
        match name {
            "unlisted_setuid_files" => setuid::inputs(self.root),
            "world_writable_in_etc" => vec![Input::Places(self.root.path("/etc"))],
            path if path.starts_with('/') => inputs::places(self.root, [path]),
            _ => Vec::new(),
        }
    }
}
