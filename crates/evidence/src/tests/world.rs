//! A log on a disk that forgets, and what must never be untrue of it.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::rc::Rc;

use contract::record::{Body, Standing};
use tlog::hash::{Hash, leaf_hash};
use tlog::note::{SignatureType, SigningKey};
use tlog::tree::TreeSize;
use tlog::{Checkpoint, VerifiedCheckpoint};

use super::memory::{MemoryDisk, Random};
use super::{draft, key};
use crate::{Draft, LogWriter, OpenError, seal};

pub(super) type Writer = LogWriter<MemoryDisk>;

/// What must never be untrue, whatever happened to the disk.
#[derive(Debug, Clone)]
pub(super) struct World {
    pub(super) disk: MemoryDisk,
    directory: PathBuf,
    /// Leaves of acknowledged records.
    acknowledged: Vec<Hash>,
    /// Every head that anybody could have seen.
    heads: BTreeMap<u64, Hash>,
    /// The keys' numbers: the one in force, and the one that is to follow.
    key: u8,
    next: u8,
    /// Copies of all entries, as the hub would hold them: durable is not enough, only what was shipped.
    mirror: Vec<Vec<u8>>,
    mirrored: Option<VerifiedCheckpoint>,
    /// Notes that were looked at already: checking signatures is what takes the time.
    looked_at: Rc<RefCell<HashMap<Vec<u8>, Option<Checkpoint>>>>,
}

pub(super) fn nth_key(n: u8) -> SigningKey {
    let name = key().verifier().label().name.clone();
    SigningKey::from_seed(name, SignatureType::Ed25519, &[100 + n; 32]).unwrap()
}

/// What is tried on an open log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    Append(u64),
    Publish,
    Prune,
    Rotate,
    TakeBack,
}

impl World {
    pub(super) fn new() -> Self {
        let directory = PathBuf::from("/log");
        Self {
            disk: MemoryDisk::new(&directory),
            directory,
            acknowledged: Vec::new(),
            heads: BTreeMap::new(),
            key: 0,
            next: 1,
            mirror: Vec::new(),
            mirrored: None,
            looked_at: Rc::default(),
        }
    }

    pub(super) fn copied(&self) -> Self {
        Self { disk: self.disk.copied(), ..self.clone() }
    }

    /// Opens the log with the key that is in force; the executor has both stored and finds out which.
    pub(super) fn open(&mut self) -> Result<Writer, OpenError> {
        let before = self.disk.content(&self.tail_path());
        let open = |n| Writer::open_on(self.disk.clone(), &self.directory, nth_key(n), None, |_| ());
        let (writer, recovery) = match open(self.key) {
            Err(OpenError::OtherKey { .. }) => {
                let opened = open(self.next)?;
                (self.key, self.next) = (self.next, self.next + 1);
                opened
            }
            other => other?,
        };
        let torn = before.is_some_and(|bytes| self.beyond_the_frames(&bytes));
        assert_eq!(recovery.torn_bytes > 0, torn, "a torn tail was not declared, or a whole one was");
        Ok(writer)
    }

    /// The head that a note is, by any key that this log has or will have.
    fn head(&self, note: &[u8]) -> Option<Checkpoint> {
        let mut looked_at = self.looked_at.borrow_mut();
        let open = || {
            let signed = |n| tlog::checkpoint::open(note, nth_key(n).verifier()).ok();
            (0..=self.next).find_map(signed).map(|head| head.checkpoint().clone())
        };
        looked_at.entry(note.to_vec()).or_insert_with(open).clone()
    }

    /// Whether anything but zeros follows the signed frames of a tail.
    fn beyond_the_frames(&self, bytes: &[u8]) -> bool {
        let (mut at, mut end) = (0, 0);
        while let Some(frame) = seal::decode(&bytes[at..]) {
            at += frame.length;
            if self.head(&frame.note()).is_some() {
                end = at;
            }
        }
        bytes[end..].iter().any(|b| *b != 0)
    }

    fn tail_path(&self) -> PathBuf {
        let newest = self.disk.files().into_iter().filter_map(|f| {
            let name = f.file_name()?.to_str()?.strip_prefix("tail-")?.parse::<u64>().ok()?;
            Some((name, f))
        });
        newest.max().map_or_else(|| self.directory.join("writer/tail-0"), |(_, f)| f)
    }

    /// A head was seen: none may contradict it.
    fn saw(&mut self, head: &Checkpoint) {
        let root = *self.heads.entry(head.size.get()).or_insert(head.root);
        assert_eq!(root, head.root, "two roots were signed for size {}", head.size);
    }

    /// Looks at every head that lies on the disk, whether the log counts it or not. Asked after a power cut, or of an open log.
    pub(super) fn look_for_heads(&mut self) {
        for path in self.disk.files() {
            let bytes = self.disk.content(&path).unwrap();
            // Frames that are whole first, then whatever begins like one.
            let mut starts = Vec::new();
            let mut at = 0;
            while let Some(frame) = seal::decode(&bytes[at..]) {
                starts.push(at);
                at += frame.length;
            }
            if bytes[at..].contains(&seal::MARK[0]) {
                starts.extend((at..bytes.len()).filter(|at| bytes[*at] == seal::MARK[0]));
            }
            let sealed = starts.iter().filter_map(|at| self.head(&seal::decode(&bytes[*at..])?.note()));
            let alone = if bytes.len() < 1000 { self.head(&bytes) } else { None };
            for head in sealed.chain(alone).collect::<Vec<_>>() {
                self.saw(&head);
            }
        }
    }

    /// All that an open log must hold.
    pub(super) fn check(&mut self, log: &Writer) {
        assert!(
            log.size() >= self.acknowledged.len() as u64,
            "{} acknowledged, {} left",
            self.acknowledged.len(),
            log.size()
        );
        let mut at = log.first;
        while at < log.size() {
            let package = log.package(at).unwrap().unwrap();
            for entry in package.entries {
                let index = usize::try_from(at).unwrap();
                match self.acknowledged.get(index) {
                    Some(leaf) => {
                        assert_eq!(leaf_hash(&entry), *leaf, "acknowledged record {at} is another one");
                    }
                    // It was not acknowledged, and survived: from now on it counts like any other.
                    None => self.acknowledged.push(leaf_hash(&entry)),
                }
                at += 1;
            }
        }
        if let Some(head) = log.head() {
            assert_eq!(
                (head.checkpoint().size.get(), head.checkpoint().root),
                (log.size(), log.frontier.root())
            );
            self.saw(&head.checkpoint().clone());
        }
        self.look_for_heads();
    }

    /// Does something; an error is what the disk's plan made of it.
    pub(super) fn act(&mut self, log: &mut Writer, deed: Deed, random: &mut Random) -> Result<(), String> {
        let words = |e: &dyn std::error::Error| format!("{e}");
        let done = match deed {
            Deed::Append(n) => {
                let drafts = (0..n).map(|i| {
                    if i == n - 1 && random.below(4) == 0 { standing() } else { draft(random.below(1 << 40)) }
                });
                let appended = log.append(drafts.collect());
                appended.map(|a| self.acknowledge(log, a.size())).map_err(|e| words(&e))
            }
            Deed::Publish => log.publish().map_err(|e| words(&e)),
            Deed::Prune => {
                let shipped = self.mirrored.as_ref().map_or(0, |h| h.checkpoint().size.get());
                log.prune(TreeSize::new(shipped), random.below(300)).map(|_| ()).map_err(|e| words(&e))
            }
            Deed::Rotate => {
                let rotated = log.rotate(nth_key(self.next), |body| Draft { body, ..draft(1) });
                rotated.map_err(|e| words(&e)).map(|a| {
                    (self.key, self.next) = (self.next, self.next + 1);
                    self.acknowledge(log, a.size());
                })
            }
            Deed::TakeBack => self.take_back(log),
        };
        if done.is_ok() {
            let head = log.head().map(|h| h.checkpoint().clone());
            if let Some(head) = head {
                self.saw(&head);
            }
        }
        done
    }

    fn acknowledge(&mut self, log: &Writer, size: u64) {
        assert_eq!(size, log.size());
        for at in self.acknowledged.len() as u64..size {
            let package = log.package(at).unwrap().unwrap();
            self.acknowledged.push(leaf_hash(&package.entries[0]));
        }
    }

    /// The hub takes over what there is.
    pub(super) fn mirror(&mut self, log: &Writer) {
        while (self.mirror.len() as u64) < log.size() && log.first <= self.mirror.len() as u64 {
            self.mirror.extend(log.package(self.mirror.len() as u64).unwrap().unwrap().entries);
        }
        self.mirrored = log.head().cloned();
    }

    fn take_back(&mut self, log: &mut Writer) -> Result<(), String> {
        let Some(head) = self.mirrored.clone().filter(|h| h.checkpoint().size.get() > log.size()) else {
            return Ok(());
        };
        let from = usize::try_from(log.size()).unwrap();
        let done = log.take_back(log.size(), &self.mirror[from..], &head);
        done.map_err(|e| format!("{e}"))?;
        self.acknowledge(log, log.size());
        assert_eq!(log.head().map(ToOwned::to_owned), Some(head), "the head was not adopted");
        Ok(())
    }

    /// The directory is put back as it was; the hub has what came after.
    pub(super) fn put_back(&mut self, earlier: &Self) {
        self.disk = earlier.disk.copied();
        self.acknowledged.clone_from(&earlier.acknowledged);
        (self.key, self.next) = (earlier.key, earlier.next);
    }
}

fn standing() -> Draft {
    Draft { body: Body::Standing(Standing::default()), ..draft(0) }
}

/// A log of this size, acknowledged and mirrored, to begin runs from.
pub(super) fn grown(size: u64) -> World {
    let mut world = World::new();
    let mut log = world.open().unwrap();
    let mut random = Random(size);
    while log.size() + 1 < size {
        let n = (size - 1 - log.size()).min(100);
        world.act(&mut log, Deed::Append(n), &mut random).unwrap();
    }
    if size > 0 {
        // Replay begins here, so that openings are quick.
        let size = log.append(vec![standing()]).unwrap().size();
        world.acknowledge(&log, size);
    }
    world.mirror(&log);
    drop(log);
    world
}
