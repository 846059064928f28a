//! A detector as it stands in its file.

use contract::baseline::Severity;
use contract::ids::{ControlId, DetectorId};
use contract::signal::SignalKind;
use serde::Deserialize;
use serde_yaml::Spanned;

use crate::rate::{Rate, Span};
use crate::source::{Program, Source};

/// One detector.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// Its id.
    pub id: DetectorId,
    /// What it means when it fires, in plain words.
    pub title: String,
    /// What it is about.
    pub kind: SignalKind,
    /// How much it matters.
    pub severity: Severity,
    /// Whose lines it looks at.
    pub source: Heard,
    /// A line that has one of these shapes counts. None where it looks at a measure.
    #[serde(default)]
    pub lines: Vec<Shape>,
    /// When it fires.
    pub when: Trigger,
    /// Controls that are looked at as soon as it fires: what they find can be repaired, a signal alone cannot.
    #[serde(default)]
    pub look: Vec<ControlId>,
    /// Messages that must count.
    pub matches: Vec<Sample>,
    /// Messages that must not.
    pub ignores: Vec<Sample>,
}

/// Whose lines a detector looks at.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Heard {
    /// Programs, in the journal and in syslog's files.
    pub programs: Vec<String>,
    /// Who must vouch for them in the journal.
    pub by: By,
    /// Programs' own files: `nginx/` for all of a directory, `fail2ban.log` for one.
    pub files: Vec<String>,
    /// Every line, whoever wrote it. Only for what anybody may say.
    pub everything: bool,
    /// No lines at all, but a measure of the machine.
    pub measured: Option<Measured>,
}

/// Who must vouch for a program's name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// The entry must be root's or the kernel's.
    #[default]
    Root,
    /// Any account's, where the program itself lies where only root can place it.
    Anyone,
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measured {
    /// How full each file system is.
    Disk,
}

/// One shape that a line may have.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    /// A text that every such line holds.
    pub literal: String,
    /// The shape. Its named groups are what it takes out of the line.
    pub pattern: String,
}

/// When a detector fires.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Trigger {
    /// So many lines within so long.
    Rate(Rate),
    /// One line, where another detector's rate was reached before it by the same source.
    After(After),
    /// No line for so long, once there was one.
    Missing(Span),
    /// A line that tells so few days, or fewer.
    DaysLeft(u16),
    /// A measure that reaches its end within so long, at the pace of the last hour.
    Fills(Span),
}

/// What has to have happened before.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct After {
    /// The other detector.
    pub detector: DetectorId,
    /// How often its lines must have come.
    pub rate: Rate,
}

/// A sample, and where it stands.
#[derive(Debug, Clone, Deserialize)]
#[serde(from = "Spanned<String>")]
pub struct Sample {
    /// Counted from 1.
    pub line: u64,
    /// The message, without its source's header.
    pub text: String,
}

impl From<Spanned<String>> for Sample {
    fn from(written: Spanned<String>) -> Self {
        Self { line: written.referenced.line(), text: written.value }
    }
}

impl Heard {
    /// Whether a line of `source`, written by `program`, is one of those.
    pub(crate) fn hears(&self, source: &Source<'_>, program: Option<Program<'_>>) -> bool {
        if self.everything {
            return true;
        }
        let named = |p: &Program<'_>| self.programs.iter().any(|name| name.as_bytes() == p.name);
        let vouched = |p: &Program<'_>| match self.by {
            By::Root => p.by_root,
            By::Anyone => true,
        };
        match source {
            Source::Journal(_) | Source::Syslog => program.is_some_and(|p| named(&p) && vouched(&p)),
            Source::File(path) => self.files.iter().any(|file| is_of(path, file)),
        }
    }
}

/// Whether `path` is the file `wanted`, or lies right in it where it ends in a slash.
fn is_of(path: &str, wanted: &str) -> bool {
    let (of, wanted) = match wanted.strip_suffix('/') {
        Some(directory) => (path.rsplit_once('/').map_or("", |(parent, _)| parent), directory),
        None => (path, wanted),
    };
    of.strip_suffix(wanted).is_some_and(|before| before.is_empty() || before.ends_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_the_end_of_its_path() {
        for (path, wanted, is) in [
            ("/var/log/nginx/error.log", "nginx/", true),
            ("/var/log/nginx/error.log", "error.log", true),
            ("/var/log/nginx/error.log", "nginx/error.log", true),
            ("/var/log/mynginx/error.log", "nginx/", false),
            ("/var/log/nginx/old/error.log", "nginx/", false),
            ("/var/log/fail2ban.log", "ban.log", false),
            ("fail2ban.log", "fail2ban.log", true),
        ] {
            assert_eq!(is_of(path, wanted), is, "{path} {wanted}");
        }
    }
}
