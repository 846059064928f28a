//! Packets: those of a tenant, and the newest of all within reach; a button that makes one, one that shows what this month's would be, and one that says "read".

use std::sync::Arc;

use axum::extract::{Path, State};
use contract::packet::{PacketKind, PacketView};
use contract::people::Role;
use maud::{Markup, html};

use super::Page;
use super::enter::Frame;
use super::layout::{crumb, framed};
use super::parts::{ago, empty, field, table, told};
use crate::hub::Hub;
use crate::operator::{Found, packets};
use crate::people::Granted;
use crate::problem::Fault;

const HEADS: [&str; 6] = ["Of", "Number", "Made", "Files", "Kept", "Read by"];

/// `GET /packets`.
pub(super) async fn newest(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    frame: Frame,
) -> Result<Page, Fault> {
    let Found(view) = packets::newest(State(hub), granted).await?;
    let rows: Vec<Vec<Markup>> = view
        .packets
        .iter()
        .map(|packet| {
            let path = format!("/tenants/{}/packets", packet.tenant);
            [vec![html! { a href=(path) { (packet.tenant) } }], row(packet, &frame)].concat()
        })
        .collect();
    let heads: Vec<&str> = ["Tenant"].into_iter().chain(HEADS).collect();
    let body = html! {
        p .lead { "What each month came to: fixed, needs you, could not be checked, and the evidence behind it." }
        section {
            @if rows.is_empty() { (none()) } @else { (table("The newest packets", &heads, &rows)) }
        }
    };
    Ok(framed(&frame, "Packets", &[crumb("/", "Fleet")], &body))
}

/// `GET /tenants/{tenant}/packets`.
pub(super) async fn of_tenant(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    frame: Frame,
    Path(tenant): Path<String>,
) -> Result<Page, Fault> {
    let Found(view) = packets::list(State(hub), granted, Path(tenant.clone())).await?;
    let rows: Vec<Vec<Markup>> = view.packets.iter().map(|packet| row(packet, &frame)).collect();
    let body = html! {
        p .lead { "What each month came to. A packet never changes: a correction is a new one, which names it." }
        @if makes(frame.role) { (make(&tenant)) }
        section {
            @if rows.is_empty() { (none()) } @else { (table("Packets", &HEADS, &rows)) }
        }
    };
    Ok(framed(&frame, &format!("Packets of {tenant}"), &[crumb("/", "Fleet")], &body))
}

fn none() -> Markup {
    empty(
        "No packet yet",
        &html! { "One is made on the first of each month, for tenants that " code { "packets.yaml" } " names, or by hand." },
    )
}

/// What the role alone says, so that a page does not offer what would be refused.
const fn makes(role: Role) -> bool {
    match role {
        Role::MspAdmin | Role::Technician | Role::Auditor => true,
        Role::ClinicViewer => false,
    }
}

fn make(tenant: &str) -> Markup {
    let month = html! { input #packet-month name="month" type="text" inputmode="numeric" pattern="[0-9]{4}-[0-9]{2}" placeholder="2026-10" required; };
    html! {
        section aria-labelledby="make" {
            h2 #make { "Make one" }
            p {
                a .button href=(format!("/api/v1/tenants/{tenant}/packets/preview/packet.html")) { "Preview this month now" }
            }
            p .muted { "A preview is of the month so far. Nothing of it is kept." }
            form .row-form data-api=(format!("/api/v1/tenants/{tenant}/packets")) data-result="packet-made" {
                (told())
                (field("packet-month", "A month that is over", None, &month))
                button type="submit" { "Make the packet" }
            }
            div #packet-made .card.result hidden {
                h3 { "The packet is there" }
                p { a .button data-href=(format!("/api/v1/tenants/{tenant}/packets/{{id}}/packet.html")) { "Read it" } }
            }
        }
    }
}

fn row(packet: &PacketView, frame: &Frame) -> Vec<Markup> {
    let at = format!("/api/v1/tenants/{}/packets/{}", packet.tenant, packet.id);
    let of = match packet.kind {
        PacketKind::Month => packet.period.clone(),
        PacketKind::Week => format!("week of {}", packet.period),
    };
    let read = packet.acknowledged.iter().any(|read| read.person == *frame.person());
    vec![
        html! { a .nowrap href=(format!("{at}/packet.html")) { (of) } },
        html! { (packet.number) @if packet.corrects.is_some() { span .muted { " (a correction)" } } },
        html! { (ago(packet.made)) @if let Some(by) = &packet.by { span .muted { " by " (by) } } },
        html! {
            ul .plain { @for file in &packet.files { li { a href=(format!("{at}/{}", file.name)) { (file.name) } } } }
            @if let Some(why) = &packet.no_pdf { p .muted { "No PDF: " (why) } }
        },
        html! {
            @if packet.locked_in.is_empty() { "at the hub; in no write-once store" } @else { "locked: " (packet.locked_in.join(", ")) }
        },
        html! {
            ul .plain { @for read in &packet.acknowledged { li { (read.person) ", " (ago(read.time)) } } }
            @if !read { button type="button" data-post=(format!("{at}/acknowledge")) data-then="reload" { "I have read it" } }
        },
    ]
}
