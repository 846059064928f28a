//! `suture operator-key`: a key for one person.

use std::path::PathBuf;

use contract::dsse::OperatorSigner;

use crate::exit::Failure;
use crate::say::{Tone, Voice};
use crate::seed;

/// What it is told.
#[derive(Debug, clap::Args)]
pub(crate) struct OperatorKey {
    /// Where the secret half goes: a new file that only you may read.
    #[arg(long)]
    out: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Makes it.
pub(crate) fn run(told: &OperatorKey) -> Result<(), Failure> {
    let voice = Voice::for_stdout();
    let public = String::from(OperatorSigner::from_seed(&seed::make(&told.out)?).public());
    if told.json {
        voice.line(&serde_json::json!({ "file": told.out, "operator_key": public }).to_string());
    } else {
        voice.line(&format!("{}: your key; keep it to yourself, and keep a copy", told.out.display()));
        voice.line(&format!("sites pin its public half: {}", voice.tone(Tone::Strong, &public)));
    }
    Ok(())
}
