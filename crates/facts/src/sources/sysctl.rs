//! Kernel parameters, from `/proc/sys`.

use contract::fact::{Absence, FactValue, Observation};

use super::FactSource;
use crate::config::Config;
use crate::inputs::Input;
use crate::root::Root;

/// Kernel parameters.
pub(crate) struct Sysctl<'a> {
    root: &'a Root,
}

impl<'a> Sysctl<'a> {
    pub(crate) const fn new(config: &'a Config) -> Self {
        Self { root: &config.root }
    }
}

impl FactSource for Sysctl<'_> {
    /// A parameter that this kernel does not have is not installed; one of several numbers is not one that we judge.
    fn read(&self, name: &str) -> Observation {
        let text = self.root.text(path(name))?;
        text.trim().parse().map(FactValue::Number).map_err(|_| Absence::Malformed)
    }

    fn inputs(&self, name: &str) -> Vec<Input> {
        vec![Input::Parameter(self.root.path(path(name)))]
    }
}

fn path(name: &str) -> String {
    format!("/proc/sys/{}", name.replace('.', "/"))
}
