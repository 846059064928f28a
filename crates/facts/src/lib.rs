//! Facts of the real system.
//!
//! One small source for each [`contract::fact::Source`], behind one interface: a name goes in, an [`Observation`] comes out. Every source only
//! reads: files, `/proc`, `/sys`, D-Bus properties and a few programs that print what the kernel or a daemon holds. None starts a service,
//! writes a file or opens a socket that listens.
//!
//! - What could not be had is a typed reason, never a value: a missing file is not an empty one, and "only root may look" is not "nothing there".
//! - Each source works on a thread of its own within one time limit, so nothing that hangs (a program, a bus, a dead network file system)
//!   can stall a scan. What has not answered by then is `timed out`.
//! - The one look that takes hours, the verification of the Nix store ([`verify_store`]), is made apart from scans, and these read what it came to.
//! - Values are counts, switches, modes, ports and words of a small alphabet: never a user's name, never a line of a log.
//! - Each source says what its facts hang on ([`Input`]), so that whoever watches looks again at those alone whose inputs changed.
//! - All paths lie under one injectable root, so each source is tested over a tree of files.
#![forbid(unsafe_code)]

mod config;
mod inputs;
mod processes;
mod program;
mod reader;
mod root;
mod sources;
mod store;

pub use config::{BackupStamps, Config, OwnDirectories};
pub use contract::fact::Observation;
pub use inputs::Input;
pub use processes::{Standing, moves, stands_still};
pub use reader::Reader;
pub use root::Root;
pub use sources::{FactSource, ROOT_STORES, filled_percent, is_nixos};
pub use store::{StoreVerification, Verified, verify_store};
