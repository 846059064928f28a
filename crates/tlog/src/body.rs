//! What proof files and witness requests share: lines, hashes in base64, an empty line, and a checkpoint.

use std::iter::Peekable;
use std::str::Split;

use crate::decimal;
use crate::hash::Hash;
use crate::note::{NoteError, SignedNote};

/// Why bytes are not a proof file or a witness request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// A line is missing, or is not what it has to be; the text says what that is.
    #[error("expected {0}")]
    Line(&'static str),
    /// What follows the empty line is not a signed note.
    #[error("the checkpoint is not a signed note")]
    Checkpoint(#[source] NoteError),
}

/// The lines before the empty line, and the note after it.
pub(crate) fn split(bytes: &[u8]) -> Result<(Peekable<Split<'_, char>>, SignedNote), BodyError> {
    let body = str::from_utf8(bytes).map_err(|_| BodyError::Line("UTF-8 text"))?;
    let parts = body.split_once("\n\n").ok_or(BodyError::Line("an empty line, and a checkpoint after it"))?;
    let checkpoint = SignedNote::parse(parts.1.as_bytes()).map_err(BodyError::Checkpoint)?;
    Ok((parts.0.split('\n').peekable(), checkpoint))
}

/// The decimal number behind the prefix of a line.
pub(crate) fn number(line: Option<&str>, prefix: &str) -> Option<u64> {
    decimal::parse(line?.strip_prefix(prefix)?)
}

/// The hashes of a Merkle proof, one to a line.
pub(crate) fn hashes<'a>(lines: impl Iterator<Item = &'a str>) -> Result<Vec<Hash>, BodyError> {
    let expected = BodyError::Line("the base64 of a hash, or an empty line");
    lines.map(Hash::from_base64).collect::<Option<_>>().ok_or(expected)
}

/// The lines that [`hashes`] reads.
pub(crate) fn lines(hashes: &[Hash]) -> String {
    hashes.iter().map(|hash| hash.to_base64() + "\n").collect()
}
