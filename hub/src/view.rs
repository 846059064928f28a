//! What the hub knows, as people and programs are shown it: one typed view for each question, made in one place.
//!
//! An answer of the API is such a view as JSON, and a page of the console is the very same view as HTML; neither asks the store by itself. So what stands on
//! a page is what a program is answered, and a score is the same number wherever it stands.

pub(crate) mod alarms;
pub(crate) mod approvals;
pub(crate) mod audit;
pub(crate) mod call;
pub(crate) mod enrolments;
pub(crate) mod evidence;
pub(crate) mod exceptions;
pub(crate) mod fleet;
pub(crate) mod host;
pub(crate) mod incident;
pub(crate) mod library;
pub(crate) mod score;
pub(crate) mod tenants;
