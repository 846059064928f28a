//! What a fact hangs on: where one of these changes, the fact is looked at again, and at no other change.
//!
//! Each source declares the inputs of its facts beside the code that reads them. A declaration that leaves something out makes a drift late (the hourly
//! full look still finds it), never wrong; the tests of the sources hold every file that they lay out against it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::root::Root;

/// One thing that a fact hangs on. Paths are where the files really lie, with the reader's root before them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Input {
    /// That something stands at this path, its owner and its mode. Not what is in it.
    Place(PathBuf),
    /// The same of a directory whose parent may be closed to whoever watches.
    Directory(PathBuf),
    /// A file and what is in it.
    File(PathBuf),
    /// The entries of a directory and what is in them, but nothing deeper.
    Entries(PathBuf),
    /// Everything below a directory: that it stands there, its owner and its mode.
    Places(PathBuf),
    /// Everything below a directory, and what is in it.
    Files(PathBuf),
    /// The state of this unit of systemd's.
    Unit(String),
    /// The state of any unit.
    Units,
    /// The mounts.
    Mounts,
    /// The swaps.
    Swaps,
    /// Which sockets listen.
    Sockets,
    /// The packet filter's rules.
    Firewall,
    /// The kernel's rules of what is audited, and whether it is.
    Audit,
    /// A kernel parameter, as a file of `/proc/sys`. Whoever has another mount of procfs, as a confined service has, is announced nothing.
    Parameter(PathBuf),
    /// Whether all processes of a control group stand still: its `cgroup.procs`.
    Processes(PathBuf),
    /// The wall clock was set, or what keeps it was changed.
    Clock,
    /// Something that nothing announces, or mere time: looked at again this often.
    Every(Duration),
}

/// For what changes by the minute.
pub(crate) const MINUTE: Duration = Duration::from_secs(60);
/// For what the kernel announces to root alone: somebody who may not hear of it has it looked at this often.
pub(crate) const UNHEARD: Duration = Duration::from_secs(5 * 60);
/// For what changes by the hour or the day.
pub(crate) const HOUR: Duration = Duration::from_secs(60 * 60);

/// Files below `root`, and what is in them.
pub(crate) fn files<P: AsRef<Path>>(root: &Root, paths: impl IntoIterator<Item = P>) -> Vec<Input> {
    paths.into_iter().map(|path| Input::File(root.path(path))).collect()
}

/// Paths below `root`, by their being there, their owner and their mode.
pub(crate) fn places<P: AsRef<Path>>(root: &Root, paths: impl IntoIterator<Item = P>) -> Vec<Input> {
    paths.into_iter().map(|path| Input::Place(root.path(path))).collect()
}

/// Directories below `root`, each with what is in its entries.
pub(crate) fn entries<P: AsRef<Path>>(root: &Root, paths: impl IntoIterator<Item = P>) -> Vec<Input> {
    paths.into_iter().map(|path| Input::Entries(root.path(path))).collect()
}
