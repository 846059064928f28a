//! What is to be told, from how things stand and what was told before. Pure: the clock is handed in.

use std::collections::{BTreeMap, BTreeSet};

use contract::time::UtcTime;

use super::facts::{ALL, ANEW, Fact, Kind};
use super::rules::Rules;

/// What was told is not told again for this long.
pub(crate) const AGAIN_MS: u64 = 24 * 60 * 60 * 1000;

/// However many causes at a site cannot wait, nobody is told of them more often than this: a third of the time in which the most urgent is to be had.
const STORM_MS: u64 = 5 * 60 * 1000;

/// And of what can wait a little no more often than this.
const HOUR_MS: u64 = 60 * 60 * 1000;

/// An alert as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) key: String,
    pub(crate) kind: Kind,
    pub(crate) what: String,
    /// Which machines or incidents it was about at the last look.
    pub(crate) about: BTreeSet<String>,
    /// Which of them somebody was told of within the day, or had before them when they acknowledged it.
    pub(crate) told_of: BTreeSet<String>,
    /// When it was told last.
    pub(crate) told: Option<UtcTime>,
    /// When it went further up.
    pub(crate) escalated: Option<UtcTime>,
    pub(crate) acknowledged: bool,
    /// Whether it no longer holds.
    pub(crate) over: bool,
}

/// One thing to be done. Steps of one alert come in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// It is new, holds again, or changed its words.
    Keep(Fact),
    /// There is more to it than anybody was told of: whoever acknowledged it did not acknowledge that.
    Renew { key: String },
    /// It no longer holds.
    End { key: String },
    /// It is told, and `of` is what was told within the day, with it.
    Tell { key: String, kind: Kind, what: String, of: BTreeSet<String>, channels: BTreeSet<String> },
    /// Nobody acknowledged it in time.
    Escalate { key: String, kind: Kind, what: String, channels: BTreeSet<String> },
}

impl Step {
    /// Of which alert it is.
    pub(super) fn key(&self) -> &str {
        match self {
            Self::Keep(fact) => &fact.key,
            Self::Renew { key } | Self::End { key } | Self::Tell { key, .. } | Self::Escalate { key, .. } => {
                key
            }
        }
    }
}

/// Decides.
pub(crate) fn decide(standing: &[Standing], facts: &[Fact], rules: &Rules, now: UtcTime) -> Vec<Step> {
    let known: BTreeMap<&str, &Standing> = standing.iter().map(|s| (s.key.as_str(), s)).collect();
    let told: BTreeSet<&str> = facts.iter().map(|fact| fact.key.as_str()).collect();
    let gone = standing.iter().filter(|s| !s.over && !told.contains(s.key.as_str()));
    let mut steps: Vec<Step> = gone.map(|s| Step::End { key: s.key.clone() }).collect();
    for fact in facts {
        steps.extend(steps_of(fact, known.get(fact.key.as_str()).copied(), rules, now));
    }
    steps
}

fn steps_of(fact: &Fact, before: Option<&Standing>, rules: &Rules, now: UtcTime) -> Vec<Step> {
    let mut steps = Vec::new();
    // That it holds again is a new matter, which nobody has acknowledged.
    let holding = before.filter(|s| !s.over);
    if holding.is_none_or(|s| s.what != fact.what || s.kind != fact.kind || s.about != fact.about) {
        steps.push(Step::Keep(fact.clone()));
    }
    let renewed = before.is_some_and(|s| is_news(s, fact, now));
    if renewed {
        steps.push(Step::Renew { key: fact.key.clone() });
    }
    let acknowledged = !renewed && holding.is_some_and(|s| s.acknowledged);
    let told = before.and_then(|s| s.told);
    let within_the_day = told.is_some_and(|told| now.ms_since(told) < AGAIN_MS);
    let due = renewed || told.is_none() || !(within_the_day || acknowledged);
    let Fact { key, kind, what, about, tenant: _, wakes } = fact.clone();
    let channels = rules.channels_of(kind);
    let quiet = !wakes && rules.is_quiet(kind, now);
    if due {
        // Where there is no way out, nobody was told.
        if !channels.is_empty() && !quiet {
            let earlier = before.filter(|_| within_the_day).map(|s| s.told_of.clone()).unwrap_or_default();
            let of = about.into_iter().chain(earlier).collect();
            steps.push(Step::Tell { key, kind, what, of, channels });
        }
        return steps;
    }
    if let Some((told, up)) = told.filter(|_| !acknowledged).zip(rules.escalation.as_ref()) {
        let once = before.and_then(|s| s.escalated).is_none_or(|escalated| escalated < told);
        if once && now.ms_since(told) >= up.after_ms && !quiet {
            steps.push(Step::Escalate { key, kind, what, channels: up.channels.clone() });
        }
    }
    steps
}

/// Whether there is more to it than somebody was told, so that it does not wait for the next day. Where nobody was told yet, there is nothing to renew.
fn is_news(before: &Standing, fact: &Fact, now: UtcTime) -> bool {
    if before.told.is_none() && !before.acknowledged {
        return false;
    }
    let mut new = fact.about.difference(&before.told_of).peekable();
    // That all machines of a site are silent is worse than that some are; and each machine whose evidence does what it must never do is a matter of
    // its own. What else is more of the same is told with the rest, unless somebody said that the rest is looked after, or nothing of it is left.
    let worse = fact.about.contains(ALL) && !before.told_of.contains(ALL);
    let since_told = before.told.map_or(u64::MAX, |told| now.ms_since(told));
    let another = match fact.kind {
        Kind::Evidence => new.clone().any(|what| !what.contains('/')),
        // Each cause that cannot wait is told, in a storm those of some minutes together, and whatever waits longer than it may is told again.
        Kind::Call => new.peek().is_some() && since_told >= STORM_MS,
        // The others by the hour.
        Kind::Waiting => {
            new.clone().any(|what| what.contains(ANEW)) || (new.peek().is_some() && since_told >= HOUR_MS)
        }
        Kind::SiteDark | Kind::HostsDark | Kind::Fault => false,
    };
    let is_more = new.peek().is_some() && (before.acknowledged || before.told_of.is_disjoint(&fact.about));
    // Somebody had it, and it was over: that it holds again is not what they had.
    let again = before.over && before.acknowledged;
    worse || another || is_more || again
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerts::facts::fault;

    const RULES: &str = r#"
version: 1
quiet: { zone: UTC, from: "22:00", to: "06:00", except: [evidence] }
channels: { log: { syslog: { socket: /dev/log } }, boss: { syslog: { socket: /dev/log } } }
routes: [{ channels: [log] }]
escalation: { after_minutes: 30, channels: [boss] }
"#;
    const MINUTE: u64 = 60_000;

    /// The alerts of one hub, as its database keeps them.
    struct World {
        standing: Vec<Standing>,
        rules: Rules,
        now: UtcTime,
    }

    impl World {
        fn at(time: &str) -> Self {
            let now = UtcTime::try_from(time.to_owned()).unwrap();
            Self { standing: Vec::new(), rules: Rules::parse("alerts.yaml", RULES).unwrap(), now }
        }

        /// Looks, does what is decided, and says what was told, escalated or ended.
        fn look(&mut self, facts: &[Fact]) -> Vec<String> {
            let steps = decide(&self.standing, facts, &self.rules, self.now);
            let mut said = Vec::new();
            for step in steps {
                let at = |all: &mut Vec<Standing>, key: &str| all.iter().position(|s| s.key == key).unwrap();
                match step {
                    Step::Renew { key } => {
                        let i = at(&mut self.standing, &key);
                        (self.standing[i].acknowledged, self.standing[i].told) = (false, None);
                    }
                    Step::Keep(Fact { key, kind, what, tenant: _, about, wakes: _ }) => {
                        if let Some(known) = self.standing.iter_mut().find(|s| s.key == key) {
                            known.acknowledged &= !known.over;
                            (known.over, known.what, known.kind, known.about) = (false, what, kind, about);
                        } else {
                            let (told, escalated, told_of) = (None, None, BTreeSet::new());
                            let (acknowledged, over) = (false, false);
                            let new = Standing {
                                key,
                                kind,
                                what,
                                about,
                                told_of,
                                told,
                                escalated,
                                acknowledged,
                                over,
                            };
                            self.standing.push(new);
                        }
                    }
                    Step::End { key } => {
                        let i = at(&mut self.standing, &key);
                        self.standing[i].over = true;
                    }
                    Step::Tell { key, of, channels, .. } => {
                        let i = at(&mut self.standing, &key);
                        (self.standing[i].told, self.standing[i].told_of) = (Some(self.now), of);
                        said.push(format!("{key} by {}", channels.into_iter().collect::<Vec<_>>().join("+")));
                    }
                    Step::Escalate { key, channels, .. } => {
                        let i = at(&mut self.standing, &key);
                        self.standing[i].escalated = Some(self.now);
                        said.push(format!(
                            "{key} up to {}",
                            channels.into_iter().collect::<Vec<_>>().join("+")
                        ));
                    }
                }
            }
            said
        }

        /// Somebody looks after what there is of the first.
        fn acknowledge(&mut self) {
            let Standing { about, told_of, acknowledged, .. } = &mut self.standing[0];
            told_of.extend(about.iter().cloned());
            *acknowledged = true;
        }

        fn after(&mut self, minutes: u64) -> &mut Self {
            self.now = self.now.plus_ms(minutes * MINUTE);
            self
        }
    }

    fn a_fault() -> Vec<Fact> {
        vec![fault("backup", "the last backup is old".to_owned())]
    }

    /// Evidence of these machines.
    fn about(machines: &[&str]) -> Fact {
        Fact {
            key: "evidence/a/main/fork".into(),
            kind: Kind::Evidence,
            tenant: None,
            what: format!("{} machines", machines.len()),
            about: machines.iter().map(|machine| (*machine).to_owned()).collect(),
            wakes: false,
        }
    }

    #[test]
    fn what_was_acknowledged_says_nothing_of_what_came_after_it() {
        let mut world = World::at("2026-11-26T08:00:00.000Z");
        let waits = |incidents: &[&str]| {
            vec![Fact { kind: Kind::Waiting, key: "waiting/a/main".into(), ..about(incidents) }]
        };
        assert_eq!(world.look(&waits(&["1"])), ["waiting/a/main by log"]);
        assert_eq!(world.after(1).look(&waits(&["1", "2"])), [""; 0], "one alert, not forty");
        world.acknowledge();
        assert_eq!(world.after(1).look(&waits(&["2"])), [""; 0], "it is looked after");
        assert_eq!(world.after(1).look(&waits(&["2", "3"])), ["waiting/a/main by log"]);
        assert_eq!(world.after(30).look(&waits(&["2", "3"])), ["waiting/a/main up to boss"]);
    }

    #[test]
    fn each_cause_that_cannot_wait_is_told_at_once_and_again_when_its_time_went_by() {
        let mut world = World::at("2026-11-26T08:00:00.000Z");
        let calls = |kind, key: &str, calls: &[&str]| vec![Fact { kind, key: key.into(), ..about(calls) }];
        let urgent = |numbers: &[&str]| calls(Kind::Call, "call/a/main", numbers);
        assert_eq!(world.look(&urgent(&["7"])), ["call/a/main by log"]);
        assert_eq!(world.after(1).look(&urgent(&["7"])), [""; 0]);
        assert_eq!(world.after(1).look(&urgent(&["7", "8"])), [""; 0], "a storm is not told drop by drop");
        assert_eq!(world.after(3).look(&urgent(&["7", "8"])), ["call/a/main by log"], "another cause");
        assert_eq!(
            world.after(10).look(&urgent(&["7", "7/1", "8"])),
            ["call/a/main by log"],
            "nobody has it"
        );
        assert_eq!(world.after(30).look(&urgent(&["7", "7/1", "8"])), ["call/a/main up to boss"]);
        // Somebody has the first.
        assert_eq!(world.after(1).look(&urgent(&["8"])), [""; 0]);
        let mut world = World::at("2026-11-26T08:00:00.000Z");
        let rest = |numbers: &[&str]| calls(Kind::Waiting, "waiting/a/main", numbers);
        assert_eq!(world.look(&rest(&["7"])), ["waiting/a/main by log"]);
        assert_eq!(world.after(1).look(&rest(&["7", "8"])), [""; 0]);
        assert_eq!(world.after(240).look(&rest(&["7", "7/1", "8"])), ["waiting/a/main by log"]);
    }

    #[test]
    fn what_is_critical_waits_for_no_morning() {
        let mut world = World::at("2026-11-26T23:00:00.000Z");
        let call = Fact { kind: Kind::Call, key: "call/a/main".into(), ..about(&["7"]) };
        assert_eq!(world.look(std::slice::from_ref(&call)), [""; 0]);
        assert_eq!(world.after(1).look(&[Fact { wakes: true, ..call }]), ["call/a/main by log"]);
    }

    #[test]
    fn each_machines_evidence_is_a_matter_of_its_own_and_so_is_what_it_does_after_somebody_had_it() {
        let mut world = World::at("2026-11-26T08:00:00.000Z");
        assert_eq!(world.look(&[about(&["h-1", "h-1/1"])]), ["evidence/a/main/fork by log"]);
        let two = ["h-1", "h-1/1", "h-2", "h-2/2"];
        assert_eq!(world.after(1).look(&[about(&two)]), ["evidence/a/main/fork by log"]);
        assert_eq!(world.after(1).look(&[about(&two)]), [""; 0]);
        let again = ["h-1", "h-1/1", "h-1/3", "h-2", "h-2/2"];
        assert_eq!(
            world.after(1).look(&[about(&again)]),
            [""; 0],
            "more of what nobody has looked after yet"
        );
        world.acknowledge();
        assert_eq!(world.after(1).look(&[about(&again)]), [""; 0]);
        let more = ["h-1", "h-1/1", "h-1/3", "h-1/4", "h-2", "h-2/2"];
        assert_eq!(world.after(1).look(&[about(&more)]), ["evidence/a/main/fork by log"]);
        assert_eq!(world.after(30).look(&[about(&more)]), ["evidence/a/main/fork up to boss"]);
    }

    #[test]
    fn a_further_packet_that_fails_is_told_after_somebody_had_the_first() {
        let mut world = World::at("2026-11-26T08:00:00.000Z");
        let unmailed = |packets: &[&str]| {
            let about = packets.iter().map(|packet| (*packet).to_owned()).collect();
            let (tenant, of) = ("a".parse().unwrap(), "mail".into());
            vec![crate::alerts::facts::packets(crate::packets::Fault {
                tenant,
                of,
                about,
                what: "so".into(),
            })]
        };
        assert_eq!(world.look(&unmailed(&["p-1"])), ["packets/a/mail by log"]);
        world.acknowledge();
        assert_eq!(world.after(1).look(&unmailed(&["p-1"])), [""; 0]);
        assert_eq!(world.after(1).look(&unmailed(&["p-1", "p-2"])), ["packets/a/mail by log"]);
    }

    #[test]
    fn another_incident_is_told_where_nothing_is_left_of_what_was_told_and_the_same_one_is_not() {
        let mut world = World::at("2026-11-26T08:00:00.000Z");
        let waits = |incidents: &[&str]| {
            vec![Fact { kind: Kind::Waiting, key: "waiting/a/main".into(), ..about(incidents) }]
        };
        assert_eq!(world.look(&waits(&["1"])), ["waiting/a/main by log"]);
        assert_eq!(world.after(1).look(&waits(&["1", "2"])), [""; 0]);
        assert_eq!(world.after(1).look(&waits(&["2"])), ["waiting/a/main by log"], "of 2 nobody was told");
        assert_eq!(world.after(1).look(&waits(&["1"])), [""; 0], "it was told within the day");
        assert_eq!(world.after(1).look(&[]), [""; 0]);
        assert_eq!(world.after(1).look(&waits(&["3"])), ["waiting/a/main by log"]);
        world.acknowledge();
        assert_eq!(world.after(1).look(&[]), [""; 0]);
        assert_eq!(
            world.after(1).look(&waits(&["3"])),
            ["waiting/a/main by log"],
            "it was over for whoever had it"
        );
        assert_eq!(world.after(1).look(&waits(&["3"])), [""; 0]);
    }

    #[test]
    fn what_comes_at_night_to_what_was_acknowledged_is_told_once_in_the_morning() {
        let mut world = World::at("2026-11-26T21:00:00.000Z");
        let waits = |incidents: &[&str]| {
            vec![Fact { kind: Kind::Waiting, key: "waiting/a/main".into(), ..about(incidents) }]
        };
        assert_eq!(world.look(&waits(&["1"])), ["waiting/a/main by log"]);
        world.acknowledge();
        assert_eq!(world.after(120).look(&waits(&["1", "2"])), [""; 0]);
        assert_eq!(world.after(60).look(&waits(&["1", "2"])), [""; 0]);
        assert_eq!(world.after(6 * 60).look(&waits(&["1", "2"])), ["waiting/a/main by log"]);
        assert_eq!(world.after(1).look(&waits(&["1", "2"])), [""; 0]);
    }

    #[test]
    fn a_site_whose_one_dark_machine_is_looked_after_is_told_of_when_more_go_dark_and_goes_up() {
        let mut world = World::at("2026-11-26T08:00:00.000Z");
        let dark =
            |kind, machines: &[&str]| vec![Fact { key: "dark/a/main".into(), kind, ..about(machines) }];
        world.look(&dark(Kind::HostsDark, &["h-1"]));
        world.acknowledge();
        assert_eq!(world.after(1).look(&dark(Kind::HostsDark, &["h-1"])), [""; 0]);
        assert_eq!(world.after(1).look(&dark(Kind::HostsDark, &["h-1", "h-2"])), ["dark/a/main by log"]);
        world.acknowledge();
        assert_eq!(
            world.after(1).look(&dark(Kind::SiteDark, &["h-1", "h-2", "h-3", ALL])),
            ["dark/a/main by log"]
        );
        assert_eq!(
            world.after(30).look(&dark(Kind::SiteDark, &["h-1", "h-2", "h-3", ALL])),
            ["dark/a/main up to boss"]
        );
    }

    #[test]
    fn it_is_told_once_a_day_and_goes_up_once_where_nobody_acknowledges() {
        let mut world = World::at("2026-11-26T08:00:00.000Z");
        assert_eq!(world.look(&a_fault()), ["fault/backup by log"]);
        assert_eq!(world.after(29).look(&a_fault()), [""; 0]);
        assert_eq!(world.after(1).look(&a_fault()), ["fault/backup up to boss"]);
        assert_eq!(world.after(60).look(&a_fault()), [""; 0]);
        // It goes and comes within the day: nobody is told again.
        assert_eq!(world.after(10).look(&[]), [""; 0]);
        assert_eq!(world.after(10).look(&a_fault()), [""; 0]);
        assert_eq!(world.after(24 * 60 - 110).look(&a_fault()), ["fault/backup by log"]);
        assert_eq!(world.after(30).look(&a_fault()), ["fault/backup up to boss"]);
    }

    #[test]
    fn what_is_acknowledged_is_left_alone_until_it_ends() {
        let mut world = World::at("2026-11-26T08:00:00.000Z");
        world.look(&a_fault());
        world.acknowledge();
        for _ in 0..3 {
            assert_eq!(world.after(24 * 60).look(&a_fault()), [""; 0]);
        }
        world.after(1).look(&[]);
        assert_eq!(world.after(1).look(&a_fault()), ["fault/backup by log"], "a new matter");
    }

    #[test]
    fn at_night_what_can_wait_waits_for_the_morning_and_is_then_told_if_it_still_holds() {
        let mut world = World::at("2026-11-26T23:00:00.000Z");
        let evidence = Fact { kind: Kind::Evidence, ..fault("fork", "a fork".to_owned()) };
        assert_eq!(world.look(&[a_fault(), vec![evidence.clone()]].concat()), ["fault/fork by log"]);
        assert_eq!(
            world.after(6 * 60 + 59).look(&[a_fault(), vec![evidence]].concat()),
            ["fault/fork up to boss"]
        );
        assert_eq!(world.after(1).look(&a_fault()), ["fault/backup by log"]);
        let mut world = World::at("2026-11-26T21:45:00.000Z");
        assert_eq!(world.look(&a_fault()), ["fault/backup by log"]);
        assert_eq!(world.after(60).look(&a_fault()), [""; 0], "nobody is woken for what can wait");
        assert_eq!(world.after(7 * 60 + 15).look(&a_fault()), ["fault/backup up to boss"]);
        let mut world = World::at("2026-11-26T23:00:00.000Z");
        world.look(&a_fault());
        assert_eq!(world.after(7 * 60).look(&[]), [""; 0], "it was over by the morning");
    }

    #[test]
    fn a_site_whose_last_machine_goes_dark_is_told_again_at_once() {
        let mut world = World::at("2026-11-26T08:00:00.000Z");
        let fact = |what: &str, machines: &[&str]| {
            let kind = if machines.contains(&ALL) { Kind::SiteDark } else { Kind::HostsDark };
            vec![Fact { key: "dark/a/main".into(), kind, what: what.into(), ..about(machines) }]
        };
        assert_eq!(world.look(&fact("1 of 3", &["h-1"])), ["dark/a/main by log"]);
        assert_eq!(world.after(1).look(&fact("2 of 3", &["h-1", "h-2"])), [""; 0], "one alert, not forty");
        let all = fact("3 of 3", &["h-1", "h-2", "h-3", ALL]);
        assert_eq!(world.after(1).look(&all), ["dark/a/main by log"]);
        assert_eq!(world.after(1).look(&all), [""; 0]);
        // One of them comes and goes: nobody is told each time.
        assert_eq!(world.after(1).look(&fact("2 of 3", &["h-1", "h-2"])), [""; 0]);
        assert_eq!(world.after(1).look(&all), [""; 0]);
        assert_eq!(world.standing[0].what, "3 of 3");
    }
}
