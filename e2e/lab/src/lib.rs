//! A real machine for tests: Debian with what a clinic's server runs, on a kernel, a clock, disks and a network of its own.
//!
//! [`Image::ready`] builds the disk once (`e2e/lab/image`, kept by the hash of its recipe). [`Template::make`] boots it under QEMU, lets the caller
//! install what is to be tested, and freezes it: memory in a file, disk below an overlay. [`Template::clone_machine`] gives a running copy of that moment
//! in a fraction of a second, which nothing that another case did can be seen in. Inside, QEMU's own guest agent runs programs and moves files, over a
//! virtio serial port: no network is needed, and cutting it harms no test.
//!
//! A machine's power can be cut ([`Machine::cut_power`]) and come back ([`Machine::boot_again`]); its cable can be pulled, its clock set.
//!
//! Which accelerator ran is always said: without hardware virtualisation everything inside is some ten times as slow, and only ratios mean something.

mod accelerator;
mod agent;
mod image;
mod machine;
mod process;
mod qmp;
mod template;

pub use accelerator::Accelerator;
pub use agent::Ran;
pub use image::Image;
pub use machine::Machine;
pub use template::{Plan, Template};

/// What went wrong, in words.
pub type Result<T> = std::result::Result<T, String>;

/// Whether machines can be booted. Says on standard error that a test was not run, and why.
pub fn runnable() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        eprintln!("not run: only root can build the lab's disk");
    }
    root
}
