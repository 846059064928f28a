//! Alerts: what somebody has to hear of, and that somebody looks after it.

use std::sync::Arc;

use axum::extract::State as From;
use contract::people::Right;
use maud::{Markup, html};

use super::Page;
use super::enter::Frame;
use super::layout::framed;
use super::parts::{State, ago, ago_or, chip_saying, empty, table, tag};
use crate::alerts::Kind;
use crate::hub::Hub;
use crate::operator::alerts_within;
use crate::people::Granted;
use crate::problem::{Fault, chain};
use crate::store::AlertView;

/// `GET /alerts`.
pub(super) async fn page(From(hub): From<Arc<Hub>>, granted: Granted, frame: Frame) -> Result<Page, Fault> {
    let all = alerts_within(&hub, &granted).await?;
    Ok(framed(&frame, "Alerts", &[], &body(&all, frame.may(Right::AlertsAcknowledge))))
}

/// How many hold that nobody looks after, for the navigation. A page is not kept back for want of that number.
pub(super) async fn unattended(hub: &Hub, frame: &Frame, granted: &Granted) -> Option<usize> {
    if !frame.may(Right::AlertsRead) {
        return None;
    }
    match hub.store.alerts(granted.reach(), edge::clock::utc()).await {
        Ok(all) => Some(all.iter().filter(|alert| stands(alert) == Stands::Unattended).count()),
        Err(e) => {
            tracing::error!(cause = chain(&e), "the alerts cannot be counted");
            None
        }
    }
}

/// How an alert stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stands {
    /// It holds, and nobody looks after it.
    Unattended,
    /// Somebody does.
    LookedAfter,
    /// It holds no longer.
    Over,
}

const fn stands(alert: &AlertView) -> Stands {
    match (alert.over, alert.acknowledged) {
        (Some(_), _) => Stands::Over,
        (None, None) => Stands::Unattended,
        (None, Some(_)) => Stands::LookedAfter,
    }
}

/// The page's own part. `may` where whoever looks may take one on.
pub(crate) fn body(all: &[AlertView], may: bool) -> Markup {
    let rows = |wanted: Stands| -> Vec<Vec<Markup>> {
        let of = all.iter().rev().filter(|alert| stands(alert) == wanted);
        of.map(|alert| row(alert, may)).collect()
    };
    let (unattended, looked_after, over) =
        (rows(Stands::Unattended), rows(Stands::LookedAfter), rows(Stands::Over));
    let heads = ["What", "Kind", "Since", "Told", "State", ""];
    html! {
        p .lead { "What somebody has to hear of, also outside this console: by mail, a webhook or syslog, where this hub is told of one. Whoever looks after an alert ends its being told." }
        div #alerts data-live="alert" {
            section {
                @if unattended.is_empty() {
                    (empty("No alert waits for somebody", &html! { "Nothing that would be told holds, or somebody looks after it." }))
                } @else {
                    (table("Nobody looks after these", &heads, &unattended))
                }
            }
            @if !looked_after.is_empty() { section { (table("Looked after, and not over", &heads, &looked_after)) } }
            @if !over.is_empty() {
                section { details #over { summary { (over.len()) " over in the last 30 days" } (table("Over", &heads, &over)) } }
            }
        }
    }
}

fn row(alert: &AlertView, may: bool) -> Vec<Markup> {
    let AlertView { id, kind, tenant, what, since, told, escalated, acknowledged, by, over } = alert;
    let state = match stands(alert) {
        Stands::Unattended => chip_saying(State::Waiting, "Nobody looks after it"),
        Stands::LookedAfter => chip_saying(State::Healing, "Looked after"),
        Stands::Over => chip_saying(State::Pass, "Over"),
    };
    vec![
        html! {
            strong { (what) }
            @if let Some(tenant) = tenant { br; a href=(format!("/tenants/{tenant}/incidents?open=true")) { "Open incidents of " (tenant) } }
        },
        tag(kind_words(*kind)),
        ago(*since),
        html! {
            (ago_or(*told, "Nobody yet"))
            @if let Some(escalated) = escalated { br; span .muted { "further up " (ago(*escalated)) } }
        },
        html! {
            (state)
            @if let (Some(by), Some(at)) = (by, acknowledged) { " " span .muted { "by " (by) ", " (ago(*at)) } }
            @if let Some(over) = over { " " span .muted { (ago(*over)) } }
        },
        html! {
            @if may && stands(alert) == Stands::Unattended {
                div .actions {
                    button .small type="button" data-post=(format!("/api/v1/alerts/{id}/acknowledge")) data-then="refresh" aria-label=(format!("Acknowledge: {what}")) { "Acknowledge" }
                }
            }
        },
    ]
}

const fn kind_words(kind: Kind) -> &'static str {
    match kind {
        Kind::SiteDark => "Site silent",
        Kind::HostsDark => "Machines silent",
        Kind::Call => "Call",
        Kind::Waiting => "Waits for a person",
        Kind::Evidence => "Evidence",
        Kind::Fault => "The hub itself",
    }
}
