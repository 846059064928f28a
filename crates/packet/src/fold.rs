//! Folds the records of one machine, in the order of its log, into what its month came to.

use std::collections::{BTreeMap, BTreeSet};

use contract::digest::Digest;
use contract::finding::{Finding, Verdict};
use contract::ids::{ControlId, IncidentId};
use contract::record::{
    Body, BreakGlass, DeadManFired, Gap, GlassState, PaperState, PaperTaken, Record, SignalsTaken,
};
use contract::score::{Held, Score};
use contract::time::UtcTime;

use crate::clocks::Clocks;
use crate::episodes::Episodes;
use crate::gaps::{Broken, Listening};
use crate::machine::{At, Glass, Machine, PaperSeen, SignalSeen, Week, Whose};
use crate::month::Span;
use crate::runs::{Runs, TurnedAway};
use crate::witnessed::{WitnessedHead, Witnessing};

pub(crate) const WEEK_MS: u64 = 7 * 24 * 60 * 60 * 1000;

/// What is known after each record. One from after the month changes nothing but what is known of its end, and of gaps in it.
#[derive(Debug)]
pub(crate) struct Fold {
    span: Span,
    /// The controls that a score is over.
    controls: BTreeSet<ControlId>,
    /// The instants before the end of the month at which a score is wanted, ascending; those that have passed have one.
    marks: Vec<UtcTime>,
    /// What was known at each instant that has passed, and whether there was a record.
    passed: Vec<(bool, BTreeMap<ControlId, Held>)>,
    /// How many entries there were at each of them, none counted from after the month.
    sizes: Vec<u64>,
    heard: u64,
    began: bool,
    records: u64,
    bounds: Option<(At, At)>,
    latest: Option<UtcTime>,
    steps_back: u64,
    held: BTreeMap<ControlId, Held>,
    weeks: BTreeMap<ControlId, BTreeMap<u8, Week>>,
    episodes: Episodes,
    runs: Runs,
    turned_away: Vec<TurnedAway>,
    broken: Vec<Broken>,
    listening: Listening,
    signals: BTreeMap<IncidentId, SignalSeen>,
    tells_signals: bool,
    witnessing: Witnessing,
    clocks: Clocks,
    baselines: BTreeSet<Digest>,
    glass: Vec<Glass>,
    papers: Vec<PaperSeen>,
}

impl Fold {
    /// Nothing read yet. `marks` ascend.
    pub(crate) fn new(span: Span, controls: BTreeSet<ControlId>, marks: Vec<UtcTime>) -> Self {
        Self {
            span,
            controls,
            marks,
            passed: Vec::new(),
            sizes: Vec::new(),
            heard: 0,
            began: false,
            records: 0,
            bounds: None,
            latest: None,
            steps_back: 0,
            held: BTreeMap::new(),
            weeks: BTreeMap::new(),
            episodes: Episodes::default(),
            runs: Runs::default(),
            turned_away: Vec::new(),
            broken: Vec::new(),
            listening: Listening::default(),
            signals: BTreeMap::new(),
            tells_signals: false,
            witnessing: Witnessing::default(),
            clocks: Clocks::default(),
            baselines: BTreeSet::new(),
            glass: Vec::new(),
            papers: Vec::new(),
        }
    }

    /// By these heads a witness vouched for it.
    pub(crate) fn witnessed_by(&mut self, heads: Vec<WitnessedHead>) {
        self.witnessing = Witnessing::by(heads);
    }

    /// A record of whatever kind was written then.
    pub(crate) fn hear(&mut self, at: At) {
        self.pass_until(at.time);
        self.began = true;
        if at.time < self.span.to() {
            self.heard = at.seq + 1;
        }
        self.listening.hear(at, self.span);
        if self.span.holds(at.time) {
            self.records += 1;
            self.witnessing.hear(at);
            self.bounds = Some((self.bounds.map_or(at, |(first, _)| first), at));
            self.steps_back += u64::from(self.latest.is_some_and(|latest| at.time < latest));
        }
        self.latest = Some(at.time);
    }

    /// What it says.
    pub(crate) fn take(&mut self, record: &Record) {
        let at = At { seq: record.seq, time: record.time };
        if let Body::Gap(gap) = &record.body {
            self.gap(gap, at);
        }
        if at.time >= self.span.to() {
            return;
        }
        let within = self.span.holds(at.time);
        if within {
            self.clocks.add(record.clock, at);
            self.baselines.extend(record.digests.baseline);
        }
        match &record.body {
            Body::Findings(taken) => taken.findings.iter().for_each(|finding| self.found(finding, at)),
            Body::Accepted(accepted) => {
                self.runs.begun(accepted, at);
                self.episodes.begun(&accepted.control, &accepted.order, &accepted.measured, at);
            }
            Body::Moved(moved) => self.runs.moved(moved, at),
            Body::Escalated(escalated) => self.runs.escalated(escalated, at),
            Body::DeadManFired(DeadManFired { order, target: _ }) => self.runs.undone(order, at),
            Body::Ended(outcome, ended) => {
                self.runs.ended(*outcome, ended, at, self.span);
                self.episodes.ended(*outcome, ended, at, self.span);
            }
            Body::Refused(outcome, refused) if within => {
                self.turned_away.push(TurnedAway::of(*outcome, refused, at));
            }
            Body::Signals(taken) => self.signals(taken, at, within),
            Body::BreakGlass(glass) => self.glass(glass, at),
            Body::PaperTaken(paper) => self.paper(paper, at),
            Body::Recovered(recovered) if within => self.broken.push(Broken::recovered(recovered, at)),
            Body::Restored(restored) if within => self.broken.push(Broken::restored(restored, at)),
            // A gap was looked at. The next three are of another month. Who the log is of, the walk looks at; the rest says nothing that the packet tells.
            Body::Gap(_)
            | Body::Refused(..)
            | Body::Recovered(_)
            | Body::Restored(_)
            | Body::Opened(_)
            | Body::Waiting(_)
            | Body::Intent(_)
            | Body::Resumed(_)
            | Body::Connection(_)
            | Body::StandingTaken(_)
            | Body::PolicyTaken(_)
            | Body::Confined(_)
            | Body::Intruded(_)
            | Body::GenerationHealthy(_)
            | Body::Standing(_)
            | Body::KeyNamed(_)
            | Body::KeyTaken(_)
            | Body::Acted(_)
            | Body::LoggedIn(_)
            | Body::Device(_)
            | Body::Packet(_) => {}
        }
    }

    fn found(&mut self, finding: &Finding, at: At) {
        let Finding { control, fact: _, verdict } = finding;
        self.episodes.found(control, verdict, at, self.span);
        self.late(control, verdict, at);
        self.hold(control, verdict, at);
    }

    fn hold(&mut self, control: &ControlId, verdict: &Verdict, at: At) {
        let held = Held::next(self.held.get(control), verdict, (at.time, at.seq));
        if self.span.holds(at.time) {
            let week = at.time.ms_since(self.span.from()) / WEEK_MS;
            // A month has five weeks at most.
            let week = u8::try_from(week).unwrap_or(u8::MAX);
            self.weeks.entry(control.clone()).or_default().entry(week).or_default().look(verdict, at);
        }
        self.held.insert(control.clone(), held);
    }

    /// Whoever was away in the month may say so when it is over: that is known only then, and is of the month all the same.
    fn gap(&mut self, gap: &Gap, at: At) {
        if self.span.holds(at.time) || self.span.meets(gap.from, gap.until) {
            let (reason, from, until, lost) = (gap.reason, gap.from, gap.until, gap.lost);
            self.broken.push(Broken::Gap { reason, from, until, lost, at });
        }
    }

    /// One signal may stand in two records, under one incident.
    fn signals(&mut self, taken: &SignalsTaken, at: At, within: bool) {
        self.tells_signals = true;
        for signal in taken.signals.iter().filter(|_| within) {
            let seen = || SignalSeen { signal: signal.clone(), at };
            self.signals.entry(signal.incident.clone()).or_insert_with(seen);
        }
    }

    fn glass(&mut self, glass: &BreakGlass, at: At) {
        let BreakGlass { grant, person, reason, uses, .. } = glass.clone();
        match glass.state {
            GlassState::Broken => self.glass.push(Glass { grant, person, reason, began: at, ended: None }),
            GlassState::Ended => {
                if let Some(open) = self.glass.iter_mut().rfind(|open| open.grant == grant) {
                    open.ended = Some((at, uses));
                }
            }
        }
    }

    fn paper(&mut self, paper: &PaperTaken, at: At) {
        let PaperTaken { paper: kind, state, number: _, text } = *paper;
        // What was not approved, or came too late, leaves in force what was.
        if at.time < self.span.from() && state == PaperState::InForce {
            self.papers.retain(|earlier| earlier.kind != kind);
        }
        self.papers.push(PaperSeen { kind, state, text, at });
    }

    /// Keeps what is known at the instants that have passed when something is written at `now`.
    fn pass_until(&mut self, now: UtcTime) {
        while self.marks.get(self.passed.len()).is_some_and(|mark| *mark <= now) {
            self.pass();
        }
    }

    fn pass(&mut self) {
        self.passed.push((self.began, self.held.clone()));
        self.sizes.push(self.heard);
    }

    /// A record from before an instant that has passed already: a clock had been ahead, or was set back.
    fn late(&mut self, control: &ControlId, verdict: &Verdict, at: At) {
        for ((began, held), _) in self.passed.iter_mut().zip(&self.marks).filter(|(_, mark)| at.time < **mark)
        {
            *began = true;
            let next = Held::next(held.get(control), verdict, (at.time, at.seq));
            held.insert(control.clone(), next);
        }
    }

    /// Over the controls that are wanted; what nobody has spoken of is not known.
    fn score(&self, began: bool, held: &BTreeMap<ControlId, Held>, now: UtcTime) -> Option<Score> {
        let count =
            |control| held.get(control).map_or(contract::score::Counted::Unknown, |held| held.count(now));
        began.then(|| Score::of(self.controls.iter().map(count)))
    }

    /// What the month came to, over a log of this size.
    pub(crate) fn end(mut self, whose: Whose, size: u64, unread: u64) -> Machine {
        while self.passed.len() < self.marks.len() {
            self.pass();
        }
        let earlier =
            self.passed.iter().zip(&self.marks).map(|((began, held), mark)| self.score(*began, held, *mark));
        // The month's own end is scored over all that was written before it, however the clock went meanwhile.
        let scores = earlier.chain([self.score(self.heard > 0, &self.held, self.span.to())]).collect();
        self.sizes.push(self.heard);
        let from = self.span.from();
        self.glass.retain(|glass| glass.ended.is_none_or(|(ended, _)| ended.time >= from));
        Machine {
            whose,
            span: self.span,
            size,
            records: self.records,
            bounds: self.bounds,
            steps_back: self.steps_back,
            unread,
            held: self.held,
            scores,
            sizes: self.sizes,
            weeks: self.weeks,
            episodes: self.episodes.end_of_month(),
            runs: self.runs.end_of_month(),
            turned_away: self.turned_away,
            broken: self.broken,
            since: self.listening.since(self.span),
            silences: self.listening.end(self.span),
            baselines: self.baselines,
            signals: in_order(self.signals),
            tells_signals: self.tells_signals,
            witnessed: self.witnessing.end(),
            clocks: self.clocks,
            glass: self.glass,
            papers: self.papers,
        }
    }
}

/// By the records that tell them.
fn in_order(signals: BTreeMap<IncidentId, SignalSeen>) -> Vec<SignalSeen> {
    let mut all: Vec<_> = signals.into_values().collect();
    all.sort_by(|a, b| (a.at.seq, &a.signal.incident).cmp(&(b.at.seq, &b.signal.incident)));
    all
}
