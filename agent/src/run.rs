//! The daemon: reads what was pinned, starts the parts, and stops them together.

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use contract::event::Event;
use contract::exception::ExceptionError;
use contract::grant::SILENCE_MS;
use contract::heartbeat::Part;
use edge::file::FileError;
use edge::trace::Tracer;
use thiserror::Error;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::config::Config;
use crate::deliver::{self, Incidents, Pinned};
use crate::detectors::{self, BadDetectors, Detectors, SiteKey, Trends};
use crate::executor::{self, Seat, WrongExecutor};
use crate::hub::{Hub, HubError};
use crate::in_force::{self, InForce};
use crate::logs::Reading;
use crate::looks::Looks;
use crate::observe::{self, News, observe};
use crate::outbox::{self, Outbox};
use crate::ship::{self, Shipping};
use crate::site::{self, Identity, Places, SiteError};
use crate::thread::{Stop, Thread};
use crate::unwritten::Unwritten;
use crate::watch::Watch;
use crate::{alone, logs, lookout, orders, papers, pulse, renew, room, signals, standing, trends, watchdog};

/// Why the agent does not start, or does not go on.
#[derive(Debug, Error)]
pub enum RunError {
    /// A file of its own cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// Another agent works in this directory.
    #[error("another agent works in {}", .0.display())]
    Busy(PathBuf),
    /// What was pinned at enrolment is missing or bent.
    #[error(transparent)]
    Site(#[from] SiteError),
    /// The exceptions make no sense.
    #[error(transparent)]
    Exceptions(#[from] ExceptionError),
    /// The detectors make no sense.
    #[error(transparent)]
    Detectors(#[from] BadDetectors),
    /// The HTTP client cannot be set up.
    #[error(transparent)]
    Hub(#[from] HubError),
    /// The kernel does not let us watch.
    #[error("changes cannot be watched")]
    Watch(#[source] std::io::Error),
    /// No thread can be had.
    #[error("no thread can be started")]
    Thread(#[source] std::io::Error),
    /// Whatever sits at the executor's socket is not our executor.
    #[error(transparent)]
    Executor(#[from] WrongExecutor),
    /// The hub no longer knows this machine.
    #[error(
        "this machine's certificate was revoked by the operator of the hub: nothing is sent any more, and what was not sent stays on the disk; to \
         go on, enrol it anew with another sheet into an empty directory"
    )]
    Revoked,
    /// A part ended that never should.
    #[error("a part of the agent ended: {0}")]
    Ended(String),
}

type Parts = JoinSet<Result<(), RunError>>;

/// Runs until `stop` is ready.
pub async fn run(config: Config, tracer: Tracer, stop: impl Future<Output = ()>) -> Result<(), RunError> {
    run_alone_after(config, tracer, stop, Duration::from_millis(SILENCE_MS)).await
}

/// As [`run`], and puts incidents before the executor after another time than the agreed one. For tests: the executor judges by its own.
pub async fn run_alone_after(
    config: Config,
    tracer: Tracer,
    stop: impl Future<Output = ()>,
    silence: Duration,
) -> Result<(), RunError> {
    let places = config.places();
    let _lock = edge::file::lock(&places.lock()).map_err(|e| match e.source.kind() {
        std::io::ErrorKind::WouldBlock => RunError::Busy(places.dir.clone()),
        _ => e.into(),
    })?;
    let identity = site::read_identity(&places)?;
    let in_force = InForce::new(in_force::looker(&config, &places, &identity)?);
    let hub = Hub::new(config.hub.clone(), site::read_tls(&places, &identity)?, config.proxy.clone())?;
    let outbox = Outbox::open(&places.outbox(), outbox::CAPACITY_BYTES, edge::clock::utc())?;
    let unwritten = Unwritten::open(&places.unwritten(), edge::clock::utc())?;
    let incidents = Incidents::new(outbox, tracer, Pinned::of(&identity));

    let (to_signals, from_logs) = logs::outlet();
    let (library, key) = (detectors::library()?, site_key(&config, &places, &identity)?);
    let trends = Trends::of(&library, key.clone());
    let (observer, news) = mpsc::channel(64);
    let looks = Looks::of(&library, in_force.clone(), observer.clone());
    let reading = Reading::resume(Detectors::new(library, key)?, &places.logs(), to_signals, tracer);
    let mut parts = Parts::new();
    spawn(
        &mut parts,
        trends::follow(trends, incidents.clone(), looks.clone(), unwritten.clone(), reading.pulse()),
    );
    let reading = reading.shared();
    let logs = Arc::clone(&reading);
    let ground = Ground {
        identity,
        in_force,
        hub,
        incidents,
        unwritten,
        from_logs,
        logs,
        looks,
        tracer,
        silence,
        observer,
        news,
    };
    let watching = start(&mut parts, &config, ground)?;
    let following = logs::follow(config.logs, reading).map_err(RunError::Thread)?;
    spawn(&mut parts, watchdog::reassure());
    // Without a service manager there is nobody to tell.
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);

    let ended = tokio::select! {
        () = stop => Ok(()),
        Some(part) = parts.join_next() => match part {
            Ok(Ok(())) => Err(RunError::Ended("it had nothing left to do".to_owned())),
            Ok(Err(error)) => Err(error),
            Err(error) => Err(RunError::Ended(error.to_string())),
        },
    };
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    parts.shutdown().await;
    // After the parts: a thread that waits for one of them to listen is let go by its going away.
    watching.into_iter().for_each(Thread::end);
    following.end();
    ended
}

/// The key that all machines of the site share where there is one, else one of this machine's own.
fn site_key(config: &Config, places: &Places, identity: &Identity) -> Result<SiteKey, FileError> {
    match &config.site_key {
        Some(path) => detectors::shared_key(path.path(), &identity.tenant, &identity.site),
        None => detectors::site_key(&places.site_key()),
    }
}

/// What the parts stand on.
struct Ground {
    identity: Identity,
    in_force: InForce,
    hub: Hub,
    incidents: Incidents,
    unwritten: Unwritten,
    from_logs: logs::Inlet,
    logs: logs::Shared,
    looks: Looks,
    tracer: Tracer,
    silence: Duration,
    observer: mpsc::Sender<News>,
    news: mpsc::Receiver<News>,
}

/// Starts the parts, and the threads that watch for changes.
fn start(parts: &mut Parts, config: &Config, ground: Ground) -> Result<[Thread; 2], RunError> {
    let Ground {
        identity,
        in_force,
        hub,
        incidents,
        unwritten,
        from_logs,
        logs,
        looks,
        tracer,
        silence,
        observer,
        news,
    } = ground;
    let (executor, questions) = executor::channel();
    let (acting, asked_to_act) = executor::channel();
    let shipping = Shipping::default();
    let (to_losses, losses) = mpsc::unbounded_channel();
    let arrived = from_logs.arrived.clone();
    spawn(parts, signals::write_down(losses, arrived, executor.clone(), shipping.clone()));
    spawn(parts, signals::have_written(unwritten.clone(), executor.clone(), shipping.clone()));
    spawn(parts, signals::follow(from_logs, incidents.clone(), looks, unwritten, to_losses));
    // Armed before the first look, so that no change falls between the two.
    let places = config.places();
    let told = in_force::told(config, &places, &identity);
    let room = room::follow(told.clone(), observer.clone()).map_err(RunError::Thread)?;
    let watch = Watch::arm_for(told, in_force.clone()).map_err(RunError::Watch)?;

    let socket = config.socket.path().to_owned();
    let seat = Seat { socket, uid: config.executor_uid, host: identity.host.clone() };
    let mut ready = Some(Event::AgentReady);
    let board = hub.board().clone();
    let connected = move |is: bool| {
        board.says(Part::Executor, is);
        ready.take_if(|_| is).into_iter().for_each(|event| tracer.emit(event));
    };
    let renewing =
        renew::Parts { places: config.places(), authority: identity.hub_authority.clone(), hub: hub.clone() };
    parts.spawn(renew::keep(renewing));
    let beating = pulse::Parts {
        hub: hub.clone(),
        incidents: incidents.clone(),
        executor: executor.clone(),
        in_force: in_force.clone(),
        logs,
        places: config.places(),
    };
    spawn(parts, pulse::beat(beating));
    let hub_board = hub.board().clone();
    listen(parts, seat.clone(), observer.clone());
    let seat_too = seat.clone();
    parts.spawn(async move { Ok(executor::converse(seat, questions, connected).await?) });
    parts.spawn(async move { Ok(executor::converse(seat_too, asked_to_act, |_| ()).await?) });
    let observing = observe::Parts {
        in_force: in_force.clone(),
        executor: executor.clone(),
        incidents: incidents.clone(),
        shipping: shipping.clone(),
        open: config.places().open(),
        rescan: config.rescan_s.duration(),
        tracer,
    };
    parts.spawn(async move { Ok(observe(observing, news).await?) });
    let standing = standing::Changes::default();
    let alone = alone::Parts {
        incidents: incidents.clone(),
        executor: acting.clone(),
        shipping: shipping.clone(),
        observer: observer.clone(),
        standing: standing.taken(),
        silence,
    };
    spawn(parts, alone::decide(alone));
    spawn(parts, standing::keep(standing.clone(), hub.clone(), acting.clone(), shipping.clone()));
    let changes = papers::Changes::default();
    let keeping = papers::Parts {
        changes: changes.clone(),
        hub: hub.clone(),
        executor: executor.clone(),
        shipping: shipping.clone(),
        observer: observer.clone(),
        in_force,
        places,
        identity,
        config: config.clone(),
    };
    spawn(parts, papers::keep(keeping));
    let following = orders::Parts {
        hub: hub.clone(),
        executor: acting,
        shipping: shipping.clone(),
        observer: observer.clone(),
        standing,
        papers: changes,
    };
    spawn(parts, orders::follow(following));
    spawn(parts, deliver::deliver(incidents, hub.clone(), executor.clone(), shipping.clone()));
    spawn(parts, ship::ship(shipping, executor, hub, tracer, config.alone_after_s.duration()));
    Ok([room, watching(watch, hub_board, observer)?])
}

/// Watches for changes on a thread of its own.
fn watching(watch: Watch, board: pulse::Board, observer: mpsc::Sender<News>) -> Result<Thread, RunError> {
    let work = move |stop: Stop| {
        board.says(Part::Watch, true);
        if let Err(error) = watch.follow(&observer, &stop) {
            board.says(Part::Watch, false);
            tracing::error!(%error, "changes are no longer watched; they are found by full scans");
        }
    };
    Thread::begin("watch", work).map_err(RunError::Thread)
}

/// Opens the line on which the executor says what root alone may watch, and listens.
fn listen(parts: &mut Parts, seat: Seat, observer: mpsc::Sender<News>) {
    let (listening, asked) = executor::channel();
    parts.spawn(async move { Ok(executor::converse(seat, asked, |_| ()).await?) });
    spawn(parts, lookout::follow(listening, observer));
}

fn spawn(parts: &mut Parts, part: impl Future<Output = ()> + Send + 'static) {
    parts.spawn(async move {
        part.await;
        Ok(())
    });
}
