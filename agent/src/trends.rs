//! How full the machine's file systems are, each minute, for the detectors that look at measures.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use crate::deliver::Incidents;
use crate::detectors::{DiskUse, Trends};
use crate::logs::Pulse;
use crate::looks::Looks;
use crate::signals;
use crate::unwritten::Unwritten;

const EACH: Duration = Duration::from_secs(60);
const MOUNTS: &str = "/proc/self/mountinfo";
const MOUNTS_BYTES_MAX: u64 = 1 << 20;
/// File systems that lie on a disk of this machine: asking another for its size may never end.
const ON_DISK: [&str; 11] =
    ["ext2", "ext3", "ext4", "xfs", "btrfs", "bcachefs", "f2fs", "zfs", "vfat", "exfat", "ntfs3"];

/// One file system as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Full {
    mount: String,
    used: u64,
    size: u64,
}

/// Measures until the process stops.
pub async fn follow(
    mut trends: Trends,
    incidents: Incidents,
    looks: Looks,
    unwritten: Unwritten,
    pulse: Pulse,
) {
    let mut each = interval(EACH);
    each.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        each.tick().await;
        // A disk that does not answer holds a thread of its own, and nothing else.
        let all = tokio::task::spawn_blocking(measure).await.unwrap_or_default();
        pulse.measured(!all.is_empty());
        let now = edge::clock::mono();
        for Full { mount, used, size } in all {
            for signal in trends.measured(DiskUse { mount: mount.as_bytes(), used, size }, now) {
                pulse.fired(&signal.detector);
                signals::take(signal, &incidents, &looks, &unwritten).await;
            }
        }
    }
}

fn measure() -> Vec<Full> {
    let Ok(text) = edge::file::read_text(MOUNTS.as_ref(), MOUNTS_BYTES_MAX) else { return Vec::new() };
    let size = |mount: String| {
        let found = rustix::fs::statvfs(mount.as_str()).ok()?;
        let used = found.f_blocks.saturating_sub(found.f_bfree);
        // What is set aside for root is full for everybody else.
        let usable = used.saturating_add(found.f_bavail);
        let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
        Some(Full { mount, used: bytes(used), size: bytes(usable) })
    };
    mounts(&text).into_iter().filter_map(size).collect()
}

/// The mount points of `text`, each file system once.
fn mounts(text: &str) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mount = |line: &str| {
        let (before, after) = line.split_once(" - ")?;
        let mut fields = before.split(' ').skip(2);
        let (device, _, mount) = (fields.next()?, fields.next()?, fields.next()?);
        let on_disk = ON_DISK.contains(&after.split(' ').next()?);
        // A blank in a path is written as \040; such a one is left out rather than asked for under a wrong name.
        (on_disk && !mount.contains('\\') && seen.insert(device.to_owned())).then(|| mount.to_owned())
    };
    text.lines().filter_map(mount).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_file_system_on_a_disk_is_measured_once() {
        let text = "22 1 8:2 / / rw,relatime shared:1 - ext4 /dev/sda2 rw\n\
                    23 22 0:21 / /proc rw - proc proc rw\n\
                    24 22 8:2 /srv /srv rw - ext4 /dev/sda2 rw\n\
                    25 22 8:1 / /boot/efi rw - vfat /dev/sda1 rw\n\
                    26 22 0:40 / /mnt/far rw - nfs4 far:/x rw\n\
                    27 22 8:3 / /a\\040b rw - xfs /dev/sda3 rw\n\
                    nonsense\n";
        assert_eq!(mounts(text), ["/", "/boot/efi"]);
    }
}
