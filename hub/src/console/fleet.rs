//! The fleet: one row for each site, and what needs somebody first.

use std::sync::Arc;

use axum::extract::State as From;
use maud::{Markup, html};

use super::Page;
use super::enter::Frame;
use super::layout::framed;
use super::parts::{Notice, State, ago, ago_or, chip_saying, empty, notice, table, tag};
use super::score::{headline_with, score};
use crate::hub::Hub;
use crate::people::Granted;
use crate::problem::Fault;
use crate::view::fleet::{FleetView, SiteRow, Standing, Tail, fleet};

/// `GET /`.
pub(super) async fn page(From(hub): From<Arc<Hub>>, granted: Granted, frame: Frame) -> Result<Page, Fault> {
    let view = fleet(&hub, granted.reach(), edge::clock::utc()).await;
    let view = view.map_err(|e| Fault::ours("look at the fleet", &e))?;
    Ok(framed(&frame, "Fleet", &[], &body(&view)))
}

/// The page's own part.
pub(crate) fn body(view: &FleetView) -> Markup {
    if view.sites.is_empty() {
        return html! {
            div #fleet data-live="incident order approval evidence alarm host enrolment" {
                (empty("No site yet", &html! { "Add a tenant and a site, and enrol a machine: then it stands here. " a href="/enrolment" { "Enrol a machine" } }))
            }
        };
    }
    let rows: Vec<Vec<Markup>> = view.sites.iter().map(row).collect();
    let heads = [
        "Site",
        "Score",
        "Failing",
        "Healing",
        "Waits for a person",
        "Could not check",
        "Last heard",
        "Not witnessed",
    ];
    html! {
        div #fleet data-live="incident order approval evidence alarm host enrolment" {
            (headline_with(&view.score, &silent(&view.sites)))
            section { (table("Sites, what needs somebody first", &heads, &rows)) }
        }
    }
}

/// How many machines are not heard of: what the score is made of may be old.
fn silent(sites: &[SiteRow]) -> Markup {
    let (hosts, silent) = sites.iter().fold((0, 0), |(h, s), site| (h + site.hosts, s + site.silent));
    html! {
        @if silent > 0 {
            p { (chip_saying(State::CouldNotCheck, &format!("{silent} of {hosts} machines silent"))) " What is shown of them is what they said last." }
        }
    }
}

fn row(site: &SiteRow) -> Vec<Markup> {
    let Standing { failing, healing, waiting, not_checked, alarms, quarantined, seen, tail, unread } =
        site.standing;
    let path = format!("/tenants/{}/sites/{}", site.tenant, site.site);
    let name = html! {
        a href=(path) { strong { (site.tenant) " / " (site.site) } }
        br;
        span .muted { (machines(site)) }
        (troubles(alarms, quarantined))
        @if unread > 0 { br; (tag(&format!("{unread} records are still being read"))) }
    };
    let heard = if site.hosts == 0 {
        html! { span .muted { "No machine yet" } }
    } else if site.silent > 0 {
        html! { (chip_saying(State::CouldNotCheck, &format!("{} of {} silent", site.silent, site.hosts))) " " (ago_or(seen, "one never heard")) }
    } else {
        ago_or(seen, "never")
    };
    vec![
        name,
        if site.hosts == 0 {
            html! { span .muted { "Nothing to assess" } }
        } else {
            score(&site.score)
        },
        many(State::Fail, failing, site.hosts),
        many(State::Healing, healing, site.hosts),
        many(State::Waiting, waiting, site.hosts),
        many(State::CouldNotCheck, not_checked, site.hosts),
        heard,
        if site.hosts == 0 {
            html! { span .muted { "–" } }
        } else {
            witnessed(&tail)
        },
    ]
}

fn machines(site: &SiteRow) -> String {
    let expected = if site.expected > 0 { format!(", {} expected", site.expected) } else { String::new() };
    let word = if site.hosts == 1 { "machine" } else { "machines" };
    let revoked = if site.revoked > 0 { format!(", {} revoked", site.revoked) } else { String::new() };
    format!("{} {word}{expected}{revoked}", site.hosts)
}

/// How many of something: a chip where there are some, a plain nought where that is known, and a dash where there is nobody to know it.
pub(crate) fn many(state: State, number: u32, machines: u32) -> Markup {
    match (number, machines) {
        (0, 0) => html! { span .muted { "–" } },
        (0, _) => html! { span .muted { "0" } },
        (number, _) => chip_saying(state, &number.to_string()),
    }
}

/// What stands of alarms, and who is in quarantine: each a chip of its own.
pub(crate) fn troubles(alarms: u64, quarantined: u32) -> Markup {
    html! {
        @if alarms > 0 { br; (chip_saying(State::Fail, &format!("{alarms} evidence {}", if alarms == 1 { "alarm" } else { "alarms" }))) }
        @if quarantined > 0 { br; (chip_saying(State::Fail, &if quarantined == 1 { "In quarantine".to_owned() } else { format!("{quarantined} in quarantine") })) }
    }
}

/// Evidence that nobody but the machine has.
pub(crate) fn witnessed(Tail { records, since, unknown }: &Tail) -> Markup {
    html! {
        @if *unknown > 0 {
            (chip_saying(State::CouldNotCheck, "Not known"))
            @if *records > 0 { " " }
        }
        @if *records > 0 {
            span { (records) @if *records == 1 { " record" } @else { " records" } }
            @if let Some(since) = since { ", the head before is from " (ago(*since)) }
        } @else if *unknown == 0 {
            span .muted { "All witnessed" }
        }
    }
}

/// Evidence that is held and was not read yet.
pub(crate) fn unread(records: u64) -> Markup {
    html! {
        @if records > 0 {
            (notice(Notice::Amber, &html! { (records) " records of evidence are held and still being read: what is shown is older by so much." }))
        }
    }
}
