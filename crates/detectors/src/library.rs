//! All detectors: read strictly, refused as a whole where one makes no sense.

use std::collections::BTreeSet;

use contract::ids::DetectorId;
use contract::yaml::{self, YamlError};
use regex::bytes::{Regex, RegexBuilder};
use serde_yaml::Spanned;
use thiserror::Error;

use crate::capture::Capture;
use crate::definition::{Definition, Shape, Trigger};
use crate::literal::Syntax;
use crate::rate::Rate;

/// The most detectors, and the most shapes of all of them.
const DETECTORS_MAX: usize = 500;
const SHAPES_MAX: usize = 2_000;
/// The most memory that one pattern may come to: a hundred times what a usual one needs.
const PATTERN_BYTES_MAX: usize = 256 * 1024;
/// A shorter literal would stop the search at every other line.
const LITERAL_BYTES_MIN: usize = 3;
const LITERAL_BYTES_MAX: usize = 80;

/// Detectors that make sense, each and together. Never empty.
#[derive(Debug)]
pub struct Library {
    pub(crate) each: Vec<Known>,
}

/// A detector, and where it stands.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) file: String,
    pub(crate) line: u64,
    pub(crate) definition: Definition,
    /// In the order of its lines.
    pub(crate) shapes: Vec<Compiled>,
}

/// A shape's pattern, ready to be used.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub(crate) regex: Regex,
    /// Its named groups, by their numbers.
    pub(crate) captures: Vec<(usize, Capture)>,
}

/// Why detectors were refused.
#[derive(Debug, Error)]
pub enum BadDetectors {
    /// Not YAML of our shape.
    #[error(transparent)]
    Yaml(#[from] YamlError),
    /// Of our shape, and senseless.
    #[error("{file}:{line}: detector {id}: {why}")]
    Meaning {
        /// The file.
        file: String,
        /// Counted from 1.
        line: u64,
        /// The detector.
        id: DetectorId,
        /// What makes no sense.
        why: Why,
    },
    /// The literals together are too large.
    #[error("the detectors' literals cannot be joined")]
    Literals(#[source] aho_corasick::BuildError),
    /// Nothing to look for.
    #[error("there is no detector")]
    None,
    /// Too much to look for.
    #[error("there are more than {DETECTORS_MAX} detectors, or {SHAPES_MAX} shapes")]
    TooMany,
}

/// What makes no sense in a detector that is otherwise well written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Why {
    /// Its id stands elsewhere too.
    #[error("it appears twice")]
    Twice,
    /// Nobody would know what fired.
    #[error("its title is empty, or longer than a line")]
    Title,
    /// It looks at nothing, or at two things that cannot be one.
    #[error("its source must be programs or files, everything, or a measure")]
    Source,
    /// It has no shapes to look for, or has some where it looks at a measure.
    #[error("it must have lines where it looks at lines, and none where it looks at a measure")]
    Lines,
    /// A literal is too short to tell anything, or too long to be one.
    #[error("the literal {0:?} must have {LITERAL_BYTES_MIN} to {LITERAL_BYTES_MAX} bytes, and no line feed")]
    Literal(String),
    /// The first stage would hide lines from the second.
    #[error("the pattern {pattern:?} also matches lines without {literal:?}")]
    NotNeeded {
        /// The pattern.
        pattern: String,
        /// The literal.
        literal: String,
    },
    /// No pattern, or one that is too large.
    #[error("the pattern {pattern:?} is refused: {why}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// In the reader's words.
        why: String,
    },
    /// It would find its text inside of what a stranger wrote.
    #[error("the pattern {0:?} must begin with ^, where the program's message begins")]
    NotAnchored(String),
    /// A group that is none of ours.
    #[error(
        "the pattern takes out {0:?}; known are unit, mount, device, source, percent, port, count, days and hours"
    )]
    Group(String),
    /// What tells signals apart must be what is counted apart.
    #[error(
        "`{0}` is taken out of a line and not counted apart: add `per {0}` to the rate, or leave the group unnamed"
    )]
    NotCountedApart(&'static str),
    /// What is counted apart must be there.
    #[error("it counts per {per}, and the pattern {pattern:?} does not take it out")]
    NothingToCountBy {
        /// What it counts by.
        per: &'static str,
        /// The pattern that lacks it.
        pattern: String,
    },
    /// A trigger that does not fit.
    #[error("its `when` does not fit: {0}")]
    When(&'static str),
    /// It waits for a detector that there is not.
    #[error("there is no detector {0} whose lines it could come after")]
    NoOther(DetectorId),
    /// Nobody showed that it works.
    #[error("it needs at least one sample that it matches, and one that it ignores")]
    Samples,
}

impl Library {
    /// Parses `(file name, text)` pairs.
    pub fn parse(files: &[(&str, &str)]) -> Result<Self, BadDetectors> {
        let mut each = Vec::new();
        for (file, text) in files {
            for Spanned { value: definition, referenced, .. } in
                yaml::parse::<Vec<Spanned<Definition>>>(file, text)?
            {
                let (file, line) = ((*file).to_owned(), referenced.line());
                match compile(&definition) {
                    Ok(shapes) => each.push(Known { file, line, definition, shapes }),
                    Err(why) => return Err(BadDetectors::Meaning { file, line, id: definition.id, why }),
                }
            }
        }
        let library = Self { each };
        library.check()?;
        Ok(library)
    }

    fn check(&self) -> Result<(), BadDetectors> {
        if self.each.is_empty() {
            return Err(BadDetectors::None);
        }
        if self.each.len() > DETECTORS_MAX
            || self.each.iter().map(|k| k.shapes.len()).sum::<usize>() > SHAPES_MAX
        {
            return Err(BadDetectors::TooMany);
        }
        let mut ids = BTreeSet::new();
        for Known { file, line, definition, .. } in &self.each {
            let why = if !ids.insert(&definition.id) {
                Some(Why::Twice)
            } else if let Trigger::After(after) = &definition.when
                && self
                    .place(&after.detector)
                    .is_none_or(|n| !has_group(&self.each[n].shapes, after.rate.per))
            {
                Some(Why::NoOther(after.detector.clone()))
            } else {
                None
            };
            if let Some(why) = why {
                let (file, line, id) = (file.clone(), *line, definition.id.clone());
                return Err(BadDetectors::Meaning { file, line, id, why });
            }
        }
        Ok(())
    }

    /// The detectors, in the files' order.
    pub fn iter(&self) -> impl Iterator<Item = &Definition> {
        self.each.iter().map(|known| &known.definition)
    }

    /// One of them.
    pub fn find(&self, id: &DetectorId) -> Option<&Definition> {
        self.iter().find(|d| d.id == *id)
    }

    pub(crate) fn place(&self, id: &DetectorId) -> Option<usize> {
        self.each.iter().position(|known| known.definition.id == *id)
    }
}

fn has_group(shapes: &[Compiled], group: Option<Capture>) -> bool {
    group.is_none_or(|group| shapes.iter().all(|s| s.captures.iter().any(|(_, c)| *c == group)))
}

fn compile(definition: &Definition) -> Result<Vec<Compiled>, Why> {
    let Definition { title, source, lines, when, matches, ignores, .. } = definition;
    if title.trim().is_empty() || title.len() > 100 {
        return Err(Why::Title);
    }
    let of_programs = !source.programs.is_empty() || !source.files.is_empty();
    if [of_programs, source.everything, source.measured.is_some()].iter().filter(|b| **b).count() != 1 {
        return Err(Why::Source);
    }
    if lines.is_empty() != source.measured.is_some() {
        return Err(Why::Lines);
    }
    if matches.is_empty() || ignores.is_empty() {
        return Err(Why::Samples);
    }
    let shapes =
        lines.iter().map(|shape| self::shape(shape, !source.everything)).collect::<Result<Vec<_>, _>>()?;
    fit(when, source.measured.is_some(), lines, &shapes)?;
    Ok(shapes)
}

fn shape(shape: &Shape, anchored: bool) -> Result<Compiled, Why> {
    let Shape { literal, pattern } = shape;
    if !(LITERAL_BYTES_MIN..=LITERAL_BYTES_MAX).contains(&literal.len()) || literal.contains('\n') {
        return Err(Why::Literal(literal.clone()));
    }
    let refused = |why: String| Why::Pattern { pattern: pattern.clone(), why };
    let syntax = Syntax::of(pattern).map_err(refused)?;
    if anchored && !syntax.is_anchored() {
        return Err(Why::NotAnchored(pattern.clone()));
    }
    if !syntax.needs(literal.as_bytes()) {
        return Err(Why::NotNeeded { pattern: pattern.clone(), literal: literal.clone() });
    }
    let mut builder = RegexBuilder::new(pattern);
    // Bytes and no Unicode: logs are not always UTF-8.
    let builder = builder.unicode(false).size_limit(PATTERN_BYTES_MAX).dfa_size_limit(PATTERN_BYTES_MAX);
    let regex = builder.build().map_err(|e| refused(e.to_string()))?;
    let mut captures = Vec::new();
    for (number, name) in regex.capture_names().enumerate() {
        let Some(name) = name else { continue };
        captures.push((number, Capture::named(name).ok_or_else(|| Why::Group(name.to_owned()))?));
    }
    Ok(Compiled { regex, captures })
}

/// Whether the trigger fits what the shapes take out.
fn fit(when: &Trigger, measured: bool, lines: &[Shape], shapes: &[Compiled]) -> Result<(), Why> {
    let per = match when {
        Trigger::Fills(_) if measured => return Ok(()),
        Trigger::Fills(_) => return Err(Why::When("only a measure fills")),
        _ if measured => return Err(Why::When("a measure can only fill")),
        Trigger::DaysLeft(0) => return Err(Why::When("days_left must be 1 or more")),
        Trigger::DaysLeft(_) => {
            let tells =
                |s: &Compiled| s.captures.iter().any(|(_, c)| matches!(c, Capture::Days | Capture::Hours));
            if !shapes.iter().all(tells) {
                return Err(Why::When("days_left needs `days` or `hours` taken out of each line"));
            }
            None
        }
        Trigger::Missing(_) => None,
        Trigger::Rate(Rate { per, .. }) => *per,
        Trigger::After(after) => after.rate.per,
    };
    for (shape, compiled) in lines.iter().zip(shapes) {
        let named = || compiled.captures.iter().map(|(_, c)| *c);
        if let Some(per) = per.filter(|per| named().all(|c| c != *per)) {
            return Err(Why::NothingToCountBy { per: per.word(), pattern: shape.pattern.clone() });
        }
        if let Some(other) = named().find(|c| c.is_identity() && Some(*c) != per) {
            return Err(Why::NotCountedApart(other.word()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
