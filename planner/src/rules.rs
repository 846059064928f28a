//! The rule table: read strictly, refused as a whole.

use std::collections::BTreeSet;

use contract::digest::Digest;
use contract::ids::{ControlId, DetectorId, RunbookId};
use contract::incident::What;
use contract::signal::SignalKind;
use contract::yaml::{self, YamlError};
use serde::Deserialize;
use serde_yaml::Spanned;
use thiserror::Error;

/// A list with at least one member: a rule that speaks of nothing is a mistake, never a rule for everything.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Vec<T>")]
pub struct NonEmpty<T>(Vec<T>);

impl<T> TryFrom<Vec<T>> for NonEmpty<T> {
    type Error = &'static str;
    fn try_from(list: Vec<T>) -> Result<Self, Self::Error> {
        if list.is_empty() { Err("the list is empty: a rule that speaks of nothing") } else { Ok(Self(list)) }
    }
}

impl<T> NonEmpty<T> {
    /// Its members, at least one.
    pub fn members(&self) -> &[T] {
        &self.0
    }
}

/// What a rule speaks of, written out.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Condition {
    /// Drifts of these controls.
    Controls(NonEmpty<ControlId>),
    /// Signals of these detectors.
    Detectors(NonEmpty<DetectorId>),
    /// Signals of these kinds, whatever detector they are of.
    Kinds(NonEmpty<SignalKind>),
}

impl Condition {
    /// Whether it speaks of `what`.
    pub fn matches(&self, what: &What) -> bool {
        match (self, what) {
            (Self::Controls(list), What::Drift { control, fact: _, observed: _ }) => list.0.contains(control),
            (Self::Detectors(list), What::Signal(signal)) => list.0.contains(&signal.detector),
            (Self::Kinds(list), What::Signal(signal)) => list.0.contains(&signal.kind),
            (Self::Controls(_), What::Signal(_))
            | (Self::Detectors(_) | Self::Kinds(_), What::Drift { .. }) => false,
        }
    }

    /// The first name that stands in the list twice.
    fn repeated(&self) -> Option<String> {
        fn twice<T: Ord + ToString>(list: &NonEmpty<T>) -> Option<String> {
            let mut seen = BTreeSet::new();
            list.0.iter().find(|name| !seen.insert(*name)).map(T::to_string)
        }
        match self {
            Self::Controls(list) => twice(list),
            Self::Detectors(list) => twice(list),
            Self::Kinds(list) => twice(list),
        }
    }
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Its name in decisions: lower-case letters, digits and dashes.
    pub id: RuleId,
    /// What it speaks of.
    pub when: Condition,
    /// The runbook that it chooses,
    #[serde(default)]
    run: Option<RunbookId>,
    /// or why a person has to look.
    #[serde(default)]
    person: Option<String>,
}

/// What a rule answers: one of the two, never neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer<'a> {
    /// Order this runbook.
    Run(&'a RunbookId),
    /// Hand it to a person, for this reason.
    Person(&'a str),
}

impl Rule {
    /// What it answers.
    pub fn answer(&self) -> Answer<'_> {
        match (&self.run, &self.person) {
            (Some(runbook), _) => Answer::Run(runbook),
            // A table with a rule that has neither is refused when it is read.
            (None, why) => Answer::Person(why.as_deref().unwrap_or_default()),
        }
    }
}

/// A rule's name. It has the grammar of a tenant's: short, lower-case, printable.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct RuleId(String);

impl TryFrom<String> for RuleId {
    type Error = &'static str;
    fn try_from(s: String) -> Result<Self, Self::Error> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let fits = (1..=40).contains(&s.len()) && !s.starts_with('-') && s.bytes().all(plain);
        if fits {
            Ok(Self(s))
        } else {
            Err("a rule's id has 1 to 40 of a-z, 0-9 and -, and does not begin with -")
        }
    }
}

impl std::fmt::Display for RuleId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// The file as written, before its meaning is checked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    rules: Spanned<Vec<Spanned<Rule>>>,
}

/// The table: never empty, every id once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    pub(crate) file: String,
    pub(crate) table: Vec<(u64, Rule)>,
    digest: Digest,
}

/// Why a table was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RulesError {
    /// It is not YAML of our shape.
    #[error(transparent)]
    Yaml(#[from] YamlError),
    /// It is of our shape and makes no sense.
    #[error("{file}:{line}: {fault}")]
    Meaning {
        /// The file, as it was named to us.
        file: String,
        /// Counted from 1.
        line: u64,
        /// What makes no sense there.
        fault: RulesFault,
    },
}

/// What makes no sense in a table that is otherwise well written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RulesFault {
    /// A table without rules hands everything to a person: a mistake, not a policy.
    #[error("the list of rules is empty")]
    Empty,
    /// Two rules share an id.
    #[error("rule {0} appears twice")]
    Twice(String),
    /// A rule answers nothing, or two things at once.
    #[error("rule {0} must have `run`, or a reason under `person`, and not both")]
    NotOneAnswer(String),
    /// One rule names something twice.
    #[error("rule {rule} names {name} twice")]
    NamedTwice {
        /// Which rule.
        rule: String,
        /// What it names.
        name: String,
    },
}

impl Rules {
    /// Parses `text`. `file` is only for the messages.
    pub fn parse(file: &str, text: &str) -> Result<Self, RulesError> {
        let Written { rules: written } = yaml::parse(file, text)?;
        let refuse = |line, fault| Err(RulesError::Meaning { file: file.to_owned(), line, fault });
        if written.value.is_empty() {
            return refuse(written.referenced.line(), RulesFault::Empty);
        }
        let mut ids = BTreeSet::new();
        for Spanned { value: rule, referenced, .. } in &written.value {
            if !ids.insert(&rule.id) {
                return refuse(referenced.line(), RulesFault::Twice(rule.id.to_string()));
            }
            if rule.run.is_some() == rule.person.as_ref().is_some_and(|why| !why.trim().is_empty()) {
                return refuse(referenced.line(), RulesFault::NotOneAnswer(rule.id.to_string()));
            }
            if let Some(name) = rule.when.repeated() {
                return refuse(referenced.line(), RulesFault::NamedTwice { rule: rule.id.to_string(), name });
            }
        }
        let table = written.value.into_iter().map(|r| (r.referenced.line(), r.value)).collect();
        Ok(Self { file: file.to_owned(), table, digest: Digest::of(text.as_bytes()) })
    }

    /// The rules, in the file's order. Never empty.
    pub fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.table.iter().map(|(_, rule)| rule)
    }

    /// The digest of the table's bytes, as it stands in every decision.
    pub const fn digest(&self) -> Digest {
        self.digest
    }
}
