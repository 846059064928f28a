//! The catalogue: all runbooks, signed as a whole, approved by a site by its digest.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::Runbook;
use super::lint::{self, RunbookFault};
use crate::digest::Digest;
use crate::ids::RunbookId;
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
    #[error("{file}:{line}: {fault}")]
    Runbook {
        /// Which file.
        file: String,
        /// Where it stands there, as far as that can be told; counted from 1.
        line: u64,
        /// What is wrong with it.
        fault: RunbookFault,
    },
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
            let approved = Approved::read(file, text).map_err(first)?;
            let id = approved.runbook.id.clone();
            if runbooks.insert(id.clone(), approved).is_some() {
                return Err(refusal(file, text, RunbookFault::Twice(id)));
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

impl Approved {
    /// Reads one runbook's file; `file` is its name without a directory. Refuses with everything that is wrong with it, in order; never with nothing.
    pub fn read(file: &str, text: &str) -> Result<Self, Vec<CatalogueError>> {
        let runbook: Runbook = yaml::parse(file, text).map_err(|e| vec![e.into()])?;
        let faults = lint::faults(file, &runbook);
        if faults.is_empty() {
            return Ok(Self { runbook, digest: Digest::of(text.as_bytes()) });
        }
        Err(faults.into_iter().map(|fault| refusal(file, text, fault)).collect())
    }
}

/// Of everything that is wrong, what is said first.
fn first(faults: Vec<CatalogueError>) -> CatalogueError {
    faults.into_iter().next().unwrap_or(CatalogueError::Empty)
}

fn refusal(file: &str, text: &str, fault: RunbookFault) -> CatalogueError {
    CatalogueError::Runbook { file: file.to_owned(), line: lint::line(text, &fault), fault }
}

fn not_a_bundle(e: &serde_json::Error) -> CatalogueError {
    CatalogueError::NotABundle { line: e.line(), column: e.column(), message: e.to_string() }
}

#[cfg(test)]
mod tests;
