//! What is done again and again: backups and restore tests by week, and the clock.

use contract::baseline::Area;
use contract::ids::{ControlId, HostId};
use contract::outcome::Outcome;
use contract::record::{Count, Counted as Number};
use serde::{Deserialize, Serialize};

use crate::claim::{Cite, Claim, Unmeasured};
use crate::incidents::Repair;
use crate::input::{Input, Logged};
use crate::machine::{At, Week};

/// A control of backups on one machine, by weeks from the first day of the month on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Weeks {
    /// The machine.
    pub host: HostId,
    /// Which control.
    pub control: ControlId,
    /// What it asks.
    pub title: String,
    /// What the looks of each week found.
    pub weeks: Vec<Claim<Looks>>,
}

/// What the looks of a week found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Looks {
    /// In order.
    pub passed: u32,
    /// Out of order.
    pub failed: u32,
    /// Out of order, and accepted.
    pub excepted: u32,
    /// Nothing was seen.
    pub unseen: u32,
}

/// A restore test that was tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RestoreTest {
    /// The machine.
    pub host: HostId,
    /// The record that it was begun with.
    pub began: At,
    /// How it ended, and the record; none while it goes on.
    pub end: Option<(Outcome, At)>,
    /// Files restored; none where the record does not count them.
    pub restored: Option<u64>,
    /// Files whose bytes are what the snapshot's own list says.
    pub compared: Option<u64>,
    /// Databases that were opened and found whole.
    pub databases: Option<u64>,
}

/// The clock of one machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clock {
    /// The machine.
    pub host: HostId,
    /// Records that were written by a clock that was kept.
    pub kept: Claim<u64>,
    /// The largest error, in milliseconds, that one of those could have had.
    pub worst_ms: Claim<u32>,
    /// Records that were written by a clock that nothing kept.
    pub unkept: Claim<u64>,
    /// Records of which nobody could tell.
    pub unknown: Claim<u64>,
    /// How often a record bears an earlier time than the one before it.
    pub steps_back: Claim<u64>,
}

/// The controls of backups, by weeks.
pub(crate) fn backups(input: &Input<'_>) -> Vec<Weeks> {
    let many = input.cover.span.ms().div_ceil(crate::fold::WEEK_MS);
    let many = u8::try_from(many).unwrap_or(u8::MAX);
    let of_backups = input.baseline.controls().iter().filter(|control| control.area == Area::Backups);
    let pairs = of_backups.flat_map(|control| input.machines.iter().map(move |logged| (control, logged)));
    let one = |(control, logged): (&contract::baseline::Control, &Logged)| {
        let machine = &logged.machine;
        let host = machine.whose.host.clone();
        let seen = machine.weeks.get(&control.id);
        let week = |week: u8| match seen.and_then(|weeks| weeks.get(&week)) {
            Some(week) => {
                let Week { passed, failed, excepted, unseen, bounds } = *week;
                let cites = bounds.map(|(first, last)| Cite::range(&host, first, last)).into_iter().collect();
                Claim::of(Looks { passed, failed, excepted, unseen }, cites)
            }
            None => Claim::not(Unmeasured::NoRecord),
        };
        Weeks {
            control: control.id.clone(),
            title: control.title.clone(),
            weeks: (0..many).map(week).collect(),
            host: host.clone(),
        }
    };
    pairs.map(one).collect()
}

/// The restore tests of the month.
pub(crate) fn restore_tests(repairs: &[Repair]) -> Vec<RestoreTest> {
    let tests = repairs.iter().filter(|repair| repair.runbook.as_str().starts_with("RB-RESTORE-"));
    let one = |repair: &Repair| {
        let counts: &[Number] = repair.end.as_ref().map_or(&[], |end| &end.counts);
        let sum = |what: Count| {
            let numbers = || counts.iter().filter(move |count| count.what == what).map(|count| count.number);
            numbers().next().map(|_| numbers().fold(0, u64::saturating_add))
        };
        RestoreTest {
            host: repair.host.clone(),
            began: repair.began,
            end: repair.end.as_ref().map(|end| (end.outcome, end.at)),
            restored: sum(Count::FilesRestored),
            compared: sum(Count::FilesCompared),
            databases: sum(Count::DatabasesWhole),
        }
    };
    tests.map(one).collect()
}

/// How far the clock of each machine could be trusted.
pub(crate) fn clocks(input: &Input<'_>) -> Vec<Clock> {
    let one = |logged: &Logged| {
        let machine = &logged.machine;
        let host = machine.whose.host.clone();
        let all: Vec<Cite> =
            machine.bounds.map(|(first, last)| Cite::range(&host, first, last)).into_iter().collect();
        let worst = machine.clocks.worst;
        let unkept = machine.clocks.unkept;
        Clock {
            kept: Claim::of(machine.clocks.kept, all.clone()),
            worst_ms: worst.map_or(Claim::not(Unmeasured::NothingHappened), |(ms, at)| {
                Claim::of(ms, vec![Cite::one(&host, at.seq)])
            }),
            unkept: match unkept {
                Some((many, first, last)) => Claim::of(many, vec![Cite::range(&host, first, last)]),
                None => Claim::of(0, all.clone()),
            },
            unknown: Claim::of(machine.clocks.unknown, all.clone()),
            steps_back: Claim::of(machine.steps_back, all),
            host,
        }
    };
    input.machines.iter().map(one).collect()
}
