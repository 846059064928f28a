//! A kit: the evidence of one tenant and one period in one file (docs/evidence-format.md §8).
//!
//! What lies in a kit is never trust, not even its cover: that becomes more than a claim only under the hub's kit key, which came
//! from outside. Logs are judged as they would be by themselves; the worst of all is the verdict on the kit.

mod container;
mod cover;
mod folder;
mod found;
mod judge;

pub use container::{KitFault, KitOpenError};
pub use cover::{Cover, CoverFault, CoverFaultPart};
pub use judge::{Kit, KitReport, LogInKit};
