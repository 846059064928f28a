//! The first run: from an account to a clinic's first machine, one step after the other. Each step shows whether it is done; none is forgotten by leaving.

use std::sync::Arc;

use axum::extract::State;
use maud::{Markup, html};

use super::Page;
use super::enrolment::{appearing, sheet_form, tenant_form};
use super::enter::Frame;
use super::layout::framed;
use super::me::second_factor;
use super::parts::{text_field, told};
use crate::hub::Hub;
use crate::operator::{Found, enrolments, me, tenants};
use crate::people::Granted;
use crate::problem::Fault;
use crate::view::enrolments::EnrolmentState;
use crate::view::tenants::TenantView;

/// One step: its heading, whether it is done, and what to do.
struct Step {
    heading: &'static str,
    done: bool,
    body: Markup,
}

/// `GET /first-run`.
pub(super) async fn show(State(hub): State<Arc<Hub>>, granted: Granted, frame: Frame) -> Result<Page, Fault> {
    let factor = me::has_second_factor(&hub, &granted).await?;
    let Found(tenants) = tenants::list(State(Arc::clone(&hub)), granted.clone()).await?;
    let Found(enrolments) = enrolments::list(State(hub), granted).await?;
    let sites: usize = tenants.iter().map(|t| t.sites.len()).sum();
    let hosts: u64 = tenants.iter().flat_map(|t| &t.sites).map(|s| s.hosts).sum();
    let enrolled = enrolments.iter().any(|e| e.state == EnrolmentState::Enrolled);
    let steps = [
        Step {
            heading: "Your account",
            done: true,
            body: html! { p .muted { "You are " strong { (frame.person()) } ", an MSP admin." } },
        },
        Step { heading: "A second factor", done: factor, body: second_factor(factor) },
        Step { heading: "The first tenant", done: !tenants.is_empty(), body: tenant_step(&tenants) },
        Step { heading: "Its first site", done: sites > 0, body: site_step(&tenants) },
        Step { heading: "A sheet for the first machine", done: hosts > 0, body: sheet_form(&tenants) },
        Step { heading: "The machine appears", done: enrolled, body: appearing(&enrolments) },
    ];
    let now = steps.iter().position(|step| !step.done);
    let body = html! {
        p .lead { "Six steps; leave and come back as you like. The second factor may wait, and should not." }
        ol .steps {
            @for (i, step) in steps.iter().enumerate() {
                li class=[class(step.done, now == Some(i))] {
                    div .card {
                        h2 { (step.heading) span .visually-hidden { @if step.done { " (done)" } @else { " (to do)" } } }
                        (step.body)
                    }
                }
            }
        }
        @if now.is_none() { p { a .button href="/" { "To the fleet" } } }
    };
    Ok(framed(&frame, "Set up this hub", &[], &body))
}

const fn class(done: bool, now: bool) -> Option<&'static str> {
    match (done, now) {
        (true, _) => Some("done"),
        (false, true) => Some("now"),
        (false, false) => None,
    }
}

fn tenant_step(tenants: &[TenantView]) -> Markup {
    html! {
        @if tenants.is_empty() { p .muted { "A tenant is one clinic: its hosts, its evidence, its people." } (tenant_form("/first-run")) }
        @else { p { @for (i, t) in tenants.iter().enumerate() { @if i > 0 { ", " } strong { (t.tenant) } } } }
    }
}

fn site_step(tenants: &[TenantView]) -> Markup {
    let Some(first) = tenants.first() else { return html! { p .muted { "After the tenant." } } };
    html! {
        @if first.sites.is_empty() {
            form .row-form data-api=(format!("/api/v1/tenants/{}/sites", first.tenant)) data-then="/first-run" {
                (told())
                (text_field("first-site", "site", "Name of the site", Some("For example main.")))
                button type="submit" { "Add the site" }
            }
        } @else { p { @for (i, s) in first.sites.iter().enumerate() { @if i > 0 { ", " } strong { (s.site) } } } }
    }
}
