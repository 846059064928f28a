//! Whole months of a made-up clinic: as many controls, incidents and gaps as are asked for. The same scene makes the same bytes, always.

use std::collections::{BTreeMap, BTreeSet};

use contract::baseline::{Baseline, Control};
use contract::fact::FactValue;
use contract::finding::Verdict;
use contract::ids::{ControlId, RunbookId};
use contract::outcome::Outcome;
use contract::record::{Moved, Resolution, RunState};
use contract::signal::SignalKind;
use contract::time::{ClockOffset, UtcTime};

use super::{FAIL, Log, PASS, UNSEEN, accepted, ended, findings, october, signal};
use crate::{
    Act, Brand, Cosigned, Cover, Input, Logged, Month, Outside, Packet, Rule, Silent, SilentReason, Walk,
    Whose, Zone,
};

const BASELINE: &str = include_str!("../../../../baseline/hipaa-v1.yaml");
const RULE: &str = include_str!("../../../../baseline/hipaa-security-rule.csv");
const HOUR_MS: u64 = 3_600_000;
/// What detectors notice on each machine.
const SIGNALS: [(&str, SignalKind, u32); 4] = [
    ("ssh.failed-logins", SignalKind::FailedLogins, 12),
    ("ssh.failed-logins", SignalKind::FailedLogins, 7),
    ("accounts.administrator-added", SignalKind::AccountChange, 1),
    ("backup.failed", SignalKind::BackupFailed, 1),
];
/// Findings in one record, as the executor writes them.
const PART: usize = 60;

/// A name in many scripts, with a sign that no font draws and what would be markup elsewhere.
const ANY_SCRIPT: &str = "Клиника «Ромашка» · 山田クリニック · 서울의원 · عيادة النور · मंदिर · Θεραπεία · מרפאה 😀 <b>#panic(1)</b>";

/// What month to make.
#[derive(Debug, Clone)]
pub struct Scene {
    /// The clinic's name.
    pub client: String,
    /// Its machines.
    pub hosts: Vec<String>,
    /// Machines without a log.
    pub silent: Vec<String>,
    /// So many of the shipped controls, from the first on.
    pub controls: usize,
    /// Controls that failed, over all machines.
    pub incidents: usize,
    /// So much of the month no record was written, of a hundred.
    pub gap_percent: u64,
    /// A full look every so many hours.
    pub every_hours: u64,
    /// The first month in which there are records.
    pub since: Month,
}

impl Default for Scene {
    fn default() -> Self {
        Self {
            client: "Riverside Family Practice".into(),
            hosts: vec!["front-desk".into(), "records".into()],
            silent: Vec::new(),
            controls: 104,
            incidents: 14,
            gap_percent: 0,
            every_hours: 2,
            since: "2026-08".parse().unwrap(),
        }
    }
}

impl Scene {
    /// The months that are set, validated and looked at, each with its name.
    pub fn all() -> [(&'static str, Self); 6] {
        let usual = Self::default;
        [
            ("usual", usual()),
            ("one-control", Self { controls: 1, incidents: 0, hosts: vec!["front-desk".into()], ..usual() }),
            ("sixty-controls", Self { controls: 60, incidents: 30, silent: vec!["lab".into()], ..usual() }),
            ("many-incidents", Self { incidents: 5000, every_hours: 12, ..usual() }),
            ("gaps", Self { gap_percent: 40, incidents: 20, ..usual() }),
            ("any-script", Self { client: ANY_SCRIPT.into(), ..usual() }),
        ]
    }

    /// The month that it is of.
    pub fn month() -> Month {
        "2026-10".parse().unwrap()
    }

    /// The clock that it is by.
    pub fn zone() -> Zone {
        Zone::named("America/Chicago").unwrap()
    }

    /// The controls: the shipped baseline, cut off after so many.
    pub fn baseline(&self) -> Baseline {
        let mut cut = BASELINE.match_indices("\n  - id: ").map(|(place, _)| place + 1);
        let text = cut.nth(self.controls).map_or(BASELINE, |end| &BASELINE[..end]);
        Baseline::parse("baseline/hipaa-v1.yaml", text).unwrap()
    }

    /// Who hands it over.
    pub fn brand() -> Brand {
        Brand {
            name: "Lakeshore Managed IT".into(),
            contact: "help@lakeshore.example, +1 312 555 0100".into(),
            colour: "#1f3a5f".into(),
            logo: None,
        }
    }

    /// The log of each machine.
    pub fn logs(&self) -> Vec<Log> {
        let baseline = self.baseline();
        (0..self.hosts.len()).map(|place| self.log(place, &baseline)).collect()
    }

    fn whose(&self, place: usize) -> Whose {
        Whose {
            tenant: "riverside".parse().unwrap(),
            site: "main-street".parse().unwrap(),
            host: self.hosts[place].parse().unwrap(),
        }
    }

    fn log(&self, place: usize, baseline: &Baseline) -> Log {
        let span = Self::month().span(&Self::zone());
        let begins = self.since.span(&Self::zone()).from();
        let mut log = Log::of(self.whose(place), begins.plus_ms(60_000));
        let gap = self.gap();
        let controls = baseline.controls();
        let mut incidents = (0..self.incidents).filter(|i| i % self.hosts.len() == place).peekable();
        let mut now = begins.plus_ms(HOUR_MS);
        // Two days of looks before the month will do for its beginning.
        now = now
            .max(UtcTime::from_unix_ms(span.from().unix_ms() - 48 * 3_600_000).unwrap())
            .max(begins.plus_ms(HOUR_MS));
        let mut noticed = SIGNALS.into_iter().enumerate();
        while now < span.to() {
            if !gap.is_some_and(|(from, to)| from <= now && now < to) {
                Self::look(&mut log, now, controls);
            }
            let next = now.plus_ms(self.every_hours * HOUR_MS);
            // One after each look of the month's beginning, until all have fired.
            if span.holds(now)
                && let Some((n, (detector, kind, count))) = noticed.next()
            {
                let (incident, when) = (format!("s-{place}-{n}"), now.plus_ms(60_000));
                log.add(
                    when,
                    ClockOffset::SynchronisedWithinMs(3),
                    signal(&incident, detector, kind, count, when),
                );
            }
            while let Some(i) = incidents.next_if(|i| self.when(*i) < next) {
                let when = self.when(i).max(now.plus_ms(120_000));
                if !gap.is_some_and(|(from, to)| from <= when && when < to) {
                    self.incident(&mut log, i, when, &controls[i % controls.len()]);
                }
            }
            now = next;
        }
        log
    }

    /// When an incident comes.
    fn when(&self, i: usize) -> UtcTime {
        let span = Self::month().span(&Self::zone());
        span.from().plus_ms(span.ms() / (self.incidents as u64 + 1) * (i as u64 + 1))
    }

    /// From the fifth day on.
    fn gap(&self) -> Option<(UtcTime, UtcTime)> {
        let span = Self::month().span(&Self::zone());
        let from = span.from().plus_ms(4 * 24 * HOUR_MS);
        (self.gap_percent > 0).then(|| (from, from.plus_ms(span.ms() / 100 * self.gap_percent)))
    }

    fn look(log: &mut Log, now: UtcTime, controls: &[Control]) {
        for (place, part) in controls.chunks(PART).enumerate() {
            let seen: Vec<(ControlId, Verdict)> = part
                .iter()
                .enumerate()
                .map(|(i, control)| (control.id.clone(), verdict(place * PART + i, control)))
                .collect();
            log.add(now.plus_ms(place as u64), ClockOffset::SynchronisedWithinMs(3), findings(&seen));
        }
    }

    fn incident(&self, log: &mut Log, i: usize, when: UtcTime, control: &Control) {
        let clock = ClockOffset::SynchronisedWithinMs(3);
        let order = format!("o-{i}");
        log.add(when, clock, findings(&[(control.id.clone(), FAIL)]));
        let mended = || findings(&[(control.id.clone(), PASS)]);
        // One of seven is nobody's to repair, one of eleven is undone, and the last goes on.
        if i + 1 == self.incidents {
            return;
        }
        if i % 7 == 3 {
            return log.add(when.plus_ms(5_400_000), clock, mended());
        }
        let runbook = control.runbook.as_ref().map_or("RB-TIME-001-sync", RunbookId::as_str);
        log.add(when.plus_ms(400), clock, accepted(&order, &control.id, runbook));
        let later = when.plus_ms(400 + 300 * (i as u64 % 40 + 1));
        if i % 11 == 5 {
            let undoing = Moved { order: order.parse().unwrap(), to: RunState::Reverting };
            log.add(later, clock, contract::record::Body::Moved(undoing));
            let fails = Resolution::Fails(FactValue::Flag(false));
            log.add(later.plus_ms(900), clock, ended(&order, &control.id, Outcome::Reverted, fails));
            return log.add(later.plus_ms(3_000_000), clock, mended());
        }
        let passes = Resolution::Passes(FactValue::Flag(true));
        log.add(later, clock, ended(&order, &control.id, Outcome::Healed, passes));
        log.add(later.plus_ms(50), clock, mended());
    }

    /// Everything that a packet is made of, walked and verified.
    pub fn logged(&self, logs: &[Log], marks: &[(Month, UtcTime)]) -> Vec<Logged> {
        let controls: BTreeSet<ControlId> = self.baseline().controls().iter().map(|c| c.id.clone()).collect();
        let one = |log: &Log| {
            let marks = marks.iter().map(|(_, mark)| *mark).collect();
            let span = Self::month().span(&Self::zone());
            let mut walk = Walk::new(log.whose.clone(), log.origin(), span, controls.clone(), marks);
            log.entries.iter().for_each(|entry| walk.entry(entry).unwrap());
            let head = log.head();
            let cosigned = Cosigned { by: "hub.example/witness".into(), time: span.to() };
            let outside = Outside {
                size: head.checkpoint().size.get(),
                cosigned: vec![Cosigned { by: "witness.example/one".into(), time: span.to() }],
                proof: "c2sp.org/tlog-proof@v1\n".into(),
            };
            let (machine, outside) = (walk.end(&head).unwrap(), Some(outside));
            Logged { machine, head, cosigned: vec![cosigned], outside, retired: None }
        };
        logs.iter().map(one).collect()
    }

    /// The ends of the eleven months before.
    pub fn marks() -> Vec<(Month, UtcTime)> {
        let mut months: Vec<Month> =
            std::iter::successors(Some(Self::month().before()), |m| Some(m.before())).take(11).collect();
        months.reverse();
        months.into_iter().map(|month| (month, month.span(&Self::zone()).to())).collect()
    }

    /// The packet of it.
    pub fn packet(&self) -> Packet {
        let marks = Self::marks();
        self.packet_of(self.logged(&self.logs(), &marks), marks)
    }

    /// The packet of these machines.
    pub fn packet_of(&self, machines: Vec<Logged>, marks: Vec<(Month, UtcTime)>) -> Packet {
        let (baseline, rule) = (self.baseline(), Rule::parse("rule.csv", RULE).unwrap());
        let silent = |host: &String| Silent {
            site: "main-street".parse().unwrap(),
            host: host.parse().unwrap(),
            reason: SilentReason::NoRecordReceived,
        };
        Packet::of(Input {
            cover: Cover {
                tenant: "riverside".parse().unwrap(),
                client: self.client.clone(),
                month: Self::month(),
                zone: Self::zone(),
                span: Self::month().span(&Self::zone()),
                preview: false,
                number: 1,
                corrects: None,
                marks,
            },
            baseline: &baseline,
            rule: &rule,
            machines,
            silent: self.silent.iter().map(silent).collect(),
            exceptions: BTreeMap::new(),
            runbooks: BTreeMap::from([("RB-TIME-001-sync".parse().unwrap(), "Put the clock right".into())]),
            acts: Some(vec![Act {
                person: Some("ada".parse().unwrap()),
                right: Some(contract::people::Right::ExceptionsSet),
                machine_user: None,
                path: "/api/v1/tenants/riverside/exceptions".into(),
                time: october().from().plus_ms(90_000_000),
                seq: 41,
            }]),
            acts_since: Some(october().from()),
        })
    }
}

/// What is seen of a control: most pass, a few always fail, and some cannot be looked at.
fn verdict(place: usize, control: &Control) -> Verdict {
    match place % 50 {
        17 => Verdict::Fail(seen(control, false)),
        23 => UNSEEN,
        29 => Verdict::NotAssessed(contract::fact::Absence::NotDeclared),
        _ => Verdict::Pass(seen(control, true)),
    }
}

/// A value that meets what is expected, or does not.
fn seen(control: &Control, met: bool) -> FactValue {
    let word = |word: &str| FactValue::Word(word.to_owned().try_into().unwrap());
    let numbers = [0, 1, 2, 7, 14, 60, 90, 365, 2555].map(FactValue::Number);
    let words = ["no", "yes", "active", "failed", "YESCRYPT", "none", "VERBOSE", "persistent"].map(word);
    let flags = [FactValue::Flag(true), FactValue::Flag(false)];
    let users = contract::baseline::Users { agent: 901, executor: 0 };
    let all = flags.into_iter().chain(numbers).chain(words).chain([FactValue::Ports(vec![22])]);
    let like = |value: &FactValue| control.expect.met_by(value, users) == Some(met);
    all.clone().find(like).unwrap_or(FactValue::Flag(met))
}
