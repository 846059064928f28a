//! The files that decide: baseline, runbooks and rules. Read strictly, checked against each other, refused as a whole.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use contract::baseline::{Baseline, BaselineError};
use contract::runbook::{Catalogue, CatalogueError, CatalogueFile};
use edge::file::FileError;
use planner::{MisfitError, Rules, RulesError, shipped};
use thiserror::Error;

/// The largest file that is read.
const FILE_MAX_BYTES: u64 = 1 << 20;

/// Files that replace what is shipped with the hub.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// A baseline.
    pub baseline: Option<PathBuf>,
    /// A rule table.
    pub rules: Option<PathBuf>,
    /// A directory of runbooks.
    pub runbooks: Option<PathBuf>,
}

/// Baseline, catalogue and rules that fit together.
#[derive(Debug)]
pub struct Library {
    /// The baseline.
    pub baseline: Baseline,
    /// Its exact bytes, to be signed.
    pub baseline_bytes: Vec<u8>,
    /// The catalogue.
    pub catalogue: Catalogue,
    /// Its exact bytes, to be signed.
    pub catalogue_bytes: Vec<u8>,
    /// The rule table.
    pub rules: Rules,
    /// Its exact text, to be handed out beside a standing order.
    pub rules_text: String,
}

/// Why the files were refused. The message names file, line and column; whoever wrote the file must put it right.
#[derive(Debug, Error)]
pub enum LibraryError {
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// A directory cannot be listed.
    #[error("{}: cannot list it", path.display())]
    List {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Something else than a runbook lies among the runbooks.
    #[error("{}: only files named RB-….yaml belong here", path.display())]
    Stray {
        /// What it is called.
        path: PathBuf,
    },
    /// The baseline makes no sense.
    #[error(transparent)]
    Baseline(#[from] BaselineError),
    /// A runbook makes no sense.
    #[error("{origin}: {fault}")]
    Catalogue {
        /// The directory, or `shipped`.
        origin: String,
        /// What is wrong.
        fault: CatalogueError,
    },
    /// The rule table makes no sense.
    #[error(transparent)]
    Rules(#[from] RulesError),
    /// A rule could never be carried out.
    #[error(transparent)]
    Misfit(#[from] MisfitError),
}

impl Library {
    /// Reads the given files, and the shipped ones in place of those not given.
    pub fn read(sources: &Sources) -> Result<Self, LibraryError> {
        let Sources { baseline, rules, runbooks } = sources;
        let (baseline_file, baseline_text) = text(baseline.as_deref(), shipped::BASELINE)?;
        let (rules_file, rules_text) = text(rules.as_deref(), shipped::RULES)?;
        let (origin, files) = match runbooks {
            Some(directory) => (directory.display().to_string(), list(directory)?),
            None => ("runbooks".to_owned(), shipped::runbooks()),
        };
        let refuse = |fault| LibraryError::Catalogue { origin: origin.clone(), fault };
        let baseline = Baseline::parse(&baseline_file, &baseline_text)?;
        let rules = Rules::parse(&rules_file, &rules_text)?;
        let catalogue_bytes = Catalogue::bundle(files).map_err(refuse)?;
        let catalogue = Catalogue::parse(&catalogue_bytes).map_err(refuse)?;
        rules.fit(&baseline, &catalogue)?;
        let baseline_bytes = baseline_text.into_bytes();
        Ok(Self { baseline, baseline_bytes, catalogue, catalogue_bytes, rules, rules_text })
    }
}

fn text(file: Option<&Path>, shipped: (&str, &str)) -> Result<(String, String), LibraryError> {
    match file {
        Some(path) => Ok((path.display().to_string(), edge::file::read_text(path, FILE_MAX_BYTES)?)),
        None => Ok((shipped.0.to_owned(), shipped.1.to_owned())),
    }
}

/// Reads every file of `directory`, by name, so that the same files always make the same catalogue.
fn list(directory: &Path) -> Result<Vec<CatalogueFile>, LibraryError> {
    let failed = |source| LibraryError::List { path: directory.to_owned(), source };
    let entries = std::fs::read_dir(directory).map_err(failed)?;
    let mut paths = entries.map(|e| e.map(|e| e.path())).collect::<Result<Vec<_>, _>>().map_err(failed)?;
    paths.sort();
    let file = |path: PathBuf| {
        let is_runbook =
            |name: &&str| name.starts_with("RB-") && path.extension() == Some(OsStr::new("yaml"));
        let name = path.file_name().and_then(OsStr::to_str).filter(is_runbook);
        let Some(name) = name else { return Err(LibraryError::Stray { path }) };
        Ok(CatalogueFile { file: name.to_owned(), text: edge::file::read_text(&path, FILE_MAX_BYTES)? })
    };
    paths.into_iter().map(file).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shipped_fits_together_and_is_all_of_it() {
        Library::read(&Sources::default()).unwrap();
        let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../runbooks");
        assert_eq!(list(&beside).unwrap(), shipped::runbooks(), "a runbook is not shipped");
    }

    #[test]
    fn a_broken_file_is_refused_by_name_and_line() {
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = directory.path().join(name);
            edge::file::write_durably(&path, text.as_bytes()).unwrap();
            path
        };
        let baseline = write("b.yaml", &shipped::BASELINE.1.replace("version: 1", "version: 1\ncolour: red"));
        let refusal = Library::read(&Sources { baseline: Some(baseline), ..Sources::default() }).unwrap_err();
        assert!(refusal.to_string().contains("b.yaml:"), "{refusal}");
        let rules = write("r.yaml", "rules: []\n");
        let refusal = Library::read(&Sources { rules: Some(rules), ..Sources::default() }).unwrap_err();
        assert!(refusal.to_string().contains("r.yaml:1"), "{refusal}");
        let runbooks = Some(directory.path().to_owned());
        let refusal = Library::read(&Sources { runbooks, ..Sources::default() }).unwrap_err();
        assert!(refusal.to_string().contains("b.yaml"), "{refusal}");
    }
}
