//! Which paths the facts of the baseline are about. Pure: ids in, paths out.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use contract::fact::{FactId, Source};
use contract::runbook::OwnDirectory;

use crate::config::Own;

/// The directories to watch. `None` stands for the directory itself, a name for one of its entries.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Interests(BTreeMap<PathBuf, BTreeMap<Option<OsString>, BTreeSet<FactId>>>);

impl Interests {
    /// Those of `facts`. Only facts about one path can be watched; all others wait for the next full scan.
    pub fn of(facts: &[FactId], own: &Own) -> Self {
        let mut interests = Self::default();
        for fact in facts {
            match (fact.source(), path_of(fact, own)) {
                (Source::Own, Some(path)) => {
                    interests.entry(&path, fact);
                    // Its parent may be closed to us while the directory itself is not.
                    interests.add(&path, None, fact);
                }
                (_, Some(path)) => interests.entry(&path, fact),
                (_, None) => {}
            }
        }
        interests
    }

    fn entry(&mut self, path: &Path, fact: &FactId) {
        if let (Some(parent), Some(name)) = (path.parent(), path.file_name()) {
            self.add(parent, Some(name.to_owned()), fact);
        }
    }

    fn add(&mut self, directory: &Path, name: Option<OsString>, fact: &FactId) {
        self.0.entry(directory.to_owned()).or_default().entry(name).or_default().insert(fact.clone());
    }

    /// The directories, and whether their entries matter or only they themselves.
    pub fn directories(&self) -> impl Iterator<Item = (&Path, bool)> {
        self.0.iter().map(|(path, names)| (path.as_path(), names.keys().any(Option::is_some)))
    }

    /// The facts that an event in `directory` is about: on its entry `name`, or on itself.
    pub fn facts(&self, directory: &Path, name: Option<&OsStr>) -> impl Iterator<Item = &FactId> {
        let key = name.map(OsStr::to_owned);
        self.0.get(directory).and_then(|names| names.get(&key)).into_iter().flatten()
    }

    /// All facts that depend on anything in `directory`.
    pub fn all_facts(&self, directory: &Path) -> impl Iterator<Item = &FactId> {
        self.0.get(directory).into_iter().flat_map(BTreeMap::values).flatten()
    }
}

fn path_of(fact: &FactId, own: &Own) -> Option<PathBuf> {
    match fact.source() {
        Source::Own => OwnDirectory::from_word(fact.name()).map(|directory| {
            let path = match directory {
                OwnDirectory::Evidence => &own.evidence,
                OwnDirectory::ExecutorKeys => &own.executor_keys,
                OwnDirectory::AgentKeys => &own.agent_keys,
            };
            path.path().to_owned()
        }),
        Source::Path => Some(fact.name()).filter(|name| name.starts_with('/')).map(PathBuf::from),
        Source::Accounts
        | Source::Audit
        | Source::Backup
        | Source::Cpu
        | Source::Disk
        | Source::Firewall
        | Source::Journal
        | Source::Listening
        | Source::LoginDefs
        | Source::Nixos
        | Source::Pam
        | Source::Sshd
        | Source::Sudo
        | Source::Sysctl
        | Source::Time
        | Source::Tls
        | Source::Unit
        | Source::Updates => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own() -> Own {
        let path = |p: &str| p.to_owned().try_into().unwrap();
        Own { evidence: path("/s/evidence"), executor_keys: path("/s/keys"), agent_keys: path("/a/keys") }
    }

    #[test]
    fn only_facts_about_one_path_are_watched_at_their_parent() {
        let ids = ["own:evidence", "path:/etc/shadow", "path:world_writable_in_etc", "sshd:permitrootlogin"];
        let facts: Vec<FactId> = ids.iter().map(|id| id.parse().unwrap()).collect();
        let interests = Interests::of(&facts, &own());
        let directories: Vec<_> = interests.directories().map(|(p, n)| (p.to_str().unwrap(), n)).collect();
        assert_eq!(directories, [("/etc", true), ("/s", true), ("/s/evidence", false)]);
        let on = |directory: &str, name: Option<&str>| {
            interests
                .facts(Path::new(directory), name.map(OsStr::new))
                .map(FactId::to_string)
                .collect::<Vec<_>>()
        };
        assert_eq!(on("/etc", Some("shadow")), ["path:/etc/shadow"]);
        assert_eq!(on("/s", Some("evidence")), ["own:evidence"]);
        assert_eq!(on("/s/evidence", None), ["own:evidence"]);
        // The executor's own writes into the log are no change of its permissions.
        assert_eq!(on("/s/evidence", Some("entries")), [""; 0]);
        assert_eq!(on("/etc", Some("passwd-")), [""; 0]);
    }
}
