//! Coming in, and who there is.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use contract::ids::OperatorId;
use contract::people::{
    Disabling, Invited, Join, Login, NewPerson, PersonView, Right, RoleChange, SessionOpened,
};
use contract::plane::Page;

use super::answers::{Done, Found, Made, WithCookie};
use super::cookies::Cookie;
use super::me::in_person;
use super::query::Paged;
use super::route::{Route, changes, comes_in, reads};
use super::{BODY_MAX_BYTES, Source, id};
use crate::config::Door;
use crate::hub::Hub;
use crate::people::{Changed, EntryFault, Granted, Opened, PeopleError, Secret, Sort, fit};
use crate::problem::{Fault, Strict, Unasked};

pub(super) fn routes() -> Vec<Route> {
    use Right as R;
    vec![
        comes_in("/api/v1/join", "Use an invitation", join).refuses(&[StatusCode::UNPROCESSABLE_ENTITY]),
        comes_in("/api/v1/login", "Log in", log_in)
            .refuses(&[StatusCode::UNAUTHORIZED, StatusCode::TOO_MANY_REQUESTS]),
        reads("/api/v1/people", R::PeopleRead, "Who there is", page),
        changes("/api/v1/people", R::PeopleChange, "Invite somebody, new or known", invite)
            .refuses(&[StatusCode::UNPROCESSABLE_ENTITY]),
        changes("/api/v1/people/{person}/role", R::PeopleChange, "Change what somebody is", change_role)
            .refuses(&[StatusCode::CONFLICT, StatusCode::UNPROCESSABLE_ENTITY]),
        changes(
            "/api/v1/people/{person}/disabled",
            R::PeopleChange,
            "Close somebody's account, or open it",
            disable,
        )
        .refuses(&[StatusCode::CONFLICT]),
        changes(
            "/api/v1/people/{person}/keys/revoke",
            R::PeopleChange,
            "Revoke all of somebody's keys",
            revoke_keys,
        ),
    ]
}

/// How long an invitation of somebody is good for.
const INVITED_MS: u64 = 24 * 60 * 60 * 1000;

/// `POST /api/v1/join`.
async fn join(
    State(hub): State<Arc<Hub>>,
    Extension(source): Extension<Source>,
    Strict(join): Strict<Join, BODY_MAX_BYTES>,
) -> Result<WithCookie<Made<SessionOpened>>, Fault> {
    let opened = hub.people.join(join, source.text(), edge::clock::utc()).await;
    opened.map(|opened| let_in(&opened, &hub.door, Made::new(opened.told()))).map_err(|e| fault(&e))
}

/// `POST /api/v1/login`.
async fn log_in(
    State(hub): State<Arc<Hub>>,
    Extension(source): Extension<Source>,
    Strict(login): Strict<Login, BODY_MAX_BYTES>,
) -> Result<WithCookie<Found<SessionOpened>>, Fault> {
    let opened = hub.people.log_in(login, source.text(), edge::clock::utc()).await;
    opened.map(|opened| let_in(&opened, &hub.door, Found(opened.told()))).map_err(|e| fault(&e))
}

fn let_in<A>(opened: &Opened, door: &Door, answer: A) -> WithCookie<A> {
    WithCookie { cookie: Cookie::of_session(opened, door), answer }
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

/// All of them.
pub(crate) async fn list(State(hub): State<Arc<Hub>>) -> Result<Found<Vec<PersonView>>, Fault> {
    let people = hub.people.store.people().await;
    Ok(Found(people.map_err(|e| Fault::ours("list the people", &e))?))
}

/// `GET /api/v1/people`.
async fn page(
    State(hub): State<Arc<Hub>>,
    paged: Paged<OperatorId>,
) -> Result<Found<Page<PersonView>>, Fault> {
    let Found(all) = list(State(hub)).await?;
    Ok(paged.cut(all, |view| view.person.clone()))
}

/// `POST /api/v1/people`.
async fn invite(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    Strict(new): Strict<NewPerson, BODY_MAX_BYTES>,
) -> Result<Made<Invited>, Fault> {
    in_person(&granted)?;
    let now = edge::clock::utc();
    fit(new.role, &new.reach, new.until, now).map_err(unfit)?;
    let secret = Secret::draw(Sort::Invitation).map_err(|e| Fault::ours("draw an invitation", &e))?;
    let until = now.plus_ms(INVITED_MS);
    let kept = hub.people.store.invite(new, secret.digest(), until).await;
    kept.map_err(|e| Fault::ours("keep the invitation", &e))?;
    Ok(Made::new(Invited { secret: secret.reveal().to_owned(), until }))
}

/// `POST /api/v1/people/{person}/role`.
async fn change_role(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    Path(person): Path<String>,
    Strict(to): Strict<RoleChange, BODY_MAX_BYTES>,
) -> Result<Done, Fault> {
    in_person(&granted)?;
    let person: OperatorId = id(&person)?;
    fit(to.role, &to.reach, to.until, edge::clock::utc()).map_err(unfit)?;
    changed(hub.people.store.change_role(person.clone(), to).await, &person)
}

/// `POST /api/v1/people/{person}/disabled`.
async fn disable(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    Path(person): Path<String>,
    Strict(Disabling { disabled }): Strict<Disabling, BODY_MAX_BYTES>,
) -> Result<Done, Fault> {
    in_person(&granted)?;
    let person: OperatorId = id(&person)?;
    changed(hub.people.store.disable(person.clone(), disabled).await, &person)
}

/// `POST /api/v1/people/{person}/keys/revoke`: all of somebody's keys, as where one of them was found by somebody else.
async fn revoke_keys(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    Path(person): Path<String>,
    _: Unasked<BODY_MAX_BYTES>,
) -> Result<Done, Fault> {
    in_person(&granted)?;
    let person: OperatorId = id(&person)?;
    let known = hub.people.store.revoke_keys(person.clone()).await;
    if known.map_err(|e| Fault::ours("revoke the keys", &e))? {
        Ok(Done)
    } else {
        Err(Fault::theirs(StatusCode::NOT_FOUND, format!("there is no {person}")))
    }
}

fn changed(changed: Result<Changed, PeopleError>, person: &OperatorId) -> Result<Done, Fault> {
    match changed.map_err(|e| Fault::ours("change somebody", &e))? {
        Changed::Done => Ok(Done),
        Changed::Nobody => Err(Fault::theirs(StatusCode::NOT_FOUND, format!("there is no {person}"))),
        Changed::LastAdmin => {
            let problem = format!("{person} is the last MSP admin: make another one first");
            Err(Fault::theirs(StatusCode::CONFLICT, problem))
        }
    }
}

fn unfit(unfit: crate::people::Unfit) -> Fault {
    Fault::theirs(StatusCode::UNPROCESSABLE_ENTITY, unfit.to_string())
}
