//! Landlock: the same files once more, as rules that bind the program and all that it starts, whatever becomes of the mounts.
//!
//! The crate takes what the kernel has of the newest rules and leaves the rest out. The floor is that it enforces any: a kernel that said it has
//! Landlock and then does not use it stops the step.

use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, NetPort, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreated, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};

use super::tree::DEVICES;
use crate::channel::Order;
use crate::confinement::{Network, Profile, SYSTEM};

/// The newest rules that are asked for: with scopes, and with ioctls of devices.
const RULES: ABI = ABI::V6;

/// Why the program is not bound.
#[derive(Debug, thiserror::Error)]
pub(super) enum LandlockError {
    #[error("{0}")]
    Rules(#[from] RulesetError),
    #[error("{0} cannot be opened")]
    Path(String),
    #[error("the kernel enforces none of the rules")]
    NotEnforced,
}

pub(super) fn restrict(order: &Order, port: Option<u16>) -> Result<(), LandlockError> {
    // In a network with nothing in it nobody is reached by listening: daemons that only test their settings bind their ports there.
    let network = match order.confinement.network {
        Network::None => AccessNet::ConnectTcp.into(),
        Network::Host | Network::Proxy(_) => AccessNet::from_all(RULES),
    };
    let rules = Ruleset::default()
        .handle_access(AccessFs::from_all(RULES))?
        .handle_access(network)?
        .scope(Scope::from_all(RULES))?
        .create()?;
    let mut rules = files(rules, order)?;
    if let Some(port) = port {
        rules = rules.add_rule(NetPort::new(port, AccessNet::ConnectTcp))?;
    }
    match rules.restrict_self()?.ruleset {
        RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced => Ok(()),
        RulesetStatus::NotEnforced => Err(LandlockError::NotEnforced),
    }
}

fn files(mut rules: RulesetCreated, order: &Order) -> Result<RulesetCreated, LandlockError> {
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    // Under `strict` the program itself, and what loads it, is all that can be started.
    let trees = match order.confinement.profile {
        Profile::Strict => read,
        Profile::Standard | Profile::StandardNet | Profile::Netfilter => read | AccessFs::Execute,
    };
    let write = AccessFs::from_all(RULES) & !AccessFs::Execute;
    let system = SYSTEM.iter().map(Path::new).filter(|path| path.exists());
    let declared = order.confinement.read_only.iter().map(AsRef::as_ref);
    for path in system.chain(declared) {
        rules = rules.add_rule(beneath(path, trees)?)?;
    }
    rules = rules.add_rule(beneath(Path::new("/proc"), read)?)?;
    let scratch = ["/tmp", "/dev/shm", "/run"].map(Path::new);
    for path in scratch.into_iter().chain(order.confinement.writable.iter().map(AsRef::as_ref)) {
        rules = rules.add_rule(beneath(path, write)?)?;
    }
    for path in DEVICES {
        rules = rules.add_rule(beneath(Path::new(path), AccessFs::ReadFile | AccessFs::WriteFile)?)?;
    }
    for path in [Some(order.path.as_path()), order.loader.as_deref()].into_iter().flatten() {
        rules = rules.add_rule(beneath(path, AccessFs::ReadFile | AccessFs::Execute)?)?;
    }
    Ok(rules)
}

/// A rule on a tree, or on one file, for which only some of the rights have a meaning.
fn beneath(path: &Path, access: BitFlags<AccessFs>) -> Result<PathBeneath<PathFd>, LandlockError> {
    let fd = PathFd::new(path).map_err(|_| LandlockError::Path(path.display().to_string()))?;
    let access = if path.is_dir() { access } else { access & AccessFs::from_file(RULES) };
    Ok(PathBeneath::new(fd, access))
}
