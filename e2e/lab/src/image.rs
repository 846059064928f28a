//! The lab's disk, kernel and first file system: built once, kept by the hash of the recipe, never written to again.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use guest::kept::{Kept, hash};

use crate::Result;

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
        let directory = kept()?.find_or_make(&hash([RECIPE.as_bytes()]), "root.ext4", build)?;
        Ok(Self { directory, base: None })
    }

    /// This image after a script was run in it once, as root, and it was shut down: kept by the hash of both, with all of its disks.
    pub fn set_up_by(&self, script: &str) -> Result<Self> {
        let key = hash([self.directory.as_os_str().as_encoded_bytes(), script.as_bytes()]);
        let directory = kept()?.find_or_make(&key, "ready", |directory| {
            let begun = Instant::now();
            eprintln!("lab image: setting {} up, once only", directory.display());
            crate::machine::set_up(self, script, directory)?;
            eprintln!("lab image: set up in {:.1} s", begun.elapsed().as_secs_f64());
            fs::write(directory.join("ready"), "").map_err(|e| format!("{}: {e}", directory.display()))
        })?;
        Ok(Self { directory, base: Some(self.boots_from().to_owned()) })
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

fn kept() -> Result<Kept> {
    Kept::lock("SUTURE_LAB_CACHE", "suture-lab-image")
}

fn build(directory: &Path) -> Result<()> {
    let failed = |e: std::io::Error| format!("{}: {e}", directory.display());
    let begun = Instant::now();
    eprintln!("lab image: building {}; a minute or two, and once only", directory.display());
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
