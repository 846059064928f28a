//! Audit: the hub's own log, searched, page by page, each record with its proof.

use std::sync::Arc;

use axum::extract::{Path, State};
use maud::{Markup, html};

use super::Page;
use super::enter::Frame;
use super::layout::{crumb, framed};
use super::parts::{State as Standing, chip_saying, empty, field, table, tag, time};
use crate::hub::Hub;
use crate::operator::audit::{self, Search};
use crate::operator::{Asked, Found};
use crate::problem::Fault;
use crate::view::audit::{AuditEnd, AuditPage, AuditProof, AuditView};

/// `GET /audit?q=…&before=…`. An empty search is none.
pub(super) async fn list(
    State(hub): State<Arc<Hub>>,
    frame: Frame,
    query: Result<Asked<Search>, Fault>,
) -> Result<Page, Fault> {
    let Asked(search) = query?;
    let (asked, is_first) = (search.q.clone().unwrap_or_default(), search.before.is_none());
    let Found(AuditPage { size, records, next }) = audit::list(State(hub), Asked(search)).await?;
    let rows: Vec<Vec<Markup>> = records.iter().map(row).collect();
    let body = html! {
        p .lead { "Who came in, what was done, what was refused: the hub's own evidence log, which the same verifier checks. " (size) " records." }
        section {
            form .row-form method="get" action="/audit" role="search" {
                (field("q", "Search", Some("Names, tenants, rights, paths; all words have to match."), &html! { input id="q" name="q" type="search" value=(asked) aria-describedby="q-hint"; }))
                button type="submit" { "Search" }
            }
        }
        section #records data-part {
            @if records.is_empty() {
                (empty("Nothing found", &html! { "No record on this page holds all of these words." }))
            } @else {
                (table("Records, the newest first", &["When", "Who", "What", "Tenant", "Where", "Came of it", "Proof"], &rows))
            }
            nav .pager aria-label="Pages" {
                @if is_first { span {} } @else { a href=(link(&asked, None)) { "Newest" } }
                @if let Some(next) = next { a href=(link(&asked, Some(next))) { "Older" } }
            }
        }
    };
    Ok(framed(&frame, "Audit", &[], &body))
}

fn link(asked: &str, before: Option<u64>) -> String {
    let q = if asked.is_empty() { String::new() } else { format!("q={}&", super::enter::escaped(asked)) };
    before.map_or_else(|| format!("/audit?{q}"), |before| format!("/audit?{q}before={before}"))
}

fn end_chip(end: AuditEnd, words: &str) -> Markup {
    match end {
        AuditEnd::Begun => chip_saying(Standing::Healing, words),
        AuditEnd::Done | AuditEnd::CameIn => chip_saying(Standing::Pass, words),
        AuditEnd::Failed => chip_saying(Standing::Waiting, words),
        AuditEnd::Refused => chip_saying(Standing::Fail, words),
        AuditEnd::Log => tag(words),
    }
}

fn row(record: &AuditView) -> Vec<Markup> {
    let AuditView { seq, time: at, person, key, right, tenant, path, end, words } = record;
    vec![
        time(*at),
        html! { @match person { Some(person) => strong { (person) }, None => span .muted { "nobody known" } } @if let Some(key) = key { " by key " code { (key) } } },
        html! { span .nowrap { @match right { Some(right) => (right.word()), None => "sign-in" } } },
        html! { @if let Some(tenant) = tenant { span .nowrap { (tenant) } } },
        html! { @if let Some(path) = path { code { (path) } } },
        end_chip(*end, words),
        html! { a .nowrap href=(format!("/audit/{seq}")) { "record " (seq) } },
    ]
}

/// `GET /audit/{seq}`.
pub(super) async fn prove(
    State(hub): State<Arc<Hub>>,
    frame: Frame,
    seq: Path<String>,
) -> Result<Page, Fault> {
    let Found(AuditProof { record, entry, leaf, checkpoint, path, key }) =
        audit::prove(State(hub), seq).await?;
    let shown = serde_json::from_str::<serde_json::Value>(&entry)
        .and_then(|value| serde_json::to_string_pretty(&value));
    let body = html! {
        section {
            dl .facts {
                dt { "When" } dd { (time(record.time)) }
                dt { "Who" } dd { @match &record.person { Some(person) => (person), None => "nobody known" } }
                dt { "Came of it" } dd { (end_chip(record.end, &record.words)) }
                dt { "Leaf" } dd { code .digest { (leaf) } }
            }
            h3 { "The record" }
            pre tabindex="0" aria-label="The record" { (shown.unwrap_or(entry)) }
        }
        section {
            h2 { "Its proof" }
            p { "These hashes lead from the leaf to the root in the signed head below (RFC 9162, section 2.1.3). Check it away from this hub: " code { "suture-verify DIR/own-log --key '" (key) "'" } }
            ol { @for hash in &path { li { code .digest { (hash) } } } }
            @if path.is_empty() { p .muted { "The log has this one record: the leaf is the root." } }
            h3 { "Signed head" }
            pre tabindex="0" aria-label="Signed head" { (checkpoint) }
        }
    };
    Ok(framed(&frame, &format!("Record {}", record.seq), &[crumb("/audit", "Audit")], &body))
}
