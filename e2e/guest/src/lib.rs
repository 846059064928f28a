//! A real systemd machine for tests: Debian with what a clinic's server runs, booted in half a second, thrown away afterwards.
//!
//! [`Image::ready`] makes the root file system once (mmdebstrap, under a lock, kept by the hash of its recipe). [`Guest::boot`] boots it with
//! systemd-nspawn on an overlay in memory, with a network, process, mount, host name and cgroup namespace of its own. Programs are started
//! inside with [`Guest::run`] and [`Guest::spawn`], or by the guest's own systemd, from a unit that a test puts there; directories that are
//! shared stand at the same path on both sides. Sockets inside are reached through [`Guest::connect`].
//!
//! A guest has a cgroup v2 of its own, writable, and systemd confines units in it as on any machine: Landlock, seccomp, namespaces,
//! `IPAddressDeny=`, `DevicePolicy=`.
//!
//! # What a guest is not
//! It runs on this machine's kernel. So:
//! - Its sysctls under `net.` are its own and may be written. **All others are this machine's: no test changes them.** systemd-nspawn mounts
//!   them read-only; do not mount them again.
//! - It has this machine's clock. It lacks `CAP_SYS_TIME`, and so do programs started through [`Guest::spawn`], which get exactly the
//!   capabilities that the guest's own init may have. chronyd does not start.
//! - The audit daemon cannot run: the kernel has one, and it is this machine's.
//! - It has no block devices, no LUKS, no TPM, no kernel modules, and makes no device nodes. Where cgroup v1 holds the controllers (as on the
//!   machines that this was written on), units have no limits of memory, processes or processor time.
//! - The user ids inside are those outside: root there is root here, kept in by namespaces and capabilities alone. A guest is for our own
//!   programs, not for hostile ones.
//!
//! # What is left
//! Nothing, once a [`Guest`] is dropped, also by a panic. When the test's process is killed, a small process that waits for just that ends
//! the guest; its empty cgroups and its directory in `/run/suture-guest` remain, and the next boot removes them, as it ends a guest whose
//! watcher was killed too. A [`Guest`] in a `static` is such a case too.
//!
//! Deliberately absent: a virtual machine. What needs a kernel, a clock or a disk of its own does not belong here.

mod cgroup;
mod guest;
mod image;
pub mod kept;
mod machine;
mod plan;
mod recipe;
mod state;

pub use guest::Guest;
pub use image::Image;
pub use plan::Plan;

/// Whether guests can be booted: only root can. Says on standard error that a test was not run, and why. Where programs are missing,
/// [`Image::ready`] is red instead: nothing that was looked for and not found is a pass.
pub fn runnable() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        eprintln!("not run: only root can boot a guest");
    }
    root
}
