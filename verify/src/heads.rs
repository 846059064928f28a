//! The log's own head: read, and tied to what was given.

use tlog::checkpoint::{Checkpoint, Origin};
use tlog::note::{NOTE_BYTES_MAX, SignatureError, SignedNote, VerifierKey};

use crate::handover::Handovers;
use crate::report::Head;
use crate::source::{CHECKPOINT, ReadError, Source};
use crate::trust::{KeyLog, LogTrust};
use crate::verdict::{Alteration, Unverified, Verdict};

/// The log's own head, with the note that carries it.
pub(crate) struct OwnHead {
    pub(crate) checkpoint: Checkpoint,
    pub(crate) note: SignedNote,
}

/// Whose signature on the head counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Signer {
    /// No key was given: an earlier head has to vouch for it.
    NotAsked,
    /// The key log says that this key counts for the head's size, and it signed.
    Listed(VerifierKey),
    /// A key that was given signed. That it had not handed over before is yet to be seen in the records.
    Given(VerifierKey),
    /// None of those given. The records may lead to one that did.
    InRecords,
}

/// Reads the log's head. It means nothing yet.
pub(crate) fn read(source: &impl Source) -> Result<OwnHead, Verdict> {
    let altered = Verdict::Altered;
    let bytes = source.read(CHECKPOINT, NOTE_BYTES_MAX).map_err(|why| match why {
        ReadError::TooLong { .. } => altered(Alteration::HeadNote(tlog::note::NoteError::TooLong)),
        why => Verdict::NothingVerified(Unverified::NoHead(why)),
    })?;
    let note = SignedNote::parse(&bytes).map_err(|error| altered(Alteration::HeadNote(error)))?;
    let checkpoint = note.text().parse().map_err(|error| altered(Alteration::HeadText(error)))?;
    Ok(OwnHead { checkpoint, note })
}

impl OwnHead {
    /// Refuses a head of another log than the one expected, and one that covers nothing.
    pub(crate) fn check_log(&self, expected: Option<&Origin>) -> Result<(), Unverified> {
        match expected {
            Some(expected) if *expected != self.checkpoint.origin => {
                let (found, expected) = (self.checkpoint.origin.clone(), expected.to_string());
                Err(Unverified::OtherLog { found, expected })
            }
            _ if self.checkpoint.size.get() == 0 => Err(Unverified::EmptyLog),
            _ => Ok(()),
        }
    }

    /// Looks for the signature of a key that counts, among those given.
    pub(crate) fn signer(&self, trust: &LogTrust) -> Result<Signer, Verdict> {
        if let Some(log) = trust.key_log {
            return self.listed(log).map(Signer::Listed);
        }
        if trust.keys.is_empty() {
            return Ok(Signer::NotAsked);
        }
        let mut signer = Signer::InRecords;
        for key in &trust.keys {
            if self.signed(key)? && signer == Signer::InRecords {
                signer = Signer::Given((*key).clone());
            }
        }
        Ok(signer)
    }

    fn listed(&self, log: &KeyLog) -> Result<VerifierKey, Verdict> {
        let size = self.checkpoint.size.get();
        // Whoever listed a key says whose it is: a line that forges it is a forgery, also where the key does not count.
        let mut signers = Vec::new();
        for key in log.keys() {
            if self.signed(key)? {
                signers.push(key);
            }
        }
        if let Some(key) = log.in_force(size).filter(|key| signers.contains(key)) {
            return Ok(key.clone());
        }
        let revoked = signers.first();
        Err(Verdict::NothingVerified(match revoked {
            Some(key) => Unverified::KeyRevoked { key: key.label().clone(), size },
            None => not_signed(log.keys()),
        }))
    }

    /// Whether this key signed. A line in its name that is not its own was altered; no line at all is another signer.
    fn signed(&self, key: &VerifierKey) -> Result<bool, Verdict> {
        signed_by(&self.note, key).map_err(|error| Verdict::Altered(Alteration::HeadSignature(error)))
    }

    /// The key that signed the head and that counts for it, now that the records have told which key handed over to which.
    pub(crate) fn settle(
        &self,
        signer: &Signer,
        handovers: &Handovers,
        trust: &LogTrust,
    ) -> Result<Option<VerifierKey>, Verdict> {
        let refused = || Verdict::NothingVerified(not_signed(trust.keys.iter().copied()));
        match signer {
            Signer::NotAsked => Ok(None),
            Signer::Listed(key) => Ok(Some(key.clone())),
            Signer::Given(_) | Signer::InRecords => {
                for key in handovers.counting() {
                    if self.signed(key)? {
                        return Ok(Some(key.clone()));
                    }
                }
                Err(refused())
            }
        }
    }

    /// What the report says of it.
    pub(crate) fn reported(&self, key: Option<&VerifierKey>) -> Head {
        Head { checkpoint: self.checkpoint.clone(), key: key.map(|key| key.label().clone()) }
    }
}

fn not_signed<'a>(keys: impl Iterator<Item = &'a VerifierKey>) -> Unverified {
    let labels: Vec<String> = keys.map(|key| key.label().to_string()).collect();
    Unverified::NotSignedByKey { keys: labels.join(", ") }
}

/// Whether the key signed the note; an error where the note says so and it is not true.
pub(crate) fn signed_by(note: &SignedNote, key: &VerifierKey) -> Result<bool, SignatureError> {
    match note.verify(key) {
        Ok(()) => Ok(true),
        Err(SignatureError::Missing(_)) => Ok(false),
        Err(error) => Err(error),
    }
}
