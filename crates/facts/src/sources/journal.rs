//! journald's settings and store. Where journald does not run, its settings mean nothing and nothing is reported of them.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use contract::fact::{Absence, FactValue, Observation};

use super::FactSource;
use super::settings::{matches, quantity};
use crate::config::Config;
use crate::inputs::{self, Input};
use crate::root::Root;

/// The six years of 45 CFR 164.316(b)(2)(i), in seconds. Any six in a row have one or two leap days; systemd's own `6year`, which is 2191 days and
/// a half, lies between, and whoever writes that means six years.
const SIX_YEARS_S: i64 = 6 * YEAR_S;
const YEAR_S: i64 = 31_557_600;
const DAY_S: i64 = 24 * 60 * 60;
const MB: u64 = 1024 * 1024;
/// What journald takes at most where nobody says otherwise, beside a tenth of the file system: see journald.conf(5).
const DEFAULT_MAX_MB: u64 = 4096;

/// Units of systemd.time(7).
const TIME_UNITS: &[(&[&str], i64)] = &[
    (&["s", "sec", "second", "seconds"], 1),
    (&["m", "min", "minute", "minutes"], 60),
    (&["h", "hr", "hour", "hours"], 3600),
    (&["d", "day", "days"], DAY_S),
    (&["w", "week", "weeks"], 7 * DAY_S),
    (&["M", "month", "months"], 2_629_800),
    (&["y", "year", "years"], YEAR_S),
];
const SIZE_UNITS: &[(&[&str], i64)] =
    &[(&["B"], 1), (&["K"], 1 << 10), (&["M"], 1 << 20), (&["G"], 1 << 30), (&["T"], 1 << 40)];

/// Later ones override earlier ones, name by name.
const DROP_INS: [&str; 4] = [
    "/usr/lib/systemd/journald.conf.d",
    "/usr/local/lib/systemd/journald.conf.d",
    "/run/systemd/journald.conf.d",
    "/etc/systemd/journald.conf.d",
];
/// The first of these that is there.
const MAIN: [&str; 3] =
    ["/etc/systemd/journald.conf", "/run/systemd/journald.conf", "/usr/lib/systemd/journald.conf"];

/// The journal.
pub(crate) struct Journal<'a> {
    root: &'a Root,
    settings: OnceCell<Result<BTreeMap<String, String>, Absence>>,
}

impl<'a> Journal<'a> {
    pub(crate) fn new(config: &'a Config) -> Self {
        Self { root: &config.root, settings: OnceCell::new() }
    }

    fn setting(&self, key: &str) -> Result<Option<&str>, Absence> {
        let settings = self.settings.get_or_init(|| settings(self.root)).as_ref().map_err(|a| *a)?;
        Ok(settings.get(key).map(String::as_str).filter(|v| !v.is_empty()))
    }

    fn persistent(&self) -> Observation {
        match self.setting("Storage")?.unwrap_or("auto") {
            "persistent" => Ok(FactValue::Flag(true)),
            "volatile" | "none" => Ok(FactValue::Flag(false)),
            "auto" => self.root.has("/var/log/journal").map(FactValue::Flag),
            _ => Err(Absence::Malformed),
        }
    }

    /// No limit by time is what journald does where nobody says otherwise.
    fn time_limit_under_six_years(&self) -> Observation {
        let limit = self.setting("MaxRetentionSec")?.unwrap_or("0");
        let seconds = quantity(limit, TIME_UNITS).ok_or(Absence::Malformed)?;
        Ok(FactValue::Flag(seconds != 0 && seconds < SIX_YEARS_S))
    }

    fn max_use_mb(&self) -> Observation {
        let mb = match self.setting("SystemMaxUse")? {
            Some(size) => quantity(size, SIZE_UNITS).ok_or(Absence::Malformed)?.unsigned_abs() / MB,
            None => {
                let path = self.root.path("/var/log");
                let fs = rustix::fs::statvfs(path).map_err(|e| self.root.absence(&e.into()))?;
                (fs.f_blocks.saturating_mul(fs.f_frsize) / 10 / MB).min(DEFAULT_MAX_MB)
            }
        };
        i64::try_from(mb).map(FactValue::Number).map_err(|_| Absence::Malformed)
    }
}

impl FactSource for Journal<'_> {
    fn read(&self, name: &str) -> Observation {
        match name {
            "persistent" => self.persistent(),
            "time_limit_under_six_years" => self.time_limit_under_six_years(),
            "max_use_mb" => self.max_use_mb(),
            _ => Err(Absence::Unsupported),
        }
    }

    /// The size of the file system that holds the journal changes with what is mounted.
    fn inputs(&self, name: &str) -> Vec<Input> {
        let root = self.root;
        let runs = inputs::places(root, ["/run/systemd/journal"]);
        let settings = [runs, inputs::files(root, MAIN), inputs::entries(root, DROP_INS)].concat();
        match name {
            "persistent" => [settings, inputs::places(root, ["/var/log/journal"])].concat(),
            "time_limit_under_six_years" => settings,
            "max_use_mb" => [settings, vec![Input::Mounts]].concat(),
            _ => Vec::new(),
        }
    }
}

/// The `[Journal]` section as journald sees it: the main file, then the drop-ins in the order of their names, whichever directory they are in.
fn settings(root: &Root) -> Result<BTreeMap<String, String>, Absence> {
    if !root.has("/run/systemd/journal")? {
        return Err(Absence::NotRunning);
    }
    let mut texts = Vec::new();
    for path in MAIN {
        if let Some(text) = root.optional_text(path)? {
            texts.push(text);
            break;
        }
    }
    let mut drop_ins = BTreeMap::new();
    for directory in DROP_INS {
        for name in root.names(directory)?.into_iter().filter(|n| matches("*.conf", n)) {
            let path = format!("{directory}/{name}");
            drop_ins.insert(name, path);
        }
    }
    for path in drop_ins.values() {
        texts.extend(root.optional_text(path)?);
    }
    let mut settings = BTreeMap::new();
    for text in &texts {
        merge(text, &mut settings);
    }
    Ok(settings)
}

fn merge(text: &str, settings: &mut BTreeMap<String, String>) {
    let mut inside = false;
    for line in text.lines().map(str::trim).filter(|l| !l.starts_with(['#', ';'])) {
        if line.starts_with('[') {
            inside = line == "[Journal]";
        } else if let (true, Some((key, value))) = (inside, line.split_once('=')) {
            settings.insert(key.trim().to_owned(), value.trim().to_owned());
        }
    }
}
