//! The clinic's own page, in plain words: what was fixed, what needs somebody, what could not be checked. No identifiers but a link to each.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, State};
use contract::ids::SiteId;
use contract::incident::What;
use contract::plane::IncidentView;
use maud::{Markup, html};

use super::Page;
use super::enter::Frame;
use super::layout::framed;
use super::parts::{Notice, State as Standing, chip_saying, date, empty, notice, sentence};
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
    let open = open(&hub, &granted, tenant.as_str()).await?;
    let view = fleet(&hub, granted.reach(), edge::clock::utc()).await;
    let view = view.map_err(|e| Fault::ours("look at the clinic", &e))?;
    let sites: Vec<&SiteRow> = view.sites.iter().filter(|site| site.tenant == tenant).collect();
    let fixed: Vec<_> = incidents.iter().filter(|incident| is_closed(incident)).collect();
    let (needs, underway): (Vec<_>, Vec<_>) = open.found.iter().partition(|i| i.waits_for_person);
    let waiting: u32 = sites.iter().map(|site| site.standing.waiting).sum();
    let listed = |all: &[&IncidentView]| by_site(&hub, tenant.as_str(), all);
    let body = html! {
        p .lead { "What the monitoring of this clinic saw lately." }
        div #clinic data-live="incident order approval evidence host" {
            section aria-labelledby="needs" {
                h2 #needs { "Needs you" }
                @if !needs.is_empty() {
                    p { (chip_saying(Standing::Waiting, &many(needs.len(), "thing needs", "things need"))) " a decision, by you or by those who look after you. What does not hold:" }
                    (listed(&needs))
                }
                @if !open.is_all || waiting as usize > needs.len() {
                    (notice(Notice::Amber, &html! { "There is more than this page shows: " a href=(format!("/tenants/{tenant}/incidents?open=true")) { "all that is open" } "." }))
                } @else if needs.is_empty() { p { (chip_saying(Standing::Pass, "Nothing waits for a person")) } }
            }
            section aria-labelledby="unseen" {
                h2 #unseen { "Could not check" }
                @if sites.is_empty() { (empty("No site yet", &html! { "Nothing of this clinic is looked at." })) }
                @for site in &sites { (unseen(site)) }
            }
            section aria-labelledby="fixed" {
                h2 #fixed { "Fixed" }
                @if fixed.is_empty() { (empty("Nothing had to be fixed", &html! { "What is repaired stands here." })) }
                @else {
                    p { (chip_saying(Standing::Pass, &many(fixed.len(), "thing", "things"))) " went wrong and is right again; each was seen to be so. What did not hold:" }
                    (listed(&fixed))
                }
                @if next.is_some() { p .muted { "Older ones are not on this page." } }
                @if !underway.is_empty() { h3 { "Being looked after" } p { "What does not hold yet, and is being repaired:" } (listed(&underway)) }
            }
            section aria-labelledby="covered" {
                h2 #covered { "Score" }
                p .muted { "How much of what was looked at is as it should be, and how much could be looked at." }
                ul { @for site in &sites { li { strong { (site.site) } ": " @if site.hosts == 0 { "no machine yet" } @else { (score(&site.score)) } } } }
            }
        }
    };
    Ok(framed(&frame, &format!("How {tenant} stands"), &[], &body))
}

/// What is open, page after page, as long as that is a matter of a few pages.
struct Open {
    found: Vec<IncidentView>,
    /// Whether that is all of it.
    is_all: bool,
}

/// Pages of open incidents that are looked at.
const PAGES_MAX: usize = 10;

async fn open(hub: &Hub, granted: &Granted, tenant: &str) -> Result<Open, Fault> {
    let mut open = Open { found: Vec::new(), is_all: false };
    let mut before = None;
    for _ in 0..PAGES_MAX {
        let asked = Newest::of_open(before);
        let IncidentsView { tenant: _, incidents, next } =
            found_incidents(hub, granted, tenant, asked).await?;
        open.found.extend(incidents);
        before = next;
        if before.is_none() {
            open.is_all = true;
            break;
        }
    }
    Ok(open)
}

/// Site by site; each line is one incident in the words of its control.
fn by_site(hub: &Hub, tenant: &str, all: &[&IncidentView]) -> Markup {
    let mut sites: BTreeMap<&SiteId, Vec<&IncidentView>> = BTreeMap::new();
    for incident in all {
        sites.entry(&incident.site).or_default().push(incident);
    }
    html! {
        @for (site, all) in &sites {
            h3 { (site) }
            ul { @for incident in all { li { (one(hub, tenant, incident)) } } }
        }
    }
}

fn many(count: usize, one: &str, more: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {more}") }
}

const fn is_closed(incident: &IncidentView) -> bool {
    incident.state.is_over()
}

/// One incident in the words of its control: what should hold there.
fn one(hub: &Hub, tenant: &str, incident: &IncidentView) -> Markup {
    let path = format!("/tenants/{tenant}/hosts/{}/incidents/{}", incident.host, incident.incident);
    let words = match &incident.what {
        What::Drift { control, .. } => match hub.library.baseline.control(control) {
            Some(known) => known.title.clone(),
            None => format!("a check that is not made any more ({control})"),
        },
        What::Signal(signal) => {
            format!("the logs told of trouble ({})", signal.detector.to_string().replace(['.', '-'], " "))
        }
    };
    html! { a href=(path) { (sentence(&words)) } ", " (date(incident.found)) }
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
