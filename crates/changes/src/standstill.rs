//! Services whose processes are made to stand still, or move again: nobody is told of it, so it is looked at, again and again.
//!
//! Whoever stops a service for a moment, to look at it or to copy its disk, is left alone: what is not the same at two looks, one after the other, is no news.
//! And whoever may stop it may do so for ever: a service that goes to and fro is left to the look that the fact has without this ([`facts::Input::Every`]).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use facts::{Root, Standing, moves};

use crate::interest::{Interests, Stir};

/// So many turns in a row are told of,
const TURNS: u8 = 8;
/// and one more after so many looks.
const CALM: u32 = 60;

/// Whether all of each control group stands still.
#[derive(Debug)]
pub struct Standstill {
    root: Root,
    groups: BTreeMap<PathBuf, Group>,
    looks: u32,
}

/// One group.
#[derive(Debug, Clone, Default)]
struct Group {
    /// One of its processes, which moved at the last look: while it does, no other has to be looked at. Where its number is given to somebody else, the look by the
    /// minute finds what is missed.
    mover: Option<String>,
    /// What was told of it.
    told: bool,
    /// What was seen at the last look.
    seen: bool,
    /// How often it has turned lately.
    turns: u8,
}

impl Group {
    fn stands_still(&mut self, root: &Root, listed: &Path) -> bool {
        if self.mover.as_ref().is_some_and(|pid| moves(root, pid)) {
            return false;
        }
        let standing = Standing::of(root, listed);
        self.mover = match &standing {
            Some(Standing::Moves(pid)) => Some(pid.clone()),
            Some(Standing::Still | Standing::Empty) | None => None,
        };
        standing == Some(Standing::Still)
    }

    /// Looks again. Whether it is news.
    fn look(&mut self, now: bool) -> bool {
        let lasts = now == self.seen;
        self.seen = now;
        if !lasts || now == self.told || self.turns >= TURNS {
            return false;
        }
        (self.told, self.turns) = (now, self.turns + 1);
        true
    }
}

impl Standstill {
    /// Of processes below `root`; none of them matters yet.
    pub const fn new(root: Root) -> Self {
        Self { root, groups: BTreeMap::new(), looks: 0 }
    }

    /// Takes those that matter; what was seen before stays, so that a change in between is not missed.
    pub fn want(&mut self, interests: &Interests) {
        let wanted = interests.stirs().filter_map(|stir| match stir {
            Stir::Processes(listed) => Some(listed),
            _ => None,
        });
        let before = std::mem::take(&mut self.groups);
        let group = |listed: &PathBuf| match before.get(listed) {
            Some(group) => group.clone(),
            None => {
                let mut group = Group::default();
                let now = group.stands_still(&self.root, listed);
                Group { told: now, seen: now, ..group }
            }
        };
        self.groups = wanted.map(|listed| (listed.clone(), group(listed))).collect();
    }

    /// Whether no group matters.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// Those that have come to stand still, or move again.
    pub fn changed(&mut self) -> Vec<Stir> {
        self.looks = self.looks.wrapping_add(1);
        if self.looks.is_multiple_of(CALM) {
            self.groups.values_mut().for_each(|group| group.turns = group.turns.saturating_sub(1));
        }
        let root = &self.root;
        let news = |(listed, group): (&PathBuf, &mut Group)| {
            let now = group.stands_still(root, listed);
            group.look(now).then(|| Stir::Processes(listed.clone()))
        };
        self.groups.iter_mut().filter_map(news).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_no_news_and_what_lasts_is() {
        let mut group = Group::default();
        let seen = [false, true, false, true, true, true, false, false, false];
        let news = seen.map(|now| group.look(now));
        assert_eq!(news, [false, false, false, false, true, false, false, true, false]);
    }

    #[test]
    fn what_goes_to_and_fro_is_told_of_a_few_times() {
        let mut group = Group::default();
        let news = (0..400).filter(|look| group.look(look / 2 % 2 == 0)).count();
        assert_eq!(news, usize::from(TURNS));
    }
}
