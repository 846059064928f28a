//! restic: its list of snapshots, the list of one, a restore, and single files.
//!
//! What it complains about is turned into words of ours and goes no further: a repository's address can hold a password.

use std::path::{Path, PathBuf};

use contract::resource::{AbsolutePath, Endpoint};
use contract::runbook::{RestoreTest, SandboxProfile};
use jiff::Timestamp;
use serde::Deserialize;

use super::environment::Environment;
use super::scratch::Scratch;
use crate::program::{Connected, Program};
use crate::{HandError, Place};

/// How long the list of a snapshot's part may be, in MiB: some hundred thousand files.
const LIST_MB: u32 = 64;
/// What restic may take: its index lies in memory.
const MEMORY_MB: u32 = 1024;
/// A snapshot that is dated later than this is from another clock.
const AHEAD_S: i64 = 24 * 3600;

/// An instant as restic writes it, in whatever zone it ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct When(pub(super) Timestamp);

impl TryFrom<String> for When {
    type Error = jiff::Error;
    fn try_from(text: String) -> Result<Self, jiff::Error> {
        text.parse().map(Self)
    }
}

/// A snapshot, by its identity in the repository.
#[derive(Debug, Deserialize)]
pub(super) struct Snapshot {
    pub(super) id: String,
    time: When,
    paths: Vec<PathBuf>,
    /// The host that it was taken of, by the name that it then had.
    #[serde(default)]
    hostname: String,
}

/// A regular file of a snapshot.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) path: PathBuf,
    pub(super) size: u64,
    pub(super) modified: Timestamp,
}

/// One line of `restic ls --json`. Of other kinds of lines nothing is wanted.
#[derive(Deserialize)]
struct Line {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    path: PathBuf,
    #[serde(default)]
    size: u64,
    mtime: Option<When>,
}

/// restic with its environment, for one test.
pub(super) struct Restic<'a> {
    program: PathBuf,
    environment: Environment,
    reaches: Vec<Endpoint>,
    place: &'a Place<'a>,
    connections: Vec<Connected>,
}

impl<'a> Restic<'a> {
    pub(super) const fn new(
        program: PathBuf,
        environment: Environment,
        reaches: Vec<Endpoint>,
        place: &'a Place<'a>,
    ) -> Self {
        Self { program, environment, reaches, place, connections: Vec::new() }
    }

    /// The connections that were made.
    pub(super) fn connections(self) -> Vec<Connected> {
        self.connections
    }

    /// The newest snapshot of this host that holds all that is to be restored, if it is recent. Hosts may share a repository: a neighbour's backup proves
    /// nothing about ours, however whole it is.
    pub(super) fn newest(&mut self, test: &RestoreTest) -> Result<Snapshot, HandError> {
        let printed = self.run("listing the snapshots", &["snapshots"], None, 4)?;
        // Without any, some versions print an empty list and some `null`.
        let snapshots: Option<Vec<Snapshot>> = serde_json::from_slice(&printed).map_err(|_| self.odd())?;
        let snapshots = snapshots.unwrap_or_default();
        let holds = |snapshot: &Snapshot| {
            test.include.iter().all(|path| {
                let path = Path::new(path.as_str());
                snapshot.paths.iter().any(|base| path.starts_with(base) || base.starts_with(path))
            })
        };
        let is_any = !snapshots.is_empty();
        let host = self.environment.host();
        let (own, others): (Vec<_>, Vec<_>) = snapshots.into_iter().partition(|s| s.hostname == host);
        let what = match (own.is_empty(), others.iter().any(holds)) {
            (false, _) => "no snapshot holds what is to be restored: this host's hold other things",
            (true, true) => "no snapshot is this host's: there are only those of hosts with other names",
            (true, false) if is_any => "no snapshot holds what is to be restored, and none is this host's",
            (true, false) => "no snapshot holds what is to be restored: there is none",
        };
        let newest = own.into_iter().filter(holds).max_by_key(|snapshot| snapshot.time);
        let newest = newest.ok_or(HandError::NotAsDeclared { what })?;
        let age_s = edge::clock::utc().unix_ms() / 1000 - newest.time.0.as_second();
        if age_s > i64::from(test.snapshot_days_max) * 24 * 3600 {
            return Err(HandError::NotAsDeclared { what: "no recent snapshot" });
        }
        if age_s < -AHEAD_S {
            return Err(HandError::NotAsDeclared { what: "the newest snapshot is from the future" });
        }
        if newest.id.len() != 64 || !newest.id.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(self.odd());
        }
        Ok(newest)
    }

    /// The regular files of a snapshot at and below `include`. Each of these must hold one: what is not there was not tested.
    pub(super) fn list(
        &mut self,
        snapshot: &Snapshot,
        include: &[AbsolutePath],
    ) -> Result<Vec<Listed>, HandError> {
        let mut arguments = vec!["ls", "--recursive", snapshot.id.as_str()];
        arguments.extend(include.iter().map(AbsolutePath::as_str));
        let printed = self.run("listing a snapshot", &arguments, None, LIST_MB)?;
        let mut files = Vec::new();
        for line in printed.split(|b| *b == b'\n').filter(|line| !line.is_empty()) {
            let line: Line = serde_json::from_slice(line).map_err(|_| self.odd())?;
            if line.kind == "file" {
                let modified = line.mtime.ok_or_else(|| self.odd())?.0;
                files.push(Listed { path: line.path, size: line.size, modified });
            }
        }
        let held = |path: &AbsolutePath| files.iter().any(|file| file.path.starts_with(path.as_str()));
        if include.is_empty() || !include.iter().all(held) {
            return Err(HandError::NotAsDeclared {
                what: "the snapshot holds no file of something to be restored",
            });
        }
        Ok(files)
    }

    /// Restores `include`, verified by restic itself.
    pub(super) fn restore(
        &mut self,
        snapshot: &Snapshot,
        include: &[AbsolutePath],
        scratch: &Scratch,
    ) -> Result<(), HandError> {
        let target = scratch.path().to_string_lossy().into_owned();
        let mut arguments = vec!["restore", "--verify", "--target", target.as_str()];
        for path in include {
            arguments.extend(["--include", path.as_str()]);
        }
        arguments.push(&snapshot.id);
        self.run("restoring a snapshot", &arguments, Some(scratch), 16).map(|_| ())
    }

    /// The bytes of one file, fetched by themselves.
    pub(super) fn dump(&mut self, snapshot: &Snapshot, file: &Listed) -> Result<Vec<u8>, HandError> {
        let path = file.path.to_string_lossy().into_owned();
        let size_mb = u32::try_from(file.size >> 20).unwrap_or(u32::MAX).saturating_add(1);
        self.run("fetching a file", &["dump", &snapshot.id, &path], None, size_mb)
    }

    /// Looks whether to go on.
    pub(super) fn go_on(&self) -> Result<(), HandError> {
        self.place.go_on()
    }

    fn run(
        &mut self,
        what: &'static str,
        words: &[&str],
        writes: Option<&Scratch>,
        output_mb: u32,
    ) -> Result<Vec<u8>, HandError> {
        self.place.go_on()?;
        let mut arguments = vec!["--no-lock", "--no-cache"];
        // A dumped file is bytes, and a restore's progress as JSON would be one line for each file.
        arguments.push(if matches!(words.first(), Some(&("snapshots" | "ls"))) {
            "--json"
        } else {
            "--quiet"
        });
        arguments.extend(words);
        let mut program = Program {
            path: self.program.clone(),
            reads: self.environment.reads().to_vec(),
            memory_mb: MEMORY_MB,
            output_mb,
            time_limit_ms: self.place.left_ms(),
            ..Program::of_the_system("", &arguments)
        };
        program.environment.extend(self.environment.variables().iter().cloned());
        if !self.environment.is_local() {
            program.profile = SandboxProfile::StandardNet;
            program.reaches.clone_from(&self.reaches);
        }
        // Whoever the repository's files belong to, they are read; and what is restored gets the owners and modes that it had.
        program.capabilities = vec!["CAP_DAC_READ_SEARCH"];
        if let Some(scratch) = writes {
            program.writes = vec![scratch.path().to_owned()];
            program.capabilities.extend(["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID"]);
        }
        let ran = self.place.programs.run(&program)?;
        self.connections.extend(ran.connections);
        match ran.status {
            Some(0) => Ok(ran.output),
            status => Err(self.refused(what, status, &ran.complaint)),
        }
    }

    /// What restic's complaint means, in words that hold nothing of it.
    fn refused(&self, what: &'static str, status: Option<i32>, complaint: &[u8]) -> HandError {
        let complaint = String::from_utf8_lossy(complaint);
        let means = [
            ("wrong password or no key found", "the repository does not open with the given password"),
            ("Is there a repository", "there is no repository where the environment file says"),
            ("unable to open config file", "there is no repository where the environment file says"),
        ];
        match means.iter().find(|(said, _)| complaint.contains(said)) {
            Some((_, what)) => HandError::NotAsDeclared { what },
            None => {
                let how = status.map_or_else(|| "ended by a signal".to_owned(), |s| format!("status {s}"));
                HandError::Program { program: self.program.clone(), why: format!("{what}: {how}") }
            }
        }
    }

    fn odd(&self) -> HandError {
        let why = "it printed what this version does not understand".to_owned();
        HandError::Program { program: self.program.clone(), why }
    }
}
