//! The policy's file: read strictly, refused as a whole and with the place, or taken as a whole.

mod read;
mod written;

use contract::digest::Digest;
use contract::yaml::{self, YamlError};
use serde::Serialize;
use thiserror::Error;

use crate::index::Index;
use crate::rule::Rule;
use crate::word::{BadWord, PolicyName, RuleId, VerbWord, Verbs};
use written::Written;

/// The most rules that a policy holds.
pub const RULES_MAX: usize = 20_000;

/// A site's policy. Its rules lie by id, whatever their order in the file: order never matters.
#[derive(Debug, Clone)]
pub struct Policy {
    pub(crate) name: PolicyName,
    pub(crate) rules: Box<[Rule]>,
    pub(crate) verbs: Verbs,
    pub(crate) index: Index,
    pub(crate) warnings: Vec<Warning>,
    pub(crate) digest: Digest,
}

/// Why a policy was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PolicyError {
    /// It is not YAML of our shape.
    #[error(transparent)]
    Yaml(#[from] YamlError),
    /// It is of our shape and makes no sense.
    #[error("{file}:{line}:{column}: {fault}")]
    Meaning {
        /// The file, as it was named to us.
        file: String,
        /// Counted from 1.
        line: u64,
        /// Counted from 1.
        column: u64,
        /// What makes no sense there.
        fault: Box<Fault>,
    },
}

/// What makes no sense in a policy that is otherwise well written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Fault {
    /// Only version 1 is known.
    #[error("policy: {0} is not known; this version reads policy: 1")]
    Version(u32),
    /// There are more rules than are taken.
    #[error("there are more than {RULES_MAX} rules")]
    TooMany,
    /// Two rules share an id.
    #[error("rule {0} appears twice")]
    Twice(RuleId),
    /// A verb that nobody knows.
    #[error("{0} is not a verb of this version")]
    UnknownVerb(VerbWord),
    /// A match without a field: a rule for everything.
    #[error("match names nothing, so the rule would be for everything; name at least one field")]
    MatchesEverything,
    /// A deny is final: what it should not cover is left out of its match.
    #[error("a deny takes no except: deny is final; leave what it should not cover out of its match")]
    ExceptOnDeny,
    /// An exception that excepts nothing.
    #[error("an except that names nothing excepts nothing; leave it out, or say what it excepts")]
    EmptyExcept,
    /// One thing is of one kind.
    #[error("a thing is of one kind, and this names {0} kinds; make it as many rules")]
    ManyKinds(usize),
    /// A pattern that is not one of ours.
    #[error("{pattern:?}: {why}")]
    Pattern {
        /// What stands there.
        pattern: String,
        /// What is wrong with it.
        why: String,
    },
    /// A word of another grammar.
    #[error(transparent)]
    Word(#[from] BadWord),
    /// No reason is given, or it is a page.
    #[error("why is the reason in plain words: 1 to 300 characters, no control characters")]
    Why,
}

/// What is taken and can hardly be meant.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize)]
#[error("{line}:{column}: {what}")]
pub struct Warning {
    /// Counted from 1.
    pub line: u64,
    /// Counted from 1.
    pub column: u64,
    /// What can hardly be meant.
    pub what: Oddity,
}

/// What can hardly be meant.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Oddity {
    /// A list is empty.
    #[error("rule {0}: a list is empty, so the rule never matches")]
    NeverMatches(RuleId),
    /// An exception covers all that is matched.
    #[error("rule {0}: except covers all that it matches, so the rule never fires")]
    NeverFires(RuleId),
    /// There is no rule.
    #[error("there is no rule, so everything is denied")]
    NoRule,
}

impl Policy {
    /// Parses `text`. `file` is only for the messages.
    pub fn parse(file: &str, text: &str, verbs: &Verbs) -> Result<Self, PolicyError> {
        let written: Written = yaml::parse(file, text)?;
        let (name, mut rules, warnings) = read::meaning(written, verbs).map_err(|misread| {
            let read::Misread { line, column, fault } = misread;
            PolicyError::Meaning { file: file.to_owned(), line, column, fault: Box::new(fault) }
        })?;
        rules.sort_by(|a, b| a.id.cmp(&b.id));
        let rules: Box<[Rule]> = rules.into();
        let index = Index::of(&rules, verbs);
        let digest = Digest::of(text.as_bytes());
        Ok(Self { name, rules, verbs: verbs.clone(), index, warnings, digest })
    }

    /// Its name.
    pub const fn name(&self) -> &PolicyName {
        &self.name
    }

    /// Its rules, by id.
    pub const fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// What is taken and can hardly be meant.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// The digest of its file's bytes, as it stands in every decision.
    pub const fn digest(&self) -> Digest {
        self.digest
    }
}
