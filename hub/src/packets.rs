//! Packets: what a month of a tenant came to, made of verified evidence alone, kept byte for byte, told of in the hub's own log, mailed and acknowledged.
//!
//! | module | what it does |
//! |---|---|
//! | `profiles` | `packets.yaml`: by whose clock, how they look, who gets them |
//! | `gather` | each log walked to its head, and what the hub knows beside them |
//! | `make` | one packet in all its forms |
//! | `typeset` | the program that makes the PDF |
//! | `store` | the packets that were made |
//! | `schedule` | what is due by itself: months and weeks that are over, records, mail |
//! | `mail` | the letter that says where a packet is |
//!
//! A packet is kept first and told of in the hub's own log next; nobody is shown it before. Where the hub is ended in between, the next look tells of it.

mod faults;
mod gather;
mod mail;
mod make;
mod profiles;
mod schedule;
mod store;
mod typeset;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use contract::digest::Digest;
use contract::exception::Prose;
use contract::ids::{OperatorId, TenantId};
use contract::packet::{PacketKind, PacketProgress, PacketView};
use contract::record::{Body, PacketNoted, PacketWhat};
use contract::time::UtcTime;
use packet::{Corrects, Month, Span};
use queue::writer::OpenError;
use thiserror::Error;

pub(crate) use faults::Fault;
pub(crate) use make::MakeError;
pub(crate) use profiles::Profiles;
pub use profiles::ProfilesError;
pub(crate) use schedule::{deliver, run};
pub(crate) use store::{FILE, KeptError, SCHEMA, Unstored};
pub(crate) use typeset::Typesetter;

use crate::hub::Hub;
use crate::people::{OwnLogError, OwnReadError, Scope};
use faults::Faults;
use gather::Progress;
use make::{What, make};
use profiles::Profile;
use store::{Kept, Made, Unrecorded};

/// The packets, and who is making one.
#[derive(Debug)]
pub(crate) struct Packets {
    kept: Kept,
    profiles: Profiles,
    typesetter: Typesetter,
    /// One packet of a tenant at a time, so that two that ask for the same get the same.
    turns: Mutex<HashMap<TenantId, Arc<tokio::sync::Mutex<()>>>>,
    progress: Mutex<HashMap<TenantId, Arc<Progress>>>,
    /// Held by whoever writes into the hub's own log about packets.
    recording: tokio::sync::Mutex<()>,
    /// The last preview: its files are asked for one after the other.
    previewed: Mutex<Option<Previewed>>,
    faults: Faults,
}

/// What the packet of the month would have been, a moment ago.
#[derive(Debug)]
struct Previewed {
    tenant: TenantId,
    at: Instant,
    files: BTreeMap<&'static str, Vec<u8>>,
}

/// For so long a preview is good for the files that are asked for next.
const PREVIEW_GOOD: Duration = Duration::from_secs(60);

/// Why there is no packet.
#[derive(Debug, Error)]
pub(crate) enum PacketFault {
    /// The month is not over, by the tenant's clock.
    #[error("{month} is over at {over}, by the clock of {zone}: until then there is a preview")]
    NotOver {
        /// Which.
        month: Month,
        /// When it is.
        over: UtcTime,
        /// By which clock.
        zone: String,
    },
    /// There is nothing to correct.
    #[error("there is no packet of {0} that could be corrected: make it first")]
    NothingToCorrect(Month),
    /// No machine of the tenant has a record from before the end of the period.
    #[error(
        "the hub holds no evidence of this tenant from before the end of this time: look at `suture status`"
    )]
    NoEvidence,
    /// What is kept is not what was made.
    #[error(
        "packet {0} is not what the hub's own log says that it was when it was made: restore packets.db from a backup"
    )]
    Altered(String),
    /// The hub's own log cannot be read.
    #[error("the hub's own log")]
    OwnLog(#[source] OwnReadError),
    /// It cannot be made.
    #[error(transparent)]
    Make(#[from] MakeError),
    /// The packets did not answer.
    #[error(transparent)]
    Kept(#[from] KeptError),
    /// The hub's own log did not take it.
    #[error(transparent)]
    Log(#[from] OwnLogError),
    /// No random id could be drawn.
    #[error("this machine's random generator does not answer")]
    Random(#[from] std::io::Error),
}

impl Packets {
    /// Opens the packets in the hub's directory.
    pub(crate) fn open(
        directory: &Path,
        profiles: Profiles,
        typesetter: Typesetter,
    ) -> Result<Self, OpenError> {
        let kept = Kept::open(directory)?;
        let (turns, progress) = (Mutex::default(), Mutex::default());
        let (recording, previewed, faults) = Default::default();
        Ok(Self { kept, profiles, typesetter, turns, progress, recording, previewed, faults })
    }

    /// Keeps a text of exceptions before any machine is told of it, so that packets can say what was accepted.
    pub(crate) async fn keep_exceptions(
        &self,
        tenant: &TenantId,
        text: &str,
        now: UtcTime,
    ) -> Result<(), KeptError> {
        self.kept.keep_exceptions(tenant.clone(), text.to_owned(), now).await
    }

    /// All packets of a tenant, the newest first.
    pub(crate) async fn of_tenant(&self, tenant: Scope<TenantId>) -> Result<Vec<PacketView>, KeptError> {
        self.kept.of_tenant(tenant).await
    }

    /// The newest packets within reach.
    pub(crate) async fn within(
        &self,
        reach: Scope<contract::people::Reach>,
    ) -> Result<Vec<PacketView>, KeptError> {
        self.kept.within(reach).await
    }

    /// A file of a packet, the same bytes each time.
    pub(crate) async fn file(
        &self,
        tenant: Scope<TenantId>,
        id: String,
        name: String,
    ) -> Result<Option<(Digest, Vec<u8>)>, KeptError> {
        self.kept.file(tenant, id, name).await
    }

    /// The first packet after that one which does not lie in that write-once store yet.
    pub(crate) async fn unstored(
        &self,
        store: &'static str,
        after: i64,
    ) -> Result<Option<Unstored>, KeptError> {
        self.kept.unstored(store, after).await
    }

    /// What is wrong with packets now: they cannot be made, printed, mailed or stored, or were altered.
    pub(crate) async fn faults(&self, now: UtcTime) -> Result<Vec<Fault>, KeptError> {
        self.faults.all(&self.kept, now).await
    }

    /// Whose packets do not lie in that store after a look at all of them, and why.
    pub(crate) fn store_says(&self, store: &'static str, wrong: Vec<Fault>) {
        self.faults.say_all(store, wrong);
    }

    /// It lies there.
    pub(crate) async fn stored(&self, packet: i64, store: &'static str) -> Result<(), KeptError> {
        self.kept.stored(packet, store).await
    }

    /// How far the packet of a tenant that is being made has come; none where none is.
    pub(crate) fn progress(&self, tenant: &TenantId) -> Option<PacketProgress> {
        self.progress
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(tenant)
            .map(|progress| progress.view())
    }

    /// Held to look and to put only: one tenant's preview waits for no other's.
    fn previewed(&self) -> MutexGuard<'_, Option<Previewed>> {
        self.previewed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn turn(&self, tenant: &TenantId) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(turns.entry(tenant.clone()).or_default())
    }

    /// Shows how far a packet has come, for as long as what is given back lives.
    fn begin(&self, tenant: &TenantId) -> (Arc<Progress>, Showing<'_>) {
        let progress = Arc::new(Progress::default());
        self.progress
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(tenant.clone(), Arc::clone(&progress));
        (progress, Showing { packets: self, tenant: tenant.clone() })
    }

    fn profile(&self, hub: &Hub, tenant: &TenantId) -> Profile {
        self.profiles.of(tenant, hub.name.as_str())
    }
}

/// A packet that is being made is shown until this is dropped.
struct Showing<'p> {
    packets: &'p Packets,
    tenant: TenantId,
}

impl Drop for Showing<'_> {
    fn drop(&mut self) {
        self.packets.progress.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.tenant);
    }
}

/// What is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) month: Month,
    /// Why the one that is there has to be corrected.
    pub(crate) corrects: Option<Prose>,
    /// Who asks; none where the hub does by itself.
    pub(crate) by: Option<OperatorId>,
}

/// The packet of a month that is over: the one that is there, or a new one.
pub(crate) async fn of_month(
    hub: &Arc<Hub>,
    tenant: Scope<TenantId>,
    asked: Asked,
) -> Result<PacketView, PacketFault> {
    let turn = hub.packets.turn(&tenant);
    let _held = turn.lock().await;
    // What was kept and not told of is told of first, and then it is the one that is there.
    record(hub).await?;
    let profile = hub.packets.profile(hub, &tenant);
    let span = asked.month.span(&profile.zone);
    if span.to() > edge::clock::utc() {
        let (month, over, zone) = (asked.month, span.to(), profile.zone.name().to_owned());
        return Err(PacketFault::NotOver { month, over, zone });
    }
    let period = asked.month.to_string();
    let there = hub.packets.kept.newest(tenant.clone(), PacketKind::Month, period.clone()).await?;
    let (number, corrects, named) = match (there, &asked.corrects, &asked.by) {
        (Some(there), None, _) => return Ok(there),
        (None, None, _) => (1, None, None),
        (Some(there), Some(reason), Some(person)) => {
            let json = there.files.iter().find(|file| file.name == "packet.json").map(|file| file.digest);
            let digest = json.ok_or_else(|| PacketFault::Altered(there.id.clone()))?;
            let corrects =
                Corrects { number: there.number, digest, reason: reason.to_string(), person: person.clone() };
            (there.number + 1, Some(corrects), Some(there.id))
        }
        (None | Some(_), Some(_), _) => return Err(PacketFault::NothingToCorrect(asked.month)),
    };
    let what = What { kind: PacketKind::Month, month: asked.month, span, preview: false, number, corrects };
    keep(hub, tenant, what, profile, Keeping { period, corrects: named, by: asked.by }).await
}

/// The postcard of a week that is over.
async fn of_week(
    hub: &Arc<Hub>,
    tenant: Scope<TenantId>,
    period: String,
    span: Span,
) -> Result<PacketView, PacketFault> {
    let turn = hub.packets.turn(&tenant);
    let _held = turn.lock().await;
    record(hub).await?;
    if let Some(there) = hub.packets.kept.newest(tenant.clone(), PacketKind::Week, period.clone()).await? {
        return Ok(there);
    }
    let profile = hub.packets.profile(hub, &tenant);
    let month = Month::of(span.from(), &profile.zone);
    let what = What { kind: PacketKind::Week, month, span, preview: false, number: 1, corrects: None };
    keep(hub, tenant, what, profile, Keeping { period, corrects: None, by: None }).await
}

/// A file of what the packet of the current month would be now. Nothing of it is kept, and no record tells of it.
pub(crate) async fn preview(
    hub: &Arc<Hub>,
    tenant: Scope<TenantId>,
    name: &str,
) -> Result<Option<Vec<u8>>, PacketFault> {
    let turn = hub.packets.turn(&tenant);
    let _held = turn.lock().await;
    let good = |there: &&Previewed| there.tenant == *tenant && there.at.elapsed() < PREVIEW_GOOD;
    if let Some(there) = hub.packets.previewed().as_ref().filter(good) {
        return Ok(there.files.get(name).cloned());
    }
    let profile = hub.packets.profile(hub, &tenant);
    let now = edge::clock::utc();
    let month = Month::of(now, &profile.zone);
    let span = month.until(now, &profile.zone).unwrap_or_else(|| month.span(&profile.zone));
    let what = What { kind: PacketKind::Month, month, span, preview: true, number: 1, corrects: None };
    let (progress, _showing) = hub.packets.begin(&tenant);
    let written = make(hub, tenant.clone(), what, profile, progress).await?;
    let files = written.files;
    let file = files.get(name).cloned();
    *hub.packets.previewed() = Some(Previewed { tenant: (*tenant).clone(), at: Instant::now(), files });
    Ok(file)
}

/// How a packet is kept.
struct Keeping {
    period: String,
    corrects: Option<String>,
    by: Option<OperatorId>,
}

async fn keep(
    hub: &Arc<Hub>,
    tenant: Scope<TenantId>,
    what: What,
    profile: Profile,
    keeping: Keeping,
) -> Result<PacketView, PacketFault> {
    let (kind, serial, mail) = (what.kind, what.number, profile.mail.clone());
    let replaces = what.corrects.as_ref().map(|corrects| corrects.digest);
    let (progress, _showing) = hub.packets.begin(&tenant);
    let written = match make(hub, tenant.clone(), what, profile, progress).await {
        Err(MakeError::NoEvidence) => return Err(PacketFault::NoEvidence),
        written => written?,
    };
    let id = format!("p-{}", edge::random::opaque()?);
    let made = Made {
        id: id.clone(),
        tenant: (*tenant).clone(),
        kind,
        period: keeping.period.clone(),
        serial,
        corrects: keeping.corrects,
        replaces,
        by: keeping.by,
        time: edge::clock::utc(),
        digest: written.digest,
        files: written.files,
        no_pdf: written.no_pdf,
        mail,
    };
    hub.packets.kept.keep(made).await?;
    record(hub).await?;
    tracing::info!(tenant = %*tenant, id, period = keeping.period, "a packet was made");
    let there = hub.packets.kept.newest(tenant, kind, keeping.period).await?;
    let mut view = there.ok_or(PacketFault::NoEvidence)?;
    (view.again, view.took) = (false, Some(written.took));
    Ok(view)
}

/// Tells of every packet of which the hub's own log does not tell yet. One at a time: each is told of once.
async fn record(hub: &Hub) -> Result<(), PacketFault> {
    let _alone = hub.packets.recording.lock().await;
    for told in hub.packets.kept.unrecorded().await? {
        let number = told.number;
        let seq = hub.people.log.append(Body::Packet(noted(told)), edge::clock::utc()).await?;
        hub.packets.kept.recorded(number, seq).await?;
    }
    Ok(())
}

/// What the hub's own log says of a packet that was made.
fn noted(told: Unrecorded) -> PacketNoted {
    let Unrecorded { number: _, tenant, kind, period, serial, digest, corrects, files } = told;
    let files = Digest::of(files.as_bytes());
    PacketNoted {
        tenant,
        packet: kind,
        period,
        number: serial,
        digest,
        files,
        corrects,
        what: PacketWhat::Made,
    }
}

/// What the hub's own log says of a packet, where the packet and these of its files (names and bytes, as they are about to leave) are what it says
/// that they were when it was made: nothing else is given out, mailed or stored.
pub(crate) async fn borne_out(
    hub: &Hub,
    id: &str,
    files: &[(String, Vec<u8>)],
) -> Result<PacketNoted, PacketFault> {
    let altered = || PacketFault::Altered(id.to_owned());
    let (seq, told) = hub.packets.kept.told(id.to_owned()).await?.ok_or_else(altered)?;
    let record = hub.people.log.record(seq).await.map_err(PacketFault::OwnLog)?;
    let listed = |(name, bytes): &(String, Vec<u8>)| {
        let line = store::line(name, &Digest::of(bytes));
        told.files.lines().any(|there| there == line)
    };
    if !files.iter().all(listed) {
        return Err(altered());
    }
    match record.map(|record| record.body) {
        Some(Body::Packet(there)) if there == noted(told) => Ok(there),
        Some(_) | None => Err(altered()),
    }
}

/// Somebody has read a packet: recorded first, shown next. None where the tenant has no such packet.
pub(crate) async fn acknowledge(
    hub: &Hub,
    tenant: Scope<TenantId>,
    id: String,
    person: OperatorId,
) -> Result<Option<PacketView>, PacketFault> {
    let _alone = hub.packets.recording.lock().await;
    let Some(view) = hub.packets.kept.one(tenant.clone(), id.clone()).await? else { return Ok(None) };
    if view.acknowledged.iter().any(|there| there.person == person) {
        return Ok(Some(view));
    }
    let made = borne_out(hub, &id, &[]).await?;
    let now = edge::clock::utc();
    let noted = PacketNoted { what: PacketWhat::Acknowledged(person.clone()), ..made };
    hub.people.log.append(Body::Packet(noted), now).await?;
    hub.packets.kept.acknowledge(tenant.clone(), id.clone(), person, now).await?;
    Ok(hub.packets.kept.one(tenant, id).await?)
}
