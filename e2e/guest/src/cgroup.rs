//! A guest's own cgroups, in version 2's hierarchy and, where this machine still has it, in systemd's of version 1. Whatever runs in a guest is
//! in them, so that all of it can be ended and counted.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Where this machine has cgroups for itself: version 2 first.
fn hierarchies() -> io::Result<Vec<PathBuf>> {
    let base = Path::new("/sys/fs/cgroup");
    if base.join("cgroup.procs").exists() {
        return Ok(vec![base.to_owned()]);
    }
    let found: Vec<_> = ["unified", "systemd"]
        .iter()
        .map(|name| base.join(name))
        .filter(|dir| dir.join("cgroup.procs").exists())
        .collect();
    match found.first() {
        Some(first) if first.ends_with("unified") => Ok(found),
        _ => Err(io::Error::other("no cgroup version 2 below /sys/fs/cgroup")),
    }
}

/// The cgroups of one guest, by its name; version 2's first.
pub(crate) fn make(name: &str) -> io::Result<Vec<PathBuf>> {
    let made: Vec<_> = hierarchies()?.into_iter().map(|h| h.join(name)).collect();
    for dir in &made {
        fs::create_dir(dir)?;
    }
    Ok(made)
}

/// Where the guest's init stands in version 2's hierarchy: the root of what the guest sees.
pub(crate) fn root_of(init: u32) -> io::Result<PathBuf> {
    let text = fs::read_to_string(format!("/proc/{init}/cgroup"))?;
    let line = text.lines().find_map(|l| l.strip_prefix("0::/"));
    let path = line.ok_or_else(|| io::Error::other(format!("the guest's init has no cgroup: {text}")))?;
    let mut roots = hierarchies()?;
    Ok(roots.swap_remove(0).join(path.strip_suffix("/init.scope").unwrap_or(path)))
}

/// Ends all that runs in a guest, waits until it has ended, and removes the cgroups. What is not there is fine.
pub(crate) fn end(name: &str) {
    let Ok(all) = hierarchies() else { return };
    let limit = Instant::now() + Duration::from_secs(10);
    let _ = fs::write(all[0].join(name).join("cgroup.kill"), "1");
    for dir in all.iter().map(|h| h.join(name)) {
        // A process that is being ended holds its cgroup for a moment longer.
        while remove(&dir).is_err_and(|e| e.kind() != io::ErrorKind::NotFound) && Instant::now() < limit {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// From the leaves upwards: a cgroup with children cannot be removed.
fn remove(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove(&entry.path())?;
        }
    }
    fs::remove_dir(dir)
}
