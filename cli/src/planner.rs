//! `suture planner`: measure what picks runbooks, say what is wrong with a rule table, and decide again what was decided.
//!
//! Nothing here changes anything or asks a hub: files go in, figures come out. What is not given is what was shipped with this version.

mod eval;
mod knowledge;
mod lint;
mod models;
mod replay;
mod table;

use std::path::PathBuf;

use clap::Subcommand;

use crate::exit::Failure;
use knowledge::Sources;

/// What is done with the planner.
#[derive(Debug, Subcommand)]
pub(crate) enum Planner {
    /// Ask the rules, and term similarity beside them, about labelled incidents, and count what they answer. Exit status 0 where the bars are held (no
    /// wrong action by the rules), 1 where one is missed, 65 where a file is refused, 66 where one is not there.
    Eval {
        /// The labelled incidents, one JSON object a line. By default those that are shipped.
        #[arg(long)]
        set: Option<PathBuf>,
        #[command(flatten)]
        sources: Sources,
        /// Ask the models of this models.yaml as well, one question for each incident that has something to choose from. That costs what its providers
        /// ask, within its budget for the tenant `evaluation`
        #[arg(long, value_name = "FILE")]
        models: Option<PathBuf>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Say what is wrong with a rule table that can be read: rules that never match, that others are heard before, that match everything, or whose tests
    /// do not hold. Exit status 65 where something is.
    Lint {
        #[command(flatten)]
        sources: Sources,
        /// Files of detectors, or directories of them. By default those that are shipped.
        #[arg(long)]
        detectors: Vec<PathBuf>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Decide again each line of recorded decisions, and say where something else comes of it. Exit status 1 where one differs, or where none was decided
    /// by these files; lines that were decided by others are counted.
    Replay {
        /// Decisions, one a line.
        file: PathBuf,
        #[command(flatten)]
        sources: Sources,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Does it.
pub(crate) fn run(told: &Planner) -> Result<(), Failure> {
    match told {
        Planner::Eval { set, sources, models, json } => {
            eval::run(set.as_deref(), sources, models.as_deref(), *json)
        }
        Planner::Lint { sources, detectors, json } => lint::run(sources, detectors, *json),
        Planner::Replay { file, sources, json } => replay::run(file, sources, *json),
    }
}
