//! The stage of a test: a directory with evidence to steal and a place to write, and the hostile program.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sandbox::{Confinement, Finished, Launcher, Limits, Profile, Program};

pub(crate) const PROFILES: [Profile; 4] =
    [Profile::Strict, Profile::Standard, Profile::StandardNet, Profile::Netfilter];
pub(crate) const SECRET: &str = "the signed log";

pub(crate) struct Stage {
    pub(crate) launcher: Launcher,
    pub(crate) shown: PathBuf,
    pub(crate) writable: PathBuf,
    pub(crate) evidence: PathBuf,
    /// Stands in the arguments of every program of this stage, and of no other.
    pub(crate) token: String,
    _dir: tempfile::TempDir,
}

pub(crate) fn hostile() -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_sandbox-hostile")).canonicalize().unwrap()
}

impl Stage {
    pub(crate) fn new() -> Self {
        // Not below /tmp: the step has a /tmp of its own, where it may write.
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let root = dir.path().canonicalize().unwrap();
        let (shown, evidence) = (root.join("shown"), root.join("shown/evidence"));
        let writable = root.join("writable");
        std::fs::create_dir_all(&evidence).unwrap();
        std::fs::create_dir(&writable).unwrap();
        std::fs::write(evidence.join("log"), SECRET).unwrap();
        std::fs::write(shown.join("key"), SECRET).unwrap();
        std::fs::write(shown.join("plain"), "for all to see").unwrap();
        let token = format!("token={}", root.display());
        Self { launcher: Launcher::at(hostile()), shown, writable, evidence, token, _dir: dir }
    }

    pub(crate) fn confinement(&self, profile: Profile) -> Confinement {
        let limits = Limits {
            memory_bytes: 64 << 20,
            pids: 20,
            output_bytes: 1 << 20,
            wall: Duration::from_secs(20),
            cpu_percent: 200,
        };
        Confinement {
            read_only: vec![self.shown.clone()],
            writable: vec![self.writable.clone()],
            hidden: vec![self.evidence.clone(), self.shown.join("key")],
            limits,
            ..Confinement::new(profile)
        }
    }

    pub(crate) fn program(&self, word: &str, arg: &str) -> Program {
        let args = vec![word.to_owned(), arg.to_owned(), self.token.clone()];
        Program::unpinned(&hostile(), args).unwrap()
    }

    pub(crate) fn run_in(&self, confinement: &Confinement, word: &str, arg: &str) -> Finished {
        self.launcher.run(&self.program(word, arg), confinement).unwrap()
    }

    pub(crate) fn run(&self, profile: Profile, word: &str, arg: &str) -> Finished {
        self.run_in(&self.confinement(profile), word, arg)
    }

    pub(crate) fn nobody_is_left(&self) {
        assert_eq!(self.left(), Vec::<String>::new());
    }

    /// Processes of this machine that carry the token, zombies not counted.
    pub(crate) fn left(&self) -> Vec<String> {
        let mut left = Vec::new();
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            let line = std::fs::read_to_string(entry.path().join("cmdline")).unwrap_or_default();
            if line.contains(&self.token) {
                left.push(line.replace('\0', " "));
            }
        }
        left
    }
}

pub(crate) fn stdout(finished: &Finished) -> String {
    String::from_utf8_lossy(&finished.stdout).into_owned()
}
