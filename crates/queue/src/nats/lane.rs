//! One tenant's account on the servers, and what is done in it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_nats::{Client, HeaderMap};
use contract::ids::TenantId;
use contract::time::UtcTime;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::api::{self, ConsumerInfo, StreamInfo, api, ask, code, next_message, purge, put};
use super::connection::Connection;
use super::error::NatsError;
use super::names::{self, CONSUMER, DEAD, INCIDENTS, RELEASED};
use super::standing::{Received, Standing};
use super::time;
use crate::{Dead, Depth, Kept, Limits, MessageId, Published, Reason, Sequence, Subject};

/// After so many publications what was acknowledged long ago is forgotten.
const TRIM_EVERY: u64 = 256;
const REASON: &str = "Suture-Reason";
const DELIVERIES: &str = "Suture-Deliveries";

/// A tenant's account.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) tenant: TenantId,
    pub(super) connection: Connection,
    pub(super) limits: Limits,
    standing: Mutex<Standing>,
}

/// A publication that is under way; dropped, whatever became of it, it is not any more.
struct UnderWay<'a>(&'a Lane, bool);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.standing().ended(self.1);
    }
}

impl Lane {
    pub(super) fn new(tenant: TenantId, connection: Connection, limits: Limits) -> Self {
        Self { tenant, connection, limits, standing: Mutex::default() }
    }

    pub(super) fn standing(&self) -> MutexGuard<'_, Standing> {
        // No method of it can panic midway.
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) const fn client(&self) -> &Client {
        &self.connection.client
    }

    /// Nothing where the tenant has no room for it.
    pub(super) async fn publish(
        self: &Arc<Self>,
        subject: &Subject,
        id: &MessageId,
        body: Vec<u8>,
    ) -> Result<Option<Published>, NatsError> {
        self.connection.safe()?;
        let subject = subject.to_string();
        let mut reserved = self.standing().reserve();
        if !reserved {
            let there = self.count().await?;
            let mut standing = self.standing();
            standing.measure(there, self.limits.pending_max);
            reserved = standing.reserve();
        }
        if !reserved {
            return self.earlier(&subject, id).await;
        }
        let mut under_way = UnderWay(self, false);
        let stored = put(self.client(), &subject, id.as_str(), HeaderMap::new(), body).await;
        match stored {
            Ok(stored) => {
                under_way.1 = stored.duplicate;
                if stored.seq.is_multiple_of(TRIM_EVERY) && !stored.duplicate {
                    self.trim_later();
                }
                Ok(Some(Published { sequence: Sequence(stored.seq), repeated: stored.duplicate }))
            }
            Err(NatsError::Refused { code: code::NOT_STORED, description, .. })
                if description == api::FULL =>
            {
                self.earlier(&subject, id).await
            }
            Err(e) => Err(e),
        }
    }

    /// Asks whether this id is known, in a way that stores nothing: under a condition that cannot hold, which the server looks at after the id. Which
    /// conditions those are differs: a replicated stream must refuse before it tells the other servers, else it would remember the id.
    async fn earlier(&self, subject: &str, id: &MessageId) -> Result<Option<Published>, NatsError> {
        let replicas = self.stream(INCIDENTS).await?.config["num_replicas"].as_u64();
        let mut headers = HeaderMap::new();
        if replicas.is_some_and(|replicas| replicas > 1) {
            headers.insert("Nats-Expected-Last-Sequence", i64::MAX.to_string());
        } else {
            headers.insert("Nats-Expected-Last-Msg-Id", "no message has an id with spaces");
        }
        match put(self.client(), subject, id.as_str(), headers, Vec::new()).await {
            Ok(stored) => Ok(Some(Published { sequence: Sequence(stored.seq), repeated: true })),
            Err(NatsError::Refused { .. }) => Ok(None),
            Err(e) => Err(e),
        }
    }

    async fn info(&self) -> Result<ConsumerInfo, NatsError> {
        let verb = format!("CONSUMER.INFO.{INCIDENTS}.{CONSUMER}");
        api(self.client(), "the consumer", &verb, &Value::Null).await
    }

    async fn stream(&self, name: &str) -> Result<StreamInfo, NatsError> {
        api(self.client(), "a stream", &format!("STREAM.INFO.{name}"), &Value::Null).await
    }

    /// How many are pending or dead.
    async fn count(&self) -> Result<u64, NatsError> {
        let (info, dead) = (self.info().await?, self.stream(DEAD).await?);
        Ok(info.num_pending + info.num_ack_pending + dead.state.messages)
    }

    fn trim_later(self: &Arc<Self>) {
        let lane = Arc::clone(self);
        tokio::spawn(async move {
            if let Err(e) = lane.trim().await {
                tracing::warn!(tenant = %lane.tenant, error = %e, "acknowledged messages are kept longer than they need be");
            }
        });
    }

    /// Forgets the oldest messages: those below which everything is settled, but for as many as are to be remembered.
    pub(super) async fn trim(&self) -> Result<u64, NatsError> {
        let (info, stream) = (self.info().await?, self.stream(INCIDENTS).await?);
        let remembered = u64::from(self.limits.remembered_max);
        let up_to =
            (info.ack_floor.stream_seq + 1).min((stream.state.last_seq + 1).saturating_sub(remembered));
        if stream.state.messages <= remembered || up_to < 2 {
            return Ok(0);
        }
        purge(self.client(), INCIDENTS, &json!({ "seq": up_to })).await
    }

    /// Settles one handing out, and waits until the server has taken it.
    pub(super) async fn settle(&self, reply: &str, how: String) -> Result<(), NatsError> {
        ask(self.client(), "settling", reply, None, how.into_bytes()).await.map(drop)
    }

    pub(super) async fn acknowledge(&self, sequence: u64, site: &str, reply: &str) -> Result<(), NatsError> {
        let late = !self.standing().is_in_hand(sequence, reply, Instant::now());
        self.settle(reply, "+ACK".to_owned()).await?;
        let counted = self.standing().releases(sequence).is_some();
        self.standing().finish(sequence);
        if late {
            // It may have been given up meanwhile, and was done after all.
            let copy = json!({ "filter": names::dead_of(&self.tenant, site, sequence) });
            purge(self.client(), DEAD, &copy).await?;
        }
        if counted {
            let count = json!({ "filter": names::released_of(&self.tenant, sequence) });
            purge(self.client(), RELEASED, &count).await?;
        }
        Ok(())
    }

    /// How often it was released: that is kept beside it, since the server counts only how often it was handed out.
    pub(super) async fn releases(&self, sequence: u64) -> Result<u32, NatsError> {
        if let Some(times) = self.standing().releases(sequence) {
            return Ok(times);
        }
        let wanted = json!({ "last_by_subj": names::released_of(&self.tenant, sequence) });
        let kept = api::message(self.client(), RELEASED, &wanted).await?;
        let times = kept.and_then(|kept| String::from_utf8(kept.body()).ok()?.parse().ok()).unwrap_or(0);
        Ok(times)
    }

    pub(super) async fn release(&self, sequence: u64, reply: &str, after: Duration) -> Result<(), NatsError> {
        if !self.standing().is_in_hand(sequence, reply, Instant::now()) {
            return Ok(());
        }
        // Counted first, so that it is counted before it is handed out again; and it comes again whether that can be written or not.
        let counted = self.count_release(sequence).await;
        let how = if after.is_zero() {
            "-NAK".to_owned()
        } else {
            format!("-NAK {}", json!({ "delay": u64::try_from(after.as_nanos()).unwrap_or(u64::MAX) }))
        };
        self.standing().delay(sequence, Instant::now() + after);
        self.settle(reply, how).await?;
        counted
    }

    async fn count_release(&self, sequence: u64) -> Result<(), NatsError> {
        let times = self.releases(sequence).await? + 1;
        self.standing().set_releases(sequence, times);
        let (subject, id) = (names::released_of(&self.tenant, sequence), format!("{sequence}/{times}"));
        put(self.client(), &subject, &id, HeaderMap::new(), times.to_string().into_bytes()).await.map(drop)
    }

    pub(super) async fn extend(&self, sequence: u64, reply: &str) -> Result<(), NatsError> {
        let now = Instant::now();
        if !self.standing().is_in_hand(sequence, reply, now) {
            return Ok(());
        }
        self.settle(reply, "+WPI".to_owned()).await?;
        self.standing().extend(sequence, reply, now + self.limits.lease);
        Ok(())
    }

    /// Copies it to where the dead are, and only then has the server forget it.
    pub(super) async fn bury(
        &self,
        message: &Received,
        deliveries: u32,
        reason: &Reason,
    ) -> Result<(), NatsError> {
        let mut headers = HeaderMap::new();
        headers.insert(REASON, reason.as_str());
        headers.insert(DELIVERIES, deliveries.to_string());
        let Received { sequence, site, body, reply, .. } = message;
        let subject = names::dead_of(&self.tenant, site.as_str(), *sequence);
        put(self.client(), &subject, &format!("dead/{sequence}"), headers, body.clone()).await?;
        self.settle(reply, "+TERM".to_owned()).await?;
        self.standing().settle(*sequence);
        Ok(())
    }

    fn subject(&self, text: &str) -> Option<Subject> {
        Some(Subject::new(self.tenant.clone(), names::site(text)?.parse().ok()?))
    }

    pub(super) async fn dead(&self, after: Sequence, max: usize) -> Result<Vec<Dead>, NatsError> {
        let (mut dead, mut from) = (Vec::new(), after.0.saturating_add(1));
        let subjects = names::dead(&self.tenant);
        while dead.len() < max {
            let Some(message) = next_message(self.client(), DEAD, &subjects, from).await? else { break };
            from = message.seq + 1;
            if let Some(subject) = self.subject(&message.subject) {
                let deliveries = message.header(DELIVERIES).and_then(|n| n.parse().ok()).unwrap_or(0);
                let reason = Reason::new(&message.header(REASON).unwrap_or_default());
                let (sequence, body) = (Sequence(message.seq), message.body());
                dead.push(Dead { sequence, subject, body, deliveries, reason });
            }
        }
        Ok(dead)
    }

    /// Puts it among the others again, and only then forgets that it was dead.
    pub(super) async fn revive(&self, sequence: Sequence) -> Result<bool, NatsError> {
        let wanted = json!({ "seq": sequence.0 });
        let Some(message) = api::message(self.client(), DEAD, &wanted).await? else { return Ok(false) };
        let Some(subject) = self.subject(&message.subject) else { return Ok(false) };
        let id = format!("revived/{}", message.seq);
        put(self.client(), &subject.to_string(), &id, HeaderMap::new(), message.body()).await?;
        let deleted: Result<Value, _> =
            api(self.client(), "a dead message's removal", &format!("STREAM.MSG.DELETE.{DEAD}"), &wanted)
                .await;
        Ok(api::maybe(deleted, code::NO_MESSAGE)?.is_some())
    }

    pub(super) async fn replay(&self, from: Sequence, max: usize) -> Result<Vec<Kept>, NatsError> {
        let (mut kept, mut from) = (Vec::new(), from.0);
        let subjects = names::incidents(&self.tenant);
        while kept.len() < max {
            let Some(message) = next_message(self.client(), INCIDENTS, &subjects, from).await? else { break };
            from = message.seq + 1;
            if let Some(subject) = self.subject(&message.subject) {
                kept.push(Kept { sequence: Sequence(message.seq), subject, body: message.body() });
            }
        }
        Ok(kept)
    }

    pub(super) async fn purge(&self) -> Result<u64, NatsError> {
        let purged = purge(self.client(), INCIDENTS, &json!({})).await?;
        purge(self.client(), DEAD, &json!({})).await?;
        purge(self.client(), RELEASED, &json!({})).await?;
        self.standing().purge();
        Ok(purged)
    }

    pub(super) async fn depth(&self) -> Result<Depth, NatsError> {
        let (info, dead) = (self.info().await?, self.stream(DEAD).await?);
        let (in_hand, delayed) = self.standing().counts(Instant::now());
        let pending = info.num_pending + info.num_ack_pending;
        let oldest_age = if pending == 0 { None } else { self.age(&info).await? };
        let waiting = pending.saturating_sub(in_hand + delayed);
        Ok(Depth { waiting, in_hand, delayed, dead: dead.state.messages, oldest_age })
    }

    /// How long ago the oldest was published that is not settled: between two times of the server, so that this machine's clock counts for nothing.
    async fn age(&self, info: &ConsumerInfo) -> Result<Option<Duration>, NatsError> {
        let subjects = names::incidents(&self.tenant);
        let oldest = next_message(self.client(), INCIDENTS, &subjects, info.ack_floor.stream_seq + 1).await?;
        let now = info.ts.as_deref().and_then(time::instant);
        let published = oldest.as_ref().and_then(|oldest| time::instant(&oldest.time));
        let ms = |now: UtcTime, then: UtcTime| Duration::from_millis(now.ms_since(then));
        Ok(now.zip(published).map(|(now, then)| ms(now, then)))
    }
}
