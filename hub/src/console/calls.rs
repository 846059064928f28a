//! Calls: what waits for a person, one for each cause, and one of them with all that whoever has it needs.

use std::sync::Arc;

use axum::extract::{Path, State as From};
use contract::baseline::Severity;
use contract::call::{CallStep, CallView, CallWhole, MayTry, Tried};
use contract::ids::OperatorId;
use contract::incident::What;
use contract::people::Right;
use maud::{Markup, html};

use super::Page;
use super::enter::Frame;
use super::incidents::chooser;
use super::layout::{crumb, framed};
use super::parts::{State, ago, chip_saying, empty, sentence, table, tag, text_field, time, told};
use crate::hub::Hub;
use crate::operator::calls_within;
use crate::people::Granted;
use crate::problem::Fault;
use crate::view;
use crate::view::incident::about;

/// `GET /calls`.
pub(super) async fn page(From(hub): From<Arc<Hub>>, granted: Granted, frame: Frame) -> Result<Page, Fault> {
    let all = calls_within(&hub, &granted).await?;
    Ok(framed(&frame, "Calls", &[], &body(&all, frame.may(Right::AlertsAcknowledge))))
}

/// `GET /calls/{call}`.
pub(super) async fn one(
    From(hub): From<Arc<Hub>>,
    granted: Granted,
    frame: Frame,
    Path(call): Path<String>,
) -> Result<Page, Fault> {
    let none = || Fault::theirs(axum::http::StatusCode::NOT_FOUND, format!("there is no call {call}"));
    let number: u64 = call.parse().map_err(|_| none())?;
    let found = view::call::call(&hub, granted.reach(), number).await;
    let whole = found.map_err(|e| Fault::ours("read the call", &e))?.ok_or_else(none)?;
    let title = format!("Call {number}: {}", about(&whole.call.what));
    let orders = frame.is_staff().then(|| granted.identity().person());
    let body = in_full(&whole, frame.may(Right::AlertsAcknowledge), orders);
    Ok(framed(&frame, &title, &[crumb("/calls", "Calls")], &body))
}

/// The list's own part. `may` where whoever looks may have one.
pub(crate) fn body(all: &[CallView], may: bool) -> Markup {
    let mut open: Vec<&CallView> = all.iter().filter(|call| call.over.is_none()).collect();
    open.sort_by_key(|call| (call.holder.is_some(), call.due, call.call));
    let rows: Vec<Vec<Markup>> = open.into_iter().map(|call| row(call, may)).collect();
    let over: Vec<Vec<Markup>> =
        all.iter().rev().filter(|call| call.over.is_some()).map(|call| row(call, false)).collect();
    let heads = ["Call", "What", "Machine", "Until", "Who", ""];
    html! {
        p .lead { "One call for each cause that waits for a person, however much follows from it. It ends when nothing waits any more; that somebody has it ends nothing." }
        div #calls data-live="alert incident" {
            section {
                @if rows.is_empty() {
                    (empty("Nothing waits for a person", &html! { "What the planner leaves to people, and what a repair could not end, would stand here." }))
                } @else {
                    (table("Open, the most pressing first", &heads, &rows))
                }
            }
            @if !over.is_empty() {
                section { details { summary { (over.len()) " over in the last 30 days" } (table("Over", &heads, &over)) } }
            }
        }
    }
}

fn row(call: &CallView, may: bool) -> Vec<Markup> {
    let number = call.call;
    vec![
        html! { a href=(format!("/calls/{number}")) { (number) } " " (severity(call.severity)) },
        html! {
            (about(&call.what))
            @if call.symptoms > 0 { br; span .muted { (symptoms(call.symptoms)) } }
        },
        machine(call),
        until(call),
        who(call),
        html! {
            @if may && call.holder.is_none() {
                div .actions {
                    button .small type="button" data-post=(format!("/api/v1/calls/{number}/take")) data-then="refresh" aria-label=(format!("Take call {number}")) { "Take" }
                }
            }
        },
    ]
}

/// One call. `may` where whoever looks may have it, and `orders` who that is, where they may order a runbook.
pub(crate) fn in_full(whole: &CallWhole, may: bool, orders: Option<&OperatorId>) -> Markup {
    let CallWhole { call, tried, may_try, citations, left_to_people, steps } = whole;
    let incident = format!("/tenants/{}/hosts/{}/incidents/{}", call.tenant, call.host, call.incident);
    html! {
        div #call data-live="alert incident order evidence" {
            dl .facts {
                dt { "How urgent" } dd { (severity(call.severity)) }
                dt { "Machine" } dd { (machine(call)) }
                dt { "Seen" } dd { a href=(incident) { (about(&call.what)) } @if call.symptoms > 0 { ", and " (symptoms(call.symptoms)) } }
                @if let Some(why) = &call.why { dt { "Why a person" } dd { (sentence(why)) } }
                @if let Some(left) = left_to_people { dt { "Left to people" } dd { (left) } }
                @if !citations.is_empty() { dt { "Supports" } dd { "45 CFR " (citations.join(", ")) } }
                dt { "Called" } dd { (ago(call.raised)) @if call.again > 0 { ", and " (call.again) " times anew" } }
                dt { "Until" } dd { (until(call)) }
                dt { "Who has it" } dd { (who(call)) }
            }
            section {
                @if tried.is_empty() {
                    (empty("Nothing was tried", &html! { "This hub has signed no order for it." }))
                } @else {
                    (table("What was tried", &["Runbook", "When", "What came of it"], &tried.iter().map(tried_row).collect::<Vec<_>>()))
                }
            }
            section {
                @if may_try.is_empty() {
                    (empty("No approved runbook fits", &html! { "What is wrong has to be repaired by hand." }))
                } @else {
                    (table("What may be tried, what disturbs nobody first", &["Runbook", "What it does", "What it asks for"], &may_try.iter().map(may_row).collect::<Vec<_>>()))
                    @if let Some(person) = orders.filter(|_| call.over.is_none()) { (chooser(call, may_try, person)) }
                }
            }
            @if may && call.over.is_none() { (acts(call)) }
            @if !steps.is_empty() { section { (table("Who had it", &["When", "Who", "By"], &steps.iter().map(step_row).collect::<Vec<_>>())) } }
        }
    }
}

fn acts(call: &CallView) -> Markup {
    let number = call.call;
    html! {
        section {
            h2 { "Have it, or hand it over" }
            div .buttons {
                button type="button" data-post=(format!("/api/v1/calls/{number}/take")) data-then="refresh" { @if call.holder.is_some() { "Take it over" } @else { "Take" } }
                @if let What::Signal(_) = call.what {
                    button type="button" data-post=(format!("/api/v1/calls/{number}/done")) data-then="refresh" { "I looked after it" }
                }
            }
            form .row-form data-api=(format!("/api/v1/calls/{number}/hand")) data-then="reload" {
                (told())
                (text_field("hand-to", "to", "Hand over to", Some("Somebody here who may look after this tenant.")))
                div .buttons { button type="submit" { "Hand over" } }
            }
        }
    }
}

fn tried_row(tried: &Tried) -> Vec<Markup> {
    vec![html! { code { (tried.runbook) } }, ago(tried.at), html! { (sentence(&tried.came)) }]
}

fn may_row(may: &MayTry) -> Vec<Markup> {
    vec![
        html! { code { (may.runbook) } },
        html! { (may.title) },
        html! {
            @if may.disruptive { (tag("A maintenance window")) } @else { (tag("Nothing: it disturbs nobody")) }
            @if may.approvals > 0 { " " (tag(&format!("{} approvals", may.approvals))) }
        },
    ]
}

fn step_row(step: &CallStep) -> Vec<Markup> {
    vec![ago(step.at), html! { strong { (step.holder) } }, html! { (step.by) }]
}

fn machine(call: &CallView) -> Markup {
    html! {
        a .nowrap href=(format!("/tenants/{}/hosts/{}", call.tenant, call.host)) { (call.host) }
        " " span .muted { "at " (call.tenant) " / " (call.site) }
    }
}

fn until(call: &CallView) -> Markup {
    html! {
        @match call.over {
            Some(over) => { "Over " (ago(over)) }
            None => {
                (time(call.due))
                @if call.again > 0 { " " (chip_saying(State::Fail, "Its time went by before")) }
            }
        }
    }
}

fn who(call: &CallView) -> Markup {
    match (&call.holder, call.over) {
        (Some(holder), _) => html! { strong { (holder) } },
        (None, Some(_)) => html! { span .muted { "Nobody had it" } },
        (None, None) => chip_saying(State::Waiting, "Nobody has it"),
    }
}

fn symptoms(count: u64) -> String {
    if count == 1 {
        "1 other incident that follows from it".to_owned()
    } else {
        format!("{count} other incidents that follow from it")
    }
}

fn severity(severity: Severity) -> Markup {
    match severity {
        Severity::Critical | Severity::High => chip_saying(State::Fail, &sentence(severity.word())),
        Severity::Medium | Severity::Low => tag(&sentence(severity.word())),
    }
}
