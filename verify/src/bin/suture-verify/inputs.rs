//! What the command line brings from outside: files are read here, and nothing is taken from inside of what is verified.

use std::fs::{self, File};
use std::io::{self, Read, stdin};
use std::path::{Path, PathBuf};

use tlog::note::{KeyError, NOTE_BYTES_MAX, NoteError, SignedNote, VerifierKey};
use tlog::policy::{Policy, PolicyError};
use verify::{KeyLog, KeyLogError, OutsideHead, OutsideHeadError, Trust, Unverified, Witnesses};

use crate::arguments::Arguments;

/// Most bytes of any file that is brought: many keys, or a note.
const BYTES_MAX: usize = 4 * NOTE_BYTES_MAX;

/// Why there is no trust to begin with.
pub(crate) enum Refused {
    /// What was given cannot be used.
    Usage(InputError),
    /// What was given is no trust from outside.
    Trust(Unverified),
}

impl From<InputError> for Refused {
    fn from(error: InputError) -> Self {
        Self::Usage(error)
    }
}

/// Why a file named on the command line cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InputError {
    #[error("{}: cannot read it: {source}", .path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{}: longer than {BYTES_MAX} bytes", .0.display())]
    TooLong(PathBuf),
    #[error("{}: it is not text", .0.display())]
    NotText(PathBuf),
    #[error("{}: line {line}: {source}", .path.display())]
    Key { path: PathBuf, line: usize, source: KeyError },
    #[error("{}: line 1: a key file holds one key on each line, and at least one", .0.display())]
    NoKeys(PathBuf),
    #[error("{}: {source}", .path.display())]
    KeyLog { path: PathBuf, source: KeyLogError },
    #[error("{}: {source}", .path.display())]
    Head { path: PathBuf, source: OutsideHeadError },
    #[error("{}: {source}", .path.display())]
    Receipt { path: PathBuf, source: NoteError },
    #[error("{}: {source}", .path.display())]
    Policy { path: PathBuf, source: PolicyError },
    #[error("--receipt: no witness is given that it could come from; add --witness or --policy")]
    ReceiptAlone,
    #[error("two keys are given for the same purpose: {0} and {1}")]
    TwoKeys(String, String),
}

impl Arguments {
    /// Everything that was brought from outside.
    pub(crate) fn trust(&self, verified: &Path) -> Result<Trust, Refused> {
        let files = [&self.key_files, &self.key_logs, &self.checkpoints].into_iter().flatten();
        // Said before a file is opened: what is verified cannot vouch for itself. A receipt may lie anywhere: it counts for
        // what witnesses signed in it, and their keys come from outside.
        for path in files.chain(&self.policy) {
            if lies_in(path, verified) {
                return Err(Refused::Trust(Unverified::TrustFromInside(path.display().to_string())));
            }
        }
        let mut trust = Trust { witnesses: self.witnesses()?, ..Trust::default() };
        if let Witnesses::Policy(policy) = &trust.witnesses {
            trust.known_logs = policy.logs().iter().map(|log| log.key.clone()).collect();
        }
        for key in self.keys.clone() {
            place(&mut trust, key)?;
        }
        for path in &self.key_files {
            for key in read_keys(path)? {
                place(&mut trust, key)?;
            }
        }
        if let Some(key) = &self.heads_key {
            only(&mut trust.heads_key, key)?;
        }
        if let Some(key) = &self.kit_key {
            only(&mut trust.kit_key, key)?;
        }
        trust.key_logs = self.key_logs.iter().map(|path| read_key_log(path)).collect::<Result<_, _>>()?;
        trust.heads.clone_from(&self.heads);
        for path in &self.checkpoints {
            trust.heads.push(read_head(path)?);
        }
        trust.receipts = self.receipts.iter().map(|path| read_receipt(path)).collect::<Result<_, _>>()?;
        let nobody = self.witnesses.is_empty() && self.policy.is_none();
        if nobody && !trust.receipts.is_empty() { Err(InputError::ReceiptAlone.into()) } else { Ok(trust) }
    }

    fn witnesses(&self) -> Result<Witnesses, InputError> {
        if let Some(path) = &self.policy {
            let policy = Policy::parse(read(path)?);
            let policy = policy.map_err(|source| InputError::Policy { path: path.clone(), source })?;
            return Ok(Witnesses::Policy(policy));
        }
        let mut witnesses: Vec<VerifierKey> = Vec::new();
        for witness in &self.witnesses {
            if !witnesses.contains(witness) {
                witnesses.push(witness.clone());
            }
        }
        Ok(Witnesses::All(witnesses))
    }
}

/// Puts a key where its name says that it belongs.
fn place(trust: &mut Trust, key: VerifierKey) -> Result<(), InputError> {
    let name = key.label().name.as_str();
    if name.ends_with("/kits") {
        only(&mut trust.kit_key, &key)
    } else if name.ends_with("/heads") {
        only(&mut trust.heads_key, &key)
    } else {
        trust.keys.push(key);
        Ok(())
    }
}

fn only(place: &mut Option<VerifierKey>, key: &VerifierKey) -> Result<(), InputError> {
    match place.replace(key.clone()) {
        Some(other) if other != *key => {
            Err(InputError::TwoKeys(other.label().to_string(), key.label().to_string()))
        }
        _ => Ok(()),
    }
}

fn lies_in(path: &Path, verified: &Path) -> bool {
    match (fs::canonicalize(path), fs::canonicalize(verified)) {
        (Ok(path), Ok(verified)) => path.starts_with(verified),
        // One of them is not there, and reading it will say so.
        _ => false,
    }
}

fn read_keys(path: &Path) -> Result<Vec<VerifierKey>, InputError> {
    let text = read_text(path)?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    if text.is_empty() {
        return Err(InputError::NoKeys(path.to_owned()));
    }
    let key = |(n, line): (usize, &str)| {
        line.parse().map_err(|source| InputError::Key { path: path.to_owned(), line: n + 1, source })
    };
    text.split('\n').enumerate().map(key).collect()
}

fn read_key_log(path: &Path) -> Result<KeyLog, InputError> {
    KeyLog::parse(&read_text(path)?).map_err(|source| InputError::KeyLog { path: path.to_owned(), source })
}

fn read_head(path: &Path) -> Result<OutsideHead, InputError> {
    OutsideHead::parse(&read(path)?).map_err(|source| InputError::Head { path: path.to_owned(), source })
}

fn read_receipt(path: &Path) -> Result<SignedNote, InputError> {
    SignedNote::parse(&read(path)?).map_err(|source| InputError::Receipt { path: path.to_owned(), source })
}

fn read_text(path: &Path) -> Result<String, InputError> {
    String::from_utf8(read(path)?).map_err(|_| InputError::NotText(path.to_owned()))
}

/// Reads a file, or what is typed where the path is `-`.
fn read(path: &Path) -> Result<Vec<u8>, InputError> {
    let mut bytes = Vec::new();
    let mut take = |from: &mut dyn Read| from.take(BYTES_MAX as u64 + 1).read_to_end(&mut bytes);
    let done = if path == Path::new("-") {
        take(&mut stdin())
    } else {
        File::open(path).and_then(|mut file| take(&mut file))
    };
    done.map_err(|source| InputError::Read { path: path.to_owned(), source })?;
    if bytes.len() > BYTES_MAX { Err(InputError::TooLong(path.to_owned())) } else { Ok(bytes) }
}
