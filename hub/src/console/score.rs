//! A score on a page: never the number alone, and its colour never alone either.

use contract::score::{Counted, Headline};
use maud::{Markup, html};

use super::chart;
use super::parts::{State, chip, chip_saying};
use crate::view::score::ScoreView;

/// A score in a line, in the very words that the API answers with.
pub(crate) fn score(view: &ScoreView) -> Markup {
    let (number, over) = split(&view.words);
    html! {
        span class=(format!("score {}", view.headline.word())) { strong { (number) } " " span .of { (over) } }
    }
}

/// `93.0 %` and `(93 of 100), assessed 100 of 109`; together they are the words again.
fn split(words: &str) -> (&str, &str) {
    let end = words.find(" (").or_else(|| words.find(", assessed").map(|comma| comma + 1));
    end.map_or((words, ""), |end| (&words[..end], words[end..].trim_start()))
}

/// A score at the head of a page, with what it is made of.
pub(crate) fn headline(view: &ScoreView) -> Markup {
    headline_with(view, &html! {})
}

/// The same, with what has to be known beside it.
pub(crate) fn headline_with(view: &ScoreView, beside: &Markup) -> Markup {
    let (class, words) = match (view.headline, view.permille) {
        (_, None) => ("unknown", "Nothing was assessed: there is no score."),
        (Headline::Green, Some(_)) => {
            ("good", "Nothing fails that nobody accepted, and enough was assessed.")
        }
        (Headline::Amber, Some(_)) => {
            ("amber", "Less than 95 in a hundred controls were assessed: the score says little.")
        }
        (Headline::Red, Some(_)) => ("bad", "Something fails."),
    };
    let parts = [
        (State::Pass, u64::from(view.passes)),
        (State::Fail, u64::from(view.fails)),
        (State::Waiting, u64::from(view.excepted)),
        (State::CouldNotCheck, u64::from(view.not_assessed)),
    ];
    html! {
        section class=(format!("headline {class}")) aria-label="Score" {
            (score(view))
            p { (words) }
            (beside)
            (chart::bar("Controls", &parts))
            ul .tallies {
                li { (chip_saying(State::Pass, &format!("{} pass", view.passes))) }
                li { (chip_saying(State::Fail, &format!("{} fail", view.fails))) }
                @if view.excepted > 0 {
                    li { (chip_saying(State::Waiting, &format!("{} fail and are accepted until a date", view.excepted))) }
                }
                li { (chip_saying(State::CouldNotCheck, &format!("{} could not be checked", view.not_assessed))) }
                @if view.not_assessed_failed_before > 0 {
                    li { (chip_saying(State::Fail, &format!("{} of those failed when they were seen last, and count against the score", view.not_assessed_failed_before))) }
                }
            }
        }
    }
}

/// What one control counts as.
pub(crate) fn counted(counts: Counted) -> Markup {
    match counts {
        Counted::Passes => chip(State::Pass),
        Counted::Fails => chip(State::Fail),
        Counted::Excepted => chip_saying(State::Waiting, "Accepted until a date"),
        Counted::Unknown => chip(State::CouldNotCheck),
        Counted::UnknownUnmet => chip_saying(State::CouldNotCheck, "Could not check; failed before"),
    }
}
