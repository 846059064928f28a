//! The program of a step: opened once, hashed through that descriptor, and started by it, so that what was hashed is the file that runs.
//!
//! A file can still be written to between the hash and the start, by whoever may write to it. That must be nobody but its owner, and the owner
//! nobody but root or ourselves; on NixOS the store is read-only besides.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

/// An opened program with what it is started with.
#[derive(Debug)]
pub struct Program {
    pub(crate) path: PathBuf,
    pub(crate) file: File,
    pub(crate) args: Vec<String>,
    /// What loads it, if anything does: `PT_INTERP` of the file.
    pub(crate) loader: Option<PathBuf>,
    digest: [u8; 32],
}

impl Program {
    /// Opens the program at an absolute path that goes through no link, and refuses it unless it has this SHA-256.
    pub fn open(path: &Path, args: Vec<String>, expected: &[u8; 32]) -> Result<Self, ProgramError> {
        let program = Self::unpinned(path, args)?;
        if program.digest == *expected {
            Ok(program)
        } else {
            let found = program.digest;
            Err(ProgramError::OtherDigest { path: program.path, expected: *expected, found })
        }
    }

    /// Opens it whatever its digest is, which [`Program::digest`] then tells. For measuring and for writing a runbook down, not for running one.
    pub fn unpinned(path: &Path, args: Vec<String>) -> Result<Self, ProgramError> {
        let failed = |source| ProgramError::Unreadable { path: path.to_owned(), source };
        if !path.is_absolute() || path.canonicalize().map_err(failed)? != path {
            return Err(ProgramError::NotCanonical { path: path.to_owned() });
        }
        let nofollow = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
        let mut file = OpenOptions::new().read(true).custom_flags(nofollow).open(path).map_err(failed)?;
        let about = file.metadata().map_err(failed)?;
        let us = rustix::process::geteuid().as_raw();
        if !about.is_file() || about.mode() & 0o111 == 0 {
            return Err(ProgramError::NotAProgram { path: path.to_owned() });
        }
        if about.mode() & 0o022 != 0 || (about.uid() != 0 && about.uid() != us) {
            return Err(ProgramError::Writable { path: path.to_owned() });
        }
        let (digest, head) = digest(&mut file).map_err(failed)?;
        if !head.starts_with(b"\x7fELF") {
            return Err(ProgramError::Script { path: path.to_owned() });
        }
        let loader = loader(&head).map_err(|()| ProgramError::NotAProgram { path: path.to_owned() })?;
        Ok(Self { path: path.to_owned(), file, args, loader, digest })
    }

    /// SHA-256 of the file.
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }
}

/// The digest, and the first page.
fn digest(file: &mut File) -> io::Result<([u8; 32], Vec<u8>)> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    let mut head = Vec::new();
    loop {
        let length = file.read(&mut buffer)?;
        let Some(bytes) = buffer.get(..length).filter(|bytes| !bytes.is_empty()) else { break };
        if head.is_empty() {
            head.extend_from_slice(bytes.get(..4096).unwrap_or(bytes));
        }
        hash.update(bytes);
    }
    file.seek(SeekFrom::Start(0))?;
    Ok((hash.finalize().into(), head))
}

/// The loader that a 64-bit, little-endian ELF file names. Its name lies in the first page in every file that a linker makes.
fn loader(head: &[u8]) -> Result<Option<PathBuf>, ()> {
    const PT_INTERP: u64 = 3;
    let number = |at: usize, size: usize| -> Result<u64, ()> {
        let bytes = head.get(at..at.checked_add(size).ok_or(())?).ok_or(())?;
        Ok(bytes.iter().rev().fold(0, |n, byte| (n << 8) | u64::from(*byte)))
    };
    let index = |n: u64| usize::try_from(n).map_err(|_| ());
    if head.get(4..6) != Some(&[2, 1]) {
        return Err(());
    }
    let (table, size, count) = (index(number(32, 8)?)?, index(number(54, 2)?)?, index(number(56, 2)?)?);
    for entry in 0..count {
        let at = entry.checked_mul(size).and_then(|offset| offset.checked_add(table)).ok_or(())?;
        if number(at, 4)? != PT_INTERP {
            continue;
        }
        let start = index(number(at + 8, 8)?)?;
        let name = head.get(start..).ok_or(())?.split(|byte| *byte == 0).next().ok_or(())?;
        let name = std::str::from_utf8(name).map_err(|_| ())?;
        return if name.starts_with('/') { Ok(Some(PathBuf::from(name))) } else { Err(()) };
    }
    Ok(None)
}

/// Why a program is not started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProgramError {
    /// It cannot be opened or read.
    #[error("{} cannot be read", path.display())]
    Unreadable {
        /// The path.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// The path is relative or goes through a link, which could lead elsewhere tomorrow.
    #[error("{} is no absolute path without links", path.display())]
    NotCanonical {
        /// The path.
        path: PathBuf,
    },
    /// No executable file, or not one of this kind of machine.
    #[error("{} is no program", path.display())]
    NotAProgram {
        /// The path.
        path: PathBuf,
    },
    /// A script: its interpreter would be what runs, and nobody pinned that. Name the interpreter, and the script as its argument.
    #[error("{} is a script: name its interpreter as the program", path.display())]
    Script {
        /// The path.
        path: PathBuf,
    },
    /// Somebody else could change it after it was hashed.
    #[error("{} can be written by others than root and us", path.display())]
    Writable {
        /// The path.
        path: PathBuf,
    },
    /// It is not the file that was approved.
    #[error("{} has another digest than the one approved", path.display())]
    OtherDigest {
        /// The path.
        path: PathBuf,
        /// What was approved.
        expected: [u8; 32],
        /// What is there.
        found: [u8; 32],
    },
}

#[cfg(test)]
mod tests;
