//! The root file system: built once, kept by the hash of its recipe, never written to again.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Instant;

use crate::kept::{Kept, hash};
use crate::recipe;

/// A whole image on this machine.
#[derive(Debug)]
pub struct Image {
    dir: PathBuf,
}

impl Image {
    /// The image, built first where there is none: a minute, with a network. One process builds, the others wait. Panics with the
    /// builder's own words where it cannot be had.
    pub fn ready() -> &'static Self {
        static READY: OnceLock<Image> = OnceLock::new();
        READY.get_or_init(|| Self::find_or_build().unwrap_or_else(|e| panic!("no guest image: {e}")))
    }

    /// Its root directory. Read it; never write.
    pub fn root(&self) -> PathBuf {
        self.dir.join("root")
    }

    /// A hash over each file's path, mode, owner, size, time of change and target: two that are equal show that nothing was written.
    pub fn fingerprint(&self) -> String {
        let listing = Command::new("find")
            .arg(self.root())
            .args(["-printf", r"%P %y %m %U:%G %s %T@ %l\n"])
            .output()
            .unwrap_or_else(|e| panic!("find: {e}"));
        assert!(listing.status.success(), "find: {}", String::from_utf8_lossy(&listing.stderr));
        let mut lines: Vec<&[u8]> = listing.stdout.split(|b| *b == b'\n').collect();
        lines.sort_unstable();
        format!("{} entries, {}", lines.len(), hash(lines.into_iter()))
    }

    fn find_or_build() -> Result<Self, String> {
        let kept = Kept::lock("SUTURE_GUEST_CACHE", "suture-guest-image")?;
        Ok(Self { dir: kept.find_or_make(&key(), "root", build)? })
    }
}

fn key() -> String {
    let parts = [recipe::SUITE, recipe::FINISH, recipe::BUILD];
    let parts = parts.iter().chain(&recipe::PACKAGES).chain(&recipe::LEFT_OUT);
    format!("{}-{}", recipe::SUITE, hash(parts.map(|p| p.as_bytes())))
}

fn build(dir: &Path) -> Result<(), String> {
    let failed = |what: &Path, e: std::io::Error| format!("{}: {e}", what.display());
    let begun = Instant::now();
    eprintln!("guest image: building {} with mmdebstrap; about a minute, and once only", dir.display());
    // Where the file system in memory is mounted while building.
    let memory = dir.join("memory");
    fs::create_dir_all(&memory).map_err(|e| failed(&memory, e))?;
    let settings = dir.join("apt.conf");
    // Without apt's own tools there are no settings to take over.
    let apt =
        Command::new("apt-config").args(["dump", "Acquire"]).output().map(|o| o.stdout).unwrap_or_default();
    fs::write(&settings, apt).map_err(|e| failed(&settings, e))?;
    let finish = dir.join("finish");
    fs::write(&finish, format!("set -eu\n{}", recipe::FINISH)).map_err(|e| failed(&finish, e))?;
    let log = dir.join("log");
    let output = File::create(&log).map_err(|e| failed(&log, e))?;
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "--propagation", "private", "--", "timeout", "--kill-after=10", "900"])
        .args(["sh", "-euc", recipe::BUILD, "sh"])
        .args([&memory, &settings])
        .args(recipe::LEFT_OUT.map(|path| format!("--dpkgopt=path-exclude={path}")))
        .args(["--aptopt=Apt::Install-Recommends \"false\"".to_owned()])
        .arg(format!("--include={}", recipe::PACKAGES.join(",")))
        .arg(format!("--customize-hook=sh {} \"$1\"", finish.display()))
        .args([Path::new(recipe::SUITE), &memory.join("build")]);
    for (name, text) in ["lines", "stanzas"].iter().zip(recipe::sources()) {
        // Where this machine says nothing, mmdebstrap knows where Debian is.
        if !text.is_empty() {
            let file = dir.join(name);
            fs::write(&file, text).map_err(|e| failed(&file, e))?;
            command.arg(file);
        }
    }
    let errors = output.try_clone().map_err(|e| failed(&log, e))?;
    let status = command
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors)
        .status()
        .map_err(|e| format!("unshare: {e}"))?;
    if !status.success() {
        let words = fs::read_to_string(&log).unwrap_or_default();
        let tail: Vec<&str> = words.lines().rev().take(20).collect();
        let tail: Vec<&str> = tail.into_iter().rev().collect();
        return Err(format!("{status} (Debian: apt-get install mmdebstrap)\n{}", tail.join("\n")));
    }
    // Whole, and on the disk: only now does it count.
    let part = dir.join("root.part");
    let file = File::open(&part).map_err(|e| failed(&part, e))?;
    rustix::fs::syncfs(&file).map_err(|e| failed(&part, e.into()))?;
    fs::rename(&part, dir.join("root")).map_err(|e| failed(&part, e))?;
    eprintln!("guest image: built in {:.1} s", begun.elapsed().as_secs_f64());
    Ok(())
}
