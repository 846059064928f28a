//! Coming in, and who there is.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use contract::ids::OperatorId;
use contract::people::{Disabling, Invited, Join, Login, NewPerson, RoleChange};
use serde_json::Value;

use super::admit::COOKIE;
use super::{BODY_MAX_BYTES, Source, id};
use crate::hub::Hub;
use crate::people::{Changed, EntryFault, Opened, Secret, Sort, fit};
use crate::problem::{Fault, Strict, answer};

/// How long an invitation of somebody is good for.
const INVITED_MS: u64 = 24 * 60 * 60 * 1000;

/// `POST /v1/join`.
pub(super) async fn join(
    State(hub): State<Arc<Hub>>,
    Extension(Source(source)): Extension<Source>,
    Strict(join): Strict<Join, BODY_MAX_BYTES>,
) -> Result<Response, Fault> {
    let opened = hub.people.join(join, source.to_string(), edge::clock::utc()).await;
    opened.map(|opened| let_in(StatusCode::CREATED, &opened)).map_err(|e| fault(&e))
}

/// `POST /v1/login`.
pub(super) async fn log_in(
    State(hub): State<Arc<Hub>>,
    Extension(Source(source)): Extension<Source>,
    Strict(login): Strict<Login, BODY_MAX_BYTES>,
) -> Result<Response, Fault> {
    let opened = hub.people.log_in(login, source.to_string(), edge::clock::utc()).await;
    opened.map(|opened| let_in(StatusCode::OK, &opened)).map_err(|e| fault(&e))
}

fn let_in(status: StatusCode, opened: &Opened) -> Response {
    let mut response = answer(status, &opened.told());
    let cookie = format!("{COOKIE}={}; Path=/; HttpOnly; SameSite=Strict", opened.secret.reveal());
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

fn fault(fault: &EntryFault) -> Fault {
    match fault {
        EntryFault::Refused => Fault::theirs(StatusCode::UNAUTHORIZED, fault.to_string()),
        EntryFault::Slowed(slowed) => {
            let problem = format!(
                "there were too many tries for this {}: wait until {}",
                slowed.what.word(),
                slowed.until
            );
            let left = slowed.until.ms_since(edge::clock::utc()).div_ceil(1000);
            Fault::slowed(problem, left)
        }
        EntryFault::NoInvitation => Fault::theirs(StatusCode::FORBIDDEN, fault.to_string()),
        EntryFault::Password => Fault::theirs(StatusCode::UNPROCESSABLE_ENTITY, fault.to_string()),
        EntryFault::Store(_)
        | EntryFault::Log(_)
        | EntryFault::Random(_)
        | EntryFault::Hash
        | EntryFault::Thread(_) => Fault::ours("let somebody in", fault),
    }
}

/// `GET /v1/people`.
pub(super) async fn list(State(hub): State<Arc<Hub>>) -> Result<Response, Fault> {
    let people = hub.people.store.people().await.map_err(|e| Fault::ours("list the people", &e))?;
    Ok(answer(StatusCode::OK, &people))
}

/// `POST /v1/people`.
pub(super) async fn invite(
    State(hub): State<Arc<Hub>>,
    Strict(new): Strict<NewPerson, BODY_MAX_BYTES>,
) -> Result<Response, Fault> {
    let now = edge::clock::utc();
    fit(new.role, &new.reach, new.until, now).map_err(unfit)?;
    let secret = Secret::draw(Sort::Invitation).map_err(|e| Fault::ours("draw an invitation", &e))?;
    let until = now.plus_ms(INVITED_MS);
    let kept = hub.people.store.invite(new, secret.digest(), until).await;
    kept.map_err(|e| Fault::ours("keep the invitation", &e))?;
    Ok(answer(StatusCode::CREATED, &Invited { secret: secret.reveal().to_owned(), until }))
}

/// `POST /v1/people/{person}/role` and `POST /v1/people/{person}/disabled`.
pub(super) async fn change(
    State(hub): State<Arc<Hub>>,
    Path((person, what)): Path<(String, String)>,
    Strict(body): Strict<Value, BODY_MAX_BYTES>,
) -> Result<Response, Fault> {
    let person: OperatorId = id(&person)?;
    let changed = match what.as_str() {
        "role" => {
            let to: RoleChange = read(body)?;
            fit(to.role, &to.reach, to.until, edge::clock::utc()).map_err(unfit)?;
            hub.people.store.change_role(person.clone(), to).await
        }
        "disabled" => {
            let Disabling { disabled } = read(body)?;
            hub.people.store.disable(person.clone(), disabled).await
        }
        _ => return Err(Fault::theirs(StatusCode::NOT_FOUND, "of a person, change `role` or `disabled`")),
    };
    match changed.map_err(|e| Fault::ours("change somebody", &e))? {
        Changed::Done => Ok(answer(StatusCode::OK, &serde_json::json!({}))),
        Changed::Nobody => Err(Fault::theirs(StatusCode::NOT_FOUND, format!("there is no {person}"))),
        Changed::LastAdmin => {
            let problem = format!("{person} is the last MSP admin: make another one first");
            Err(Fault::theirs(StatusCode::CONFLICT, problem))
        }
    }
}

fn read<T: serde::de::DeserializeOwned>(body: Value) -> Result<T, Fault> {
    serde_json::from_value(body).map_err(|e| {
        Fault::theirs(StatusCode::BAD_REQUEST, format!("the request's body is not what belongs here: {e}"))
    })
}

fn unfit(unfit: crate::people::Unfit) -> Fault {
    Fault::theirs(StatusCode::UNPROCESSABLE_ENTITY, unfit.to_string())
}
