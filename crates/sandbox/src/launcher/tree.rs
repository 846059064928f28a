//! The step's files: a new root with the system's programs, what was declared, and nothing else.
//!
//! `/run` is empty and the step's own, so that no path leads to a socket of systemd or D-Bus, which Landlock would not stop; daemons that test their
//! settings write their process numbers there. `/sys` is not there; `/proc` shows the step's own processes and is read-only, because root may write
//! most of `/proc/sys` without any capability.

use std::fs::{self, DirBuilder};
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountFlags, MountPropagationFlags, MoveMountFlags,
    OpenTreeFlags, UnmountFlags, fsconfig_create, fsconfig_set_string, fsmount, fsopen, mount_change,
    mount_remount, move_mount, open_tree, unmount,
};

use super::{At, Failure};
use crate::channel::Order;
use crate::confinement::SYSTEM;
use crate::kernel;

/// Where the new root hangs until it is the root.
const ROOT: &str = "/tmp";
/// What every program expects of `/dev`.
pub(super) const DEVICES: [&str; 5] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"];
/// The process limit of a tree counts from here once numbers have been used up (the kernel's `RESERVED_PIDS`).
const RESERVED_PIDS: u32 = 300;

const READ_ONLY: MountAttrFlags = MountAttrFlags::MOUNT_ATTR_RDONLY
    .union(MountAttrFlags::MOUNT_ATTR_NOSUID)
    .union(MountAttrFlags::MOUNT_ATTR_NODEV);
const WRITABLE: MountAttrFlags = MountAttrFlags::MOUNT_ATTR_NOEXEC
    .union(MountAttrFlags::MOUNT_ATTR_NOSUID)
    .union(MountAttrFlags::MOUNT_ATTR_NODEV);
const DEVICE: MountAttrFlags = MountAttrFlags::MOUNT_ATTR_NOEXEC.union(MountAttrFlags::MOUNT_ATTR_NOSUID);

/// Something to be put into the new root.
enum Piece {
    Tree { at: PathBuf, mount: OwnedFd, directory: bool },
    Link { at: PathBuf, to: PathBuf },
}

/// Makes the new root and moves into it.
pub(super) fn build(order: &Order) -> Result<(), Failure> {
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC).at("private mounts")?;
    // All that is taken over is opened before the new root covers any of it.
    let pieces = pieces(order)?;
    let root = tmpfs("0755", "4m", MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV)?;
    attach(&root, Path::new(ROOT))?;
    for directory in ["/proc", "/dev", "/dev/shm", "/tmp", "/run"] {
        make_directory(Path::new(directory))?;
    }
    let size = (order.confinement.limits.memory_bytes / 2).to_string();
    for scratch in ["/tmp", "/dev/shm"] {
        attach(&tmpfs("1777", &size, WRITABLE)?, &inside(Path::new(scratch)))?;
    }
    attach(&tmpfs("0755", "1m", WRITABLE)?, &inside(Path::new("/run")))?;
    attach(&proc(order)?, &inside(Path::new("/proc")))?;
    for (name, to) in [("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")] {
        symlink(format!("/proc/self/fd{to}"), inside(Path::new("/dev")).join(name)).at("/dev")?;
    }
    for piece in pieces {
        put(piece)?;
    }
    hide(order)?;
    enter()
}

fn pieces(order: &Order) -> Result<Vec<Piece>, Failure> {
    let confinement = &order.confinement;
    let mut pieces = Vec::new();
    for system in SYSTEM.iter().map(Path::new) {
        match fs::symlink_metadata(system) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
            Err(e) => return Err(e).at(&system.display().to_string()),
            Ok(about) if about.is_symlink() => {
                let to = fs::read_link(system).at(&system.display().to_string())?;
                pieces.push(Piece::Link { at: system.to_owned(), to });
            }
            Ok(_) => pieces.push(taken(system, READ_ONLY)?),
        }
    }
    for device in DEVICES {
        pieces.push(taken(Path::new(device), DEVICE)?);
    }
    let mut declared: Vec<_> = confinement.read_only.iter().map(|path| (path, READ_ONLY)).collect();
    declared.extend(confinement.writable.iter().map(|path| (path, WRITABLE)));
    let system = |path: &Path| SYSTEM.iter().any(|tree| path.starts_with(tree));
    if !system(&order.path) && !confinement.read_only.iter().any(|tree| order.path.starts_with(tree)) {
        declared.push((&order.path, READ_ONLY));
    }
    // What lies deeper comes later, and so on top.
    declared.sort_by_key(|(path, _)| path.components().count());
    for (path, attributes) in declared {
        pieces.push(taken(path, attributes)?);
    }
    Ok(pieces)
}

/// A copy of what is mounted at and below a path that goes through no link.
fn taken(path: &Path, attributes: MountAttrFlags) -> Result<Piece, Failure> {
    let place = path.display().to_string();
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let source = openat2(CWD, path, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS).at(&place)?;
    let about = rustix::fs::fstat(&source).at(&place)?;
    let directory = rustix::fs::FileType::from_raw_mode(about.st_mode).is_dir();
    let mut tree =
        OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_EMPTY_PATH;
    if directory {
        tree |= OpenTreeFlags::AT_RECURSIVE;
    }
    let mount = open_tree(&source, "", tree).at(&place)?;
    kernel::set_mount_attributes(mount.as_fd(), attributes.bits().into()).at(&place)?;
    Ok(Piece::Tree { at: path.to_owned(), mount, directory })
}

fn put(piece: Piece) -> Result<(), Failure> {
    match piece {
        Piece::Link { at, to } => {
            make_directory(at.parent().unwrap_or(&at))?;
            symlink(to, inside(&at)).at(&at.display().to_string())
        }
        Piece::Tree { at, mount, directory: true } => {
            make_directory(&at)?;
            attach(&mount, &inside(&at))
        }
        Piece::Tree { at, mount, directory: false } => {
            let target = inside(&at);
            if !target.exists() {
                make_directory(at.parent().unwrap_or(&at))?;
                fs::File::create_new(&target).at(&at.display().to_string())?;
            }
            attach(&mount, &target)
        }
    }
}

/// Covers what must not be there, wherever a tree that is shown would show it.
fn hide(order: &Order) -> Result<(), Failure> {
    for hidden in &order.confinement.hidden {
        let (target, place) = (inside(hidden), hidden.display().to_string());
        let Ok(about) = fs::symlink_metadata(&target) else { continue };
        if about.is_dir() {
            let nothing = tmpfs("0000", "4k", READ_ONLY)?;
            attach(&nothing, &target)?;
        } else {
            let nothing = inside(Path::new("/nothing"));
            if !nothing.exists() {
                fs::File::create_new(&nothing).at(&place)?;
                rustix::fs::chmod(&nothing, Mode::empty()).at(&place)?;
            }
            let Piece::Tree { mount, .. } = taken(&nothing, READ_ONLY)? else {
                return Err("is no file").at(&place);
            };
            attach(&mount, &target)?;
        }
    }
    Ok(())
}

fn enter() -> Result<(), Failure> {
    rustix::process::chdir(ROOT).at("the new root")?;
    rustix::process::pivot_root(".", ".").at("pivot_root")?;
    // The old root now lies on the new one, and goes.
    unmount(".", UnmountFlags::DETACH).at("the old root")?;
    rustix::process::chdir("/").at("the new root")?;
    let flags = MountFlags::BIND | MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV;
    mount_remount("/", flags, "").at("the new root")
}

fn tmpfs(mode: &str, size: &str, attributes: MountAttrFlags) -> Result<OwnedFd, Failure> {
    let mounted = || {
        let context = fsopen("tmpfs", FsOpenFlags::FSOPEN_CLOEXEC)?;
        fsconfig_set_string(context.as_fd(), "mode", mode)?;
        fsconfig_set_string(context.as_fd(), "size", size)?;
        fsconfig_create(context.as_fd())?;
        fsmount(context.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, attributes)
    };
    mounted().at("tmpfs")
}

/// `/proc` of the new process tree. Its limit on processes is written before nobody can write there any more.
fn proc(order: &Order) -> Result<OwnedFd, Failure> {
    let mounted = || {
        let context = fsopen("proc", FsOpenFlags::FSOPEN_CLOEXEC)?;
        fsconfig_create(context.as_fd())?;
        fsmount(context.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, DEVICE | MountAttrFlags::MOUNT_ATTR_NODEV)
    };
    let mount = mounted().at("/proc")?;
    if order.pid_max {
        let flags = OFlags::WRONLY | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&mount, "sys/kernel/pid_max", flags, Mode::empty()).at("pid_max")?;
        let limit = RESERVED_PIDS + order.confinement.limits.pids + 1;
        fs::File::from(file).write_all(limit.to_string().as_bytes()).at("pid_max")?;
    }
    kernel::set_mount_attributes(mount.as_fd(), MountAttrFlags::MOUNT_ATTR_RDONLY.bits().into())
        .at("/proc")?;
    Ok(mount)
}

/// Where a path of the step lies before the new root is the root.
fn inside(path: &Path) -> PathBuf {
    Path::new(ROOT).join(path.strip_prefix("/").unwrap_or(path))
}

fn make_directory(path: &Path) -> Result<(), Failure> {
    let made = DirBuilder::new().recursive(true).mode(0o755).create(inside(path));
    made.at(&path.display().to_string())
}

fn attach(mount: &OwnedFd, at: &Path) -> Result<(), Failure> {
    move_mount(mount, "", CWD, at, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH).at(&at.display().to_string())
}
