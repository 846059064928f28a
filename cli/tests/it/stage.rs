//! A directory of its own for each trial, with copies of the programs, and eyes for what a trial leaves behind.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use contract::record::Record;
use tempfile::TempDir;

/// Trials take the same operator ports and the same two cores: one at a time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

const PROGRAMS: [&str; 5] = ["suture", "suture-hub", "suture-agent", "suture-executor", "suture-verify"];

pub(crate) struct Stage {
    dir: TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl Stage {
    pub(crate) fn new() -> Self {
        let turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let dir = tempfile::tempdir_in("/tmp").unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let stage = Self { dir, _turn: turn };
        fs::create_dir(stage.path("bin")).unwrap();
        for program in PROGRAMS {
            let built = Path::new(env!("CARGO_BIN_EXE_suture")).with_file_name(program);
            assert!(built.exists(), "{} is not built: cargo build --workspace", built.display());
            // A hard link where that is possible, since debug programs are large.
            let here = stage.program(program);
            if fs::hard_link(&built, &here).is_err() {
                fs::copy(&built, &here).unwrap();
            }
        }
        stage
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.path("bin").join(name)
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.path("data")
    }

    pub(crate) fn evidence(&self) -> PathBuf {
        self.data().join("site/executor/evidence")
    }

    /// `suture try` over this stage's data directory.
    pub(crate) fn try_command(&self) -> Command {
        let mut command = Command::new(self.program("suture"));
        command.arg("try").arg("--dir").arg(self.data()).stdin(Stdio::null()).env_remove("NO_COLOR");
        command
    }

    pub(crate) fn try_once(&self) -> Trial {
        Trial::of(self.try_command().output().unwrap())
    }

    /// The auditor's own look, apart from the one inside the trial.
    pub(crate) fn verify(&self, log: &Path) -> Output {
        let mut command = Command::new(self.program("suture-verify"));
        command.arg(log).arg("--key-file").arg(self.data().join("evidence.pub")).output().unwrap()
    }

    /// All records of the published log, parsed from their exact bytes.
    pub(crate) fn records(&self) -> Vec<Record> {
        let entries = self.evidence().join("tile/entries");
        // Those of heads that were published before may lie there still.
        let partial = fs::read_dir(entries.join("000.p")).unwrap().flatten();
        let width: u16 = partial.map(|p| p.file_name().to_str().unwrap().parse().unwrap()).max().unwrap();
        let bytes = fs::read(entries.join(format!("000.p/{width}"))).unwrap();
        tlog::tile::bundle::entries(&bytes, width).map(|e| Record::parse(e.unwrap()).unwrap()).collect()
    }

    /// The processes that have this stage's directory in their command line: where they stand in `/proc`, and that line.
    pub(crate) fn processes(&self) -> Vec<(PathBuf, String)> {
        let here = self.dir.path().to_str().unwrap();
        let processes = fs::read_dir("/proc").unwrap().flatten().map(|p| p.path());
        processes
            .filter_map(|p| Some((fs::read(p.join("cmdline")).ok()?, p)))
            .map(|(line, p)| (p, String::from_utf8_lossy(&line).replace('\0', " ")))
            .filter(|(_, line)| line.contains(here) && line.contains("suture"))
            .collect()
    }

    pub(crate) fn left_running(&self) -> Vec<String> {
        self.processes().into_iter().map(|(_, line)| line).collect()
    }
}

/// What a trial said and how it ended.
#[derive(Debug)]
pub(crate) struct Trial {
    pub(crate) status: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Trial {
    pub(crate) fn of(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self { status: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// The lines between the heading that holds `heading` and the next heading.
    pub(crate) fn section(&self, heading: &str) -> Vec<&str> {
        let after = self.out.lines().skip_while(|l| !l.contains(heading)).skip(1);
        after.take_while(|l| l.starts_with("  ") || l.is_empty()).collect()
    }

    pub(crate) fn succeeded(self) -> Self {
        assert_eq!(self.status, Some(0), "{}\n{}", self.out, self.err);
        self
    }
}

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
