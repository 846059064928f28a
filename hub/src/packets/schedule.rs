//! What is due by itself. At each look it is computed from what there is, so a hub that was off, or whose clock jumped, makes up for it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use contract::ids::TenantId;
use contract::packet::PacketKind;
use contract::time::UtcTime;
use packet::Month;

use super::profiles::Profile;
use super::{Asked, PacketFault, mail, of_month, of_week, record};
use crate::hub::Hub;
use crate::people::Scope;
use crate::problem::chain;

/// After the end of a month it is waited for so long: records of its last minutes are still on their way.
const LATE_MS: u64 = 6 * 60 * 60 * 1000;

/// After a failure a tenant is left alone for so long, and each time twice as long, up to a day: its logs are walked each time.
const AGAIN_MS: u64 = 10 * 60 * 1000;
const AGAIN_MS_MAX: u64 = 24 * 60 * 60 * 1000;
/// So many months are made up for, at most, after a hub was off.
const MONTHS_MAX: usize = 12;

/// What came of the last looks: a failure, or that there was nothing to tell, each with when to look again.
#[derive(Debug, Default)]
struct Waits(BTreeMap<(TenantId, PacketKind), (UtcTime, u32)>);

impl Waits {
    fn over(&self, of: &(TenantId, PacketKind), now: UtcTime) -> bool {
        self.0.get(of).is_none_or(|(until, _)| *until <= now)
    }

    fn again(&mut self, of: (TenantId, PacketKind), now: UtcTime) {
        let times = self.0.get(&of).map_or(0, |(_, times)| *times);
        let wait = AGAIN_MS.saturating_mul(1 << times.min(20)).min(AGAIN_MS_MAX);
        self.0.insert(of, (now.plus_ms(wait), times.saturating_add(1)));
    }
}

/// Makes what is due, every so often, until the hub stops.
pub(crate) async fn run(hub: Arc<Hub>, every: Duration) {
    let mut stop = hub.stop.clone();
    let mut waits = Waits::default();
    loop {
        if let Err(e) = record(&hub).await {
            tracing::error!(cause = chain(&e), "the hub's own log does not tell of a packet yet");
        }
        let tenants: Vec<TenantId> =
            hub.packets.profiles.tenants().map(|(tenant, _)| tenant.clone()).collect();
        for tenant in &tenants {
            for kind in [PacketKind::Month, PacketKind::Week] {
                make_due(&hub, tenant, kind, &mut waits).await;
            }
        }
        tokio::select! {
            () = stop.requested() => return,
            () = tokio::time::sleep(every) => {}
        }
    }
}

/// Mails what is to be mailed, every so often, until the hub stops: a server that takes its time holds up no packet.
pub(crate) async fn deliver(hub: Arc<Hub>, every: Duration) {
    let mut stop = hub.stop.clone();
    loop {
        tokio::select! {
            () = stop.requested() => return,
            () = mail::send_due(&hub) => {}
        }
        tokio::select! {
            () = stop.requested() => return,
            () = tokio::time::sleep(every) => {}
        }
    }
}

async fn make_due(hub: &Arc<Hub>, tenant: &TenantId, kind: PacketKind, waits: &mut Waits) {
    let (of, now) = ((tenant.clone(), kind), edge::clock::utc());
    if !waits.over(&of, now) {
        return;
    }
    let says = |wrong| hub.packets.faults.says(tenant, kind.word(), wrong);
    match make_due_of(hub, tenant, kind, now).await {
        Ok(()) => {
            says(None);
            waits.0.remove(&of);
        }
        // A tenant that had no machine before the end of a period has no packet of it, and there is nothing wrong with that.
        Err(PacketFault::NoEvidence) => {
            says(None);
            waits.again(of, now);
        }
        Err(e) => {
            let (word, cause) = (kind.word(), chain(&e));
            tracing::error!(%tenant, kind = word, cause, "a packet that is due cannot be made; it is tried again");
            let what = format!("the packet of the {word} that is due cannot be made: {cause}");
            says(Some((due(&hub.packets.profile(hub, tenant), kind, now), what)));
            waits.again(of, now);
        }
    }
}

/// The period whose packet is due.
fn due(profile: &Profile, kind: PacketKind, now: UtcTime) -> String {
    match kind {
        PacketKind::Month => last_month(profile, now).to_string(),
        PacketKind::Week => profile.zone.week_before(settled(now)).0,
    }
}

/// The last month that is over, with its late records.
fn last_month(profile: &Profile, now: UtcTime) -> Month {
    Month::of(settled(now), &profile.zone).before()
}

/// Of what was before this, all is here.
fn settled(now: UtcTime) -> UtcTime {
    UtcTime::from_unix_ms(now.unix_ms().saturating_sub_unsigned(LATE_MS)).unwrap_or(now)
}

async fn make_due_of(
    hub: &Arc<Hub>,
    tenant: &TenantId,
    kind: PacketKind,
    now: UtcTime,
) -> Result<(), PacketFault> {
    // The hub by itself has to do with every tenant.
    let scope = || Scope::at_the_machine(tenant.clone());
    let profile = hub.packets.profile(hub, tenant);
    match kind {
        PacketKind::Month => {
            let there = hub.packets.of_tenant(scope()).await?;
            let newest = there
                .iter()
                .filter(|packet| packet.kind == kind)
                .filter_map(|packet| packet.period.parse().ok())
                .max();
            for month in missed(newest, last_month(&profile, now)) {
                of_month(hub, scope(), Asked { month, corrects: None, by: None }).await?;
            }
        }
        PacketKind::Week if profile.postcard => {
            let (first, span) = profile.zone.week_before(settled(now));
            of_week(hub, scope(), first, span).await?;
        }
        PacketKind::Week => {}
    }
    Ok(())
}

/// The months after the newest packet's, up to the last one that is over; without any packet, the last one alone.
fn missed(newest: Option<Month>, last: Month) -> Vec<Month> {
    let from = newest.map_or(last, Month::after);
    let back = std::iter::successors(Some(last), |month| Some(month.before())).take(MONTHS_MAX);
    let mut months: Vec<Month> = back.take_while(|month| *month >= from).collect();
    months.reverse();
    months
}

#[cfg(test)]
mod tests {
    use super::*;

    fn month(text: &str) -> Month {
        text.parse().unwrap()
    }

    #[test]
    fn a_hub_that_was_off_makes_up_for_each_month_since_the_last_packet() {
        assert_eq!(missed(None, month("2026-10")), [month("2026-10")]);
        assert_eq!(missed(Some(month("2026-10")), month("2026-10")), []);
        assert_eq!(missed(Some(month("2026-11")), month("2026-10")), [], "a clock that was set back");
        let three = ["2026-11", "2026-12", "2027-01"].map(month);
        assert_eq!(missed(Some(month("2026-10")), month("2027-01")), three);
        assert_eq!(missed(Some(month("2020-01")), month("2027-01")).len(), MONTHS_MAX);
    }

    #[test]
    fn what_fails_is_left_alone_longer_each_time() {
        let now = edge::clock::utc();
        let (mut waits, of) = (Waits::default(), ("t-1".parse().unwrap(), PacketKind::Month));
        assert!(waits.over(&of, now));
        waits.again(of.clone(), now);
        assert!(!waits.over(&of, now.plus_ms(AGAIN_MS - 1)) && waits.over(&of, now.plus_ms(AGAIN_MS)));
        waits.again(of.clone(), now);
        assert!(!waits.over(&of, now.plus_ms(2 * AGAIN_MS - 1)));
        (0..30).for_each(|_| waits.again(of.clone(), now));
        assert!(waits.over(&of, now.plus_ms(AGAIN_MS_MAX)));
    }
}
