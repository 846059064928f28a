//! What is due by itself. At each look it is computed from what there is, so a hub that was off, or whose clock jumped, makes up for it.

use std::sync::Arc;
use std::time::Duration;

use contract::ids::TenantId;
use contract::packet::PacketView;
use packet::Month;

use super::{Asked, PacketFault, mail, of_month, of_week, record};
use crate::hub::Hub;
use crate::people::Scope;
use crate::problem::chain;

/// After the end of a month it is waited for so long: records of its last minutes are still on their way.
const LATE_MS: u64 = 6 * 60 * 60 * 1000;

/// Looks, every so often, until the hub stops.
pub(crate) async fn run(hub: Arc<Hub>, every: Duration) {
    let mut stop = hub.stop.clone();
    loop {
        if let Err(e) = record(&hub).await {
            tracing::error!(cause = chain(&e), "the hub's own log does not tell of a packet yet");
        }
        make_due(&hub).await;
        mail::send_due(&hub).await;
        tokio::select! {
            () = stop.requested() => return,
            () = tokio::time::sleep(every) => {}
        }
    }
}

/// Makes the packets of the last month, and of the last week, that are not there. What fails for one tenant is tried again at the next look.
async fn make_due(hub: &Arc<Hub>) {
    let tenants: Vec<TenantId> = hub.packets.profiles.tenants().map(|(tenant, _)| tenant.clone()).collect();
    for tenant in tenants {
        if let Err(e) = make_due_of(hub, &tenant).await {
            tracing::error!(%tenant, cause = chain(&e), "a packet that is due cannot be made");
        }
    }
}

async fn make_due_of(hub: &Arc<Hub>, tenant: &TenantId) -> Result<(), PacketFault> {
    // The hub by itself has to do with every tenant.
    let scope = || Scope::at_the_machine(tenant.clone());
    let profile = hub.packets.profile(hub, tenant);
    let now = edge::clock::utc();
    let Some(settled) =
        contract::time::UtcTime::from_unix_ms(now.unix_ms().saturating_sub_unsigned(LATE_MS)).ok()
    else {
        return Ok(());
    };
    let month = Month::of(settled, &profile.zone).before();
    none_yet(of_month(hub, scope(), Asked { month, corrects: None, by: None }).await)?;
    if profile.postcard {
        let (first, span) = profile.zone.week_before(settled);
        none_yet(of_week(hub, scope(), first, span).await)?;
    }
    Ok(())
}

/// A tenant that had no machine before the end of a period has no packet of it, and there is nothing wrong with that.
fn none_yet(made: Result<PacketView, PacketFault>) -> Result<(), PacketFault> {
    match made {
        Ok(_) | Err(PacketFault::NoEvidence) => Ok(()),
        Err(e) => Err(e),
    }
}
