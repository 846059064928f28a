//! Lines in, signals out. One automaton over all literals finds the lines that may matter; only their patterns are tried.

use aho_corasick::{AhoCorasick, MatchKind};
use contract::signal::Signal;
use contract::time::MonoNs;

use crate::capture::{SiteKey, Value};
use crate::finder::Finder;
use crate::library::{BadDetectors, Library};
use crate::source::{Read, Source};
use crate::trigger::Memory;

/// So much of a line is looked at. Nothing that a detector knows is longer.
pub const LINE_BYTES_MAX: usize = 16 * 1024;

/// What lines came to.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Observed {
    /// Lines.
    pub lines: u64,
    /// Lines on which a detector matched.
    pub matched: u64,
    /// Detectors that fired.
    pub signals: Vec<Signal>,
}

/// All detectors, with what they have seen.
#[derive(Debug)]
pub struct Detectors {
    pub(crate) library: Library,
    key: SiteKey,
    /// Finds lines in blocks.
    finder: Finder,
    /// Finds every literal in a line.
    literals: AhoCorasick,
    /// The shapes of each literal: a detector, and which of its shapes.
    by_literal: Vec<Vec<(usize, usize)>>,
    pub(crate) memories: Vec<Memory>,
    /// The detectors that follow each detector.
    followers: Vec<Vec<usize>>,
    /// The shapes that the line at hand may have.
    candidates: Vec<(usize, usize)>,
}

impl Detectors {
    /// The detectors of `library`, for a site with this key.
    pub fn new(library: Library, key: SiteKey) -> Result<Self, BadDetectors> {
        let mut literals: Vec<&str> = Vec::new();
        let mut by_literal: Vec<Vec<(usize, usize)>> = Vec::new();
        for (n, known) in library.each.iter().enumerate() {
            for (m, shape) in known.definition.lines.iter().enumerate() {
                match literals.iter().position(|l| *l == shape.literal) {
                    Some(at) => by_literal[at].push((n, m)),
                    None => {
                        literals.push(&shape.literal);
                        by_literal.push(vec![(n, m)]);
                    }
                }
            }
        }
        let finder = Finder::new(&literals)?;
        // In a line every literal has to be seen, and not only the first: it may be of two detectors.
        let mut builder = AhoCorasick::builder();
        let literals =
            builder.match_kind(MatchKind::Standard).build(&literals).map_err(BadDetectors::Literals)?;
        let memories = library.iter().map(|d| Memory::of(&d.when)).collect();
        let mut followers = vec![Vec::new(); library.each.len()];
        for (n, definition) in library.iter().enumerate() {
            if let crate::definition::Trigger::After(after) = &definition.when
                && let Some(other) = library.place(&after.detector)
            {
                followers[other].push(n);
            }
        }
        let candidates = Vec::new();
        Ok(Self { library, key, finder, literals, by_literal, memories, followers, candidates })
    }

    /// Looks at whole lines of one source, which were written at `now`. The last one may lack its line feed. An entry of the journal is one line.
    pub fn observe(&mut self, lines: &[u8], source: &Source<'_>, now: MonoNs) -> Observed {
        let mut observed = Observed { lines: count_lines(lines), ..Observed::default() };
        let mut progress = self.finder.begin(lines);
        let mut from = 0;
        while let Some(hit) = self.finder.next(&mut progress, lines, from) {
            // A literal holds no line feed: its line begins before it and ends behind it.
            let begin = memchr::memrchr(b'\n', &lines[..hit]).map_or(0, |n| n + 1);
            let end = memchr::memchr(b'\n', &lines[hit..]).map_or(lines.len(), |n| hit + n);
            if self.line(&lines[begin..end], source, now, &mut observed.signals) {
                observed.matched += 1;
            }
            from = (end + 1).min(lines.len());
        }
        observed
    }

    /// One line, without its line feed. True where a detector matched.
    fn line(&mut self, line: &[u8], source: &Source<'_>, now: MonoNs, signals: &mut Vec<Signal>) -> bool {
        let line = &line[..line.len().min(LINE_BYTES_MAX)];
        let Read { program, message } = source.read(line);
        let mut candidates = std::mem::take(&mut self.candidates);
        self.candidates(message, &mut candidates);
        let mut last = None;
        for &(n, m) in &candidates {
            // One line counts once for a detector, whatever shapes it has.
            if last == Some(n) || !self.library.each[n].definition.source.hears(source, program) {
                continue;
            }
            if self.shape(n, m, message, now, signals) {
                last = Some(n);
            }
        }
        self.candidates = candidates;
        last.is_some()
    }

    /// The first stage: the shapes that `message` may have.
    fn candidates(&self, message: &[u8], candidates: &mut Vec<(usize, usize)>) {
        candidates.clear();
        for hit in self.literals.find_overlapping_iter(message) {
            candidates.extend_from_slice(&self.by_literal[hit.pattern().as_usize()]);
        }
        candidates.sort_unstable();
        candidates.dedup();
    }

    /// The detectors that one line is of, counting nothing.
    pub(crate) fn matching(&self, line: &[u8], source: &Source<'_>) -> Vec<usize> {
        let Read { program, message } = source.read(&line[..line.len().min(LINE_BYTES_MAX)]);
        let mut candidates = Vec::new();
        self.candidates(message, &mut candidates);
        candidates.retain(|&(n, m)| {
            let known = &self.library.each[n];
            known.definition.source.hears(source, program) && known.shapes[m].regex.is_match(message)
        });
        candidates.dedup_by_key(|(n, _)| *n);
        candidates.into_iter().map(|(n, _)| n).collect()
    }

    /// Tries one shape, and counts the line where it has it.
    fn shape(&mut self, n: usize, m: usize, message: &[u8], now: MonoNs, signals: &mut Vec<Signal>) -> bool {
        let known = &self.library.each[n];
        let compiled = &known.shapes[m];
        let mut values: [Option<Value<'_>>; 9] = [None; 9];
        if compiled.captures.is_empty() {
            if !compiled.regex.is_match(message) {
                return false;
            }
        } else {
            let Some(groups) = compiled.regex.captures(message) else { return false };
            for (slot, (number, capture)) in values.iter_mut().zip(&compiled.captures) {
                *slot = groups.get(*number).map(|group| Value::cut(*capture, group.as_bytes()));
            }
        }
        let values: Vec<Value<'_>> = values.into_iter().flatten().collect();
        signals.extend(self.memories[n].line(&known.definition, &values, &self.key, now));
        for &follower in &self.followers[n] {
            self.memories[follower].other(&values, now);
        }
        true
    }

    /// Says what did not come until `now`: to be asked every few minutes.
    pub fn tick(&mut self, now: MonoNs) -> Vec<Signal> {
        self.memories.iter_mut().zip(self.library.iter()).filter_map(|(m, d)| m.tick(d, now)).collect()
    }

    /// What the detectors are.
    pub const fn library(&self) -> &Library {
        &self.library
    }
}

fn count_lines(block: &[u8]) -> u64 {
    let feeds = memchr::memchr_iter(b'\n', block).count() as u64;
    feeds + u64::from(block.last().is_some_and(|&b| b != b'\n'))
}

#[cfg(test)]
mod tests;
