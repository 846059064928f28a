//! Write-once stores for evidence, each read back: a directory, and S3 with Object Lock.
//!
//! A store holds objects under keys. An object is put once; a lock, where the store has one, keeps everybody from removing it before its end,
//! and what the store says about that lock is asked for again, not assumed: an archive that claims seven years and keeps ninety days is found out
//! by [`audit`]. What somebody lays on top of an object (a newer version, a delete marker) is found out too, and changes nothing in what is read:
//! reading gives the oldest version.
//!
//! | module | what it does |
//! |---|---|
//! | [`WriteOnce`] | the trait |
//! | [`Directory`] | files without write permission, immutable where the file system and the privileges allow |
//! | [`s3`] | a bucket with Object Lock in compliance mode, over its REST interface (ADR 0009 says why without the vendor's library) |
//! | [`audit`] | what locks and versions mean: pure |
//!
//! **Trusted:** a directory is as safe as root on its machine; a bucket is as safe as the provider's promise that compliance mode binds the
//! account's owner too. Neither can make an object say something else: what it must say stands in the log's own hashes.
#![forbid(unsafe_code)]

pub mod audit;
pub mod s3;

mod directory;
mod error;
mod key;
mod retention;
mod store;

pub use directory::Directory;
pub use error::{Blame, StoreError};
pub use key::{BadKey, Key};
pub use retention::{BadRetention, Retention, YEARS_DEFAULT, YEARS_MIN};
pub use store::{Keep, Lock, Mode, NoLock, Put, Version, WriteOnce};
