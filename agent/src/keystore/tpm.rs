//! Few bytes, sealed by a TPM 2.0, through Debian's and everybody's `tpm2-tools`.
//!
//! What is on the disk opens on this TPM and nowhere else. It is bound to nothing that a boot measures: a firmware update must not silence a machine.
//! The secret goes in by standard input and out by standard output, so that it is never in a file or an argument. The executor's key is sealed by
//! `systemd-creds`, which asks a service of root's for everybody but root; this process is not root.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use contract::blob::Blob;
use edge::file::{self, FileError};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What a TPM takes at most.
pub(super) const SECRET_BYTES_MAX: usize = 128;
/// The key that all others hang from is made anew each time, the same one: the TPM draws it from a seed of its own.
const PRIMARY: [&str; 7] = ["-Q", "-C", "o", "-g", "sha256", "-G", "ecc"];
/// A TPM takes seconds at the most. One that takes longer does not do it.
const LIMIT: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(5);
/// Of this TPM and this parent; opened without a password, and not locked where somebody else tried wrong ones.
const ATTRIBUTES: &str = "fixedtpm|fixedparent|userwithauth|noda";

/// Why a TPM did not do it.
#[derive(Debug, Error)]
pub enum TpmError {
    /// A file that its programs work with.
    #[error(transparent)]
    File(#[from] FileError),
    /// A program of it cannot be started.
    #[error("{program} cannot be started: install tpm2-tools")]
    Program {
        /// Which.
        program: &'static str,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It did not come to an end, and was killed.
    #[error("{program} did not end within its time, and was killed")]
    Hangs {
        /// Which program.
        program: &'static str,
    },
    /// It did not do it.
    #[error("{program}: {words}")]
    Refused {
        /// Which program.
        program: &'static str,
        /// What it said.
        words: String,
    },
    /// What is to be opened is nothing that was sealed here.
    #[error("what was sealed is not understood: {0}")]
    Bent(String),
}

/// A sealed secret as it lies on the disk.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sealed {
    public: Blob,
    private: Blob,
}

/// One TPM, and a directory for its programs to work in.
#[derive(Debug)]
pub(super) struct Tpm {
    /// As its programs name it.
    tcti: String,
    /// How long one of them may take.
    limit: Duration,
    work: PathBuf,
}

impl Drop for Tpm {
    fn drop(&mut self) {
        // Nothing in it is secret: contexts are sealed by the TPM itself.
        let _ = std::fs::remove_dir_all(&self.work);
    }
}

impl Tpm {
    /// The one at `device`: a path, or a driver and its parameter as in `swtpm:path=…`.
    pub(super) fn at(device: &str, work: &Path) -> Result<Self, TpmError> {
        let tcti = if device.starts_with('/') { format!("device:{device}") } else { device.to_owned() };
        let tpm = Self { tcti, limit: LIMIT, work: work.to_owned() };
        if work.exists() {
            std::fs::remove_dir_all(work).map_err(|source| FileError {
                path: work.to_owned(),
                action: "remove what an earlier try left",
                source,
            })?;
        }
        file::private_directory(work)?;
        Ok(tpm)
    }

    /// Seals `secret`.
    pub(super) fn seal(&self, secret: &[u8]) -> Result<Vec<u8>, TpmError> {
        let primary = self.primary()?;
        let (public, private) = (self.path("public"), self.path("private"));
        let create = [
            "-Q", "-C", &primary, "-g", "sha256", "-a", ATTRIBUTES, "-i", "-", "-u", &public, "-r", &private,
        ];
        self.run("tpm2_create", &create, secret)?;
        let read = |path: &str| file::read(Path::new(path), 4096).map(Blob);
        let sealed = Sealed { public: read(&public)?, private: read(&private)? };
        Ok(serde_json::to_vec(&sealed).unwrap_or_default())
    }

    /// Opens what [`Self::seal`] gave.
    pub(super) fn open(&self, sealed: &[u8]) -> Result<Vec<u8>, TpmError> {
        let Sealed { public, private } =
            serde_json::from_slice(sealed).map_err(|e| TpmError::Bent(e.to_string()))?;
        let (public_at, private_at, object) =
            (self.path("public"), self.path("private"), self.path("object"));
        file::write_durably(Path::new(&public_at), &public.0)?;
        file::write_durably(Path::new(&private_at), &private.0)?;
        let primary = self.primary()?;
        self.run(
            "tpm2_load",
            &["-Q", "-C", &primary, "-u", &public_at, "-r", &private_at, "-c", &object],
            b"",
        )?;
        self.flush();
        let secret = self.run("tpm2_unseal", &["-Q", "-c", &object], b"")?;
        self.flush();
        Ok(secret)
    }

    fn primary(&self) -> Result<String, TpmError> {
        self.flush();
        let primary = self.path("primary");
        let arguments: Vec<&str> = PRIMARY.into_iter().chain(["-c", &primary]).collect();
        self.run("tpm2_createprimary", &arguments, b"")?;
        self.flush();
        Ok(primary)
    }

    /// A TPM without the kernel's resource manager keeps what those that are gone left in it, and has room for three.
    fn flush(&self) {
        let _ = self.run("tpm2_flushcontext", &["-t"], b"");
    }

    fn path(&self, name: &str) -> String {
        self.work.join(name).display().to_string()
    }

    fn run(&self, program: &'static str, arguments: &[&str], input: &[u8]) -> Result<Vec<u8>, TpmError> {
        let failed = |source| TpmError::Program { program, source };
        let mut child = Command::new(program)
            .args(["-T", &self.tcti])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        if let Some(mut stdin) = child.stdin.take() {
            // A program that ends without reading says why itself.
            let _ = stdin.write_all(input);
        }
        // What they print is far less than a pipe holds, so none of them waits for a reader.
        let began = Instant::now();
        while child.try_wait().map_err(failed)?.is_none() {
            if began.elapsed() > self.limit {
                let _ = child.kill();
                let _ = child.wait();
                return Err(TpmError::Hangs { program });
            }
            thread::sleep(POLL);
        }
        let output = child.wait_with_output().map_err(failed)?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let words = String::from_utf8_lossy(&output.stderr).trim().chars().take(300).collect();
        Err(TpmError::Refused { program, words })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_program_that_hangs_is_killed_and_named() {
        let dir = tempfile::tempdir().unwrap();
        let script = dir.path().join("tpm2_hangs");
        std::fs::write(&script, "#!/bin/sh\nexec sleep 60\n").unwrap();
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
        let program: &'static str = Box::leak(script.display().to_string().into_boxed_str());
        let mut tpm = Tpm::at("/dev/none", &dir.path().join("work")).unwrap();
        tpm.limit = Duration::from_millis(200);
        let began = Instant::now();
        assert!(matches!(tpm.run(program, &[], b"x"), Err(TpmError::Hangs { .. })));
        // Not a measurement: it tells an end from waiting for the sleeper.
        assert!(began.elapsed() < Duration::from_secs(30));
    }
}
