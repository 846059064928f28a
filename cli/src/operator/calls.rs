//! Calls: those within reach, one whole, and who has it.

use contract::call::{CallView, CallWhole, HandOver};
use contract::ids::OperatorId;
use serde_json::Value;

use super::Operator;
use crate::exit::Failure;

impl Operator {
    /// The calls within reach.
    pub(crate) fn calls(&self) -> Result<Vec<CallView>, Failure> {
        self.all("/api/v1/calls")
    }

    /// One of them.
    pub(crate) fn call(&self, call: u64) -> Result<CallWhole, Failure> {
        self.get(&format!("/api/v1/calls/{call}"))
    }

    /// Whoever asks has it from now on.
    pub(crate) fn take_call(&self, call: u64) -> Result<CallView, Failure> {
        self.post(&format!("/api/v1/calls/{call}/take"), &serde_json::json!({}))
    }

    /// Whoever asks looked after what a detector saw.
    pub(crate) fn end_call(&self, call: u64) -> Result<(), Failure> {
        self.post(&format!("/api/v1/calls/{call}/done"), &serde_json::json!({})).map(|_: Value| ())
    }

    /// Somebody else has it from now on.
    pub(crate) fn hand_call(&self, call: u64, to: &OperatorId) -> Result<CallView, Failure> {
        self.post(&format!("/api/v1/calls/{call}/hand"), &HandOver { to: to.clone() })
    }
}
