//! The clock's discipline, from the daemon that keeps it: chrony answers in numbers, systemd-timesyncd leaves a mark when it has synchronised.

use std::cell::OnceCell;

use contract::fact::{Absence, FactValue, Observation};

use super::FactSource;
use crate::config::Config;
use crate::inputs::{self, Input, MINUTE};
use crate::program;

/// timesyncd's own directory, which systemd removes when it stops.
const TIMESYNC: &str = "/run/systemd/timesync";

/// The clock.
pub(crate) struct Time<'a> {
    config: &'a Config,
    chrony: OnceCell<Result<Tracking, Absence>>,
}

/// What chrony says of itself.
#[derive(Clone, Copy)]
struct Tracking {
    synchronised: bool,
    error_ms_max: i64,
}

impl<'a> Time<'a> {
    pub(crate) fn new(config: &'a Config) -> Self {
        Self { config, chrony: OnceCell::new() }
    }

    fn chrony(&self) -> Result<Tracking, Absence> {
        let ask = || {
            let printed =
                program::run(&self.config.root, "chronyc", &["-c", "-n", "tracking"], self.config.limit)?;
            if !printed.status.success() {
                return Err(Absence::NotRunning);
            }
            parse(&printed.out).ok_or(Absence::Malformed)
        };
        *self.chrony.get_or_init(ask)
    }

    fn synchronised(&self) -> Observation {
        let root = &self.config.root;
        if root.has(TIMESYNC)? {
            return root.has(format!("{TIMESYNC}/synchronized")).map(FactValue::Flag);
        }
        self.chrony().map(|t| FactValue::Flag(t.synchronised))
    }

    fn error_ms_max(&self) -> Observation {
        let tracking = self.chrony()?;
        // The error of a clock that follows nothing is not known.
        if tracking.synchronised {
            Ok(FactValue::Number(tracking.error_ms_max))
        } else {
            Err(Absence::NotRunning)
        }
    }
}

impl FactSource for Time<'_> {
    fn read(&self, name: &str) -> Observation {
        match name {
            "synchronised" => self.synchronised(),
            "error_ms_max" => self.error_ms_max(),
            _ => Err(Absence::Unsupported),
        }
    }

    /// How far a clock is off is told when one asks, and not before.
    fn inputs(&self, name: &str) -> Vec<Input> {
        let root = &self.config.root;
        let kept = [program::inputs(root, "chronyc"), vec![Input::Clock, Input::Every(MINUTE)]].concat();
        match name {
            "synchronised" => {
                [inputs::places(root, [TIMESYNC]), inputs::entries(root, [TIMESYNC]), kept].concat()
            }
            "error_ms_max" => kept,
            _ => Vec::new(),
        }
    }
}

/// Fields, from 0: 2 stratum, 4 offset, 10 root delay, 11 root dispersion (seconds), 13 leap status. The error is at most their sum, the delay
/// by half: see `chronyc(1)`, tracking.
fn parse(line: &str) -> Option<Tracking> {
    let fields: Vec<&str> = line.trim().split(',').collect();
    let seconds = |at: usize| fields.get(at)?.parse::<f64>().ok().filter(|s| s.is_finite());
    let error_s = seconds(4)?.abs() + seconds(10)?.abs() / 2.0 + seconds(11)?.abs();
    let leap = *fields.get(13)?;
    let error_ms_max = format!("{:.0}", (error_s * 1000.0).ceil()).parse().ok()?;
    Some(Tracking { synchronised: leap != "Not synchronised", error_ms_max })
}
