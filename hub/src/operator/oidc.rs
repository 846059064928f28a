//! Beginning a login at the provider of identities. The browser comes back to the console's page.

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::http::StatusCode;
use contract::people::{OidcBegin, OidcBegun};

use super::answers::{Found, WithCookie};
use super::cookies::Cookie;
use super::route::{Route, comes_in};
use super::{BODY_MAX_BYTES, Source};
use crate::hub::Hub;
use crate::people::{OidcFault, oidc_invitation};
use crate::problem::{Fault, Strict};

pub(super) fn routes() -> Vec<Route> {
    vec![
        comes_in("/api/v1/oidc", "Begin a login at the provider of identities", begin)
            .refuses(&[StatusCode::NOT_FOUND, StatusCode::BAD_GATEWAY]),
    ]
}

async fn begin(
    State(hub): State<Arc<Hub>>,
    Extension(source): Extension<Source>,
    Strict(begin): Strict<OidcBegin, BODY_MAX_BYTES>,
) -> Result<WithCookie<Found<OidcBegun>>, Fault> {
    let Some(oidc) = &hub.oidc else {
        let problem = "this hub knows no provider of identities: log in with a password (see --oidc-issuer)";
        return Err(Fault::theirs(StatusCode::NOT_FOUND, problem));
    };
    let invitation =
        begin.invitation.map(|invitation| oidc_invitation(&invitation.secret, invitation.person));
    let invitation = invitation.transpose();
    let invitation = invitation.map_err(|e| Fault::theirs(StatusCode::FORBIDDEN, e.to_string()))?;
    let under_way = oidc.begin(invitation, source.text(), edge::clock::utc()).await.map_err(|e| fault(&e))?;
    let cookie = Cookie::of_state(&under_way.state, &hub.door);
    Ok(WithCookie { cookie, answer: Found(OidcBegun { authorize: under_way.authorize.into() }) })
}

fn fault(fault: &OidcFault) -> Fault {
    match fault {
        OidcFault::Provider(cause) => {
            tracing::warn!(cause = crate::problem::chain(cause), "the provider of identities is of no use");
            let problem = "the provider of identities does not answer as it should: try again, or log in with a password";
            Fault::theirs(StatusCode::BAD_GATEWAY, problem)
        }
        OidcFault::NotUnderWay | OidcFault::Token(_) | OidcFault::Nobody | OidcFault::Entry(_) => {
            Fault::ours("begin a login", fault)
        }
    }
}
