//! What is wrong with a rule table that can be read: rules that can never match, that no incident comes to because others are heard before them, that match
//! everything, that show no case, or whose cases do not hold.
//!
//! Pure: the table, the baseline, the catalogue and the detectors go in, findings come out, each with its line. **What it cannot see:** a rule that several
//! rules cover only together, each a part of one name's values; a rule of kinds that rules of all that kind's detectors cover.

mod cover;
mod reach;

use std::fmt;

use contract::baseline::{Baseline, Severity};
use contract::ids::{ControlId, DetectorId};
use contract::runbook::{Catalogue, TargetOs};
use contract::signal::SignalKind;
use thiserror::Error;

use crate::decide::Knowledge;
use crate::fit::{Misfit, fit_rule};
use crate::rules::{Answer, Rule, RuleId, os_word, serves};

/// A detector, as far as rules speak of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownDetector {
    /// Its id.
    pub id: DetectorId,
    /// The kind of its signals.
    pub kind: SignalKind,
    /// Their severity.
    pub severity: Severity,
}

/// One thing that is wrong, with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The table's file, as it was named to us.
    pub file: String,
    /// Counted from 1.
    pub line: u64,
    /// Which rule.
    pub rule: RuleId,
    /// What is wrong.
    pub flaw: Flaw,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: rule {}: {}", self.file, self.line, self.rule, self.flaw)
    }
}

/// What is wrong with a rule.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Flaw {
    /// It could never be carried out.
    #[error("{0}")]
    Misfit(Box<Misfit>),
    /// No runbook of the catalogue is for these systems.
    #[error("no runbook of the catalogue is written for {}", os_word(*.0))]
    NoRunbookServes(TargetOs),
    /// No such detector is known.
    #[error("there is no detector {0}")]
    NoDetector(DetectorId),
    /// No detector tells signals of this kind.
    #[error("no detector tells signals of kind {0}")]
    NoDetectorOfKind(SignalKind),
    /// The control is never seen so.
    #[error("{0} is never found with such a value: it yields another kind of value, or passes with it")]
    NeverSeen(ControlId),
    /// The detectors are never that severe.
    #[error("nothing that it names is ever {}", .0.word())]
    NeverSoSevere(Severity),
    /// Another is always heard before it.
    #[error("rule {0} is heard before it, wherever it speaks")]
    Shadowed(RuleId),
    /// Others are always heard before it.
    #[error("other rules are heard before it, wherever it speaks; {0} is one of them")]
    ShadowedByMany(RuleId),
    /// Another of the same priority answers something else wherever it speaks.
    #[error(
        "rule {0} has the same priority and answers otherwise, wherever it speaks: a person is always asked"
    )]
    AlwaysDisagrees(RuleId),
    /// It names all there is.
    #[error(
        "it names every {0} there is, and nothing narrows it: a rule for everything is a default in disguise"
    )]
    MatchesEverything(&'static str),
    /// No case shows it.
    #[error("it has no test in which it matches")]
    NoTest,
    /// A case does not hold.
    #[error("its test does not hold: it {}", if *.expected { "does not match" } else { "matches" })]
    TestFails {
        /// What the case says.
        expected: bool,
    },
}

/// Everything that is wrong with the table, in its order.
pub fn lint(knowledge: &Knowledge<'_>, detectors: &[KnownDetector]) -> Vec<Finding> {
    let Knowledge { rules, baseline, catalogue } = *knowledge;
    let mut findings = Vec::new();
    for (line, rule) in &rules.table {
        let mut found = |line: u64, flaw: Flaw| {
            findings.push(Finding { file: rules.file.clone(), line, rule: rule.id.clone(), flaw });
        };
        let of_the_rule = misfit(rule, baseline, catalogue)
            .into_iter()
            .chain(reach::flaws(rule, baseline, detectors))
            .chain(cover::flaw(rule, rules, detectors));
        for flaw in of_the_rule {
            found(*line, flaw);
        }
        if !rule.tests.iter().any(|(_, case)| case.matches) {
            found(*line, Flaw::NoTest);
        }
        for (line, case) in rule.tests.iter().filter(|(_, case)| !case.holds(rule)) {
            found(*line, Flaw::TestFails { expected: case.matches });
        }
    }
    findings
}

fn misfit(rule: &Rule, baseline: &Baseline, catalogue: &Catalogue) -> Option<Flaw> {
    let homeless = match rule.answer() {
        Answer::Run(_) => !catalogue.iter().any(|approved| serves(approved.runbook.target_os, rule.os)),
        Answer::Person(_) => false,
    };
    if homeless {
        return Some(Flaw::NoRunbookServes(rule.os));
    }
    fit_rule(rule, baseline, catalogue).err().map(|misfit| Flaw::Misfit(Box::new(misfit)))
}
