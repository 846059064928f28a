//! Gathering heads and appending them; and the watch over the quorum.

use std::path::Path;
use std::sync::{Arc, PoisonError};

use contract::time::UtcTime;
use tlog::{Checkpoint, SignedNote, cosignature};

use super::index::{Mark, Place};
use super::{Heads, HeadsFault};
use crate::hub::Hub;
use crate::problem::chain;

/// Appends what was gathered, by the timer and once more at the end.
pub(super) async fn run(hub: &Arc<Hub>) {
    let (heads, mut stop) = (&hub.heads, hub.stop.clone());
    let mut told = None;
    loop {
        let stopping = tokio::select! {
            () = stop.requested() => true,
            () = tokio::time::sleep(heads.pace.gather) => false,
        };
        let stood = heads.state().is_stopped();
        if let Err(e) = flush(heads).await {
            tracing::error!(cause = chain(&e), "the log of heads did not take up what was cosigned");
            if !stood && heads.state().is_stopped() {
                heads
                    .raise("heads_stopped", "nothing is appended until the hub is started again".to_owned())
                    .await;
            }
        }
        if stopping {
            return;
        }
        if let Err(e) = watch_quorum(heads, edge::clock::utc(), &mut told).await {
            tracing::error!(cause = chain(&e), "the quorum of outside witnesses cannot be watched");
        }
    }
}

/// Brings the index up to the log, and takes up what was cosigned and not appended when the hub last ended.
pub(super) async fn catch_up(hub: &Arc<Hub>) {
    if let Err(e) = index_again(&hub.heads).await {
        tracing::error!(cause = chain(&e), "the index of the log of heads cannot be made");
    }
    let hosts = match hub.store.hosts().await {
        Ok(hosts) => hosts,
        Err(e) => {
            tracing::error!(cause = chain(&e), "the sites' heads cannot be looked through");
            return;
        }
    };
    let directories: Vec<_> = hosts.iter().map(|row| hub.mirror.directory(&row.holder)).collect();
    let (heads, witness) = (Arc::clone(hub), hub.keys.witness.verifier().clone());
    let looked = tokio::task::spawn_blocking(move || {
        for directory in directories {
            if let Some(head) = cosigned(&directory, &witness) {
                heads.heads.await_append(head);
            }
        }
    });
    let _ = looked.await;
}

/// The newest head of a site that this hub cosigned, from the archive.
fn cosigned(directory: &Path, witness: &tlog::VerifierKey) -> Option<Checkpoint> {
    let bytes = edge::file::read(&directory.join("checkpoint"), tlog::note::NOTE_BYTES_MAX as u64).ok()?;
    let note = SignedNote::parse(&bytes).ok()?;
    cosignature::verify(&note, witness).ok().map(|c| c.checkpoint().clone())
}

async fn index_again(heads: &Heads) -> Result<(), HeadsFault> {
    let (mut reaches, size) = (heads.index.reaches().await?, heads.state().size());
    if reaches > size {
        let detail = format!("the log has {size} entries, and had {reaches}: an older copy was put back");
        heads.raise("heads_rolled_back", detail).await;
        heads.index.cut(size).await?;
        return Ok(());
    }
    while reaches < size {
        let from = reaches;
        let entries = heads.with_state(move |state| state.log().entries(from)).await?;
        let mut places = Vec::with_capacity(entries.len());
        for (entry, leaf) in entries.iter().zip(from..) {
            let Ok(head) = entry.parse::<Checkpoint>() else { continue };
            places.push(Place { origin: head.origin.to_string(), size: head.size.get(), leaf, at: None });
        }
        reaches += entries.len() as u64;
        heads.index.add(places).await?;
    }
    Ok(())
}

/// Appends what was gathered.
pub(super) async fn flush(heads: &Heads) -> Result<(), HeadsFault> {
    let gathered = std::mem::take(&mut *heads.pending.lock().unwrap_or_else(PoisonError::into_inner));
    let done = append(heads, gathered.values().cloned().collect()).await;
    if done.is_err() {
        for head in gathered.into_values() {
            heads.await_append(head);
        }
    }
    done
}

/// The head of that log and size that stands in the log of heads.
async fn standing(heads: &Heads, head: &Checkpoint) -> Result<Option<String>, HeadsFault> {
    let (origin, size) = (head.origin.to_string(), head.size.get());
    let found = heads.index.find(origin, size, u64::MAX).await?;
    let Some(place) = found.filter(|place| place.size == size) else { return Ok(None) };
    let entries = heads.with_state(move |state| state.log().entries(place.leaf)).await?;
    Ok(Some(entries.into_iter().next().unwrap_or_default()))
}

async fn append(heads: &Heads, gathered: Vec<Checkpoint>) -> Result<(), HeadsFault> {
    let mut fresh = Vec::with_capacity(gathered.len());
    for head in gathered {
        match standing(heads, &head).await? {
            None => fresh.push(head),
            Some(there) if there == head.to_string() => {}
            Some(there) => {
                let (here, cosigned) = (there.lines().nth(2).unwrap_or_default(), head.to_string());
                let root = cosigned.lines().nth(2).unwrap_or_default();
                let detail = format!(
                    "of {} at size {} the log has root {here}, and the hub has cosigned root {root} since",
                    head.origin, head.size
                );
                heads.raise("heads_differ", detail).await;
            }
        }
    }
    if fresh.is_empty() {
        return Ok(());
    }
    let entries: Vec<String> = fresh.iter().map(ToString::to_string).collect();
    let keys = Arc::clone(&heads.keys);
    let (from, size) = heads
        .with_state(move |state| {
            let from = state.size();
            state.append(&entries, &keys.heads).map(|()| (from, state.size()))
        })
        .await?;
    let now = edge::clock::utc();
    let place = |(head, leaf): (&Checkpoint, u64)| Place {
        origin: head.origin.to_string(),
        size: head.size.get(),
        leaf,
        at: Some(now),
    };
    heads.index.add(fresh.iter().zip(from..).map(place).collect()).await?;
    heads.newest.send_replace(size);
    Ok(())
}

/// A quorum that is not met for a day is an alarm, once a day. `told` is when it was told last.
pub(super) async fn watch_quorum(
    heads: &Heads,
    now: UtcTime,
    told: &mut Option<UtcTime>,
) -> Result<(), HeadsFault> {
    let (size, met) = {
        let state = heads.state();
        (state.size(), state.is_met())
    };
    if size == 0 || heads.told.policy.is_none() {
        return Ok(());
    }
    let day = u64::try_from(heads.pace.day.as_millis()).unwrap_or(u64::MAX);
    let since = heads.index.mark(Mark::Witnessed).await?;
    let Some(since) = since.filter(|since| !met || now.ms_since(*since) < day / 24) else {
        return Ok(heads.index.set_mark(Mark::Witnessed, now).await?);
    };
    if !met && now.ms_since(since) > day && told.is_none_or(|told| now.ms_since(told) > day) {
        *told = Some(now);
        let detail = format!("since {since} not enough outside witnesses cosigned the log of heads");
        heads.raise("heads_unwitnessed", detail).await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Outside;
    use crate::keys::Keys;

    #[tokio::test]
    async fn another_root_for_a_size_that_has_one_is_an_alarm_and_the_same_again_is_none() {
        let directory = tempfile::tempdir().unwrap();
        let keys = Keys::open(directory.path(), &"localhost".parse().unwrap()).unwrap();
        let heads = Heads::open(directory.path(), Arc::new(keys), &Outside::default()).unwrap();
        let head = |root: &str| -> Checkpoint { format!("h/h-1\n7\n{root}\n").parse().unwrap() };
        let (one, other) = ("A".repeat(43) + "=", "B".repeat(42) + "A=");
        for root in [&one, &one, &other] {
            assert_eq!(heads.index.alarms().await.unwrap().len(), 0);
            heads.await_append(head(root));
            flush(&heads).await.unwrap();
        }
        let alarms = serde_json::to_value(heads.index.alarms().await.unwrap()).unwrap();
        assert_eq!(alarms[0]["kind"], "heads_differ");
        let detail = alarms[0]["detail"].as_str().unwrap();
        assert!(detail.contains(&one) && detail.contains(&other), "{detail}");
        assert_eq!(heads.state().size(), 1);
    }
}
