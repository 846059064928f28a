//! The watch: the kernel and the bus say what was touched, and only the facts that hang on it are looked at again.
//!
//! Nothing here asks whether something has changed, with a few exceptions, each of which the kernel leaves no other way: it announces no new listening
//! socket ([`sockets`]), no process that is made to stand still ([`Standstill`]), to a confined service no kernel parameter ([`Parameters`]), and no room
//! that runs out, no certificate that ages and no clock that drifts ([`facts::Input::Every`]).

mod bus;
mod sockets;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::{self, Read as _};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use changes::{Ear, Interests, Live, Parameters, Paths, Standstill, Stir};
use contract::fact::FactId;
use facts::Reader;
use rustix::event::{PollFd, PollFlags};
use tokio::sync::mpsc;

use crate::in_force::InForce;
use crate::look::Looker;
use crate::observe::News;
use crate::thread::Stop;
use bus::Bus;
use sockets::Sockets;

/// One change often makes several events.
const SETTLE: Duration = Duration::from_millis(20);
/// Something that changes without end is looked at once a second: it must not fill the evidence log.
const SETTLE_WHEN_BUSY: Duration = Duration::from_secs(1);
const BUSY: usize = 20;
const BUSY_WITHIN: Duration = Duration::from_secs(10);
/// How often what could not be watched is tried again.
const REARM: Duration = Duration::from_secs(60);
/// How often the kernel is asked for the listening sockets, and for processes that stand still.
const ASKED: Duration = Duration::from_secs(1);
/// How often kernel parameters are read.
const PARAMETERS: Duration = Duration::from_millis(500);

/// All that is listened to.
#[derive(Debug)]
pub struct Watch {
    reader: Reader,
    wanted: Vec<FactId>,
    /// What says what is wanted.
    rule: Option<Rule>,
    bus_at: std::path::PathBuf,
    interests: Interests,
    paths: Paths,
    ears: Vec<Ear>,
    bus: Option<Bus>,
    sockets: Option<Sockets>,
    /// When the facts that nothing announces are looked at again.
    due: BTreeMap<FactId, Instant>,
    rearm_at: Instant,
    standstill: Standstill,
    asked_at: Instant,
    parameters: Parameters,
    parameters_at: Instant,
    recent: VecDeque<Instant>,
}

/// What says which facts are wanted, what it said last, and what rings when it says something else.
#[derive(Debug)]
struct Rule {
    in_force: InForce,
    last: Arc<Looker>,
    bell: UnixStream,
}

impl Watch {
    /// Listens from now on to what `wanted` hang on. Whoever looks at the machine after this misses no change.
    pub fn arm(config: facts::Config, wanted: Vec<FactId>) -> io::Result<Self> {
        let now = Instant::now();
        let mut watch = Self {
            bus_at: config.root.path(bus::SOCKET),
            standstill: Standstill::new(config.root.clone()),
            reader: Reader::new(config),
            wanted,
            rule: None,
            interests: Interests::default(),
            paths: Paths::new()?,
            ears: Vec::new(),
            bus: None,
            sockets: None,
            due: BTreeMap::new(),
            rearm_at: now,
            asked_at: now + ASKED,
            parameters: Parameters::default(),
            parameters_at: now + PARAMETERS,
            recent: VecDeque::new(),
        };
        watch.rearm();
        watch.listen();
        Ok(watch)
    }

    /// Listens, as [`Watch::arm`] does, to what the baseline asks for that is in force, and from then on to what one asks for that takes its place.
    pub fn arm_for(config: facts::Config, in_force: InForce) -> io::Result<Self> {
        let (bell, last) = (in_force.bell()?, in_force.now());
        let watch = Self::arm(config, last.all())?;
        Ok(Self { rule: Some(Rule { in_force, last, bell }), ..watch })
    }

    fn listen(&mut self) {
        // Of these the kernel tells root alone, and the executor listens for us.
        let ours = |stir: &&Stir| !matches!(stir, Stir::Firewall | Stir::Audit);
        self.ears = self.interests.stirs().filter(ours).filter_map(changes::listen).collect();
        let wanted = self.interests.stirs().any(|stir| *stir == Stir::Sockets);
        if wanted && self.sockets.is_none() {
            let asked = Sockets::ask().inspect_err(|error| {
                tracing::warn!(%error, "listening sockets are not watched: changes are found by the next full scan");
            });
            self.sockets = asked.ok();
        }
    }

    /// Where another baseline is in force, listens to what its facts hang on; those may have changed before.
    fn follow_rule(&mut self) -> BTreeSet<FactId> {
        let Some(Rule { in_force, last, bell }) = &mut self.rule else { return BTreeSet::new() };
        // It does not block, and what it rang for is looked at next.
        while bell.read(&mut [0; 64]).is_ok_and(|n| n > 0) {}
        let now = in_force.now();
        if Arc::ptr_eq(&now, last) {
            return BTreeSet::new();
        }
        let before = std::mem::replace(&mut self.wanted, now.all());
        *last = now;
        let mut touched = self.rearm();
        self.listen();
        // Whoever looked before this may have missed a change since: what nobody asked for before is looked at once more.
        touched.extend(self.wanted.iter().filter(|fact| !before.contains(fact)).cloned());
        touched
    }

    /// Tells the observer until told to stop. Blocks: for a thread of its own.
    pub fn follow(mut self, observer: &mpsc::Sender<News>, stop: &Stop) -> io::Result<()> {
        loop {
            let Some(stirred) = stop.wait_any(&self.fds(), self.idle()) else { return Ok(()) };
            let mut touched = self.heard(&stirred)?;
            touched.extend(self.follow_rule());
            touched.extend(self.timely());
            if touched.is_empty() {
                continue;
            }
            if stop.within(self.settle()) {
                return Ok(());
            }
            touched.extend(self.paths.pending(&self.interests)?);
            // What was made anew has to be watched anew, and what is watched may follow from what changed.
            touched.extend(self.rearm_for(&touched));
            if observer.blocking_send(News::Changed(touched)).is_err() {
                return Ok(());
            }
        }
    }

    /// First the paths, then the bus where there is one, then the ears, then the bell.
    fn fds(&self) -> Vec<PollFd<'_>> {
        let bus = self.bus.as_ref().map(|bus| PollFd::new(bus, PollFlags::IN));
        let paths = PollFd::new(&self.paths, PollFlags::IN);
        let bell = self.rule.iter().map(|rule| PollFd::new(&rule.bell, PollFlags::IN));
        [paths].into_iter().chain(bus).chain(self.ears.iter().map(Ear::poll)).chain(bell).collect()
    }

    fn heard(&mut self, stirred: &[bool]) -> io::Result<BTreeSet<FactId>> {
        let mut stirred = stirred.iter().copied();
        let mut touched = BTreeSet::new();
        if stirred.next() == Some(true) {
            touched.extend(self.paths.pending(&self.interests)?);
        }
        let mut stirs = Vec::new();
        if let Some(bus) = &self.bus
            && stirred.next() == Some(true)
        {
            match bus.heard() {
                Some(heard) if heard.contains(&Stir::AllUnits) => stirs.extend(bus::all_of(&self.interests)),
                Some(heard) => stirs.extend(heard),
                None => {
                    tracing::warn!("the system bus went away");
                    self.bus = None;
                    stirs.extend(bus::all_of(&self.interests));
                }
            }
        }
        for (ear, stirred) in self.ears.iter().zip(stirred) {
            if stirred {
                stirs.extend(ear.heard()?);
            }
        }
        touched.extend(stirs.iter().flat_map(|stir| self.interests.stirred(stir)).cloned());
        Ok(touched)
    }

    /// What has to be asked for, because its time has come.
    fn timely(&mut self) -> BTreeSet<FactId> {
        let now = Instant::now();
        let mut touched: BTreeSet<FactId> =
            self.due.iter().filter(|(_, at)| **at <= now).map(|(fact, _)| fact.clone()).collect();
        for fact in &touched {
            // Those of one period stay together, so that one look serves them all.
            self.due.remove(fact);
        }
        if self.asked_at <= now {
            self.asked_at = now + ASKED;
            let sockets = self.sockets.as_mut().is_some_and(Sockets::changed).then_some(Stir::Sockets);
            for stir in sockets.into_iter().chain(self.standstill.changed()) {
                touched.extend(self.interests.stirred(&stir).cloned());
            }
        }
        if self.parameters_at <= now {
            self.parameters_at = now + PARAMETERS;
            for stir in self.parameters.changed() {
                touched.extend(self.interests.stirred(&stir).cloned());
            }
        }
        if self.rearm_at <= now {
            touched.extend(self.rearm());
        }
        touched
    }

    /// How long nothing has to be done without an event.
    fn idle(&self) -> Duration {
        let is_asked = self.sockets.is_some() || !self.standstill.is_empty();
        let asked = is_asked.then_some(self.asked_at);
        let parameters = (!self.parameters.is_empty()).then_some(self.parameters_at);
        let next =
            self.due.values().copied().chain(asked).chain(parameters).fold(self.rearm_at, Instant::min);
        next.saturating_duration_since(Instant::now())
    }

    fn settle(&mut self) -> Duration {
        let now = Instant::now();
        self.recent.retain(|t| now.duration_since(*t) < BUSY_WITHIN);
        self.recent.push_back(now);
        if self.recent.len() > BUSY { SETTLE_WHEN_BUSY } else { SETTLE }
    }

    /// Asks anew what the facts hang on, and listens to what is not listened to yet; the facts about that, which may have changed meanwhile.
    fn rearm(&mut self) -> BTreeSet<FactId> {
        let now = Instant::now();
        self.rearm_at = now + REARM;
        let wanted: Vec<_> =
            self.wanted.iter().map(|fact| (fact.clone(), self.reader.inputs(fact))).collect();
        self.interests = Interests::of(&wanted, &Live);
        self.armed()
    }

    /// As [`Self::rearm`], for what was touched alone. Whatever leads to what a fact hangs on is watched for that fact, so nothing else can have moved.
    fn rearm_for(&mut self, touched: &BTreeSet<FactId>) -> BTreeSet<FactId> {
        let changed = self.wanted.iter().filter(|fact| touched.contains(fact));
        let changed: Vec<_> = changed.map(|fact| (fact.clone(), self.reader.inputs(fact))).collect();
        self.interests.renew(&changed, &Live);
        self.armed()
    }

    fn armed(&mut self) -> BTreeSet<FactId> {
        let now = Instant::now();
        let every = self.interests.every();
        self.due.retain(|fact, _| every.contains_key(fact));
        for (fact, period) in every {
            self.due.entry(fact.clone()).or_insert(now + *period);
        }
        if self.bus.is_none() && self.interests.stirs().any(bus::is_told_there) && self.bus_at.exists() {
            self.bus = Bus::listen(&self.bus_at).ok();
        }
        self.parameters.want(&self.interests);
        self.standstill.want(&self.interests);
        self.paths.arm(&self.interests)
    }
}
