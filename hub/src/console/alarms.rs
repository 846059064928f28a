//! A machine's alarms, in true words: what its log did is one thing, what became of a copy of it is another, and a change of keys is neither.

use maud::{Markup, html};

use super::parts::{Notice, ago, notice, table_of, time};
use crate::store::AlarmAbout;
use crate::view::alarms::AlarmView;
use crate::view::host::HostView;

/// What whoever reads the page should know first, kind by kind.
pub(super) fn notices(view: &HostView) -> Markup {
    html! {
        @for about in ABOUT {
            @let many = view.alarms.iter().filter(|alarm| alarm.stands && alarm.about == about).count();
            @if many > 0 { (notice(Notice::Bad, &html! { (about_words(about)) " " a href="#alarms" { (many) @if many == 1 { " alarm" } @else { " alarms" } } })) }
        }
    }
}

/// What an alarm may be about that somebody has to look at.
const ABOUT: [AlarmAbout; 5] =
    [AlarmAbout::Log, AlarmAbout::Delivery, AlarmAbout::Copy, AlarmAbout::WriteOnce, AlarmAbout::Unknown];

/// What that means for whoever reads the page.
const fn about_words(about: AlarmAbout) -> &'static str {
    match about {
        AlarmAbout::Log => {
            "This machine's log did what a log must never do: do not believe what stands here before you looked at it."
        }
        AlarmAbout::Delivery => {
            "Evidence came that is not what this machine signed: it was altered on its way, or by whoever sends it. It was not taken."
        }
        AlarmAbout::Copy => {
            "This hub's own copy of the log has less than the hub vouched for: the copy was put back to an older state, which says nothing of the machine."
        }
        AlarmAbout::WriteOnce => {
            "A write-once store does not hold this machine's evidence as it must. This hub's own copy and the machine's log are another matter."
        }
        AlarmAbout::Unknown => "There is an alarm of a kind that this hub does not know.",
        AlarmAbout::Software => "Something ran there that nothing explained.",
        AlarmAbout::Key => {
            "The log's key was changed, as it may be: whoever keeps keys on paper has to know."
        }
    }
}

const fn about_short(about: AlarmAbout) -> &'static str {
    match about {
        AlarmAbout::Log => "The machine's log",
        AlarmAbout::Delivery => "What was delivered",
        AlarmAbout::Copy => "This hub's copy",
        AlarmAbout::WriteOnce => "A write-once store",
        AlarmAbout::Unknown => "Not known here",
        AlarmAbout::Software => "What runs there",
        AlarmAbout::Key => "The log's key",
    }
}

/// All of them: those that somebody has to look at, and those that are over or only good to know.
pub(super) fn section(view: &HostView) -> Markup {
    // While a quarantine stands it has a place of its own.
    let is_elsewhere = |alarm: &&AlarmView| alarm.about == AlarmAbout::Software && view.quarantine.is_some();
    let shown = view.alarms.iter().filter(|alarm| !is_elsewhere(alarm));
    let (stand, notes): (Vec<_>, Vec<_>) = shown.partition(|alarm| alarm.stands);
    let rows = |all: &[&AlarmView]| all.iter().map(|alarm| alarm_row(alarm)).collect::<Vec<_>>();
    let heads = ["About", "What exactly", "Times", "First", "Last"];
    html! {
        @if !stand.is_empty() || !notes.is_empty() {
            section #alarms {
                h2 { "Alarms" }
                @if !stand.is_empty() { (table_of("alarms", "Somebody has to look", &heads, &rows(&stand))) }
                @if !notes.is_empty() {
                    details #notes open[stand.is_empty()] {
                        summary { "Good to know, or over (" (notes.len()) ")" }
                        (table_of("alarms", "Good to know, or over", &heads, &rows(&notes)))
                    }
                }
            }
        }
    }
}

fn alarm_row(alarm: &AlarmView) -> Vec<Markup> {
    vec![
        html! { strong { (about_short(alarm.about)) } br; code { (alarm.kind) } },
        html! { (alarm.detail) },
        html! { (alarm.times) },
        time(alarm.first),
        ago(alarm.last),
    ]
}
