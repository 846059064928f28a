//! What a device says runs on it: known, explained, or a reason to put it in quarantine.

use contract::attest::Attested;
use contract::record::{DeviceEvent, DeviceNoted};
use contract::time::UtcTime;
use identity::Holder;

use crate::alerts::QUARANTINED;
use crate::events::Happened;
use crate::hub::Hub;
use crate::problem::Fault;
use crate::store::{Alarm, Attesting, InQuarantine};

/// Judges what `holder` says. A quarantine counts before this returns, and is in the hub's own log, or is put there with the next heartbeat.
pub(super) async fn judge(hub: &Hub, holder: Holder, said: Attested, now: UtcTime) -> Result<(), Fault> {
    let judged = hub.store.attest(holder.clone(), said, now).await;
    let found = match judged.map_err(|e| Fault::ours("look at what runs there", &e))? {
        Attesting::Known | Attesting::Doubted => return Ok(()),
        Attesting::Quarantined(found) if found.recorded => return Ok(()),
        Attesting::Quarantined(found) => found,
    };
    let InQuarantine { changed, held, said, recorded: _ } = *found;
    let host = holder.host.clone();
    tracing::error!(%host, tenant = %holder.tenant, ?changed, "a host is in quarantine: what runs on it is not explained");
    hub.bells.ring(&host);
    let parts = changed.iter().map(|part| part.word()).collect::<Vec<_>>().join(", ");
    let detail = format!("{parts} changed, and nothing explains it: {}", said.digest());
    let raised = hub.store.raise(host.clone(), Alarm { kind: QUARANTINED, detail }, now).await;
    raised.map_err(|e| Fault::ours("keep the alarm", &e))?;
    hub.events.tell(&holder.tenant, &host, Happened::Alarm);
    let what = DeviceEvent::Quarantined { changed, held: Box::new(held), said: Box::new(said) };
    let noted = DeviceNoted { tenant: Some(holder.tenant), host: Some(host.clone()), what };
    hub.people.write_device(noted, now).await.map_err(|e| Fault::ours("record the quarantine", &e))?;
    hub.store.quarantine_recorded(host).await.map_err(|e| Fault::ours("note the record", &e))
}
