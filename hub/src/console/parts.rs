//! What pages are made of. Each part says in words what it shows: a shape and a colour are beside the word, never in its place.

use contract::digest::Digest;
use contract::time::UtcTime;
use maud::{Markup, html};

/// How something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// It was looked at, and is as it should be.
    Pass,
    /// It was looked at, and is not.
    Fail,
    /// A repair is under way.
    Healing,
    /// A person has to decide.
    Waiting,
    /// Nobody could look.
    CouldNotCheck,
}

impl State {
    /// Its word.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Pass => "Pass",
            Self::Fail => "Failing",
            Self::Healing => "Healing",
            Self::Waiting => "Waits for a person",
            Self::CouldNotCheck => "Could not check",
        }
    }

    pub(super) const fn class(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Healing => "healing",
            Self::Waiting => "waiting",
            Self::CouldNotCheck => "unknown",
        }
    }

    /// Its shape: a tick, a cross, an arc, a diamond, a question mark.
    fn shape(self) -> Markup {
        let path = match self {
            Self::Pass => "M2.5 6.5 5 9l4.5-6",
            Self::Fail => "M3 3l6 6M9 3l-6 6",
            Self::Healing => "M10 6a4 4 0 1 1-1.2-2.8M9 1v2.5H6.5",
            Self::Waiting => "M6 1.2 10.8 6 6 10.8 1.2 6Z",
            Self::CouldNotCheck => "M4 4.2C4 2.9 4.9 2.2 6 2.2s2 .8 2 1.9C8 5.600 6 5.500 6 7.100M6 9.700v.1",
        };
        html! { svg viewBox="0 0 12 12" aria-hidden="true" focusable="false" { path d=(path) {} } }
    }
}

/// A state, in its own word.
pub(crate) fn chip(state: State) -> Markup {
    chip_saying(state, state.word())
}

/// A state, in other words than its own.
pub(crate) fn chip_saying(state: State, words: &str) -> Markup {
    html! { span class=(format!("chip {}", state.class())) { (state.shape()) (sentence(words)) } }
}

/// A word that is no state.
pub(crate) fn tag(words: &str) -> Markup {
    html! { span .chip.plain { (sentence(words)) } }
}

/// Words that begin a line, or stand alone.
pub(crate) fn sentence(words: &str) -> String {
    let mut rest = words.chars();
    rest.next().map_or_else(String::new, |first| first.to_uppercase().chain(rest).collect())
}

/// A time: as it is in UTC, and how long ago that was once the script has run.
pub(crate) fn ago(at: UtcTime) -> Markup {
    html! { time .nowrap datetime=(at) data-ago { (minute(at)) } }
}

/// A time, in UTC, to the minute.
pub(crate) fn time(at: UtcTime) -> Markup {
    html! { time .nowrap datetime=(at) { (minute(at)) } }
}

/// A time, in UTC, to the millisecond: where what follows what is read off it.
pub(crate) fn exact(at: UtcTime) -> Markup {
    let text = at.to_string();
    let shown = match (text.get(..10), text.get(11..23)) {
        (Some(day), Some(time)) => format!("{day} {time} UTC"),
        _ => text,
    };
    html! { time .nowrap datetime=(at) { (shown) } }
}

/// The day of a time, in UTC: for whoever reads no clocks.
pub(crate) fn date(at: UtcTime) -> Markup {
    html! { time .nowrap datetime=(at) { (at.to_string().get(..10).unwrap_or_default()) } }
}

/// A time or the word for that there is none.
pub(crate) fn ago_or(at: Option<UtcTime>, none: &str) -> Markup {
    at.map_or_else(|| html! { span .muted { (none) } }, ago)
}

/// `2026-11-26 21:15 UTC`.
fn minute(at: UtcTime) -> String {
    let text = at.to_string();
    match (text.get(..10), text.get(11..16)) {
        (Some(day), Some(minute)) => format!("{day} {minute} UTC"),
        _ => text,
    }
}

/// A digest, short; whole for whoever points at it.
pub(crate) fn digest(digest: &Digest) -> Markup {
    let text = digest.to_string();
    let hex = text.rsplit(':').next().unwrap_or(&text);
    html! { code .digest.nowrap title=(text) { (hex.get(..12).unwrap_or(hex)) "…" } }
}

/// Where there is nothing: what that means, and what to do about it.
pub(crate) fn empty(heading: &str, words: &Markup) -> Markup {
    html! { div .empty { strong { (heading) } p { (words) } } }
}

/// Something that whoever reads the page should know first.
pub(crate) fn notice(kind: Notice, words: &Markup) -> Markup {
    html! { p class=(format!("notice {}", kind.class())) { (words) } }
}

/// How loud a notice is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Notice {
    /// It wants looking at.
    Amber,
    /// It is wrong.
    Bad,
}

impl Notice {
    const fn class(self) -> &'static str {
        match self {
            Self::Amber => "amber",
            Self::Bad => "bad",
        }
    }
}

/// A table that is a list of cards where there is no room for columns. Its roles are spelt out, since a table that is laid out as blocks loses them.
pub(crate) fn table(caption: &str, heads: &[&str], rows: &[Vec<Markup>]) -> Markup {
    table_of("", caption, heads, rows)
}

/// The same, whose columns have widths of their own: a class of the style sheet.
pub(crate) fn table_of(columns: &str, caption: &str, heads: &[&str], rows: &[Vec<Markup>]) -> Markup {
    html! {
        table class=(format!("table {columns}").trim_end()) role="table" {
            caption { (caption) }
            thead role="rowgroup" {
                tr role="row" {
                    @for head in heads {
                        th role="columnheader" scope="col" { @if head.is_empty() { span .visually-hidden { "What can be done" } } @else { (head) } }
                    }
                }
            }
            tbody role="rowgroup" {
                @for row in rows {
                    tr role="row" {
                        @for (head, cell) in heads.iter().zip(row) {
                            td role="cell" data-label=[(!head.is_empty()).then_some(head)] { @if !cell.0.is_empty() { span .cell { (cell) } } }
                        }
                    }
                }
            }
        }
    }
}

/// A field of a form, with its label and a hint.
pub(crate) fn field(id: &str, label: &str, hint: Option<&str>, input: &Markup) -> Markup {
    html! {
        div .field {
            label for=(id) { (label) }
            (input)
            @if let Some(hint) = hint { p .hint id=(format!("{id}-hint")) { (hint) } }
        }
    }
}

/// A line of text to be typed.
pub(crate) fn text_field(id: &str, name: &str, label: &str, hint: Option<&str>) -> Markup {
    let described = hint.map(|_| format!("{id}-hint"));
    let input = html! { input id=(id) name=(name) type="text" autocomplete="off" autocapitalize="none" spellcheck="false" required aria-describedby=[described]; };
    field(id, label, hint, &input)
}

/// Where a form tells what went wrong.
pub(crate) fn told() -> Markup {
    html! { div .told role="alert" {} }
}
