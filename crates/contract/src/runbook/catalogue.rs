//! The catalogue: all runbooks, signed as a whole, approved by a site by its digest.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{ParameterType, Runbook, Step, Verb};
use crate::digest::Digest;
use crate::ids::{ParameterName, RunbookId};
use crate::yaml::{self, YamlError};

/// One runbook's file, exactly as it is on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CatalogueFile {
    /// The file's name, such as `RB-FILE-001-own-directories.yaml`.
    pub file: String,
    /// Its bytes.
    pub text: String,
}

/// The catalogue as it is signed: the files themselves, so that one digest covers them all.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Bundle {
    catalogue: u32,
    runbooks: Vec<CatalogueFile>,
}

/// A runbook of a catalogue, with the digest of its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approved {
    /// The runbook.
    pub runbook: Runbook,
    /// The digest of its file's bytes.
    pub digest: Digest,
}

/// All runbooks, parsed and cross-checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalogue {
    digest: Digest,
    runbooks: BTreeMap<RunbookId, Approved>,
}

/// Why a catalogue was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CatalogueError {
    /// The bundle itself is not the JSON we write.
    #[error("the catalogue is not a bundle of runbooks: line {line}, column {column}: {message}")]
    NotABundle {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
        /// What is wrong there.
        message: String,
    },
    /// It holds nothing: an empty catalogue is a mistake, not a policy.
    #[error("the catalogue holds no runbook")]
    Empty,
    /// A file is not a runbook: which, and where.
    #[error(transparent)]
    Yaml(#[from] YamlError),
    /// A runbook contradicts itself.
    #[error("{file}: {fault}")]
    Runbook {
        /// Which file.
        file: String,
        /// What is wrong with it.
        fault: RunbookFault,
    },
}

/// How a runbook contradicts itself.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RunbookFault {
    /// File name and id differ.
    #[error("its id is {0}, which is not the file's name")]
    NameDiffers(RunbookId),
    /// Two files, one id.
    #[error("another file has the same id {0}")]
    Twice(RunbookId),
    /// Nothing triggers it, or it does nothing, or it cites nothing.
    #[error("its list of {0} is empty")]
    EmptyList(&'static str),
    /// A step uses a verb that the runbook does not ask for.
    #[error("a step uses {0}, which is not among its permissions")]
    VerbNotAsked(Verb),
    /// A permission that no step needs.
    #[error("it asks for {0}, which no step uses")]
    VerbNotUsed(Verb),
    /// A step names a parameter that is not declared.
    #[error("a step uses ${0}, which is not declared")]
    Undeclared(ParameterName),
    /// A parameter that no step uses.
    #[error("it declares {0}, which no step uses")]
    Unused(ParameterName),
    /// A step uses a parameter of the wrong type.
    #[error("a step cannot use ${0}: wrong type")]
    WrongType(ParameterName),
}

impl Catalogue {
    /// Writes the bytes to be signed.
    pub fn bundle(files: Vec<CatalogueFile>) -> Result<Vec<u8>, CatalogueError> {
        let bundle = Bundle { catalogue: 1, runbooks: files };
        let bytes = serde_json::to_vec(&bundle).map_err(|e| not_a_bundle(&e))?;
        Self::parse(&bytes)?;
        Ok(bytes)
    }

    /// Parses and cross-checks the signed bytes.
    pub fn parse(payload: &[u8]) -> Result<Self, CatalogueError> {
        let bundle: Bundle = serde_json::from_slice(payload).map_err(|e| not_a_bundle(&e))?;
        let mut runbooks = BTreeMap::new();
        for CatalogueFile { file, text } in &bundle.runbooks {
            let fault = |fault| CatalogueError::Runbook { file: file.clone(), fault };
            let runbook: Runbook = yaml::parse(file, text)?;
            cross_check(file, &runbook).map_err(fault)?;
            let id = runbook.id.clone();
            let approved = Approved { runbook, digest: Digest::of(text.as_bytes()) };
            if runbooks.insert(id.clone(), approved).is_some() {
                return Err(fault(RunbookFault::Twice(id)));
            }
        }
        if runbooks.is_empty() {
            return Err(CatalogueError::Empty);
        }
        Ok(Self { digest: Digest::of(payload), runbooks })
    }

    /// The digest of the signed bytes: what a site approves.
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// One runbook.
    pub fn runbook(&self, id: &RunbookId) -> Option<&Approved> {
        self.runbooks.get(id)
    }

    /// All of them, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Approved> {
        self.runbooks.values()
    }
}

fn not_a_bundle(e: &serde_json::Error) -> CatalogueError {
    CatalogueError::NotABundle { line: e.line(), column: e.column(), message: e.to_string() }
}

fn cross_check(file: &str, r: &Runbook) -> Result<(), RunbookFault> {
    if file.strip_suffix(".yaml") != Some(r.id.as_str()) {
        return Err(RunbookFault::NameDiffers(r.id.clone()));
    }
    let lists = [
        ("citations", r.citations.is_empty()),
        ("triggers", r.triggers.is_empty()),
        ("steps", r.steps.is_empty()),
    ];
    if let Some((name, _)) = lists.into_iter().find(|(_, empty)| *empty) {
        return Err(RunbookFault::EmptyList(name));
    }
    if let Some(step) = r.steps.iter().find(|s| !r.permissions.contains(&s.verb())) {
        return Err(RunbookFault::VerbNotAsked(step.verb()));
    }
    if let Some(verb) = r.permissions.iter().find(|v| !r.steps.iter().any(|s| s.verb() == **v)) {
        return Err(RunbookFault::VerbNotUsed(*verb));
    }
    if let Some(name) = r.parameters.keys().find(|n| !r.steps.iter().any(|s| s.references().contains(n))) {
        return Err(RunbookFault::Unused(name.clone()));
    }
    r.steps.iter().try_for_each(|step| check_step(r, step))
}

fn check_step(r: &Runbook, step: &Step) -> Result<(), RunbookFault> {
    let expect = |name: &ParameterName, fits: fn(&ParameterType) -> bool| match r.parameters.get(name) {
        None => Err(RunbookFault::Undeclared(name.clone())),
        Some(p) if fits(&p.kind) => Ok(()),
        Some(_) => Err(RunbookFault::WrongType(name.clone())),
    };
    match step {
        Step::FileRestore { target, mode } => {
            expect(&target.0, |t| matches!(t, ParameterType::OwnDirectory | ParameterType::Path { .. }))?;
            expect(&mode.0, |t| matches!(t, ParameterType::FileMode { .. }))
        }
        Step::SysctlSet { key, value } => {
            expect(&key.0, |t| matches!(t, ParameterType::SysctlKey { .. }))?;
            expect(&value.0, |t| matches!(t, ParameterType::Number { .. }))
        }
        Step::UnitRestart { unit } => expect(&unit.0, |t| matches!(t, ParameterType::Unit { .. })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = include_str!("../../../../runbooks/RB-FILE-001-own-directories.yaml");

    fn refusal(text: &str) -> String {
        let file = CatalogueFile { file: "RB-FILE-001-own-directories.yaml".into(), text: text.into() };
        Catalogue::bundle(vec![file]).unwrap_err().to_string()
    }

    #[test]
    fn a_malformed_runbook_is_named_with_file_line_and_column() {
        let misspelt = OWN.replace("cooldown_ms", "cooldwon_ms");
        let line = misspelt.lines().position(|l| l.starts_with("cooldwon")).unwrap() + 1;
        let words = refusal(&misspelt);
        let place = format!("RB-FILE-001-own-directories.yaml:{line}:1: ");
        assert!(words.starts_with(&place) && words.contains("cooldwon_ms"), "{words}");
        assert!(refusal("a: [").starts_with("RB-FILE-001-own-directories.yaml:1:"));
    }

    #[test]
    fn a_runbook_that_contradicts_itself_is_refused() {
        for (from, to, words) in [
            ("id: RB-FILE-001", "id: RB-FILE-009", "not the file's name"),
            ("permissions: [file.restore]", "permissions: [sysctl.set]", "not among its permissions"),
            ("permissions: [file.restore]", "permissions: [file.restore, sysctl.set]", "which no step uses"),
            ("target: $directory", "target: $mode", "no step uses"),
            ("mode: $mode", "mode: $directory", "no step uses"),
            ("target: $directory", "target: $other", "no step uses"),
        ] {
            assert!(OWN.contains(from), "{from}");
            let said = refusal(&OWN.replace(from, to));
            assert!(said.contains(words), "{from} became {to}: {said}");
        }
        assert_eq!(Catalogue::bundle(vec![]), Err(CatalogueError::Empty));
    }
}
