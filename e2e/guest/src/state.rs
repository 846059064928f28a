//! What goes by a guest's name on this machine, and how it is removed: by whoever booted it, or, where that was killed, at the next boot.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::cgroup;

/// Where each guest has a directory, named as the guest, for as long as there is anything of it.
pub(crate) const STATE: &str = "/run/suture-guest";

/// The directory of one guest and all that goes by its name.
#[derive(Debug)]
pub(crate) struct State {
    name: String,
    dir: PathBuf,
}

impl State {
    pub(crate) fn new() -> io::Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let pid = std::process::id();
        let start = start_of(pid).ok_or_else(|| io::Error::other("this process has no start time"))?;
        let name = format!("sg-{pid}-{start}-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let dir = Path::new(STATE).join(&name);
        fs::create_dir_all(&dir)?;
        Ok(Self { name, dir })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn console(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.dir.join("console")).unwrap_or_default()).into_owned()
    }
}

impl Drop for State {
    fn drop(&mut self) {
        sweep(&self.name);
    }
}

/// Ends and removes all that goes by this name.
fn sweep(name: &str) {
    cgroup::end(name);
    let _ = fs::remove_dir(Path::new("/run/systemd/nspawn/propagate").join(name));
    let _ = fs::remove_dir_all(Path::new(STATE).join(name));
}

/// Removes what killed test processes left.
pub(crate) fn sweep_dead() {
    for entry in fs::read_dir(STATE).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let parts: Vec<u64> = name.split('-').skip(1).filter_map(|p| p.parse().ok()).collect();
        let &[pid, start, _] = parts.as_slice() else { continue };
        if u32::try_from(pid).ok().and_then(start_of) != Some(start) {
            sweep(&name);
        }
    }
}

/// When a process began, in the kernel's ticks: with its number, this names it for good.
fn start_of(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(19)?.parse().ok()
}
