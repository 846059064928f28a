//! The command line.

use std::path::PathBuf;

use clap::{CommandFactory as _, Parser};
use tlog::note::VerifierKey;
use verify::{OutsideHead, OutsideHeadError};

const EXIT_STATUS: &str = "\
Exit status:
   0  intact_witnessed         intact, and those who had to witness vouch for all of it
  10  intact_unwitnessed_tail  intact; nobody outside vouches for the last n records
  20  incomplete               something is missing, or a log was put back to an earlier state
  30  altered                  a record, a tile, a head or a document is not what was signed
  40  fork                     somebody outside saw another history of a log
  50  nothing_verified         nothing could be tied to anything from outside
   2                           the command line or a file named on it cannot be used

What you trust has to come from outside: the site's installation sheet, a postcard, a person you
know. Nothing that lies in the kit or in the log is used as trust. At least one of --key,
--key-file, --key-log, --head, --checkpoint or --policy with a log line is needed.

A key is one line: <name>+<key ID>+<base64>. It counts for the log of that name. A key that
ends in /kits signs the covers of kits, one that ends in /heads the hub's log of heads.";

/// Says whether evidence is whole, in order and unaltered, and who vouches for that. Works offline.
#[derive(Debug, Parser)]
#[command(name = "suture-verify", version, after_help = EXIT_STATUS)]
pub(crate) struct Arguments {
    /// A kit (a file), or a log (the directory with `checkpoint` and `tile/`).
    #[arg(required_unless_present = "completions")]
    pub(crate) path: Option<PathBuf>,
    /// A key that signs a log's heads; may be given several times.
    #[arg(long = "key", value_name = "VKEY")]
    pub(crate) keys: Vec<VerifierKey>,
    /// A file with such keys, one on each line; may be given several times.
    #[arg(long = "key-file", value_name = "FILE")]
    pub(crate) key_files: Vec<PathBuf>,
    /// A file that says which keys of a log count for which sizes; no other key counts for that log then.
    #[arg(long = "key-log", value_name = "FILE")]
    pub(crate) key_logs: Vec<PathBuf>,
    /// An earlier head that somebody kept: a checkpoint, or its three bare lines (origin, size, root). `-` reads it from the keyboard.
    #[arg(long = "checkpoint", value_name = "FILE")]
    pub(crate) checkpoints: Vec<PathBuf>,
    /// An earlier head, as typed from a postcard: its three lines with colons between them.
    #[arg(long = "head", value_name = "ORIGIN:SIZE:ROOT", value_parser = typed)]
    pub(crate) heads: Vec<OutsideHead>,
    /// The key of a witness; may be given several times, and then all of them must vouch.
    #[arg(long = "witness", value_name = "VKEY")]
    pub(crate) witnesses: Vec<VerifierKey>,
    /// Who has to have witnessed, as a C2SP tlog-policy; its log lines are keys of logs.
    #[arg(long, value_name = "FILE", conflicts_with = "witnesses")]
    pub(crate) policy: Option<PathBuf>,
    /// A note that carries witnesses' cosignatures and is kept apart from the log; may be given several times.
    #[arg(long = "receipt", value_name = "FILE")]
    pub(crate) receipts: Vec<PathBuf>,
    /// The key of the hub's log of heads: brings outside witnesses' word to a site's log.
    #[arg(long, value_name = "VKEY")]
    pub(crate) heads_key: Option<VerifierKey>,
    /// The key with which the hub signs the covers of kits.
    #[arg(long, value_name = "VKEY")]
    pub(crate) kit_key: Option<VerifierKey>,
    /// Print one JSON object instead of words.
    #[arg(long, conflicts_with = "quiet")]
    pub(crate) json: bool,
    /// Print nothing; the exit status says it all.
    #[arg(long, short)]
    pub(crate) quiet: bool,
    /// Print a completion script for a shell.
    #[arg(long, value_name = "SHELL", exclusive = true)]
    pub(crate) completions: Option<clap_complete::Shell>,
}

fn typed(text: &str) -> Result<OutsideHead, OutsideHeadError> {
    OutsideHead::typed(text)
}

impl Arguments {
    /// The completion script for a shell.
    pub(crate) fn complete(shell: clap_complete::Shell) {
        clap_complete::generate(shell, &mut Self::command(), "suture-verify", &mut std::io::stdout());
    }
}
