//! `store.gc`: old generations go, within bounds, and what only they held.

use std::path::PathBuf;

use contract::record::{Before, Count};

use super::activation;
use super::profile::Profile;
use crate::place::Generation;
use crate::{Armed, Done, Hand, HandError, Place, Program};

/// The most that one step frees, in bytes.
const FREED_MAX: u64 = 20 << 30;
/// Where the Nix daemon does the work: the store is read-only to everybody else.
const DAEMON: &str = "/nix/var/nix/daemon-socket/socket";

#[derive(Debug)]
struct Collect {
    profile: Profile,
    program: PathBuf,
    forget: Vec<u64>,
}

pub(in crate::verbs) fn collect(keep: u32, place: &Place<'_>) -> Result<Armed, HandError> {
    let profile = Profile::open(&place.nixos.root)?;
    let there = profile.generations()?;
    // Whoever does not know which one was healthy does not know which one must stay.
    if !there.iter().any(|g| place.nixos.healthy.contains(g)) {
        return Err(HandError::NothingToDo("no generation is known to be healthy, so none may go"));
    }
    let in_use =
        InUse { default: profile.default_number()?, running: profile.running()?, booted: profile.booted()? };
    let forget = superfluous(&there, &place.nixos.healthy, &in_use, keep);
    Ok(Armed::new(Before::Nothing, Collect { profile, program: Program::find("nix-store")?, forget }))
}

/// What must not go.
#[derive(Debug)]
pub(super) struct InUse {
    pub(super) default: u64,
    pub(super) running: Option<PathBuf>,
    pub(super) booted: Option<PathBuf>,
}

/// The generations that go: not the newest `keep`, not what boots, runs or was booted, and not the one that a switch would go to.
pub(super) fn superfluous(
    there: &[Generation],
    healthy: &[Generation],
    in_use: &InUse,
    keep: u32,
) -> Vec<u64> {
    let refuge = super::last_healthy(there, healthy, in_use.default);
    let newest = there.len().saturating_sub(usize::try_from(keep).unwrap_or(usize::MAX));
    let stays = |g: &Generation| {
        g.number == in_use.default
            || [&in_use.running, &in_use.booted].into_iter().flatten().any(|closure| *closure == g.closure)
            || refuge.as_ref() == Some(g)
    };
    there.iter().take(newest).filter(|g| !stays(g)).map(|g| g.number).collect()
}

impl Hand for Collect {
    fn act(self: Box<Self>, place: &Place<'_>) -> Result<Done, HandError> {
        place.go_on()?;
        let Self { profile, program, forget } = *self;
        let store = profile.root().join("nix/store");
        let free = || {
            let fs = rustix::fs::statvfs(&store).map_err(HandError::file(&store, "look at its room"))?;
            Ok::<u64, HandError>(fs.f_bfree.saturating_mul(fs.f_frsize))
        };
        let before = free()?;
        if !forget.is_empty() {
            profile.forget(&forget)?;
            // The boot menu must not offer what is about to go.
            let number = profile.default_number()?;
            let default = profile.generations()?.into_iter().find(|g| g.number == number);
            let default = default.ok_or(HandError::NothingToDo("the default generation is gone"))?;
            activation::run(&profile, &default, "boot", place)?;
        }
        let most = FREED_MAX.to_string();
        let mut program = Program {
            path: program,
            writes: vec![PathBuf::from(DAEMON)],
            time_limit_ms: place.left_ms(),
            ..Program::of_the_system("", &["--gc", "--max-freed", &most])
        };
        program.environment.push(("NIX_REMOTE".to_owned(), "daemon".to_owned()));
        place.programs.succeed(&program)?;
        Ok(Done { counts: vec![(Count::BytesFreed, free()?.saturating_sub(before))], ..Done::default() })
    }
}
