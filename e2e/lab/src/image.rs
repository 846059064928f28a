//! The lab's disk, kernel and first file system: built once, kept by the hash of the recipe, never written to again.

use std::fs::{self, File};
use std::hash::Hasher;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::Result;

/// Images that nobody asked for in so long are removed when another is built.
const KEPT: Duration = Duration::from_secs(7 * 24 * 3600);
const RECIPE: &str = include_str!("../image");

/// A whole image on this machine.
#[derive(Debug, Clone)]
pub struct Image {
    directory: PathBuf,
    /// What it was set up from, where it was.
    base: Option<PathBuf>,
}

impl Image {
    /// The image, built first where there is none: a minute or two, with a network. One process builds, the others wait.
    pub fn ready() -> Result<Self> {
        let cache = cache()?;
        let failed = |e: std::io::Error| format!("{}: {e}", cache.display());
        fs::create_dir_all(&cache).map_err(failed)?;
        let lock = File::create(cache.join("lock")).map_err(failed)?;
        lock.lock().map_err(failed)?;
        let directory = cache.join(format!("{:016x}", hash(&[RECIPE.as_bytes()])));
        if !directory.join("root.ext4").exists() {
            forget(&cache);
            build(&directory)?;
        }
        fs::write(directory.join("used"), "").map_err(failed)?;
        Ok(Self { directory, base: None })
    }

    /// This image after a script was run in it once, as root, and it was shut down: kept by the hash of both, with all of its disks.
    pub fn set_up_by(&self, script: &str) -> Result<Self> {
        let cache = cache()?;
        let failed = |e: std::io::Error| format!("{}: {e}", cache.display());
        let lock = File::create(cache.join("lock")).map_err(failed)?;
        lock.lock().map_err(failed)?;
        let name = self.directory.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let directory = cache.join(format!("{:016x}", hash(&[name.as_bytes(), script.as_bytes()])));
        let image = Self {
            directory: directory.clone(),
            base: Some(self.base.clone().unwrap_or_else(|| self.directory.clone())),
        };
        if !directory.join("ready").exists() {
            let begun = Instant::now();
            eprintln!("lab image: setting {} up, once only", directory.display());
            let _ = fs::remove_dir_all(&directory);
            fs::create_dir_all(&directory).map_err(failed)?;
            crate::machine::set_up(self, script, &directory)?;
            fs::write(directory.join("ready"), "").map_err(failed)?;
            eprintln!("lab image: set up in {:.1} s", begun.elapsed().as_secs_f64());
        }
        fs::write(directory.join("used"), "").map_err(failed)?;
        Ok(image)
    }

    /// What a disk of a machine begins as: a file and its format; none for an empty one.
    pub(crate) fn disk(&self, name: &str) -> Option<(PathBuf, &'static str)> {
        if self.base.is_some() {
            return Some((self.directory.join(format!("{name}.qcow2")), "qcow2"));
        }
        (name == "root").then(|| (self.directory.join("root.ext4"), "raw"))
    }

    fn boots_from(&self) -> &Path {
        self.base.as_deref().unwrap_or(&self.directory)
    }

    pub(crate) fn kernel(&self) -> PathBuf {
        self.boots_from().join("vmlinuz")
    }

    pub(crate) fn initrd(&self) -> PathBuf {
        self.boots_from().join("initrd.zst")
    }
}

fn cache() -> Result<PathBuf> {
    if let Some(directory) = std::env::var_os("SUTURE_LAB_CACHE") {
        return Ok(directory.into());
    }
    let home = std::env::var_os("HOME").ok_or("neither SUTURE_LAB_CACHE nor HOME is set")?;
    Ok(Path::new(&home).join(".cache/suture-lab-image"))
}

/// FNV-1a: names what was made from what. It keeps nobody out.
fn hash(parts: &[&[u8]]) -> u64 {
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
    }
    fnv.finish()
}

/// Removes what a killed build left, and images long out of use. What cannot be removed is in nobody's way.
fn forget(cache: &Path) {
    for entry in fs::read_dir(cache).into_iter().flatten().flatten() {
        let path = entry.path();
        let used = fs::metadata(path.join("used")).and_then(|m| m.modified()).ok();
        let old = used.and_then(|t| t.elapsed().ok()).is_none_or(|age| age > KEPT);
        if path.is_dir() && old {
            let _ = fs::remove_dir_all(path);
        }
    }
}

fn build(directory: &Path) -> Result<()> {
    let failed = |e: std::io::Error| format!("{}: {e}", directory.display());
    let begun = Instant::now();
    eprintln!("lab image: building {}; a minute or two, and once only", directory.display());
    let _ = fs::remove_dir_all(directory);
    fs::create_dir_all(directory).map_err(failed)?;
    let script = directory.join("recipe");
    fs::write(&script, RECIPE).map_err(failed)?;
    let log = directory.join("log");
    let output = File::create(&log).map_err(failed)?;
    let errors = output.try_clone().map_err(failed)?;
    // A mount namespace of its own: what a killed build leaves mounted goes with it.
    let status = Command::new("unshare")
        .args(["--mount", "--propagation", "private", "--", "timeout", "--kill-after=10", "900", "bash"])
        .args([script.as_path(), directory])
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors)
        .status()
        .map_err(|e| format!("unshare: {e}"))?;
    if !status.success() {
        let words = fs::read_to_string(&log).unwrap_or_default();
        let lines: Vec<&str> = words.lines().collect();
        let tail = lines[lines.len().saturating_sub(20)..].join("\n");
        return Err(format!("the lab's image: {status}\n{tail}"));
    }
    eprintln!("lab image: built in {:.1} s", begun.elapsed().as_secs_f64());
    Ok(())
}
