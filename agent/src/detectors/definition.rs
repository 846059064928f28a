//! A detector as it stands in its file.

use std::collections::BTreeSet;

use contract::ids::DetectorId;
use contract::yaml::{self, YamlError};
use serde::Deserialize;
use thiserror::Error;

/// One detector.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// Its id.
    pub id: DetectorId,
    /// What it means when it fires, in plain words.
    pub title: String,
    /// A line that matches one of these counts.
    pub patterns: Vec<String>,
    /// It fires when so many lines matched
    pub threshold: u32,
    /// within so many seconds, and then not again for as long.
    pub window_s: u32,
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
        why: String,
    },
    /// Each pattern is sound; together they are too large.
    #[error("the detectors' patterns cannot be joined")]
    Patterns(#[source] regex::Error),
    /// Nothing to look for.
    #[error("there is no detector")]
    None,
}

/// The most lines a threshold may ask for: what a window can count.
const THRESHOLD_MAX: u32 = super::window::COUNT_MAX;
/// The longest window: a day.
const WINDOW_MAX_S: u32 = 24 * 60 * 60;

pub(super) fn read(files: &[(&str, &str)]) -> Result<Vec<Definition>, BadDetectors> {
    let mut all: Vec<Definition> = Vec::new();
    let mut ids = BTreeSet::new();
    for (file, text) in files {
        for definition in yaml::parse::<Vec<Definition>>(file, text)? {
            let nonsense = definition.nonsense();
            let twice = || (!ids.insert(definition.id.clone())).then(|| "it appears twice".to_owned());
            if let Some(why) = nonsense.or_else(twice) {
                let line = yaml::line_of_id(text, definition.id.as_str());
                return Err(BadDetectors::Meaning { file: (*file).to_owned(), line, id: definition.id, why });
            }
            all.push(definition);
        }
    }
    if all.is_empty() { Err(BadDetectors::None) } else { Ok(all) }
}

impl Definition {
    fn nonsense(&self) -> Option<String> {
        if self.patterns.is_empty() {
            return Some("it has no pattern".to_owned());
        }
        if !(1..=THRESHOLD_MAX).contains(&self.threshold) || !(1..=WINDOW_MAX_S).contains(&self.window_s) {
            return Some(format!("threshold must be 1 to {THRESHOLD_MAX}, window_s 1 to {WINDOW_MAX_S}"));
        }
        self.patterns.iter().find_map(|pattern| match regex::bytes::Regex::new(pattern) {
            Err(e) => Some(e.to_string()),
            Ok(sound) if sound.is_match(b"") => Some(format!("the pattern {pattern:?} matches every line")),
            Ok(_) => None,
        })
    }
}
