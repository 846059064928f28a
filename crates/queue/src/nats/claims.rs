//! Who may do what on a server: operator, accounts and users, each said in a JWT that the one above it signed.
//!
//! **Holds:** a tenant has an account of its own, and accounts share nothing: no imports, no exports, no leaf connections. What an account may hold
//! is bounded. The hub's user in it may publish, fetch and settle there, and cannot make or delete streams. Users that provision live for minutes
//! and are never written down. Pure but for drawing keys.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use contract::ids::TenantId;
use contract::time::UtcTime;
use nkeys::{KeyPair, KeyPairType};
use serde_json::{Value, json};

use super::error::NatsError;
use super::names::{CONSUMER, DEAD, INCIDENTS, RELEASED};

/// How long a user that provisions may be used.
const PROVISIONING_SECONDS: u64 = 600;

/// What one tenant may use of the servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Bytes on disk, over all streams and replicas. Servers set them aside: those of all tenants together must fit into their `max_file_store`.
    pub disk_bytes: u64,
    /// Connections at once.
    pub connections: u32,
    /// Bytes in one message, with its headers.
    pub payload_bytes: u32,
}

impl Default for Quota {
    fn default() -> Self {
        Self { disk_bytes: 256 << 20, connections: 16, payload_bytes: 128 * 1024 }
    }
}

/// A key that signs or is signed.
pub struct Key(KeyPair);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The secret half never shows.
        f.debug_tuple("Key").field(&self.0.public_key()).finish()
    }
}

impl Key {
    /// Draws an account's key.
    pub fn draw_account() -> Self {
        Self(KeyPair::new_account())
    }

    /// Draws an operator's key.
    pub fn draw_operator() -> Self {
        Self(KeyPair::new_operator())
    }

    /// An account's key from its seed.
    pub fn account(seed: &str) -> Result<Self, NatsError> {
        Self::of(seed, &KeyPairType::Account, "an account")
    }

    /// An operator's key from its seed.
    pub fn operator(seed: &str) -> Result<Self, NatsError> {
        Self::of(seed, &KeyPairType::Operator, "the operator")
    }

    fn of(seed: &str, kind: &KeyPairType, what: &'static str) -> Result<Self, NatsError> {
        let pair = KeyPair::from_seed(seed).map_err(|_| NatsError::BadKey(what))?;
        let same = std::mem::discriminant(&pair.key_pair_type()) == std::mem::discriminant(kind);
        if same { Ok(Self(pair)) } else { Err(NatsError::BadKey(what)) }
    }

    /// The half that anybody may know.
    pub fn public(&self) -> String {
        self.0.public_key()
    }

    /// The secret, to be written to a private file and nowhere else.
    pub fn seed(&self) -> Result<zeroize::Zeroizing<String>, NatsError> {
        self.0.seed().map(zeroize::Zeroizing::new).map_err(|_| NatsError::BadKey("a drawn key"))
    }

    /// A JWT that says `nats` of `subject`, in this key's name.
    fn sign(&self, subject: &str, name: &str, nats: &Value, times: Times) -> Result<String, NatsError> {
        let mut claims = json!({
            "iss": self.0.public_key(), "sub": subject, "name": name, "iat": times.issued.unix_seconds(), "nats": nats,
        });
        if let Some(seconds) = times.seconds {
            claims["exp"] = json!(times.issued.unix_seconds() + seconds);
        }
        let digest = ring::digest::digest(&ring::digest::SHA256, claims.to_string().as_bytes());
        claims["jti"] = json!(URL_SAFE_NO_PAD.encode(digest));
        let header = URL_SAFE_NO_PAD.encode(r#"{"typ":"JWT","alg":"ed25519-nkey"}"#);
        let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
        let signature = self.0.sign(signed.as_bytes()).map_err(|_| NatsError::BadKey("signing"))?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

#[derive(Debug, Clone, Copy)]
struct Times {
    issued: UtcTime,
    /// None: until it is revoked.
    seconds: Option<u64>,
}

impl Times {
    const fn lasting(issued: UtcTime) -> Self {
        Self { issued, seconds: None }
    }

    const fn short(issued: UtcTime) -> Self {
        Self { issued, seconds: Some(PROVISIONING_SECONDS) }
    }
}

/// The MSP on its own servers: the key that signs accounts, and the account through which servers are administered.
#[derive(Debug)]
pub struct Operator {
    /// Signs accounts.
    pub key: Key,
    /// The system account's.
    pub system: Key,
}

impl Operator {
    /// Draws both keys.
    pub fn draw() -> Self {
        Self { key: Key::draw_operator(), system: Key::draw_account() }
    }

    /// What the servers trust.
    pub fn jwt(&self, now: UtcTime) -> Result<String, NatsError> {
        let nats = json!({ "type": "operator", "version": 2, "system_account": self.system.public() });
        self.key.sign(&self.key.public(), "suture", &nats, Times::lasting(now))
    }

    /// The system account's claims.
    pub fn system_jwt(&self, now: UtcTime) -> Result<String, NatsError> {
        let limits = json!({
            "subs": -1, "data": -1, "payload": -1, "imports": 0, "exports": 0, "wildcards": true, "conn": -1, "leaf": 0,
        });
        let nats = json!({ "type": "account", "version": 2, "limits": limits });
        self.key.sign(&self.system.public(), "SYS", &nats, Times::lasting(now))
    }

    /// What goes into each server's configuration: whom it trusts, and where it keeps the accounts that it is told of while it runs.
    pub fn server_lines(&self, accounts: &std::path::Path, now: UtcTime) -> Result<String, NatsError> {
        let (system, accounts) = (self.system.public(), accounts.display());
        Ok(format!(
            "operator: {}\nsystem_account: {system}\nresolver {{ type: full, dir: \"{accounts}\", allow_delete: true, interval: \"2m\" }}\nresolver_preload {{ {system}: {} }}\n",
            self.jwt(now)?,
            self.system_jwt(now)?,
        ))
    }

    /// A tenant's account, with what it may use.
    pub fn account_jwt(
        &self,
        tenant: &TenantId,
        account: &Key,
        quota: Quota,
        now: UtcTime,
    ) -> Result<String, NatsError> {
        let limits = json!({
            "subs": 1000, "data": -1, "payload": quota.payload_bytes, "imports": 0, "exports": 0, "wildcards": false,
            "conn": quota.connections, "leaf": 0, "mem_storage": 0, "disk_storage": quota.disk_bytes, "streams": 3,
            "consumer": 4, "mem_max_stream_bytes": 0,
        });
        let nats = json!({ "type": "account", "version": 2, "limits": limits });
        self.key.sign(&account.public(), tenant.as_str(), &nats, Times::lasting(now))
    }

    /// The operator's word that the server is to forget these accounts.
    pub(super) fn removal_jwt(&self, accounts: &[String], now: UtcTime) -> Result<String, NatsError> {
        let nats = json!({ "type": "generic", "version": 2, "accounts": accounts });
        self.key.sign(&self.key.public(), "removal", &nats, Times::short(now))
    }

    /// Somebody who administers the servers for some minutes.
    pub(super) fn system_user(&self, now: UtcTime) -> Result<Credentials, NatsError> {
        user(&self.system, "provisioning", &json!({}), &json!({}), Times::short(now))
    }
}

/// The hub in a tenant's account.
pub fn hub_user(tenant: &TenantId, account: &Key, now: UtcTime) -> Result<Credentials, NatsError> {
    let own = |rest: &str| format!("tenants.{tenant}.{rest}");
    let mut publish = vec![own("sites.*.incidents"), own("sites.*.dead.*"), own("released.*")];
    publish.push("$JS.ACK.>".to_owned());
    for stream in [INCIDENTS, DEAD, RELEASED] {
        for verb in ["STREAM.INFO", "STREAM.MSG.GET", "STREAM.PURGE"] {
            publish.push(format!("$JS.API.{verb}.{stream}"));
        }
    }
    publish.push(format!("$JS.API.STREAM.MSG.DELETE.{DEAD}"));
    for verb in ["CONSUMER.INFO", "CONSUMER.MSG.NEXT"] {
        publish.push(format!("$JS.API.{verb}.{INCIDENTS}.{CONSUMER}"));
    }
    let subscribe = json!({ "allow": ["_INBOX.>", "$JS.EVENT.ADVISORY.>"] });
    user(account, "hub", &json!({ "allow": publish }), &subscribe, Times::lasting(now))
}

/// Somebody who makes streams in a tenant's account for some minutes.
pub(super) fn provisioner(account: &Key, now: UtcTime) -> Result<Credentials, NatsError> {
    user(account, "provisioning", &json!({}), &json!({}), Times::short(now))
}

/// Somebody who may do all that an account lets anybody do: for tests that show that even that reaches no other account.
#[cfg(feature = "conformance")]
pub fn unrestricted_user(account: &Key, now: UtcTime) -> Result<Credentials, NatsError> {
    provisioner(account, now)
}

fn user(
    account: &Key,
    name: &str,
    publish: &Value,
    subscribe: &Value,
    times: Times,
) -> Result<Credentials, NatsError> {
    let pair = KeyPair::new_user();
    let nats = json!({
        "type": "user", "version": 2, "pub": publish, "sub": subscribe, "subs": -1, "data": -1, "payload": -1,
    });
    let jwt = account.sign(&pair.public_key(), name, &nats, times)?;
    let seed = pair.seed().map_err(|_| NatsError::BadKey("a drawn key"))?;
    Ok(Credentials { jwt, seed: zeroize::Zeroizing::new(seed) })
}

/// By which somebody is let into an account. The seed signs what the server draws, and never crosses the wire.
pub struct Credentials {
    pub(super) jwt: String,
    pub(super) seed: zeroize::Zeroizing<String>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credentials(…)")
    }
}

const JWT: (&str, &str) = ("-----BEGIN NATS USER JWT-----", "------END NATS USER JWT------");
const SEED: (&str, &str) = ("-----BEGIN USER NKEY SEED-----", "------END USER NKEY SEED------");

impl Credentials {
    /// As NATS's own tools write it: a file of credentials.
    pub fn file(&self) -> zeroize::Zeroizing<String> {
        let Self { jwt, seed } = self;
        let text = format!("{}\n{jwt}\n{}\n\n{}\n{}\n{}\n", JWT.0, JWT.1, SEED.0, seed.as_str(), SEED.1);
        zeroize::Zeroizing::new(text)
    }

    /// From such a file.
    pub fn parse(whose: &str, text: &str) -> Result<Self, NatsError> {
        let between = |(begin, end): (&str, &str)| {
            let (_, rest) = text.split_once(begin)?;
            let (inside, _) = rest.split_once(end)?;
            Some(inside.trim().to_owned())
        };
        match (between(JWT), between(SEED)) {
            (Some(jwt), Some(seed)) if KeyPair::from_seed(&seed).is_ok() => {
                Ok(Self { jwt, seed: zeroize::Zeroizing::new(seed) })
            }
            _ => Err(NatsError::BadCredentials(whose.to_owned())),
        }
    }

    /// The answer to what the server drew.
    pub(super) fn answer(&self, nonce: &[u8]) -> Result<Vec<u8>, NatsError> {
        let bad = |_| NatsError::BadKey("a user");
        KeyPair::from_seed(&self.seed).map_err(bad)?.sign(nonce).map_err(bad)
    }
}

/// What a JWT says, but for when it was issued. Its signature is not looked at: this compares what a server has with what it should have.
pub(super) fn said(jwt: &str) -> Option<Value> {
    let claims = URL_SAFE_NO_PAD.decode(jwt.trim().split('.').nth(1)?).ok()?;
    let mut claims: Value = serde_json::from_slice(&claims).ok()?;
    let object = claims.as_object_mut()?;
    object.remove("iat");
    object.remove("jti");
    Some(claims)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> UtcTime {
        UtcTime::from_unix_ms(1_790_000_000_000).unwrap()
    }

    #[test]
    fn a_jwt_is_signed_by_the_one_above_over_exactly_what_it_says() {
        let (operator, account) = (Operator::draw(), Key::draw_account());
        let tenant = "clinic".parse().unwrap();
        let jwt = operator.account_jwt(&tenant, &account, Quota::default(), now()).unwrap();
        let (signed, signature) = jwt.rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        operator.key.0.verify(signed.as_bytes(), &signature).unwrap();
        assert!(operator.system.0.verify(signed.as_bytes(), &signature).is_err());
        let claims = said(&jwt).unwrap();
        assert_eq!(claims["sub"], account.public());
        assert_eq!(claims["nats"]["limits"]["exports"], 0);
        assert_eq!(claims.get("iat"), None);
    }

    #[test]
    fn credentials_come_through_their_file_and_never_show() {
        let account = Key::draw_account();
        let made = hub_user(&"clinic".parse().unwrap(), &account, now()).unwrap();
        let read = Credentials::parse("clinic", &made.file()).unwrap();
        assert_eq!((&read.jwt, &*read.seed), (&made.jwt, &*made.seed));
        assert!(!format!("{made:?} {account:?}").contains(made.seed.as_str()));
        assert!(!format!("{account:?}").contains(account.seed().unwrap().as_str()));
        assert!(Credentials::parse("clinic", "nothing").is_err());
    }

    #[test]
    fn a_key_of_another_kind_is_refused() {
        let seed = Key::draw_operator().seed().unwrap();
        assert!(Key::account(&seed).is_err() && Key::operator(&seed).is_ok());
    }
}
