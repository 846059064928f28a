//! Looking, deciding and sending, again and again until the hub stops.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use contract::incident::What;
use contract::time::UtcTime;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::decide::{Standing, Step, decide};
use super::facts::{self, Fact};
use super::rules::Rules;
use super::send::Ways;
use crate::calls;
use crate::hub::Hub;
use crate::machine::last_backup;
use crate::problem::chain;
use crate::store::StoreError;

/// Alarms that are older than this are no matter of today.
const ALARM_MS: u64 = 24 * 60 * 60 * 1000;
/// What a channel has not taken for so long is a fault.
const STUCK_MS: u64 = 60 * 60 * 1000;

/// Watches until the hub stops. What is being sent then is cut off, and sent again by the next start.
pub(crate) async fn run(hub: Arc<Hub>, rules: Rules, ways: Arc<Ways>, every: Duration, directory: PathBuf) {
    let mut stop = hub.stop.clone();
    if let Err(e) = give_up_strangers(&hub, &ways).await {
        tracing::error!(
            cause = chain(&e),
            "what is on its way by channels that are gone cannot be looked at"
        );
    }
    let looked = Arc::new(Notify::new());
    // They end with this function.
    let mut channels = JoinSet::new();
    for name in ways.names() {
        channels.spawn(Arc::clone(&ways).carry(Arc::clone(&hub), name, every, Arc::clone(&looked)));
    }
    // What a hub that was away has not heard yet says nothing of the sites.
    let began = edge::clock::utc();
    loop {
        tokio::select! {
            () = stop.requested() => return,
            () = tokio::time::sleep(every) => {}
        }
        if let Err(e) = look(&hub, &rules, &directory, began, edge::clock::utc()).await {
            tracing::error!(
                cause = chain(&e),
                "how things stand cannot be looked at, and nobody is told of it"
            );
        }
        looked.notify_waiters();
    }
}

/// Nothing goes any more by a channel that alerts.yaml does not name.
async fn give_up_strangers(hub: &Hub, ways: &Ways) -> Result<(), StoreError> {
    for (channel, messages) in hub.store.give_up_all_but(ways.names()).await? {
        tracing::error!(
            channel,
            messages,
            "there is no such channel any more, and what was on its way by it is given up"
        );
    }
    Ok(())
}

async fn look(
    hub: &Arc<Hub>,
    rules: &Rules,
    directory: &Path,
    began: UtcTime,
    now: UtcTime,
) -> Result<(), StoreError> {
    let listens = hub.bounds.listens.map(|listens| u64::try_from(listens.as_millis()).unwrap_or(u64::MAX));
    let awake = now.ms_since(began) >= listens.unwrap_or(rules.dark_after_ms.min(STUCK_MS));
    let library = Arc::clone(&hub.library);
    let severity = move |what: &What| calls::severity(what, &library.baseline);
    for tenant in hub.store.look_at_calls(severity, now).await? {
        hub.events.tell_of_alert(Some(tenant));
    }
    let mut standing = hub.store.standing_alerts().await?;
    let facts = facts_of(hub, rules, directory, (&standing, awake), now).await?;
    // Nor does it say that a site is back.
    standing.retain(|alert| awake || !alert.kind.is_about_silence());
    let mut steps = decide(&standing, &facts, rules, now);
    // Nor that nothing is wrong with packets any more.
    steps.retain(|step| awake || !matches!(step, Step::End { key } if facts::is_of_packets(key)));
    if !steps.is_empty() {
        let whose: BTreeSet<_> = steps.iter().map(|step| facts::tenant_of(step.key())).collect();
        hub.store.take_alert_steps(hub.name.to_string(), steps, now).await?;
        for tenant in whose {
            hub.events.tell_of_alert(tenant);
        }
    }
    Ok(())
}

async fn facts_of(
    hub: &Arc<Hub>,
    rules: &Rules,
    directory: &Path,
    (standing, awake): (&[Standing], bool),
    now: UtcTime,
) -> Result<Vec<Fact>, StoreError> {
    let mut facts = Vec::new();
    if awake {
        facts.extend(facts::dark(&hub.store.seen().await?, rules.dark_after_ms, now));
    }
    facts.extend(facts::calls(&hub.store.calls_unheard().await?));
    let since = UtcTime::from_unix_ms(now.unix_ms().saturating_sub(i64::try_from(ALARM_MS).unwrap_or(0)));
    facts.extend(facts::evidence(hub.store.alarmed_since(since.unwrap_or(now)).await?, standing));
    facts.extend(facts::quarantined(hub.store.quarantines(now).await?));
    if let Some(within) = rules.backup_within_ms {
        match last_backup(directory) {
            Some(made) if now.ms_since(made) <= within => {}
            Some(made) => facts.push(facts::fault("backup", format!("the hub's last backup is of {made}"))),
            None => facts.push(facts::fault("backup", "the hub was never backed up".to_owned())),
        }
    }
    match hub.heads.view().await {
        Ok(view) => facts.extend(view.faults(now, ALARM_MS).map(|(kind, what)| facts::fault(kind, what))),
        Err(e) => facts.push(facts::fault("heads", chain(&e))),
    }
    match hub.packets.faults(now).await {
        Ok(faults) => facts.extend(faults.into_iter().map(facts::packets)),
        Err(e) => facts.push(facts::fault("packets", chain(&e))),
    }
    let hour_ago = UtcTime::from_unix_ms(now.unix_ms().saturating_sub(i64::try_from(STUCK_MS).unwrap_or(0)));
    for stuck in hub.store.stuck_alerts(hour_ago.unwrap_or(now)).await? {
        let what =
            format!("channel {} has not taken {} messages since {}", stuck.channel, stuck.count, stuck.since);
        facts.push(facts::fault(&format!("channel/{}", stuck.channel), what));
    }
    Ok(facts)
}
