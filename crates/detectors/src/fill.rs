//! Disks that fill: from how full they were in the last hour, when they will be full.

use std::collections::{BTreeMap, VecDeque};

use contract::signal::{About, Mount, Signal};
use contract::time::MonoNs;

use crate::capture::{Capture, SiteKey, Value, about};
use crate::definition::{Definition, Measured, Trigger};
use crate::library::Library;
use crate::trigger::signal;

const SECOND_NS: u64 = 1_000_000_000;
/// Measures that come sooner are one.
const APART_NS: u64 = 50 * SECOND_NS;
/// So many are kept of each file system: an hour of minutes.
const KEPT_MAX: usize = 61;
/// What fewer measures, or a shorter time, foretell is chance.
const MEASURES_MIN: usize = 5;
const SPAN_MIN_NS: u64 = 15 * 60 * SECOND_NS;
/// What grew less than this is not growing.
const GROWTH_MIN_PPM: i64 = 5_000;
/// The most file systems that are looked at.
const MOUNTS_MAX: usize = 64;
/// After it was told, a file system is quiet for this part of the time foretold.
const QUIET_PART: u64 = 4;

const FULL_PPM: i64 = 1_000_000;

/// How full one file system is.
#[derive(Debug, Clone, Copy)]
pub struct DiskUse<'a> {
    /// Where it is mounted.
    pub mount: &'a [u8],
    /// Bytes used.
    pub used: u64,
    /// Bytes in all.
    pub size: u64,
}

/// The detectors that look at measures, and what was measured.
#[derive(Debug)]
pub struct Trends {
    key: SiteKey,
    detectors: Vec<(Definition, u64)>,
    each: BTreeMap<Box<[u8]>, Series>,
}

#[derive(Debug, Default)]
struct Series {
    measures: VecDeque<(MonoNs, i64)>,
    quiet_until: Option<MonoNs>,
}

impl Trends {
    /// Those of `library`.
    pub fn of(library: &Library, key: SiteKey) -> Self {
        let fills = |d: &Definition| match (&d.source.measured, &d.when) {
            (Some(Measured::Disk), Trigger::Fills(span)) => {
                Some((d.clone(), u64::from(span.seconds) * SECOND_NS))
            }
            (Some(Measured::Disk) | None, _) => None,
        };
        Self { key, detectors: library.iter().filter_map(fills).collect(), each: BTreeMap::new() }
    }

    /// Takes in how full a file system is at `now`.
    pub fn measured(&mut self, disk: DiskUse<'_>, now: MonoNs) -> Vec<Signal> {
        if disk.size == 0 || (self.each.len() >= MOUNTS_MAX && !self.each.contains_key(disk.mount)) {
            return Vec::new();
        }
        let used = i64::try_from(u128::from(disk.used.min(disk.size)) * 1_000_000 / u128::from(disk.size))
            .unwrap_or(FULL_PPM);
        let series = self.each.entry(disk.mount.into()).or_default();
        if !series.push(now, used) {
            return Vec::new();
        }
        let Some(left_ns) = series.until_full() else { return Vec::new() };
        let mut signals = Vec::new();
        for (definition, horizon_ns) in &self.detectors {
            let quiet = series.quiet_until.is_some_and(|until| now < until);
            if left_ns > *horizon_ns || quiet {
                continue;
            }
            series.quiet_until = Some(MonoNs(now.0.saturating_add(horizon_ns / QUIET_PART)));
            let named = about(&[Value::cut(Capture::Mount, disk.mount)], &self.key);
            let mount: Option<Mount> = named.mount;
            let percent = u8::try_from(used / 10_000).ok();
            let days = u16::try_from(left_ns / (86_400 * SECOND_NS)).ok();
            let about = About { mount, percent, days, ..About::default() };
            let count = u32::try_from(series.measures.len()).unwrap_or(u32::MAX);
            let window_s = u32::try_from(series.span_ns() / SECOND_NS).unwrap_or(u32::MAX);
            signals.push(signal(definition, count, window_s, about));
        }
        signals
    }
}

impl Series {
    /// False where the last measure is too near to be another.
    fn push(&mut self, now: MonoNs, used: i64) -> bool {
        if self.measures.back().is_some_and(|(at, _)| now.0.saturating_sub(at.0) < APART_NS) {
            return false;
        }
        if self.measures.len() >= KEPT_MAX {
            self.measures.pop_front();
        }
        self.measures.push_back((now, used));
        true
    }

    fn span_ns(&self) -> u64 {
        match (self.measures.front(), self.measures.back()) {
            (Some((first, _)), Some((last, _))) => last.0.saturating_sub(first.0),
            (None, _) | (_, None) => 0,
        }
    }

    /// In how long it is full, where it grows steadily: over all measures, and over the later half of them too.
    fn until_full(&self) -> Option<u64> {
        if self.measures.len() < MEASURES_MIN || self.span_ns() < SPAN_MIN_NS {
            return None;
        }
        let (first, last) = (self.measures.front()?.1, self.measures.back()?.1);
        if last - first < GROWTH_MIN_PPM {
            return None;
        }
        let pace = slope(self.measures.iter())?;
        let late = slope(self.measures.iter().skip(self.measures.len() / 2))?;
        let ppm_a_second = pace.min(late);
        let left = (FULL_PPM - last).max(0);
        #[expect(clippy::cast_precision_loss, reason = "parts of a million")]
        let seconds = left as f64 / ppm_a_second;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "positive, and cut at the end of time"
        )]
        (ppm_a_second > 0.0).then_some((seconds as u64).saturating_mul(SECOND_NS))
    }
}

/// Parts of a million a second, by least squares.
fn slope<'a>(measures: impl Iterator<Item = &'a (MonoNs, i64)> + Clone) -> Option<f64> {
    let begin = measures.clone().next()?.0;
    #[expect(clippy::cast_precision_loss, reason = "hours in seconds, and parts of a million")]
    let points =
        measures.map(|(at, used)| (at.0.saturating_sub(begin.0) as f64 / SECOND_NS as f64, *used as f64));
    let (mut n, mut x, mut y, mut xx, mut xy) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for (seconds, used) in points {
        n += 1.0;
        x += seconds;
        y += used;
        xx += seconds * seconds;
        xy += seconds * used;
    }
    let spread = n * xx - x * x;
    (spread > 0.0).then(|| (n * xy - x * y) / spread)
}
