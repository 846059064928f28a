//! Encryption of file systems and swap.

use std::cell::OnceCell;

use contract::fact::{Absence, FactValue, Observation};

use super::FactSource;
use super::devices::{is_encrypted_mount, is_encrypted_path};
use super::mounts::{self, Mount};
use crate::config::Config;
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

impl FactSource for Disk<'_> {
    fn read(&self, name: &str) -> Observation {
        match name {
            "root_encrypted" => self.root_encrypted(),
            "unencrypted_filesystems" => self.unencrypted_filesystems(),
            "unencrypted_swaps" => self.unencrypted_swaps(),
            _ => Err(Absence::Unsupported),
        }
    }
}
