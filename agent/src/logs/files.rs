//! Log files: every text file with a log's name in the followed directories, through rotation by rename, by copy and truncation, and across
//! restarts.

use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};

use super::followed::Followed;
use super::{NoLogs, Reading};
use crate::thread::{Stop, Woken};

/// Writes that come together are read together.
const SETTLE: Duration = Duration::from_millis(30);
/// Looked at without being told, in case the kernel dropped an event.
const IDLE: Duration = Duration::from_secs(30);
/// With positions to be written, or renamed files to let go of.
const RESTLESS: Duration = Duration::from_secs(5);

/// `root` and the directories right below it, without the journal's own.
pub fn below(root: &Path) -> Vec<PathBuf> {
    let mut directories = vec![root.to_owned()];
    if let Ok(entries) = std::fs::read_dir(root) {
        let directory =
            |e: &std::fs::DirEntry| e.file_type().is_ok_and(|t| t.is_dir()) && e.file_name() != "journal";
        directories.extend(entries.flatten().filter(directory).map(|e| e.path()));
    }
    directories.sort();
    directories
}

/// Follows the log files in `directories` until told to stop. `positions` is where their places are kept.
pub fn follow(
    directories: &[PathBuf],
    positions: &Path,
    reading: &mut Reading,
    stop: &Stop,
) -> Result<(), NoLogs> {
    let refused = |e: rustix::io::Errno| NoLogs::Refused(e.to_string());
    let events = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).map_err(refused)?;
    let mask =
        WatchFlags::MODIFY | WatchFlags::CREATE | WatchFlags::MOVE | WatchFlags::DELETE | WatchFlags::ONLYDIR;
    for directory in directories {
        // One that cannot be watched is still looked at now and then.
        let _ = inotify::add_watch(&events, directory, mask);
    }
    let mut files = Followed::resume(directories, positions, reading);
    files.pass(reading);
    files.store();
    if files.len() == 0 {
        let list: Vec<_> = directories.iter().map(|d| d.display().to_string()).collect();
        return Err(NoLogs::NothingReadable(list.join(", ")));
    }
    reading.tailing(format!("{} files", files.len()), files.len());
    loop {
        match stop.wait(Some(&events), if files.is_restless() { RESTLESS } else { IDLE }) {
            Woken::Stopped => {
                files.end(reading);
                return Ok(());
            }
            Woken::Readable => {
                std::thread::sleep(SETTLE);
                discard(&events);
            }
            Woken::Nothing => {}
        }
        files.go_round(reading);
    }
}

/// Events only say that there is something to look at: a pass over a few dozen files costs less than telling them apart.
fn discard(events: &OwnedFd) {
    let mut buffer = [MaybeUninit::uninit(); 16 * 1024];
    let mut reader = inotify::Reader::new(events, &mut buffer);
    while reader.next().is_ok() {}
}
