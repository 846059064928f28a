//! What the kernel announces of what facts hang on: inputs of facts in, ids of facts to look at again out.
//!
//! - `interest`: which event is about which fact, pure.
//! - `paths`: files and directories, over inotify. `kernel`: mounts, swaps, the clock, the packet filter, the audit trail. `parameters`: kernel parameters, which
//!   nothing announces to a confined service. `standstill`: processes that are made to stand still, which nothing announces at all.
//!
//! The agent watches what its user may; the executor watches, for the agent, what root alone may (`docs/adr/0039-what-root-alone-hears.md`).
//!
//! **Absent:** looking at facts; threads; the bus.

mod interest;
mod kernel;
mod layout;
mod parameters;
mod paths;
mod standstill;

pub use interest::{Interests, Layout, Mask, Stir, Touch};
pub use kernel::{Ear, listen};
pub use layout::Live;
pub use parameters::Parameters;
pub use paths::Paths;
pub use standstill::Standstill;
