//! One site: its machines, what is open there, and how long healing took.

use std::sync::Arc;

use axum::extract::{Path, State as From};
use maud::{Markup, html};

use super::enter::Frame;
use super::fleet::{many, troubles, unread, witnessed};
use super::incidents::incident_row;
use super::layout::{crumb, framed};
use super::parts::{State, ago_or, chip, chip_saying, empty, table, table_of, tag};
use super::score::{headline, score};
use super::{Page, chart};
use crate::hub::Hub;
use crate::operator::found_site;
use crate::people::Granted;
use crate::problem::Fault;
use crate::view::fleet::{HealingView, HostRow, SiteView};

/// `GET /tenants/{tenant}/sites/{site}`.
pub(super) async fn page(
    From(hub): From<Arc<Hub>>,
    granted: Granted,
    frame: Frame,
    Path((tenant, site)): Path<(String, String)>,
) -> Result<Page, Fault> {
    let view = found_site(&hub, &granted, &tenant, &site).await?;
    let title = format!("{} / {}", view.row.tenant, view.row.site);
    Ok(framed(&frame, &title, &[crumb("/", "Fleet")], &body(&view)))
}

/// The page's own part.
pub(crate) fn body(view: &SiteView) -> Markup {
    let tenant = &view.row.tenant;
    let rows: Vec<Vec<Markup>> = view.machines.iter().map(|row| machine_row(tenant.as_str(), row)).collect();
    let heads = [
        "Machine",
        "Score",
        "Failing",
        "Healing",
        "Waits for a person",
        "Could not check",
        "Mode",
        "Last heard",
        "Not witnessed",
    ];
    let incidents: Vec<Vec<Markup>> =
        view.incidents.iter().map(|incident| incident_row(tenant.as_str(), incident)).collect();
    html! {
        div #site data-live="incident order approval evidence alarm host enrolment" {
            (unread(view.row.standing.unread))
            (headline(&view.row.score))
            section {
                @if rows.is_empty() {
                    (empty("No machine yet", &html! { a href="/enrolment" { "Make an enrolment sheet" } " and run the agent with it." }))
                } @else {
                    (table("Machines", &heads, &rows))
                }
            }
            section {
                @if incidents.is_empty() {
                    (empty("Nothing is open", &html! { "No incident of this site is open. What nobody could look at is counted above, not here." }))
                } @else {
                    (table_of("incidents", "Open incidents, the newest first", &["Found", "What", "Machine", "Where it stands"], &incidents))
                }
                p { a href=(format!("/tenants/{tenant}/incidents")) { "All incidents of " (tenant) } }
            }
            (healings(&view.healings))
        }
    }
}

fn machine_row(tenant: &str, row: &HostRow) -> Vec<Markup> {
    let standing = &row.standing;
    let name = html! {
        a .nowrap href=(format!("/tenants/{tenant}/hosts/{}", row.host)) { strong { (row.host) } }
        (troubles(standing.alarms, standing.quarantined))
    };
    if !row.enrolled {
        let none = || html! { span .muted { "–" } };
        let expected = html! { (tag("Expected")) " " span .muted { "its machine has not enrolled" } };
        return vec![name, expected, none(), none(), none(), none(), none(), none(), none()];
    }
    if row.revoked {
        let none = || html! { span .muted { "–" } };
        let revoked = html! { (tag("Revoked")) " " span .muted { "it is let in no more" } };
        let (healing, waiting) =
            (many(State::Healing, standing.healing, 0), many(State::Waiting, standing.waiting, 0));
        return vec![
            name,
            revoked,
            none(),
            healing,
            waiting,
            none(),
            none(),
            ago_or(standing.seen, "never"),
            none(),
        ];
    }
    let heard = html! {
        @if row.silent { (chip_saying(State::CouldNotCheck, "Silent")) " " }
        (ago_or(standing.seen, "never"))
    };
    vec![
        name,
        score(&row.score),
        many(State::Fail, standing.failing, 1),
        many(State::Healing, standing.healing, 1),
        many(State::Waiting, standing.waiting, 1),
        many(State::CouldNotCheck, standing.not_checked, 1),
        row.mode.map_or_else(|| chip(State::CouldNotCheck), |mode| tag(&mode.to_string())),
        heard,
        witnessed(&standing.tail),
    ]
}

/// How long the last ones took from being found to being healed. Nothing is drawn of nothing.
pub(crate) fn healings(all: &[HealingView]) -> Markup {
    let mut sorted: Vec<u64> = all.iter().map(|healing| healing.took_ms).collect();
    sorted.sort_unstable();
    let numbers: Vec<Option<u64>> = all.iter().map(|healing| Some(healing.took_ms)).collect();
    html! {
        section {
            h2 { "Time to heal" }
            @match (sorted.first(), sorted.get(sorted.len() / 2), sorted.last()) {
                (Some(least), Some(middle), Some(most)) => {
                    @if all.len() > 1 { (chart::line("Milliseconds from found to healed, oldest first", &numbers)) }
                    p {
                        "The last " (all.len()) " that a run healed: from found to healed in "
                        (took(*least)) " at best, " (took(*middle)) " in the middle, " (took(*most)) " at worst, by the machine's clock."
                    }
                }
                _ => (empty("Nothing was healed yet", &html! { "Once a run has healed something, how long it took is drawn here." }))
            }
        }
    }
}

/// A duration, for people.
pub(crate) fn took(ms: u64) -> String {
    const MINUTE: u64 = 60_000;
    const HOUR: u64 = 60 * MINUTE;
    match ms {
        0..=999 => format!("{ms} ms"),
        1_000..=119_999 => match (ms / 1000, ms % 1000 / 100) {
            (seconds, 0) => format!("{seconds} s"),
            (seconds, tenths) => format!("{seconds}.{tenths} s"),
        },
        120_000..HOUR => format!("{} min", ms / MINUTE),
        _ => match (ms / HOUR, ms % HOUR / MINUTE) {
            (hours @ 0..=47, 0) => format!("{hours} h"),
            (hours @ 0..=47, minutes) => format!("{hours} h {minutes} min"),
            (hours, _) => format!("{} days", hours / 24),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::took;

    #[test]
    fn a_duration_is_in_the_unit_that_people_would_say() {
        let said =
            [999, 1_000, 1_540, 90_000, 300_000, 3_600_000, 5_400_000, 14_400_000, 259_200_000].map(took);
        assert_eq!(said, ["999 ms", "1 s", "1.5 s", "90 s", "5 min", "1 h", "1 h 30 min", "4 h", "3 days"]);
    }
}
