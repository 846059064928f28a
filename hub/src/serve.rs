//! The whole hub: opened, started, stopped.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use contract::event::Event;
use contract::paper::PaperKind;
use contract::time::UtcTime;
use edge::file::{FileError, Lock};
use edge::trace::Tracer;
use identity::IdentityError;
use models::{Micro, Models};
use queue::nats::{Nats, NatsError};
use queue::writer::OpenError;
use queue::{Chosen, Embedded, Limits};
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

pub use crate::alerts::RulesError;
use crate::alerts::{self, Rules, Ways};
use crate::bells::Bells;
pub use crate::config::NatsFileError;
use crate::config::{ArchivesError, Config, Door, NatsFile, OutsideError};
use crate::connections::Connections;
use crate::device::{Bodies, Certificates, Measures, Refusals};
use crate::events::Events;
pub use crate::heads::HeadsError;
use crate::heads::{self, Heads};
use crate::hub::{Hub, Stop};
use crate::keys::Keys;
pub use crate::keys::KeysError;
use crate::kit::Kits;
use crate::library::{Library, LibraryError};
use crate::mirror::Mirror;
use crate::operator::Cursors;
pub use crate::operator::{DoorError, RouteView};
pub use crate::packets::ProfilesError;
use crate::packets::{self, Packets, Profiles, Typesetter};
use crate::people::{Oidc, People};
pub use crate::people::{OidcError, OwnLogError, PeopleError, PeopleFault};
use crate::planning::Consultants;
use crate::pulses::Pulses;
use crate::seats::Seats;
use crate::spans::Spans;
pub use crate::spans::SpansError;
use crate::store::Store;
use crate::tables::Tables;
use crate::{device, learning, operator, planning, reading, witness, worm};

/// No month is longer.
const MONTH_MS: i64 = 31 * 24 * 60 * 60 * 1000;
/// What runs teach is looked at once in so many looks for whom to tell: every ten minutes where that is half a minute.
const LEARNS_EVERY: u32 = 20;

/// Why a hub did not start. Nothing listens, and nothing was changed but for what a first start makes.
#[derive(Debug, Error)]
pub enum StartError {
    /// Baseline, rules or runbooks make no sense.
    #[error("the baseline, the rules and the runbooks do not make sense")]
    Library(#[source] LibraryError),
    /// What was learnt cannot be read.
    #[error("what was learnt cannot be read")]
    Learnt(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// What is said of models makes no sense.
    #[error("what is said of models makes no sense")]
    Models(#[source] models::ModelsError),
    /// The program that is to make PDFs is none.
    #[error("the typesetter {} is no program that can be run", path.display())]
    Typesetter {
        /// The program.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Who is to be told makes no sense.
    #[error("what is said of alerts makes no sense")]
    Alerts(#[source] RulesError),
    /// What is said of packets makes no sense.
    #[error("what is said of packets makes no sense")]
    Packets(#[source] ProfilesError),
    /// Nothing can be told to anybody outside.
    #[error("no connection to whoever is to be told of alerts can be prepared")]
    AlertsOut(#[source] OutsideError),
    /// The operator plane is for this machine alone.
    #[error(
        "the operator plane must be on loopback, and {0} is not: use 127.0.0.1 or ::1, or give it a certificate with --operator-certificate and --operator-key"
    )]
    NotLoopback(SocketAddr),
    /// The operator plane's own TLS cannot be had.
    #[error("the operator plane cannot be reached over TLS")]
    Door(#[source] DoorError),
    /// The directory cannot be used.
    #[error("the hub's directory cannot be used")]
    Directory(#[source] FileError),
    /// Another hub runs in the directory.
    #[error("another hub is running in this directory: stop it, or use another --dir")]
    Locked(#[source] FileError),
    /// A secret is missing or unusable.
    #[error("the hub's secrets cannot be used")]
    Keys(#[source] KeysError),
    /// A rotation of the own log's key was interrupted, and cannot be settled.
    #[error("the own log's key was being changed, and which one counts cannot be told")]
    Rotation(#[source] crate::machine::acts::ActError),
    /// A certificate cannot be made.
    #[error("the hub's own certificate cannot be made")]
    Certificate(#[source] IdentityError),
    /// A database cannot be opened.
    #[error("a database cannot be opened")]
    Database(#[source] OpenError),
    /// The log of heads cannot be opened, or what was told about its witnesses makes no sense.
    #[error("the log of heads cannot be opened")]
    Heads(#[source] HeadsError),
    /// A write-once store cannot be used.
    #[error("a write-once store cannot be used")]
    Archive(#[source] ArchivesError),
    /// Accounts, or the log in which people's acts stand.
    #[error("the hub cannot tell people apart")]
    People(#[source] PeopleFault),
    /// The provider of identities.
    #[error("the provider of identities cannot be used")]
    Oidc(#[source] OidcError),
    /// What is said of the queue's servers makes no sense.
    #[error("what is said of the queue's servers makes no sense")]
    NatsFile(#[source] NatsFileError),
    /// The queue's servers cannot be used.
    #[error("the queue's servers cannot be used")]
    Nats(#[source] NatsError),
    /// The collector of spans.
    #[error("spans cannot be sent to the collector that was named")]
    Spans(#[source] SpansError),
    /// An address cannot be listened on.
    #[error(
        "the {plane} plane cannot listen on {address}: stop what uses it, or give another address with --{plane}"
    )]
    Listen {
        /// `device` or `operator`.
        plane: &'static str,
        /// Which address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// A hub that runs. Dropping it cuts everything off; [`Running::stop`] ends it properly.
#[derive(Debug)]
pub struct Running {
    device: SocketAddr,
    operator: SocketAddr,
    first_run: Option<String>,
    stopping: watch::Sender<bool>,
    parts: JoinSet<()>,
    hub: Arc<Hub>,
    lock: Lock,
}

impl Running {
    /// Where the device plane listens.
    pub const fn device(&self) -> SocketAddr {
        self.device
    }

    /// Where the operator plane listens.
    pub const fn operator(&self) -> SocketAddr {
        self.operator
    }

    /// The link that makes the first account, where there is none yet. It is to be shown once: it works once, and for an hour.
    pub fn first_run(&self) -> Option<&str> {
        self.first_run.as_deref()
    }

    /// Tells the service manager that the hub lives, again and again, where it asked for that.
    pub async fn reassure(&self) {
        crate::watchdog::reassure(&self.hub).await;
    }

    /// The hub's parts, for tests that have to break one.
    #[cfg(test)]
    pub(crate) const fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    /// Takes no more connections, lets requests end, and closes the databases.
    pub async fn stop(self) {
        let Self { device: _, operator: _, first_run: _, stopping, mut parts, hub, lock } = self;
        let _ = stopping.send(true);
        while parts.join_next().await.is_some() {}
        // Closing waits for the database threads, so it belongs where blocking is allowed; the lock goes last.
        let closed = tokio::task::spawn_blocking(move || {
            hub.spans.close();
            drop(hub);
            drop(lock);
        });
        let _ = closed.await;
    }
}

/// Opens what `config` names and starts both planes and the planner.
pub async fn start(config: &Config) -> Result<Running, StartError> {
    let Config {
        directory,
        device,
        operator,
        door,
        oidc,
        name,
        events,
        sources,
        outside,
        archives,
        bounds,
        alerts,
        alerts_every,
        models,
        nats,
        packets,
        typesetter,
        collector,
    } = config;
    let library = Library::read(sources).map_err(StartError::Library)?;
    let (rules, ways) = ways_out(alerts.as_deref())?;
    let profiles = profiles_of(packets.as_deref())?;
    if !operator.ip().is_loopback() && !door.is_for_any_address() {
        return Err(StartError::NotLoopback(*operator));
    }
    let shown = operator::shown(door).map_err(StartError::Door)?;
    edge::file::private_directory(directory).map_err(StartError::Directory)?;
    let lock = locked(directory)?;
    crate::machine::acts::settle_rotation(directory).map_err(StartError::Rotation)?;
    let keys = Arc::new(Keys::open(directory, name).map_err(StartError::Keys)?);
    let certificates = Certificates::new(&keys.authority, name.as_str()).map_err(StartError::Certificate)?;
    let store = Store::open(&directory.join("hub.db")).map_err(StartError::Database)?;
    let queue = queue_of(directory, nats.as_deref()).await?;
    let outside_of = |e: OutsideError| StartError::Heads(HeadsError::Outside(e));
    let others =
        witness::open(directory, outside.logs().map_err(outside_of)?).map_err(StartError::Directory)?;
    let heads = Heads::open(directory, Arc::clone(&keys), outside).map_err(StartError::Heads)?;
    let kits = Kits::open(directory).map_err(StartError::Database)?;
    let packets = packets_of(directory, profiles, typesetter.clone(), &store).await?;
    let consultants = consultants(models.as_deref(), &store).await?;
    let learnt = learning::standing(&store).await.map_err(|e| StartError::Learnt(e.into()))?;
    note_library(&library, &keys, &kits, &store).await;
    let opened = archives.open().await.map_err(StartError::Archive)?;
    let (people, invitation) = people_of(directory).await?;
    let (device_listener, device) = listen("device", *device).await?;
    let (operator_listener, operator) = listen("operator", *operator).await?;

    let address = door_address(door, operator);
    let redirect = format!("{address}/login/back");
    let oidc = oidc.as_ref().map(|told| Oidc::open(told, redirect)).transpose().map_err(StartError::Oidc)?;
    let spans = Spans::open(collector.as_ref()).map_err(StartError::Spans)?;
    let ((stopping, stop), tracer) = (watch::channel(false), Tracer::new(*events));
    let hub = Arc::new(Hub {
        name: name.clone(),
        began: edge::clock::utc(),
        door: door.clone(),
        address: address.clone(),
        oidc,
        directory: directory.clone(),
        device_port: device.port(),
        mirror: Mirror::new(directory.join("archive"), Arc::clone(&keys)),
        heads,
        kits,
        packets,
        downloads: Seats::new(bounds.downloads, bounds.downloads_each),
        people,
        others,
        archives: opened.which(),
        keys,
        consultants,
        tables: Tables::new(&library, &learnt),
        library: Arc::new(library),
        store,
        queue,
        cursors: Cursors::draw().map_err(|e| StartError::People(PeopleFault::Random(e)))?,
        events: Events::begin().map_err(|e| StartError::People(PeopleFault::Random(e)))?,
        readers: Seats::new(operator::READERS_MAX, operator::READERS_EACH),
        bells: Bells::default(),
        bounds: *bounds,
        connections: Connections::new(bounds.connections_each),
        measures: Measures::new(bounds.rates),
        bodies: Bodies::new(bounds.bodies_kb, bounds.bodies_kb_each),
        refusals: Refusals::default(),
        pulses: Pulses::default(),
        tracer,
        spans,
        stop: Stop(stop),
    });
    planning::catch_up(&hub).await;
    let mut parts = thinking(&hub, *alerts_every);
    parts.spawn(alerts::run(Arc::clone(&hub), rules, ways, *alerts_every, directory.clone()));
    parts.spawn(worm::run(Arc::clone(&hub), opened, archives.clone(), directory.join("witness/forks")));
    parts.spawn(device::run(Arc::clone(&hub), device_listener, certificates));
    parts.spawn(operator::run(Arc::clone(&hub), operator_listener, shown));
    tell_ready(device, operator, tracer);
    let first_run = first_run_link(invitation, &address, tracer);
    Ok(Running { device, operator, first_run, stopping, parts, hub, lock })
}

/// The tenants' queues: in the hub's directory, or on the servers that this file names.
async fn queue_of(directory: &Path, nats: Option<&Path>) -> Result<Chosen, StartError> {
    let limits = Limits::default();
    let Some(file) = nats else {
        let embedded = Embedded::open(&directory.join("queue.db"), limits, edge::clock::utc()).await;
        return embedded.map(|queue| Chosen::Embedded(Box::new(queue))).map_err(StartError::Database);
    };
    let NatsFile { settings, replicas: _, quota: _ } = NatsFile::read(file).map_err(StartError::NatsFile)?;
    let queue = Nats::open(settings, limits).await.map_err(StartError::Nats)?;
    Ok(Chosen::Nats(Box::new(queue)))
}

/// When to tell whom of what, and how.
fn ways_out(alerts: Option<&Path>) -> Result<(Rules, Arc<Ways>), StartError> {
    let rules = alerts.map(Rules::read).transpose().map_err(StartError::Alerts)?.unwrap_or_default();
    let ways = Ways::open(&rules).map_err(StartError::AlertsOut)?;
    Ok((rules, Arc::new(ways)))
}

/// The parts that think about what came in.
fn thinking(hub: &Arc<Hub>, every: std::time::Duration) -> JoinSet<()> {
    let mut parts = JoinSet::new();
    parts.spawn(planning::run(Arc::clone(hub)));
    let seldom = every.saturating_mul(LEARNS_EVERY);
    parts.spawn(learning::run(Arc::clone(hub), seldom));
    parts.spawn(packets::run(Arc::clone(hub), seldom));
    parts.spawn(packets::deliver(Arc::clone(hub), seldom));
    parts.spawn(reading::run(Arc::clone(hub)));
    parts.spawn(heads::run(Arc::clone(hub)));
    parts
}

/// Whom to ask, with what was spent on that this month.
async fn consultants(file: Option<&Path>, store: &Store) -> Result<Option<Consultants>, StartError> {
    let Some(file) = file else { return Ok(None) };
    let models = Models::read(file).map_err(StartError::Models)?;
    let month = edge::clock::utc().unix_ms().saturating_sub(MONTH_MS);
    let since = UtcTime::from_unix_ms(month).unwrap_or_else(|_| edge::clock::utc());
    for (tenant, cost, then) in
        store.asked_within(since, edge::clock::utc()).await.map_err(|e| StartError::Learnt(e.into()))?
    {
        models.note(&tenant, Micro(cost), then);
    }
    Ok(Some(Consultants::new(models)))
}

/// The directory for this hub alone.
fn locked(directory: &Path) -> Result<Lock, StartError> {
    edge::file::lock(&directory.join("lock")).map_err(|e| match e.source.kind() {
        io::ErrorKind::WouldBlock => StartError::Locked(e),
        _ => StartError::Directory(e),
    })
}

/// Keeps what sites are given now: for kits of this time, and for whoever asks since when. A hub that cannot serves nevertheless, and says so.
async fn note_library(library: &Library, keys: &Keys, kits: &Kits, store: &Store) {
    let now = edge::clock::utc();
    if let Err(e) = kits.keep_baseline(library, keys, now).await {
        tracing::error!(cause = crate::problem::chain(&e), "the baseline cannot be kept for later kits");
    }
    for (kind, digest) in
        [(PaperKind::Baseline, library.baseline.digest()), (PaperKind::Catalogue, library.catalogue.digest())]
    {
        if let Err(e) = store.hand_out(kind, digest, now).await {
            tracing::error!(cause = crate::problem::chain(&e), %kind, "what is handed out cannot be noted");
        }
    }
}

/// Accounts and the hub's own log; and what makes the first account, where there is none.
async fn people_of(directory: &Path) -> Result<(People, Option<crate::people::Secret>), StartError> {
    let own = Keys::own_log(directory).map_err(StartError::Keys)?;
    let people = People::open(directory, own, edge::clock::utc()).map_err(StartError::People)?;
    let invitation = people.first_run(edge::clock::utc()).await.map_err(StartError::People)?;
    Ok((people, invitation))
}

fn tell_ready(device: SocketAddr, operator: SocketAddr, tracer: Tracer) {
    tracer.emit(Event::HubReady { device: device.to_string(), operator: operator.to_string() });
    tracing::info!(%device, %operator, "the hub is ready");
}

/// The link that makes the first account, told where there is one.
fn first_run_link(
    invitation: Option<crate::people::Secret>,
    address: &str,
    tracer: Tracer,
) -> Option<String> {
    let link = format!("{address}/join#{}", invitation?.reveal());
    tracer.emit(Event::FirstRun { link: link.clone() });
    Some(link)
}

/// How packets look, and who gets them.
fn profiles_of(file: Option<&Path>) -> Result<Profiles, StartError> {
    Ok(file.map(Profiles::read).transpose().map_err(StartError::Packets)?.unwrap_or_default())
}

/// The packets that were made, with the exceptions of now among what later ones are made of.
async fn packets_of(
    directory: &Path,
    profiles: Profiles,
    typesetter: Option<std::path::PathBuf>,
    store: &Store,
) -> Result<Packets, StartError> {
    let typesetter = match typesetter {
        None => Typesetter::beside_us(),
        Some(path) => {
            Typesetter::at(path.clone()).map_err(|source| StartError::Typesetter { path, source })?
        }
    };
    let packets = Packets::open(directory, profiles, typesetter).map_err(StartError::Database)?;
    note_exceptions(&packets, store).await;
    Ok(packets)
}

/// Keeps the exceptions that are in force, so that packets can say what was accepted when others are.
async fn note_exceptions(packets: &Packets, store: &Store) {
    let now = edge::clock::utc();
    let noted = async {
        for (tenant, text) in store.all_exceptions().await.map_err(|e| crate::problem::chain(&e))? {
            packets.keep_exceptions(&tenant, &text, now).await.map_err(|e| crate::problem::chain(&e))?;
        }
        Ok::<_, String>(())
    };
    if let Err(cause) = noted.await {
        tracing::error!(cause, "the exceptions in force cannot be kept for later packets");
    }
}

/// Where people find the operator plane: a proxy's port is its own affair, and is the usual one.
fn door_address(door: &Door, operator: SocketAddr) -> String {
    match door {
        Door::Loopback => format!("http://{operator}"),
        Door::Proxy { name } => format!("https://{name}"),
        Door::Tls { name, .. } => format!("https://{name}:{}", operator.port()),
    }
}

/// Every route of the operator plane, as the router is made of them.
pub fn operator_routes() -> Vec<RouteView> {
    operator::views()
}

/// Every route of the device plane, by method and path.
pub fn device_routes() -> Vec<(&'static str, &'static str)> {
    device::paths()
}

/// Every page of the console that asks for a right.
pub fn console_pages() -> Vec<RouteView> {
    let view = |(path, right)| RouteView {
        method: "GET",
        path,
        right: Some(right),
        summary: "A page of the console",
    };
    crate::console::pages().into_iter().map(view).collect()
}

/// The document of the operator plane, as `OpenAPI` 3.1 in JSON: the one that is served.
pub fn operator_document() -> String {
    operator::document()
}

async fn listen(plane: &'static str, address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let failed = |source| StartError::Listen { plane, address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}
