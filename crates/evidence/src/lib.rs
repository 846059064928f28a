//! The durable evidence log: one writer, appending records to a C2SP `tlog-tiles` directory.
//!
//! Invariants:
//! - A record is acknowledged only once its bytes were synced, read back and hashed again, and a signed head over them is durable.
//! - Nothing at or below the last signed size is ever rewritten or cut. What stands above it was never acknowledged and is cut, and declared.
//! - Two roots are never signed for one size: the only way to a new head is through the entries that lie on the disk.
//! - After an I/O error the writer refuses everything: the kernel may have dropped what it failed to write, so a second try proves nothing.
//!
//! Layout of the directory: `checkpoint` and `tile/…` are what the world reads (`tlog-tiles`); `writer/` is the writer's own: `head` (the last
//! signed head), `tail-<n>` (the entries of bundle n while it is not full) and `lock`.
#![forbid(unsafe_code)]

mod error;
mod layout;
mod publish;
mod recover;
#[cfg(test)]
mod tests;
mod writer;

pub use error::{AppendError, OpenError};
pub use recover::Recovery;
pub use writer::{Appended, Draft, LogWriter, Package};
