//! One case: a kit, the trust that is brought, and what must be said of it.

use serde::Serialize;

/// What a person brings from outside, as text, the way both verifiers are given it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Brought {
    /// Verifier keys of logs.
    pub keys: Vec<String>,
    /// Key logs.
    pub key_logs: Vec<String>,
    /// Earlier heads: notes, or three bare lines.
    pub heads: Vec<String>,
    /// A `tlog-policy`.
    pub policy: Option<String>,
    /// Verifier keys of witnesses.
    pub witnesses: Vec<String>,
    /// The key of the log of heads.
    pub heads_key: Option<String>,
    /// The key of the hub's kits.
    pub kit_key: Option<String>,
}

/// What must be said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Expected {
    /// The verdict's name; several where the page leaves it to the place of the fault.
    pub verdicts: Vec<&'static str>,
    /// The reason's code; any where there is none here.
    pub reasons: Vec<&'static str>,
    /// The record's index: `Some(None)` demands that none is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<Option<u64>>,
}

/// A kit and what must be said of it.
#[derive(Debug, Clone)]
pub struct Case {
    /// What was done, and where.
    pub name: String,
    /// The kit.
    pub zip: Vec<u8>,
    /// What is brought.
    pub brought: Brought,
    /// What must be said.
    pub expected: Expected,
}

impl Expected {
    /// Exactly this verdict, for this reason.
    pub fn of(verdict: &'static str, reason: &'static str) -> Self {
        Self { verdicts: vec![verdict], reasons: vec![reason], index: Some(None) }
    }

    /// One of the intact verdicts, which have no reason.
    pub fn intact(verdict: &'static str) -> Self {
        Self { verdicts: vec![verdict], reasons: Vec::new(), index: Some(None) }
    }

    /// Altered at this record, for one of these reasons (any where there is none).
    pub fn altered_at(index: usize, reasons: &[&'static str]) -> Self {
        Self { verdicts: vec!["altered"], reasons: reasons.to_vec(), index: Some(Some(index as u64)) }
    }

    /// Never intact: what a byte anywhere in the kit must at least lead to.
    pub fn caught() -> Self {
        let verdicts = vec!["altered", "fork", "incomplete", "nothing_verified"];
        Self { verdicts, reasons: Vec::new(), index: None }
    }

    /// The same, of a certain record.
    #[must_use]
    pub fn at(mut self, index: usize) -> Self {
        self.index = Some(Some(index as u64));
        self
    }

    /// Whether this is what was said.
    pub fn met(&self, verdict: &str, reason: Option<&str>, index: Option<u64>) -> bool {
        let reason_fits =
            self.reasons.is_empty() || reason.is_some_and(|reason| self.reasons.contains(&reason));
        self.verdicts.contains(&verdict) && reason_fits && self.index.is_none_or(|expected| expected == index)
    }
}
