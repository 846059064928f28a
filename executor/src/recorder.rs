//! The log and the ledger together: what is durable is known, and nothing is known that is not durable.

use std::path::Path;

use contract::digest::Digest;
use contract::finding::{Finding, Tally};
use contract::record::{Body, Digests, FindingsTaken, Opened, Record, Recovered, Trigger};
use contract::socket::EntryPackage;
use contract::time::{ClockOffset, MonoNs, UtcTime};
use evidence::{AppendError, Appended, Draft, LogWriter, OpenError, Recovery};
use tlog::{Checkpoint, SigningKey};

use crate::ledger::Ledger;

/// Findings in one record: 60 of them stay well below 16 KiB.
const FINDINGS_PER_RECORD: usize = 60;

/// Writes records, and keeps the ledger that they amount to.
#[derive(Debug)]
pub struct Recorder {
    log: LogWriter,
    ledger: Ledger,
    digests: Digests,
}

/// When a record is written.
#[derive(Debug, Clone, Copy)]
pub struct Stamp {
    /// By the host's clock.
    pub time: UtcTime,
    /// How far that can be trusted.
    pub clock: ClockOffset,
    /// Monotonic.
    pub mono: MonoNs,
}

impl Recorder {
    /// Opens the log and rebuilds the ledger from it. `receipt` is the last head that the hub is known to hold: a log without it is refused.
    /// `digests` stand in every record from now on.
    pub fn open(
        directory: &Path,
        key: SigningKey,
        receipt: Option<&Checkpoint>,
        digests: Digests,
    ) -> Result<(Self, Recovery), OpenError> {
        let mut ledger = Ledger::default();
        let replay = |record: &Record| ledger.apply(record, None);
        let (log, recovery) = LogWriter::open_receipted(directory, key, receipt, replay)?;
        Ok((Self { log, ledger, digests }, recovery))
    }

    /// What the log amounts to.
    pub const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The number of records.
    pub fn size(&self) -> u64 {
        self.log.size()
    }

    /// Writes one record about a run.
    pub fn run(
        &mut self,
        stamp: Stamp,
        subject: &str,
        order: Digest,
        runbook: Option<Digest>,
        bodies: Vec<Body>,
    ) -> Result<Appended, AppendError> {
        let digests = Digests { order: Some(order), runbook, ..self.digests };
        self.write(stamp, subject, digests, bodies)
    }

    /// Writes the first record of the log.
    pub fn opened(&mut self, stamp: Stamp, opened: Opened) -> Result<Appended, AppendError> {
        self.write(stamp, "log", self.digests, vec![Body::Opened(opened)])
    }

    /// Writes that the executor came back.
    pub fn recovered(&mut self, stamp: Stamp, recovered: Recovered) -> Result<Appended, AppendError> {
        self.write(stamp, "log", self.digests, vec![Body::Recovered(recovered)])
    }

    /// Writes findings down as the agent's, in as many records as it takes, in one group commit.
    pub fn findings(
        &mut self,
        stamp: Stamp,
        trigger: Trigger,
        findings: &[Finding],
    ) -> Result<Appended, AppendError> {
        let tally = Tally::of(findings);
        let pieces: Vec<_> = findings.chunks(FINDINGS_PER_RECORD).collect();
        let parts = u32::try_from(pieces.len()).unwrap_or(u32::MAX);
        let bodies = (1..).zip(pieces).map(|(part, piece)| {
            Body::Findings(FindingsTaken { trigger, part, parts, tally, findings: piece.to_vec() })
        });
        self.write(stamp, "baseline", self.digests, bodies.collect())
    }

    fn write(
        &mut self,
        stamp: Stamp,
        subject: &str,
        digests: Digests,
        bodies: Vec<Body>,
    ) -> Result<Appended, AppendError> {
        let Stamp { time, clock, mono } = stamp;
        let draft = |body| Draft { time, clock, subject: subject.to_owned(), digests, body };
        let written = self.log.append(bodies.into_iter().map(draft).collect())?;
        for record in written.records() {
            self.ledger.apply(record, Some(mono));
        }
        Ok(written)
    }

    /// A piece of the log for the hub; none where it has everything.
    pub fn package(&self, from: u64) -> Result<Option<EntryPackage>, edge::file::FileError> {
        let Some(package) = self.log.package(from)? else { return Ok(None) };
        // Entries are UTF-8: they were checked to be canonical JSON before they were written.
        let entries = package.entries.into_iter().map(|e| String::from_utf8_lossy(&e).into_owned()).collect();
        Ok(Some(EntryPackage { from: package.from, entries, checkpoint: package.head }))
    }

    /// Publishes the last signed head.
    pub fn publish(&mut self) -> Result<(), edge::file::FileError> {
        self.log.publish()
    }
}
