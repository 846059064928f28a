//! What is done with a hub on its own machine, beside serving: made, looked through, backed up, restored, and let back into.
//!
//! Whoever may read the directory holds the hub's keys already, so nobody logs in here; who it was, as the machine knows them, is in the hub's own log.
//! What only reads (`check`, `backup`) works beside a running hub: the databases give a view of one instant, the logs only grow. What changes takes
//! the hub's lock: the own log has one writer, and a second way into a running hub would be one more door to guard. While the hub runs, the operator
//! plane does the same.
//!
//! | module | what it does |
//! |---|---|
//! | `acts` | people, enrolments, certificates, the own log's key |
//! | `backup`, `restore` | a copy of one instant, and a hub made from it |
//! | `check` | whether all of it holds together |
//! | `manifest` | what a backup holds |
//! | `copying`, `parts` | files and logs that others go on writing to |

pub mod acts;
pub mod backup;
pub mod check;
mod copying;
mod manifest;
mod parts;
pub mod provision;
pub mod restore;

pub(crate) use backup::last as last_backup;
pub use manifest::Manifest;
