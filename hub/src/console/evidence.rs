//! Evidence: a machine's records, searched, and one of them with its proof.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State as From};
use contract::record::Kind;
use maud::{Markup, html};

use super::Page;
use super::enter::Frame;
use super::layout::{crumb, framed};
use super::parts::{empty, field, table, tag, time, told};
use crate::hub::Hub;
use crate::operator::{Sought, found_record, found_records, narrowed};
use crate::people::Granted;
use crate::problem::Fault;
use crate::view::evidence::{EvidenceView, RecordRow, RecordView};

/// `GET /tenants/{tenant}/evidence/{host}`.
pub(super) async fn page(
    From(hub): From<Arc<Hub>>,
    granted: Granted,
    frame: Frame,
    Path((tenant, host)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Result<Page, Fault> {
    let query = said(query.as_deref().unwrap_or_default());
    let asked: Sought = narrowed(&query)?;
    let view = found_records(&hub, &granted, &tenant, &host, asked.clone()).await?;
    let crumbs = [crumb("/", "Fleet"), crumb(format!("/tenants/{tenant}/hosts/{host}"), host)];
    Ok(framed(&frame, "Evidence", &crumbs, &body(&view, &asked, &query)))
}

/// A form sends its empty fields too: those say nothing.
fn said(query: &str) -> String {
    query.split('&').filter(|part| !part.is_empty() && !part.ends_with('=')).collect::<Vec<_>>().join("&")
}

/// The page's own part.
pub(crate) fn body(view: &EvidenceView, asked: &Sought, query: &str) -> Markup {
    let path = format!("/tenants/{}/evidence/{}", view.tenant, view.host);
    let rows: Vec<Vec<Markup>> = view.records.iter().map(|record| row(&path, record)).collect();
    let next = view.next.map(|next| {
        let before = format!("before={next}");
        let kept = query.split('&').filter(|part| !part.is_empty() && !part.starts_with("before="));
        format!("{path}?{}", kept.chain([before.as_str()]).collect::<Vec<_>>().join("&"))
    });
    html! {
        (form(&path, asked))
        section {
            @if rows.is_empty() {
                (empty("No record that fits", &html! { "Of the " (view.looked_at) " records that were looked at, none fits." }))
            } @else {
                (table("Records, the newest first", &["Record", "Time", "Kind", "About", "Outcome"], &rows))
            }
            p .muted {
                (view.looked_at) " records were looked at for this page, of " (view.size) " that are held under a cosigned head of " code { (view.origin) } "."
                @if view.next.is_none() { " There is nothing below." }
            }
            @if let Some(next) = next { p .pager { span {} a href=(next) { "Look further back" } } }
        }
    }
}

fn row(path: &str, record: &RecordRow) -> Vec<Markup> {
    vec![
        html! { a href=(format!("{path}/{}", record.index)) { (record.index) } },
        time(record.time),
        tag(&kind_words(record.kind)),
        html! { code { (record.subject) } },
        html! { @if let Some(outcome) = record.outcome { (outcome) } },
    ]
}

/// A kind's word, as records have it.
fn kind_word(kind: Kind) -> String {
    serde_json::to_value(kind).ok().and_then(|word| word.as_str().map(ToOwned::to_owned)).unwrap_or_default()
}

fn kind_words(kind: Kind) -> String {
    kind_word(kind).replace('_', " ")
}

/// The kinds that a machine's log has.
const KINDS: [Kind; 25] = [
    Kind::Findings,
    Kind::Accepted,
    Kind::Waiting,
    Kind::Intent,
    Kind::Moved,
    Kind::Resumed,
    Kind::Ended,
    Kind::Refused,
    Kind::Escalated,
    Kind::Connection,
    Kind::Opened,
    Kind::StandingTaken,
    Kind::BreakGlass,
    Kind::PolicyTaken,
    Kind::PaperTaken,
    Kind::Confined,
    Kind::Intruded,
    Kind::DeadManFired,
    Kind::GenerationHealthy,
    Kind::Recovered,
    Kind::Standing,
    Kind::Gap,
    Kind::Restored,
    Kind::KeyNamed,
    Kind::KeyTaken,
];

/// What is searched for; a plain form, which asks this page again.
fn form(path: &str, asked: &Sought) -> Markup {
    let text = |id: &str, label: &str, value: Option<String>, hint: &str| {
        let input = html! { input id=(id) name=[Some(id)] type="text" value=[value] autocomplete="off" autocapitalize="none" spellcheck="false" aria-describedby=(format!("{id}-hint")); };
        field(id, label, Some(hint), &input)
    };
    let kinds = html! {
        select id="kind" name="kind" {
            option value="" { "Any" }
            @for kind in KINDS { option value=(kind_word(kind)) selected[asked.kind() == Some(kind)] { (kind_words(kind)) } }
        }
    };
    html! {
        form .card method="get" action=(path) {
            div .row-form {
                (field("kind", "Kind", None, &kinds))
                (text("control", "Control", asked.control().map(ToString::to_string), "such as ssh.root-login"))
                (text("incident", "Incident", asked.incident().map(ToString::to_string), "an incident's id"))
                (text("from", "From", asked.from().map(|at| at.to_string()), "2026-11-26T00:00:00.000Z"))
                (text("to", "To", asked.to().map(|at| at.to_string()), "2026-11-27T00:00:00.000Z"))
                button type="submit" { "Search" }
            }
        }
    }
}

/// `GET /tenants/{tenant}/evidence/{host}/{index}`.
pub(super) async fn one(
    From(hub): From<Arc<Hub>>,
    granted: Granted,
    frame: Frame,
    Path((tenant, host, index)): Path<(String, String, String)>,
) -> Result<Page, Fault> {
    let view = found_record(&hub, &granted, &tenant, &host, &index).await?;
    let crumbs = [
        crumb("/", "Fleet"),
        crumb(format!("/tenants/{tenant}/hosts/{host}"), host.clone()),
        crumb(format!("/tenants/{tenant}/evidence/{host}"), "Evidence"),
    ];
    Ok(framed(&frame, &format!("Record {}", view.row.index), &crumbs, &record(&view)))
}

/// One record.
pub(crate) fn record(view: &RecordView) -> Markup {
    let pretty = serde_json::to_string_pretty(&view.record).unwrap_or_default();
    let path = format!("/tenants/{}/evidence/{}", view.tenant, view.host);
    let file =
        format!("/api/v1/tenants/{}/hosts/{}/evidence/{}/proof", view.tenant, view.host, view.row.index);
    html! {
        section {
            dl .facts {
                dt { "Kind" } dd { (tag(&kind_words(view.row.kind))) }
                dt { "Time" } dd { (time(view.row.time)) ", by the machine's clock" }
                dt { "Log" } dd { code { (view.origin) } }
                dt { "Leaf" } dd { code { (view.leaf) } }
            }
            pre { (pretty) }
            p .pager {
                @if view.row.index > 0 { a href=(format!("{path}/{}", view.row.index - 1)) { "Record before" } } @else { span {} }
                @if view.row.index + 1 < view.size { a href=(format!("{path}/{}", view.row.index + 1)) { "Record after" } }
            }
        }
        section {
            h2 { "Proof" }
            p { "That this record stands at index " (view.row.index) " of the " (view.size) " records under the newest head that the machine signed and this hub cosigned. A proof says that a record was not changed since, and where it stands; not that what it says is true." }
            pre #proof { (view.proof) }
            p { a href=(file) download=(format!("{}-{}.tlog-proof", view.host, view.row.index)) { "Save the proof" } " · " button .quiet.small type="button" data-copy="entry" { "Copy the entry" } }
            details { summary { "The entry, byte by byte" } pre #entry { (view.entry) } }
            (check(view))
        }
    }
}

/// The check in the browser, with a key from elsewhere.
fn check(view: &RecordView) -> Markup {
    html! {
        form #check data-checks {
            (told())
            div .field {
                label for="check-key" { "The machine's key, from its installation sheet" }
                input id="check-key" type="text" autocomplete="off" spellcheck="false" required aria-describedby="check-key-hint";
                p .hint id="check-key-hint" { "Not from this page: a hub that lied about the record would lie about the key. The sheet says " code { "--key" } "." }
            }
            div .buttons { button type="submit" { "Check it in this browser" } }
            p .muted { "The hub holds " code { (view.key) } " as pinned at enrolment; where the key was changed since, the head is signed by a later one, and this check says so by failing." }
        }
    }
}
