//! Detectors: patterns over log lines, as data. What comes out is a detector's id and two numbers; the line itself stays here.
//!
//! Pure: lines and the time go in, signals come out. Whole blocks of lines are searched at once with all patterns joined into one, and only a
//! line that may match is looked at again to see which detectors it belongs to.

mod definition;
mod window;

use contract::ids::DetectorId;
use contract::time::MonoNs;
use regex::bytes::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};

pub use definition::{BadDetectors, Definition};
use window::Window;

/// A detector that fired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signal {
    /// Which.
    pub detector: DetectorId,
    /// How many lines matched within the window, counted up to a thousand.
    pub count: u32,
    /// The window, in seconds.
    pub window_s: u32,
}

/// What a block of lines came to.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Observed {
    /// Lines.
    pub lines: u64,
    /// Lines on which a detector matched.
    pub matched: u64,
    /// Detectors that fired.
    pub signals: Vec<Signal>,
}

/// All detectors, with what they have seen within their windows.
#[derive(Debug)]
pub struct Detectors {
    /// All patterns joined: says quickly that a block holds nothing, or where the first line is that may matter.
    any: Regex,
    set: RegexSet,
    /// Of each pattern in `set`, the detector.
    owner: Vec<usize>,
    each: Vec<(Definition, Window)>,
}

impl Detectors {
    /// The detectors that come with this version.
    pub fn built_in() -> Result<Self, BadDetectors> {
        let files = [
            ("detectors/access.yaml", include_str!("../detectors/access.yaml")),
            ("detectors/machine.yaml", include_str!("../detectors/machine.yaml")),
        ];
        Self::parse(&files)
    }

    /// Parses `(file name, text)` pairs. Refused as a whole where one detector makes no sense.
    pub fn parse(files: &[(&str, &str)]) -> Result<Self, BadDetectors> {
        let definitions = definition::read(files)?;
        let owner = definitions.iter().enumerate().flat_map(|(n, d)| vec![n; d.patterns.len()]).collect();
        let patterns: Vec<&str> = definitions.iter().flat_map(|d| &d.patterns).map(String::as_str).collect();
        let joined = patterns.iter().map(|p| format!("(?:{p})")).collect::<Vec<_>>().join("|");
        // Bytes and no Unicode: logs are not always UTF-8, and `.` never crosses a line's end. `^` and `$` mean a line's in both.
        let set = RegexSetBuilder::new(&patterns)
            .unicode(false)
            .multi_line(true)
            .build()
            .map_err(BadDetectors::Patterns)?;
        let any = RegexBuilder::new(&joined)
            .unicode(false)
            .multi_line(true)
            .build()
            .map_err(BadDetectors::Patterns)?;
        let each = definitions.into_iter().map(|d| (d, Window::default())).collect();
        Ok(Self { any, set, owner, each })
    }

    /// Looks at whole lines, which arrived at `now`. The last one may lack its line feed.
    pub fn observe(&mut self, lines: &[u8], now: MonoNs) -> Observed {
        let mut observed = Observed { lines: count_lines(lines), ..Observed::default() };
        let mut rest = lines;
        while let Some(hit) = self.any.find(rest) {
            let begin = rest[..hit.start()].iter().rposition(|&b| b == b'\n').map_or(0, |n| n + 1);
            let end =
                rest[hit.start()..].iter().position(|&b| b == b'\n').map_or(rest.len(), |n| hit.start() + n);
            // The joined pattern may have matched across a line's end; the line alone decides.
            if self.line(&rest[begin..end], now, &mut observed.signals) {
                observed.matched += 1;
            }
            rest = rest.get(end + 1..).unwrap_or_default();
        }
        observed
    }

    /// Counts one line for each detector it belongs to.
    fn line(&mut self, line: &[u8], now: MonoNs, signals: &mut Vec<Signal>) -> bool {
        let mut owners: Vec<usize> = self.set.matches(line).into_iter().map(|n| self.owner[n]).collect();
        // Patterns stand in the order of their detectors, so equal owners stand together.
        owners.dedup();
        for &n in &owners {
            let (definition, window) = &mut self.each[n];
            if let Some(count) = window.count(now, definition.threshold, definition.window_s) {
                let detector = definition.id.clone();
                signals.push(Signal { detector, count, window_s: definition.window_s });
            }
        }
        !owners.is_empty()
    }

    /// What the detectors are.
    pub fn definitions(&self) -> impl Iterator<Item = &Definition> {
        self.each.iter().map(|(definition, _)| definition)
    }
}

fn count_lines(block: &[u8]) -> u64 {
    let feeds = block.iter().map(|&b| u64::from(b == b'\n')).sum::<u64>();
    feeds + u64::from(block.last().is_some_and(|&b| b != b'\n'))
}

#[cfg(test)]
mod tests;
