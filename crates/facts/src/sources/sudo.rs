//! sudo's rules, from the files; and its version, for what the files leave unsaid.

use std::cell::OnceCell;

use contract::fact::{Absence, FactValue, Observation};

use super::{FactSource, sudoers};
use crate::config::Config;
use crate::inputs::{Input, UNHEARD};
use crate::program;
use crate::root::count;

/// From this version on, sudo uses a terminal of its own unless told otherwise.
const USES_PTY_SINCE: (u32, u32, u32) = (1, 9, 14);
/// Minutes; what sudo does where nobody says otherwise.
const TIMESTAMP_TIMEOUT: i64 = 15;

/// sudo's rules.
pub(crate) struct Sudo<'a> {
    config: &'a Config,
    lines: OnceCell<Result<Vec<String>, Absence>>,
}

impl<'a> Sudo<'a> {
    pub(crate) fn new(config: &'a Config) -> Self {
        Self { config, lines: OnceCell::new() }
    }

    fn lines(&self) -> Result<&[String], Absence> {
        self.lines.get_or_init(|| sudoers::lines(&self.config.root)).as_deref().map_err(|a| *a)
    }

    /// The options of all `Defaults` lines, in order. Those for one user or host (`Defaults:`, `Defaults@`) are not everyone's.
    fn defaults(&self) -> Result<Vec<String>, Absence> {
        let options = self.lines()?.iter().filter_map(|l| l.strip_prefix("Defaults"));
        let general = options.filter(|o| o.starts_with([' ', '\t']));
        Ok(general.flat_map(|o| o.split(',')).map(|o| o.trim().replace(' ', "")).collect())
    }

    /// Rules that let somebody act without a password, by tag or by default.
    fn nopasswd_rules(&self) -> Observation {
        let is_open = |line: &&String| {
            if line.starts_with("Defaults") {
                line.contains("!authenticate")
            } else {
                line.contains("NOPASSWD")
            }
        };
        count(self.lines()?.iter().filter(is_open).count())
    }

    fn switch(&self, name: &str) -> Result<Option<bool>, Absence> {
        let off = format!("!{name}");
        let last = self.defaults()?.into_iter().rfind(|o| *o == name || *o == off);
        Ok(last.map(|option| option == name))
    }

    fn value(&self, name: &str) -> Result<Option<String>, Absence> {
        let prefix = format!("{name}=");
        Ok(self.defaults()?.iter().rev().find_map(|o| o.strip_prefix(&prefix)).map(str::to_owned))
    }

    fn use_pty(&self) -> Observation {
        let on = match self.switch("use_pty")? {
            Some(on) => on,
            None => self.version()? >= USES_PTY_SINCE,
        };
        Ok(FactValue::Flag(on))
    }

    fn logs(&self) -> Observation {
        // A facility turns it on as much as the bare name does: the last word counts.
        let says = |o: &String| o == "syslog" || o == "!syslog" || o.starts_with("syslog=");
        let to_syslog = self.defaults()?.into_iter().rfind(says).is_none_or(|o| o != "!syslog");
        Ok(FactValue::Flag(to_syslog || self.value("logfile")?.is_some()))
    }

    /// Rounded up to whole minutes; negative where a password once given is never asked again.
    fn timestamp_timeout_minutes(&self) -> Observation {
        if self.switch("timestamp_timeout")? == Some(false) {
            return Ok(FactValue::Number(0));
        }
        let Some(written) = self.value("timestamp_timeout")? else {
            return Ok(FactValue::Number(TIMESTAMP_TIMEOUT));
        };
        let (whole, part) = written.split_once('.').unwrap_or((&written, ""));
        let minutes: i64 = whole.parse().map_err(|_| Absence::Malformed)?;
        let more = part.bytes().any(|b| b != b'0') && minutes >= 0;
        Ok(FactValue::Number(minutes + i64::from(more)))
    }

    /// `Sudo version 1.9.13p3`.
    fn version(&self) -> Result<(u32, u32, u32), Absence> {
        let printed = program::run(&self.config.root, "sudo", &["-V"], self.config.limit)?;
        let version = printed.out.lines().next().and_then(|l| l.strip_prefix("Sudo version "));
        let numbers = |v: &str| -> Option<Vec<u32>> { v.split('.').map(leading_number).collect() };
        match version.and_then(numbers).as_deref() {
            Some([major, minor]) => Ok((*major, *minor, 0)),
            Some([major, minor, patch, ..]) => Ok((*major, *minor, *patch)),
            _ => Err(Absence::Malformed),
        }
    }
}

impl FactSource for Sudo<'_> {
    fn read(&self, name: &str) -> Observation {
        match name {
            "nopasswd_rules" => self.nopasswd_rules(),
            "use_pty" => self.use_pty(),
            "logs" => self.logs(),
            "timestamp_timeout_minutes" => self.timestamp_timeout_minutes(),
            _ => Err(Absence::Unsupported),
        }
    }

    fn inputs(&self, name: &str) -> Vec<Input> {
        let root = &self.config.root;
        match name {
            "nopasswd_rules" | "logs" | "timestamp_timeout_minutes" => {
                [sudoers::inputs(root), vec![Input::Every(UNHEARD)]].concat()
            }
            "use_pty" => [sudoers::inputs(root), program::inputs(root, "sudo")].concat(),
            _ => Vec::new(),
        }
    }
}

fn leading_number(text: &str) -> Option<u32> {
    text[..text.bytes().take_while(u8::is_ascii_digit).count()].parse().ok()
}
