//! `suture detector`: hold detectors to their own samples before they are shipped.

mod test;

use std::path::PathBuf;

use clap::Subcommand;

use crate::exit::Failure;

pub(crate) use test::read as files;

/// What is done with detectors.
#[derive(Debug, Subcommand)]
pub(crate) enum Detector {
    /// Run every sample line of detectors through them, and say which one did not do what it should. Exit status 1 where one did not, 65 where a file
    /// is refused.
    Test {
        /// Files, or directories of them.
        #[arg(default_value = "agent/detectors")]
        paths: Vec<PathBuf>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Does it.
pub(crate) fn run(told: &Detector) -> Result<(), Failure> {
    match told {
        Detector::Test { paths, json } => test::run(paths, *json),
    }
}
