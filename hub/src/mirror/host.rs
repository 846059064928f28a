//! One host's mirrored log: opened from the disk, extended by packages, cosigned when it is whole.

use std::path::Path;

use contract::record::Record;
use contract::socket::EntryPackage;
use contract::time::UtcTime;
use tlog::checkpoint::VerifiedCheckpoint;
use tlog::cosignature::{self, CosignatureTime};
use tlog::note::SignedNote;
use tlog::tree::{Subtree, TreeSize};
use tlog::{Hash, SigningKey, VerifierKey, leaf_hash};

use super::archive::{Archive, ArchiveError, STAGED_MAX_BYTES};
use super::check::{Checked, Objection, check};
use super::head::Head;
use super::{Answer, Held, Subject};

/// What is staged: entries beyond the verified head.
#[derive(Debug, Default)]
struct Staged {
    leaves: Vec<Hash>,
    bytes: u64,
}

/// One host's log.
#[derive(Debug)]
pub(super) struct HostMirror {
    archive: Archive,
    subject: Subject,
    key: VerifierKey,
    verified: Head,
    /// The verified head and what is staged beyond it.
    held: Head,
    staged: Staged,
    receipt: Option<String>,
}

impl HostMirror {
    /// Reads the log from the archive and checks it: cosigned by this hub, and of exactly that root.
    pub(super) fn open(root: &Path, subject: &Subject, witness: &VerifierKey) -> Result<Self, ArchiveError> {
        let directory = root.join(subject.holder.tenant.as_str()).join(subject.holder.host.as_str());
        let archive = Archive::open(directory)?;
        let key = subject.evidence_key.parse().map_err(|e| archive.damaged("(pinned key)", &e))?;
        let (verified, receipt) = match archive.checkpoint()? {
            Some(bytes) => open_head(&archive, &bytes, &key, witness)?,
            None => (Head::default(), None),
        };
        let (mut held, mut staged) = (verified.clone(), Staged::default());
        for entry in archive.staged()? {
            let leaf = leaf_hash(&entry);
            // After a cut between the new head and the clearing, what is staged is what the head covers already.
            held.append(leaf);
            staged.leaves.push(leaf);
            staged.bytes += 2 + entry.len() as u64;
        }
        let mut mirror = Self { archive, subject: subject.clone(), key, verified, held, staged, receipt };
        mirror.drop_stale_staging()?;
        Ok(mirror)
    }

    pub(super) fn held(&self) -> Held {
        let receipt = if self.staged.leaves.is_empty() { self.receipt.clone() } else { None };
        Held { size: self.held.size(), verified: self.verified.size(), receipt }
    }

    /// Takes a package: durable before this returns, or not taken at all.
    pub(super) fn take(
        &mut self,
        package: &EntryPackage,
        witness: &SigningKey,
        now: UtcTime,
    ) -> Result<Answer, ArchiveError> {
        if package.from != self.held.size() {
            return Ok(Answer::Elsewhere(self.held()));
        }
        let checked = match check(package, &self.held, &self.subject, &self.key) {
            Ok(checked) => checked,
            Err(objection) => return Ok(Answer::Refused(Box::new(objection))),
        };
        let covers = checked.checkpoint.checkpoint().size.get();
        let brought = checked.head.size();
        if package.entries.is_empty() && covers <= self.verified.size() {
            return self.compare(&checked.checkpoint);
        }
        if covers < brought {
            return Ok(Answer::Refused(Box::new(Objection::TooFew { covers, brought })));
        }
        if covers > brought {
            return self.stage(package, checked);
        }
        let (signed, held) = (checked.checkpoint.checkpoint().root, checked.head.range.root());
        if signed != held {
            self.unstage()?;
            return Ok(Answer::Refused(Box::new(Objection::Fork { size: covers, signed, held })));
        }
        self.commit(package, checked, witness, now)?;
        Ok(Answer::Held { held: self.held(), cosigned: true })
    }

    /// The verified records from `from` on, to the end of their bundle.
    pub(super) fn records(&self, from: u64) -> Result<Vec<Record>, ArchiveError> {
        let parse =
            |entry: &Vec<u8>| Record::parse(entry).map_err(|e| self.archive.damaged("tile/entries", &e));
        self.archive.entries(from, self.verified.range.size())?.iter().map(parse).collect()
    }

    /// A head that is not beyond what is verified must be a head of the same log.
    fn compare(&self, checkpoint: &VerifiedCheckpoint) -> Result<Answer, ArchiveError> {
        let (size, signed) = (checkpoint.checkpoint().size, checkpoint.checkpoint().root);
        let held = self.archive.range(size, self.verified.range.size())?.root();
        if signed == held {
            return Ok(Answer::Held { held: self.held(), cosigned: false });
        }
        Ok(Answer::Refused(Box::new(Objection::Fork { size: size.get(), signed, held })))
    }

    fn stage(&mut self, package: &EntryPackage, checked: Checked) -> Result<Answer, ArchiveError> {
        if self.staged.bytes > STAGED_MAX_BYTES {
            return Ok(Answer::Refused(Box::new(Objection::StagedTooMuch(STAGED_MAX_BYTES))));
        }
        self.staged.bytes = self.archive.stage(self.staged.bytes, &package.entries)?;
        self.staged.leaves.extend(checked.leaves);
        self.held = checked.head;
        Ok(Answer::Held { held: self.held(), cosigned: false })
    }

    fn unstage(&mut self) -> Result<(), ArchiveError> {
        self.archive.clear_staged()?;
        (self.held, self.staged) = (self.verified.clone(), Staged::default());
        Ok(())
    }

    /// Entries and tiles first, then the cosigned head that covers them, then tidying: a power cut anywhere leaves the old head or the new.
    fn commit(
        &mut self,
        package: &EntryPackage,
        checked: Checked,
        witness: &SigningKey,
        now: UtcTime,
    ) -> Result<(), ArchiveError> {
        let mut entries = if self.staged.leaves.is_empty() { Vec::new() } else { self.archive.staged()? };
        entries.extend(package.entries.iter().map(|e| e.as_bytes().to_vec()));
        let leaves: Vec<Hash> = self.staged.leaves.iter().chain(&checked.leaves).copied().collect();
        let old = self.verified.range.size();
        let range = self.archive.extend(&self.verified.range, &entries, &leaves)?;
        let receipt = self.cosign(checked.checkpoint, witness, now)?;
        self.archive.set_checkpoint(&receipt)?;
        self.receipt = Some(receipt);
        self.verified = Head { range, last: checked.head.last };
        self.archive.tidy(old, self.verified.range.size());
        self.unstage()
    }

    fn cosign(
        &self,
        checkpoint: VerifiedCheckpoint,
        witness: &SigningKey,
        now: UtcTime,
    ) -> Result<String, ArchiveError> {
        let time = CosignatureTime::from_unix_seconds(now.unix_seconds())
            .ok_or_else(|| self.archive.damaged("checkpoint", &"the hub's clock is out of range"))?;
        let line = cosignature::cosign(&checkpoint, witness, time)
            .map_err(|e| self.archive.damaged("checkpoint", &e))?;
        let mut note = checkpoint.into_note();
        note.add(line).map_err(|e| self.archive.damaged("checkpoint", &e))?;
        Ok(note.to_string())
    }

    /// Staged entries that the verified head covers were committed; only clearing them was cut off.
    fn drop_stale_staging(&mut self) -> Result<(), ArchiveError> {
        let Some(first) = self.archive.staged()?.into_iter().next() else { return Ok(()) };
        let continues = Record::parse(&first).is_ok_and(|record| record.seq == self.verified.size());
        if continues { Ok(()) } else { self.unstage() }
    }
}

fn open_head(
    archive: &Archive,
    bytes: &[u8],
    key: &VerifierKey,
    witness: &VerifierKey,
) -> Result<(Head, Option<String>), ArchiveError> {
    let damaged = |what: String| archive.damaged("checkpoint", &what);
    let note = SignedNote::parse(bytes).map_err(|e| damaged(e.to_string()))?;
    cosignature::verify(&note, witness).map_err(|e| damaged(e.to_string()))?;
    let receipt = note.to_string();
    let checkpoint = VerifiedCheckpoint::from_note(note, key).map_err(|e| damaged(e.to_string()))?;
    let (size, root) = (checkpoint.checkpoint().size, checkpoint.checkpoint().root);
    let range = archive.range(size, size)?;
    if range.root() != root {
        return Err(damaged(format!("the tiles have root {}, not {root}", range.root())));
    }
    let last = last_leaf(archive, size)?;
    Ok((Head { range, last }, Some(receipt)))
}

fn last_leaf(archive: &Archive, size: TreeSize) -> Result<Option<Hash>, ArchiveError> {
    match size.get().checked_sub(1) {
        Some(index) => archive.subtree(Subtree { level: 0, index }, size).map(Some),
        None => Ok(None),
    }
}
