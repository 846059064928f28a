//! The typesetter: a program of its own, for one document. It is handed no key, no path and no environment, and is bounded in time, memory and processor; its own tests show
//! that it opens no file and no socket.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use packet::Sheet;
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use thiserror::Error;

/// The program's name.
const PROGRAM: &str = "suture-typeset";
/// How long it may take.
const TIME_MAX: Duration = Duration::from_secs(120);
/// How often it is looked at meanwhile.
const LOOK: Duration = Duration::from_millis(5);
/// How much memory it may map.
const MEMORY_MAX: u64 = 2 << 30;
/// The largest PDF.
const PDF_BYTES_MAX: u64 = 60 << 20;

/// Where the typesetter is.
#[derive(Debug, Clone)]
pub(crate) struct Typesetter(Option<PathBuf>);

/// Why there is no PDF.
#[derive(Debug, Error)]
pub(crate) enum SetError {
    /// The program is not there.
    #[error("this hub has no typesetter: install {PROGRAM} beside suture-hub")]
    NotThere,
    /// It cannot be run.
    #[error("the typesetter cannot be run: {0}")]
    Run(#[from] std::io::Error),
    /// It did not end in time.
    #[error("the typesetter did not end within {} s", TIME_MAX.as_secs())]
    Late,
    /// It was ended by a signal: it took more than it may have, or somebody ended it.
    #[error("the typesetter was ended ({0}): it may have taken more memory or processor than it is given")]
    Ended(ExitStatus),
    /// It gave up.
    #[error("the typesetter gave up: {0}")]
    GaveUp(String),
    /// What it wrote is no PDF.
    #[error("the typesetter wrote no PDF")]
    NoPdf,
    /// The document cannot be handed over.
    #[error("the document cannot be written down")]
    Sheet(#[from] serde_json::Error),
}

impl Typesetter {
    /// The one beside this program, where there is one.
    pub(crate) fn beside_us() -> Self {
        let here = std::env::current_exe().ok();
        let program = here.as_deref().and_then(Path::parent).map(|directory| directory.join(PROGRAM));
        Self(program.filter(|program| program.is_file()))
    }

    /// This program, where it is one.
    pub(crate) fn at(program: PathBuf) -> Result<Self, std::io::Error> {
        let there = program.metadata()?;
        if there.is_file() && there.permissions().mode() & 0o111 != 0 {
            Ok(Self(Some(program)))
        } else {
            Err(std::io::Error::from(std::io::ErrorKind::PermissionDenied))
        }
    }

    /// The document as PDF. Blocks.
    pub(super) fn set(&self, sheet: &Sheet) -> Result<Vec<u8>, SetError> {
        let program = self.0.as_deref().ok_or(SetError::NotThere)?;
        let input = serde_json::to_vec(sheet)?;
        let mut child = Command::new(program)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        if let Err(e) = bound(&child) {
            // Unbounded it does not run, and is not left behind.
            child.kill()?;
            child.wait()?;
            return Err(e.into());
        }
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        std::thread::scope(|scope| {
            // What it does not read, it says by how it ends.
            scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(&input)));
            let pdf = scope.spawn(move || all_of(stdout, PDF_BYTES_MAX + 1));
            let said = scope.spawn(move || all_of(stderr, 4096));
            let began = Instant::now();
            let status = loop {
                if let Some(status) = child.try_wait()? {
                    break status;
                }
                if began.elapsed() > TIME_MAX {
                    child.kill()?;
                    child.wait()?;
                    return Err(SetError::Late);
                }
                std::thread::sleep(LOOK);
            };
            let (pdf, said) = (pdf.join().unwrap_or_default(), said.join().unwrap_or_default());
            if status.signal().is_some() {
                return Err(SetError::Ended(status));
            }
            if !status.success() {
                return Err(SetError::GaveUp(String::from_utf8_lossy(&said).trim().replace('\n', "; ")));
            }
            let fits = u64::try_from(pdf.len()).is_ok_and(|len| len <= PDF_BYTES_MAX);
            if fits && pdf.starts_with(b"%PDF-") { Ok(pdf) } else { Err(SetError::NoPdf) }
        })
    }
}

/// Sets how much memory and processor it may take: before it was given anything to read.
fn bound(child: &Child) -> Result<(), std::io::Error> {
    let pid = Pid::from_child(child);
    let limit = |most| Rlimit { current: Some(most), maximum: Some(most) };
    prlimit(Some(pid), Resource::As, limit(MEMORY_MAX))?;
    prlimit(Some(pid), Resource::Cpu, limit(TIME_MAX.as_secs()))?;
    prlimit(Some(pid), Resource::Core, limit(0))?;
    Ok(())
}

/// What comes out of a pipe, up to so many bytes; the rest is read and dropped, so that whoever writes does not wait.
fn all_of(pipe: Option<impl std::io::Read>, max: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        let _ = pipe.by_ref().take(max).read_to_end(&mut bytes);
        let _ = std::io::copy(&mut pipe, &mut std::io::sink());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use packet::{Brand, Document, Paper};

    use super::*;

    fn sheet() -> Sheet {
        let brand = Brand { name: "x".into(), contact: String::new(), colour: "#000000".into(), logo: None };
        let document = Document {
            title: "x".into(),
            subject: "x".into(),
            lang: "en".into(),
            dated: edge::clock::utc(),
            brand,
            foot: "x".into(),
            contents: false,
            blocks: Vec::new(),
        };
        Sheet { document, paper: Paper::Letter, attached: Vec::new() }
    }

    fn program(script: &str) -> (tempfile::TempDir, Typesetter) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("typeset");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        (directory, Typesetter::at(path).unwrap())
    }

    #[test]
    fn what_it_writes_is_a_pdf_or_nothing() {
        let (_there, good) = program("/bin/cat >/dev/null; printf '%%PDF-1.7 x'");
        assert_eq!(good.set(&sheet()).unwrap(), b"%PDF-1.7 x");
        let (_there, other) = program("/bin/cat >/dev/null; echo hello");
        assert!(matches!(other.set(&sheet()), Err(SetError::NoPdf)));
        let (_there, fails) =
            program("/bin/cat >/dev/null; printf '%%PDF-1.7'; echo no such font >&2; exit 70");
        assert!(matches!(fails.set(&sheet()), Err(SetError::GaveUp(why)) if why == "no such font"));
        let (_there, ended) = program("/bin/cat >/dev/null; kill -KILL $$");
        assert!(matches!(ended.set(&sheet()), Err(SetError::Ended(_))));
        assert!(matches!(Typesetter(None).set(&sheet()), Err(SetError::NotThere)));
    }

    #[test]
    fn what_is_no_program_is_refused_before_there_is_a_packet() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        std::fs::write(&file, "x").unwrap();
        for path in [directory.path().join("gone"), directory.path().to_owned(), file] {
            assert!(Typesetter::at(path).is_err());
        }
    }

    #[test]
    fn it_is_bounded_in_memory_and_time() {
        let script = "/bin/cat >/dev/null; printf '%%PDF-'; ulimit -v; ulimit -t; ulimit -c";
        let (_there, prints) = program(script);
        let printed = String::from_utf8(prints.set(&sheet()).unwrap()).unwrap();
        assert_eq!(printed, format!("%PDF-{}\n{}\n0\n", MEMORY_MAX / 1024, TIME_MAX.as_secs()));
    }

    #[test]
    fn it_is_given_nothing_of_the_hubs_environment() {
        let (_there, prints) = program("/bin/cat >/dev/null; printf '%%PDF-'; /usr/bin/env");
        let printed = String::from_utf8(prints.set(&sheet()).unwrap()).unwrap();
        // What a shell sets by itself.
        let own = ["PWD=", "SHLVL=", "_=", "OLDPWD="];
        let others: Vec<&str> = printed
            .lines()
            .filter(|line| !own.iter().any(|own| line.trim_start_matches("%PDF-").starts_with(own)))
            .collect();
        assert!(others.iter().all(|line| !line.contains('=')), "{others:?}");
    }
}
