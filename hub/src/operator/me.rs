//! One's own: the session, the second factor, keys.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use contract::ids::ApiKeyId;
use contract::people::{Code, KeyMade, KeyView, MeView, NewKey, Right, SecondFactor};
use contract::plane::Page;

use super::admit::presented;
use super::answers::{Done, Found, Made, WithCookie};
use super::cookies::Cookie;
use super::query::Paged;
use super::route::{Route, changes, reads};
use super::{BODY_MAX_BYTES, id};
use crate::hub::Hub;
use crate::people::{Granted, KeyChange, Secret, Sort, base32, key_until, totp_secret};
use crate::problem::{Fault, Strict, Unasked};

pub(super) fn routes() -> Vec<Route> {
    use Right as R;
    vec![
        changes("/api/v1/logout", R::OwnChange, "End the session that asks", log_out),
        reads("/api/v1/me", R::OwnRead, "Who asks", show),
        changes("/api/v1/me/totp", R::OwnChange, "Begin a second factor", begin_totp)
            .refuses(&[StatusCode::CONFLICT]),
        changes(
            "/api/v1/me/totp/confirm",
            R::OwnChange,
            "Have the second factor count, by a code of it",
            confirm_totp,
        )
        .refuses(&[StatusCode::UNPROCESSABLE_ENTITY]),
        reads("/api/v1/me/keys", R::OwnRead, "One's own keys", keys_page),
        changes("/api/v1/me/keys", R::OwnChange, "Make a key", add_key)
            .refuses(&[StatusCode::UNPROCESSABLE_ENTITY]),
        changes("/api/v1/me/keys/{key}/rotate", R::OwnChange, "Give a key another secret", rotate_key)
            .refuses(&[StatusCode::CONFLICT]),
        changes("/api/v1/me/keys/{key}/revoke", R::OwnChange, "Revoke a key", revoke_key),
    ]
}

/// `GET /api/v1/me`.
pub(crate) async fn show(granted: Granted) -> Found<MeView> {
    let me = granted.identity();
    Found(MeView {
        person: me.person().clone(),
        role: me.role(),
        reach: me.reach().clone(),
        until: me.until(),
        key: me.key().cloned(),
    })
}

/// `POST /api/v1/logout`: ends the session that asks.
async fn log_out(
    State(hub): State<Arc<Hub>>,
    headers: HeaderMap,
    _: Unasked<BODY_MAX_BYTES>,
) -> Result<WithCookie<Done>, Fault> {
    if let Some(presented) = presented(&headers, &hub.door) {
        let ended = hub.people.store.end_session(presented.secret.digest()).await;
        ended.map_err(|e| Fault::ours("end the session", &e))?;
    }
    let cookie = Cookie::session_gone(&hub.door);
    Ok(WithCookie { cookie, answer: Done })
}

/// Credentials are made by a person who is there, never by a key: whoever finds one cannot make more of it.
pub(super) fn in_person(granted: &Granted) -> Result<(), Fault> {
    match granted.identity().key() {
        None => Ok(()),
        Some(_) => {
            let problem = "a key makes no credentials: log in and ask again";
            Err(Fault::theirs(StatusCode::FORBIDDEN, problem))
        }
    }
}

/// Whether whoever asks has a second factor that counts.
pub(crate) async fn has_second_factor(hub: &Hub, granted: &Granted) -> Result<bool, Fault> {
    let all = hub.people.store.people().await.map_err(|e| Fault::ours("look up the account", &e))?;
    Ok(all.iter().any(|person| person.person == *granted.identity().person() && person.second_factor))
}

/// `POST /api/v1/me/totp`.
async fn begin_totp(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    _: Unasked<BODY_MAX_BYTES>,
) -> Result<Made<SecondFactor>, Fault> {
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
    Ok(Made::new(SecondFactor { secret, drawing: crate::drawing::qr(&uri).unwrap_or_default(), uri }))
}

/// `POST /api/v1/me/totp/confirm`.
async fn confirm_totp(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    Strict(Code { code }): Strict<Code, BODY_MAX_BYTES>,
) -> Result<Done, Fault> {
    in_person(&granted)?;
    let person = granted.identity().person().clone();
    let confirmed = hub.people.store.confirm_totp(person, code, edge::clock::utc()).await;
    if confirmed.map_err(|e| Fault::ours("keep the second factor", &e))? {
        Ok(Done)
    } else {
        let problem = "this is no code of a second factor that waits: begin with POST /api/v1/me/totp";
        Err(Fault::theirs(StatusCode::UNPROCESSABLE_ENTITY, problem))
    }
}

/// All of one's keys.
pub(crate) async fn keys(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
) -> Result<Found<Vec<KeyView>>, Fault> {
    let keys = hub.people.store.keys(granted.identity().person().clone()).await;
    Ok(Found(keys.map_err(|e| Fault::ours("list the keys", &e))?))
}

/// `GET /api/v1/me/keys`.
async fn keys_page(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    paged: Paged<ApiKeyId>,
) -> Result<Found<Page<KeyView>>, Fault> {
    let Found(all) = keys(State(hub), granted).await?;
    Ok(paged.cut(all, |view| view.id.clone()))
}

/// `POST /api/v1/me/keys`.
async fn add_key(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    Strict(new): Strict<NewKey, BODY_MAX_BYTES>,
) -> Result<Made<KeyMade>, Fault> {
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
    Ok(Made::new(made))
}

/// `POST /api/v1/me/keys/{key}/rotate`. The key itself may ask: it gets one that is good for as long as it was.
async fn rotate_key(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    Path(key): Path<String>,
    _: Unasked<BODY_MAX_BYTES>,
) -> Result<Found<KeyMade>, Fault> {
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
            Ok(Found(made))
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

/// `POST /api/v1/me/keys/{key}/revoke`.
async fn revoke_key(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    Path(key): Path<String>,
    _: Unasked<BODY_MAX_BYTES>,
) -> Result<Done, Fault> {
    let key: ApiKeyId = id(&key)?;
    let revoked = hub.people.store.revoke_key(granted.identity().person().clone(), key.clone()).await;
    if revoked.map_err(|e| Fault::ours("revoke the key", &e))? { Ok(Done) } else { Err(no_such_key(&key)) }
}

fn no_such_key(key: &ApiKeyId) -> Fault {
    Fault::theirs(StatusCode::NOT_FOUND, format!("you have no key {key}"))
}
