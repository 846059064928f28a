//! Sending: what is due, by its channel; what is not taken is tried again, later and later.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use contract::time::UtcTime;
use edge::file::{FileError, read_secret};
use reqwest::Client;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::facts::Kind;
use super::rules::{Channel, Rules};
use super::{mail, syslog, webhook};
use crate::heads::{OutsideError, outside_client};
use crate::hub::Hub;
use crate::problem::chain;
use crate::store::{Store, StoreError};

/// The longest secret.
pub(super) const SECRET_BYTES_MAX: u64 = 4096;
/// How long one try may take.
const TRY_TIME_MAX: Duration = Duration::from_secs(20);
/// After how long no further message is begun at one look.
const TURN_TIME_MAX: Duration = Duration::from_secs(20);
/// The wait after the first failure; each later one is twice the last.
const RETRY_MS: u64 = 5_000;
/// The longest wait.
const RETRY_MS_MAX: u64 = 15 * 60 * 1000;
/// After how many tries a message is given up: by then it is more than a day old, and the matter is told again if it still holds.
const TRIES_MAX: u32 = 110;

/// What is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Message {
    /// The hub's name.
    pub(crate) hub: String,
    /// By which it is acknowledged.
    pub(crate) alert: u64,
    pub(crate) kind: Kind,
    pub(crate) what: String,
    pub(crate) at: UtcTime,
    /// Whether it was told before, and nobody acknowledged it in time.
    pub(crate) escalated: bool,
}

impl Message {
    /// In one line.
    pub(super) fn line(&self) -> String {
        let Self { hub, alert, kind, what, at: _, escalated } = self;
        let again = if *escalated { "nobody has acknowledged: " } else { "" };
        format!("[{hub}] alert {alert} ({}): {again}{what}", kind.word())
    }
}

/// A message on its way.
#[derive(Debug, Clone)]
pub(crate) struct Outgoing {
    pub(crate) number: i64,
    pub(crate) channel: String,
    pub(crate) message: Message,
    pub(crate) tries: u32,
}

/// Why the other side did not take it.
#[derive(Debug, Error)]
pub(super) enum SendError {
    #[error("a secret")]
    Secret(#[from] FileError),
    #[error("it did not answer in time")]
    Late,
    #[error("a connection")]
    Io(#[from] std::io::Error),
    #[error("the request")]
    Http(#[from] reqwest::Error),
    #[error("it answered {0}")]
    Status(u16),
    #[error("the mail")]
    Mail(#[from] lettre::error::Error),
    #[error("the mail server")]
    Smtp(#[from] lettre::transport::smtp::Error),
    #[error("an address")]
    Address(#[from] lettre::address::AddressError),
    #[error("there is no such channel any more")]
    NoChannel,
}

/// A secret in a file of its own.
pub(super) fn secret(path: &std::path::Path) -> Result<String, SendError> {
    Ok(read_secret(path, SECRET_BYTES_MAX)?)
}

/// The ways out, with what they need of the network.
#[derive(Debug)]
pub(crate) struct Ways {
    channels: BTreeMap<String, Channel>,
    client: Client,
}

impl Ways {
    /// Webhooks go to outsiders, by the machine's own list of authorities.
    pub(crate) fn open(rules: &Rules) -> Result<Self, OutsideError> {
        Ok(Self { channels: rules.channels.clone(), client: outside_client(true)? })
    }

    /// Sends what is due: the channels beside each other, so that one that takes nothing holds up itself alone; and of each the oldest first.
    pub(super) async fn send_due(self: &Arc<Self>, hub: &Arc<Hub>, now: UtcTime) -> Result<(), StoreError> {
        let mut due: BTreeMap<String, Vec<Outgoing>> = BTreeMap::new();
        for outgoing in hub.store.outgoing(now).await? {
            due.entry(outgoing.channel.clone()).or_default().push(outgoing);
        }
        let mut under_way = JoinSet::new();
        for of_channel in due.into_values() {
            let (ways, hub) = (Arc::clone(self), Arc::clone(hub));
            under_way.spawn(async move { ways.send_by_one(&hub.store, of_channel, now).await });
        }
        while let Some(ended) = under_way.join_next().await {
            match ended {
                Ok(ended) => ended?,
                Err(e) => tracing::error!(cause = chain(&e), "alerts were not sent"),
            }
        }
        Ok(())
    }

    async fn send_by_one(&self, store: &Store, due: Vec<Outgoing>, now: UtcTime) -> Result<(), StoreError> {
        let began = Instant::now();
        for Outgoing { number, channel, message, tries } in due {
            // What is left is due the next time.
            if began.elapsed() >= TURN_TIME_MAX {
                return Ok(());
            }
            let sent = match self.channels.get(&channel) {
                Some(way) => timeout(TRY_TIME_MAX, self.by(way, &message, now)).await,
                None => Ok(Err(SendError::NoChannel)),
            };
            let Err(e) = sent.unwrap_or(Err(SendError::Late)) else {
                store.alert_sent(number).await?;
                continue;
            };
            tracing::error!(
                channel,
                alert = message.alert,
                tries,
                cause = chain(&e),
                "an alert was not taken"
            );
            if tries >= TRIES_MAX || matches!(e, SendError::NoChannel) {
                store.alert_sent(number).await?;
            } else {
                store.alert_not_sent(number, now.plus_ms(pause(tries))).await?;
            }
        }
        Ok(())
    }

    async fn by(&self, channel: &Channel, message: &Message, now: UtcTime) -> Result<(), SendError> {
        match channel {
            Channel::Webhook { url, secret_file } => {
                webhook::send(&self.client, url, &secret(secret_file)?, message, now).await
            }
            Channel::Smtp { .. } => mail::send(channel, message).await,
            Channel::Syslog { socket, tcp } => syslog::send(socket.as_deref(), tcp.as_deref(), message).await,
        }
    }
}

fn pause(tries: u32) -> u64 {
    RETRY_MS.saturating_mul(1 << tries.min(16)).min(RETRY_MS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_waits_grow_and_end_after_a_day() {
        let all: Vec<u64> = (0..TRIES_MAX).map(pause).collect();
        assert!(all.is_sorted() && all[0] == 5_000 && all[109] == RETRY_MS_MAX);
        assert!(all.iter().sum::<u64>() > super::super::decide::AGAIN_MS);
    }
}
