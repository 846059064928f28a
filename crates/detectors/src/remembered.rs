//! What detectors know for days, so that it outlives the process that knew it: a machine that starts anew every night has its backups missed all the
//! same.
//!
//! Counts within minutes are not among it: after a start they begin at nothing.

use contract::ids::DetectorId;
use contract::time::{MonoNs, UtcTime};
use serde::{Deserialize, Serialize};

use crate::engine::Detectors;
use crate::trigger::Memory;

const MS_NS: u64 = 1_000_000;

/// What one detector knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remembered {
    /// Which.
    pub detector: DetectorId,
    /// What.
    pub what: Long,
}

/// What is known for days, in the wall clock's time: the other one begins anew with the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Long {
    /// What is missed once it does not come.
    Waiting {
        /// When it came last.
        last: UtcTime,
        /// When it was last said to be missing.
        told: Option<UtcTime>,
    },
    /// Days that run out.
    Running {
        /// So many were left as that was said.
        days: u16,
        /// When that was.
        told: UtcTime,
    },
}

/// One moment by both clocks.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// As lines are counted.
    pub mono: MonoNs,
    /// By the wall.
    pub utc: UtcTime,
}

impl Moment {
    fn utc_of(self, at: MonoNs) -> UtcTime {
        let ago_ms = self.mono.0.saturating_sub(at.0) / MS_NS;
        let ms = self.utc.unix_ms().saturating_sub(i64::try_from(ago_ms).unwrap_or(i64::MAX));
        UtcTime::from_unix_ms(ms).unwrap_or(self.utc)
    }

    /// What lies ahead of the wall clock, which was put back, counts as now.
    fn mono_of(self, at: UtcTime) -> MonoNs {
        MonoNs(self.mono.0.saturating_sub(self.utc.ms_since(at).saturating_mul(MS_NS)))
    }
}

impl Detectors {
    /// What is known for days.
    pub fn remembered(&self, now: Moment) -> Vec<Remembered> {
        let each = self.memories.iter().zip(self.library.iter());
        each.filter_map(|(memory, d)| Some(Remembered { detector: d.id.clone(), what: long(memory, now)? }))
            .collect()
    }

    /// Takes up what an earlier process knew. What no detector here asks for is forgotten.
    pub fn remember(&mut self, remembered: &[Remembered], now: Moment) {
        for Remembered { detector, what } in remembered {
            if let Some(n) = self.library.place(detector) {
                take_up(&mut self.memories[n], *what, now);
            }
        }
    }
}

fn long(memory: &Memory, now: Moment) -> Option<Long> {
    match memory {
        Memory::Waiting { last, told, span_ns: _ } => {
            Some(Long::Waiting { last: now.utc_of((*last)?), told: told.map(|told| now.utc_of(told)) })
        }
        Memory::Running { told, limit: _ } => {
            told.map(|(days, told)| Long::Running { days, told: now.utc_of(told) })
        }
        Memory::Counting(_) | Memory::Following(_) | Memory::Deaf => None,
    }
}

fn take_up(memory: &mut Memory, what: Long, now: Moment) {
    match (memory, what) {
        (Memory::Waiting { last, told, span_ns: _ }, Long::Waiting { last: seen, told: said }) => {
            (*last, *told) = (Some(now.mono_of(seen)), said.map(|said| now.mono_of(said)));
        }
        (Memory::Running { told, limit: _ }, Long::Running { days, told: said }) => {
            *told = Some((days, now.mono_of(said)));
        }
        (
            Memory::Waiting { .. }
            | Memory::Running { .. }
            | Memory::Counting(_)
            | Memory::Following(_)
            | Memory::Deaf,
            Long::Waiting { .. } | Long::Running { .. },
        ) => {}
    }
}
