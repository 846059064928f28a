//! The log and the ledger together: what is durable is known, and nothing is known that is not durable.

use std::path::Path;

use contract::digest::Digest;
use contract::finding::{Finding, Tally};
use contract::record::{Body, Digests, FindingsTaken, Record, Signalled, SignalsTaken, Trigger};
use contract::socket::EntryPackage;
use contract::time::{ClockOffset, MonoNs, UtcTime};
use edge::file::FileError;
use evidence::{
    AppendError, Appended, Draft, LogWriter, OpenError, PackageError, Pruned, Recovery, TakeBackError,
};
use tlog::tile::{TILE_WIDTH, Tile, TileKind};
use tlog::tree::TreeSize;
use tlog::{Checkpoint, SigningKey, VerifiedCheckpoint};

use crate::ledger::Ledger;
use crate::receipt::Receipt;

/// After so many records replay may begin anew: a start reads no more than these and what one run writes.
const STANDING_EVERY: u64 = 1024;

/// Findings in one record: 60 of them stay well below 16 KiB.
const FINDINGS_PER_RECORD: usize = 60;

/// Writes records, and keeps the ledger that they amount to.
#[derive(Debug)]
pub struct Recorder {
    log: LogWriter,
    ledger: Ledger,
    digests: Digests,
    /// The log's size just after its last standing record; 0 where it has none.
    stood: u64,
    /// When the last record was written.
    last: Option<UtcTime>,
    /// Whether this process has written anything.
    has_written: bool,
    /// What is to be said before the next record, whatever that is.
    owed: Vec<Body>,
    /// When the hub was last heard, or when the first record was written that it has not acknowledged since; none while it has everything.
    silent_since: Option<MonoNs>,
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
        let (mut ledger, mut stood, mut last) = (Ledger::default(), 0, None);
        let replay = |record: &Record| {
            ledger.apply(record, None);
            last = Some(record.time);
            if matches!(record.body, Body::Standing(_)) {
                stood = record.seq + 1;
            }
        };
        let (log, recovery) = LogWriter::open_receipted(directory, key, receipt, replay)?;
        let (owed, has_written, silent_since) = (Vec::new(), false, None);
        Ok((Self { log, ledger, digests, stood, last, has_written, owed, silent_since }, recovery))
    }

    /// When the last record was written, by the clock of then; none in an empty log.
    pub const fn last(&self) -> Option<UtcTime> {
        self.last
    }

    /// Whether this process has written anything: before that, the hub's copy may not have been compared.
    pub const fn has_written(&self) -> bool {
        self.has_written
    }

    /// The newest durable head; none in an empty log.
    pub const fn head(&self) -> Option<&VerifiedCheckpoint> {
        self.log.head()
    }

    /// What the log amounts to.
    pub const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The number of records.
    pub fn size(&self) -> u64 {
        self.log.size()
    }

    /// From the next record on this baseline is named.
    pub const fn go_by_baseline(&mut self, baseline: Option<Digest>) {
        self.digests.baseline = baseline;
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

    /// The hub's receipt came: it was heard.
    pub fn heard(&mut self, receipt: &Receipt, now: MonoNs) {
        self.silent_since = if receipt.size() >= self.size() { None } else { Some(now) };
        self.acknowledged(receipt, now);
    }

    /// What the hub's receipt says of the time that has been, whenever it came.
    pub fn acknowledged(&mut self, receipt: &Receipt, now: MonoNs) {
        self.ledger.acknowledged(receipt.size(), receipt.time, now);
    }

    /// The clock said `now`.
    pub fn saw(&mut self, now: UtcTime, mono: MonoNs) {
        self.ledger.saw(self.log.size(), now, mono);
    }

    /// How long the hub has been silent over what was written: by receipts alone, which it signs, and never by the agent's word. 0 while it has
    /// acknowledged everything.
    pub fn silent_ms(&self, now: MonoNs) -> u64 {
        self.silent_since.map_or(0, |since| now.ms_since(since))
    }

    /// Has `body` written before the next record, in its group commit: not now, since nothing is to be written before the hub's copy was compared.
    pub fn owe(&mut self, body: Body) {
        self.owed.push(body);
    }

    /// Writes what is about the log itself, in one group commit.
    pub fn about_the_log(&mut self, stamp: Stamp, bodies: Vec<Body>) -> Result<Appended, AppendError> {
        self.write(stamp, "log", self.digests, bodies)
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

    /// Writes signals down as the agent's, in one record.
    pub fn signals(&mut self, stamp: Stamp, signals: Vec<Signalled>) -> Result<Appended, AppendError> {
        let body = Body::Signals(SignalsTaken { signals });
        self.write(stamp, "detectors", self.digests, vec![body])
    }

    fn write(
        &mut self,
        stamp: Stamp,
        subject: &str,
        digests: Digests,
        bodies: Vec<Body>,
    ) -> Result<Appended, AppendError> {
        let Stamp { time, clock, mono } = stamp;
        let owed = self.owed.drain(..).map(|body| ("log", self.digests, body));
        let asked = bodies.into_iter().map(|body| (subject, digests, body));
        let draft = |(subject, digests, body): (&str, Digests, Body)| {
            let subject = subject.to_owned();
            Draft { time, clock, subject, digests, body }
        };
        let written = self.log.append(owed.chain(asked).map(draft).collect())?;
        for record in written.records() {
            self.ledger.apply(record, Some(mono));
            self.last = Some(record.time);
        }
        self.has_written = true;
        self.silent_since.get_or_insert(mono);
        self.stand(stamp)?;
        Ok(written)
    }

    /// Writes down where the ledger stands, where it is time to and no run is under way.
    fn stand(&mut self, stamp: Stamp) -> Result<(), AppendError> {
        if self.size() - self.stood < STANDING_EVERY {
            return Ok(());
        }
        let Some(standing) = self.ledger.standing() else { return Ok(()) };
        let Stamp { time, clock, mono } = stamp;
        let body = Body::Standing(standing);
        let draft = Draft { time, clock, subject: "log".to_owned(), digests: self.digests, body };
        for record in self.log.append(vec![draft])?.records() {
            self.ledger.apply(record, Some(mono));
        }
        self.stood = self.size();
        Ok(())
    }

    /// Puts entries back that the log had lost; see [`LogWriter::take_back`]. The ledger does not learn of them: the log is opened again.
    pub fn take_back(
        &mut self,
        from: u64,
        entries: &[Vec<u8>],
        head: &VerifiedCheckpoint,
    ) -> Result<(), TakeBackError> {
        self.log.take_back(from, entries, head).map(drop)
    }

    /// Drops entries that the hub holds, `receipted` of them, as far as those that are here take more than `keep_bytes`. The tree stays.
    pub fn prune(&mut self, directory: &Path, receipted: u64, keep_bytes: u64) -> Result<Pruned, FileError> {
        let keep = newest_within(directory, self.size(), keep_bytes);
        self.log.prune(TreeSize::new(receipted), keep)
    }

    /// A piece of the log for the hub; none where it has everything.
    pub fn package(&self, from: u64) -> Result<Option<EntryPackage>, PackageError> {
        let Some(package) = self.log.package(from)? else { return Ok(None) };
        // Entries are UTF-8: they were checked to be canonical JSON before they were written.
        let entries = package.entries.into_iter().map(|e| String::from_utf8_lossy(&e).into_owned()).collect();
        Ok(Some(EntryPackage { from: package.from, entries, checkpoint: package.head }))
    }

    /// Publishes the last signed head.
    pub fn publish(&mut self) -> Result<(), FileError> {
        self.log.publish()
    }
}

/// How many of the newest of `size` entries take no more than `bytes` in full bundles; all of them where they do.
fn newest_within(directory: &Path, size: u64, bytes: u64) -> u64 {
    let mut room = bytes;
    for index in (0..size / u64::from(TILE_WIDTH)).rev() {
        let Ok(tile) = Tile::new(TileKind::Entries, index, TILE_WIDTH) else { break };
        // Where one is gone, those before it are gone too.
        let Ok(file) = directory.join(tile.to_string()).metadata() else { break };
        let Some(left) = room.checked_sub(file.len()) else {
            return size - (index + 1) * u64::from(TILE_WIDTH);
        };
        room = left;
    }
    size
}
