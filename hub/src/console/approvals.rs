//! What waits for people: what would happen, to what, how it would be undone; and the typed confirmation.

use std::sync::Arc;

use axum::extract::State as From;
use contract::decision::Because;
use maud::{Markup, html};

use super::Page;
use super::enter::Frame;
use super::layout::framed;
use super::parts::{
    Notice, State, ago, chip_saying, digest, empty, notice, sentence, table, tag, time, told,
};
use super::site::took;
use crate::hub::Hub;
use crate::people::Granted;
use crate::problem::Fault;
use crate::view::approvals::{ApprovalView, ApprovalsView, PlanView, Setting, StepView, approvals};

/// `GET /approvals`.
pub(super) async fn page(From(hub): From<Arc<Hub>>, granted: Granted, frame: Frame) -> Result<Page, Fault> {
    let view = approvals(&hub, granted.reach(), edge::clock::utc()).await;
    let view = view.map_err(|e| Fault::ours("look at what waits", &e))?;
    Ok(framed(&frame, "Approvals", &[], &body(&view, frame.is_staff())))
}

/// The page's own part. `may` where whoever looks may hand in a signature.
pub(crate) fn body(view: &ApprovalsView, may: bool) -> Markup {
    html! {
        div #approvals data-live="order approval incident evidence" {
            @if view.for_people.is_empty() {
                (empty("No order waits for approval", &html! { "An order that a runbook, or a site's policy, wants people for stands here until enough of them signed it, or its time is over. What waits for a person without an order stands with the incidents of its site: " a href="/" { "Fleet" } }))
            }
            @for approval in &view.for_people { (card(approval, may)) }
            @if !view.by_themselves.is_empty() {
                section { (table("What waits for something that comes by itself", &["Machine", "Runbook", "Waits", "Until"], &view.by_themselves.iter().map(row).collect::<Vec<_>>())) }
            }
        }
    }
}

fn row(approval: &ApprovalView) -> Vec<Markup> {
    vec![
        host(approval),
        html! { code { (approval.runbook) } },
        html! { (approval.waits) },
        time(approval.until),
    ]
}

fn host(approval: &ApprovalView) -> Markup {
    html! {
        a .nowrap href=(format!("/tenants/{}/hosts/{}", approval.tenant, approval.host)) { (approval.host) }
        " " span .muted { "at " (approval.tenant) " / " (approval.site) }
    }
}

fn card(approval: &ApprovalView, may: bool) -> Markup {
    let incident =
        format!("/tenants/{}/hosts/{}/incidents/{}", approval.tenant, approval.host, approval.incident);
    html! {
        section id=(format!("order-{}", approval.order)) {
            h2 { @match &approval.plan { Some(plan) => (plan.title), None => (approval.runbook) } }
            p {
                (chip_saying(State::Waiting, &approval.waits)) " "
                @if let Some(plan) = &approval.plan {
                    @if plan.disruptive { (chip_saying(State::Fail, "Disruptive: somebody at the clinic would notice")) } @else { (tag("Not disruptive")) }
                }
            }
            dl .facts {
                dt { "Machine" } dd { (host(approval)) }
                dt { "Because" } dd { a href=(incident) { code { (approval.control) } " fails" } @if let Some(title) = &approval.control_title { " (" (title) ")" } }
                dt { "Now" } dd { (now(approval)) }
                dt { "Runbook" } dd { code { (approval.runbook) } @if let Some(plan) = &approval.plan { " version " (plan.version) } " " (digest(&approval.runbook_digest)) }
                dt { "Told" } dd { @if approval.parameters.is_empty() { span .muted { "Nothing: it takes no parameters" } } @else { (settings(&approval.parameters)) } }
                dt { "Ordered" } dd { (ago(approval.issued)) }
                dt { "Until" } dd { (time(approval.until)) ": then it ends as expired" }
                dt { "Signed by" } dd { (approval.signatures) @if approval.signatures == 1 { " person" } @else { " people" } " beside this hub, as far as it has seen; who may sign, the site alone knows" }
            }
            @match &approval.plan {
                Some(plan) => (steps(plan)),
                None => (notice(Notice::Bad, &html! { "The hub's catalogue does not hold this runbook with this digest any more: what it would do cannot be shown here. Do not sign what you cannot see." }))
            }
            @if may { (acts(approval)) }
        }
    }
}

/// What was seen last, and what should be.
fn now(approval: &ApprovalView) -> Markup {
    html! {
        @match &approval.observed {
            Some(observed) => {
                code { (observed.seen) } ", "
                a href=(format!("/tenants/{}/evidence/{}/{}", approval.tenant, approval.host, observed.recorded.record)) { "record " (observed.recorded.record) }
                " " span .muted { (ago(observed.recorded.at)) }
            }
            None => { span .muted { "not in the evidence that is here" } }
        }
        @if let Some(expected) = &approval.expected { "; expected " code { (expected) } }
    }
}

fn steps(plan: &PlanView) -> Markup {
    let rows: Vec<Vec<Markup>> = plan.steps.iter().zip(1..).map(|(step, n)| step_row(n, step)).collect();
    html! {
        (table("What would happen, in this order", &["Step", "To what", "Told", "Undone"], &rows))
        p {
            "Then the same check that failed must pass, and go on passing for " (took(plan.hold_down_ms)) ". Otherwise: " (plan.rollback) "."
            @if !plan.undoable { " " (chip_saying(State::Fail, "Not every step can be undone")) }
        }
    }
}

fn step_row(n: u32, step: &StepView) -> Vec<Markup> {
    vec![
        html! { (n) ". " code { (step.verb) } },
        html! { @match &step.target { Some(target) => { code { (target) } }, None => { span .muted { "not known before it runs" } } } },
        settings(&step.settings),
        html! { (step.undone) },
    ]
}

fn settings(all: &[Setting]) -> Markup {
    html! {
        @if all.is_empty() { span .muted { "nothing" } }
        @for (n, Setting { name, value }) in all.iter().enumerate() {
            @if n > 0 { ", " }
            @if name.is_empty() { code { (value) } } @else { span .muted { (name) " " } code { (value) } }
        }
    }
}

/// The two acts, each a button that opens what it asks for.
fn acts(approval: &ApprovalView) -> Markup {
    let id = |part: &str| format!("{part}-{}", approval.order);
    html! {
        div .buttons {
            @if approval.plan.is_some() { button type="button" data-opens=(id("approve")) aria-expanded="false" aria-controls=(id("approve")) { "Approve" } }
            button .danger type="button" data-opens=(id("decline")) aria-expanded="false" aria-controls=(id("decline")) { "Decline" }
        }
        @if approval.plan.is_some() { div .opened id=(id("approve")) hidden { (sign(approval)) } }
        div .opened id=(id("decline")) hidden { (decline(approval)) }
    }
}

/// The confirmation: the machine's name typed, and a signature by one's own key over the very bytes that the hub signed.
fn sign(approval: &ApprovalView) -> Markup {
    let api = format!("/api/v1/tenants/{}/orders/{}/approve", approval.tenant, approval.order);
    let envelope = String::from(approval.envelope.clone());
    let id = |part: &str| format!("{part}-{}", approval.order);
    html! {
        form data-approves=(api) data-signs=(envelope) {
            (told())
            p { "Your own key signs this order here, in your browser: it is read from its file, is never sent, and is not kept. The same is done at a terminal by " code { "suture approve " (approval.order) } "." }
            div .field {
                label for=(id("key")) { "Your approval key" }
                input id=(id("key")) type="file" data-key required aria-describedby=(id("key-hint"));
                p .hint id=(id("key-hint")) { "The file that suture made for you: 64 hexadecimal characters." }
            }
            div .field {
                label for=(id("host")) { "Type the machine's name, " span .nowrap { (approval.host) } ", to confirm" }
                input id=(id("host")) type="text" autocomplete="off" autocapitalize="none" spellcheck="false" required data-must=(approval.host);
            }
            div .buttons { button type="submit" { "Sign and hand in" } }
        }
    }
}

/// The no: the order is taken back, and a person looks after what is wrong.
fn decline(approval: &ApprovalView) -> Markup {
    let api = format!("/api/v1/tenants/{}/orders/{}/decline", approval.tenant, approval.order);
    let why = format!("because-{}", approval.order);
    html! {
        form data-api=(api) data-then="reload" {
            (told())
            p { "The order is taken back, and the incident waits for a person. What is wrong stays wrong until somebody repairs it." }
            div .field {
                label for=(why) { "Why" }
                select id=(why) name="because" required {
                    option value="" { "Choose" }
                    @for because in Because::ALL { option value=(because.word()) { (sentence(because.words())) } }
                }
            }
            div .buttons { button .danger type="submit" { "Take the order back" } }
        }
    }
}
