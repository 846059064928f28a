//! The rule table: read strictly, refused as a whole. What is not written holds nowhere: no rule is for every system, every control or every signal by
//! default.

mod case;
mod condition;
mod index;
mod rule;
mod within;

use std::collections::BTreeSet;

use contract::digest::Digest;
use contract::ids::RunbookId;
use contract::incident::What;
use contract::runbook::TargetOs;
use contract::yaml::{self, YamlError};
use serde::Deserialize;
use serde_yaml::Spanned;
use thiserror::Error;

pub use case::{RuleCase, Short};
pub use condition::{Condition, ConditionFault, Drifts, Named, Seen, Signals};
pub use rule::{Answer, Rule, RuleId, RulePriority};
pub(crate) use rule::{SYSTEMS, os_word, serves};
pub use within::{Hollow, NonEmpty, Within};

use index::Index;
use rule::OwnAnswer;

/// The file as written, before its meaning is checked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    rules: Spanned<Vec<Spanned<WrittenRule>>>,
}

/// One rule as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRule {
    id: RuleId,
    os: TargetOs,
    priority: RulePriority,
    when: Condition,
    #[serde(default)]
    run: Option<RunbookId>,
    #[serde(default)]
    person: Option<String>,
    #[serde(default)]
    tests: Vec<Spanned<RuleCase>>,
}

/// The table: never empty, every id once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    pub(crate) file: String,
    pub(crate) table: Vec<(u64, Rule)>,
    index: Index,
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
    Twice(RuleId),
    /// A rule answers nothing, or two things at once.
    #[error("rule {0} must have `run`, or a reason under `person`, and not both")]
    NotOneAnswer(RuleId),
    /// One rule names something twice.
    #[error("rule {rule} names {name} twice")]
    NamedTwice {
        /// Which rule.
        rule: RuleId,
        /// What it names.
        name: String,
    },
}

impl Rules {
    /// Parses `text`. `file` is only for the messages.
    pub fn parse(file: &str, text: &str) -> Result<Self, RulesError> {
        let Written { rules: written } = yaml::parse(file, text)?;
        let refuse = |line, fault| RulesError::Meaning { file: file.to_owned(), line, fault };
        if written.value.is_empty() {
            return Err(refuse(written.referenced.line(), RulesFault::Empty));
        }
        let mut ids = BTreeSet::new();
        let mut table = Vec::with_capacity(written.value.len());
        for item in written.value {
            let line = item.referenced.line();
            let rule = item.value.checked().map_err(|fault| refuse(line, fault))?;
            if !ids.insert(rule.id.clone()) {
                return Err(refuse(line, RulesFault::Twice(rule.id)));
            }
            table.push((line, rule));
        }
        let index = Index::of(&table);
        Ok(Self { file: file.to_owned(), table, index, digest: Digest::of(text.as_bytes()) })
    }

    /// The rules, in the file's order. Never empty.
    pub fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.table.iter().map(|(_, rule)| rule)
    }

    /// The rule of this id.
    pub fn rule(&self, id: &RuleId) -> Option<&Rule> {
        self.iter().find(|rule| rule.id == *id)
    }

    /// The rules that are heard about `what` on a host of `os`: of all that speak, those of the highest priority, by id.
    pub fn heard(&self, what: &What, os: TargetOs) -> Vec<&Rule> {
        self.index.heard(&self.table, what, os)
    }

    /// The digest of the table's bytes, as it stands in every decision.
    pub const fn digest(&self) -> Digest {
        self.digest
    }
}

impl WrittenRule {
    fn checked(self) -> Result<Rule, RulesFault> {
        let Self { id, os, priority, when, run, person, tests } = self;
        let answer = match (run, person) {
            (Some(runbook), None) => OwnAnswer::Run(runbook),
            (None, Some(why)) if !why.trim().is_empty() => OwnAnswer::Person(why),
            (Some(_), Some(_)) | (None, Some(_) | None) => return Err(RulesFault::NotOneAnswer(id)),
        };
        if let Some(name) = when.repeated() {
            return Err(RulesFault::NamedTwice { rule: id, name });
        }
        let tests = tests.into_iter().map(|case| (case.referenced.line(), case.value)).collect();
        Ok(Rule { id, os, priority, when, tests, answer })
    }
}
