//! Which log files there are. A directory may hold a million files: they are passed by one at a time, and only the newest few are kept.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::detectors::Source;

/// Far more than any machine of ours writes to; which ones follows from who is written to.
pub(super) const FILES_MAX: usize = 512;

/// Where log files are looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// In this directory and those right below it, also those that are made later. The journal's own is left out.
    Below {
        /// The directory.
        root: PathBuf,
        /// True where the journal is followed too: what a syslog daemon copies out of it is not read twice.
        beside_journal: bool,
    },
    /// In these.
    Directories(Vec<PathBuf>),
}

/// Log files, as they were found.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// The newest by their time of change, by name.
    pub(super) paths: Vec<PathBuf>,
    /// How many there are beside these.
    pub(super) beyond: u64,
    /// Directories that may not be looked into: logs may lie there.
    pub(super) closed: Vec<PathBuf>,
}

impl Scope {
    /// The directories as they are now.
    pub(super) fn directories(&self) -> Vec<PathBuf> {
        match self {
            Self::Directories(list) => list.clone(),
            Self::Below { root, .. } => below(root),
        }
    }

    /// The directory in which others may be made.
    pub(super) fn root(&self) -> Option<&Path> {
        match self {
            Self::Directories(_) => None,
            Self::Below { root, .. } => Some(root),
        }
    }

    /// True where `path` is to be followed, by its name. One that is not UTF-8 is not: its place could not be kept.
    pub(super) fn is_log(&self, path: &Path) -> bool {
        let named =
            path.to_str().is_some() && path.file_name().and_then(|n| n.to_str()).is_some_and(is_log_name);
        let copied = match self {
            Self::Directories(_) => false,
            Self::Below { root, beside_journal } => {
                *beside_journal && path.parent() == Some(root) && is_syslog_copy(path)
            }
        };
        named && !copied
    }

    /// What the lines of a file are. Only right in a directory that is followed may they be a syslog daemon's: what lies deeper is its owner's, who
    /// may give it any name. Beside the journal none is: journald knows who wrote a line, and a file does not.
    pub(super) fn source<'a>(&self, path: &'a Path) -> Source<'a> {
        let is_of_daemon = match self {
            Self::Directories(list) => list.iter().any(|directory| path.parent() == Some(directory)),
            Self::Below { root, beside_journal } => !beside_journal && path.parent() == Some(root),
        };
        if is_of_daemon { Source::of_file(path) } else { Source::of_program(path) }
    }

    pub(super) fn list(&self) -> Listing {
        let mut newest: BTreeSet<(SystemTime, PathBuf)> = BTreeSet::new();
        let (mut beyond, mut closed) = (0, Vec::new());
        for directory in self.directories() {
            let entries = match std::fs::read_dir(&directory) {
                Ok(entries) => entries,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(_) => {
                    closed.push(directory);
                    continue;
                }
            };
            for entry in entries.flatten() {
                let path = entry.path();
                // Through links: what is followed is what they lead to.
                if self.is_log(&path)
                    && let Ok(metadata) = std::fs::metadata(&path)
                    && metadata.is_file()
                {
                    newest.insert((metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH), path));
                    if newest.len() > FILES_MAX {
                        newest.pop_first();
                        beyond += 1;
                    }
                }
            }
        }
        let mut paths: Vec<_> = newest.into_iter().map(|(_, path)| path).collect();
        paths.sort();
        Listing { paths, beyond, closed }
    }
}

fn below(root: &Path) -> Vec<PathBuf> {
    let mut directories = vec![root.to_owned()];
    if let Ok(entries) = std::fs::read_dir(root) {
        let directory =
            |e: &std::fs::DirEntry| e.file_type().is_ok_and(|t| t.is_dir()) && e.file_name() != "journal";
        directories.extend(entries.flatten().filter(directory).map(|e| e.path()));
    }
    directories.sort();
    directories
}

/// The names that log files without an extension have.
const PLAIN: [&str; 8] = ["syslog", "messages", "secure", "maillog", "cron", "daemon", "debug", "warn"];

fn is_log_name(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|e| e == "log") || PLAIN.contains(&name)
}

/// What syslog daemons write as they are shipped, from what they were given by the journal.
fn is_syslog_copy(path: &Path) -> bool {
    const COPIES: [&str; 6] = ["auth.log", "kern.log", "daemon.log", "user.log", "mail.log", "cron.log"];
    path.file_name().and_then(|n| n.to_str()).is_some_and(|n| PLAIN.contains(&n) || COPIES.contains(&n))
}
