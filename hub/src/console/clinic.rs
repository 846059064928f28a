//! The clinic's own page, in plain words: what was fixed, what needs somebody, what could not be checked. No identifiers but a link to each.

use std::sync::Arc;

use axum::extract::{Path, State};
use contract::incident::What;
use contract::plane::{IncidentState, IncidentView};
use maud::{Markup, html};

use super::Page;
use super::enter::Frame;
use super::layout::framed;
use super::parts::{State as Standing, ago, chip_saying, empty};
use super::score::score;
use crate::hub::Hub;
use crate::operator::{Newest, found_incidents};
use crate::people::Granted;
use crate::problem::Fault;
use crate::view::fleet::{SiteRow, fleet};
use crate::view::incident::IncidentsView;

/// `GET /tenants/{tenant}/clinic`.
pub(super) async fn page(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    frame: Frame,
    Path(tenant): Path<String>,
) -> Result<Page, Fault> {
    // First: whoever asks for a tenant that is none of theirs is told that there is none.
    let IncidentsView { tenant, incidents, next } =
        found_incidents(&hub, &granted, &tenant, Newest::default()).await?;
    let view = fleet(&hub, granted.reach(), edge::clock::utc()).await;
    let view = view.map_err(|e| Fault::ours("look at the clinic", &e))?;
    let sites: Vec<&SiteRow> = view.sites.iter().filter(|site| site.tenant == tenant).collect();
    let (fixed, open): (Vec<_>, Vec<_>) = incidents.iter().partition(|i| is_closed(i));
    let (needs, underway): (Vec<_>, Vec<_>) = open.into_iter().partition(|i| i.waits_for_person);
    let listed = |all: &[&IncidentView]| {
        html! { ul { @for incident in all { li { (one(&hub, tenant.as_str(), incident)) } } } }
    };
    let body = html! {
        p .lead { "What the monitoring of this clinic saw lately." @if next.is_some() { " Older incidents are not on this page." } }
        div #clinic data-live="incident order approval evidence host" {
            section aria-labelledby="needs" {
                h2 #needs { "Needs you" }
                @if needs.is_empty() { p { (chip_saying(Standing::Pass, "Nothing waits for a person")) } }
                @else { p { (chip_saying(Standing::Waiting, &many(needs.len(), "thing needs", "things need"))) " a decision, by you or by those who look after you." } (listed(&needs)) }
            }
            section aria-labelledby="unseen" {
                h2 #unseen { "Could not check" }
                @if sites.is_empty() { (empty("No site yet", &html! { "Nothing of this clinic is looked at." })) }
                @for site in &sites { (unseen(site)) }
            }
            section aria-labelledby="fixed" {
                h2 #fixed { "Fixed" }
                @if fixed.is_empty() { (empty("Nothing had to be fixed", &html! { "What is repaired stands here." })) }
                @else { p { (chip_saying(Standing::Pass, &many(fixed.len(), "thing", "things"))) " went wrong and is right again; each was seen to be so." } (listed(&fixed)) }
                @if !underway.is_empty() { h3 { "Being looked after" } (listed(&underway)) }
            }
            section aria-labelledby="covered" {
                h2 #covered { "Control coverage" }
                ul { @for site in &sites { li { strong { (site.site) } ": " @if site.hosts == 0 { "no machine yet" } @else { (score(&site.score)) } } } }
            }
        }
    };
    Ok(framed(&frame, &format!("How {tenant} stands"), &[], &body))
}

fn many(count: usize, one: &str, more: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {more}") }
}

const fn is_closed(incident: &IncidentView) -> bool {
    match incident.state {
        IncidentState::Closed { .. } => true,
        IncidentState::Drifted
        | IncidentState::Escalated
        | IncidentState::Ordered(_)
        | IncidentState::Open { .. } => false,
    }
}

/// One incident in the words of its control: what should hold there.
fn one(hub: &Hub, tenant: &str, incident: &IncidentView) -> Markup {
    let path = format!("/tenants/{tenant}/hosts/{}/incidents/{}", incident.host, incident.incident);
    let words = match &incident.what {
        What::Drift { control, .. } => match hub.library.baseline.control(control) {
            Some(known) => format!("This did not hold: {}", known.title),
            None => format!("This did not hold: {control}"),
        },
        What::Signal(signal) => format!("The logs told of trouble: {}", signal.detector),
    };
    html! { a href=(path) { (words) } ", " (incident.site) ", " (ago(incident.found)) }
}

/// What of a site nobody could look at.
fn unseen(site: &SiteRow) -> Markup {
    let checks = u64::from(site.standing.not_checked);
    html! {
        p {
            strong { (site.site) } ": "
            @if site.hosts == 0 { (chip_saying(Standing::CouldNotCheck, "no machine is watched here yet")) }
            @else if site.silent > 0 {
                (chip_saying(Standing::CouldNotCheck, &format!("{} of {} machines are not heard of", site.silent, site.hosts)))
                " What is known of them may be old."
            }
            @else if checks > 0 { (chip_saying(Standing::CouldNotCheck, &format!("{checks} of {} checks", site.score.total))) " were not possible; they count as not known, never as good." }
            @else { (chip_saying(Standing::Pass, "everything was looked at")) }
        }
    }
}
