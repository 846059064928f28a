//! Evidence: a machine's records, searched, and one of them with its proof.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State as From};
use contract::record::Kind;
use contract::time::UtcTime;
use maud::{Markup, html};

use super::Page;
use super::enter::Frame;
use super::layout::{crumb, framed};
use super::parts::{empty, exact, field, table_of, tag};
use super::proof::Proven;
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

/// A form sends its empty fields too: those say nothing. And its times are to the minute, in UTC as the form says: from its beginning, to its end.
fn said(query: &str) -> String {
    let parts = query.split('&').filter(|part| !part.is_empty() && !part.ends_with('='));
    let whole = |part: &str| {
        let minute = part.replace("%3A", ":");
        match minute.split_once('=') {
            Some(("from", at)) if at.len() == MINUTE_CHARS => format!("from={at}:00.000Z"),
            Some(("to", at)) if at.len() == MINUTE_CHARS => format!("to={at}:59.999Z"),
            Some(_) | None => part.to_owned(),
        }
    };
    parts.map(whole).collect::<Vec<_>>().join("&")
}

/// `2026-11-26T21:15`.
const MINUTE_CHARS: usize = 16;

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
                (table_of("records", "Records, the newest first", &["Record", "Time", "Kind", "About", "Outcome"], &rows))
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
        exact(record.time),
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
const KINDS: [Kind; 26] = [
    Kind::Findings,
    Kind::Signals,
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
    let moment = |id: &str, label: &str, at: Option<UtcTime>| {
        let value = at.and_then(|at| at.to_string().get(..16).map(ToOwned::to_owned));
        field(id, label, None, &html! { input id=(id) name=(id) type="datetime-local" value=[value]; })
    };
    let kinds = html! {
        select id="kind" name="kind" {
            option value="" { "Any" }
            @for kind in KINDS { option value=(kind_word(kind)) selected[asked.kind() == Some(kind)] { (kind_words(kind)) } }
        }
    };
    html! {
        form .card method="get" action=(path) {
            div .grid.narrow {
                (field("kind", "Kind", None, &kinds))
                (text("control", "Control", asked.control().map(ToString::to_string), "such as ssh.root-login"))
                (text("incident", "Incident", asked.incident().map(ToString::to_string), "an incident's id"))
                (moment("from", "From (UTC)", asked.from()))
                (moment("to", "To (UTC)", asked.to()))
                div .buttons { button type="submit" { "Search" } a .button.quiet href=(path) { "All records" } }
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
    let index = view.row.index;
    let proven = Proven {
        index,
        size: view.size,
        signers: "the machine signed and this hub cosigned",
        proof: &view.proof,
        entry: &view.entry,
        file: format!("/api/v1/tenants/{}/hosts/{}/evidence/{index}/proof", view.tenant, view.host),
        name: format!("{}-{index}.tlog-proof", view.host),
        label: "The machine's key, from its installation sheet",
        hint: html! { "Not from this page: a hub that lied about the record would lie about the key. The sheet says " code { "--key" } "." },
        held: html! { "The hub holds " code { (view.key) } " as pinned at enrolment; where the key was changed since, the head is signed by a later one, and this check says so by failing." },
    };
    html! {
        section {
            dl .facts {
                dt { "Kind" } dd { (tag(&kind_words(view.row.kind))) }
                dt { "Time" } dd { (exact(view.row.time)) ", by the machine's clock" }
                dt { "Log" } dd { code { (view.origin) } }
                dt { "Leaf" } dd { code { (view.leaf) } }
            }
            pre { (pretty) }
            p .pager {
                @if view.row.index > 0 { a href=(format!("{path}/{}", view.row.index - 1)) { "Record before" } } @else { span {} }
                @if view.row.index + 1 < view.size { a href=(format!("{path}/{}", view.row.index + 1)) { "Record after" } }
            }
        }
        (proven.section())
    }
}

#[cfg(test)]
mod tests {
    use super::said;

    #[test]
    fn a_forms_minutes_are_times_and_what_is_one_already_stays() {
        let asked = "kind=&from=2026-11-26T21%3A15&to=2026-11-27T00:00&before=7";
        assert_eq!(said(asked), "from=2026-11-26T21:15:00.000Z&to=2026-11-27T00:00:59.999Z&before=7");
        assert_eq!(said("from=2026-11-26T21:15:00.000Z"), "from=2026-11-26T21:15:00.000Z");
    }
}
