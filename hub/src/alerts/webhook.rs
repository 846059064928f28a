//! A webhook: JSON by POST, with a signature over the time and the body, so that nobody else can make one up or send an old one again.
//!
//! `X-Suture-Signature: t=<seconds since 1970>,v1=<HMAC-SHA256 of "<t>.<body>", in hexadecimal>`

use contract::digest::hex;
use contract::time::UtcTime;
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::Client;
use serde::Serialize;
use sha2::Sha256;

use super::reseller::Reseller;
use super::rules::HookUrl;
use super::send::{Message, SendError};

/// The body.
#[derive(Serialize)]
pub(super) struct Told<'a> {
    #[serde(flatten)]
    pub(super) message: &'a Message,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reseller: Option<&'a Reseller>,
}

pub(super) async fn send(
    client: &Client,
    url: &HookUrl,
    secret: &str,
    told: &Told<'_>,
    now: UtcTime,
) -> Result<(), SendError> {
    let body = serde_json::to_string(told).unwrap_or_default();
    let request = client.post(url.0.clone()).header("content-type", "application/json");
    let answer = request.header("x-suture-signature", signature(secret, &body, now)).body(body).send().await;
    // A channel's address may hold what opens it: it does not belong into a trace.
    let answer = answer.map_err(reqwest::Error::without_url)?;
    if answer.status().is_success() { Ok(()) } else { Err(SendError::Status(answer.status().as_u16())) }
}

fn signature(secret: &str, body: &str, now: UtcTime) -> String {
    let time = now.unix_seconds();
    // A key of any length will do for HMAC, so making one does not fail.
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes())
        .map(|mac| mac.chain_update(format!("{time}.{body}")));
    let code = mac.map(|mac| mac.finalize().into_bytes()).unwrap_or_default();
    format!("t={time},v1={}", hex(&code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reseller_is_named_where_there_is_one() {
        let message = Message {
            hub: "hub.example".into(),
            alert: 7,
            kind: super::super::facts::Kind::Fault,
            what: "x".into(),
            at: UtcTime::from_unix_ms(0).unwrap(),
            escalated: false,
        };
        let reseller: Reseller = "northwind-it".to_owned().try_into().unwrap();
        let body = |reseller| serde_json::to_value(Told { message: &message, reseller }).unwrap();
        assert_eq!(body(Some(&reseller))["reseller"], "northwind-it");
        assert_eq!(body(None), serde_json::to_value(&message).unwrap(), "as it always was");
    }

    #[test]
    fn the_signature_is_what_openssl_makes_of_the_same() {
        // printf '1800000000.{"a":1}' | openssl dgst -sha256 -hmac secret
        let now = UtcTime::from_unix_ms(1_800_000_000_999).unwrap();
        assert_eq!(
            signature("secret", "{\"a\":1}", now),
            "t=1800000000,v1=440dfbb83aabca24d9e5027629cfd81cb45254690f8d410bb28f1cc17c990dbc"
        );
    }
}
