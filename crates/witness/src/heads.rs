//! A witness: known logs, and a place where the newest cosigned heads are kept.

use tlog::cosignature::{self, CosignatureError, CosignatureTime};
use tlog::note::{KeyError, KeyLabel, NoteError};
use tlog::witness::AddCheckpoint;
use tlog::{Origin, SignedNote, SigningKey, VerifiedCheckpoint, VerifierKey};

use crate::answer::Answer;
use crate::fork::ForkAttempt;
use crate::judge::{Cosigned, Refused, judge, origin};
use crate::logs::Logs;

/// Where the newest cosigned head of each log is kept.
///
/// [`replace`](Self::replace) is what keeps two requests that were judged at the same time from both standing: it compares and writes as one.
pub trait Heads {
    /// Why it cannot be read or written.
    type Error: std::error::Error + 'static;

    /// The newest head of a log, as it was handed to [`replace`](Self::replace).
    fn newest(&self, log: &Origin) -> Result<Option<SignedNote>, Self::Error>;

    /// Makes `next` the newest head, durably, if `expected` still is; `false` where it is not, and nothing was written.
    fn replace(
        &self,
        log: &Origin,
        expected: Option<&SignedNote>,
        next: &SignedNote,
    ) -> Result<bool, Self::Error>;
}

/// A witness.
#[derive(Debug)]
pub struct Witness<H> {
    logs: Logs,
    heads: H,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Considered {
    /// What is sent back.
    pub answer: Answer,
    /// The proof that the log forked, where the request is one: it must be kept, and told to a person.
    pub fork: Option<Box<ForkAttempt>>,
}

/// Why a request was not answered. Nothing was cosigned.
#[derive(Debug, thiserror::Error)]
pub enum WitnessError<E: std::error::Error + 'static> {
    /// The newest head cannot be read or written.
    #[error("the newest cosigned head cannot be kept")]
    Heads(#[source] E),
    /// What was kept is not what this witness cosigned.
    #[error(
        "the head that is kept for {origin} is not one that this witness cosigned: restore it from a copy"
    )]
    Damaged {
        /// Which log.
        origin: Origin,
        /// Why not.
        #[source]
        source: CosignatureError,
    },
    /// The key makes no cosignatures.
    #[error("the witness's key is none for cosignatures")]
    Key(#[source] KeyError),
    /// The cosigned head would be no note.
    #[error("the cosigned head is no note")]
    Note(#[source] NoteError),
}

impl<H: Heads> Witness<H> {
    /// A witness of `logs`.
    pub const fn new(logs: Logs, heads: H) -> Self {
        Self { logs, heads }
    }

    /// Where its heads are kept.
    pub const fn heads(&self) -> &H {
        &self.heads
    }

    /// Considers a request, and cosigns with `key`, of type `cosignature/v1`: the cosignature is handed out only after the head that it stands on
    /// is durable. A witness has one key for its whole life, since what it kept counts by that key's cosignature.
    pub fn add(
        &self,
        key: &SigningKey,
        request: &AddCheckpoint,
        now: CosignatureTime,
    ) -> Result<Considered, WitnessError<H::Error>> {
        // Whoever loses the race to another request is judged again, by the head that won.
        loop {
            if let Some(considered) = self.attempt(key, request, now)? {
                return Ok(considered);
            }
        }
    }

    fn attempt(
        &self,
        key: &SigningKey,
        request: &AddCheckpoint,
        now: CosignatureTime,
    ) -> Result<Option<Considered>, WitnessError<H::Error>> {
        let keys = self.logs.keys(origin(request));
        let newest = match (keys, origin(request).parse()) {
            (Some(_), Ok(log)) => self.newest(&log, key.verifier())?,
            (None, _) | (_, Err(_)) => None,
        };
        let extension = match judge(keys, newest.as_ref(), request) {
            Ok(extension) => extension,
            Err(Refused { why, fork }) => {
                return Ok(Some(Considered { answer: Answer::refused(&why), fork }));
            }
        };
        let checkpoint = extension.checkpoint();
        let line = cosignature::cosign(checkpoint, key, now).map_err(WitnessError::Key)?;
        let mut next = only_signed_by(checkpoint, extension.signer()).map_err(WitnessError::Note)?;
        next.add(line.clone()).map_err(WitnessError::Note)?;
        let log = &checkpoint.checkpoint().origin;
        let stands = self
            .heads
            .replace(log, newest.as_ref().map(Cosigned::note), &next)
            .map_err(WitnessError::Heads)?;
        Ok(stands.then(|| Considered { answer: Answer::cosigned(&line), fork: None }))
    }

    fn newest(&self, log: &Origin, key: &VerifierKey) -> Result<Option<Cosigned>, WitnessError<H::Error>> {
        let Some(note) = self.heads.newest(log).map_err(WitnessError::Heads)? else { return Ok(None) };
        let cosigned = Cosigned::from_note(note, key)
            .map_err(|source| WitnessError::Damaged { origin: log.clone(), source })?;
        Ok(Some(cosigned))
    }
}

/// The note without what others appended to it: anybody can append lines, and they would be kept for ever.
fn only_signed_by(checkpoint: &VerifiedCheckpoint, signer: &KeyLabel) -> Result<SignedNote, NoteError> {
    let note = checkpoint.note();
    let line = note.signatures().iter().find(|line| line.label() == signer);
    let line = line.ok_or(NoteError::NoSignatures)?;
    SignedNote::parse(format!("{}\n{line}\n", note.text()).as_bytes())
}
