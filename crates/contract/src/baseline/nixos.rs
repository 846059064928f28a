//! What declares a control on NixOS: option assignments, or the reason why there is none.

use std::fmt;

use serde::Deserialize;
use thiserror::Error;

/// What declares a control on NixOS.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Nixos {
    /// These options, set together.
    Options(Vec<Assignment>),
    /// Nothing does, for this reason.
    None(String),
}

impl Nixos {
    /// The assignments; none where a reason stands in their place.
    pub fn assignments(&self) -> &[Assignment] {
        match self {
            Self::Options(assignments) => assignments,
            Self::None(_) => &[],
        }
    }

    /// True where there is neither an option nor a reason.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Options(assignments) => assignments.is_empty(),
            Self::None(reason) => reason.trim().is_empty(),
        }
    }
}

impl fmt::Display for Nixos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Options(list) => {
                f.pad(&list.iter().map(Assignment::to_string).collect::<Vec<_>>().join("; "))
            }
            Self::None(reason) => f.pad(&format!("none: {reason}")),
        }
    }
}

/// One option and its value, such as `services.openssh.settings.PermitRootLogin = "no"`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Assignment {
    option: String,
    value: String,
}

/// Why a string is not an assignment.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is not an assignment: it must be written like services.openssh.enable = true")]
pub struct BadAssignment(String);

impl Assignment {
    /// The option's name, as written.
    pub fn option(&self) -> &str {
        &self.option
    }

    /// The value: a Nix expression, never evaluated by us.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// The option's name, part by part: quotes keep the dots within them.
    pub fn parts(&self) -> Vec<&str> {
        let mut quoted = false;
        let split = self.option.split(move |c| {
            quoted ^= c == '"';
            c == '.' && !quoted
        });
        split.map(|part| part.trim_matches('"')).collect()
    }
}

impl TryFrom<String> for Assignment {
    type Error = BadAssignment;
    fn try_from(s: String) -> Result<Self, BadAssignment> {
        let parsed = s
            .split_once(" = ")
            .map(|(option, value)| Self { option: option.to_owned(), value: value.to_owned() });
        let plain = |a: &Self| {
            let named = a.parts().len() > 1 && a.parts().iter().all(|p| !p.is_empty());
            let balanced = a.option.matches('"').count().is_multiple_of(2);
            let one_line = !s.contains(char::is_control) && s.len() <= 200;
            named && balanced && one_line && !a.option.contains([' ', ';']) && !a.value.trim().is_empty()
        };
        parsed.filter(plain).ok_or_else(|| BadAssignment(s.chars().take(80).collect()))
    }
}

impl fmt::Display for Assignment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {}", self.option, self.value)
    }
}
