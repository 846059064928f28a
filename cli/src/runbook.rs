//! `suture runbook`: lint, show, sign and compare the files that say what may be done.

mod diff;
pub(crate) mod files;
mod lint;
mod show;
mod sign;

use std::path::PathBuf;

use clap::Subcommand;
use contract::ids::RunbookId;

use crate::exit::Failure;

/// What is done with runbooks.
#[derive(Debug, Subcommand)]
pub(crate) enum Runbook {
    /// Say everything that is wrong with them, each with its file and line.
    Lint {
        /// Files named RB-….yaml, or directories of them.
        #[arg(required = true)]
        paths: Vec<PathBuf>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print one: what triggers it, what it does, what proves it and what undoes it.
    Show {
        /// Which, such as RB-DISK-001-space.
        id: RunbookId,
        /// The directory that it is in.
        #[arg(long, default_value = "runbooks")]
        dir: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Sign all of a directory as one catalogue, for sites to approve by its digest.
    Sign {
        /// The directory.
        dir: PathBuf,
        /// The hub's key for orders: a file of 64 hexadecimal characters that only its owner may read.
        #[arg(long)]
        key: PathBuf,
        /// Where the signed catalogue goes.
        #[arg(long, default_value = "catalogue.dsse")]
        out: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Say what changed in meaning between two files or directories; a change of permissions ends a site's approval.
    Diff {
        /// The older.
        old: PathBuf,
        /// The newer.
        new: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Does it.
pub(crate) fn run(told: &Runbook) -> Result<(), Failure> {
    match told {
        Runbook::Lint { paths, json } => lint::run(paths, *json),
        Runbook::Show { id, dir, json } => show::run(id, dir, *json),
        Runbook::Sign { dir, key, out, json } => sign::run(dir, key, out, *json),
        Runbook::Diff { old, new, json } => diff::run(old, new, *json),
    }
}
