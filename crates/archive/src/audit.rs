//! What a store's own words about its objects mean. Pure: clock and randomness are handed in.

use std::collections::{BTreeMap, BTreeSet};

use contract::time::UtcTime;

use crate::key::Key;
use crate::store::{Lock, Mode, Version};

/// Something that must never be seen in a write-once store.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Finding {
    /// An object that must be locked is not, or only by a lock that people may take off.
    Unlocked {
        /// Which object.
        key: Key,
    },
    /// The lock of an object ends too soon.
    EndsTooSoon {
        /// Which object.
        key: Key,
        /// When it ends.
        until: UtcTime,
        /// When it may end, at the earliest.
        earliest: UtcTime,
    },
    /// Something was written over an object. The oldest version is still there, and is what is read.
    NewerVersion {
        /// Which object.
        key: Key,
        /// How many versions lie above the oldest.
        newer: usize,
    },
    /// Somebody deleted an object. It is hidden, not gone.
    DeleteMarker {
        /// Which object.
        key: Key,
    },
    /// An object that was stored is not there.
    Missing {
        /// Which object.
        key: Key,
    },
    /// The oldest version of an object is not what was stored.
    Differs {
        /// Which object.
        key: Key,
    },
}

/// What the versions below one prefix show, beside the keys that must be among them.
pub fn of_versions(versions: &[Version], expected: &[Key]) -> Vec<Finding> {
    let mut by_key: BTreeMap<&Key, (usize, bool)> = BTreeMap::new();
    for version in versions {
        let (count, marked) = by_key.entry(&version.key).or_default();
        *count += usize::from(!version.delete_marker);
        *marked |= version.delete_marker;
    }
    let mut findings = BTreeSet::new();
    for key in expected {
        if by_key.get(key).is_none_or(|(count, _)| *count == 0) {
            findings.insert(Finding::Missing { key: key.clone() });
        }
    }
    for (key, (count, marked)) in by_key {
        if count > 1 {
            findings.insert(Finding::NewerVersion { key: key.clone(), newer: count - 1 });
        }
        if marked {
            findings.insert(Finding::DeleteMarker { key: key.clone() });
        }
    }
    findings.into_iter().collect()
}

/// What the lock that was read back shows, where it may end at `earliest` at the earliest.
pub fn of_lock(key: &Key, lock: Option<Lock>, earliest: UtcTime) -> Option<Finding> {
    let key = key.clone();
    match lock {
        None => Some(Finding::Missing { key }),
        Some(Lock::Unlocked | Lock::Locked { until: _, mode: Mode::Governance }) => {
            Some(Finding::Unlocked { key })
        }
        Some(Lock::Locked { until: Some(until), mode: Mode::Compliance | Mode::ImmutableFlag })
            if until < earliest =>
        {
            Some(Finding::EndsTooSoon { key, until, earliest })
        }
        Some(
            Lock::Locked { until: _, mode: Mode::Compliance | Mode::ImmutableFlag } | Lock::NotSupported(_),
        ) => None,
    }
}

/// When the oldest version of `key` was stored.
pub fn stored(versions: &[Version], key: &Key) -> Option<UtcTime> {
    versions.iter().filter(|v| v.key == *key && !v.delete_marker).map(|v| v.stored).min()
}

/// Draws at most `size` of `keys`, each as likely as any other, by `seed`.
pub fn sample(keys: &[Key], size: usize, seed: u64) -> Vec<&Key> {
    let mut state = seed;
    let mut left: Vec<&Key> = keys.iter().collect();
    let mut drawn = Vec::new();
    while drawn.len() < size && !left.is_empty() {
        let at = next(&mut state) % left.len() as u64;
        drawn.push(left.swap_remove(usize::try_from(at).unwrap_or(0)));
    }
    drawn
}

/// `SplitMix64` (Steele, Lea, Flood 2014): enough to draw a sample from a seed that the kernel gave.
const fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests;
