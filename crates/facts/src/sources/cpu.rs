//! How much work waits for the processor: the kernel's own measure, which costs one small file to read.

use contract::fact::{Absence, FactValue, Observation};

use super::FactSource;
use crate::config::Config;
use crate::inputs::{Input, MINUTE};
use crate::root::Root;

/// The processor.
pub(crate) struct Cpu<'a> {
    root: &'a Root,
}

impl<'a> Cpu<'a> {
    pub(crate) const fn new(config: &'a Config) -> Self {
        Self { root: &config.root }
    }

    /// The share of the last minute in which some work waited, rounded up. A kernel without the measure has no such file.
    fn pressure_percent(&self) -> Observation {
        let text = self.root.text("/proc/pressure/cpu")?;
        parse(&text).map(FactValue::Number).ok_or(Absence::Malformed)
    }
}

impl FactSource for Cpu<'_> {
    fn read(&self, name: &str) -> Observation {
        match name {
            "pressure_percent" => self.pressure_percent(),
            _ => Err(Absence::Unsupported),
        }
    }

    fn inputs(&self, name: &str) -> Vec<Input> {
        match name {
            "pressure_percent" => vec![Input::Every(MINUTE)],
            _ => Vec::new(),
        }
    }
}

/// `some avg10=0.00 avg60=12.34 avg300=1.00 total=5`: see the kernel's `Documentation/accounting/psi.rst`.
fn parse(text: &str) -> Option<i64> {
    let some = text.lines().find_map(|l| l.strip_prefix("some "))?;
    let percent = some.split(' ').find_map(|field| field.strip_prefix("avg60="))?;
    let (whole, part) = percent.split_once('.')?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(part) {
        return None;
    }
    let up = whole.parse::<i64>().ok()? + i64::from(part.bytes().any(|b| b != b'0'));
    (0..=100).contains(&up).then_some(up)
}
