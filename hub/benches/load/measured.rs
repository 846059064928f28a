//! Times that were measured, and how they are told.

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

    /// p50, p99 and how many there were: few are said to be few.
    pub(crate) fn told(&self) -> String {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if all.is_empty() {
            return "none".to_owned();
        }
        all.sort_unstable();
        let at = |percent: usize| f64::from(all[(all.len() * percent).div_ceil(100).max(1) - 1]) / 1000.0;
        format!("{:.1} and {:.1} ms (of {})", at(50), at(99), all.len())
    }
}

pub(crate) fn row(name: &str, value: &str, goal: &str) {
    println!("  {name:<42} {value:>28}   {goal}");
}
