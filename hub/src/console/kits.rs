//! A tenant's evidence: the machines whose records can be searched, and a period of it as a kit.

use std::sync::Arc;

use axum::extract::{Path, State};
use contract::people::Role;
use maud::{Markup, html};

use super::Page;
use super::enter::Frame;
use super::layout::{crumb, framed};
use super::parts::{empty, field, table, told};
use crate::hub::Hub;
use crate::operator::logs_within;
use crate::people::Granted;
use crate::problem::Fault;
use crate::store::HostLog;

/// `GET /tenants/{tenant}/evidence`.
pub(super) async fn page(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    frame: Frame,
    Path(tenant): Path<String>,
) -> Result<Page, Fault> {
    let logs = logs_within(&hub, &granted, &tenant).await?;
    let rows: Vec<Vec<Markup>> = logs.iter().map(row).collect();
    let body = html! {
        @if makes_kits(frame.role) {
            section aria-labelledby="kit" {
                h2 #kit { "Make a kit" }
                (form(&tenant, &frame))
            }
        }
        section {
            @if rows.is_empty() {
                (empty("No evidence yet", &html! { "A machine's records stand here once it has enrolled." }))
            } @else {
                (table("Machines whose records are held", &["Machine", "Site", "Log"], &rows))
            }
        }
    };
    Ok(framed(&frame, &format!("Evidence of {tenant}"), &[crumb("/", "Fleet")], &body))
}

/// What the role alone says, so that a page does not offer what would be refused.
const fn makes_kits(role: Role) -> bool {
    match role {
        Role::MspAdmin | Role::Technician | Role::Auditor => true,
        Role::ClinicViewer => false,
    }
}

fn row(HostLog { holder, origin, .. }: &HostLog) -> Vec<Markup> {
    vec![
        html! { a .nowrap href=(format!("/tenants/{}/evidence/{}", holder.tenant, holder.host)) { (holder.host) } },
        html! { a href=(format!("/tenants/{}/sites/{}", holder.tenant, holder.site)) { (holder.site) } },
        html! { code { (origin) } },
    ]
}

fn form(tenant: &str, frame: &Frame) -> Markup {
    let day = |id: &str, name: &str, kind: &str| html! { input id=(id) name=(name) type="date" required data-kind=(kind); };
    html! {
        p .muted { "One file for an auditor: every record of the period, the heads that were signed and cosigned, keys, gaps, exceptions, and a page that checks all of it away from this hub. The days are in UTC." }
        form .row-form data-api=(format!("/api/v1/tenants/{tenant}/kits")) data-result="kit-made" {
            (told())
            input type="hidden" name="by" value=(frame.person());
            div .pair {
                (field("kit-from", "First day", None, &day("kit-from", "from", "from-day")))
                (field("kit-to", "Last day", None, &day("kit-to", "to", "to-day")))
            }
            button type="submit" { "Make the kit" }
        }
        div #kit-made .card.result hidden {
            h3 { "The kit is ready" }
            p { a .button data-href=(format!("/api/v1/tenants/{tenant}/kits/{{id}}")) { "Download the kit" } }
            dl .facts {
                dt { "Bytes" } dd data-field="bytes" {}
                dt { "Digest" } dd { code .digest data-field="digest" {} }
            }
            p { "Whoever checks it needs the machines' keys from elsewhere: from the installation sheets. Then " code { "suture-verify" } " or the page " code { "verify.html" } " in it says whether it is whole." }
        }
    }
}
