//! What was measured, how it is told beside its goal, and which goals were missed.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// All times of one kind.
#[derive(Debug, Default)]
pub(crate) struct Measured(Mutex<Vec<u32>>);

impl Measured {
    pub(crate) fn add(&self, took: Duration) {
        let us = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(us);
    }

    pub(crate) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn sorted(&self) -> Vec<u32> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        all.sort_unstable();
        all
    }

    /// p50, p99 and how many there were: few are said to be few.
    pub(crate) fn told(&self) -> String {
        let all = self.sorted();
        match (percentile(&all, 50), percentile(&all, 99)) {
            (Some(half), Some(most)) => format!("{half:.1} and {most:.1} ms (of {})", all.len()),
            (None, _) | (_, None) => "none".to_owned(),
        }
    }

    /// The 99th percentile in milliseconds; none where nothing was measured.
    pub(crate) fn p99(&self) -> Option<f64> {
        percentile(&self.sorted(), 99)
    }
}

fn percentile(sorted: &[u32], percent: usize) -> Option<f64> {
    sorted.get((sorted.len() * percent).div_ceil(100).max(1) - 1).map(|us| f64::from(*us) / 1000.0)
}

pub(crate) fn row(name: &str, value: &str, goal: &str) {
    println!("  {name:<42} {value:>28}   {goal}");
}

/// The goals, and those that were missed. What must never happen counts with any number of hosts; what a fleet of ten thousand may cost, with that many.
#[derive(Debug)]
pub(crate) struct Goals {
    full: bool,
    missed: Vec<String>,
}

impl Goals {
    pub(crate) const fn new(hosts: usize) -> Self {
        Self { full: hosts >= 10_000, missed: Vec::new() }
    }

    /// A row whose goal counts with any number of hosts.
    pub(crate) fn always(&mut self, name: &str, value: &str, goal: &str, met: bool) {
        row(name, value, &format!("goal: {goal}{}", if met { "" } else { "  MISSED" }));
        if !met {
            self.missed.push(format!("{name}: {value} (goal: {goal})"));
        }
    }

    /// A row whose goal is for ten thousand hosts.
    pub(crate) fn of_a_full_fleet(&mut self, name: &str, value: &str, goal: &str, met: bool) {
        if self.full {
            self.always(name, value, goal, met);
        } else {
            row(name, value, &format!("goal with 10000: {goal}"));
        }
    }

    /// Says which were missed. Whether none was.
    pub(crate) fn end(self) -> bool {
        for missed in &self.missed {
            println!("MISSED: {missed}");
        }
        self.missed.is_empty()
    }
}
