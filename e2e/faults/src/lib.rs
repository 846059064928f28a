//! The catalogue of faults: each is done to a real machine on which Suture was installed as a user installs it, and what came of it is counted.

mod hub;
mod site;

pub use hub::Hub;
pub use site::{Lab, Programs, Site};

/// What went wrong, in words.
pub type Result<T> = std::result::Result<T, String>;
