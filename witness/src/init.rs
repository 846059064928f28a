//! `suture-witness init`.

use std::path::PathBuf;

use clap::Args;

use crate::directory::{self, DirectoryError};
use crate::{Exit, Failure};

/// What is made, and where.
#[derive(Debug, Args)]
pub(crate) struct Init {
    /// Where the witness keeps its key and its heads; made if it is not there
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// The name in its cosignatures, by custom a domain and a path without a scheme, such as `accountant.example/suture`
    #[arg(long)]
    name: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(told: &Init) -> Result<(), Failure> {
    let key = directory::make(&told.dir, &told.name).map_err(|e| {
        let exit = match &e {
            DirectoryError::Name(_) => Exit::BadInput,
            DirectoryError::Random(_) => Exit::Failed,
            DirectoryError::File(_)
            | DirectoryError::Taken(_)
            | DirectoryError::Missing(_)
            | DirectoryError::Exposed { .. }
            | DirectoryError::Malformed { .. } => Exit::CannotCreate,
        };
        Failure::new(exit, "no witness was made", &e)
    })?;
    if told.json {
        println!("{}", serde_json::json!({ "key": key.to_string(), "name": told.name }));
    } else {
        println!("{key}");
    }
    Ok(())
}
