//! What a server tells of a tenant's streams by itself: told on, and counted.

use std::sync::atomic::{AtomicU64, Ordering};

use async_nats::Client;
use contract::ids::TenantId;
use futures_util::StreamExt as _;
use serde::Deserialize;

use super::error::NatsError;

/// How often servers told of something, by what it means.
#[derive(Debug, Default)]
pub struct Advisories {
    /// A message was handed out as often as the server would: with this queue's own settings it never is.
    pub max_deliveries: AtomicU64,
    /// A stream or consumer was made, changed or removed.
    pub changes: AtomicU64,
    /// Another server leads a stream or a consumer.
    pub leaders: AtomicU64,
    /// Too few servers of a cluster can be reached to go on.
    pub quorum_lost: AtomicU64,
    /// Anything else.
    pub others: AtomicU64,
}

#[derive(Debug, Deserialize)]
struct Advisory {
    #[serde(default)]
    stream: String,
    #[serde(default)]
    consumer: String,
    #[serde(default)]
    stream_seq: u64,
    #[serde(default)]
    deliveries: u64,
}

/// Which counter, and whether somebody should look at it.
fn sort<'a>(subject: &str, counts: &'a Advisories) -> (&'a AtomicU64, bool) {
    let words: Vec<&str> = subject.trim_start_matches("$JS.EVENT.ADVISORY.").split('.').collect();
    match words.as_slice() {
        ["CONSUMER", "MAX_DELIVERIES", ..] => (&counts.max_deliveries, true),
        ["STREAM" | "CONSUMER", "LEADER_ELECTED", ..] => (&counts.leaders, false),
        ["STREAM" | "CONSUMER", "QUORUM_LOST", ..] => (&counts.quorum_lost, true),
        ["STREAM" | "CONSUMER", "CREATED" | "UPDATED" | "DELETED" | "PAUSE" | "MODIFIED", ..] => {
            (&counts.changes, true)
        }
        _ => (&counts.others, false),
    }
}

/// Listens until it is dropped or the connection is closed.
pub(super) async fn run(
    client: Client,
    tenant: TenantId,
    counts: std::sync::Arc<Advisories>,
) -> Result<(), NatsError> {
    let mut told = client
        .subscribe("$JS.EVENT.ADVISORY.>")
        .await
        .map_err(|e| NatsError::NotAsked { what: "advisories", source: Box::new(e) })?;
    while let Some(message) = told.next().await {
        // The interface itself is audited there, too: that would count every question of our own.
        if message.subject.starts_with("$JS.EVENT.ADVISORY.API") {
            continue;
        }
        let (counter, matters) = sort(&message.subject, &counts);
        counter.fetch_add(1, Ordering::Relaxed);
        let Ok(Advisory { stream, consumer, stream_seq, deliveries }) =
            serde_json::from_slice(&message.payload)
        else {
            continue;
        };
        let what = message.subject.as_str();
        if matters {
            tracing::warn!(%tenant, what, stream, consumer, stream_seq, deliveries, "told by the queue's server");
        } else {
            tracing::info!(%tenant, what, stream, consumer, "told by the queue's server");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advisories_are_told_apart() {
        let counts = Advisories::default();
        for (subject, matters) in [
            ("CONSUMER.MAX_DELIVERIES.INCIDENTS.planner", true),
            ("STREAM.QUORUM_LOST.INCIDENTS", true),
            ("STREAM.LEADER_ELECTED.INCIDENTS", false),
            ("STREAM.DELETED.INCIDENTS", true),
            ("CONSUMER.MSG_TERMINATED.INCIDENTS.planner", false),
        ] {
            let (counter, told) = sort(&format!("$JS.EVENT.ADVISORY.{subject}"), &counts);
            counter.fetch_add(1, Ordering::Relaxed);
            assert_eq!(told, matters, "{subject}");
        }
        for counter in
            [&counts.max_deliveries, &counts.quorum_lost, &counts.leaders, &counts.changes, &counts.others]
        {
            assert_eq!(counter.load(Ordering::Relaxed), 1);
        }
    }
}
