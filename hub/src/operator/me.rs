//! One's own: the session, the second factor, keys.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use contract::ids::ApiKeyId;
use contract::people::{Code, KeyMade, NewKey, SecondFactor};

use super::admit::{COOKIE, presented};
use super::{BODY_MAX_BYTES, id};
use crate::hub::Hub;
use crate::people::{Granted, KeyChange, Secret, Sort, base32, key_until, totp_secret};
use crate::problem::{Fault, Strict, Unasked, answer};

/// `GET /v1/me`.
pub(super) async fn show(granted: Granted) -> Response {
    let me = granted.identity();
    let view = serde_json::json!({
        "person": me.person(), "role": me.role(), "reach": me.reach(), "until": me.until(), "key": me.key(),
    });
    answer(StatusCode::OK, &view)
}

/// `POST /v1/logout`: ends the session that asks.
pub(super) async fn log_out(
    State(hub): State<Arc<Hub>>,
    headers: HeaderMap,
    _: Unasked<BODY_MAX_BYTES>,
) -> Result<Response, Fault> {
    if let Some(presented) = presented(&headers) {
        let ended = hub.people.store.end_session(presented.secret.digest()).await;
        ended.map_err(|e| Fault::ours("end the session", &e))?;
    }
    let mut response = answer(StatusCode::OK, &serde_json::json!({}));
    let gone = format!("{COOKIE}=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict");
    if let Ok(gone) = HeaderValue::from_str(&gone) {
        response.headers_mut().insert(header::SET_COOKIE, gone);
    }
    Ok(response)
}

/// Credentials are made by a person who is there, never by a key: whoever finds one cannot make more of it.
fn in_person(granted: &Granted) -> Result<(), Fault> {
    match granted.identity().key() {
        None => Ok(()),
        Some(_) => {
            let problem = "a key makes no credentials: log in and ask again";
            Err(Fault::theirs(StatusCode::FORBIDDEN, problem))
        }
    }
}

/// `POST /v1/me/totp`.
pub(super) async fn begin_totp(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    _: Unasked<BODY_MAX_BYTES>,
) -> Result<Response, Fault> {
    in_person(&granted)?;
    let person = granted.identity().person().clone();
    let secret = totp_secret().map_err(|e| Fault::ours("draw a secret", &e))?;
    let kept = hub.people.store.begin_totp(person.clone(), secret.to_vec()).await;
    if !kept.map_err(|e| Fault::ours("keep the second factor", &e))? {
        let problem = "there is a second factor already: an MSP admin can invite you anew where it is lost";
        return Err(Fault::theirs(StatusCode::CONFLICT, problem));
    }
    let secret = base32(&secret);
    let uri = format!("otpauth://totp/Suture:{person}?secret={secret}&issuer=Suture");
    Ok(answer(StatusCode::CREATED, &SecondFactor { secret, uri }))
}

/// `POST /v1/me/totp/confirm`.
pub(super) async fn confirm_totp(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    Strict(Code { code }): Strict<Code, BODY_MAX_BYTES>,
) -> Result<Response, Fault> {
    in_person(&granted)?;
    let person = granted.identity().person().clone();
    let confirmed = hub.people.store.confirm_totp(person, code, edge::clock::utc()).await;
    if confirmed.map_err(|e| Fault::ours("keep the second factor", &e))? {
        Ok(answer(StatusCode::OK, &serde_json::json!({})))
    } else {
        let problem = "this is no code of a second factor that waits: begin with POST /v1/me/totp";
        Err(Fault::theirs(StatusCode::UNPROCESSABLE_ENTITY, problem))
    }
}

/// `GET /v1/me/keys`.
pub(super) async fn keys(State(hub): State<Arc<Hub>>, granted: Granted) -> Result<Response, Fault> {
    let keys = hub.people.store.keys(granted.identity().person().clone()).await;
    Ok(answer(StatusCode::OK, &keys.map_err(|e| Fault::ours("list the keys", &e))?))
}

/// `POST /v1/me/keys`.
pub(super) async fn add_key(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    Strict(new): Strict<NewKey, BODY_MAX_BYTES>,
) -> Result<Response, Fault> {
    in_person(&granted)?;
    let Some(until) = key_until(new.days, edge::clock::utc()) else {
        return Err(Fault::theirs(StatusCode::UNPROCESSABLE_ENTITY, "a key is good for 1 to 366 days"));
    };
    let id = edge::random::opaque().map_err(|e| Fault::ours("draw a key", &e))?;
    let id: ApiKeyId = super::id(&format!("k-{id}"))?;
    let secret = Secret::draw(Sort::Key).map_err(|e| Fault::ours("draw a key", &e))?;
    let person = granted.identity().person().clone();
    let kept = hub.people.store.add_key(person, id.clone(), secret.digest(), new, until).await;
    kept.map_err(|e| Fault::ours("keep the key", &e))?;
    let made = KeyMade { id, key: secret.reveal().to_owned(), until, previous_until: None };
    Ok(answer(StatusCode::CREATED, &made))
}

/// `POST /v1/me/keys/{key}/rotate`. The key itself may ask: it gets one that is good for as long as it was.
pub(super) async fn rotate_key(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    Path(key): Path<String>,
    _: Unasked<BODY_MAX_BYTES>,
) -> Result<Response, Fault> {
    let key: ApiKeyId = id(&key)?;
    if granted.identity().key().is_some_and(|asking| *asking != key) {
        return Err(no_such_key(&key));
    }
    let secret = Secret::draw(Sort::Key).map_err(|e| Fault::ours("draw a key", &e))?;
    let person = granted.identity().person().clone();
    let rotated = hub.people.store.rotate_key(person, key.clone(), secret.digest(), edge::clock::utc()).await;
    match rotated.map_err(|e| Fault::ours("rotate the key", &e))? {
        KeyChange::Rotated(until, previous) => {
            let key_text = secret.reveal().to_owned();
            let made = KeyMade { id: key, key: key_text, until, previous_until: Some(previous) };
            Ok(answer(StatusCode::OK, &made))
        }
        KeyChange::None => Err(no_such_key(&key)),
        KeyChange::Over => {
            let problem = format!("key {key} has ended or was revoked: make another");
            Err(Fault::theirs(StatusCode::CONFLICT, problem))
        }
        KeyChange::TooSoon(until) => {
            let problem =
                format!("key {key} was rotated a short while ago: the one before is good until {until}");
            Err(Fault::theirs(StatusCode::CONFLICT, problem))
        }
    }
}

/// `POST /v1/me/keys/{key}/revoke`.
pub(super) async fn revoke_key(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    Path(key): Path<String>,
    _: Unasked<BODY_MAX_BYTES>,
) -> Result<Response, Fault> {
    let key: ApiKeyId = id(&key)?;
    let revoked = hub.people.store.revoke_key(granted.identity().person().clone(), key.clone()).await;
    if revoked.map_err(|e| Fault::ours("revoke the key", &e))? {
        Ok(answer(StatusCode::OK, &serde_json::json!({})))
    } else {
        Err(no_such_key(&key))
    }
}

fn no_such_key(key: &ApiKeyId) -> Fault {
    Fault::theirs(StatusCode::NOT_FOUND, format!("you have no key {key}"))
}
