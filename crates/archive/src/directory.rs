//! A directory in which a file is written once: no write permission, and the file system's immutable flag where there is one.
//!
//! The flag is best effort, and is read back as what it is: on a file system without it, or in a process without `CAP_LINUX_IMMUTABLE`, the answer
//! is [`Lock::NotSupported`] with the reason, found out by trying it on a file of our own when the directory is opened. Root can take the flag off.
//! So a directory keeps evidence from accidents and from everyone but root on that machine; S3 Object Lock keeps it from root as well.
//!
//! A file has one version. What a rename or root put in its place shows when its bytes are compared with the mirror's.

mod seal;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use contract::time::UtcTime;
use edge::file::{FileError, private_directory, read, sync_directory};
use sha2::{Digest as _, Sha256};

use crate::error::StoreError;
use crate::key::Key;
use crate::store::{Keep, Lock, Mode, NoLock, Put, Version, WriteOnce};
use seal::{is_sealed, seal};

/// The largest object that is read back.
const OBJECT_MAX_BYTES: u64 = 64 << 20;
/// What a temporary file's name ends in, and no key does.
const TEMPORARY: &str = "~";

/// A directory of files that are written once.
#[derive(Debug, Clone)]
pub struct Directory {
    root: Arc<Path>,
    /// Whether files here can be made immutable.
    can_seal: Result<(), NoLock>,
}

impl Directory {
    /// Opens or makes the directory, and finds out whether files in it can be made immutable.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        private_directory(root)?;
        Ok(Self { root: root.into(), can_seal: seal::probe(root)? })
    }

    /// Whether files here can be made immutable; else why not.
    pub const fn can_seal(&self) -> Result<(), NoLock> {
        self.can_seal
    }

    fn path(&self, key: &Key) -> PathBuf {
        self.root.join(key.as_str())
    }

    fn put_now(&self, key: &Key, bytes: &[u8], keep: Keep) -> Result<Put, StoreError> {
        let path = self.path(key);
        let put = match self.oldest_now(key)? {
            None => self.write(&path, bytes)?,
            Some(held) => self.finish(key, &path, bytes, &held)?,
        };
        match (keep, self.can_seal) {
            // Also where it was there: a power cut may have come between the file and its flag.
            (Keep::LockedUntil(_), Ok(())) => seal(&path)?,
            (Keep::LockedUntil(_), Err(_)) | (Keep::Unlocked, _) => {}
        }
        Ok(put)
    }

    /// A power cut may have come between the file's name, its durability and the end of its temporary one.
    fn finish(&self, key: &Key, path: &Path, bytes: &[u8], held: &[u8]) -> Result<Put, StoreError> {
        let put = same(key, bytes, held)?;
        remove_if_there(&temporary(path))?;
        sync_directory(path.parent().unwrap_or(&self.root))?;
        Ok(put)
    }

    /// The bytes first, under a name that nobody reads; then the name, by a link that cannot replace anything.
    fn write(&self, path: &Path, bytes: &[u8]) -> Result<Put, StoreError> {
        let parent = path.parent().unwrap_or(&self.root);
        private_directory(parent)?;
        let temporary = temporary(path);
        remove_if_there(&temporary)?;
        let failed = |action| file_error(&temporary, action);
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o400)
            .open(&temporary)
            .map_err(failed("create it"))?;
        file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed("write it"))?;
        fs::hard_link(&temporary, path).map_err(file_error(path, "give it its name"))?;
        fs::remove_file(&temporary).map_err(failed("remove it"))?;
        sync_directory(parent)?;
        Ok(Put::Written)
    }

    fn oldest_now(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError> {
        match read(&self.path(key), OBJECT_MAX_BYTES) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(e) if e.source.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e.into()),
        }
    }

    fn lock_now(&self, key: &Key) -> Result<Option<Lock>, StoreError> {
        let path = self.path(key);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(file_error(&path, "open it")(e).into()),
        };
        if is_sealed(&file) {
            return Ok(Some(Lock::Locked { until: None, mode: Mode::ImmutableFlag }));
        }
        Ok(Some(self.can_seal.map_or_else(Lock::NotSupported, |()| Lock::Unlocked)))
    }

    fn versions_now(&self, prefix: &Key) -> Result<Vec<Version>, StoreError> {
        let mut versions = Vec::new();
        walk(&self.path(prefix), prefix.as_str(), &mut versions)?;
        versions.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(versions)
    }

    /// Runs `work` where blocking is allowed.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let directory = self.clone();
        match tokio::task::spawn_blocking(move || work(&directory)).await {
            Ok(done) => done,
            Err(e) => std::panic::resume_unwind(e.into_panic()),
        }
    }
}

impl WriteOnce for Directory {
    async fn put(&self, key: &Key, bytes: &[u8], keep: Keep) -> Result<Put, StoreError> {
        let (key, bytes) = (key.clone(), bytes.to_vec());
        self.blocking(move |d| d.put_now(&key, &bytes, keep)).await
    }

    async fn oldest(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError> {
        let key = key.clone();
        self.blocking(move |d| d.oldest_now(&key)).await
    }

    async fn lock(&self, key: &Key) -> Result<Option<Lock>, StoreError> {
        let key = key.clone();
        self.blocking(move |d| d.lock_now(&key)).await
    }

    async fn versions(&self, prefix: &Key) -> Result<Vec<Version>, StoreError> {
        let prefix = prefix.clone();
        self.blocking(move |d| d.versions_now(&prefix)).await
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.blocking(|d| Ok(private_directory(&d.root)?)).await
    }
}

/// Lists the objects below a directory whose key is `prefix`.
fn walk(directory: &Path, prefix: &str, versions: &mut Vec<Version>) -> Result<(), StoreError> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(());
        }
        Err(e) => return Err(file_error(directory, "list it")(e).into()),
    };
    for entry in entries {
        let entry = entry.map_err(file_error(directory, "list it"))?;
        let path = entry.path();
        let name = format!("{prefix}/{}", entry.file_name().to_string_lossy());
        let about = entry.metadata().map_err(file_error(&path, "look at it"))?;
        // What has no key is not ours: a temporary file that a power cut left, or a stranger's.
        let Ok(key) = name.parse::<Key>() else { continue };
        if about.is_dir() {
            walk(&path, &name, versions)?;
        } else if about.is_file() {
            let stored = about.modified().map_err(file_error(&path, "look at it"))?;
            versions.push(Version { key, id: "file".to_owned(), stored: utc(stored), delete_marker: false });
        }
    }
    Ok(())
}

/// The same bytes again are what a retry brings; others are a conflict.
pub(crate) fn same(key: &Key, ours: &[u8], theirs: &[u8]) -> Result<Put, StoreError> {
    if ours == theirs {
        return Ok(Put::AlreadyThere);
    }
    let digest = |bytes: &[u8]| contract::digest::hex(&Sha256::digest(bytes));
    Err(StoreError::Conflict { key: key.clone(), ours: digest(ours), theirs: digest(theirs) })
}

fn temporary(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(TEMPORARY);
    name.into()
}

fn remove_if_there(path: &Path) -> Result<(), FileError> {
    match fs::remove_file(path) {
        Ok(()) => Ok(()),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(file_error(path, "remove it")(e)),
    }
}

fn file_error(path: &Path, action: &'static str) -> impl Fn(io::Error) -> FileError {
    let path = path.to_owned();
    move |source| FileError { path: path.clone(), action, source }
}

fn utc(time: std::time::SystemTime) -> UtcTime {
    let ms =
        time.duration_since(std::time::UNIX_EPOCH).map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(0));
    UtcTime::from_unix_ms(ms).unwrap_or_else(|_| edge::clock::utc())
}
