//! People: who there is, as what, for whom; inviting, changing, closing.

use std::sync::Arc;

use axum::extract::State;
use contract::people::{PersonView, Reach, Role};
use maud::{Markup, html};

use super::Page;
use super::enter::Frame;
use super::layout::{framed, role_words};
use super::parts::{State as Standing, chip_saying, empty, field, table, tag, text_field, time, told};
use crate::hub::Hub;
use crate::operator::{Found, people, tenants};
use crate::people::Granted;
use crate::problem::Fault;
use crate::view::tenants::TenantView;

/// `GET /people`.
pub(super) async fn show(State(hub): State<Arc<Hub>>, granted: Granted, frame: Frame) -> Result<Page, Fault> {
    let Found(all) = people::list(State(Arc::clone(&hub))).await?;
    let Found(tenants) = tenants::list(State(hub), granted).await?;
    let rows: Vec<Vec<Markup>> = all.iter().map(|person| row(person, &frame)).collect();
    let body = html! {
        section #people data-part {
            (table("Accounts", &["Name", "Role", "For", "Until", "Second factor", "State", ""], &rows))
        }
        div .columns {
            section aria-labelledby="invite" {
                h2 #invite { "Invite somebody" }
                p .muted { "Makes a link that works once, within a day. For somebody who has an account it sets password and second factor anew, which is how a lost one is helped." }
                form data-api="/api/v1/people" data-result="invited" {
                    (told())
                    (text_field("invite-person", "person", "Name", Some("Small letters, digits and hyphens, for example ada.")))
                    (role_fields("invite", &tenants))
                    button type="submit" { "Make the link" }
                }
                div #invited .card.result hidden {
                    h3 { "The link, shown once" }
                    code .secret #invited-link data-link="/join#" {}
                    p { "Good until " span data-field="until" {} ". Hand it over where nobody else reads along." }
                    button .quiet.small type="button" data-copy="invited-link" { "Copy" }
                }
            }
            section aria-labelledby="change" {
                h2 #change { "Change what somebody is" }
                p .muted { "Ends that person's sessions. Their keys open what both the key and the new role allow." }
                form data-api="/api/v1/people/{subject}/role" data-then="reload" {
                    (told())
                    (subject(&all))
                    (role_fields("change", &tenants))
                    button type="submit" { "Change the role" }
                }
            }
        }
    };
    Ok(framed(&frame, "People", &[], &body))
}

fn row(person: &PersonView, frame: &Frame) -> Vec<Markup> {
    let PersonView { person: name, role, reach, until, disabled, second_factor, keys } = person;
    let own = name == frame.person();
    vec![
        html! { strong { (name) } @if own { " " (tag("you")) } },
        html! { (role_words(*role)) },
        reach_words(reach),
        until.map_or_else(|| html! { span .muted { "no end" } }, time),
        if *second_factor {
            chip_saying(Standing::Pass, "on")
        } else {
            chip_saying(Standing::Waiting, "not set up")
        },
        if *disabled { chip_saying(Standing::Fail, "closed") } else { tag("open") },
        html! {
            div .actions {
                @if *keys > 0 && !own {
                    button .quiet.small type="button" data-post=(format!("/api/v1/people/{name}/keys/revoke")) data-then="reload" data-ask=(format!("Revoke all keys of {name}? What uses them stops at once.")) aria-label=(format!("Revoke the keys of {name}")) { "Revoke " (keys) @if *keys == 1 { " key" } @else { " keys" } }
                }
                @if *disabled {
                    button .quiet.small type="button" data-post=(format!("/api/v1/people/{name}/disabled")) data-body="{\"disabled\":false}" data-then="reload" aria-label=(format!("Open the account of {name}")) { "Open" }
                } @else if !own {
                    button .danger.small type="button" data-post=(format!("/api/v1/people/{name}/disabled")) data-body="{\"disabled\":true}" data-then="reload" data-ask=(format!("Close the account of {name}? Sessions end at once and keys open nothing.")) aria-label=(format!("Close the account of {name}")) { "Close" }
                }
            }
        },
    ]
}

/// A reach, for people.
pub(super) fn reach_words(reach: &Reach) -> Markup {
    match reach {
        Reach::Everywhere => html! { "all tenants" },
        Reach::Tenants(tenants) if tenants.is_empty() => html! { span .muted { "no tenant" } },
        Reach::Tenants(tenants) => {
            html! { @for (i, tenant) in tenants.iter().enumerate() { @if i > 0 { ", " } (tenant) } }
        }
    }
}

fn subject(all: &[PersonView]) -> Markup {
    let input = html! {
        select id="subject" name="subject" data-in="path" required { option value="" { "Choose" } @for person in all { option value=(person.person) { (person.person) } } }
    };
    field("subject", "Who", None, &input)
}

/// Role, reach and end.
fn role_fields(id: &str, tenants: &[TenantView]) -> Markup {
    let (role, until) = (format!("{id}-role"), format!("{id}-until"));
    let select = html! {
        select id=(role) name="role" {
            @for role in [Role::Technician, Role::MspAdmin, Role::ClinicViewer, Role::Auditor] {
                option value=(role.word()) { (role_words(role)) }
            }
        }
    };
    html! {
        (field(&role, "Role", None, &select))
        (reach_fields(id, "reach", tenants))
        (field(&until, "Until", Some("An auditor has an end, within 90 days. For others it may stay empty."), &html! { input id=(until) name="until" type="date" data-kind="end-of-day" aria-describedby=(format!("{until}-hint")); }))
    }
}

/// For which tenants: all, or some by name.
pub(super) fn reach_fields(id: &str, name: &str, tenants: &[TenantView]) -> Markup {
    html! {
        fieldset data-reach=(name) {
            legend { "For which tenants" }
            div .choices {
                label { input type="radio" name=(format!("{id}-reach")) value="everywhere"; "All, later ones too" }
                label { input type="radio" name=(format!("{id}-reach")) value="some" checked; "Only these:" }
            }
            @if tenants.is_empty() { (empty("No tenant yet", &html! { "Add one on the page for enrolment." })) }
            div .choices { @for TenantView { tenant, .. } in tenants { label { input type="checkbox" value=(tenant); (tenant) } } }
        }
    }
}
