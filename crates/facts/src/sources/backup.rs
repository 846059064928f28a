//! Backups and restore tests: the age of the stamps that were declared to Suture. No stamp declared is not a missing backup, it is not known.

use std::path::PathBuf;

use contract::fact::{Absence, FactValue, Observation};

use super::FactSource;
use crate::config::Config;
use crate::inputs::{self, HOUR, Input};
use crate::root::age_ms;

const HOUR_MS: i64 = 60 * 60 * 1000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// Backups and restore tests.
pub(crate) struct Backup<'a> {
    config: &'a Config,
}

impl<'a> Backup<'a> {
    pub(crate) const fn new(config: &'a Config) -> Self {
        Self { config }
    }

    fn age(&self, stamp: Option<&PathBuf>, unit_ms: i64) -> Observation {
        let metadata = self.config.root.lstat(stamp.ok_or(Absence::NotDeclared)?)?;
        if !metadata.is_file() {
            return Err(Absence::Unreadable);
        }
        // Rounded up: a backup of 24 hours and a minute is more than a day old.
        let age = age_ms(&metadata, (self.config.clock)())?;
        Ok(FactValue::Number(age / unit_ms + i64::from(age % unit_ms != 0)))
    }
}

impl FactSource for Backup<'_> {
    fn read(&self, name: &str) -> Observation {
        let stamps = &self.config.stamps;
        match name {
            "age_hours" => self.age(stamps.backup.as_ref(), HOUR_MS),
            "restore_test_age_days" => self.age(stamps.restore_test.as_ref(), DAY_MS),
            _ => Err(Absence::Unsupported),
        }
    }

    /// A stamp ages without being touched.
    fn inputs(&self, name: &str) -> Vec<Input> {
        let stamp = match name {
            "age_hours" => self.config.stamps.backup.as_ref(),
            "restore_test_age_days" => self.config.stamps.restore_test.as_ref(),
            _ => return Vec::new(),
        };
        [inputs::files(&self.config.root, stamp), vec![Input::Clock, Input::Every(HOUR)]].concat()
    }
}
