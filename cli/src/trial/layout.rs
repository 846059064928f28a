//! Where everything of a trial stands, and the lock that keeps a second one out.

use std::path::{Path, PathBuf};

use edge::file::{self, Lock};

use crate::exit::{Failure, Status};

/// Less room than this is none: one record with its tile and its copy at the hub takes more.
const FULL_BYTES: u64 = 256 << 10;

/// The paths of a trial. All absolute and free of links.
#[derive(Debug)]
pub(crate) struct Layout {
    root: PathBuf,
    _lock: Lock,
}

impl Layout {
    /// Makes the directory, or takes the one that is there, and locks it.
    pub(crate) fn prepare(dir: &Path) -> Result<Self, Failure> {
        file::private_directory(dir)?;
        let io = |source| edge::file::FileError { path: dir.to_owned(), action: "find it", source };
        let root = dir.canonicalize().map_err(io)?;
        let lock = file::lock(&root.join("lock")).map_err(|e| match e.source.kind() {
            std::io::ErrorKind::WouldBlock => Failure::new(
                Status::InUse,
                format!(
                    "{} is in use by another `suture try`: stop it, or give another --dir",
                    root.display()
                ),
            ),
            _ => Failure::file(&e),
        })?;
        for below in ["site", "logs"] {
            file::private_directory(&root.join(below))?;
        }
        Ok(Self { root, _lock: lock })
    }

    /// What to add to a failure where the disk is full: a process may not even have been able to write down why it ended.
    pub(crate) fn full_disk(&self) -> Option<String> {
        let free = rustix::fs::statvfs(&self.root).ok().map(|s| s.f_bavail.saturating_mul(s.f_frsize))?;
        let root = self.root.display();
        (free < FULL_BYTES).then(|| {
            format!("the disk is full ({free} bytes left for {root}): free some space, or choose another directory with --dir")
        })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn hub(&self) -> PathBuf {
        self.root.join("hub")
    }

    pub(crate) fn operator_token(&self) -> PathBuf {
        self.root.join("operator.token")
    }

    /// The password of the trial's own account at the hub.
    pub(crate) fn operator_password(&self) -> PathBuf {
        self.root.join("operator.password")
    }

    pub(crate) fn sheet(&self) -> PathBuf {
        self.root.join("site/enrolment-sheet.json")
    }

    pub(crate) fn agent(&self) -> PathBuf {
        self.root.join("site/agent")
    }

    pub(crate) fn agent_config(&self) -> PathBuf {
        self.root.join("site/agent.yaml")
    }

    pub(crate) fn agent_keys(&self) -> PathBuf {
        self.agent().join("keys")
    }

    /// Written last of all at enrolment: where it stands, this machine is enrolled.
    pub(crate) fn agent_identity(&self) -> PathBuf {
        self.agent().join("identity.json")
    }

    pub(crate) fn executor(&self) -> PathBuf {
        self.root.join("site/executor")
    }

    pub(crate) fn executor_config(&self) -> PathBuf {
        self.executor().join("executor.yaml")
    }

    pub(crate) fn executor_keys(&self) -> PathBuf {
        self.executor().join("keys")
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.root.join("site/run/executor.sock")
    }

    pub(crate) fn evidence(&self) -> PathBuf {
        self.executor().join("evidence")
    }

    /// The hub's receipt, as the executor keeps it.
    pub(crate) fn receipt(&self) -> PathBuf {
        self.executor().join("receipt")
    }

    /// The public key of the evidence log, as an auditor would keep it: outside the log.
    pub(crate) fn public_key(&self) -> PathBuf {
        self.root.join("evidence.pub")
    }

    pub(crate) fn tampered(&self) -> PathBuf {
        self.root.join("tampered-copy")
    }

    pub(crate) fn log(&self, process: &str) -> PathBuf {
        self.root.join(format!("logs/{process}.log"))
    }
}
