//! What takes long to make and is the same each time: made once, kept by the hash of what it is made from.

use std::fs::{self, File};
use std::hash::Hasher;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What nobody asked for in so long is removed when something else is made.
const KEPT: Duration = Duration::from_secs(7 * 24 * 3600);

/// Where it is kept. Locked while this is there: one process makes, the others wait.
#[derive(Debug)]
pub struct Kept {
    directory: PathBuf,
    _lock: File,
}

impl Kept {
    /// The directory that the environment names, or that of this name in the user's cache.
    pub fn lock(variable: &str, name: &str) -> Result<Self, String> {
        let directory = match std::env::var_os(variable) {
            Some(directory) => PathBuf::from(directory),
            None => {
                let home =
                    std::env::var_os("HOME").ok_or_else(|| format!("neither {variable} nor HOME is set"))?;
                Path::new(&home).join(".cache").join(name)
            }
        };
        let failed = |e: std::io::Error| format!("{}: {e}", directory.display());
        fs::create_dir_all(&directory).map_err(failed)?;
        let lock = File::create(directory.join("lock")).map_err(failed)?;
        lock.lock().map_err(failed)?;
        Ok(Self { directory, _lock: lock })
    }

    /// What goes by this key; made first where `whole`, which is made last of all, is not in it.
    pub fn find_or_make(
        &self,
        key: &str,
        whole: &str,
        make: impl FnOnce(&Path) -> Result<(), String>,
    ) -> Result<PathBuf, String> {
        let directory = self.directory.join(key);
        let failed = |e: std::io::Error| format!("{}: {e}", directory.display());
        if !directory.join(whole).exists() {
            self.forget();
            let _ = fs::remove_dir_all(&directory);
            fs::create_dir_all(&directory).map_err(failed)?;
            make(&directory)?;
        }
        fs::write(directory.join("used"), "").map_err(failed)?;
        Ok(directory)
    }

    /// Removes what a killed maker left, and what is long out of use. What cannot be removed is in nobody's way.
    fn forget(&self) {
        for entry in fs::read_dir(&self.directory).into_iter().flatten().flatten() {
            let path = entry.path();
            let used = fs::metadata(path.join("used")).and_then(|m| m.modified()).ok();
            let old = used.and_then(|t| t.elapsed().ok()).is_none_or(|age| age > KEPT);
            if path.is_dir() && old {
                let _ = fs::remove_dir_all(path);
            }
        }
    }
}

/// FNV-1a: names what was made from what. It keeps nobody out.
pub fn hash<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    struct Fnv(u64);
    impl Hasher for Fnv {
        fn finish(&self) -> u64 {
            self.0
        }
        fn write(&mut self, bytes: &[u8]) {
            for byte in bytes {
                self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
            }
        }
    }
    let mut fnv = Fnv(0xcbf2_9ce4_8422_2325);
    for part in parts {
        fnv.write(part);
        fnv.write(&[0]);
    }
    format!("{:016x}", fnv.finish())
}
