//! Puts together, in order, what the workers bring: chain, tree, tiles and keys. It is light, so that nobody waits for it.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use tlog::hash::Hash;

use super::{LANE_DEPTH, Package, Progress, Reading, Stop, WORKERS_MAX, Walked, work};
use crate::examine::{Examined, Fault, names};
use crate::extent::BUNDLE;
use crate::frontier::Frontier;
use crate::handover::Handovers;
use crate::source::Source;
use crate::tally::Tally;
use crate::tiles::{TileComparison, TileFault};
use crate::verdict::RecordFault;

/// Puts together, in order, what the workers bring.
pub(super) struct Joiner<'a, S> {
    reading: &'a Reading<'a, S>,
    frontier: Frontier,
    /// The first hash that should stand for entries outside the extent and cannot be had: from there on no root is known.
    broken: Option<(String, TileFault)>,
    last_leaf: Option<Hash>,
    roots: BTreeMap<u64, Hash>,
    tally: Tally,
    tiles: TileComparison,
    handovers: Handovers,
}

impl<'a, S: Source> Joiner<'a, S> {
    /// Whether a tile outside of what is read was missing or wrong: nothing that follows changes what is said.
    pub(super) const fn is_broken(&self) -> bool {
        self.broken.is_some()
    }

    pub(super) fn new(reading: &'a Reading<'a, S>, handovers: Handovers) -> Self {
        Self {
            reading,
            frontier: Frontier::default(),
            broken: None,
            last_leaf: None,
            roots: BTreeMap::new(),
            tally: Tally::default(),
            tiles: TileComparison::default(),
            handovers,
        }
    }

    /// Reads all bundles of the extent, as many at a time as there are cores.
    pub(super) fn join_all(&mut self, progress: &mut dyn FnMut(Progress)) -> Result<(), Stop> {
        let reading = self.reading;
        let size = reading.extent.end() - reading.extent.first();
        let cores = thread::available_parallelism().map_or(1, usize::from).min(WORKERS_MAX);
        let workers = usize::try_from(size.div_ceil(BUNDLE)).map_or(cores, |bundles| cores.min(bundles));
        thread::scope(|scope| {
            // Worker k takes the bundles k, k + workers, …; so the joiner finds them in order by going round.
            let lanes: Vec<Receiver<Package>> = (0..workers)
                .map(|worker| {
                    let (send, receive) = sync_channel(LANE_DEPTH);
                    scope.spawn(move || work(reading, worker, workers, &send));
                    receive
                })
                .collect();
            let mut read = 0;
            for lane in lanes.iter().cycle() {
                let Ok(package) = lane.recv() else { break };
                let (examined, tile) = package?;
                read += examined.leaves.len() as u64;
                self.tiles.note(tile);
                self.join(examined)?;
                progress(Progress { read, size });
            }
            Ok(())
        })
    }

    fn join(&mut self, next: Examined) -> Result<(), Stop> {
        if let Some(last) = &self.last_leaf
            && !next.leaves.is_empty()
            && !names(next.prev, last)
        {
            return Err(Stop::Fault(Fault::Record { index: next.first, why: RecordFault::Previous }));
        }
        self.take_keys(&next)?;
        if let Some(fault) = next.fault {
            return Err(Stop::Fault(fault));
        }
        self.last_leaf = next.leaves.last().copied().or(self.last_leaf);
        self.tally.extend(&next.tally);
        match next.root {
            Some(root) => {
                self.note_roots(&next.leaves);
                self.push_full(root);
            }
            None => self.push_last(&next.leaves),
        }
        Ok(())
    }

    /// Follows the hand-overs in a bundle. Where no root is known none of them can be checked, and the log will be refused for that.
    fn take_keys(&mut self, next: &Examined) -> Result<(), Stop> {
        if self.broken.is_some() {
            return Ok(());
        }
        let fault = |(index, why)| Stop::Handover { index, why };
        for record in &next.keys {
            let leaves = usize::try_from(record.index - next.first).unwrap_or_default();
            let root = || self.frontier.root_with(&next.leaves[..leaves]);
            self.handovers.take(record, root).map_err(fault)?;
        }
        self.handovers.read_to(next.first + next.leaves.len() as u64).map_err(fault)
    }

    /// The roots asked for that end within a bundle, which is about to be added.
    fn note_roots(&mut self, leaves: &[Hash]) {
        let start = self.frontier.size();
        for size in self.reading.wanted.range(start + 1..=start + leaves.len() as u64) {
            let leaves = &leaves[..usize::try_from(size - start).unwrap_or_default()];
            self.roots.insert(*size, self.frontier.root_with(leaves));
        }
    }

    /// Adds the root of a bundle whose entries are not there.
    pub(super) fn push_outside(&mut self, root: Result<Hash, (String, TileFault)>) {
        match root {
            Ok(root) => self.push_full(root),
            Err(fault) => self.break_off(fault),
        }
    }

    /// Goes on without knowing any root: a fault of an entry would still be worth more than this one.
    pub(super) fn break_off(&mut self, fault: (String, TileFault)) {
        self.broken.get_or_insert(fault);
    }

    fn push_full(&mut self, root: Hash) {
        if self.broken.is_some() {
            return;
        }
        self.frontier.push_full(root, |subtree, hash| self.tiles.take(subtree, hash));
        self.tiles.compare_full(self.reading.source);
        let size = self.frontier.size();
        if self.reading.wanted.contains(&size) {
            self.roots.insert(size, self.frontier.root());
        }
    }

    /// Adds the leaves of the last bundle, where it is not full.
    pub(super) fn push_last(&mut self, leaves: &[Hash]) {
        if self.broken.is_none() {
            self.note_roots(leaves);
            self.frontier.push_last(leaves);
        }
    }

    pub(super) fn finish(mut self) -> Result<Walked, Stop> {
        if let Some((path, why)) = self.broken {
            return Err(Stop::Outside { path, why });
        }
        self.tiles.finish(self.reading.source);
        let Self { frontier, roots, tally, tiles, handovers, .. } = self;
        Ok(Walked { root: frontier.root(), roots, tally, tiles, handovers })
    }
}
