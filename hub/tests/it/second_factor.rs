//! The second factor, as an app on a telephone has it: the secret as it is shown, the codes by RFC 6238, and nobody in without one.

use contract::people::SecondFactor;
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::{Method, StatusCode};
use serde_json::json;
use sha1::Sha1;

use crate::people::{FIRST, PASSWORD, log_in};
use crate::stage::{Stage, parsed};

const BASE32: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// An app that was told the secret.
struct App {
    secret: Vec<u8>,
}

impl App {
    fn told(secret: &str) -> Self {
        let five = |letter| format!("{:05b}", BASE32.find(letter).unwrap());
        let bits: String = secret.chars().map(five).collect();
        let byte = |at: usize| u8::from_str_radix(&bits[8 * at..8 * at + 8], 2).unwrap();
        Self { secret: (0..bits.len() / 8).map(byte).collect() }
    }

    fn code(&self, step: u64) -> String {
        let mut mac = Hmac::<Sha1>::new_from_slice(&self.secret).unwrap();
        mac.update(&step.to_be_bytes());
        let sum = mac.finalize().into_bytes();
        let offset = usize::from(sum[19] & 15);
        let four = u32::from_be_bytes(sum[offset..offset + 4].try_into().unwrap());
        format!("{:06}", (four & 0x7fff_ffff) % 1_000_000)
    }
}

fn step() -> u64 {
    edge::clock::utc().unix_seconds() / 30
}

async fn confirmed(stage: &Stage, code: &str) -> StatusCode {
    stage.operate(Method::POST, "/api/v1/me/totp/confirm", Some(json!({ "code": code }))).await.status()
}

async fn tried(stage: &Stage, password: &str, code: Option<&str>) -> StatusCode {
    log_in(stage, FIRST, password, code).await.status()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_factor_counts_once_a_code_was_seen_and_then_nobody_comes_in_without() {
    let stage = Stage::start().await;
    let factor: SecondFactor = parsed(stage.operate(Method::POST, "/api/v1/me/totp", None).await).await;
    assert!(factor.uri.contains(&factor.secret) && factor.secret.len() == 32);
    let app = App::told(&factor.secret);
    assert_eq!(confirmed(&stage, "").await, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(tried(&stage, PASSWORD, None).await, StatusCode::OK, "it counts too early");
    // The codes of this step and the next: both are good for half a minute from now, however soon the step ends.
    let now = step();
    let (first, second) = (app.code(now), app.code(now + 1));
    assert_eq!(confirmed(&stage, &first).await, StatusCode::OK);
    let again = stage.operate(Method::POST, "/api/v1/me/totp", None).await;
    assert_eq!(
        again.status(),
        StatusCode::CONFLICT,
        "a second factor was laid in the place of one that counts"
    );

    assert_eq!(tried(&stage, PASSWORD, None).await, StatusCode::UNAUTHORIZED, "the password alone");
    assert_eq!(tried(&stage, PASSWORD, Some(&first)).await, StatusCode::UNAUTHORIZED, "a code that was used");
    assert_eq!(tried(&stage, PASSWORD, Some(&second)).await, StatusCode::OK);
    assert_eq!(tried(&stage, PASSWORD, Some(&second)).await, StatusCode::UNAUTHORIZED, "a code worked twice");
    // It is kept, and so is which code was used last.
    let stage = stage.restart().await;
    assert_eq!(tried(&stage, PASSWORD, Some(&second)).await, StatusCode::UNAUTHORIZED, "a restart forgot it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_nothing_without_the_password_and_one_of_long_ago_is_none() {
    let stage = Stage::start().await;
    let factor: SecondFactor = parsed(stage.operate(Method::POST, "/api/v1/me/totp", None).await).await;
    let app = App::told(&factor.secret);
    let now = step();
    assert_eq!(confirmed(&stage, &app.code(now)).await, StatusCode::OK);
    let second = app.code(now + 1);
    assert_eq!(tried(&stage, "not the password", Some(&second)).await, StatusCode::UNAUTHORIZED);
    assert_eq!(tried(&stage, PASSWORD, Some(&app.code(now - 3))).await, StatusCode::UNAUTHORIZED);
    // A wrong password does not use a code up.
    assert_eq!(tried(&stage, PASSWORD, Some(&second)).await, StatusCode::OK);
}
