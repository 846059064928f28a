//! Enrolment: a tenant, a site, a sheet with a token; and the host appearing once its machine has used it.

use std::sync::Arc;

use axum::extract::State;
use maud::{Markup, html};

use super::Page;
use super::enter::Frame;
use super::layout::framed;
use super::parts::{
    State as Standing, ago, ago_or, chip_saying, empty, field, table, text_field, time, told,
};
use crate::drawing::qr_path;
use crate::hub::Hub;
use crate::operator::{Found, enrolments, tenants};
use crate::people::Granted;
use crate::problem::Fault;
use crate::view::enrolments::{EnrolmentState, EnrolmentView};
use crate::view::tenants::TenantView;
use contract::people::Right;

/// `GET /enrolment`.
pub(super) async fn show(State(hub): State<Arc<Hub>>, granted: Granted, frame: Frame) -> Result<Page, Fault> {
    let Found(tenants) = tenants::list(State(Arc::clone(&hub)), granted.clone()).await?;
    let Found(enrolments) = enrolments::list(State(hub), granted).await?;
    let body = html! {
        div .columns {
            section aria-labelledby="make" {
                h2 #make { "Enrol a machine" }
                (sheet_form(&tenants))
            }
            section aria-labelledby="places-heading" {
                h2 #places-heading { "Tenants and sites" }
                (places(&tenants))
                @if frame.may(Right::TenantsAdd) { (tenant_form("/enrolment")) }
                @if !tenants.is_empty() { (site_form(&tenants)) }
            }
        }
        (appearing(&enrolments))
    };
    Ok(framed(&frame, "Enrolment", &[], &body))
}

/// The form for a sheet, and the place where it is handed out.
pub(super) fn sheet_form(tenants: &[TenantView]) -> Markup {
    let sites: Vec<_> =
        tenants.iter().flat_map(|t| t.sites.iter().map(move |s| (&t.tenant, &s.site))).collect();
    if sites.is_empty() {
        return empty("No site yet", &html! { "A machine belongs to a site of a tenant: add both first." });
    }
    html! {
        p .muted { "Makes a host and a sheet for it. The sheet holds a token that works once, within 15 minutes; keep it as you would a key." }
        form data-api="/api/v1/tenants/{tenant}/sites/{site}/enrolments" data-body="none" data-result="sheet-made" data-then="refresh" {
            (told())
            (field("sheet-tenant", "Tenant", None, &html! { select id="sheet-tenant" name="tenant" required { @for t in tenants { @if !t.sites.is_empty() { option value=(t.tenant) { (t.tenant) } } } } }))
            @for t in tenants {
                @if !t.sites.is_empty() {
                    div data-when=(format!("tenant={}", t.tenant)) {
                        (field(&format!("sheet-site-{}", t.tenant), "Site", None, &html! { select id=(format!("sheet-site-{}", t.tenant)) name="site" required { @for s in &t.sites { option value=(s.site) { (s.site) } } } }))
                    }
                }
            }
            button type="submit" { "Make the sheet" }
        }
        div #sheet-made .card.result hidden {
            h3 { "The sheet for host " code data-field="host" {} }
            p { a .button data-download="enrolment-{host}.json" { "Save the sheet" } }
            p { "On the machine: " code { "suture-executor init --sheet FILE …" } ", then " code { "suture-agent enrol --sheet FILE …" } ". The host appears below by itself." }
        }
    }
}

fn places(tenants: &[TenantView]) -> Markup {
    if tenants.is_empty() {
        return empty(
            "No tenant yet",
            &html! { "A tenant is one clinic: its hosts, its evidence, its people." },
        );
    }
    let rows: Vec<Vec<Markup>> = tenants
        .iter()
        .map(|TenantView { tenant, sites }| {
            let sites = html! {
                @if sites.is_empty() { span .muted { "no site yet" } }
                @for (i, site) in sites.iter().enumerate() { @if i > 0 { ", " } (site.site) " (" (site.hosts) ")" }
            };
            vec![html! { strong { a href=(format!("/tenants/{tenant}/incidents")) { (tenant) } } }, sites]
        })
        .collect();
    table("Sites, with their hosts", &["Tenant", "Sites"], &rows)
}

/// A new tenant.
pub(super) fn tenant_form(then: &str) -> Markup {
    html! {
        details open[then != "/enrolment"] {
            summary { "Add a tenant" }
            form .row-form data-api="/api/v1/tenants" data-then=(then) {
                (told())
                (text_field("new-tenant", "tenant", "Name", Some("Small letters, digits and hyphens; it never changes.")))
                button type="submit" { "Add the tenant" }
            }
        }
    }
}

/// A new site of a tenant.
pub(super) fn site_form(tenants: &[TenantView]) -> Markup {
    html! {
        details {
            summary { "Add a site" }
            form .row-form data-api="/api/v1/tenants/{of}/sites" data-then="reload" {
                (told())
                (field("site-of", "Tenant", None, &html! { select id="site-of" name="of" data-in="path" { @for t in tenants { option value=(t.tenant) { (t.tenant) } } } }))
                (text_field("new-site", "site", "Name of the site", None))
                button type="submit" { "Add the site" }
            }
        }
    }
}

/// What waits for its machine, and what came.
pub(super) fn appearing(enrolments: &[EnrolmentView]) -> Markup {
    let rows: Vec<Vec<Markup>> = enrolments.iter().map(row).collect();
    html! {
        section #appearing data-live="enrolment host" aria-labelledby="appearing-heading" {
            h2 #appearing-heading { "Appearing" }
            @if enrolments.is_empty() {
                (empty("Nothing waits", &html! { "Sheets of the last day are listed here, and the hosts that came of them." }))
            } @else {
                (table("Sheets of the last day", &["Host", "Place", "State", "Token until", "Heard of", "To tell it apart"], &rows))
            }
        }
    }
}

fn row(enrolment: &EnrolmentView) -> Vec<Markup> {
    let EnrolmentView { tenant, site, host, token, until, state, seen } = enrolment;
    let state = match state {
        EnrolmentState::Waits => chip_saying(Standing::Waiting, "waits for its machine"),
        EnrolmentState::Over => chip_saying(Standing::CouldNotCheck, "token is over, make another sheet"),
        EnrolmentState::Enrolled => chip_saying(Standing::Pass, "enrolled"),
    };
    let is_there = enrolment.state == EnrolmentState::Enrolled;
    vec![
        html! { @if is_there { a href=(format!("/tenants/{tenant}/hosts/{host}")) { code { (host) } } } @else { code { (host) } } },
        html! { (tenant) " / " (site) },
        state,
        time(*until),
        if is_there { seen.map_or_else(|| ago_or(None, "not yet"), ago) } else { ago_or(*seen, "not yet") },
        html! { @if enrolment.state == EnrolmentState::Waits { (code(enrolment)) } @else { code { (token) } } },
    ]
}

/// For the telephone of whoever stands before the machine: which sheet this is. The secret is not in it.
fn code(EnrolmentView { tenant, site, host, token, .. }: &EnrolmentView) -> Markup {
    let text = format!("suture sheet {token}\n{tenant}/{site}/{host}");
    html! {
        details {
            summary { "QR code" }
            @match qr_path(&text) {
                Ok((path, side)) => div .qr role="img" aria-label=(format!("QR code: sheet {token} for {tenant}, {site}, {host}")) {
                    svg viewBox=(format!("0 0 {side} {side}")) { path d=(path) {} }
                },
                Err(_) => code { (token) },
            }
        }
    }
}
