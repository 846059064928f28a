//! Encryption of file systems and swap, and how full they are.

use std::cell::OnceCell;
use std::io;
use std::path::Path;

use contract::fact::{Absence, FactValue, Observation};

use super::FactSource;
use super::devices::{is_encrypted_mount, is_encrypted_path};
use super::mounts::{self, Mount};
use crate::config::Config;
use crate::inputs::{Input, MINUTE};
use crate::root::{Root, count};

/// Where boot loaders need plain files. Nothing else may be written there, so nothing else is stored there in the clear.
const BOOT: [&str; 4] = ["/boot", "/boot/efi", "/boot/firmware", "/efi"];

/// Disks and swap.
pub(crate) struct Disk<'a> {
    root: &'a Root,
    mounts: OnceCell<Result<Vec<Mount>, Absence>>,
}

impl<'a> Disk<'a> {
    pub(crate) fn new(config: &'a Config) -> Self {
        Self { root: &config.root, mounts: OnceCell::new() }
    }

    fn mounts(&self) -> Result<&[Mount], Absence> {
        self.mounts.get_or_init(|| mounts::mounts(self.root)).as_deref().map_err(|a| *a)
    }

    fn root_encrypted(&self) -> Observation {
        let mount = mounts::at(self.mounts()?, "/").ok_or(Absence::Malformed)?;
        is_encrypted_mount(self.root, mount).map(FactValue::Flag)
    }

    /// Writable file systems on a block device that is not encrypted, each device once.
    fn unencrypted_filesystems(&self) -> Observation {
        let mut plain = Vec::new();
        let mut assessed = false;
        for mount in self.mounts()? {
            let from_device = !mount.device.starts_with("0:") || mount.source.starts_with("/dev/");
            if !from_device || mount.is_read_only || BOOT.contains(&mount.at.as_str()) {
                continue;
            }
            assessed = true;
            if !plain.contains(&&mount.device) && !is_encrypted_mount(self.root, mount)? {
                plain.push(&mount.device);
            }
        }
        if assessed { count(plain.len()) } else { Err(Absence::DoesNotApply) }
    }

    /// Memory that is only compressed (`zram`) never reaches a disk and is left out.
    fn unencrypted_swaps(&self) -> Observation {
        let text = self.root.text("/proc/swaps")?;
        let mut lines = text.lines();
        if !lines.next().is_some_and(|header| header.starts_with("Filename")) {
            return Err(Absence::Malformed);
        }
        let mut plain = 0;
        for line in lines {
            let mut fields = line.split_whitespace();
            let (Some(path), Some(kind)) = (fields.next(), fields.next()) else {
                return Err(Absence::Malformed);
            };
            let encrypted = match kind {
                "partition" => path.starts_with("/dev/zram") || is_encrypted_path(self.root, path)?,
                "file" => {
                    let mount = mounts::holding(self.mounts()?, path).ok_or(Absence::Malformed)?;
                    is_encrypted_mount(self.root, mount)?
                }
                _ => return Err(Absence::Malformed),
            };
            plain += usize::from(!encrypted);
        }
        count(plain)
    }
}

impl Disk<'_> {
    /// Of the writable file systems on a device of this machine, how full the fullest is: of bytes or of inodes, whichever is nearer its end.
    fn fullest_percent(&self) -> Observation {
        let (all, own) = (self.mounts()?, mounts::own(self.root)?);
        let mut fullest = None;
        for mount in all {
            let from_device = !mount.device.starts_with("0:") || mount.source.starts_with("/dev/");
            if !from_device || mount.is_read_only || BOOT.contains(&mount.at.as_str()) {
                continue;
            }
            if mounts::at(all, &mount.at).is_none_or(|youngest| youngest.device != mount.device) {
                // Another one lies on top of it.
                continue;
            }
            // Hidden from us, something else stands at its place, and whether it is full nobody here can see.
            if mounts::at(&own, &mount.at).is_none_or(|seen| seen.device != mount.device) {
                return Err(Absence::NeedsRoot);
            }
            let path = self.root.path(&mount.at);
            // A file in the place of a directory: a container's own `/etc/hosts` and the like, on somebody else's file system.
            if path.is_file() {
                continue;
            }
            fullest = fullest.max(filled_percent(&path).map_err(|e| self.root.absence(&e))?);
        }
        let percent = fullest.ok_or(Absence::DoesNotApply)?;
        i64::try_from(percent).map(FactValue::Number).map_err(|_| Absence::Malformed)
    }
}

/// How full the file system is that holds `path`, in percent: of bytes or of inodes, whichever is nearer its end; none where it counts neither.
pub fn filled_percent(path: &Path) -> io::Result<Option<u64>> {
    let fs = rustix::fs::statvfs(path)?;
    let bytes = used_percent(fs.f_blocks, fs.f_bfree, fs.f_bavail);
    Ok(bytes.max(used_percent(fs.f_files, fs.f_ffree, fs.f_favail)))
}

/// As df(1) counts: what is used, of that and what is still to be had, rounded up. None where there is nothing to be had at all: such a file
/// system counts its inodes, or its blocks, in another way.
fn used_percent(all: u64, free: u64, available: u64) -> Option<u64> {
    let used = all.checked_sub(free)?;
    let whole = used.checked_add(available).filter(|whole| *whole > 0)?;
    Some(used.saturating_mul(100).div_ceil(whole))
}

impl FactSource for Disk<'_> {
    fn read(&self, name: &str) -> Observation {
        match name {
            "fullest_percent" => self.fullest_percent(),
            "root_encrypted" => self.root_encrypted(),
            "unencrypted_filesystems" => self.unencrypted_filesystems(),
            "unencrypted_swaps" => self.unencrypted_swaps(),
            _ => Err(Absence::Unsupported),
        }
    }

    /// Nothing announces that room runs out. What lies below a mount cannot change while it is mounted, and a swap is announced when it is turned on.
    fn inputs(&self, name: &str) -> Vec<Input> {
        match name {
            "fullest_percent" => vec![Input::Mounts, Input::Every(MINUTE)],
            "root_encrypted" | "unencrypted_filesystems" => vec![Input::Mounts],
            "unencrypted_swaps" => vec![Input::Swaps, Input::Mounts],
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_system_is_as_full_as_df_says() {
        // What root alone may use is neither used nor to be had.
        assert_eq!(used_percent(100, 20, 15), Some(85));
        assert_eq!(used_percent(1000, 999, 999), Some(1));
        assert_eq!(used_percent(100, 0, 0), Some(100));
        for odd in [(0, 0, 0), (10, 11, 11), (10, 10, 0)] {
            assert_eq!(used_percent(odd.0, odd.1, odd.2), None, "{odd:?}");
        }
    }
}
