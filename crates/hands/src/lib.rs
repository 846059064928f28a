//! The typed verbs: the only crate that changes a machine.
//!
//! One room for each verb. [`arm`] opens what an action touches, keeps what undoing it needs in the run's snapshot, and says how things stood; that
//! goes into the intent record. [`Armed::act`] acts, once the caller has made the intent durable. [`undo`] takes what the intent noted, and nothing
//! else: it works after a crash, with another process, from the record alone.
//!
//! Nothing here decides whether it may act: the executor's permit does, and only the executor's `verbs` may call this crate (xtask looks).
#![forbid(unsafe_code)]

mod bus;
mod confined;
mod deadman;
mod error;
mod host_network;
mod logins;
mod place;
mod program;
mod snapshot;
mod systemd;
mod trusted;
mod verbs;
mod way_in;

use contract::record::{Before, Count};
use contract::runbook::Action;

pub use confined::{Confined, become_launcher};
pub use deadman::{
    DeadMan, DeadManError, OwnPlaces, Pending, Starter, State, UndoPlan, fire, pending, readers, serve,
};
pub use error::HandError;
pub use place::{Generation, Interrupt, Nixos, Place};
pub use program::{Connected, Interruptible, Program, Programs, Ran};
pub use snapshot::{Snapshot, SnapshotError, Snapshots};
pub use systemd::{dependants, knows};
pub use verbs::{arm, running_generation, undo};
use way_in::UNITS_OF_SSH;
pub use way_in::{Afterwards, NotConfirmed, WayIn, after_check};

/// What one verb does, once it is armed.
pub trait Hand: std::fmt::Debug + Send {
    /// Acts. Whatever it leaves behind is durable when it returns: a repair that a power cut undoes is none.
    fn act(self: Box<Self>, place: &Place<'_>) -> Result<Done, HandError>;
}

/// An action with its target opened, its inverse kept, and nothing done yet.
#[derive(Debug)]
pub struct Armed {
    before: Before,
    hand: Box<dyn Hand>,
}

impl Armed {
    /// From how things stood, and what is to be done.
    pub(crate) fn new(before: Before, hand: impl Hand + 'static) -> Self {
        Self { before, hand: Box::new(hand) }
    }

    /// How things stood: for the intent.
    pub const fn before(&self) -> &Before {
        &self.before
    }

    /// Acts.
    pub fn act(self, place: &Place<'_>) -> Result<Done, HandError> {
        self.hand.act(place)
    }
}

/// What an act came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// What it counted.
    pub counts: Vec<(Count, u64)>,
    /// The connections that its programs made through the proxy.
    pub connections: Vec<Connected>,
}

/// Actions that need no hand: the executor looks, or waits, itself.
pub const fn needs_no_hand(action: &Action) -> bool {
    matches!(action, Action::Check(_) | Action::Wait { .. })
}
