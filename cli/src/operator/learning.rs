//! What runs teach: the proposals, and a person's approval.

use contract::learnt::{Approval, Canary, LearntView};
use serde_json::Value;

use super::Operator;
use crate::exit::Failure;

impl Operator {
    /// All proposals, in their order.
    pub(crate) fn learning(&self) -> Result<Vec<LearntView>, Failure> {
        self.all("/api/v1/learning")
    }

    /// Whoever asks approves one: a new rule on a site first, the end of a rule everywhere.
    pub(crate) fn approve_learnt(&self, number: u64, canary: Option<Canary>) -> Result<(), Failure> {
        self.post(&format!("/api/v1/learning/{number}/approve"), &Approval { canary }).map(|_: Value| ())
    }
}
