//! One machine: its controls by the paragraph that asks for them, each with the records that it stands on.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, State as From};
use contract::baseline::Citation;
use contract::score::Counted;
use maud::{Markup, html};

use super::Page;
use super::alarms;
use super::enter::Frame;
use super::fleet::{unread, witnessed};
use super::incidents::incident_row;
use super::layout::{crumb, framed};
use super::parts::{
    Notice, State, ago, ago_or, chip, chip_saying, empty, notice, sentence, table_of, tag, time,
};
use super::quarantine;
use super::score::{counted, headline};
use super::site::healings;
use crate::hub::Hub;
use crate::operator::found_host;
use crate::people::Granted;
use crate::problem::Fault;
use crate::view::host::{ControlView, HostView, Recorded};

/// So many groups of controls that fail are open at first.
const OPEN_MAX: usize = 3;

/// `GET /tenants/{tenant}/hosts/{host}`.
pub(super) async fn page(
    From(hub): From<Arc<Hub>>,
    granted: Granted,
    frame: Frame,
    Path((tenant, host)): Path<(String, String)>,
) -> Result<Page, Fault> {
    let view = found_host(&hub, &granted, &tenant, &host).await?;
    let site = crumb(
        format!("/tenants/{}/sites/{}", view.tenant, view.site),
        format!("{} / {}", view.tenant, view.site),
    );
    let body = body(&view, frame.is_staff());
    Ok(framed(&frame, view.row.host.as_str(), &[crumb("/", "Fleet"), site], &body))
}

/// The page's own part. `may` where whoever looks may approve what runs there.
pub(crate) fn body(view: &HostView, may: bool) -> Markup {
    let incidents: Vec<Vec<Markup>> =
        view.incidents.iter().map(|incident| incident_row(view.tenant.as_str(), incident)).collect();
    html! {
        div #machine data-live="incident order approval evidence alarm host" {
            (warnings(view))
            @if view.row.enrolled && !view.row.revoked { (headline(&view.row.score)) }
            @if let Some(found) = &view.quarantine { (quarantine::section(&view.tenant, found, view.at, may)) }
            div .columns { (standing(view)) (mode(view)) (versions(view)) }
            (alarms::section(view))
            (controls(view))
            section {
                @if incidents.is_empty() {
                    (empty("No incident yet", &html! { "This machine has reported none." }))
                } @else {
                    (table_of("incidents", "Incidents, the newest first", &["Found", "What", "Machine", "Where it stands"], &incidents))
                }
            }
            (healings(&view.healings))
        }
    }
}

fn warnings(view: &HostView) -> Markup {
    html! {
        (unread(view.row.standing.unread))
        @if !view.row.enrolled {
            (notice(Notice::Amber, &html! { "This machine is expected and has not enrolled: nothing is known of it." }))
        }
        @if view.row.revoked {
            (notice(Notice::Bad, &html! { "The certificates of this machine are revoked: it is let in no more, and counts in no score. What is shown is what it said before; it was last heard " (ago_or(view.row.standing.seen, "never")) "." }))
        }
        @if view.row.silent {
            (notice(Notice::Amber, &html! { "This machine is silent: it was last heard " (ago_or(view.row.standing.seen, "never")) ". What is shown is what it said then; after two days nothing of it counts as known." }))
        }
        (alarms::notices(view))
        @if !view.unwell.is_empty() {
            (notice(Notice::Amber, &html! { "The agent says that these parts of it are not well: " (view.unwell.join(", ")) "." }))
        }
    }
}

fn standing(view: &HostView) -> Markup {
    let evidence = format!("/tenants/{}/evidence/{}", view.tenant, view.row.host);
    html! {
        section {
            h2 { "Evidence" }
            dl .facts {
                dt { "Last heard" } dd { (ago_or(view.row.standing.seen, "never")) }
                dt { "Records" } dd { a href=(evidence) { (view.evidence) " held and verified" } }
                dt { "Not witnessed" } dd { (witnessed(&view.row.standing.tail)) }
                dt { "Last gap" } dd { (recorded(view, view.last_gap, "none in its records")) }
                dt { "Log" } dd { code { (view.origin) } }
            }
        }
    }
}

fn mode(view: &HostView) -> Markup {
    html! {
        section {
            h2 { "Mode and window" }
            dl .facts {
                dt { "Mode" }
                dd { @match view.how.mode { Some(mode) => (tag(&mode.to_string())), None => (chip_saying(State::CouldNotCheck, "Not told")) } }
                dt { "Set by" } dd {
                    @match &view.how.set_by { Some(person) => { (person) ", as the executor's own configuration says" }, None => { "whoever administers the machine: its executor's configuration names nobody" } }
                    ". A hub cannot set it."
                }
                dt { "Break-glass" }
                dd {
                    @match &view.how.break_glass {
                        None => { "never, by its records" }
                        Some(glass) => {
                            @if glass.in_force { (chip_saying(State::Waiting, "In force")) " until " (time(glass.until)) } @else { "ended" }
                            ", asked for by " (glass.person) ": “" (glass.reason) "” "
                            (recorded(view, Some(glass.recorded), ""))
                        }
                    }
                }
                dt { "Window" }
                dd {
                    @match &view.window.declared {
                        Some(window) => (window),
                        None if view.window.told => { "none is declared: nothing disruptive runs there" },
                        None => { span .muted { "not told by the machine" } },
                    }
                    @if let Some(opens) = view.window.opens { "; opens next " (time(opens)) }
                }
            }
        }
    }
}

fn versions(view: &HostView) -> Markup {
    let versions = &view.versions;
    let or = |text: &Option<String>| match text {
        Some(text) => html! { code { (text) } },
        None => html! { span .muted { "not told since this hub started" } },
    };
    html! {
        section {
            h2 { "Versions" }
            dl .facts {
                dt { "Agent" } dd { (or(&versions.agent)) }
                dt { "Executor" } dd { (or(&versions.executor)) }
                @if let Some(closure) = &versions.closure { dt { "System" } dd { code { (closure) } } }
                @if let Some(begun) = &versions.log_begun_by { dt { "Log begun by" } dd { code { (begun) } } }
                @for paper in &versions.papers {
                    dt { (sentence(&paper.paper)) }
                    dd { "number " (paper.number) ", " (paper.state.replace('_', " ")) " " (recorded(view, Some(paper.recorded), "")) }
                }
                dt { "Said" } dd { (ago_or(versions.said, "not since this hub started")) }
            }
        }
    }
}

/// A time with a link to the record that says so.
fn recorded(view: &HostView, recorded: Option<Recorded>, none: &str) -> Markup {
    match recorded {
        Some(Recorded { at, record }) => html! {
            (ago(at)) " " a .nowrap href=(format!("/tenants/{}/evidence/{}/{record}", view.tenant, view.row.host)) { "record " (record) }
        },
        None => html! { span .muted { (none) } },
    }
}

fn controls(view: &HostView) -> Markup {
    let mut by_citation: BTreeMap<&Citation, Vec<&ControlView>> = BTreeMap::new();
    for control in &view.controls {
        if let Some(first) = control.citations.first() {
            by_citation.entry(first).or_default().push(control);
        }
    }
    let many =
        |all: &[&ControlView], holds: fn(Counted) -> bool| all.iter().filter(|c| holds(c.counts)).count();
    let fails = |all: &[&ControlView]| many(all, |c| matches!(c, Counted::Fails | Counted::UnknownUnmet));
    // What passes is a line; of what fails so many are open that the page can still be read.
    let open: Vec<&Citation> = by_citation
        .iter()
        .filter(|(_, all)| fails(all) > 0)
        .map(|(citation, _)| *citation)
        .take(OPEN_MAX)
        .collect();
    html! {
        section {
            h2 { "Controls by citation (45 CFR)" }
            @for (citation, all) in &by_citation {
                @let unknown = many(all, |c| matches!(c, Counted::Unknown | Counted::UnknownUnmet));
                details .group id=(format!("c-{citation}")) open[open.contains(citation)] {
                    summary {
                        span .nowrap { (citation) } " "
                        span .muted { (all.len()) @if all.len() == 1 { " control " } @else { " controls " } }
                        @if fails(all) > 0 { (chip_saying(State::Fail, &format!("{} failing", fails(all)))) " " }
                        @if unknown > 0 { (chip_saying(State::CouldNotCheck, &format!("{unknown} could not be checked"))) " " }
                        @if fails(all) == 0 && unknown == 0 { (chip(State::Pass)) }
                    }
                    (table_of("controls", &format!("Controls of {citation}"), &["Control", "State", "Seen", "Since", "Looked at"], &all.iter().map(|control| control_row(view, control)).collect::<Vec<_>>()))
                }
            }
            @if !view.left_out.is_empty() {
                p .muted { "No longer in the baseline, and counted for nothing: " @for id in &view.left_out { code { (id) } " " } }
            }
        }
    }
}

fn control_row(view: &HostView, control: &ControlView) -> Vec<Markup> {
    let others = control.citations.iter().skip(1).map(Citation::as_str).collect::<Vec<_>>().join(", ");
    let name = html! {
        strong { (control.title) } br;
        code { (control.control) } " " span .muted { (control.severity.word()) @if !others.is_empty() { "; also " (others) } }
    };
    let seen = html! {
        @match &control.seen { Some(seen) => { code { (seen) } }, None => { span .muted { "never looked at" } } }
        br; span .muted { "expected: " (control.expected) }
    };
    vec![
        name,
        counted(control.counts),
        seen,
        recorded(view, control.since, "–"),
        recorded(view, control.checked, "never"),
    ]
}
