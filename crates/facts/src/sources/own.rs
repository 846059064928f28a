//! Suture's own directories, by their role. Where they are is the configuration's, and no fact or order ever names the path.

use std::path::PathBuf;

use contract::fact::{Absence, Observation};
use contract::runbook::OwnDirectory;

use super::FactSource;
use crate::config::Config;
use crate::inputs::Input;
use crate::root::permissions;

/// Suture's own directories.
pub(crate) struct Own<'a> {
    config: &'a Config,
}

impl<'a> Own<'a> {
    pub(crate) const fn new(config: &'a Config) -> Self {
        Self { config }
    }

    fn path(&self, name: &str) -> Option<&'a PathBuf> {
        let own = &self.config.own;
        Some(match OwnDirectory::from_word(name)? {
            OwnDirectory::Evidence => &own.evidence,
            OwnDirectory::ExecutorKeys => &own.executor_keys,
            OwnDirectory::AgentKeys => &own.agent_keys,
        })
    }
}

impl FactSource for Own<'_> {
    fn read(&self, name: &str) -> Observation {
        let path = self.path(name).ok_or(Absence::Unsupported)?;
        let metadata = std::fs::symlink_metadata(path).map_err(|e| self.config.root.absence(&e))?;
        Ok(permissions(&metadata))
    }

    fn inputs(&self, name: &str) -> Vec<Input> {
        self.path(name).map(|path| Input::Directory(path.clone())).into_iter().collect()
    }
}
