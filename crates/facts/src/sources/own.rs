//! Suture's own directories, by their role. Where they are is the configuration's, and no fact or order ever names the path.

use contract::fact::{Absence, Observation};
use contract::runbook::OwnDirectory;

use super::FactSource;
use crate::config::Config;
use crate::root::permissions;

/// Suture's own directories.
pub(crate) struct Own<'a> {
    config: &'a Config,
}

impl<'a> Own<'a> {
    pub(crate) const fn new(config: &'a Config) -> Self {
        Self { config }
    }
}

impl FactSource for Own<'_> {
    fn read(&self, name: &str) -> Observation {
        let own = &self.config.own;
        let path = match OwnDirectory::from_word(name).ok_or(Absence::Unsupported)? {
            OwnDirectory::Evidence => &own.evidence,
            OwnDirectory::ExecutorKeys => &own.executor_keys,
            OwnDirectory::AgentKeys => &own.agent_keys,
        };
        let metadata = std::fs::symlink_metadata(path).map_err(|e| self.config.root.absence(&e))?;
        Ok(permissions(&metadata))
    }
}
