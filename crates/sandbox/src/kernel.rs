//! The system calls that no safe wrapper has. This is the only module of the workspace with unsafe code.
//!
//! **Absent:** decisions. Each function is one call.
#![expect(unsafe_code, reason = "these calls have no safe wrapper; each block says why it holds")]

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

use rustix::process::{Pid, WaitStatus};
use rustix::thread::UnshareFlags;

/// What of the kernel's `struct mount_attr` is used.
#[repr(C)]
struct MountAttr {
    set: u64,
    clear: u64,
    propagation: u64,
    userns_fd: u64,
}

/// The kernel's `struct clone_args`, in its third size, which is the first with a cgroup.
#[repr(C)]
#[derive(Default)]
struct CloneArgs {
    flags: u64,
    pidfd: u64,
    child_tid: u64,
    parent_tid: u64,
    exit_signal: u64,
    stack: u64,
    stack_size: u64,
    tls: u64,
    set_tid: u64,
    set_tid_size: u64,
    cgroup: u64,
}

/// `CLONE_INTO_CGROUP`, since Linux 5.7.
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;
/// `CLONE_PARENT`.
const CLONE_PARENT: u64 = 0x8000;

/// Whose child a process becomes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    /// The caller's.
    Ours,
    /// A sibling of the caller: its parent's, who alone may wait for it.
    OurParents,
}

/// Which of the two a fork came back in.
pub(crate) enum Fork {
    Parent(Pid),
    Child,
}

/// Splits the process in two.
///
/// Called by the launcher alone, which never starts a thread: the child may therefore go on as the parent could.
pub(crate) fn fork() -> io::Result<Fork> {
    // SAFETY: the launcher has one thread, so no lock can be held by a thread that the child lacks.
    let pid = unsafe { libc::fork() };
    match pid {
        ..0 => Err(io::Error::last_os_error()),
        0 => Ok(Fork::Child),
        pid => {
            let pid = Pid::from_raw(pid).ok_or_else(|| io::Error::other("fork answered with no process"))?;
            Ok(Fork::Parent(pid))
        }
    }
}

/// Splits the process in two, the child in another cgroup from its first moment where one is given.
///
/// Moving a process afterwards waits for every processor to notice (an RCU grace period: 4 to 6 ms where it was traced); being born there does not.
pub(crate) fn fork_init(cgroup: Option<BorrowedFd<'_>>, whose: Whose) -> io::Result<Fork> {
    let mut how = CloneArgs::default();
    if let Some(cgroup) = cgroup {
        how.flags |= CLONE_INTO_CGROUP;
        how.cgroup = cgroup.as_raw_fd().unsigned_abs().into();
    }
    match whose {
        Whose::Ours => how.exit_signal = libc::SIGCHLD.unsigned_abs().into(),
        // Its parent is told as of the caller's own end; clone(2) wants no signal named here.
        Whose::OurParents => how.flags |= CLONE_PARENT,
    }
    // SAFETY: as for `fork`: one thread, and the child has a copy of the memory, for CLONE_VM is not among the flags. The structure lives through the
    // call, which is told its size. What the C library remembers of its thread's number is the parent's; the child only waits and forks.
    let pid = unsafe { libc::syscall(libc::SYS_clone3, &raw mut how, size_of::<CloneArgs>()) };
    match pid {
        ..0 => Err(io::Error::last_os_error()),
        0 => Ok(Fork::Child),
        pid => {
            let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
            Ok(Fork::Parent(pid.ok_or_else(|| io::Error::other("clone3 answered with no process"))?))
        }
    }
}

/// Leaves namespaces of the machine for new ones.
pub(crate) fn unshare(flags: UnshareFlags) -> io::Result<()> {
    debug_assert!(!flags.contains(UnshareFlags::FILES), "descriptors stay shared");
    // SAFETY: only CLONE_FILES makes this call unsafe, and no caller passes it.
    unsafe { rustix::thread::unshare_unsafe(flags) }.map_err(io::Error::from)
}

/// Takes the calling thread, and no other, into a network of its own with nothing in it. It does not come back: end the thread when it is done.
pub fn leave_network() -> io::Result<()> {
    unshare(UnshareFlags::NEWNET)
}

/// Marks every descriptor from `first` on as closed by the next exec, whoever left it open.
pub(crate) fn close_on_exec_from(first: u32) -> io::Result<()> {
    // SAFETY: the flag CLOSE_RANGE_CLOEXEC closes nothing now, so no owner loses its descriptor.
    let result = unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Sets attributes on a mount and on all that is mounted below it.
pub(crate) fn set_mount_attributes(mount: BorrowedFd<'_>, set: u64) -> io::Result<()> {
    let attributes = MountAttr { set, clear: 0, propagation: 0, userns_fd: 0 };
    // SAFETY: the path is an empty C string, and the structure lives through the call, which is told its size and only reads it.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH | libc::AT_RECURSIVE,
            &raw const attributes,
            size_of::<MountAttr>(),
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Which Landlock the kernel has.
pub(crate) fn landlock_abi() -> io::Result<u32> {
    const VERSION: u32 = 1;
    // SAFETY: with this flag the kernel reads no attributes: the pointer is null and the size is zero.
    let abi =
        unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::null::<u8>(), 0usize, VERSION) };
    u32::try_from(abi).map_err(|_| io::Error::last_os_error())
}

/// What the children that were waited for have used: user time, system time, largest resident size in bytes.
pub(crate) fn used_by_children() -> io::Result<(Duration, Duration, u64)> {
    let mut usage = MaybeUninit::<libc::rusage>::uninit();
    // SAFETY: the pointer is to a whole rusage, which the kernel fills where it answers 0.
    let usage = unsafe {
        if libc::getrusage(libc::RUSAGE_CHILDREN, usage.as_mut_ptr()) != 0 {
            return Err(io::Error::last_os_error());
        }
        usage.assume_init()
    };
    let duration = |time: libc::timeval| {
        Duration::from_secs(time.tv_sec.unsigned_abs()) + Duration::from_micros(time.tv_usec.unsigned_abs())
    };
    let kib = usage.ru_maxrss.unsigned_abs();
    Ok((duration(usage.ru_utime), duration(usage.ru_stime), kib * 1024))
}

/// Waits for any child that has ended, without blocking: its process and how it ended.
pub(crate) fn reap() -> io::Result<Option<(Pid, WaitStatus)>> {
    rustix::process::wait(rustix::process::WaitOptions::NOHANG).map_err(io::Error::from)
}
