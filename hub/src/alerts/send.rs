//! Sending: what is due, by its channel; what is not taken is tried again, later and later.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use contract::time::UtcTime;
use edge::file::{FileError, SECRET_BYTES_MAX, read_secret};
use reqwest::Client;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::facts::Kind;
use super::reseller::Reseller;
use super::rules::{Channel, Rules};
use super::{mail, syslog, webhook};
use crate::heads::{OutsideError, outside_client};
use crate::hub::Hub;
use crate::problem::chain;
use crate::store::{Store, StoreError};

/// How long one try may take.
const TRY_TIME_MAX: Duration = Duration::from_secs(20);
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
    pub(crate) message: Message,
    pub(crate) tries: u32,
}

/// Why the other side did not take it.
#[derive(Debug, Error)]
pub(crate) enum SendError {
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
    reseller: Option<Reseller>,
}

impl Ways {
    /// Webhooks go to outsiders, by the machine's own list of authorities. Where none goes over TLS, nobody needs such a list.
    pub(crate) fn open(rules: &Rules) -> Result<Self, OutsideError> {
        let secure = rules.channels.values().any(|channel| match channel {
            Channel::Webhook { url, .. } => url.0.scheme() == "https",
            Channel::Smtp { .. } | Channel::Syslog { .. } => false,
        });
        let (channels, reseller) = (rules.channels.clone(), rules.reseller.clone());
        Ok(Self { channels, client: outside_client(secure)?, reseller })
    }

    /// Which there are.
    pub(super) fn names(&self) -> BTreeSet<String> {
        self.channels.keys().cloned().collect()
    }

    /// Carries what is on its way by one channel: after each look at how things stand, and when something is due again. Each channel has such a loop of
    /// its own, so that one that takes nothing holds up itself alone.
    pub(super) async fn carry(
        self: Arc<Self>,
        hub: Arc<Hub>,
        name: String,
        every: Duration,
        looked: Arc<Notify>,
    ) {
        let Some(channel) = self.channels.get(&name) else { return };
        loop {
            tokio::select! {
                () = tokio::time::sleep(every) => {}
                () = looked.notified() => {}
            }
            if let Err(e) = self.send_due(&hub.store, &name, channel).await {
                tracing::error!(channel = name, cause = chain(&e), "what is on its way cannot be looked at");
            }
        }
    }

    /// Sends what is due by a channel, the oldest first.
    async fn send_due(&self, store: &Store, name: &str, channel: &Channel) -> Result<(), StoreError> {
        for Outgoing { number, message, tries } in store.outgoing(name.to_owned(), edge::clock::utc()).await?
        {
            let now = edge::clock::utc();
            let sent = timeout(TRY_TIME_MAX, self.by(channel, &message, now)).await;
            let Err(e) = sent.unwrap_or(Err(SendError::Late)) else {
                store.alert_sent(number).await?;
                continue;
            };
            tracing::error!(
                channel = name,
                alert = message.alert,
                tries,
                cause = chain(&e),
                "an alert was not taken"
            );
            if tries >= TRIES_MAX {
                store.alert_sent(number).await?;
            } else {
                store.alert_not_sent(number, edge::clock::utc().plus_ms(pause(tries))).await?;
            }
        }
        Ok(())
    }

    async fn by(&self, channel: &Channel, message: &Message, now: UtcTime) -> Result<(), SendError> {
        let reseller = self.reseller.as_ref();
        match channel {
            Channel::Webhook { url, secret_file } => {
                let told = webhook::Told { message, reseller };
                webhook::send(&self.client, url, &secret(secret_file)?, &told, now).await
            }
            Channel::Smtp { .. } => mail::send(channel, message).await,
            Channel::Syslog { socket, tcp } => {
                syslog::send(socket.as_deref(), tcp.as_deref(), message, reseller).await
            }
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
