//! `process.limit`: give a runaway unit less of the processor.
//!
//! The weight works where the kernel's processor controller does, the nice values everywhere; so both are set. Nothing is killed, and nothing is
//! ever given more than it had. Both last until the unit, or the machine, is started again.

mod tasks;
mod usage;

use std::thread;
use std::time::{Duration, Instant};

use contract::record::Before;
use contract::resource::UnitName;
use contract::runbook::{ProcessLimit, Verb};
use zbus::zvariant::Value;

use crate::systemd::{Systemd, Unit};
use crate::{Armed, Done, Hand, HandError, Place};
use tasks::Niced;
use usage::Usage;

/// Between the two looks at what a unit uses.
const SAMPLE: Duration = Duration::from_millis(500);
/// How often the deadline is looked at meanwhile.
const LOOK: Duration = Duration::from_millis(50);
/// Processes may start others while they are given less; more rounds than this no honest service needs.
const ROUNDS_MAX: u32 = 8;
/// The name in the snapshot.
const KEPT: &str = "nice";
/// How systemd writes that no weight is set.
const NOT_SET: u64 = u64::MAX;

#[derive(Debug)]
struct Limited {
    unit: Unit,
    cgroup: String,
    limit: ProcessLimit,
}

pub(super) fn arm(limit: &ProcessLimit, place: &Place<'_>) -> Result<Armed, HandError> {
    let (unit, cgroup) = busiest(limit, place)?;
    let niced = Niced { to: limit.nice, tasks: tasks::of(&cgroup)? };
    let nice = place.snapshot.keep(KEPT, &niced.to_bytes()?)?;
    let cpu_weight = Some(weight(&unit)?).filter(|weight| *weight != NOT_SET);
    let before = Before::Share { unit: unit.name().clone(), cpu_weight, nice };
    Ok(Armed::new(before, Limited { unit, cgroup, limit: limit.clone() }))
}

/// The one of the units that takes most of the processor, where that is more than was declared.
fn busiest(limit: &ProcessLimit, place: &Place<'_>) -> Result<(Unit, String), HandError> {
    let mut running = Vec::new();
    for name in &limit.units {
        if let Some((unit, cgroup)) = cgroup_of(name, place)? {
            let usage = Usage::of(&cgroup)?;
            running.push((unit, cgroup, usage, Instant::now()));
        }
    }
    let begun = Instant::now();
    while begun.elapsed() < SAMPLE {
        place.go_on()?;
        thread::sleep(LOOK);
    }
    let mut most: Option<(u64, Unit, String)> = None;
    for (unit, cgroup, first, at) in running {
        // One that has ended meanwhile uses nothing.
        let Ok(second) = Usage::of(&cgroup) else { continue };
        let percent = second.percent_since(&first, at.elapsed());
        tracing::info!(unit = %unit.name(), percent, by = second.source(), "its share of one core");
        if percent > u64::from(limit.busy_percent_min) && most.as_ref().is_none_or(|(p, ..)| percent > *p) {
            most = Some((percent, unit, cgroup));
        }
    }
    let (_, unit, cgroup) =
        most.ok_or(HandError::NothingToDo("none of the units takes that much of the processor"))?;
    Ok((unit, cgroup))
}

/// A unit and its cgroup, where it runs and is of a kind that has one.
fn cgroup_of(name: &UnitName, place: &Place<'_>) -> Result<Option<(Unit, String)>, HandError> {
    let unit = Unit::look(Systemd::at(place)?, name)?;
    if !matches!(unit.kind(), "service" | "socket" | "mount") || !unit.state()?.is_wanted() {
        return Ok(None);
    }
    let cgroup: String = unit.of_kind("ControlGroup")?;
    Ok(if cgroup.is_empty() { None } else { Some((unit, cgroup)) })
}

fn weight(unit: &Unit) -> Result<u64, HandError> {
    unit.of_kind("CPUWeight")
}

fn set_weight(unit: &Unit, weight: u64) -> Result<(), HandError> {
    const SET: &str = "set its share of the processor";
    let runtime = true;
    let properties = vec![("CPUWeight", Value::U64(weight))];
    unit.ask::<_, ()>(SET, "SetUnitProperties", &(unit.name().as_str(), runtime, properties))?;
    match self::weight(unit)? {
        now if now == weight => Ok(()),
        now => Err(unit.said(SET, format!("it is {now} afterwards"))),
    }
}

impl Hand for Limited {
    fn act(self: Box<Self>, place: &Place<'_>) -> Result<Done, HandError> {
        place.go_on()?;
        set_weight(&self.unit, u64::from(self.limit.cpu_weight))?;
        for _ in 0..ROUNDS_MAX {
            place.go_on()?;
            let greedy: Vec<_> =
                tasks::of(&self.cgroup)?.into_iter().filter(|task| task.nice < self.limit.nice).collect();
            if greedy.is_empty() {
                return Ok(Done::default());
            }
            for task in greedy {
                task.give(self.limit.nice)?;
            }
        }
        Err(HandError::NotAsDeclared { what: "it starts processes faster than they can be given less" })
    }
}

pub(super) fn undo(before: &Before, place: &Place<'_>) -> Result<(), HandError> {
    let Before::Share { unit, cpu_weight, nice } = before else {
        return Err(HandError::NoBefore(Verb::ProcessLimit));
    };
    let niced = Niced::from_bytes(&place.snapshot.read(KEPT, nice)?)?;
    let unit = Unit::look(Systemd::at(place)?, unit)?;
    let wanted = cpu_weight.unwrap_or(NOT_SET);
    // One whose file is gone and that does not run has no share any longer.
    let gone = unit.has_no_file()? && unit.state()?.is_down();
    if !gone && weight(&unit)? != wanted {
        set_weight(&unit, wanted)?;
    }
    for task in niced.tasks.iter().filter(|task| task.nice < niced.to) {
        // Only what still has what it was given: somebody may have thought about it since.
        if task.now()?.is_some_and(|now| now.nice == niced.to) {
            task.give(task.nice)?;
        }
    }
    // Those that were started since have inherited it. They get what the unit declares.
    let cgroup: String = unit.of_kind("ControlGroup")?;
    if cgroup.is_empty() {
        return Ok(());
    }
    let declared: i32 = unit.of_kind("Nice")?;
    for task in tasks::of(&cgroup)? {
        if task.nice == niced.to && declared < niced.to && !niced.tasks.iter().any(|old| old.is(&task)) {
            task.give(declared)?;
        }
    }
    Ok(())
}
