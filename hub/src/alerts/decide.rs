//! What is to be told, from how things stand and what was told before. Pure: the clock is handed in.

use std::collections::{BTreeMap, BTreeSet};

use contract::ids::TenantId;
use contract::time::UtcTime;

use super::facts::{Fact, Kind};
use super::rules::Rules;

/// What was told is not told again for this long.
pub(crate) const AGAIN_MS: u64 = 24 * 60 * 60 * 1000;

/// An alert as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) key: String,
    pub(crate) kind: Kind,
    pub(crate) what: String,
    /// Which machines or incidents it was about at the last look.
    pub(crate) about: BTreeSet<String>,
    /// Whose.
    pub(crate) tenant: Option<TenantId>,
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
    /// It is about something that nobody was told of: whoever acknowledged it did not acknowledge that.
    Renew { key: String },
    /// It no longer holds.
    End { key: String },
    /// It is told.
    Tell { key: String, kind: Kind, what: String, channels: BTreeSet<String> },
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
    let (stays, ended): (Vec<_>, Vec<_>) = gone.partition(|s| stays(s));
    let mut steps: Vec<Step> = ended.into_iter().map(|s| Step::End { key: s.key.clone() }).collect();
    let stays: Vec<Fact> = stays.into_iter().map(Standing::fact).collect();
    for fact in facts.iter().chain(&stays) {
        steps.extend(steps_of(fact, known.get(fact.key.as_str()).copied(), rules, now));
    }
    steps
}

/// What evidence did is not undone by a day in which it did not do it again: it holds until somebody looks after it.
fn stays(alert: &Standing) -> bool {
    alert.kind == Kind::Evidence && !alert.acknowledged
}

impl Standing {
    fn fact(&self) -> Fact {
        let Self { key, kind, what, about, tenant, .. } = self.clone();
        Fact { key, kind, tenant, what, about }
    }
}

fn steps_of(fact: &Fact, before: Option<&Standing>, rules: &Rules, now: UtcTime) -> Vec<Step> {
    let mut steps = Vec::new();
    // That it holds again is a new matter, which nobody has acknowledged.
    let holding = before.filter(|s| !s.over);
    if holding.is_none_or(|s| s.what != fact.what || s.kind != fact.kind || s.about != fact.about) {
        steps.push(Step::Keep(fact.clone()));
    }
    let renewed = holding.is_some_and(|s| is_renewed(s, fact));
    if renewed {
        steps.push(Step::Renew { key: fact.key.clone() });
    }
    let acknowledged = !renewed && holding.is_some_and(|s| s.acknowledged);
    let told = before.and_then(|s| s.told).filter(|_| !renewed);
    let due = match told {
        None => true,
        Some(told) => !acknowledged && now.ms_since(told) >= AGAIN_MS,
    };
    let Fact { key, kind, what, .. } = fact.clone();
    let channels = rules.channels_of(kind);
    if due {
        // Where there is no way out, nobody was told.
        if !channels.is_empty() && !rules.is_quiet(kind, now) {
            steps.push(Step::Tell { key, kind, what, channels });
        }
        return steps;
    }
    if let Some((told, up)) = told.filter(|_| !acknowledged).zip(rules.escalation.as_ref()) {
        let once = before.and_then(|s| s.escalated).is_none_or(|escalated| escalated < told);
        if once && now.ms_since(told) >= up.after_ms && !rules.is_quiet(kind, now) {
            steps.push(Step::Escalate { key, kind, what, channels: up.channels.clone() });
        }
    }
    steps
}

/// Whether there is more to it than was told, so that it does not wait for the next day.
fn is_renewed(before: &Standing, fact: &Fact) -> bool {
    let more = !fact.about.is_subset(&before.about);
    // A site of which some machines were silent, and now all are, is worse than what was told; and each machine whose evidence does what it must
    // never do is a matter of its own. What else is more of the same is told with the rest, unless somebody had said that the rest is looked after.
    let worse = before.kind == Kind::HostsDark && fact.kind == Kind::SiteDark;
    worse || (more && (before.acknowledged || fact.kind == Kind::Evidence))
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
                    Step::Keep(Fact { key, kind, what, tenant, about }) => {
                        if let Some(known) = self.standing.iter_mut().find(|s| s.key == key) {
                            known.acknowledged &= !known.over;
                            (known.over, known.what, known.kind, known.about) = (false, what, kind, about);
                        } else {
                            let (told, escalated, acknowledged, over) = (None, None, false, false);
                            self.standing.push(Standing {
                                key,
                                kind,
                                what,
                                about,
                                tenant,
                                told,
                                escalated,
                                acknowledged,
                                over,
                            });
                        }
                    }
                    Step::End { key } => {
                        let i = at(&mut self.standing, &key);
                        self.standing[i].over = true;
                    }
                    Step::Tell { key, channels, .. } => {
                        let i = at(&mut self.standing, &key);
                        self.standing[i].told = Some(self.now);
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
        }
    }

    #[test]
    fn what_was_acknowledged_says_nothing_of_what_came_after_it() {
        let mut world = World::at("2026-11-26T08:00:00.000Z");
        let waits = |incidents: &[&str]| {
            vec![Fact { kind: Kind::Waiting, key: "waiting/a/main".into(), ..about(incidents) }]
        };
        assert_eq!(world.look(&waits(&["h/1"])), ["waiting/a/main by log"]);
        assert_eq!(world.after(1).look(&waits(&["h/1", "h/2"])), [""; 0], "one alert, not forty");
        world.standing[0].acknowledged = true;
        assert_eq!(world.after(1).look(&waits(&["h/2"])), [""; 0], "it is looked after");
        assert_eq!(world.after(1).look(&waits(&["h/2", "h/3"])), ["waiting/a/main by log"]);
        assert_eq!(world.after(30).look(&waits(&["h/2", "h/3"])), ["waiting/a/main up to boss"]);
    }

    #[test]
    fn each_machines_evidence_is_a_matter_of_its_own_and_holds_until_somebody_looks_after_it() {
        let mut world = World::at("2026-11-26T08:00:00.000Z");
        assert_eq!(world.look(&[about(&["h-1"])]), ["evidence/a/main/fork by log"]);
        assert_eq!(world.after(1).look(&[about(&["h-1", "h-2"])]), ["evidence/a/main/fork by log"]);
        assert_eq!(world.after(1).look(&[about(&["h-1", "h-2"])]), [""; 0]);
        // A day in which it did not happen again: nobody has looked after it nevertheless.
        assert_eq!(world.after(24 * 60).look(&[]), ["evidence/a/main/fork by log"]);
        assert!(!world.standing[0].over);
        world.standing[0].acknowledged = true;
        assert_eq!(world.after(1).look(&[]), [""; 0]);
        assert!(world.standing[0].over);
    }

    #[test]
    fn a_site_whose_one_dark_machine_is_looked_after_is_told_of_when_more_go_dark_and_goes_up() {
        let mut world = World::at("2026-11-26T08:00:00.000Z");
        let dark =
            |kind, machines: &[&str]| vec![Fact { key: "dark/a/main".into(), kind, ..about(machines) }];
        world.look(&dark(Kind::HostsDark, &["h-1"]));
        world.standing[0].acknowledged = true;
        assert_eq!(world.after(1).look(&dark(Kind::HostsDark, &["h-1"])), [""; 0]);
        assert_eq!(world.after(1).look(&dark(Kind::HostsDark, &["h-1", "h-2"])), ["dark/a/main by log"]);
        world.standing[0].acknowledged = true;
        assert_eq!(
            world.after(1).look(&dark(Kind::SiteDark, &["h-1", "h-2", "h-3"])),
            ["dark/a/main by log"]
        );
        assert_eq!(
            world.after(30).look(&dark(Kind::SiteDark, &["h-1", "h-2", "h-3"])),
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
        world.standing[0].acknowledged = true;
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
        let fact =
            |kind, what: &str| Fact { key: "dark/a/main".into(), kind, what: what.into(), ..about(&[]) };
        assert_eq!(world.look(&[fact(Kind::HostsDark, "1 of 40")]), ["dark/a/main by log"]);
        assert_eq!(world.after(1).look(&[fact(Kind::HostsDark, "2 of 40")]), [""; 0], "one alert, not forty");
        assert_eq!(world.after(1).look(&[fact(Kind::SiteDark, "40 of 40")]), ["dark/a/main by log"]);
        assert_eq!(world.after(1).look(&[fact(Kind::SiteDark, "40 of 40")]), [""; 0]);
        assert_eq!(world.standing[0].what, "40 of 40");
    }
}
