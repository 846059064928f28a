//! What all requests share.

use std::sync::Arc;

use contract::ids::OperatorId;
use edge::trace::Tracer;
use queue::Chosen;
use tokio::sync::watch;

use crate::bells::Bells;
use crate::config::{Bounds, Door, HubName};
use crate::connections::Connections;
use crate::device::{Bodies, Measures, Refusals};
use crate::events::Events;
use crate::heads::Heads;
use crate::keys::Keys;
use crate::kit::Kits;
use crate::library::Library;
use crate::mirror::Mirror;
use crate::operator::Cursors;
use crate::packets::Packets;
use crate::people::{Oidc, People};
use crate::planning::Consultants;
use crate::pulses::Pulses;
use crate::seats::Seats;
use crate::store::Store;
use crate::tables::Tables;
use crate::witness::Others;

/// The hub's parts.
#[derive(Debug)]
pub(crate) struct Hub {
    pub(crate) name: HubName,
    /// Since when it hears.
    pub(crate) began: contract::time::UtcTime,
    /// How operators reach it.
    pub(crate) door: Door,
    /// Where they find it.
    pub(crate) address: String,
    /// The provider of identities, where there is one.
    pub(crate) oidc: Option<Oidc>,
    /// Where everything lies.
    pub(crate) directory: std::path::PathBuf,
    /// The port under which devices reach the device plane.
    pub(crate) device_port: u16,
    pub(crate) keys: Arc<Keys>,
    pub(crate) library: Arc<Library>,
    /// Whom to ask what no rule speaks of, where there is somebody.
    pub(crate) consultants: Option<Consultants>,
    /// The rule tables that hold.
    pub(crate) tables: Tables,
    pub(crate) store: Store,
    pub(crate) queue: Chosen,
    pub(crate) mirror: Mirror,
    pub(crate) heads: Heads,
    pub(crate) kits: Kits,
    pub(crate) packets: Packets,
    /// Those who download kits.
    pub(crate) downloads: Arc<Seats<OperatorId>>,
    pub(crate) people: People,
    /// The logs of others that this hub cosigns, and the proofs of forks.
    pub(crate) others: Others,
    /// Which write-once stores the hub was told of: a directory, a bucket.
    pub(crate) archives: [bool; 2],
    /// What makes the cursors of lists this hub's own.
    pub(crate) cursors: Cursors,
    /// What happens, for whoever follows it, and the seats of those who do.
    pub(crate) events: Events,
    pub(crate) readers: Arc<Seats<OperatorId>>,
    pub(crate) bells: Bells,
    pub(crate) bounds: Bounds,
    pub(crate) connections: Arc<Connections>,
    pub(crate) measures: Measures,
    pub(crate) bodies: Bodies,
    pub(crate) refusals: Refusals,
    pub(crate) pulses: Pulses,
    pub(crate) tracer: Tracer,
    /// Where spans go, where somebody watches.
    pub(crate) spans: crate::spans::Spans,
    pub(crate) stop: Stop,
}

/// Whether the hub is stopping. Everything that waits, waits for this as well.
#[derive(Debug, Clone)]
pub(crate) struct Stop(pub(crate) watch::Receiver<bool>);

impl Stop {
    /// Returns once the hub is stopping.
    pub(crate) async fn requested(&mut self) {
        // The sender is dropped only by a hub that is gone: that is a stop, too.
        let _ = self.0.wait_for(|stopping| *stopping).await;
    }
}
