//! The Linux audit subsystem: `auditctl` asks the kernel, `auditd.conf` says how long the trail is kept.

use contract::fact::{Absence, FactValue, Observation};

use super::FactSource;
use super::settings::{lines, word};
use crate::config::Config;
use crate::inputs::{self, Input, MINUTE};
use crate::program;
use crate::root::count;

/// The audit subsystem.
pub(crate) struct Audit<'a> {
    config: &'a Config,
}

impl<'a> Audit<'a> {
    pub(crate) const fn new(config: &'a Config) -> Self {
        Self { config }
    }

    /// What `auditctl` prints. Only root may ask the kernel, so we do not even try without.
    fn auditctl(&self, argument: &str) -> Result<String, Absence> {
        let root = &self.config.root;
        program::find(root, "auditctl")?;
        if !root.is_superuser() {
            return Err(Absence::NeedsRoot);
        }
        let printed = program::run(root, "auditctl", &[argument], self.config.limit)?;
        if printed.status.success() { Ok(printed.out) } else { Err(Absence::Unreadable) }
    }

    fn enabled(&self) -> Observation {
        let status = self.auditctl("-s")?;
        let enabled = status.lines().find_map(|l| l.strip_prefix("enabled "));
        match enabled.map(str::trim) {
            Some("0") => Ok(FactValue::Flag(false)),
            // 2 is on, and locked until the next start.
            Some("1" | "2") => Ok(FactValue::Flag(true)),
            _ => Err(Absence::Malformed),
        }
    }

    fn rules(&self) -> Observation {
        let list = self.auditctl("-l")?;
        let rules = list.lines().filter(|l| l.starts_with('-')).count();
        if rules == 0 && list.trim() != "No rules" { Err(Absence::Malformed) } else { count(rules) }
    }

    /// auditd's own default is to rotate, which deletes.
    fn max_log_file_action(&self) -> Observation {
        let text = self.config.root.text("/etc/audit/auditd.conf")?;
        let setting = lines(&text)
            .filter_map(|l| l.split_once('='))
            .filter(|(key, _)| key.trim().eq_ignore_ascii_case("max_log_file_action"))
            .last();
        word(&setting.map_or("rotate", |(_, value)| value.trim()).to_ascii_lowercase())
    }
}

impl FactSource for Audit<'_> {
    fn read(&self, name: &str) -> Observation {
        match name {
            "enabled" => self.enabled(),
            "rules" => self.rules(),
            "max_log_file_action" => self.max_log_file_action(),
            _ => Err(Absence::Unsupported),
        }
    }

    /// The kernel tells of its audit rules to root alone, so they are looked at again now and then.
    fn inputs(&self, name: &str) -> Vec<Input> {
        let root = &self.config.root;
        match name {
            "enabled" | "rules" => {
                let service = Input::Unit("auditd.service".to_owned());
                [program::inputs(root, "auditctl"), vec![service, Input::Audit, Input::Every(MINUTE)]]
                    .concat()
            }
            "max_log_file_action" => inputs::files(root, ["/etc/audit/auditd.conf"]),
            _ => Vec::new(),
        }
    }
}
