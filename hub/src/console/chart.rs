//! Small charts, made on the server as SVG. Each has its numbers as text beside it or in its name: a picture alone says nothing to whoever cannot see it.

use std::fmt::Write as _;

use maud::{Markup, html};

use super::parts::State;

/// The width in which bars are counted.
const WIDTH: u64 = 1000;

/// One bar, divided: how many of each state.
pub(crate) fn bar(label: &str, parts: &[(State, u64)]) -> Markup {
    let all: u64 = parts.iter().map(|(_, count)| count).sum();
    let words = parts
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(state, count)| format!("{count} {}", state.word().to_lowercase()));
    let words = format!("{label}: {} of {all}", words.collect::<Vec<_>>().join(", "));
    let width = |count: u64| count.saturating_mul(WIDTH).checked_div(all).unwrap_or(0);
    let mut at = 0;
    let bars: Vec<(State, u64, u64)> = parts
        .iter()
        .map(|(state, count)| {
            let from = at;
            at += width(*count);
            (*state, from, at - from)
        })
        .filter(|(.., width)| *width > 0)
        .collect();
    html! {
        svg .chart.bar role="img" aria-label=(words) viewBox=(format!("0 0 {WIDTH} 10")) preserveAspectRatio="none" {
            @for (state, x, width) in &bars {
                rect class=(state.class()) x=(x) y="0" width=(width.saturating_sub(3).max(1)) height="10" {}
            }
        }
    }
}

/// A line of numbers over time; a day on which nothing is known is a gap, never a zero.
pub(crate) fn line(label: &str, values: &[Option<u64>]) -> Markup {
    let highest = values.iter().flatten().copied().max().unwrap_or(0).max(1);
    let step = WIDTH / u64::try_from(values.len().max(2) - 1).unwrap_or(1).max(1);
    let mut path = String::new();
    let mut pen_down = false;
    for (x, value) in (0..).map(|i: u64| i * step).zip(values) {
        match value {
            Some(value) => {
                let y = 100 - value.saturating_mul(100) / highest;
                let _ = write!(path, "{}{x} {y}", if pen_down { "L" } else { "M" });
                pen_down = true;
            }
            None => pen_down = false,
        }
    }
    html! {
        svg .chart role="img" aria-label=(format!("{label}; highest {highest}")) viewBox=(format!("0 -4 {WIDTH} 108")) preserveAspectRatio="none" {
            path .axis d=(format!("M0 100H{WIDTH}")) {}
            path .line d=(path) {}
        }
    }
}
