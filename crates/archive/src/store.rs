//! What a write-once store does, whatever it is made of.

use std::fmt;
use std::future::Future;

use contract::time::UtcTime;

use crate::error::StoreError;
use crate::key::Key;

/// How an object is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Locked until then.
    LockedUntil(UtcTime),
    /// Not locked: what a later object will hold as well, and hold locked.
    Unlocked,
}

/// What became of an object that was put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// It is stored, durably, and was not before.
    Written,
    /// The very same bytes were there.
    AlreadyThere,
}

/// Who may end a lock early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Nobody, the owner of the account included (S3 Object Lock, compliance mode).
    Compliance,
    /// Whoever has the permission for it (S3 Object Lock, governance mode): this is not a lock against insiders.
    Governance,
    /// Root on the machine that has the disk (`FS_IMMUTABLE_FL`).
    ImmutableFlag,
}

/// Why a store has no locks at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoLock {
    /// The file system has no immutable flag.
    FileSystem,
    /// This process may not set it (`CAP_LINUX_IMMUTABLE`).
    Privilege,
}

impl fmt::Display for NoLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FileSystem => "the file system has no immutable flag",
            Self::Privilege => "setting the immutable flag takes CAP_LINUX_IMMUTABLE",
        })
    }
}

/// What the store says, when asked, about the lock of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lock {
    /// It is locked.
    Locked {
        /// Until when; none where the lock ends only when somebody who may takes it off.
        until: Option<UtcTime>,
        /// Who may.
        mode: Mode,
    },
    /// It is not, in a store that could lock it.
    Unlocked,
    /// This store cannot lock.
    NotSupported(NoLock),
}

/// One version of an object, or a mark that it was deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Which object.
    pub key: Key,
    /// By what the store tells versions apart.
    pub id: String,
    /// When the store says that it was written, by the store's clock.
    pub stored: UtcTime,
    /// Whether it is not a version but a mark that hides the object.
    pub delete_marker: bool,
}

/// A store in which an object is written once.
///
/// One writer: two processes that put the same new key at once are told apart by the store (`If-None-Match`, or the link that cannot be made
/// twice), and one of them gets [`Put::AlreadyThere`] or a conflict.
pub trait WriteOnce: Send + Sync + 'static {
    /// Stores an object that must not be there. Durable when this returns. The same bytes again are no mistake; other bytes under the same
    /// key are [`StoreError::Conflict`], and what was there stays.
    fn put(
        &self,
        key: &Key,
        bytes: &[u8],
        keep: Keep,
    ) -> impl Future<Output = Result<Put, StoreError>> + Send;

    /// The bytes of the **oldest** version: what was stored first is what counts, whatever was laid on top. None where there never was one.
    fn oldest(&self, key: &Key) -> impl Future<Output = Result<Option<Vec<u8>>, StoreError>> + Send;

    /// The lock of the oldest version, as the store says it now. None where there is no such object.
    fn lock(&self, key: &Key) -> impl Future<Output = Result<Option<Lock>, StoreError>> + Send;

    /// All versions and delete markers of all objects whose key begins with `prefix/`, by key, the newest of a key first.
    fn versions(&self, prefix: &Key) -> impl Future<Output = Result<Vec<Version>, StoreError>> + Send;

    /// Asks whether the store is what it must be. Where it is not, the error says what to do.
    fn check(&self) -> impl Future<Output = Result<(), StoreError>> + Send;
}
