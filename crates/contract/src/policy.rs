//! What the site's policy was asked about a run, and what it answered: enough to ask another policy the same again.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::resource::Resource;
use crate::runbook::Verb;

/// What a policy answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PolicyAnswer {
    /// It may be done.
    Allow,
    /// A person has to agree first.
    Review,
    /// It may not be done.
    Deny,
}

/// What is done to a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// It is read.
    Read,
    /// It is written or made.
    Write,
    /// It is deleted, or things in it are.
    Delete,
    /// Its mode or owner is changed.
    Chmod,
    /// It is run.
    Exec,
    /// It is started, stopped, limited or set.
    Control,
    /// One of Suture's own directories gets its declared private mode.
    TightenOwn,
}

/// One access that a run would make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// The step's verb.
    pub verb: Verb,
    /// What it would do.
    pub operation: Operation,
    /// To what.
    pub resource: Resource,
    /// How old the youngest thing is that it touches, where the step bounds that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_ms: Option<u64>,
    /// How many things it touches at the most, where the step bounds that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
}

/// A policy's answer about a whole run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyDecided {
    /// The digest of the policy's bytes.
    pub policy: Digest,
    /// What it was asked, access by access.
    pub asked: Vec<Asked>,
    /// The answer: that of the access that was answered worst.
    pub answer: PolicyAnswer,
    /// The rules that spoke, by their ids, and built-ins by their words: at most 8.
    pub rules: Vec<String>,
}
