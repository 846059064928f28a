//! `time.sync`: have the clock set by its time server.
//!
//! chronyd is asked to measure at once and to step to what it measured. Where it does not run, systemd-timedated switches on whatever keeps the time
//! on this machine (chrony, systemd-timesyncd), and starts it. No program's word is taken for it: done is when the same fact that the control looks at
//! says that the clock is synchronised, before the time is over.

use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use contract::fact::{FactId, FactValue};
use contract::record::Before;
use contract::resource::UnitName;

use crate::bus;
use crate::systemd::{Job, Unit};
use crate::{Armed, Done, Hand, HandError, Place, Program};

/// chronyd answers root here, and answers to a socket that its client makes beside it.
const CHRONY: &str = "/run/chrony";
/// How long chronyd may take to measure.
const MEASURE_MS: u64 = 60_000;
/// How often the fact is looked at.
const LOOK: Duration = Duration::from_millis(250);
/// How long one call over the bus may take: systemd-timedated starts a unit meanwhile.
const CALL: Duration = Duration::from_secs(25);

#[derive(Debug)]
enum Keeper {
    /// chronyd answers this program.
    Chrony(PathBuf),
    /// systemd-timedated knows who.
    Timedated,
}

pub(super) fn arm(place: &Place<'_>) -> Result<Armed, HandError> {
    place.go_on()?;
    let keeper = match Program::find("chronyc") {
        Ok(chronyc) if chrony(&chronyc, &["tracking"], 5_000, place).is_ok() => Keeper::Chrony(chronyc),
        Ok(_) | Err(_) => Keeper::Timedated,
    };
    Ok(Armed::new(Before::Nothing, keeper))
}

impl Hand for Keeper {
    fn act(self: Box<Self>, place: &Place<'_>) -> Result<Done, HandError> {
        place.go_on()?;
        match *self {
            Self::Chrony(chronyc) => {
                // Four good measurements, of which it may take a few more. Without any, the waiting below tells.
                courtesy("burst", chrony(&chronyc, &["burst", "4/8"], 5_000, place))?;
                let tries = (MEASURE_MS.min(place.left_ms()) / 500).max(1).to_string();
                // Until it follows a server, whatever the correction and the skew are: the step takes care of the first.
                chrony(&chronyc, &["waitsync", &tries, "0", "0", "0.5"], MEASURE_MS + 5_000, place)
                    .map_err(|_| HandError::NotAsDeclared { what: "the clock follows no time server" })?;
                // Where it may not step (in a container), it slews.
                courtesy("makestep", chrony(&chronyc, &["makestep"], 5_000, place))?;
            }
            Self::Timedated => {
                switch_on()?;
                restart_timesyncd(place)?;
            }
        }
        await_synchronised(place)
    }
}

/// What helps, and need not: whether the clock is right is measured. Only the end of the time is passed on.
fn courtesy(what: &'static str, done: Result<(), HandError>) -> Result<(), HandError> {
    match done {
        Err(why @ (HandError::TooLate | HandError::Interrupted)) => Err(why),
        Err(why) => {
            tracing::info!(what, %why, "chronyd did not do it");
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

fn chrony(
    chronyc: &std::path::Path,
    words: &[&str],
    limit_ms: u64,
    place: &Place<'_>,
) -> Result<(), HandError> {
    place.go_on()?;
    let mut arguments = vec!["-n"];
    arguments.extend(words);
    let directory = PathBuf::from(CHRONY);
    let program = Program {
        path: chronyc.to_owned(),
        writes: directory.is_dir().then_some(directory).into_iter().collect(),
        // The directory is chronyd's own user's, and so closed to a root without this.
        capabilities: vec!["CAP_DAC_OVERRIDE", "CAP_CHOWN", "CAP_FOWNER"],
        time_limit_ms: limit_ms.min(place.left_ms()),
        ..Program::of_the_system("", &arguments)
    };
    place.programs.succeed(&program).map(drop)
}

fn switch_on() -> Result<(), HandError> {
    const NAME: &str = "org.freedesktop.timedate1";
    let bus = bus::connect(CALL)?;
    // For good, and without asking anybody at a screen.
    bus.call_method(Some(NAME), "/org/freedesktop/timedate1", Some(NAME), "SetNTP", &(true, false))
        .map(drop)
        .map_err(|e| bus::said("systemd-timedated", "have the time kept", &e))
}

/// systemd-timesyncd that runs already is not woken by being switched on, and asks its servers ever more rarely: a new start asks at once.
fn restart_timesyncd(place: &Place<'_>) -> Result<(), HandError> {
    let name: UnitName = "systemd-timesyncd.service"
        .parse()
        .map_err(|_| HandError::NotAsDeclared { what: "the unit that keeps the time has another name" })?;
    // One that is not installed is not running, and cannot be opened.
    match Unit::open(&name, place) {
        Ok(unit) if unit.state()?.is_wanted() => unit.job(Job::Restart, place),
        Ok(_) | Err(_) => Ok(()),
    }
}

fn await_synchronised(place: &Place<'_>) -> Result<Done, HandError> {
    let synchronised: FactId = "time:synchronised".parse().map_err(|_| HandError::NotAsDeclared {
        what: "the fact of a synchronised clock has another name",
    })?;
    let facts = facts::Reader::new(facts::Config::new(place.own.clone()));
    loop {
        if facts.read(&synchronised) == Ok(FactValue::Flag(true)) {
            return Ok(Done::default());
        }
        place.go_on().map_err(|why| match why {
            HandError::TooLate => HandError::NotAsDeclared { what: "the clock is not synchronised" },
            other => other,
        })?;
        thread::sleep(LOOK);
    }
}
