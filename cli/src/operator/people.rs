//! Coming in over the operator plane.

use contract::people::{Join, KeyMade, Login, NewKey, SessionOpened};

use super::Operator;
use crate::exit::Failure;

impl Operator {
    /// Uses an invitation.
    pub(crate) fn join(&self, join: &Join) -> Result<SessionOpened, Failure> {
        self.post("/api/v1/join", join)
    }

    /// Logs in.
    pub(crate) fn log_in(&self, login: &Login) -> Result<SessionOpened, Failure> {
        self.post("/api/v1/login", login)
    }

    /// Ends the session.
    pub(crate) fn log_out(&self) -> Result<(), Failure> {
        self.post("/api/v1/logout", &serde_json::json!({})).map(|_: serde_json::Value| ())
    }

    /// Makes a key of one's own.
    pub(crate) fn new_key(&self, new: &NewKey) -> Result<KeyMade, Failure> {
        self.post("/api/v1/me/keys", new)
    }
}
