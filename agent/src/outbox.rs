//! The outbox: incidents that the hub has not taken yet, one durable file each.
//!
//! Bounded by the bytes that it takes on the disk. Where it is full the oldest is dropped, and the gap is written down before the file goes: it is counted, it survives a restart and
//! it is told to the hub like any incident. A file that cannot be read is put aside and counted too; it blocks nothing.

mod gap;

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use contract::ids::IncidentId;
use contract::incident::{Incident, What};
use contract::time::UtcTime;
use edge::file::{self, FileError};

pub use gap::Gap;

/// How much of the disk the incidents take at most: a thousand of them.
pub const CAPACITY_BYTES: u64 = 1_000 * BLOCK_BYTES;
/// What a small file takes of a disk, whatever its length.
pub const BLOCK_BYTES: u64 = 4_096;
/// The most files that are put aside.
const ASIDE_MAX: usize = 1_000;
/// Typed fields only: an incident is a few hundred bytes.
const INCIDENT_BYTES_MAX: u64 = 64 * 1024;

/// The outbox, with an index of its files.
#[derive(Debug)]
pub struct Outbox {
    directory: PathBuf,
    capacity_bytes: u64,
    /// What the entries take of the disk.
    held_bytes: u64,
    /// By the order in which they were put: wall clocks jump.
    entries: BTreeMap<u64, Entry>,
    gap: Option<Gap>,
    /// How many were lost since this process started; what an earlier one left untold counts.
    lost: u64,
}

/// One file.
#[derive(Debug)]
struct Entry {
    incident: IncidentId,
    bytes: u64,
    /// None where the file was not read yet by this process.
    is_signal: Option<bool>,
}

/// An incident's place in the outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot(u64);

impl Outbox {
    /// Opens the outbox in `directory`, which is made where it is missing. `now` stands in a gap that is found by it.
    pub fn open(directory: &Path, capacity_bytes: u64, now: UtcTime) -> Result<Self, FileError> {
        file::private_directory(&directory.join("aside"))?;
        let gap = gap::load(&directory.join("gap.json"))?;
        let mut outbox = Self {
            lost: gap.as_ref().map_or(0, |gap| gap.lost),
            directory: directory.to_owned(),
            capacity_bytes,
            held_bytes: 0,
            entries: BTreeMap::new(),
            gap,
        };
        let listing = |source| FileError { path: directory.to_owned(), action: "list it", source };
        for entry in std::fs::read_dir(directory).map_err(listing)? {
            let entry = entry.map_err(listing)?;
            let path = entry.path();
            let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
            if let Some((seq, incident)) = parse_name(name) {
                outbox.enter(seq, incident, entry.metadata().map_err(listing)?.len(), None);
            } else if path.extension().is_some_and(|e| e == "tmp") {
                // A write that was cut short: nobody was told that it happened.
                file::remove_durably(&path)?;
            } else if path.is_file() && name != "gap.json" {
                outbox.put_aside(&path, now)?;
            }
        }
        outbox.take_back()?;
        Ok(outbox)
    }

    /// Keeps `incident`, durably. One that is already here is left as it is.
    pub fn put(&mut self, incident: &Incident, now: UtcTime) -> Result<(), FileError> {
        if self.entries.values().any(|held| held.incident == incident.incident) {
            return Ok(());
        }
        let bytes = serde_json::to_vec(incident).unwrap_or_default();
        while !self.is_empty() && self.held_bytes + on_disk(bytes.len() as u64) > self.capacity_bytes {
            self.drop_oldest(now)?;
        }
        let seq = self.entries.last_key_value().map_or(0, |(last, _)| last + 1);
        let path = self.path(seq, &incident.incident);
        file::write_durably(&path, &bytes)?;
        self.enter(seq, incident.incident.clone(), bytes.len() as u64, Some(is_signal(incident)));
        Ok(())
    }

    /// The newest incident. Whatever cannot be read on the way to it is put aside.
    pub fn newest(&mut self, now: UtcTime) -> Result<Option<(Slot, Incident)>, FileError> {
        self.newest_where(now, true)
    }

    /// The newest that no log's line told. Signals are passed over, and not read again for it: under a storm of them this is asked at each one.
    pub fn newest_but_signals(&mut self, now: UtcTime) -> Result<Option<(Slot, Incident)>, FileError> {
        self.newest_where(now, false)
    }

    fn newest_where(&mut self, now: UtcTime, signals: bool) -> Result<Option<(Slot, Incident)>, FileError> {
        let mut below = u64::MAX;
        while let Some((&seq, entry)) = self.entries.range_mut(..below).next_back() {
            below = seq;
            if entry.is_signal == Some(true) && !signals {
                continue;
            }
            let path = place(&self.directory, seq, &entry.incident);
            let read = file::read(&path, INCIDENT_BYTES_MAX);
            match read.ok().and_then(|bytes| serde_json::from_slice::<Incident>(&bytes).ok()) {
                Some(incident) if incident.incident == entry.incident => {
                    let is_signal = is_signal(&incident);
                    entry.is_signal = Some(is_signal);
                    if signals || !is_signal {
                        return Ok(Some((Slot(seq), incident)));
                    }
                }
                _ => {
                    self.put_aside(&path, now)?;
                    self.leave(seq);
                }
            }
        }
        Ok(None)
    }

    /// The ids of all that wait, oldest first.
    pub fn ids(&self) -> Vec<IncidentId> {
        self.entries.values().map(|entry| entry.incident.clone()).collect()
    }

    /// One that waits, where it can be read.
    pub fn find(&self, incident: &IncidentId) -> Option<Incident> {
        let (seq, _) = self.entries.iter().find(|(_, entry)| entry.incident == *incident)?;
        let bytes = file::read(&self.path(*seq, incident), INCIDENT_BYTES_MAX).ok()?;
        serde_json::from_slice::<Incident>(&bytes).ok().filter(|found| found.incident == *incident)
    }

    /// The hub has taken it: it is deleted.
    pub fn taken(&mut self, slot: Slot) -> Result<(), FileError> {
        if let Some(entry) = self.entries.get(&slot.0) {
            remove(&self.path(slot.0, &entry.incident))?;
            self.leave(slot.0);
        }
        Ok(())
    }

    /// The hub does not take it: it is put aside, so that it holds up no other, and tried again after the next start. Another version of the hub may
    /// understand it.
    pub fn refused(&mut self, slot: Slot, now: UtcTime) -> Result<(), FileError> {
        if let Some(entry) = self.entries.get(&slot.0) {
            let path = self.path(slot.0, &entry.incident);
            if self.aside_is_full() {
                self.count(now)?;
                remove(&path)?;
            } else {
                self.move_aside(&path)?;
            }
            self.leave(slot.0);
        }
        Ok(())
    }

    /// What the hub did not take before is offered once more; what cannot be read stays where it is.
    fn take_back(&mut self) -> Result<(), FileError> {
        let room = self.directory.join("aside");
        let listing = |source| FileError { path: room.clone(), action: "list it", source };
        for entry in std::fs::read_dir(&room).map_err(listing)? {
            let aside = entry.map_err(listing)?.path();
            let name = aside.file_name().and_then(|n| n.to_str()).unwrap_or_default();
            let Some((seq, incident)) = parse_name(name) else { continue };
            let readable = file::read(&aside, INCIDENT_BYTES_MAX).ok().filter(|bytes| {
                serde_json::from_slice::<Incident>(bytes).is_ok_and(|found| found.incident == incident)
            });
            let Some(bytes) = readable else { continue };
            let length = bytes.len() as u64;
            if self.entries.contains_key(&seq) || self.held_bytes + on_disk(length) > self.capacity_bytes {
                continue;
            }
            let back = self.path(seq, &incident);
            std::fs::rename(&aside, &back).map_err(|source| FileError {
                path: back,
                action: "take it back",
                source,
            })?;
            self.enter(seq, incident, length, None);
        }
        Ok(())
    }

    /// What was lost and not told yet.
    pub const fn gap(&self) -> Option<&Gap> {
        self.gap.as_ref()
    }

    /// What was lost since this process started, told or not.
    pub const fn lost_in_all(&self) -> u64 {
        self.lost
    }

    /// The hub was told of `told`. What was lost since then remains to be told.
    pub fn gap_told(&mut self, told: &Gap) -> Result<(), FileError> {
        self.gap = self.gap.take().and_then(|gap| gap.since(told));
        gap::store(&self.directory.join("gap.json"), self.gap.as_ref())
    }

    /// How many incidents wait.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// What they take of the disk, in bytes.
    pub const fn held_bytes(&self) -> u64 {
        self.held_bytes
    }

    /// True where none waits.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn path(&self, seq: u64, incident: &IncidentId) -> PathBuf {
        place(&self.directory, seq, incident)
    }

    fn enter(&mut self, seq: u64, incident: IncidentId, bytes: u64, is_signal: Option<bool>) {
        self.held_bytes += on_disk(bytes);
        self.entries.insert(seq, Entry { incident, bytes, is_signal });
    }

    fn leave(&mut self, seq: u64) {
        if let Some(entry) = self.entries.remove(&seq) {
            self.held_bytes = self.held_bytes.saturating_sub(on_disk(entry.bytes));
        }
    }

    fn drop_oldest(&mut self, now: UtcTime) -> Result<(), FileError> {
        if let Some((&seq, entry)) = self.entries.first_key_value() {
            let path = self.path(seq, &entry.incident);
            self.count(now)?;
            remove(&path)?;
            self.leave(seq);
        }
        Ok(())
    }

    /// What cannot be read is lost: it is counted, and left for a person to look at.
    fn put_aside(&mut self, path: &Path, now: UtcTime) -> Result<(), FileError> {
        self.count(now)?;
        if self.aside_is_full() { remove(path) } else { self.move_aside(path) }
    }

    /// How many lie aside.
    pub fn aside(&self) -> usize {
        std::fs::read_dir(self.directory.join("aside")).map_or(0, Iterator::count)
    }

    /// What lies aside must not fill the disk.
    fn aside_is_full(&self) -> bool {
        self.aside() >= ASIDE_MAX
    }

    fn move_aside(&self, path: &Path) -> Result<(), FileError> {
        tracing::error!(path = %path.display(), "an incident cannot be delivered and was put aside");
        let aside = self.directory.join("aside").join(path.file_name().unwrap_or_default());
        match std::fs::rename(path, &aside) {
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
            moved => moved.map_err(|source| FileError { path: aside, action: "put it aside", source }),
        }
    }

    /// Written down before the loss: told twice is better than not at all.
    fn count(&mut self, now: UtcTime) -> Result<(), FileError> {
        let gap = Gap::one_more(self.gap.as_ref(), now)?;
        gap::store(&self.directory.join("gap.json"), Some(&gap))?;
        self.gap = Some(gap);
        self.lost += 1;
        Ok(())
    }
}

/// Whole blocks.
const fn on_disk(bytes: u64) -> u64 {
    bytes.div_ceil(BLOCK_BYTES) * BLOCK_BYTES
}

/// Removes a file; one that is gone already is as good.
fn remove(path: &Path) -> Result<(), FileError> {
    match file::remove_durably(path) {
        Err(e) if e.source.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn place(directory: &Path, seq: u64, incident: &IncidentId) -> PathBuf {
    directory.join(format!("{seq:020}_{incident}.json"))
}

const fn is_signal(incident: &Incident) -> bool {
    match incident.what {
        What::Signal(_) => true,
        What::Drift { .. } => false,
    }
}

fn parse_name(name: &str) -> Option<(u64, IncidentId)> {
    let (seq, incident) = name.strip_suffix(".json")?.split_once('_')?;
    Some((seq.parse().ok()?, incident.parse().ok()?))
}
