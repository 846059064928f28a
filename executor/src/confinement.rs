//! How the programs of steps are confined, and what the kernel offers for that: told at start, and written down where it is another than before.

use std::collections::BTreeSet;
use std::path::PathBuf;

use contract::record::Confined as Written;
use contract::runbook::Confinement;
use hands::{Confined, HandError};

use crate::config::Config;

/// What starts the programs of steps. None of them sees Suture's own directories, what runs keep to undo themselves, or the socket.
pub fn programs(config: &Config) -> Result<Confined, HandError> {
    let socket = config.socket.parent().map(PathBuf::from);
    let hidden = std::iter::once(config.directory.join("snapshots")).chain(socket);
    Confined::new(&config.own_directories(), hidden.collect())
}

/// What this kernel offers, one line each, as an operator reads it.
pub fn tell(confined: &Confined) {
    for line in confined.means() {
        tracing::info!("{line}");
    }
}

/// The same, as the record says it.
pub fn written(available: &BTreeSet<Confinement>) -> Written {
    let missing = Confinement::ALL.iter().filter(|feature| !available.contains(feature));
    Written { available: available.iter().copied().collect(), unavailable: missing.copied().collect() }
}
