//! Making what a tenant needs on the servers: its account, its streams, its consumer. Doing it twice changes nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use async_nats::Client;
use async_nats::client::RequestErrorKind;
use contract::ids::TenantId;
use contract::time::UtcTime;
use futures_util::StreamExt as _;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::api::{ConsumerInfo, StreamInfo, api, ask, code, maybe, read};
use super::claims::{Key, Operator, Quota, provisioner, said};
use super::connection::{Connection, PATIENCE, Settings};
use super::error::NatsError;
use super::names::{self, CONSUMER, DEAD, INCIDENTS, RELEASED};
use crate::Limits;

/// How long servers are waited for that may answer beside the first.
const OTHERS: Duration = Duration::from_secs(2);
/// How many messages may be kept beyond those that count, before a queue that cannot forget refuses more.
const SLACK: u64 = 1000;
/// How long a count of releases is kept: longer than anything can be released again and again.
const RELEASES_KEPT: Duration = Duration::from_secs(7 * 24 * 3600);

/// What is wanted of the servers.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// The bounds of each tenant's queue.
    pub limits: Limits,
    /// What each tenant may use.
    pub quota: Quota,
    /// On how many servers each stream is kept: 3 in a cluster, 1 on a single server.
    pub replicas: u8,
    /// For how long the id of a message is known.
    pub window: Duration,
    /// Whether only to look.
    pub dry_run: bool,
}

/// For how long an id is known unless something else is asked for: a hub that was down for a night finds its repetitions known.
pub const WINDOW: Duration = Duration::from_secs(24 * 3600);

/// What came of one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It was there, as it should be.
    WasThere,
    /// It was made; or would be, where only to look was asked for.
    Made,
    /// It was there, and otherwise than it should be; it was changed, or would be.
    Changed,
}

/// What came of one tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Provisioned {
    /// Whose.
    pub tenant: TenantId,
    /// Its account on the servers.
    pub account: Change,
    /// Its streams and its consumer, by name.
    pub things: BTreeMap<&'static str, Change>,
}

/// An answer of the part of a server that keeps accounts.
#[derive(Debug, Deserialize)]
struct Kept {
    #[serde(default)]
    data: Option<Value>,
    #[serde(default)]
    error: Option<Value>,
}

/// A connection that administers the servers.
#[derive(Debug)]
pub struct Provisioning<'a> {
    settings: &'a Settings,
    operator: &'a Operator,
    system: Connection,
    now: UtcTime,
}

impl<'a> Provisioning<'a> {
    /// Connects as the operator, for some minutes.
    pub async fn open(
        settings: &'a Settings,
        operator: &'a Operator,
        now: UtcTime,
    ) -> Result<Self, NatsError> {
        settings.check()?;
        let system = Connection::open(settings, "provisioning", operator.system_user(now)?).await?;
        Ok(Self { settings, operator, system, now })
    }

    /// Makes what this tenant lacks.
    pub async fn tenant(&self, tenant: &TenantId, key: &Key, plan: &Plan) -> Result<Provisioned, NatsError> {
        let jwt = self.operator.account_jwt(tenant, key, plan.quota, self.now)?;
        let account = self.account(&key.public(), &jwt, plan.dry_run).await?;
        let mut things = BTreeMap::new();
        if plan.dry_run && account == Change::Made {
            things.extend([INCIDENTS, DEAD, RELEASED, CONSUMER].map(|name| (name, Change::Made)));
            return Ok(Provisioned { tenant: tenant.clone(), account, things });
        }
        let credentials = provisioner(key, self.now)?;
        let connection = Connection::open(self.settings, tenant.as_str(), credentials).await?;
        for config in streams(tenant, plan) {
            let (name, change) = stream(&connection.client, config, plan.dry_run).await?;
            things.insert(name, change);
        }
        let consumer = consumer(&connection.client, consumer_config(plan), plan.dry_run).await?;
        things.insert(CONSUMER, consumer);
        Ok(Provisioned { tenant: tenant.clone(), account, things })
    }

    async fn account(&self, public: &str, jwt: &str, dry_run: bool) -> Result<Change, NatsError> {
        let what = "the account that is there";
        let subject = format!("$SYS.REQ.ACCOUNT.{public}.CLAIMS.LOOKUP");
        let there = match ask(&self.system.client, what, &subject, None, Vec::new()).await {
            Ok(there) => said(&String::from_utf8_lossy(&there)),
            // Servers before 2.10 say nothing of an account that they do not know.
            Err(NatsError::NoAnswer { source, .. }) if source.kind() == RequestErrorKind::TimedOut => None,
            Err(e) => return Err(e),
        };
        let change = match there {
            Some(there) if Some(&there) == said(jwt).as_ref() => return Ok(Change::WasThere),
            Some(_) => Change::Changed,
            None => Change::Made,
        };
        if !dry_run {
            self.tell_all("$SYS.REQ.CLAIMS.UPDATE", jwt.as_bytes()).await?;
        }
        Ok(change)
    }

    /// Has the servers forget this account: whoever is connected to it is cut off, and nobody is let in any more. Its streams are removed first.
    pub async fn remove(&self, tenant: &TenantId, key: &Key) -> Result<(), NatsError> {
        let credentials = provisioner(key, self.now)?;
        let connection = Connection::open(self.settings, tenant.as_str(), credentials).await?;
        for name in [INCIDENTS, DEAD, RELEASED] {
            let verb = format!("STREAM.DELETE.{name}");
            let deleted = api::<Value>(&connection.client, "removing a stream", &verb, &Value::Null).await;
            maybe(deleted, code::NO_STREAM)?;
        }
        let removal = self.operator.removal_jwt(&[key.public()], self.now)?;
        self.tell_all("$SYS.REQ.CLAIMS.DELETE", removal.as_bytes()).await
    }

    /// Every server keeps accounts for itself: each is told, and each that answers must agree. One that is down hears it from the others later.
    async fn tell_all(&self, subject: &'static str, jwt: &[u8]) -> Result<(), NatsError> {
        let (client, what) = (&self.system.client, "changing accounts");
        let not_asked = |source| NatsError::NotAsked { what, source };
        let inbox = client.new_inbox();
        let mut answers = client.subscribe(inbox.clone()).await.map_err(|e| not_asked(Box::new(e)))?;
        let sent = client.publish_with_reply(subject, inbox, jwt.to_vec().into()).await;
        sent.map_err(|e| not_asked(Box::new(e)))?;
        let mut agreed = 0;
        while agreed < self.settings.servers.len() {
            let patience = if agreed == 0 { PATIENCE } else { OTHERS };
            let Ok(Some(answer)) = tokio::time::timeout(patience, answers.next()).await else { break };
            let kept: Kept = read(what, &answer.payload)?;
            if let (None, _) | (_, Some(_)) = (&kept.data, &kept.error) {
                let description = kept.error.unwrap_or_default().to_string();
                return Err(NatsError::Refused { what, code: 0, description });
            }
            agreed += 1;
        }
        let of = self.settings.servers.len();
        if agreed == 0 {
            return Err(NatsError::Refused { what, code: 0, description: "no server answered".to_owned() });
        }
        if agreed < of {
            tracing::warn!(agreed, of, "not every server was told of an account: the others will tell it");
        }
        Ok(())
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// What each stream is to be. None forgets by itself what counts: where one is full, it takes no more.
fn streams(tenant: &TenantId, plan: &Plan) -> [Value; 3] {
    let Limits {
        pending_max,
        remembered_max,
        body_bytes_max: _,
        lease: _,
        deliveries_max: _,
        releases_max: _,
    } = plan.limits;
    let pending = pending_max as u64;
    let stream = |name: &str, subjects: String, window: Duration| {
        json!({
            "name": name, "subjects": [subjects], "retention": "limits", "storage": "file", "discard": "new",
            "num_replicas": plan.replicas, "duplicate_window": nanos(window), "max_consumers": -1,
            "max_bytes": -1, "deny_delete": false, "deny_purge": false,
        })
    };
    let mut incidents = stream(INCIDENTS, names::incidents(tenant), plan.window);
    incidents["max_msgs"] = json!(pending + 2 * u64::from(remembered_max) + SLACK);
    let mut dead = stream(DEAD, names::dead(tenant), plan.window);
    dead["max_msgs"] = json!(pending + SLACK);
    let mut released = stream(RELEASED, names::released(tenant), Duration::from_secs(120));
    released["discard"] = json!("old");
    released["max_msgs_per_subject"] = json!(1);
    released["max_msgs"] = json!(pending + SLACK);
    released["max_age"] = json!(nanos(RELEASES_KEPT));
    [incidents, dead, released]
}

/// What the consumer is to be. The server gives nothing up by itself: it would only stop handing it out, and nobody would hear of it.
fn consumer_config(plan: &Plan) -> Value {
    json!({
        "durable_name": CONSUMER, "name": CONSUMER, "ack_policy": "explicit", "deliver_policy": "all", "replay_policy": "instant",
        "ack_wait": nanos(plan.limits.lease), "max_deliver": -1, "max_ack_pending": plan.limits.pending_max.max(1000),
        "max_waiting": 512,
    })
}

/// Whether everything that is wanted is there; more may be.
fn is_as(there: &Value, wanted: &Value) -> bool {
    wanted.as_object().is_some_and(|wanted| {
        // The server leaves out what is zero or false.
        let unset = |value: &Value| *value == json!(false) || *value == json!(0);
        wanted.iter().all(|(key, value)| match there.get(key) {
            Some(there) => there == value,
            None => unset(value) || key == "name",
        })
    })
}

async fn stream(client: &Client, config: Value, dry_run: bool) -> Result<(&'static str, Change), NatsError> {
    let name =
        [INCIDENTS, DEAD, RELEASED].into_iter().find(|name| config["name"] == *name).unwrap_or(INCIDENTS);
    let what = "a stream";
    let there = api::<StreamInfo>(client, what, &format!("STREAM.INFO.{name}"), &Value::Null).await;
    let (change, verb) = match maybe(there, code::NO_STREAM)? {
        Some(there) if is_as(&there.config, &config) => return Ok((name, Change::WasThere)),
        Some(_) => (Change::Changed, "UPDATE"),
        None => (Change::Made, "CREATE"),
    };
    if !dry_run {
        api::<StreamInfo>(client, what, &format!("STREAM.{verb}.{name}"), &config).await?;
    }
    Ok((name, change))
}

async fn consumer(client: &Client, config: Value, dry_run: bool) -> Result<Change, NatsError> {
    let what = "a consumer";
    let info = format!("CONSUMER.INFO.{INCIDENTS}.{CONSUMER}");
    let there = api::<ConsumerInfo>(client, what, &info, &Value::Null).await;
    let there = match there {
        // Where only to look was asked for, its stream may be missing, too.
        Err(e) if dry_run && e.refusal() == Some(code::NO_STREAM) => None,
        there => maybe(there, code::NO_CONSUMER)?,
    };
    let change = match there {
        Some(there) if is_as(&there.config, &config) => return Ok(Change::WasThere),
        Some(_) => Change::Changed,
        None => Change::Made,
    };
    if !dry_run {
        let wanted = json!({ "stream_name": INCIDENTS, "config": config });
        let verb = format!("CONSUMER.DURABLE.CREATE.{INCIDENTS}.{CONSUMER}");
        api::<ConsumerInfo>(client, what, &verb, &wanted).await?;
    }
    Ok(change)
}
