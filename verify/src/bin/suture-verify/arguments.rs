//! The command line, and what it brings from outside the log.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use clap::Parser;
use tlog::note::{KeyError, NOTE_BYTES_MAX, NoteError, SignedNote, VerifierKey};
use verify::{OutsideHead, OutsideHeadError, Trust, Unverified};

const EXIT_STATUS: &str = "\
Exit status:
   0  intact_witnessed         intact, and all witnesses named vouch for all of it
  10  intact_unwitnessed_tail  intact; no witness vouches for the last n records
  20  incomplete               something is missing, or the log was put back to an earlier state
  30  altered                  a record, a tile or the head is not what was signed
  40  fork                     somebody outside saw another history of this log
  50  nothing_verified         nothing could be tied to anything from outside
   2                           the command line or a file named on it cannot be used

A key is one line: <name>+<key ID>+<base64>. Bring it from outside the log: a key or a head
that lies in the log's own directory is not used.";

/// Says whether an evidence log is whole, in order and unaltered, and who vouches for that. Works offline.
#[derive(Debug, Parser)]
#[command(name = "suture-verify", version, after_help = EXIT_STATUS)]
pub(crate) struct Arguments {
    /// The log: the directory with `checkpoint` and `tile/`.
    pub(crate) directory: PathBuf,
    /// The key that signs the log's heads.
    #[arg(long, value_name = "VKEY", conflicts_with = "key_file")]
    key: Option<VerifierKey>,
    /// A file that holds that key, on one line.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// An earlier head that somebody kept: a checkpoint, or its three bare lines (origin, size, root).
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    /// The key of a witness; may be given several times, and then all of them must vouch.
    #[arg(long = "witness", value_name = "VKEY")]
    witnesses: Vec<VerifierKey>,
    /// A note that carries witnesses' cosignatures and is kept apart from the log.
    #[arg(long, value_name = "FILE", requires = "witnesses")]
    receipt: Option<PathBuf>,
    /// Print one JSON object instead of words.
    #[arg(long, conflicts_with = "quiet")]
    pub(crate) json: bool,
    /// Print nothing; the exit status says it all.
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

/// Why there is no trust to begin with.
pub(crate) enum Refused {
    /// What was given cannot be used.
    Usage(InputError),
    /// What was given is no trust from outside.
    Trust(Unverified),
}

/// Why a file named on the command line cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InputError {
    #[error("{}: cannot read it: {source}", .path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{}: longer than {NOTE_BYTES_MAX} bytes", .0.display())]
    TooLong(PathBuf),
    #[error("{}: line 1: a key file holds one line, the key", .0.display())]
    KeyLines(PathBuf),
    #[error("{}: line 1: {source}", .path.display())]
    Key { path: PathBuf, source: KeyError },
    #[error("{}: {source}", .path.display())]
    Head { path: PathBuf, source: OutsideHeadError },
    #[error("{}: {source}", .path.display())]
    Receipt { path: PathBuf, source: NoteError },
}

impl Arguments {
    /// Everything that was brought from outside.
    pub(crate) fn trust(&self) -> Result<Trust, Refused> {
        // Said before a file is opened: of the log's own directory nothing is taken on its word.
        for path in [&self.key_file, &self.checkpoint].into_iter().flatten() {
            if lies_in(path, &self.directory) {
                return Err(Refused::Trust(Unverified::TrustFromInside(path.display().to_string())));
            }
        }
        let key_file = self.key_file.as_deref().map(read_key).transpose().map_err(Refused::Usage)?;
        let mut witnesses: Vec<VerifierKey> = Vec::new();
        for witness in &self.witnesses {
            if !witnesses.contains(witness) {
                witnesses.push(witness.clone());
            }
        }
        Ok(Trust {
            key: self.key.clone().or(key_file),
            head: self.checkpoint.as_deref().map(read_head).transpose().map_err(Refused::Usage)?,
            witnesses,
            receipt: self.receipt.as_deref().map(read_receipt).transpose().map_err(Refused::Usage)?,
        })
    }
}

fn lies_in(path: &Path, directory: &Path) -> bool {
    match (fs::canonicalize(path), fs::canonicalize(directory)) {
        (Ok(path), Ok(directory)) => path.starts_with(directory),
        // One of them is not there, and reading it will say so.
        _ => false,
    }
}

fn read_key(path: &Path) -> Result<VerifierKey, InputError> {
    let bytes = read(path)?;
    let text = str::from_utf8(&bytes).map_err(|_| InputError::KeyLines(path.to_owned()))?;
    let line = text.strip_suffix('\n').unwrap_or(text);
    if line.is_empty() || line.contains('\n') {
        return Err(InputError::KeyLines(path.to_owned()));
    }
    line.parse().map_err(|source| InputError::Key { path: path.to_owned(), source })
}

fn read_head(path: &Path) -> Result<OutsideHead, InputError> {
    OutsideHead::parse(&read(path)?).map_err(|source| InputError::Head { path: path.to_owned(), source })
}

fn read_receipt(path: &Path) -> Result<SignedNote, InputError> {
    SignedNote::parse(&read(path)?).map_err(|source| InputError::Receipt { path: path.to_owned(), source })
}

fn read(path: &Path) -> Result<Vec<u8>, InputError> {
    let mut bytes = Vec::new();
    let limit = NOTE_BYTES_MAX as u64 + 1;
    let done = File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes));
    done.map_err(|source| InputError::Read { path: path.to_owned(), source })?;
    if bytes.len() > NOTE_BYTES_MAX { Err(InputError::TooLong(path.to_owned())) } else { Ok(bytes) }
}
