//! One host's mirrored log: opened from the disk, extended by packages, cosigned when it is whole.

use std::path::Path;
use std::sync::Arc;

use contract::record::Record;
use contract::socket::{EntryPackage, PACKAGE_MAX_BYTES};
use contract::time::UtcTime;
use tlog::checkpoint::VerifiedCheckpoint;
use tlog::cosignature::{self, CosignatureTime};
use tlog::note::SignedNote;
use tlog::proof::Proof;
use tlog::tree::{LeafIndex, ProveError, prove_inclusion};
use tlog::{Hash, SigningKey, VerifierKey, leaf_hash};

use super::archive::{Archive, ArchiveError, STAGED_MAX_BYTES};
use super::chain::KeyChain;
use super::check::{Objection, PREVIOUS, Signed, check, genuine};
use super::head::Head;
use super::opening::open_head;
use super::staging::{STAGED_OF_TENANT_MAX_BYTES, Staging};
use super::{Answer, Held, Newest, Proven, Subject};

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
    verified: Head,
    /// The verified head and what is staged beyond it.
    held: Head,
    staged: Staged,
    /// What all hosts of all tenants stage.
    staging: Arc<Staging>,
    receipt: Option<String>,
}

impl HostMirror {
    /// Reads the log from the archive and checks it: cosigned by this hub, and of exactly that root.
    pub(super) fn open(
        root: &Path,
        subject: &Subject,
        witness: &VerifierKey,
        staging: Arc<Staging>,
    ) -> Result<Self, ArchiveError> {
        let directory = root.join(subject.holder.tenant.as_str()).join(subject.holder.host.as_str());
        let archive = Archive::open(directory)?;
        let pinned = subject.evidence_key.parse().map_err(|e| archive.damaged("(pinned key)", &e))?;
        let (verified, receipt) = match archive.checkpoint()? {
            Some(bytes) => {
                let (head, receipt) = open_head(&archive, &bytes, pinned, witness)?;
                (head, Some(receipt))
            }
            None => (Head::empty(pinned), None),
        };
        let (held, staged) = (verified.clone(), Staged::default());
        let mut mirror = Self { archive, subject: subject.clone(), verified, held, staged, staging, receipt };
        mirror.read_staged()?;
        Ok(mirror)
    }

    /// The keys of the verified log.
    pub(super) fn keys(&self) -> KeyChain {
        self.verified.keys.clone()
    }

    pub(super) fn held(&self) -> Held {
        let receipt = if self.staged.leaves.is_empty() { self.receipt.clone() } else { None };
        Held { size: self.held.size(), verified: self.verified.size(), receipt }
    }

    /// The newest verified head; none where nothing is verified yet.
    pub(super) fn newest(&self) -> Result<Option<Newest>, ArchiveError> {
        let Some(note) = self.receipt.clone() else { return Ok(None) };
        let size = self.verified.size();
        Ok(Some(Newest { size, note, partial: self.archive.partial(size)? }))
    }

    /// The newest verified head, cosigned afresh: this hub holds it now, and has seen no larger one. None where nothing is verified yet. The
    /// copy keeps the cosignature that it has; where that is no older, it is the one that is given.
    pub(super) fn renewed(&self, witness: &SigningKey, now: UtcTime) -> Result<Option<String>, ArchiveError> {
        let Some(receipt) = self.receipt.clone() else { return Ok(None) };
        let damaged = |what: &dyn std::fmt::Display| self.archive.damaged("checkpoint", what);
        let note = SignedNote::parse(receipt.as_bytes()).map_err(|e| damaged(&e))?;
        let seen = cosignature::verify(&note, witness.verifier()).map_err(|e| damaged(&e))?;
        if seen.time().unix_seconds() >= now.unix_seconds() {
            return Ok(Some(receipt));
        }
        let key = self.verified.keys.at(self.verified.size());
        let checkpoint = VerifiedCheckpoint::from_note(note, key).map_err(|e| damaged(&e))?;
        self.cosign(checkpoint, witness, now).map(Some)
    }

    /// Takes a package: durable before this returns, or not taken at all.
    pub(super) fn take(
        &mut self,
        package: &EntryPackage,
        witness: &SigningKey,
        now: UtcTime,
    ) -> Result<Answer, ArchiveError> {
        if package.from != self.held.size() {
            return Ok(Answer::Elsewhere(self.held(), None));
        }
        let checked = match check(package, &self.held, &self.subject) {
            Ok(checked) => checked,
            Err(objection) => return self.object(package, objection),
        };
        let (covers, brought) = (checked.covers, checked.head.size());
        let checkpoint = match checked.checkpoint {
            Signed::Unknown => return self.stage(package, checked.leaves, checked.head),
            Signed::Theirs(checkpoint) => checkpoint,
        };
        if package.entries.is_empty() && covers <= self.verified.size() {
            return self.compare(&checkpoint);
        }
        if covers < brought {
            return self.object(package, Objection::TooFew { covers, brought });
        }
        if covers > brought {
            return self.stage(package, checked.leaves, checked.head);
        }
        let (signed, held) = (checkpoint.checkpoint().root, checked.head.range.root());
        if signed != held {
            // Whoever carries the entries can alter them: that says nothing about what the key signed.
            self.unstage()?;
            let objection = Objection::EntriesDiffer { size: covers, signed, held };
            return Ok(Answer::Elsewhere(self.held(), Some(Box::new(objection))));
        }
        let receipt = self.cosign(checkpoint, witness, now)?;
        self.commit(package, &checked.leaves, checked.head, receipt)?;
        Ok(Answer::Held { held: self.held(), cosigned: true, shorter: None })
    }

    /// What becomes of a package that cannot be taken. Staged entries are nobody's word: where the host goes on from before them, it may.
    fn object(&mut self, package: &EntryPackage, objection: Objection) -> Result<Answer, ArchiveError> {
        let (size, staged) = (self.held.size(), !self.staged.leaves.is_empty());
        let branches = matches!(objection, Objection::NotTheNext { index, what: PREVIOUS } if index == size);
        let shorter = matches!(objection, Objection::TooFew { covers, .. } if covers < size);
        if staged && (branches || shorter) {
            self.unstage()?;
            return Ok(Answer::Elsewhere(self.held(), None));
        }
        if matches!(objection, Objection::KeyHandover { .. } | Objection::NotSigned(_)) {
            // What leads up to a head or a key that is not the log's may be no more the log's than that.
            self.unstage()?;
        }
        if branches && size > 0 && genuine(package, &self.held.keys).is_some_and(|covers| covers > size) {
            let fork = Objection::OtherHistory { size, held: self.verified.range.root() };
            return Ok(Answer::Refused(Box::new(fork)));
        }
        Ok(Answer::Refused(Box::new(objection)))
    }

    /// The verified records from `from` on, to the end of their bundle.
    pub(super) fn records(&self, from: u64) -> Result<Vec<Record>, ArchiveError> {
        let parse =
            |entry: &Vec<u8>| Record::parse(entry).map_err(|e| self.archive.damaged("tile/entries", &e));
        self.archive.entries(from, self.verified.range.size())?.iter().map(parse).collect()
    }

    /// A verified entry with its proof under the newest cosigned head; none where there is no such entry.
    pub(super) fn proven(&self, index: u64) -> Result<Option<Proven>, ArchiveError> {
        let size = self.verified.range.size();
        let Some(receipt) = self.receipt.as_ref().filter(|_| index < size.get()) else { return Ok(None) };
        let damaged = |what: &dyn std::fmt::Display| self.archive.damaged("tile/entries", what);
        let entry = self.archive.entry(index, size)?;
        let record = Record::parse(&entry).map_err(|e| damaged(&e))?;
        let entry = String::from_utf8(entry).map_err(|e| damaged(&e))?;
        let index = LeafIndex::new(index);
        let hashes = prove_inclusion(index, size, |subtree| self.archive.subtree(subtree, size));
        let hashes = hashes.map_err(|e| match e {
            ProveError::Read(_, source) => source,
            ProveError::IndexOutside(..) | ProveError::SizesOutOfOrder(..) => damaged(&e),
        })?;
        let checkpoint = SignedNote::parse(receipt.as_bytes()).map_err(|e| damaged(&e))?;
        let proof = Proof { index, extra: None, hashes, checkpoint }.to_string();
        Ok(Some(Proven { entry, record, size: size.get(), proof }))
    }

    /// The verified entries from `from` on, at most a package of them, under the cosigned head. None where nothing is cosigned.
    pub(super) fn package(&mut self, from: u64) -> Result<Option<EntryPackage>, ArchiveError> {
        if from < self.held.size() && !self.staged.leaves.is_empty() {
            // The host has less than is staged for it: it was put back to an older state, and will go on from there.
            self.unstage()?;
        }
        let Some(checkpoint) = self.receipt.clone() else { return Ok(None) };
        let mut entries = Vec::new();
        let mut room = PACKAGE_MAX_BYTES;
        if from < self.verified.size() {
            for entry in self.archive.entries(from, self.verified.range.size())? {
                let entry = String::from_utf8(entry).map_err(|e| self.archive.damaged("tile/entries", &e))?;
                // One always goes: an entry is shorter than a package.
                let Some(left) = room.checked_sub(entry.len()) else { break };
                room = left;
                entries.push(entry);
            }
        }
        Ok(Some(EntryPackage { from, entries, checkpoint }))
    }

    /// A head that is not beyond what is verified must be a head of the same log.
    fn compare(&mut self, checkpoint: &VerifiedCheckpoint) -> Result<Answer, ArchiveError> {
        let (size, signed) = (checkpoint.checkpoint().size, checkpoint.checkpoint().root);
        let held = self.archive.range(size, self.verified.range.size())?.root();
        if signed == held {
            if !self.staged.leaves.is_empty() {
                // Its log ends before what is staged: so that was not its log, or is no more.
                self.unstage()?;
            }
            let shorter = Some(size.get()).filter(|size| *size < self.verified.size());
            return Ok(Answer::Held { held: self.held(), cosigned: false, shorter });
        }
        Ok(Answer::Refused(Box::new(Objection::Fork { size: size.get(), signed, held })))
    }

    fn stage(
        &mut self,
        package: &EntryPackage,
        leaves: Vec<Hash>,
        head: Head,
    ) -> Result<Answer, ArchiveError> {
        if self.staged.bytes > STAGED_MAX_BYTES {
            return Ok(Answer::Refused(Box::new(Objection::StagedTooMuch(STAGED_MAX_BYTES))));
        }
        let holder = &self.subject.holder;
        if self.staging.of_tenant(&holder.tenant) > STAGED_OF_TENANT_MAX_BYTES {
            return Ok(Answer::Refused(Box::new(Objection::TenantStagedTooMuch(STAGED_OF_TENANT_MAX_BYTES))));
        }
        self.staged.bytes = self.archive.stage(self.staged.bytes, &package.entries)?;
        self.staging.set(&self.subject.holder, self.staged.bytes);
        self.staged.leaves.extend(leaves);
        self.held = head;
        Ok(Answer::Held { held: self.held(), cosigned: false, shorter: None })
    }

    fn unstage(&mut self) -> Result<(), ArchiveError> {
        self.archive.clear_staged()?;
        self.staging.set(&self.subject.holder, 0);
        (self.held, self.staged) = (self.verified.clone(), Staged::default());
        Ok(())
    }

    /// Entries and tiles first, then the cosigned head that covers them, then tidying: a power cut anywhere leaves the old head or the new.
    fn commit(
        &mut self,
        package: &EntryPackage,
        fresh: &[Hash],
        head: Head,
        receipt: String,
    ) -> Result<(), ArchiveError> {
        let mut entries = if self.staged.leaves.is_empty() { Vec::new() } else { self.archive.staged()? };
        entries.extend(package.entries.iter().map(|e| e.as_bytes().to_vec()));
        let leaves: Vec<Hash> = self.staged.leaves.iter().chain(fresh).copied().collect();
        let old = self.verified.range.size();
        let range = self.archive.extend(&self.verified.range, &entries, &leaves)?;
        if head.keys.changes() > self.verified.keys.changes() {
            self.archive.set_keys(&head.keys.text())?;
        }
        self.archive.set_checkpoint(&receipt)?;
        self.receipt = Some(receipt);
        self.verified = Head { range, ..head };
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

    /// Reads what is staged. Entries that the verified head covers were committed, and only clearing them was cut off.
    fn read_staged(&mut self) -> Result<(), ArchiveError> {
        for entry in self.archive.staged()? {
            let leaf = leaf_hash(&entry);
            let continues = Record::parse(&entry).is_ok_and(|record| {
                record.seq == self.held.size() && self.held.append(leaf, &record.body).is_ok()
            });
            if !continues {
                return self.unstage();
            }
            self.staged.leaves.push(leaf);
            self.staged.bytes += 2 + entry.len() as u64;
        }
        Ok(())
    }
}
