//! `generation.switch` and `store.gc`: NixOS.
//!
//! A generation is healthy if the executor noted it, with its closure, when all checks passed on it; that list is handed in, and without one that is
//! still there neither verb does anything. The switch goes to the
//! newest of these that is still there and is not the one that failed: the profile's link is exchanged as `nix-env` does it, under its lock, and then
//! the generation's own `switch-to-configuration switch` makes it run and boot. That program restarts services, the executor's own perhaps among
//! them, so it runs as a unit of systemd that outlives whoever asked for it.
//!
//! **Tried** on links and programs that look like NixOS's, under a real systemd. On NixOS itself it has not been run.
//!
//! **Absent:** a sandbox for `switch-to-configuration`. It is the machine's own declaration of what it is, and its work is to change all of it.

mod activation;
mod garbage;
mod profile;

use std::path::Path;

use contract::record::Before;
use contract::runbook::Verb;

use self::profile::Profile;
use crate::place::Generation;
use crate::{Armed, Done, Hand, HandError, Place};

pub(super) use garbage::collect;

#[derive(Debug)]
struct Switch {
    profile: Profile,
    to: Generation,
}

pub(super) fn switch(place: &Place<'_>) -> Result<Armed, HandError> {
    let profile = Profile::open(&place.nixos.root)?;
    let number = profile.default_number()?;
    let to = last_healthy(&profile.generations()?, &place.nixos.healthy, number)
        .ok_or(HandError::NothingToDo("no other generation that was healthy is left"))?;
    activation::look(&profile, &to)?;
    Ok(Armed::new(Before::Generation { number }, Switch { profile, to }))
}

impl Hand for Switch {
    fn act(self: Box<Self>, place: &Place<'_>) -> Result<Done, HandError> {
        place.go_on()?;
        self.profile.point_at(self.to.number)?;
        activation::run(&self.profile, &self.to, "switch", place)?;
        runs(&self.profile, &self.to)?;
        Ok(Done::default())
    }
}

/// Switches back, the boot entry included, whether or not the switch came so far: doing it twice changes nothing.
pub(super) fn undo(before: &Before, place: &Place<'_>) -> Result<(), HandError> {
    let Before::Generation { number } = before else {
        return Err(HandError::NoBefore(Verb::GenerationSwitch));
    };
    let profile = Profile::open(&place.nixos.root)?;
    let back = profile.generations()?.into_iter().find(|g| g.number == *number);
    let back = back.ok_or(HandError::NothingToDo("the generation that ran before is gone"))?;
    profile.point_at(back.number)?;
    activation::run(&profile, &back, "switch", place)?;
    runs(&profile, &back)
}

/// The newest generation that was healthy, is still there with the closure that it had then, and is not `current`.
fn last_healthy(there: &[Generation], healthy: &[Generation], current: u64) -> Option<Generation> {
    there.iter().filter(|g| g.number != current && healthy.contains(g)).max_by_key(|g| g.number).cloned()
}

/// The generation that runs, where it is one of the profile's; none on any other system.
pub fn running_generation(root: &Path) -> Result<Option<Generation>, HandError> {
    let profile = match Profile::open(root) {
        Err(HandError::NothingToDo(_)) => return Ok(None),
        opened => opened?,
    };
    let (default, running) = (profile.default_number()?, profile.running()?);
    let there = profile.generations()?.into_iter().filter(|g| Some(&g.closure) == running.as_ref());
    // Two generations may be of one closure: then the one that boots is meant.
    Ok(there.max_by_key(|g| (g.number == default, g.number)))
}

/// What was switched to must be what runs.
fn runs(profile: &Profile, generation: &Generation) -> Result<(), HandError> {
    if profile.running()?.as_ref() == Some(&generation.closure) {
        Ok(())
    } else {
        Err(HandError::NotAsDeclared { what: "another generation runs than the one that was switched to" })
    }
}

#[cfg(test)]
mod tests;
