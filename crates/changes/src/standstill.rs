//! Services whose processes are made to stand still, or move again: nobody is told of it, so one process of each is looked at, again and again.

use std::collections::BTreeMap;
use std::path::PathBuf;

use facts::{Root, stand_still};

use crate::interest::{Interests, Stir};

/// Whether all of each control group stood still when it was last looked at.
#[derive(Debug)]
pub struct Standstill {
    root: Root,
    groups: BTreeMap<PathBuf, bool>,
}

impl Standstill {
    /// Of processes below `root`; none of them matters yet.
    pub const fn new(root: Root) -> Self {
        Self { root, groups: BTreeMap::new() }
    }

    /// Looks at the groups that matter; what was seen before stays, so that a change in between is not missed.
    pub fn want(&mut self, interests: &Interests) {
        let wanted = interests.stirs().filter_map(|stir| match stir {
            Stir::Processes(listed) => Some(listed),
            _ => None,
        });
        let mut before = std::mem::take(&mut self.groups);
        let at_first = |listed| stand_still(&self.root, listed).unwrap_or(false);
        self.groups = wanted
            .map(|listed| (listed.clone(), before.remove(listed).unwrap_or_else(|| at_first(listed))))
            .collect();
    }

    /// Whether no group matters.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// Those that came to stand still since, or that moved again.
    pub fn changed(&mut self) -> Vec<Stir> {
        let mut changed = Vec::new();
        for (listed, last) in &mut self.groups {
            let now = stand_still(&self.root, listed).unwrap_or(false);
            if now != *last {
                *last = now;
                changed.push(Stir::Processes(listed.clone()));
            }
        }
        changed
    }
}
