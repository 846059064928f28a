//! What a planner decides by: the given files, and the shipped ones in place of those not given.

use std::path::{Path, PathBuf};

use contract::baseline::Baseline;
use contract::runbook::Catalogue;
use planner::{Knowledge, Rules, shipped};

use crate::exit::{Failure, Status};
use crate::runbook::files;

/// The largest file that is read whole.
const FILE_MAX_BYTES: u64 = 4 << 20;

/// The files, as the operator names them.
#[derive(Debug, clap::Args)]
pub(crate) struct Sources {
    /// The rule table.
    #[arg(long)]
    rules: Option<PathBuf>,
    /// The baseline.
    #[arg(long)]
    baseline: Option<PathBuf>,
    /// The directory of the runbooks.
    #[arg(long)]
    runbooks: Option<PathBuf>,
}

/// The files, read.
#[derive(Debug)]
pub(super) struct Files {
    pub(super) rules: Rules,
    pub(super) baseline: Baseline,
    pub(super) catalogue: Catalogue,
}

impl Files {
    pub(super) fn read(sources: &Sources) -> Result<Self, Failure> {
        let (file, text) = text(sources.rules.as_deref(), shipped::RULES)?;
        let rules = Rules::parse(&file, &text).map_err(refused)?;
        let (file, text) = self::text(sources.baseline.as_deref(), shipped::BASELINE)?;
        let baseline = Baseline::parse(&file, &text).map_err(refused)?;
        let runbooks = match &sources.runbooks {
            Some(directory) => files::read(directory)?.into_iter().map(|found| found.file).collect(),
            None => shipped::runbooks(),
        };
        let bundle = Catalogue::bundle(runbooks).map_err(refused)?;
        let catalogue = Catalogue::parse(&bundle).map_err(refused)?;
        Ok(Self { rules, baseline, catalogue })
    }

    pub(super) const fn knowledge(&self) -> Knowledge<'_> {
        Knowledge { rules: &self.rules, baseline: &self.baseline, catalogue: &self.catalogue }
    }
}

/// A file that has to be there, or the shipped one where none is named; with the name under which messages speak of it.
pub(super) fn text(file: Option<&Path>, shipped: (&str, &str)) -> Result<(String, String), Failure> {
    match file {
        Some(path) => {
            let text = edge::file::read_text(path, FILE_MAX_BYTES)
                .map_err(|error| Failure::new(Status::NothingThere, format!("{error}: {}", error.source)))?;
            Ok((path.display().to_string(), text))
        }
        None => Ok((shipped.0.to_owned(), shipped.1.to_owned())),
    }
}

/// A file whose contents are refused, in its own words.
pub(super) fn refused(error: impl std::fmt::Display) -> Failure {
    Failure::new(Status::Refused, error.to_string())
}
