//! A planner without rules and without a model, to hold both against: of the runbooks for the host's system, the one whose words are nearest to the
//! incident's, where it is near enough.
//!
//! Nearness is the cosine between TF-IDF vectors (Salton, Buckley 1988; the inverse document frequency is smoothed as scikit-learn's is). An incident's
//! words are its typed fields: ids split into terms, units, mounts, a setting's word. A runbook's are its id, title and triggers. Pure, the same answer for
//! the same files. It is measured only: **no site decides by it**, for it knows no reason why a control is left to people.

use std::collections::BTreeMap;

use contract::decision::{Choice, Escalation};
use contract::fact::FactValue;
use contract::ids::{ControlId, RunbookId};
use contract::incident::What;
use contract::runbook::{Approved, Catalogue, TargetOs};

use crate::rules::serves;

/// From which cosine on a runbook is near enough. It was set before anything was measured by it, so that it is not fitted to the labelled set.
pub const THRESHOLD: f64 = 0.3;

type Weights = BTreeMap<String, f64>;

/// The catalogue as vectors.
#[derive(Debug, Clone)]
pub struct Similarity {
    threshold: f64,
    /// How telling each term is.
    rarity: Weights,
    runbooks: Vec<Document>,
}

#[derive(Debug, Clone)]
struct Document {
    id: RunbookId,
    os: TargetOs,
    /// Of length one.
    weights: Weights,
}

impl Similarity {
    /// Reads the catalogue's words. A runbook is near enough from a cosine of `threshold` on.
    pub fn of(catalogue: &Catalogue, threshold: f64) -> Self {
        let counted: Vec<_> = catalogue.iter().map(|approved| (approved, counts(words(approved)))).collect();
        let mut holding = Weights::new();
        for term in counted.iter().flat_map(|(_, counts)| counts.keys()) {
            *holding.entry(term.clone()).or_default() += 1.0;
        }
        let all = counted.iter().fold(0.0, |n, _| n + 1.0);
        let rarity: Weights = holding
            .into_iter()
            .map(|(term, holding): (String, f64)| (term, f64::ln((1.0 + all) / (1.0 + holding)) + 1.0))
            .collect();
        let runbooks = counted
            .into_iter()
            .map(|(approved, counts)| Document {
                id: approved.runbook.id.clone(),
                os: approved.runbook.target_os,
                weights: weighed(counts, &rarity),
            })
            .collect();
        Self { threshold, rarity, runbooks }
    }

    /// The nearest of the runbooks for `os` (of all, where it is not known) and its cosine; among equals the one whose id comes first.
    pub fn nearest(&self, what: &What, os: Option<TargetOs>) -> Option<(&RunbookId, f64)> {
        let asked = weighed(counts(fields(what)), &self.rarity);
        let near = |document: &Document| {
            let both = asked.iter().filter_map(|(term, weight)| Some(weight * document.weights.get(term)?));
            both.sum::<f64>()
        };
        self.runbooks
            .iter()
            .filter(|document| os.is_none_or(|os| serves(document.os, os)))
            .map(|document| (&document.id, near(document)))
            .reduce(|best, next| if next.1 > best.1 { next } else { best })
    }

    /// The nearest runbook, or a person where none is near enough.
    pub fn pick(&self, what: &What, os: Option<TargetOs>) -> Choice {
        match self.nearest(what, os) {
            Some((runbook, cosine)) if cosine >= self.threshold => Choice::Run(runbook.clone()),
            Some(_) | None => Choice::Escalate(Escalation::NothingFits),
        }
    }
}

/// A text's terms: what stands between signs, in small letters. Numbers tell nothing.
fn terms(text: &str) -> impl Iterator<Item = String> {
    let is_sign = |c: char| !c.is_alphanumeric();
    let is_number = |term: &&str| term.bytes().all(|b| b.is_ascii_digit());
    text.split(is_sign).filter(move |term| !is_number(term)).map(str::to_lowercase)
}

fn words(approved: &Approved) -> Vec<String> {
    let runbook = &approved.runbook;
    let triggers = runbook.triggers.iter().map(ControlId::as_str);
    [runbook.id.as_str(), &runbook.title].into_iter().chain(triggers).flat_map(terms).collect()
}

fn fields(what: &What) -> Vec<String> {
    let texts = match what {
        What::Drift { control, fact, observed } => {
            let word = match observed {
                FactValue::Word(word) => Some(word.as_str().to_owned()),
                FactValue::Flag(_)
                | FactValue::Number(_)
                | FactValue::Ports(_)
                | FactValue::Permissions(_) => None,
            };
            [Some(control.to_string()), Some(fact.to_string()), word, None]
        }
        What::Signal(signal) => {
            let (unit, mount) = (signal.about.unit, signal.about.mount);
            let (unit, mount) = (unit.map(|unit| unit.to_string()), mount.map(|mount| mount.to_string()));
            [Some(signal.detector.to_string()), Some(signal.kind.to_string()), unit, mount]
        }
    };
    texts.iter().flatten().flat_map(|text| terms(text)).collect()
}

fn counts(terms: Vec<String>) -> Weights {
    let mut counts = Weights::new();
    for term in terms {
        *counts.entry(term).or_default() += 1.0;
    }
    counts
}

/// Weighs each term by how telling it is, and makes the length one. A term that no runbook has tells nothing about any, and still makes the rest matter
/// less: it is weighed as the rarest is.
fn weighed(counts: Weights, rarity: &Weights) -> Weights {
    let rarest = rarity.values().copied().fold(1.0, f64::max);
    let weights: Weights = counts
        .into_iter()
        .map(|(term, count)| {
            let rare = rarity.get(&term).copied().unwrap_or(rarest);
            (term, count * rare)
        })
        .collect();
    let length = weights.values().map(|weight| weight * weight).sum::<f64>().sqrt();
    if length > 0.0 {
        weights.into_iter().map(|(term, weight)| (term, weight / length)).collect()
    } else {
        weights
    }
}

#[cfg(test)]
mod tests;
