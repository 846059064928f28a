//! The units of systemd that no generation of NixOS declares: counted, never named.
//!
//! A generation carries all its units in one directory of the store. What systemd reads from there is declared; what it reads from beside it (an
//! override by hand, a unit that masks one, a drop-in that was linked into `/run`) is not, and neither is a copy in `/etc` that says something else.
//!
//! Left out is what lasts no longer than what it runs, and is made by systemd itself out of what was declared or asked of it: the units of its own
//! generators, and transient ones, as which sessions, `nixos-rebuild` and our own steps run.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use contract::fact::{Absence, Observation};

use super::nixos::RUNNING;
use crate::inputs::{self, Input};
use crate::root::{Root, count};

/// Where systemd reads what `/etc` declares, units and what makes further ones; and below the running generation, what was declared.
const DECLARED: [&str; 2] = ["/etc/systemd/system", "/etc/systemd/system-generators"];
/// Where systemd reads units too (`systemd-analyze unit-paths`, and NixOS's own addition), and no generation puts any.
const BESIDE: [&str; 8] = [
    "/etc/systemd/system.control",
    "/etc/systemd/system.attached",
    "/run/systemd/system.control",
    "/run/systemd/system.attached",
    "/run/systemd/system",
    "/run/systemd/system-generators",
    "/usr/local/lib/systemd/system",
    "/nix/var/nix/profiles/default/lib/systemd/system",
];
/// Far more than a machine has.
const ENTRIES_MAX: usize = 50_000;
/// A drop-in lies one directory down; nothing that systemd reads lies deeper.
const DEPTH_MAX: usize = 2;

/// How many units, drop-ins and links are there that the running generation does not declare, say something else than it declares, or are missing.
pub(super) fn undeclared(root: &Root) -> Observation {
    let mut looked = Looked { root, entries: 0 };
    // Without a single declared unit this is no generation of NixOS, and to agree with it says nothing.
    if looked.names(&root.path(format!("{RUNNING}{}", DECLARED[0])))?.is_empty() {
        return Err(Absence::NotInstalled);
    }
    let mut undeclared = 0;
    for at in DECLARED {
        undeclared += looked.differing(&root.path(at), &root.path(format!("{RUNNING}{at}")), DEPTH_MAX)?;
    }
    for at in BESIDE {
        undeclared += looked.leaves(&root.path(at), DEPTH_MAX)?;
    }
    count(undeclared)
}

/// What the count hangs on.
pub(super) fn inputs(root: &Root) -> Vec<Input> {
    let of_etc = DECLARED
        .iter()
        .flat_map(|at| [Input::Files(root.path(at)), Input::Files(root.path(format!("{RUNNING}{at}")))]);
    let beside = BESIDE.iter().map(|at| Input::Files(root.path(at)));
    [inputs::files(root, [RUNNING]), of_etc.chain(beside).collect()].concat()
}

struct Looked<'a> {
    root: &'a Root,
    entries: usize,
}

/// What an entry comes to, wherever its links lead.
#[derive(PartialEq, Eq)]
enum Kind {
    Nothing,
    Directory(PathBuf),
    File(PathBuf),
    /// A device, such as `/dev/null`, by which a unit is masked.
    Special,
    /// A link that leads nowhere. systemd takes its name for a dependency all the same.
    Dangling(PathBuf),
}

impl Kind {
    fn directory(&self) -> Option<&Path> {
        match self {
            Self::Directory(at) => Some(at),
            Self::Nothing | Self::File(_) | Self::Special | Self::Dangling(_) => None,
        }
    }

    fn file(&self) -> Option<&Path> {
        match self {
            Self::File(at) => Some(at),
            Self::Nothing | Self::Directory(_) | Self::Special | Self::Dangling(_) => None,
        }
    }
}

impl Looked<'_> {
    fn differing(&mut self, here: &Path, declared: &Path, depth: usize) -> Result<usize, Absence> {
        let (here, declared) = (self.kind(here)?, self.kind(declared)?);
        if here == declared {
            return Ok(0);
        }
        match (here.directory(), declared.directory()) {
            (Some(here), Some(declared)) if depth > 0 => {
                let names: BTreeSet<OsString> =
                    self.names(here)?.into_iter().chain(self.names(declared)?).collect();
                names.iter().try_fold(0, |sum, name| {
                    Ok(sum + self.differing(&here.join(name), &declared.join(name), depth - 1)?)
                })
            }
            (Some(only), None) if declared == Kind::Nothing => self.leaves(only, depth),
            (None, Some(only)) if here == Kind::Nothing => self.leaves(only, depth),
            (_, _) => match (here.file(), declared.file()) {
                (Some(here), Some(declared)) => {
                    Ok(usize::from(self.root.bytes_at(here)? != self.root.bytes_at(declared)?))
                }
                (_, _) => Ok(1),
            },
        }
    }

    /// How many entries that are no directories lie at and below `at`. A directory too deep for systemd to read is one.
    fn leaves(&mut self, at: &Path, depth: usize) -> Result<usize, Absence> {
        match self.kind(at)? {
            Kind::Nothing => Ok(0),
            Kind::Directory(at) if depth > 0 => {
                let names = self.names(&at)?;
                names.iter().try_fold(0, |sum, name| Ok(sum + self.leaves(&at.join(name), depth - 1)?))
            }
            Kind::Directory(at) => Ok(usize::from(!self.names(&at)?.is_empty())),
            Kind::File(_) | Kind::Special | Kind::Dangling(_) => Ok(1),
        }
    }

    fn kind(&self, at: &Path) -> Result<Kind, Absence> {
        let link = match fs::symlink_metadata(at) {
            Ok(metadata) => metadata.is_symlink(),
            Err(error) => {
                return self.unless_nothing(&error, Kind::Nothing);
            }
        };
        let real = match fs::canonicalize(at) {
            Ok(real) => real,
            Err(error) if link => {
                let to = fs::read_link(at).map_err(|e| self.root.absence(&e))?;
                return self.unless_nothing(&error, Kind::Dangling(to));
            }
            Err(error) => return self.unless_nothing(&error, Kind::Nothing),
        };
        let metadata = fs::metadata(&real).map_err(|e| self.root.absence(&e))?;
        Ok(match metadata.file_type() {
            kind if kind.is_dir() => Kind::Directory(real),
            kind if kind.is_file() => Kind::File(real),
            _ => Kind::Special,
        })
    }

    fn unless_nothing(&self, error: &std::io::Error, nothing: Kind) -> Result<Kind, Absence> {
        match self.root.absence(error) {
            Absence::NotInstalled => Ok(nothing),
            absence => Err(absence),
        }
    }

    fn names(&mut self, directory: &Path) -> Result<Vec<OsString>, Absence> {
        let listed = match fs::read_dir(directory) {
            Ok(listed) => listed,
            Err(error) => return self.unless_nothing(&error, Kind::Nothing).map(|_| Vec::new()),
        };
        let names: Result<Vec<_>, _> = listed.map(|entry| Ok(entry?.file_name())).collect();
        let names = names.map_err(|e: std::io::Error| self.root.absence(&e))?;
        self.entries += names.len();
        if self.entries > ENTRIES_MAX { Err(Absence::TimedOut) } else { Ok(names) }
    }
}
