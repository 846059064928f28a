//! How things stand, coalesced to what one person would say of it.

use std::collections::{BTreeMap, BTreeSet};

use contract::baseline::Severity;
use contract::call::CallView;
use contract::ids::{HostId, SiteId, TenantId};
use contract::incident::What;
use contract::time::UtcTime;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::decide::Standing;
use crate::packets;

/// What an alert is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = AlertKind)]
pub(crate) enum Kind {
    /// No machine of a site is heard of.
    SiteDark,
    /// Some machines of a site are not heard of.
    HostsDark,
    /// What is critical or high at a site waits for a person, and nobody has it. Each cause is told at once, and again when its time went by.
    Call,
    /// What is less urgent waits.
    Waiting,
    /// A host's evidence did what it must never do, or is not archived.
    Evidence,
    /// The hub itself: its backup, its own logs, a way out that does not work, a tenant's packets that it cannot make, mail or store.
    Fault,
}

impl Kind {
    /// Whether it is that machines are not heard of.
    pub(crate) const fn is_about_silence(self) -> bool {
        match self {
            Self::SiteDark | Self::HostsDark => true,
            Self::Call | Self::Waiting | Self::Evidence | Self::Fault => false,
        }
    }

    /// Its word.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::SiteDark => "site-dark",
            Self::HostsDark => "hosts-dark",
            Self::Call => "call",
            Self::Waiting => "waiting",
            Self::Evidence => "evidence",
            Self::Fault => "fault",
        }
    }
}

/// Something that somebody has to hear of, for as long as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fact {
    /// The same for as long as it is the same thing.
    pub(crate) key: String,
    pub(crate) kind: Kind,
    /// Whose; none where it is the hub's own.
    pub(crate) tenant: Option<TenantId>,
    /// In words.
    pub(crate) what: String,
    /// Which machines or incidents it is about, each single alarm of a machine as well, and [`ALL`] where a whole site is silent. One that was not
    /// among them before is a matter that nobody was told of.
    pub(crate) about: BTreeSet<String>,
    /// Whether it is told at night as well, whatever its kind.
    pub(crate) wakes: bool,
}

/// What stands among what an alert is about where it is every machine of the site: no name of a machine.
pub(crate) const ALL: &str = "*";

/// A machine that is enrolled and was heard of at least once.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) tenant: TenantId,
    pub(crate) site: SiteId,
    pub(crate) host: HostId,
    pub(crate) last: UtcTime,
}

/// What there is of something at a site: machines, or incidents by machine and id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) tenant: TenantId,
    pub(crate) site: SiteId,
    pub(crate) count: u64,
    pub(crate) about: BTreeSet<String>,
}

/// The sites whose machines are silent: one fact for each, whether all of them are or some.
pub(crate) fn dark(hosts: &[Seen], after_ms: u64, now: UtcTime) -> Vec<Fact> {
    let mut sites: BTreeMap<(&TenantId, &SiteId), (u64, Vec<&Seen>)> = BTreeMap::new();
    for seen in hosts {
        let (all, silent) = sites.entry((&seen.tenant, &seen.site)).or_default();
        *all += 1;
        if now.ms_since(seen.last) > after_ms {
            silent.push(seen);
        }
    }
    let fact = |((tenant, site), (all, silent)): (_, (u64, Vec<&Seen>))| {
        let last = silent.iter().map(|seen| seen.last).max()?;
        let mut about: BTreeSet<String> = silent.iter().map(|seen| seen.host.to_string()).collect();
        let (kind, what) = if silent.len() as u64 == all {
            about.insert(ALL.to_owned());
            (
                Kind::SiteDark,
                format!("{tenant}/{site}: none of its {all} machines is heard of, the last one at {last}"),
            )
        } else {
            let silent = silent.len();
            (
                Kind::HostsDark,
                format!(
                    "{tenant}/{site}: {silent} of {all} machines are not heard of, the last of them at {last}"
                ),
            )
        };
        let (tenant, key) = (Some(TenantId::clone(tenant)), format!("dark/{tenant}/{site}"));
        Some(Fact { key, kind, tenant, what, about, wakes: false })
    };
    sites.into_iter().filter_map(fact).collect()
}

/// Calls that nobody has, or whose time went by: for each site one fact of those that cannot wait, and one of the others. Each call is among what a fact
/// is about, and each time that it was called anew.
pub(crate) fn calls(unheard: &[CallView]) -> Vec<Fact> {
    let mut sites: BTreeMap<(&TenantId, &SiteId, bool), Vec<&CallView>> = BTreeMap::new();
    for call in unheard {
        let urgent = match call.severity {
            Severity::Critical | Severity::High => true,
            Severity::Medium | Severity::Low => false,
        };
        sites.entry((&call.tenant, &call.site, urgent)).or_default().push(call);
    }
    let fact = |((tenant, site, urgent), calls): ((&TenantId, &SiteId, bool), Vec<&CallView>)| {
        let (kind, word) = if urgent { (Kind::Call, CALL) } else { (Kind::Waiting, WAITING) };
        let about = calls.iter().flat_map(|call| {
            // By the time that it has now: each round has another.
            let anew = (call.again > 0).then(|| format!("{}{ANEW}{}", call.call, call.due.unix_ms()));
            std::iter::once(call.call.to_string()).chain(anew)
        });
        Fact {
            key: format!("{word}/{tenant}/{site}"),
            kind,
            tenant: Some(tenant.clone()),
            what: format!("{tenant}/{site}: {}", words_of(&calls)),
            about: about.collect(),
            wakes: calls.iter().any(|call| call.severity == Severity::Critical),
        }
    };
    sites.into_iter().map(fact).collect()
}

/// Where the keys of such facts begin.
const CALL: &str = "call";
const WAITING: &str = "waiting";
/// What stands between a call's number and the time that it has now, where it was called anew.
pub(super) const ANEW: char = '/';

fn words_of(calls: &[&CallView]) -> String {
    let Some(first) = calls.iter().max_by_key(|call| (call.severity, std::cmp::Reverse(call.due))) else {
        return String::new();
    };
    let severity = first.severity.word();
    let (due, late) = (first.due, calls.iter().filter(|call| call.again > 0).count());
    let late = match late {
        0 => String::new(),
        _ if calls.len() == 1 => ", and its time went by before".to_owned(),
        late => format!(", and the time of {late} went by before"),
    };
    match calls {
        [call] => {
            let subject = match &call.what {
                What::Drift { control, .. } => control.to_string(),
                What::Signal(signal) => signal.detector.to_string(),
            };
            format!("call {}: {severity}: {subject} waits for a person until {due}{late}", call.call)
        }
        _ => format!(
            "{} causes wait for a person, the most urgent of them ({severity}) until {due}{late}",
            calls.len()
        ),
    }
}

/// What evidence did that it must never do, one fact for each site and kind of alarm. A day in which a machine did not do it again undoes nothing: what
/// stands already and nobody acknowledged stays, until somebody looks after it.
pub(crate) fn evidence(alarms: Vec<(Counted, String)>, standing: &[Standing]) -> Vec<Fact> {
    let mut all: BTreeMap<(TenantId, SiteId, String), BTreeSet<String>> = BTreeMap::new();
    for (Counted { tenant, site, about, count: _ }, alarm) in alarms {
        all.entry((tenant, site, alarm)).or_default().extend(about);
    }
    for alert in standing.iter().filter(|alert| !alert.over && !alert.acknowledged) {
        if let Some(of) = alarm_of(&alert.key).filter(|(.., alarm)| alarm != QUARANTINED) {
            all.entry(of).or_default().extend(alert.about.iter().cloned());
        }
    }
    // What an earlier version kept says of no machine.
    all.retain(|_, about| !about.is_empty());
    let fact = |((tenant, site, alarm), about): (_, BTreeSet<String>)| {
        let count = about.iter().filter(|what| !what.contains('/')).count() as u64;
        Fact {
            key: format!("{EVIDENCE}/{tenant}/{site}/{alarm}"),
            kind: Kind::Evidence,
            what: format!("{tenant}/{site}: {alarm} at {}", machines(count)),
            tenant: Some(tenant),
            about,
            wakes: false,
        }
    };
    all.into_iter().map(fact).collect()
}

/// Where such a fact's key begins.
const EVIDENCE: &str = "evidence";

/// Whose evidence, where, and what it did, by the fact's key.
fn alarm_of(key: &str) -> Option<(TenantId, SiteId, String)> {
    let (tenant, rest) = key.strip_prefix(EVIDENCE)?.strip_prefix('/')?.split_once('/')?;
    let (site, alarm) = rest.split_once('/')?;
    Some((tenant.parse().ok()?, site.parse().ok()?, alarm.to_owned()))
}

/// Machines in quarantine, one fact for each site, for as long as they are.
pub(crate) fn quarantined(sites: Vec<Counted>) -> Vec<Fact> {
    let fact = |Counted { tenant, site, count, about }| Fact {
        key: format!("{EVIDENCE}/{tenant}/{site}/{QUARANTINED}"),
        kind: Kind::Evidence,
        what: format!(
            "{tenant}/{site}: {} in quarantine until somebody approves what runs there",
            machines(count)
        ),
        tenant: Some(tenant),
        about,
        wakes: false,
    };
    sites.into_iter().map(fact).collect()
}

/// The kind of the alarm with which a quarantine began. Whether it still holds, the quarantine itself says.
pub(crate) const QUARANTINED: &str = "quarantined";

fn machines(count: u64) -> String {
    if count == 1 { "1 machine".to_owned() } else { format!("{count} machines") }
}

/// Whose an alert is, by its key: nobody's where it is the hub's own.
pub(super) fn tenant_of(key: &str) -> Option<TenantId> {
    match key.split('/').collect::<Vec<_>>().as_slice() {
        ["dark" | CALL | WAITING | EVIDENCE | PACKETS, tenant, ..] => tenant.parse().ok(),
        _ => None,
    }
}

/// What is wrong with a tenant's packets.
pub(crate) fn packets(fault: packets::Fault) -> Fact {
    let packets::Fault { tenant, of, about, what } = fault;
    let (key, what) = (format!("{PACKETS}/{tenant}/{of}"), format!("{tenant}: {what}"));
    Fact { key, kind: Kind::Fault, tenant: Some(tenant), what, about, wakes: false }
}

/// Whether it is a fault of packets: what is wrong with them is known only after a look at each, which a start begins anew.
pub(super) fn is_of_packets(key: &str) -> bool {
    key.split('/').next() == Some(PACKETS)
}

/// Where such a fact's key begins.
const PACKETS: &str = "packets";

/// A fault of the hub's own.
pub(crate) fn fault(name: &str, what: String) -> Fact {
    let (kind, about) = (Kind::Fault, BTreeSet::new());
    Fact { key: format!("fault/{name}"), kind, tenant: None, what, about, wakes: false }
}

#[cfg(test)]
mod tests {
    use contract::fact::FactValue;

    use super::*;

    fn at(ms: u64) -> UtcTime {
        UtcTime::from_unix_ms(1_800_000_000_000).unwrap().plus_ms(ms)
    }

    fn host(tenant: &str, site: &str, seen: u64) -> Seen {
        let host = format!("{tenant}-{seen}").parse().unwrap();
        Seen { tenant: tenant.parse().unwrap(), site: site.parse().unwrap(), host, last: at(seen) }
    }

    #[test]
    fn whose_an_alert_is_stands_in_its_key() {
        let alarms = evidence(vec![(forked(&["h-1"]), "fork".to_owned())], &[]);
        let called = calls(&[call(1, Severity::High, 0), call(2, Severity::Low, 0)]);
        let tenant = "a".parse().unwrap();
        let unmade = packets::Fault { tenant, of: "month".into(), about: BTreeSet::new(), what: "so".into() };
        let packet = packets(unmade);
        for fact in [called, alarms, quarantined(vec![forked(&["h-1"])]), vec![packet]].concat() {
            assert!(fact.tenant.is_some() && tenant_of(&fact.key) == fact.tenant, "{fact:?}");
        }
        assert_eq!(tenant_of(&fault("channel/a", String::new()).key), None);
    }

    #[test]
    fn a_dark_site_of_forty_machines_is_one_fact() {
        let mut hosts: Vec<Seen> = (0..40).map(|n| host("a", "main", n)).collect();
        hosts.push(host("b", "main", 0));
        hosts.push(host("b", "main", 1_000_000));
        hosts.push(host("c", "main", 1_000_000));
        let facts = dark(&hosts, 900_000, at(1_000_000));
        let told: Vec<_> = facts.iter().map(|f| (f.kind, f.key.as_str())).collect();
        assert!(facts.iter().all(|f| tenant_of(&f.key) == f.tenant), "{facts:?}");
        assert_eq!(told, [(Kind::SiteDark, "dark/a/main"), (Kind::HostsDark, "dark/b/main")]);
        assert!(facts[0].what.contains("40 machines") && facts[1].what.contains("1 of 2"), "{facts:?}");
        assert_eq!((facts[0].about.len(), facts[1].about.len()), (41, 1), "forty, and that it is all");
        assert_eq!(dark(&hosts, 900_000, at(900_000)), [], "at the limit nothing is dark");
    }

    fn call(number: u64, severity: Severity, again: u32) -> CallView {
        let [tenant, site, host, incident] = ["a", "main", "h", "i"];
        let (fact, observed) = ("time:synchronised".parse().unwrap(), FactValue::Flag(false));
        CallView {
            call: number,
            tenant: tenant.parse().unwrap(),
            site: site.parse().unwrap(),
            host: host.parse().unwrap(),
            incident: incident.parse().unwrap(),
            what: What::Drift { control: "time.sync".parse().unwrap(), fact, observed },
            why: None,
            severity,
            symptoms: 0,
            raised: at(0),
            due: at(900_000),
            again,
            holder: None,
            over: None,
        }
    }

    #[test]
    fn a_site_is_told_of_what_cannot_wait_apart_from_what_can() {
        let one = calls(&[call(7, Severity::Critical, 0)]);
        let due = at(900_000);
        assert_eq!(
            (one[0].kind, one[0].key.as_str(), one[0].what.clone()),
            (
                Kind::Call,
                "call/a/main",
                format!("a/main: call 7: critical: time.sync waits for a person until {due}")
            )
        );
        let many = [call(7, Severity::High, 1), call(8, Severity::Critical, 0), call(9, Severity::Low, 0)];
        let facts = calls(&many);
        assert_eq!(facts.iter().map(|fact| fact.kind).collect::<Vec<_>>(), [Kind::Waiting, Kind::Call]);
        assert!(facts[1].what.contains("2 causes") && facts[1].what.contains("(critical)"), "{facts:?}");
        assert!(facts[1].what.ends_with("and the time of 1 went by before"), "{facts:?}");
        let anew = format!("7/{}", at(900_000).unix_ms());
        assert_eq!(facts[1].about, ["7", &anew, "8"].map(str::to_owned).into());
        assert!(facts[1].wakes && !facts[0].wakes && one[0].wakes, "what is critical waits for no morning");
        assert_eq!(calls(&[]), []);
    }

    fn forked(hosts: &[&str]) -> Counted {
        let about = hosts.iter().flat_map(|host| [(*host).to_owned(), format!("{host}/1")]).collect();
        let (tenant, site) = ("a".parse().unwrap(), "main".parse().unwrap());
        Counted { tenant, site, count: hosts.len() as u64, about }
    }

    fn standing(key: &str, about: &[&str]) -> Standing {
        Standing {
            key: key.to_owned(),
            kind: Kind::Evidence,
            what: String::new(),
            about: about.iter().map(|what| (*what).to_owned()).collect(),
            told_of: BTreeSet::new(),
            told: Some(at(0)),
            escalated: None,
            acknowledged: false,
            over: false,
        }
    }

    #[test]
    fn what_evidence_did_stays_until_somebody_looks_after_it_and_a_quarantine_as_long_as_it_is_one() {
        let earlier = standing("evidence/a/main/fork", &["h-1", "h-1/7"]);
        let released = standing("evidence/a/main/quarantined", &["h-3"]);
        let all = [earlier.clone(), released];
        let told = evidence(Vec::new(), &all);
        assert_eq!(told.len(), 1, "somebody let it out of quarantine: {told:?}");
        assert_eq!(
            (told[0].key.as_str(), told[0].what.as_str()),
            ("evidence/a/main/fork", "a/main: fork at 1 machine")
        );
        // Another machine's does not take the place of the first's.
        let told = evidence(vec![(forked(&["h-2"]), "fork".to_owned())], &all);
        assert_eq!((told.len(), told[0].what.as_str()), (1, "a/main: fork at 2 machines"));
        assert!(told[0].about.contains("h-1/7") && told[0].about.contains("h-2"), "{told:?}");
        let seen = Standing { acknowledged: true, ..earlier };
        assert_eq!(evidence(Vec::new(), &[seen]), []);
    }
}
