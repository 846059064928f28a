//! What happens at the hub, for whoever looks on: the last few thousand events, in memory.
//!
//! An event says that something changed and where, never how it stands: whoever wants to know asks, as they may. Nothing depends on events; one that a
//! reader missed, or that was forgotten with a restart, is told as a reset. Nobody who publishes waits for anybody who reads: a reader has a place in the
//! list, and where the list has moved on past it, the reader has missed something and is told so.

use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

use contract::ids::{HostId, IncidentId, OrderId, SiteId, TenantId};
use contract::people::Reach;
use contract::time::UtcTime;
use serde::Serialize;
use tokio::sync::watch;
use utoipa::ToSchema;

/// How many events are remembered.
const REMEMBERED: usize = 8_192;

/// What happened to a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Happened {
    /// An incident was opened, or stands otherwise than before.
    Incident(IncidentId),
    /// An order was signed.
    Order(IncidentId, OrderId),
    /// A person's signature was taken for an order.
    Approval(OrderId),
    /// The hub holds so many of its records, verified and cosigned.
    Evidence(u64),
    /// Its evidence did what it must never do.
    Alarm,
    /// It was heard for the first time since the hub was started, after a silence, or with news of how it fares.
    Heard,
    /// It was added at this site, by an enrolment sheet.
    Enrolment(SiteId),
}

/// The words for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum EventKind {
    /// `incident` was opened, or stands otherwise than before.
    Incident,
    /// `order` was signed, for `incident`.
    Order,
    /// A person's signature was taken for `order`.
    Approval,
    /// The hub holds `size` records of the host, verified and cosigned.
    Evidence,
    /// The host's evidence did what it must never do.
    Alarm,
    /// The host was heard for the first time since the hub was started, after a silence, or with news of how it fares.
    Host,
    /// The host was added at `site`.
    Enrolment,
    /// An alert came, changed, is looked after or is over: of this tenant, or of the hub itself where no tenant is named.
    Alert,
}

impl EventKind {
    /// Its word on the wire.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Incident => "incident",
            Self::Order => "order",
            Self::Approval => "approval",
            Self::Evidence => "evidence",
            Self::Alarm => "alarm",
            Self::Host => "host",
            Self::Enrolment => "enrolment",
            Self::Alert => "alert",
        }
    }
}

/// One event, as it is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct EventView {
    /// When.
    pub(crate) at: UtcTime,
    /// What.
    pub(crate) event: EventKind,
    /// Whose; none where it is the hub's own: an alert alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tenant: Option<TenantId>,
    /// On which machine; none of an alert, which is about a site or the hub.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) host: Option<HostId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) site: Option<SiteId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) incident: Option<IncidentId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) order: Option<OrderId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) size: Option<u64>,
}

impl EventView {
    fn of(at: UtcTime, tenant: TenantId, host: HostId, happened: Happened) -> Self {
        let (event, tenant, host) = (EventKind::Host, Some(tenant), Some(host));
        let plain = Self { at, event, tenant, host, site: None, incident: None, order: None, size: None };
        match happened {
            Happened::Incident(incident) => {
                Self { event: EventKind::Incident, incident: Some(incident), ..plain }
            }
            Happened::Order(incident, order) => {
                Self { event: EventKind::Order, incident: Some(incident), order: Some(order), ..plain }
            }
            Happened::Approval(order) => Self { event: EventKind::Approval, order: Some(order), ..plain },
            Happened::Evidence(size) => Self { event: EventKind::Evidence, size: Some(size), ..plain },
            Happened::Alarm => Self { event: EventKind::Alarm, ..plain },
            Happened::Heard => plain,
            Happened::Enrolment(site) => Self { event: EventKind::Enrolment, site: Some(site), ..plain },
        }
    }

    const fn of_alert(at: UtcTime, tenant: Option<TenantId>) -> Self {
        Self {
            at,
            event: EventKind::Alert,
            tenant,
            host: None,
            site: None,
            incident: None,
            order: None,
            size: None,
        }
    }

    /// Whether whoever has to do with these tenants has to do with it: the hub's own are for whoever has to do with all.
    fn is_for(&self, reach: &Reach) -> bool {
        match &self.tenant {
            Some(tenant) => reach.holds(tenant),
            None => *reach == Reach::Everywhere,
        }
    }
}

/// A place in the list: after so many events since this start of the hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    start: String,
    after: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.start, self.after)
    }
}

/// It is not a place's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BadPlace;

impl FromStr for Place {
    type Err = BadPlace;
    fn from_str(text: &str) -> Result<Self, BadPlace> {
        let (start, after) = text.split_once('.').ok_or(BadPlace)?;
        Ok(Self { start: start.to_owned(), after: after.parse().map_err(|_| BadPlace)? })
    }
}

/// What comes after a place.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// These, in order; and the place after the last that was looked at, which may have been nobody's business here.
    Events(Vec<(Place, EventView)>, Place),
    /// Some of what came after it is forgotten, or it is a place of another start: all is to be read anew, and this is the place to go on from.
    Missed(Place),
}

/// The list.
#[derive(Debug)]
pub(crate) struct Events {
    start: String,
    list: Mutex<VecDeque<EventView>>,
    /// How many there were since the start.
    count: watch::Sender<u64>,
}

impl Events {
    /// A list with a name of its own, so that no place of another start is taken for one of this.
    pub(crate) fn begin() -> std::io::Result<Self> {
        let count = watch::Sender::new(0);
        Ok(Self { start: edge::random::opaque()?, list: Mutex::default(), count })
    }

    /// It happened.
    pub(crate) fn tell(&self, tenant: &TenantId, host: &HostId, happened: Happened) {
        self.add(EventView::of(edge::clock::utc(), tenant.clone(), host.clone(), happened));
    }

    /// An alert came, changed, is looked after or is over.
    pub(crate) fn tell_of_alert(&self, tenant: Option<TenantId>) {
        self.add(EventView::of_alert(edge::clock::utc(), tenant));
    }

    fn add(&self, event: EventView) {
        let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        list.push_back(event);
        if list.len() > REMEMBERED {
            list.pop_front();
        }
        // Within the lock, so that the number is that of the list.
        self.count.send_modify(|count| *count += 1);
    }

    /// Where the list ends now.
    pub(crate) fn end(&self) -> Place {
        let _list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        self.place(*self.count.borrow())
    }

    /// Wakes whenever something happened.
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.count.subscribe()
    }

    /// What came after `place` for whoever has to do with these tenants, at most so many.
    pub(crate) fn after(&self, place: &Place, reach: &Reach, at_most: usize) -> Next {
        let list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        let count = *self.count.borrow();
        let first = count - list.len() as u64;
        if place.start != self.start || !(first..=count).contains(&place.after) {
            return Next::Missed(self.place(count));
        }
        let (mut events, mut end) = (Vec::new(), place.after);
        for event in list.iter().skip(usize::try_from(place.after - first).unwrap_or(usize::MAX)) {
            end += 1;
            if event.is_for(reach) {
                events.push((self.place(end), event.clone()));
                if events.len() == at_most {
                    break;
                }
            }
        }
        Next::Events(events, self.place(end))
    }

    fn place(&self, after: u64) -> Place {
        Place { start: self.start.clone(), after }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tell(events: &Events, tenant: &str, n: u64) {
        events.tell(&tenant.parse().unwrap(), &"h-1".parse().unwrap(), Happened::Evidence(n));
    }

    fn sizes(next: Next) -> Option<(Vec<u64>, Place)> {
        let size = |event: EventView| event.size.unwrap();
        match next {
            Next::Events(all, place) => Some((all.into_iter().map(|(_, e)| size(e)).collect(), place)),
            Next::Missed(_) => None,
        }
    }

    #[test]
    fn a_reader_goes_on_where_it_was_and_sees_its_own_tenants_alone() {
        let events = Events::begin().unwrap();
        let own = Reach::Tenants(["a".parse().unwrap()].into());
        let begin = events.end();
        for n in 0..6 {
            tell(&events, if n % 2 == 0 { "a" } else { "b" }, n);
        }
        let (seen, place) = sizes(events.after(&begin, &own, 2)).unwrap();
        assert_eq!(seen, [0, 2]);
        let (seen, place) = sizes(events.after(&place, &own, 100)).unwrap();
        assert_eq!((seen, place.to_string()), (vec![4], events.end().to_string()));
        assert_eq!(sizes(events.after(&place, &own, 100)).unwrap().0, [0; 0]);
        assert_eq!(sizes(events.after(&begin, &Reach::Everywhere, 100)).unwrap().0, [0, 1, 2, 3, 4, 5]);
        assert_eq!(place.to_string().parse::<Place>(), Ok(place));
    }

    #[test]
    fn an_alert_of_the_hub_itself_is_told_to_whoever_has_to_do_with_everything() {
        let events = Events::begin().unwrap();
        let begin = events.end();
        let own = Reach::Tenants(["a".parse().unwrap()].into());
        for tenant in [None, Some("a"), Some("b")] {
            events.tell_of_alert(tenant.map(|tenant| tenant.parse().unwrap()));
        }
        let heard = |reach: &Reach| match events.after(&begin, reach, 100) {
            Next::Events(all, _) => all.into_iter().map(|(_, event)| event.tenant).collect::<Vec<_>>(),
            Next::Missed(_) => panic!("nothing was missed"),
        };
        assert_eq!(heard(&own), [Some("a".parse().unwrap())]);
        assert_eq!(heard(&Reach::Everywhere).len(), 3);
    }

    #[test]
    fn what_is_forgotten_of_another_start_or_made_up_is_missed_and_told_so() {
        let events = Events::begin().unwrap();
        let begin = events.end();
        for n in 0..=REMEMBERED as u64 {
            tell(&events, "a", n);
        }
        let missed = |place: &Place| matches!(events.after(place, &Reach::Everywhere, 1), Next::Missed(_));
        assert!(missed(&begin), "more happened than is remembered, and nobody was told");
        assert!(!missed(&Place { after: 1, ..begin.clone() }));
        assert!(
            missed(&Place { after: REMEMBERED as u64 + 2, ..begin.clone() }),
            "a place that is still to come"
        );
        assert!(missed(&Events::begin().unwrap().end()), "a place of another start");
        for bad in ["", "x", "x.", ".", "x.-1", "x.y"] {
            assert_eq!(bad.parse::<Place>(), Err(BadPlace), "{bad}");
        }
        assert_eq!(events.list.lock().unwrap().len(), REMEMBERED);
    }
}
