//! A tree of files that stands for a machine.
#![expect(clippy::unnecessary_wraps, reason = "tables compare whole observations")]

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use contract::fact::{Absence, FactId, FactValue, Observation, Word};
use contract::time::UtcTime;
use facts::{Config, Input, OwnDirectories, Reader, Root};
use tempfile::TempDir;

/// Removed when it is dropped.
pub(crate) struct Tree {
    directory: TempDir,
    pub(crate) config: Config,
}

impl Tree {
    pub(crate) fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let own = directory.path().join("own");
        let mut config = Config::new(OwnDirectories {
            evidence: own.join("evidence"),
            executor_keys: own.join("executor-keys"),
            agent_keys: own.join("agent-keys"),
        });
        config.root = Root::new(directory.path());
        Self { directory, config }
    }

    /// The same with these files in it.
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        files.iter().fold(Self::new(), |tree, (path, text)| tree.file(path, text))
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.directory.path().join(path.trim_start_matches('/'))
    }

    pub(crate) fn file(self, path: &str, text: &str) -> Self {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    pub(crate) fn bytes(self, path: &str, bytes: &[u8]) -> Self {
        let at = self.path(path);
        let tree = self.file(path, "");
        fs::write(at, bytes).unwrap();
        tree
    }

    pub(crate) fn directory(self, path: &str) -> Self {
        fs::create_dir_all(self.path(path)).unwrap();
        self
    }

    /// A relative link, as those in a test's tree must be.
    pub(crate) fn link(self, path: &str, to: &str) -> Self {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(Path::new(to), path).unwrap();
        self
    }

    pub(crate) fn mode(self, path: &str, mode: u32) -> Self {
        fs::set_permissions(self.path(path), Permissions::from_mode(mode)).unwrap();
        self
    }

    /// A program that runs this shell script.
    pub(crate) fn program(self, path: &str, script: &str) -> Self {
        self.file(path, &format!("#!/bin/sh\n{script}\n")).mode(path, 0o755)
    }

    pub(crate) fn limit(mut self, limit: Duration) -> Self {
        self.config.limit = limit;
        self
    }

    pub(crate) fn clock(mut self, clock: fn() -> UtcTime) -> Self {
        self.config.clock = clock;
        self
    }

    pub(crate) fn reader(&self) -> Reader {
        Reader::new(self.config.clone())
    }

    pub(crate) fn read(&self, fact: &str) -> Observation {
        self.reader().read(&id(fact))
    }
}

pub(crate) fn id(fact: &str) -> FactId {
    fact.parse().unwrap()
}

pub(crate) fn flag(on: bool) -> Observation {
    Ok(FactValue::Flag(on))
}

pub(crate) fn number(n: i64) -> Observation {
    Ok(FactValue::Number(n))
}

pub(crate) fn word(w: &str) -> Observation {
    Ok(FactValue::Word(Word::try_from(w.to_owned()).unwrap()))
}

pub(crate) fn ports(p: &[u16]) -> Observation {
    Ok(FactValue::Ports(p.to_vec()))
}

/// What only root is told. Without root, a test of it can expect nothing more than to be refused.
pub(crate) fn as_root(seen: Observation) -> Observation {
    if rustix::process::geteuid().is_root() { seen } else { Err(Absence::NeedsRoot) }
}

/// One line of a table: a tree, a fact, what must come of it.
///
/// A file without which the observation is another one is one that the fact hangs on, and its source must have declared it.
pub(crate) fn check(files: &[(&str, &str)], fact: &str, want: &Observation) {
    let tree = Tree::of(files);
    assert_eq!(tree.read(fact), *want, "{fact} over {files:?}");
    let inputs = tree.reader().inputs(&id(fact));
    for (path, _) in files {
        let others: Vec<_> = files.iter().filter(|(other, _)| other != path).copied().collect();
        assert!(
            Tree::of(&others).read(fact) == *want || inputs.iter().any(|input| covers(input, &tree, path)),
            "{fact} does not say that it hangs on {path}: {inputs:?}"
        );
    }
}

/// Whether a change of what stands at `path` would be heard through `input`.
pub(crate) fn covers(input: &Input, tree: &Tree, path: &str) -> bool {
    let at = tree.path(path);
    // The running kernel is another one only after a new start.
    if path == "/proc/sys/kernel/osrelease" {
        return true;
    }
    match input {
        Input::Place(p)
        | Input::Directory(p)
        | Input::File(p)
        | Input::Places(p)
        | Input::Files(p)
        | Input::Parameter(p) => at.starts_with(p),
        Input::Entries(p) => at.parent() == Some(p),
        Input::Mounts => path.ends_with("/mountinfo") || path.starts_with("/sys/"),
        Input::Swaps => path == "/proc/swaps",
        Input::Processes(listed) => at == *listed || path.starts_with("/proc/") && path.ends_with("/stat"),
        Input::Sockets => path.starts_with("/proc/net/"),
        Input::Firewall => path.starts_with("/proc/net/") && path.ends_with("_tables_names"),
        // What the kernel lets nobody watch is asked for.
        Input::Every(_) => path.starts_with("/proc/"),
        Input::Unit(_) | Input::Units | Input::Audit | Input::Clock => false,
    }
}
