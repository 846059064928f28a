//! Exceptions: the failures that a tenant accepts, by whom, until when; proposing one, and accepting somebody else's proposal.

use std::sync::Arc;

use axum::extract::{Path, State};
use maud::{Markup, html};

use super::Page;
use super::enter::Frame;
use super::layout::{crumb, framed};
use super::parts::{State as Standing, ago, chip_saying, digest, empty, field, table, told};
use crate::hub::Hub;
use crate::operator::{Found, exceptions};
use crate::people::Granted;
use crate::problem::Fault;
use crate::view::exceptions::{ExceptionState, ExceptionView, ExceptionsView, ProposalView};

/// Days before its end from which an exception is pointed at.
const SOON_DAYS: u64 = 14;

/// `GET /tenants/{tenant}/exceptions`.
pub(super) async fn show(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    frame: Frame,
    path: Path<String>,
) -> Result<Page, Fault> {
    let Found(view) = exceptions::show(State(Arc::clone(&hub)), granted, path).await?;
    let ExceptionsView { tenant, digest: text, exceptions, proposals } = &view;
    let rows: Vec<Vec<Markup>> = exceptions.iter().map(|e| row(&view, e, &frame)).collect();
    let body = html! {
        p .lead { "A failure that a person accepts, for a stated reason and at most 90 days. It excuses a failure; it never makes a pass, and says nothing of what could not be checked." }
        section #exceptions data-part {
            @if exceptions.is_empty() {
                (empty("No exception", &html! { "Every failure of this tenant counts as one." }))
            } @else {
                (table("Exceptions", &["Control", "State", "Owner", "Approver", "From", "Until", "Why", ""], &rows))
                @if let Some(text) = text { p .muted { "Text that hosts are given, signed: " (digest(text)) } }
            }
        }
        section #proposals data-part aria-labelledby="waiting" {
            h2 #waiting { "Waiting for a second person" }
            @if proposals.is_empty() { (empty("Nothing waits", &html! { "What one person proposes, another one accepts." })) }
            @for proposal in proposals { (proposed(&view, proposal, &frame)) }
        }
        @if frame.is_staff() {
            section aria-labelledby="propose" {
                h2 #propose { "Propose an exception" }
                (form(&hub, tenant.as_str()))
            }
        }
    };
    let crumbs = [crumb("/", "Fleet"), crumb(format!("/tenants/{tenant}/incidents"), tenant.to_string())];
    Ok(framed(&frame, &format!("Exceptions of {tenant}"), &crumbs, &body))
}

fn row(
    ExceptionsView { tenant, .. }: &ExceptionsView,
    exception: &ExceptionView,
    frame: &Frame,
) -> Vec<Markup> {
    let ExceptionView {
        control,
        reason,
        risk,
        compensating_controls,
        owner,
        approver,
        from,
        until,
        state,
        days_left,
    } = exception;
    let days = if *days_left == 1 { "1 day left".to_owned() } else { format!("{days_left} days left") };
    let state = match state {
        ExceptionState::ToCome => chip_saying(Standing::CouldNotCheck, "to come"),
        ExceptionState::InForce if *days_left <= SOON_DAYS => chip_saying(Standing::Waiting, &days),
        ExceptionState::InForce => chip_saying(Standing::Pass, &days),
        ExceptionState::Expired => chip_saying(Standing::Fail, "expired, excuses nothing"),
    };
    vec![
        html! { code { (control) } },
        state,
        html! { (owner) },
        html! { (approver) },
        html! { span .nowrap { (from.to_string()) } },
        html! { span .nowrap { (until.to_string()) } },
        html! {
            (reason)
            details { summary { "Risk, and what is done instead" } p { (risk) } ul { @for instead in compensating_controls { li { (instead) } } } }
        },
        html! {
            @if frame.is_staff() {
                div .actions {
                    button .danger.small type="button" data-post=(format!("/api/v1/tenants/{tenant}/exceptions/end")) data-body=(serde_json::json!({ "control": control }).to_string()) data-then="reload" data-ask=(format!("End the exception to {control}? From then on its failure counts.")) aria-label=(format!("End the exception to {control}")) { "End" }
                }
            }
        },
    ]
}

fn proposed(
    ExceptionsView { tenant, .. }: &ExceptionsView,
    proposal: &ProposalView,
    frame: &Frame,
) -> Markup {
    let ProposalView { id, proposer, time, proposed } = proposal;
    let own = proposer == frame.person();
    let path = format!("/api/v1/tenants/{tenant}/exceptions/proposals/{id}");
    html! {
        div .card {
            h3 { "Accept that " code { (proposed.control) } " fails, until " (proposed.until.to_string()) }
            dl .facts {
                dt { "Proposed by" } dd { (proposer) ", " (ago(*time)) }
                dt { "Owner" } dd { (proposed.owner) }
                dt { "From, until" } dd { (proposed.from.to_string()) " to " (proposed.until.to_string()) }
                dt { "Why" } dd { (proposed.reason) }
                dt { "Risk" } dd { (proposed.risk) }
                dt { "Instead" } dd { ul { @for instead in &proposed.compensating_controls { li { (instead) } } } }
            }
            @if frame.is_staff() {
                div .buttons {
                    @if own { p .muted { "You proposed it: somebody else has to accept it." } }
                    @else { button type="button" data-post=(format!("{path}/approve")) data-then="reload" data-ask=(format!("Accept that {} fails until {}? It is recorded in your name.", proposed.control, proposed.until)) { "Accept" } }
                    button .quiet type="button" data-post=(format!("{path}/withdraw")) data-then="reload" { @if own { "Withdraw" } @else { "Refuse" } }
                }
            }
        }
    }
}

fn form(hub: &Hub, tenant: &str) -> Markup {
    let control = html! {
        select id="control" name="control" required {
            option value="" { "Choose" }
            @for control in hub.library.baseline.controls() { option value=(control.id) { (control.id) ": " (control.title) } }
        }
    };
    let area = |id: &str, name: &str, kind: Option<&str>| html! { textarea id=(id) name=(name) required maxlength="600" data-kind=[kind] {} };
    html! {
        form .grid data-api=(format!("/api/v1/tenants/{tenant}/exceptions/proposals")) data-then="reload" {
            (told())
            (field("control", "Control that fails", None, &control))
            (field("reason", "Why it is left so", None, &area("reason", "reason", None)))
            (field("risk", "What could come of it", None, &area("risk", "risk", None)))
            (field("instead", "What is done instead", Some("One a line, at least one."), &area("instead", "compensating_controls", Some("lines"))))
            (field("owner", "Who answers for it", Some("A person at the clinic or the MSP, not the one who accepts it."), &html! { input id="owner" name="owner" type="text" required maxlength="80" autocomplete="off"; }))
            div .pair {
            (field("from", "First day (UTC)", None, &html! { input id="from" name="from" type="date" required data-kind="day"; }))
            (field("until", "Last day (UTC)", Some("At most 90 days after the first."), &html! { input id="until" name="until" type="date" required data-kind="day"; }))
            }
            div .buttons { button type="submit" { "Propose it" } }
        }
    }
}
