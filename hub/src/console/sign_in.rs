//! Coming in: by name, password and second factor, or by an invitation.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Redirect, Response};
use maud::{Markup, html};

use super::layout::bare;
use super::parts::{field, told};
use super::{faults, of_console};
use crate::hub::Hub;
use crate::operator::admitted_by_cookie;
use crate::problem::Fault;

/// `GET /login`. Whoever is in already goes on.
pub(super) async fn log_in(State(hub): State<Arc<Hub>>, headers: HeaderMap) -> Response {
    match admitted_by_cookie(&hub, &headers).await {
        Ok(Some(_)) => of_console(Redirect::to("/").into_response()),
        Ok(None) => bare("Sign in", &log_in_form(provider(&hub))).into_response(),
        Err(fault) => faults::page(None, &fault.into_response()),
    }
}

/// The provider of identities, for people.
fn provider(hub: &Hub) -> Option<&str> {
    hub.oidc.as_ref().map(crate::people::Oidc::name)
}

fn log_in_form(provider: Option<&str>) -> Markup {
    let code = html! { input id="code" name="code" data-kind="digits" inputmode="numeric" autocomplete="one-time-code" maxlength="7" aria-describedby="code-hint"; };
    html! {
        form .card data-api="/api/v1/login" data-then="back" {
            (told())
            (field("person", "Name", None, &html! { input id="person" name="person" autocomplete="username" autocapitalize="none" spellcheck="false" required autofocus; }))
            (field("password", "Password", None, &html! { input id="password" name="password" type="password" autocomplete="current-password" required; }))
            (field("code", "Second factor", Some("The six digits of your authenticator, where your account has one."), &code))
            button type="submit" { "Sign in" }
        }
        @if let Some(provider) = provider {
            form .card data-api="/api/v1/oidc" data-then="provider" {
                (told())
                button type="submit" { "Sign in with " (provider) }
            }
        }
        p .muted { "No account? An MSP admin invites you by a link. A hub without people prints a first-run link when it starts." }
    }
}

/// `GET /join`: the invitation stands behind the `#`, so it is never sent with the address.
pub(super) async fn join(State(hub): State<Arc<Hub>>) -> Response {
    match hub.people.store.is_empty().await {
        Ok(first) => {
            let heading = if first { "Set up this hub" } else { "You are invited" };
            bare(heading, &join_form(first, provider(&hub))).into_response()
        }
        Err(e) => faults::page(None, &Fault::ours("look up the accounts", &e).into_response()),
    }
}

fn join_form(first: bool, provider: Option<&str>) -> Markup {
    let words = if first {
        "You are the first: this makes your account, as an MSP admin. There is no default password anywhere."
    } else {
        "Choose your password. Your name is the one by which you were invited."
    };
    let then = if first { "/first-run" } else { "/me" };
    html! {
        p .lead { (words) }
        form .card data-api="/api/v1/join" data-joins data-then=(then) {
            (told())
            (field("person", "Name", Some("Small letters, digits and hyphens, for example ada."), &html! { input id="person" name="person" autocomplete="username" autocapitalize="none" spellcheck="false" required autofocus aria-describedby="person-hint"; }))
            (field("password", "Password", Some("At least 12 characters: three or four words that have nothing to do with each other are good."), &html! { input id="password" name="password" type="password" autocomplete="new-password" minlength="12" required aria-describedby="password-hint"; }))
            (field("again", "The same password again", None, &html! { input id="again" type="password" autocomplete="new-password" data-same-as="password" required; }))
            button type="submit" { "Make the account" }
        }
        @if let Some(provider) = provider {
            p .lead { "Or come in without a password, from now on by " (provider) " alone:" }
            form .card data-api="/api/v1/oidc" data-joins="invitation" data-then="provider" {
                (told())
                (field("name", "Name", None, &html! { input id="name" name="person" autocomplete="username" autocapitalize="none" spellcheck="false" required; }))
                button type="submit" { "Continue with " (provider) }
            }
        }
    }
}
