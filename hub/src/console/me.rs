//! One's own: who one is here, the second factor, keys for programs.

use std::sync::Arc;

use axum::extract::State;
use contract::people::{KeyView, Right};
use maud::{Markup, html};

use super::Page;
use super::enter::Frame;
use super::layout::{framed, role_words};
use super::parts::{Notice, State as Standing, chip_saying, empty, field, notice, table, tag, time, told};
use super::people::{reach_fields, reach_words};
use crate::hub::Hub;
use crate::operator::{Found, me, tenants};
use crate::people::Granted;
use crate::problem::Fault;

/// `GET /me`.
pub(super) async fn show(State(hub): State<Arc<Hub>>, granted: Granted, frame: Frame) -> Result<Page, Fault> {
    let Found(keys) = me::keys(State(Arc::clone(&hub)), granted.clone()).await?;
    let factor = me::has_second_factor(&hub, &granted).await?;
    let identity = granted.identity();
    let (reach, until) = (identity.reach().clone(), identity.until());
    let Found(tenants) = tenants::list(State(hub), granted.clone()).await?;
    let rows: Vec<Vec<Markup>> = keys.iter().map(key_row).collect();
    let body = html! {
        div .columns {
            section aria-labelledby="who" {
                h2 #who { "You" }
                dl .facts {
                    dt { "Name" } dd { (frame.person()) }
                    dt { "Role" } dd { (role_words(frame.role)) }
                    dt { "For" } dd { (reach_words(&reach)) }
                    dt { "Until" } dd { @match until { Some(until) => (time(until)), None => span .muted { "no end" } } }
                }
            }
            (second_factor(factor))
        }
        section aria-labelledby="keys-heading" {
            h2 #keys-heading { "Keys for programs" }
            p .muted { "A key opens what both it and you may, until its end. It is shown once." }
            div #keys data-part {
                @if keys.is_empty() { (empty("No key", &html! { "A program that asks this hub something needs one, sent as " code { "Authorization: Bearer" } "." })) }
                @else { (table("Your keys", &["Name", "For", "Rights", "Until", "State", ""], &rows)) }
            }
            div #key-made .card.result hidden {
                h3 { "The key, shown once" }
                code .secret #key-text data-field="key" {}
                p { "Name " code data-field="id" {} ", good until " span data-field="until" {} "." }
                button .quiet.small type="button" data-copy="key-text" { "Copy" }
            }
            details {
                summary { "Make a key" }
                form data-api="/api/v1/me/keys" data-result="key-made" data-then="refresh" {
                    (told())
                    (field("days", "Good for how many days", Some("1 to 366."), &html! { input id="days" name="days" type="number" min="1" max="366" value="90" required aria-describedby="days-hint"; }))
                    (reach_fields("key", "reach", &tenants))
                    fieldset data-set="rights" {
                        legend { "What it may do" }
                        div .choices { @for right in Right::ALL { label { input type="checkbox" value=(right.word()); (right.word()) } } }
                    }
                    button type="submit" { "Make the key" }
                }
            }
        }
    };
    Ok(framed(&frame, "You and your keys", &[], &body))
}

fn key_row(key: &KeyView) -> Vec<Markup> {
    let KeyView { id, reach, rights, until, revoked } = key;
    let over = *until <= edge::clock::utc();
    let rights = html! {
        @if rights.len() == Right::ALL.len() { "everything you may" }
        @else { @for (i, right) in rights.iter().enumerate() { @if i > 0 { ", " } (right.word()) } }
    };
    let state = match (*revoked, over) {
        (true, _) => chip_saying(Standing::Fail, "revoked"),
        (false, true) => chip_saying(Standing::CouldNotCheck, "ended"),
        (false, false) => chip_saying(Standing::Pass, "opens"),
    };
    vec![
        html! { code { (id) } },
        reach_words(reach),
        rights,
        time(*until),
        state,
        html! {
            @if !revoked && !over {
                div .actions {
                    button .quiet.small type="button" data-post=(format!("/api/v1/me/keys/{id}/rotate")) data-result="key-made" data-ask="Rotate this key? The old one opens for another day." aria-label=(format!("Rotate {id}")) { "Rotate" }
                    button .danger.small type="button" data-post=(format!("/api/v1/me/keys/{id}/revoke")) data-then="refresh" data-ask="Revoke this key? What uses it stops at once." aria-label=(format!("Revoke {id}")) { "Revoke" }
                }
            }
        },
    ]
}

/// The second factor: there, or to be set up by a camera and one code.
pub(super) fn second_factor(there: bool) -> Markup {
    html! {
        section aria-labelledby="factor" {
            h2 #factor { "Second factor" }
            @if there {
                p { (chip_saying(Standing::Pass, "on")) " " (tag("authenticator")) }
                p .muted { "Each sign-in asks for a code. Where the device is lost, an MSP admin invites you anew." }
            } @else {
                (notice(Notice::Amber, &html! { "Not set up: whoever learns your password is you." }))
                p { button type="button" data-post="/api/v1/me/totp" data-result="factor-made" { "Set it up" } }
                div #factor-made .card.result hidden {
                    p { "Scan this with an authenticator app, or type the secret into it." }
                    div .qr data-svg="drawing" role="img" aria-label="QR code of the secret below" {}
                    p { code .secret data-field="secret" {} }
                    form data-api="/api/v1/me/totp/confirm" data-then="reload" {
                        (told())
                        (field("totp-code", "The code that it shows now", None, &html! { input id="totp-code" name="code" data-kind="digits" inputmode="numeric" autocomplete="one-time-code" maxlength="7" required; }))
                        button type="submit" { "It counts from now on" }
                    }
                }
            }
        }
    }
}
