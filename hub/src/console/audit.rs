//! Audit: the hub's own log, searched, page by page, each record with its proof.

use std::sync::Arc;

use axum::extract::{Path, State};
use contract::ids::{ApiKeyId, HostId, OperatorId};
use contract::people::Right;
use maud::{Markup, html};

use super::Page;
use super::enter::Frame;
use super::layout::{crumb, framed};
use super::parts::{State as Standing, chip_saying, empty, exact, field, table_of, tag, time};
use super::proof::Proven;
use crate::hub::Hub;
use crate::operator::audit::{self, Search};
use crate::operator::{Asked, Found};
use crate::problem::Fault;
use crate::view::audit::{AuditEnd, AuditPage, AuditProof, AuditView, Beginning};

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
                (field("q", "Search", Some("Names, tenants, machines, rights, paths; all words have to match."), &html! { input id="q" name="q" type="search" value=(asked) aria-describedby="q-hint"; }))
                button type="submit" { "Search" }
            }
        }
        section #records data-part {
            @if records.is_empty() {
                (empty("Nothing found", &html! { "No record on this page holds all of these words." }))
            } @else {
                (table_of("audit", "Records, the newest first", &["When", "Who", "What", "Tenant", "Where", "Came of it", "Proof"], &rows))
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

/// What became of it as a chip, and why in words beside it.
fn end_chip(end: AuditEnd, words: &str) -> Markup {
    let (head, why) = words.split_once(": ").map_or((words, None), |(head, why)| (head, Some(why)));
    let chip = match end {
        AuditEnd::Begun => chip_saying(Standing::Healing, head),
        AuditEnd::Done | AuditEnd::CameIn => chip_saying(Standing::Pass, head),
        AuditEnd::Failed => chip_saying(Standing::Waiting, head),
        AuditEnd::Refused | AuditEnd::Quarantined => chip_saying(Standing::Fail, head),
        AuditEnd::Log => tag(head),
    };
    html! { (chip) @if let Some(why) = why { " " (why) } }
}

fn row(record: &AuditView) -> Vec<Markup> {
    let AuditView { seq, time: at, person, key, right, tenant, path, host, begun, end, words } = record;
    vec![
        time(*at),
        who(person.as_ref(), key.as_ref(), host.as_ref()),
        html! { span .nowrap { (what(*right, *end)) } },
        html! { @if let Some(tenant) = tenant { span .nowrap { (tenant) } } },
        html! {
            @if let Some(path) = path { code { (path) } }
            @else if let (Some(tenant), Some(host)) = (tenant, host) { a .nowrap href=(format!("/tenants/{tenant}/hosts/{host}")) { (host) } }
        },
        end_chip(*end, words),
        html! {
            a .nowrap href=(format!("/audit/{seq}")) { "record " (seq) }
            @if let Some(Beginning { seq, time: _ }) = begun { br; span .muted.nowrap { "begun with " (seq) } }
        },
    ]
}

fn who(person: Option<&OperatorId>, key: Option<&ApiKeyId>, host: Option<&HostId>) -> Markup {
    html! {
        @match (person, host) {
            (Some(person), _) => strong { (person) },
            (None, Some(_)) => "a machine",
            (None, None) => span .muted { "nobody known" },
        }
        @if let Some(key) = key { " by key " code { (key) } }
    }
}

fn what(right: Option<Right>, end: AuditEnd) -> &'static str {
    match (right, end) {
        (Some(right), _) => right.word(),
        (None, AuditEnd::Log) => "the log",
        (None, AuditEnd::Quarantined) => "quarantine",
        (
            None,
            AuditEnd::Begun | AuditEnd::Done | AuditEnd::Failed | AuditEnd::Refused | AuditEnd::CameIn,
        ) => "coming in",
    }
}

/// `GET /audit/{seq}`.
pub(super) async fn prove(
    State(hub): State<Arc<Hub>>,
    frame: Frame,
    seq: Path<String>,
) -> Result<Page, Fault> {
    let Found(AuditProof { record, entry, leaf, origin, size, proof, key }) =
        audit::prove(State(hub), seq).await?;
    let shown = serde_json::from_str::<serde_json::Value>(&entry)
        .and_then(|value| serde_json::to_string_pretty(&value));
    let seq = record.seq;
    let proven = Proven {
        index: seq,
        size,
        signers: "this hub signed",
        proof: &proof,
        entry: &entry,
        file: format!("/api/v1/audit/{seq}/proof"),
        name: format!("audit-{seq}.tlog-proof"),
        label: "The key of the hub's own log, from where you noted it",
        hint: html! { "Not from this page: a hub that lied about the record would lie about the key. It is the " code { "own" } " among the hub's keys (" code { "GET /api/v1/keys" } "): noted away from the hub, before it matters." },
        held: html! { "This hub signs its log with " code { (key) } "." },
    };
    let body = html! {
        section {
            dl .facts {
                dt { "When" } dd { (exact(record.time)) }
                dt { "Who" } dd { (who(record.person.as_ref(), record.key.as_ref(), record.host.as_ref())) }
                @if let Some(tenant) = &record.tenant { dt { "Tenant" } dd { (tenant) } }
                dt { "Came of it" } dd { (end_chip(record.end, &record.words)) }
                dt { "Log" } dd { code { (origin) } }
                dt { "Leaf" } dd { code .digest { (leaf) } }
            }
            h3 { "The record" }
            pre tabindex="0" aria-label="The record" { (shown.unwrap_or_else(|_| entry.clone())) }
            p .pager {
                @if seq > 0 { a href=(format!("/audit/{}", seq - 1)) { "Record before" } } @else { span {} }
                @if seq + 1 < size { a href=(format!("/audit/{}", seq + 1)) { "Record after" } }
            }
        }
        (proven.section())
    };
    Ok(framed(&frame, &format!("Record {seq}"), &[crumb("/audit", "Audit")], &body))
}
