//! What a token says, held against what was asked (`OpenID` Connect Core 1.0, section 3.1.3.7): pure.

use contract::digest::Digest;
use contract::time::UtcTime;
use serde::Deserialize;

use super::token::{Payload, TokenFault};

/// How far the provider's clock may be off.
const SKEW_S: f64 = 60.0;
/// The longest name that a provider gives to somebody (section 2).
const SUBJECT_MAX_BYTES: usize = 255;

/// Somebody, by the provider's word: who the provider is and what it calls them. Only [`check`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Subject {
    issuer: String,
    subject: String,
}

/// What was asked.
#[derive(Debug)]
pub(super) struct Expects {
    pub(super) issuer: String,
    pub(super) client: String,
    pub(super) nonce: String,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    azp: Option<String>,
    exp: f64,
    iat: f64,
    nonce: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Subject {
    /// As it is kept: what a provider calls people is personal, and only whether it is the same counts here.
    pub(crate) fn digest(&self) -> Digest {
        let Self { issuer, subject } = self;
        Digest::of(format!("{}:{issuer}{subject}", issuer.len()).as_bytes())
    }
}

/// Holds the payload of a token whose signature was good against what was asked.
pub(super) fn check(payload: &Payload, expects: &Expects, now: UtcTime) -> Result<Subject, TokenFault> {
    let claims: Claims =
        serde_json::from_slice(payload.bytes()).map_err(|_| TokenFault::Claims("unreadable"))?;
    let Claims { iss, sub, aud, azp, exp, iat, nonce } = claims;
    let Expects { issuer, client, nonce: asked } = expects;
    let is_for_us = match &aud {
        Audience::One(one) => one == client,
        // For others too: then it must say that it was made for us.
        Audience::Many(all) => all.contains(client) && (all.len() == 1 || azp.as_ref() == Some(client)),
    };
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of this millennium fit")]
    let now_s = now.unix_ms() as f64 / 1000.0;
    let refused = match () {
        () if iss != *issuer => Some("another issuer"),
        () if !is_for_us || azp.as_ref().is_some_and(|azp| azp != client) => Some("made for somebody else"),
        () if nonce.as_ref() != Some(asked) => Some("another nonce"),
        () if exp.is_nan() || exp <= now_s - SKEW_S => Some("run out"),
        () if iat.is_nan() || iat > now_s + SKEW_S => Some("not issued yet"),
        () if sub.is_empty() || sub.len() > SUBJECT_MAX_BYTES => Some("no subject"),
        () => None,
    };
    match refused {
        Some(why) => Err(TokenFault::Claims(why)),
        None => Ok(Subject { issuer: iss, subject: sub }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn now() -> UtcTime {
        UtcTime::from_unix_ms(1_800_000_000_000).unwrap()
    }

    fn good() -> Value {
        json!({
            "iss": "https://id.example", "sub": "248289", "aud": "suture", "exp": 1_800_000_300,
            "iat": 1_800_000_000, "nonce": "n-0S6", "email": "ada@example",
        })
    }

    fn ask(claims: &Value) -> Result<Subject, TokenFault> {
        let expects =
            Expects { issuer: "https://id.example".into(), client: "suture".into(), nonce: "n-0S6".into() };
        check(&Payload::of_a_test(claims.to_string().as_bytes()), &expects, now())
    }

    #[test]
    fn what_was_asked_for_holds() {
        let subject = ask(&good()).unwrap();
        for (key, value) in [
            ("aud", json!(["suture"])),
            ("aud", json!("suture")),
            ("azp", json!("suture")),
            ("exp", json!(1_799_999_941)),
            ("iat", json!(1_800_000_059.5)),
        ] {
            let mut claims = good();
            claims[key] = value;
            assert_eq!(ask(&claims).unwrap(), subject, "{claims}");
        }
        let mut both = good();
        (both["aud"], both["azp"]) = (json!(["suture", "other"]), json!("suture"));
        assert!(ask(&both).is_ok());
    }

    #[test]
    fn anything_else_does_not() {
        for (key, value) in [
            ("iss", json!("https://id.example/")),
            ("iss", json!("https://evil.example")),
            ("aud", json!("other")),
            ("aud", json!([])),
            ("aud", json!(["suture", "other"])),
            ("azp", json!("other")),
            ("nonce", json!("n-0S7")),
            ("nonce", json!(null)),
            ("exp", json!(1_799_999_940)),
            ("exp", json!("1800000300")),
            ("iat", json!(1_800_000_061)),
            ("sub", json!("")),
            ("sub", json!("x".repeat(256))),
            ("sub", json!(7)),
        ] {
            let mut claims = good();
            claims[key] = value;
            assert!(ask(&claims).is_err(), "{claims}");
        }
        for key in ["iss", "sub", "aud", "exp", "iat", "nonce"] {
            let mut claims = good();
            claims.as_object_mut().unwrap().remove(key);
            assert!(ask(&claims).is_err(), "without {key}");
        }
    }

    #[test]
    fn two_people_are_never_one() {
        let of = |issuer: &str, subject: &str| {
            Subject { issuer: issuer.to_owned(), subject: subject.to_owned() }.digest()
        };
        assert_ne!(of("https://a", "b"), of("https://", "ab"));
        assert_ne!(of("https://a", "b"), of("https://a", "c"));
        assert_eq!(of("https://a", "b"), of("https://a", "b"));
    }
}
