//! The labelled incidents: one JSON object a line, read strictly. A line that cannot be read, that contradicts itself, or that names what the catalogue
//! does not hold refuses the whole set, with its place: a line that is passed over would be a figure that nobody sees.

use std::collections::BTreeSet;
use std::fmt;

use contract::ids::RunbookId;
use contract::incident::What;
use contract::runbook::{Catalogue, TargetOs};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::rules::{os_word, serves};

/// What should be, or was, answered: a runbook or a person.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Pick {
    /// A person looks.
    Escalate,
    /// This runbook runs.
    Run(RunbookId),
}

/// The word for a person, which no runbook's id can be.
const ESCALATE: &str = "escalate";

impl TryFrom<String> for Pick {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            ESCALATE => Ok(Self::Escalate),
            id if id.starts_with("RB-") => id.parse().map(Self::Run).map_err(|bad| format!("{bad}")),
            other => {
                Err(format!("{other:?} is neither a runbook's id, which begins with RB-, nor {ESCALATE:?}"))
            }
        }
    }
}

impl From<Pick> for String {
    fn from(pick: Pick) -> Self {
        pick.to_string()
    }
}

impl fmt::Display for Pick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Escalate => f.pad(ESCALATE),
            Self::Run(runbook) => runbook.fmt(f),
        }
    }
}

/// What a careful technician who may choose among the runbooks would do.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Label {
    /// The best answer.
    pub right: Pick,
    /// Runbooks that are not the best answer and would do no harm.
    pub acceptable: Vec<RunbookId>,
    /// True where any runbook would be wrong.
    pub must_escalate: bool,
}

/// One labelled incident.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Labelled {
    /// What it is called; once in a set.
    pub id: String,
    /// The host's system.
    pub os: TargetOs,
    /// What was found.
    pub what: What,
    /// What should be answered.
    pub label: Label,
    /// Why, in a sentence.
    pub why: String,
}

/// All of them, each with its line. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelledSet {
    file: String,
    lines: Vec<(u64, Labelled)>,
}

/// Why a set was refused. Whoever wrote the line puts it right.
#[derive(Debug, Error)]
#[error("{file}:{line}: {fault}")]
pub struct SetError {
    /// The file, as it was named to us.
    pub file: String,
    /// Counted from 1.
    pub line: u64,
    /// What is wrong there.
    pub fault: SetFault,
}

/// What is wrong with a line.
#[derive(Debug, Error)]
pub enum SetFault {
    /// It is not JSON of our shape.
    #[error("column {}: {}", .0.column(), .0)]
    NotALine(serde_json::Error),
    /// Nothing is measured by nothing.
    #[error("the set holds no incident")]
    Empty,
    /// Two lines share an id.
    #[error("{0} appears twice")]
    Twice(String),
    /// It has no id, or no reason.
    #[error("`{0}` is empty")]
    Hollow(&'static str),
    /// It is left to people, and a runbook is named all the same.
    #[error("a person must look, and a runbook is named as right or acceptable")]
    MustAndMay,
    /// A runbook is named twice, as right and acceptable or twice acceptable.
    #[error("{0} is named twice")]
    NamedTwice(RunbookId),
    /// There is no such runbook.
    #[error("the catalogue holds no runbook {0}")]
    NoRunbook(RunbookId),
    /// The runbook is not written for the host's system.
    #[error("{runbook} is not written for {}", os_word(*os))]
    OtherSystem {
        /// Which.
        runbook: RunbookId,
        /// The host's system.
        os: TargetOs,
    },
}

impl LabelledSet {
    /// Parses `text`. `file` is only for the messages.
    pub fn parse(file: &str, text: &str) -> Result<Self, SetError> {
        let refuse = |line, fault| SetError { file: file.to_owned(), line, fault };
        let mut ids = BTreeSet::new();
        let mut lines = Vec::new();
        for (line, text) in (1..).zip(text.lines()) {
            let one: Labelled =
                serde_json::from_str(text).map_err(|error| refuse(line, SetFault::NotALine(error)))?;
            one.check().map_err(|fault| refuse(line, fault))?;
            if !ids.insert(one.id.clone()) {
                return Err(refuse(line, SetFault::Twice(one.id)));
            }
            lines.push((line, one));
        }
        if lines.is_empty() {
            return Err(refuse(1, SetFault::Empty));
        }
        Ok(Self { file: file.to_owned(), lines })
    }

    /// Checks that each label names runbooks that there are, and for the host's system: by any other nobody could be measured.
    pub fn fit(&self, catalogue: &Catalogue) -> Result<(), SetError> {
        self.lines.iter().try_for_each(|(line, one)| {
            let fault = |fault| SetError { file: self.file.clone(), line: *line, fault };
            one.named().try_for_each(|runbook| match catalogue.runbook(runbook) {
                None => Err(fault(SetFault::NoRunbook(runbook.clone()))),
                Some(approved) if !serves(approved.runbook.target_os, one.os) => {
                    Err(fault(SetFault::OtherSystem { runbook: runbook.clone(), os: one.os }))
                }
                Some(_) => Ok(()),
            })
        })
    }

    /// Each with its line, in the file's order.
    pub fn iter(&self) -> impl Iterator<Item = &(u64, Labelled)> {
        self.lines.iter()
    }
}

impl Labelled {
    fn named(&self) -> impl Iterator<Item = &RunbookId> {
        let right = match &self.label.right {
            Pick::Run(runbook) => Some(runbook),
            Pick::Escalate => None,
        };
        right.into_iter().chain(&self.label.acceptable)
    }

    fn check(&self) -> Result<(), SetFault> {
        if self.id.trim().is_empty() {
            return Err(SetFault::Hollow("id"));
        }
        if self.why.trim().is_empty() {
            return Err(SetFault::Hollow("why"));
        }
        if self.label.must_escalate && self.named().next().is_some() {
            return Err(SetFault::MustAndMay);
        }
        let mut named = BTreeSet::new();
        match self.named().find(|runbook| !named.insert(*runbook)) {
            Some(twice) => Err(SetFault::NamedTwice(twice.clone())),
            None => Ok(()),
        }
    }
}
