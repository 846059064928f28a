//! One cause, many symptoms: which open incident or silence an incident follows from, so that nothing is ordered for a symptom and nobody is paged for it.
//!
//! [`root`] is a pure function of what is open at a site and of who is silent there. It goes from cause to cause to the end, and every step goes up in the
//! order of [`Trouble`], so it ends, and what it names follows from nothing itself. The order of what is handed in never matters. **Absent:** anything
//! that people do on a machine; text; knowledge of what a service depends on beyond the table.

mod table;
mod trouble;

use std::fmt::{self, Display, Formatter};

use contract::ids::{HostId, IncidentId};
use contract::incident::What;
use contract::time::UtcTime;
use serde::{Deserialize, Serialize};

pub use trouble::Trouble;

use crate::why::{About, Name};

/// An incident that is open at a site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sibling {
    /// On which machine.
    pub host: HostId,
    /// Its id, which that machine drew: only both together are an id.
    pub incident: IncidentId,
    /// When it was found.
    pub found: UtcTime,
    /// What was found.
    pub what: What,
}

/// A machine of the site, and since when nothing was heard of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostLife {
    /// Which machine.
    pub host: HostId,
    /// Since when it is silent; none where it is heard.
    pub dark_since: Option<UtcTime>,
}

/// What is around an incident.
#[derive(Debug, Clone, Copy)]
pub struct Around<'a> {
    /// What is open at the site.
    pub open: &'a [Sibling],
    /// The site's machines.
    pub hosts: &'a [HostLife],
}

/// What an incident follows from. It follows from nothing itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Root {
    /// Another incident of the same machine.
    Incident {
        /// The machine.
        host: HostId,
        /// Which incident.
        incident: IncidentId,
        /// What it is about.
        about: About,
        /// When it was found.
        found: UtcTime,
        /// When what follows from it was found.
        followed: UtcTime,
    },
    /// The machine is silent.
    HostDark {
        /// The machine.
        host: HostId,
        /// Since when.
        since: UtcTime,
    },
    /// Most of the site is silent.
    SiteDark {
        /// Since when enough of it is.
        since: UtcTime,
        /// So many machines,
        dark: u32,
        /// of so many.
        hosts: u32,
    },
}

/// A step on the way to the root.
#[derive(Debug, Clone, Copy)]
enum Node<'a> {
    Incident(&'a Sibling),
    Host(&'a HostId, UtcTime),
}

/// What `of` follows from; none where it follows from nothing that is open.
pub fn root(of: &Sibling, around: &Around<'_>) -> Option<Root> {
    let mut at = cause(of, around)?;
    while let Node::Incident(sibling) = at {
        match cause(sibling, around) {
            Some(further) => at = further,
            None => return Some(named(sibling, of.found)),
        }
    }
    let Node::Host(host, since) = at else { return None };
    Some(site_dark(host, around.hosts).unwrap_or_else(|| Root::HostDark { host: host.clone(), since }))
}

/// Whether the darkness of one machine follows from that of its site.
pub fn host_root(host: &HostId, hosts: &[HostLife]) -> Option<Root> {
    site_dark(host, hosts)
}

fn named(cause: &Sibling, followed: UtcTime) -> Root {
    let Sibling { host, incident, found, what } = cause;
    Root::Incident {
        host: host.clone(),
        incident: incident.clone(),
        about: About::of(what),
        found: *found,
        followed,
    }
}

/// The one thing that `of` follows from directly: darkness before all else, then what stands first in the order of trouble, then what is nearest in time.
fn cause<'a>(of: &Sibling, around: &Around<'a>) -> Option<Node<'a>> {
    let trouble = Trouble::of(&of.what)?;
    let dark = around.hosts.iter().filter(|life| life.host == of.host).find_map(|life| {
        let since = life.dark_since?;
        (since.ms_since(of.found) <= table::BEFORE_DARK_MS).then_some(Node::Host(&life.host, since))
    });
    dark.or_else(|| {
        let links: Vec<&table::Link> =
            table::LINKS.iter().filter(|link| link.symptoms.contains(&trouble)).collect();
        let leads = |sibling: &&Sibling| {
            sibling.host == of.host
                && Trouble::of(&sibling.what).is_some_and(|cause| {
                    links.iter().any(|link| link.cause == cause && in_time(link, sibling.found, of.found))
                })
        };
        around
            .open
            .iter()
            .filter(leads)
            .min_by_key(|sibling| {
                let apart = sibling.found.ms_since(of.found).max(of.found.ms_since(sibling.found));
                (Trouble::of(&sibling.what), apart, &sibling.incident)
            })
            .map(Node::Incident)
    })
}

fn in_time(link: &table::Link, cause: UtcTime, symptom: UtcTime) -> bool {
    cause.ms_since(symptom) <= link.before_ms && symptom.ms_since(cause) <= link.after_ms
}

/// The site's darkness, where the machine's belongs to it.
fn site_dark(host: &HostId, hosts: &[HostLife]) -> Option<Root> {
    let mut since: Vec<UtcTime> = hosts.iter().filter_map(|life| life.dark_since).collect();
    since.sort_unstable();
    let enough = (hosts.len() * table::SITE_DARK_PERCENT).div_ceil(100);
    if hosts.len() < table::SITE_HOSTS_MIN || since.len() < enough {
        return None;
    }
    // The moment at which enough of them were silent.
    let began = *since.get(enough.checked_sub(1)?)?;
    let own = hosts.iter().find(|life| life.host == *host)?.dark_since?;
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    (began.ms_since(own) <= table::BEFORE_SITE_DARK_MS).then(|| Root::SiteDark {
        since: began,
        dark: count(since.len()),
        hosts: count(hosts.len()),
    })
}

impl Display for Root {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Incident { host: _, incident, about, found, followed } => {
                let incident = Name(incident.as_str());
                write!(f, "incident {incident} ({about} on the same host, ")?;
                match (followed.ms_since(*found), found.ms_since(*followed)) {
                    (0, 0) => write!(f, "at the same time)"),
                    (earlier, 0) => write!(f, "{} earlier)", Span(earlier)),
                    (_, later) => write!(f, "{} later)", Span(later)),
                }
            }
            Self::HostDark { host: _, since } => write!(f, "the host's silence since {since}"),
            Self::SiteDark { since, dark, hosts } => {
                write!(f, "the site's silence since {since} ({dark} of {hosts} hosts)")
            }
        }
    }
}

/// A length of time as people say it.
pub(crate) struct Span(pub(crate) u64);

impl Display for Span {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let seconds = self.0 / 1000;
        match seconds {
            0..=119 => write!(f, "{seconds} s"),
            120..=7199 => write!(f, "{} min", seconds / 60),
            7200..=172_799 => write!(f, "{} h", seconds / 3600),
            _ => write!(f, "{} days", seconds / 86400),
        }
    }
}

#[cfg(test)]
mod tests;
