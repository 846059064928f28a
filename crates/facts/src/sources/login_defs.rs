//! `/etc/login.defs`: what new accounts and new passwords are given.

use contract::fact::{Absence, FactValue, Observation};

use super::FactSource;
use super::settings::{lines, number_or_word, word};
use crate::config::Config;
use crate::inputs::{self, Input};
use crate::root::Root;

/// Settings for new accounts.
pub(crate) struct LoginDefs<'a> {
    root: &'a Root,
}

impl<'a> LoginDefs<'a> {
    pub(crate) const fn new(config: &'a Config) -> Self {
        Self { root: &config.root }
    }

    /// The last line of this key wins.
    fn setting(&self, key: &str) -> Result<Option<String>, Absence> {
        let text = self.root.text("/etc/login.defs")?;
        let values = lines(&text).filter_map(|line| {
            let (name, value) = line.split_once([' ', '\t'])?;
            (name == key).then(|| value.trim().to_owned())
        });
        Ok(values.last())
    }
}

impl FactSource for LoginDefs<'_> {
    /// Where a key is not set, what login.defs(5) says is meant.
    fn read(&self, name: &str) -> Observation {
        match name {
            "encrypt_method" => word(&self.setting("ENCRYPT_METHOD")?.unwrap_or_else(|| "unset".to_owned())),
            "umask" => word(&self.setting("UMASK")?.unwrap_or_else(|| "022".to_owned())),
            "pass_max_days" => match self.setting("PASS_MAX_DAYS")?.map(|v| number_or_word(&v)) {
                None => Ok(FactValue::Number(-1)),
                Some(Ok(FactValue::Number(days))) => Ok(FactValue::Number(days)),
                Some(_) => Err(Absence::Malformed),
            },
            _ => Err(Absence::Unsupported),
        }
    }

    fn inputs(&self, name: &str) -> Vec<Input> {
        match name {
            "encrypt_method" | "umask" | "pass_max_days" => inputs::files(self.root, ["/etc/login.defs"]),
            _ => Vec::new(),
        }
    }
}
