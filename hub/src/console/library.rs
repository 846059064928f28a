//! Runbooks and baseline: what sites are given, under which digests, since when.

use std::sync::Arc;

use axum::extract::State;
use maud::{Markup, html};

use super::Page;
use super::enter::Frame;
use super::layout::framed;
use super::parts::{State as Standing, chip_saying, digest, table, table_of, tag, time};
use super::site::took;
use crate::hub::Hub;
use crate::operator::{Found, library};
use crate::problem::Fault;
use crate::view::library::{BaselineControl, BaselineView, CatalogueRunbook, HandedOut, RunbooksView};

/// `GET /runbooks`.
pub(super) async fn runbooks(State(hub): State<Arc<Hub>>, frame: Frame) -> Result<Page, Fault> {
    let Found(RunbooksView { digest: catalogue, runbooks, history }) = library::runbooks(State(hub)).await?;
    let rows: Vec<Vec<Markup>> = runbooks.iter().map(runbook_row).collect();
    let body = html! {
        p .lead { "Pre-approved repairs. A site runs one only where its digest is in the catalogue that the site approved, and only after the failing check was measured there." }
        div .columns {
            section { h2 { "Catalogue" } dl .facts { dt { "Runbooks" } dd { (runbooks.len()) } dt { "Digest" } dd { code .digest { (catalogue.to_string()) } } } }
            (handed_out("Catalogues handed out", &history))
        }
        section { (table_of("runbooks", "Runbooks", &["Runbook", "Repairs", "Asks", "Citations", "Verbs", "Limit", "Digest"], &rows)) }
    };
    Ok(framed(&frame, "Runbooks", &[], &body))
}

fn runbook_row(runbook: &CatalogueRunbook) -> Vec<Markup> {
    let CatalogueRunbook {
        id,
        version,
        title,
        digest: bytes,
        citations,
        controls,
        disruptive,
        approvals,
        permissions,
        time_limit_ms,
        cooldown_ms,
    } = runbook;
    let asks = match (*approvals, *disruptive) {
        (0, false) => tag("nobody"),
        (0, true) => chip_saying(Standing::Waiting, "a window"),
        (1, _) => chip_saying(Standing::Waiting, "one person"),
        (_, _) => chip_saying(Standing::Waiting, "two people"),
    };
    let verbs =
        permissions.iter().filter_map(|verb| serde_json::to_value(verb).ok()?.as_str().map(str::to_owned));
    vec![
        html! { strong { (id) } br; span .muted { (title) ", version " (version) } },
        html! { @for (i, control) in controls.iter().enumerate() { @if i > 0 { ", " } code { (control) } } },
        html! { (asks) @if *disruptive { " " (tag("disruptive")) } },
        listed(citations),
        html! { @for (i, verb) in verbs.enumerate() { @if i > 0 { ", " } span .nowrap { (verb) } } },
        html! {
            span .nowrap { (took(*time_limit_ms)) }
            @if *cooldown_ms > 0 { br; span .muted { "again after " span .nowrap { (took(*cooldown_ms)) } } }
        },
        digest(bytes),
    ]
}

/// `GET /baseline`.
pub(super) async fn baseline(State(hub): State<Arc<Hub>>, frame: Frame) -> Result<Page, Fault> {
    let Found(BaselineView { name, version, digest: bytes, controls, history }) =
        library::baseline(State(hub)).await?;
    let rows: Vec<Vec<Markup>> = controls.iter().map(control_row).collect();
    let body = html! {
        p .lead { "What each host is compared with. A control passes where what it expects was seen; where nothing could be seen it is not assessed, and never a pass." }
        div .columns {
            section { h2 { (name) ", version " (version) } dl .facts { dt { "Controls" } dd { (controls.len()) } dt { "Digest" } dd { code .digest { (bytes.to_string()) } } } }
            (handed_out("Baselines handed out", &history))
        }
        section { (table_of("baseline", "Controls", &["Control", "Severity", "Citations", "Why", "Repaired by"], &rows)) }
    };
    Ok(framed(&frame, "Baseline", &[], &body))
}

fn control_row(control: &BaselineControl) -> Vec<Markup> {
    let BaselineControl { id, title, area: _, severity, citations, why, runbook, person } = control;
    vec![
        html! { code { (id) } br; (title) },
        tag(severity.word()),
        listed(citations),
        html! { (why) },
        html! {
            @if let Some(runbook) = runbook { a href="/runbooks" { (runbook) } }
            @if let Some(person) = person { span .muted { "a person: " (person) } }
        },
    ]
}

/// Citations, none of which is broken.
fn listed(citations: &[String]) -> Markup {
    html! { @for (i, citation) in citations.iter().enumerate() { @if i > 0 { " " } span .nowrap { (citation) @if i + 1 < citations.len() { "," } } } }
}

fn handed_out(caption: &str, history: &[HandedOut]) -> Markup {
    let rows: Vec<Vec<Markup>> = history
        .iter()
        .enumerate()
        .map(|(i, HandedOut { digest: bytes, since })| {
            vec![digest(bytes), time(*since), html! { @if i == 0 { (tag("now")) } }]
        })
        .collect();
    html! { section { (table(caption, &["Digest", "Since", "Which"], &rows)) } }
}
