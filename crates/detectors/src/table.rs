//! The detectors as a table, for people: `docs/detectors.md` holds it.

use std::fmt;

use crate::definition::{Definition, Heard, Trigger};
use crate::library::Library;

impl Library {
    /// One row for each detector, in Markdown.
    pub fn table(&self) -> String {
        let head =
            "| detector | fires when | severity | kind | from | then looks at |\n|---|---|---|---|---|---|\n"
                .to_owned();
        let rows = self.iter().map(|d| {
            let Definition { id, title, kind, severity, source, when, look, .. } = d;
            let look: Vec<_> = look.iter().map(|control| format!("`{control}`")).collect();
            format!(
                "| `{id}` | {title}: {when} | {} | `{kind}` | {source} | {} |\n",
                severity.word(),
                look.join(", ")
            )
        });
        head + &rows.collect::<String>()
    }
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rate(rate) => rate.fmt(f),
            Self::After(after) => write!(f, "after {} of `{}`", after.rate, after.detector),
            Self::Missing(span) => write!(f, "none for {span}"),
            Self::DaysLeft(days) => write!(f, "{days} days left"),
            Self::Fills(span) => write!(f, "full within {span}"),
        }
    }
}

impl fmt::Display for Heard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.everything {
            return f.write_str("every line");
        }
        if self.measured.is_some() {
            return f.write_str("a measure");
        }
        let all: Vec<&str> = self.programs.iter().chain(&self.files).map(String::as_str).collect();
        f.write_str(&all.join(", "))
    }
}
