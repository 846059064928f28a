//! The durable evidence log: one writer, appending records to a C2SP `tlog-tiles` directory.
//!
//! Invariants:
//! - A record is acknowledged only once its bytes and a signed head over them were synced in one piece, read back and hashed again to that head's root.
//! - Nothing at or below the last signed size is ever rewritten or cut. What stands above it was never acknowledged and is cut, and declared.
//! - Two roots are never signed for one size that anybody can read: a head lies on the disk masked with the hash of the entries that it covers, so
//!   where the disk lost one of them there is no head ([why](../../../docs/adr/0008-head-and-entries-in-one-sync.md)).
//! - After an I/O error the writer refuses everything: the kernel may have dropped what it failed to write, so a second try proves nothing. The next
//!   opening writes anew what may be in the page cache only.
//! - Opening reads O(log n): the edge of the tree from full hash tiles, the tail, and the records from the last standing one on. What it reads leads
//!   to the signed root, or it is refused. [`fsck`] reads the rest.
//!
//! Layout of the directory: `checkpoint` and `tile/…` are what the world reads (`tlog-tiles`); `writer/` is the writer's own: `tail-<n>` (the group
//! commits of bundle n while it is not full), `head` (the newest head, written at each publishing and each full bundle), `keys` (the log's keys, a
//! hint and no trust), `pruned` (the first entry that is still here) and `lock`.
#![forbid(unsafe_code)]

mod back;
pub mod disk;
mod draft;
mod error;
mod files;
mod frontier;
pub mod fsck;
mod keys;
pub mod kit;
mod layout;
mod package;
mod prune;
mod publish;
mod recover;
mod replay;
mod rotate;
mod seal;
pub mod shared;
mod tail;
#[cfg(test)]
mod tests;
mod tiles;
mod writer;

pub use draft::{Appended, Draft};
pub use error::{AppendError, OpenError, PackageError, RotateError, TakeBackError};
pub use fsck::{Fsck, fsck};
pub use package::Package;
pub use prune::Pruned;
pub use recover::Recovery;
pub use writer::LogWriter;
