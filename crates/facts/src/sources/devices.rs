//! Whether a block device is encrypted: from the device mapper's marks in `/sys`, through every layer below it.
//!
//! Drives that encrypt themselves say nothing of it here and count as not encrypted.

use std::fs;
use std::path::{Path, PathBuf};

use contract::fact::Absence;

use super::mounts::Mount;
use crate::root::Root;

/// Layers of mappers on mappers. Nobody stacks more; a loop in `/sys` would.
const DEPTH_MAX: u8 = 8;

/// True where all that `mount` stores is encrypted by the device mapper. `DoesNotApply` where no device stands behind it.
pub(super) fn is_encrypted_mount(root: &Root, mount: &Mount) -> Result<bool, Absence> {
    match mount.kind.as_str() {
        "tmpfs" | "ramfs" | "rootfs" | "overlay" | "9p" | "virtiofs" => return Err(Absence::DoesNotApply),
        // They encrypt, or do not, by themselves.
        "zfs" | "bcachefs" | "nfs" | "nfs4" | "cifs" => return Err(Absence::Unsupported),
        _ => {}
    }
    let named = format!("/sys/dev/block/{}", mount.device);
    if mount.device.starts_with("0:") {
        is_encrypted_path(root, &mount.source)
    } else {
        is_encrypted(root, Path::new(&named), 0)
    }
}

/// The same for a device's path, such as `/dev/mapper/swap`.
pub(super) fn is_encrypted_path(root: &Root, device: &str) -> Result<bool, Absence> {
    let real = fs::canonicalize(root.path(device)).unwrap_or_else(|_| PathBuf::from(device));
    let name = real.file_name().and_then(|n| n.to_str()).ok_or(Absence::Malformed)?;
    is_encrypted(root, &Path::new("/sys/class/block").join(name), 0)
}

fn is_encrypted(root: &Root, device: &Path, depth: u8) -> Result<bool, Absence> {
    if depth > DEPTH_MAX {
        return Err(Absence::Malformed);
    }
    // A device that the kernel does not list was not looked at: never taken for a plain one.
    if fs::metadata(root.path(device)).is_err() {
        return Err(Absence::Unreadable);
    }
    if root.optional_text(device.join("dm/uuid"))?.is_some_and(|uuid| uuid.starts_with("CRYPT-")) {
        return Ok(true);
    }
    let below = root.names(device.join("slaves"))?;
    for name in &below {
        if !is_encrypted(root, &device.join("slaves").join(name), depth + 1)? {
            return Ok(false);
        }
    }
    if !below.is_empty() {
        return Ok(true);
    }
    // A partition is as encrypted as the whole it lies on.
    if root.has(device.join("partition"))? {
        let real = fs::canonicalize(root.path(device)).map_err(|e| root.absence(&e))?;
        let whole = real.parent().and_then(Path::file_name).ok_or(Absence::Malformed)?;
        return is_encrypted(root, &Path::new("/sys/class/block").join(whole), depth + 1);
    }
    Ok(false)
}
