//! Confinement of the programs that a step starts. The only crate with `unsafe`, all of it in `kernel`.
//!
//! A program runs in a process tree, mounts and network of its own, as whom the step says, with the capabilities that the step declares and no way to
//! more, under a filter of system calls and under Landlock, with ends to its memory, processes, output and time. What this machine lacks for that is
//! a typed absence: told at start, handed back with the end, refused where a runbook demands it. Namespaces and the filter are always demanded.
//!
//! **Holds:** what was hashed is the file that runs; when a step is over, nothing of it is left, however it forked; a part of the confinement that
//! cannot be put up stops the step. **Absent:** a way to switch confinement off; async; scripts as programs.
//!
//! A program that uses this calls [`launcher_main`] first in its `main`.

mod cgroup;
mod channel;
mod confinement;
#[cfg(feature = "podman")]
pub mod container;
mod error;
mod features;
mod finished;
mod holder;
mod kernel;
mod launch;
mod launcher;
mod program;
mod proxy;
mod running;
mod seccomp;
mod unit;
mod watch;

pub use confinement::{Capability, Confinement, Destination, Identity, Limits, Misuse, Network, Profile};
pub use error::{FreezeError, LaunchError};
pub use features::{Absence, Feature, Features};
pub use finished::{Cost, Exit, Finished, Layer, Means};
pub use kernel::leave_network;
pub use launch::{Backend, Launcher};
pub use launcher::launcher_main;
pub use program::{Program, ProgramError};
pub use proxy::{Connection, Refusal, Verdict};
pub use running::{Handle, Running};
