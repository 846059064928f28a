//! Bringing one tenant's messages over: a bounded number at a time, and only while somebody wants them.

use std::sync::Arc;
use std::time::Duration;

use async_nats::{Message, StatusCode, Subscriber};
use futures_util::StreamExt as _;
use serde_json::json;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout};

use super::error::NatsError;
use super::lane::Lane;
use super::names::{CONSUMER, INCIDENTS, Place, site};
use super::standing::Received;
use crate::Reason;

/// The most messages of one tenant in one turn.
pub(super) const TURN: usize = 16;
/// How long the server holds an unanswered request.
const EXPIRES: Duration = Duration::from_secs(30);
/// How often it says meanwhile that it has not forgotten it; twice that in silence, and it is asked anew.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// After something failed.
const PAUSE: Duration = Duration::from_millis(250);

/// Brings messages over until it is dropped.
pub(super) async fn run(lane: Arc<Lane>, mut wanted: watch::Receiver<usize>, arrived: Arc<Notify>) {
    loop {
        let is_wanted = |fetches: &usize| *fetches > 0 && !lane.standing().has_received();
        if wanted.wait_for(is_wanted).await.is_err() {
            return;
        }
        if let Err(e) = turn(&lane, &arrived).await {
            tracing::warn!(tenant = %lane.tenant, error = %crate::chain(&e), "nothing was fetched");
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Keeps the leases of what came and nobody took yet: it was not handed out, so nothing of that may count against it.
pub(super) async fn keep(lane: Arc<Lane>) {
    let often = lane.limits.lease / 4;
    loop {
        tokio::time::sleep(often).await;
        let lying = lane.standing().lying(Instant::now(), often);
        for reply in lying {
            if let Err(e) = lane.client().publish(reply, "+WPI".into()).await {
                tracing::warn!(tenant = %lane.tenant, error = %e, "a message that nobody took may come again");
            }
        }
    }
}

/// What the server's next word is.
enum Heard {
    Message(Message),
    Beat,
    /// The request is answered, or will not be.
    Over,
    /// The consumer moved, or something is wrong there: not at once again.
    Trouble,
}

async fn turn(lane: &Lane, arrived: &Notify) -> Result<(), NatsError> {
    lane.connection.safe()?;
    let not_asked = |source| NatsError::NotAsked { what: "fetching", source };
    let client = lane.client();
    let mut made = lane.connection.made.clone();
    made.mark_unchanged();
    let inbox = client.new_inbox();
    let mut answers = client.subscribe(inbox.clone()).await.map_err(|e| not_asked(Box::new(e)))?;
    let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    let request = json!({ "batch": TURN, "expires": nanos(EXPIRES), "idle_heartbeat": nanos(HEARTBEAT) });
    let subject = format!("$JS.API.CONSUMER.MSG.NEXT.{INCIDENTS}.{CONSUMER}");
    let asked = client.publish_with_reply(subject, inbox, request.to_string().into()).await;
    asked.map_err(|e| not_asked(Box::new(e)))?;
    let mut got = 0;
    while got < TURN {
        let heard = tokio::select! {
            heard = hear(&mut answers) => heard,
            // What was asked over the connection before is not answered any more.
            _ = made.changed() => Heard::Over,
        };
        match heard {
            Heard::Message(message) => {
                got += 1;
                take(lane, message, arrived).await?;
            }
            Heard::Beat => {}
            Heard::Over => return Ok(()),
            Heard::Trouble => {
                tokio::time::sleep(PAUSE).await;
                return Ok(());
            }
        }
    }
    Ok(())
}

async fn hear(answers: &mut Subscriber) -> Heard {
    match timeout(HEARTBEAT * 2, answers.next()).await {
        Ok(Some(message)) => match message.status {
            None | Some(StatusCode::OK) => Heard::Message(message),
            Some(StatusCode::IDLE_HEARTBEAT) => Heard::Beat,
            Some(StatusCode::TIMEOUT | StatusCode::NOT_FOUND) => Heard::Over,
            Some(_) => Heard::Trouble,
        },
        Ok(None) | Err(_) => Heard::Trouble,
    }
}

async fn take(lane: &Lane, message: Message, arrived: &Notify) -> Result<(), NatsError> {
    let Some(message) = received(message) else {
        tracing::error!(tenant = %lane.tenant, "a message came that is none of this queue's");
        return Ok(());
    };
    if lane.standing().is_done(message.sequence) {
        return lane.settle(&message.reply, "+ACK".to_owned()).await;
    }
    let before = message.number.saturating_sub(1);
    let limits = &lane.limits;
    // Asked only where it could matter: what was not handed out so often cannot have been released more often.
    if before >= limits.deliveries_max {
        let released = lane.releases(message.sequence).await?.min(limits.releases_max);
        if before.saturating_sub(released) >= limits.deliveries_max {
            return lane.bury(&message, before, &Reason::never_answered(before)).await;
        }
    }
    lane.standing().receive(message);
    arrived.notify_one();
    Ok(())
}

fn received(message: Message) -> Option<Received> {
    let reply = message.reply?.to_string();
    let Place { delivered, sequence } = Place::of(&reply)?;
    let site = site(&message.subject)?.parse().ok()?;
    let body = message.payload.to_vec();
    Some(Received { sequence, site, body, number: delivered, reply, at: Instant::now() })
}
