//! Which refusals at the door are written down each for itself: the first of its kind, and then one an hour with the count. They cost whoever causes them
//! nothing, and the hub's own log a sync. Pure: the clock is handed in.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use contract::ids::HostId;
use contract::record::{DeviceEvent, DeviceNoted, NotLetIn};
use contract::time::MonoNs;
use identity::Holder;

use crate::hub::Hub;

const EVERY_MS: u64 = 60 * 60 * 1000;
/// So many kinds are told apart: what is beyond is counted as nobody's.
const KINDS_MAX: usize = 4_096;

type Kind = (Option<HostId>, NotLetIn);

/// What was written when, and what was not since.
#[derive(Debug, Default)]
pub(crate) struct Refusals(Mutex<HashMap<Kind, Counted>>);

#[derive(Debug)]
struct Counted {
    written: Option<MonoNs>,
    withheld: u64,
}

impl Refusals {
    /// One more of this kind: of whom and for how many a record is to be written now; none where it is only counted.
    fn refuse(&self, host: Option<&HostId>, why: NotLetIn, now: MonoNs) -> Option<(bool, u64)> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut kind = (host.cloned(), why);
        if all.len() >= KINDS_MAX && !all.contains_key(&kind) {
            kind.0 = None;
        }
        let named = kind.0.is_some();
        let counted = all.entry(kind).or_insert(Counted { written: None, withheld: 0 });
        counted.withheld += 1;
        if counted.written.is_some_and(|written| now.ms_since(written) < EVERY_MS) {
            return None;
        }
        counted.written = Some(now);
        Some((named, std::mem::take(&mut counted.withheld)))
    }
}

/// Writes down that somebody was not let in, as far as the ration goes. That it cannot be written lets nobody in.
pub(super) async fn note(hub: &Hub, holder: Option<&Holder>, why: NotLetIn) {
    let due = hub.refusals.refuse(holder.map(|holder| &holder.host), why, edge::clock::mono());
    let Some((named, times)) = due else { return };
    let holder = holder.filter(|_| named);
    let noted = DeviceNoted {
        tenant: holder.map(|holder| holder.tenant.clone()),
        host: holder.map(|holder| holder.host.clone()),
        what: DeviceEvent::TurnedAway { why, times },
    };
    if let Err(e) = hub.people.write_device(noted, edge::clock::utc()).await {
        tracing::error!(error = crate::problem::chain(&e), ?why, "a refusal could not be recorded");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_told_once_an_hour_and_counted_in_between() {
        let refusals = Refusals::default();
        let host: HostId = "h-1".parse().unwrap();
        let at = |ms: u64| MonoNs(5_000_000_000 + ms * 1_000_000);
        let refuse = |host, why, ms| refusals.refuse(host, why, at(ms));
        assert_eq!(refuse(Some(&host), NotLetIn::Revoked, 0), Some((true, 1)));
        assert!((1..1000).all(|ms| refuse(Some(&host), NotLetIn::Revoked, ms).is_none()));
        assert_eq!(refuse(None, NotLetIn::Handshake, 1), Some((false, 1)));
        assert_eq!(refuse(Some(&host), NotLetIn::Revoked, EVERY_MS), Some((true, 1000)));
    }

    #[test]
    fn a_million_names_do_not_fill_the_memory() {
        let refusals = Refusals::default();
        for n in 0..2 * KINDS_MAX {
            let host = format!("h-{n}").parse().unwrap();
            refusals.refuse(Some(&host), NotLetIn::Revoked, MonoNs(1));
        }
        assert!(refusals.0.lock().unwrap().len() <= KINDS_MAX + 1);
        let late = MonoNs((EVERY_MS + 1) * 1_000_000);
        let told = refusals.refuse(Some(&"h-new".parse().unwrap()), NotLetIn::Revoked, late);
        assert_eq!(told, Some((false, KINDS_MAX as u64)), "what is beyond is counted");
    }
}
