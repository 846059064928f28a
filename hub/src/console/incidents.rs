//! A tenant's incidents, and one of them leg by leg.

use std::sync::Arc;

use axum::extract::{Path, State as From};
use contract::call::{CallView, MayTry};
use contract::decision::{Choice, Decision, Escalation, Provenance};
use contract::ids::OperatorId;
use contract::plane::{IncidentState, IncidentView};
use maud::{Markup, html};

use super::Page;
use super::enter::Frame;
use super::layout::{crumb, framed};
use super::parts::{State, ago, chip, chip_saying, digest, empty, exact, sentence, table_of, told};
use super::site::took;
use crate::hub::Hub;
use crate::operator::{Asked, Newest, found_incident, found_incidents};
use crate::people::Granted;
use crate::problem::Fault;
use crate::view::incident::{Clock, IncidentsView, Leg, LegView, TimelineView, about};

/// `GET /tenants/{tenant}/incidents`.
pub(super) async fn page(
    From(hub): From<Arc<Hub>>,
    granted: Granted,
    frame: Frame,
    Path(tenant): Path<String>,
    Asked(asked): Asked<Newest>,
) -> Result<Page, Fault> {
    let open = asked.open;
    let view = found_incidents(&hub, &granted, &tenant, asked).await?;
    let title = format!("Incidents of {}", view.tenant);
    Ok(framed(&frame, &title, &[crumb("/", "Fleet")], &body(&view, open)))
}

/// The page's own part.
pub(crate) fn body(view: &IncidentsView, open: bool) -> Markup {
    let path = format!("/tenants/{}/incidents", view.tenant);
    let rows: Vec<Vec<Markup>> =
        view.incidents.iter().map(|incident| incident_row(view.tenant.as_str(), incident)).collect();
    let next = view.next.map(|next| format!("{path}?before={next}{}", if open { "&open=true" } else { "" }));
    html! {
        p {
            a href=(path) aria-current=[(!open).then_some("true")] { "All" } " · "
            a href=(format!("{path}?open=true")) aria-current=[open.then_some("true")] { "Open only" }
        }
        section #incidents data-live="incident order evidence" {
            @if rows.is_empty() {
                (empty("No incident", &html! { @if open { "Nothing is open. That says nothing of what could not be looked at." } @else { "Nothing was ever reported here." } }))
            } @else {
                (table_of("incidents", "The newest first", &["Found", "What", "Machine", "Where it stands"], &rows))
            }
            @if let Some(next) = next { p .pager { span {} a href=(next) { "Older" } } }
        }
    }
}

/// One incident in a line.
pub(crate) fn incident_row(tenant: &str, incident: &IncidentView) -> Vec<Markup> {
    let path = format!("/tenants/{tenant}/hosts/{}/incidents/{}", incident.host, incident.incident);
    vec![
        ago(incident.found),
        html! { a href=(path) { (about(&incident.what)) } @if incident.reports > 1 { " " span .muted { "reported " (incident.reports) " times" } } },
        html! { a .nowrap href=(format!("/tenants/{tenant}/hosts/{}", incident.host)) { (incident.host) } " " span .muted { "at " (incident.site) } },
        standing(incident),
    ]
}

/// Where it stands, in one chip.
fn standing(incident: &IncidentView) -> Markup {
    match &incident.state {
        IncidentState::Ordered(_) if incident.waits_for_person => {
            chip_saying(State::Waiting, "Waits for approval")
        }
        IncidentState::Drifted if incident.follows.is_some() => {
            chip_saying(State::Waiting, "Follows from another")
        }
        IncidentState::Drifted => chip_saying(State::Healing, "To be planned"),
        IncidentState::Escalated => chip(State::Waiting),
        IncidentState::Ordered(_) => chip_saying(State::Healing, "Ordered"),
        IncidentState::Open { outcome, record } => {
            html! { (chip_saying(State::Waiting, &format!("Open: {outcome}"))) " " span .muted.nowrap { "record " (record) } }
        }
        IncidentState::LookedAfter(person) => chip_saying(State::Pass, &format!("Looked after by {person}")),
        IncidentState::Closed { record } => {
            html! { (chip_saying(State::Pass, "Closed")) " " span .muted.nowrap { "record " (record) } }
        }
    }
}

/// `GET /tenants/{tenant}/hosts/{host}/incidents/{incident}`.
pub(super) async fn one(
    From(hub): From<Arc<Hub>>,
    granted: Granted,
    frame: Frame,
    Path((tenant, host, incident)): Path<(String, String, String)>,
) -> Result<Page, Fault> {
    let view = found_incident(&hub, &granted, &tenant, &host, &incident).await?;
    let crumbs = [
        crumb("/", "Fleet"),
        crumb(
            format!("/tenants/{tenant}/sites/{}", view.incident.site),
            format!("{tenant} / {}", view.incident.site),
        ),
        crumb(format!("/tenants/{tenant}/hosts/{host}"), host),
    ];
    let title = about(&view.incident.what);
    Ok(framed(&frame, &title, &crumbs, &timeline(&view)))
}

/// One incident, from the observation to the receipt.
pub(crate) fn timeline(view: &TimelineView) -> Markup {
    let TimelineView { tenant, incident, chosen, legs, took_ms, moments } = view;
    let record = |record: u64| format!("/tenants/{tenant}/evidence/{}/{record}", incident.host);
    html! {
        div #incident data-live="incident order approval evidence" {
            p .lead {
                (standing(incident))
                @if let Some(ms) = took_ms { span .sep { (took(*ms)) " from the first leg to the last that is known" } }
                @if let Some(runbook) = chosen { span .sep { "by " code { (runbook) } } }
            }
            @if let Some(decision) = &incident.decision { p { (decided(decision)) } }
            @if let Some(why) = &incident.why { p { "Why: " (why) "." } }
            @if let Some(cause) = &incident.follows {
                p { "It follows from " a href=(format!("/tenants/{tenant}/hosts/{}/incidents/{cause}", incident.host)) { (cause) } ": nothing is ordered for it until that ends." }
            }
            section {
                h2 { "From the observation to the receipt" }
                ol .timeline { @for leg in legs { li .missing[leg.at.is_none()] { (leg_line(leg, &record)) } } }
                p .muted { "The machine's clock and the hub's are two: a leg from one to the other is as good as both." }
            }
            section {
                h2 { "What its records say" }
                @if moments.is_empty() {
                    (empty("No record of a run", &html! { "The evidence that is here says nothing of an order for this incident." }))
                } @else {
                    ol .timeline {
                        @for moment in moments {
                            li {
                                (exact(moment.at)) " " (sentence(&moment.said)) " "
                                a href=(record(moment.record)) { "record " (moment.record) } " " span .muted { "order " span .nowrap { (moment.order) } }
                            }
                        }
                    }
                }
                p { a href=(format!("/tenants/{tenant}/evidence/{}?incident={}", incident.host, incident.incident)) { "Search the evidence for it" } }
            }
        }
    }
}

fn leg_line(leg: &LegView, record: &impl Fn(u64) -> String) -> Markup {
    html! {
        strong { (leg_words(leg.leg)) } " "
        @match leg.at {
            Some(at) => {
                (exact(at)) " "
                @if let Some(ms) = leg.took_ms { span .muted { "after " (took(ms)) ", " } }
                span .muted { @match leg.clock { Clock::Host => "by the machine's clock", Clock::Hub => "by this hub's clock" } }
                @if let Some(index) = leg.record { " " a href=(record(index)) { "record " (index) } }
            }
            None => { span .muted { (leg.missing.unwrap_or("not known")) } }
        }
    }
}

const fn leg_words(leg: Leg) -> &'static str {
    match leg {
        Leg::Detected => "Detected",
        Leg::Published => "Published",
        Leg::Decided => "Decided",
        Leg::Ordered => "Ordered",
        Leg::Started => "Executor started",
        Leg::Healed => "Healed",
        Leg::Recorded => "Recorded",
        Leg::Receipt => "Receipt",
    }
}

/// Who or what chose, and why it is a person's where it is.
fn decided(decision: &Decision) -> Markup {
    html! {
        @match &decision.choice {
            Choice::Run(_) => "Chosen",
            Choice::Escalate(Escalation::Declined(_)) => "Waits for a person: declined",
            Choice::Escalate(why) => { "Waits for a person: " (why.words()) ". Decided" }
        }
        " by "
        @match &decision.provenance {
            Provenance::Person(person) => strong { (person) },
            Provenance::Model(asked) => {
                "the model " code { (asked.model) }
                @if let Some(confidence) = asked.confidence { ", which said it was " (confidence) " % sure" }
                "; its question is " (digest(&asked.prompt))
            },
            Provenance::Rules { rule: Some(rule), table } => { "rule " code { (rule) } " of the table " (digest(table)) },
            Provenance::Rules { rule: None, table } => { "the rule table " (digest(table)) },
        }
        @if let Choice::Escalate(Escalation::Declined(because)) = &decision.choice { ", because " (because.words()) }
        "."
    }
}

/// A person's own choice of a runbook: it passes the same guardrails as any other order.
pub(super) fn chooser(call: &CallView, may_try: &[MayTry], person: &OperatorId) -> Markup {
    let api =
        format!("/api/v1/tenants/{}/hosts/{}/incidents/{}/order", call.tenant, call.host, call.incident);
    html! {
        form .row-form data-api=(api) data-then="reload" {
            (told())
            input type="hidden" name="person" value=(person);
            div .field {
                label for="runbook" { "Order a runbook yourself" }
                select id="runbook" name="runbook" required aria-describedby="runbook-hint" {
                    option value="" { "Choose" }
                    @for may in may_try { option value=(may.runbook) { (may.runbook) } }
                }
                p .hint id="runbook-hint" { "It stands in your name, and passes the same guardrails as any other order." }
            }
            div .buttons { button type="submit" { "Order it" } }
        }
    }
}
