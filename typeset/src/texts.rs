//! Every string of a document that is seen, and what it is.

use packet::{Block, Document, Figure, Inline, Picture, Table};

/// What a string is on the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One line that bookmarks and metadata repeat: a title, a heading.
    Line,
    /// Such lines, one below the other.
    Lines,
    /// Running text.
    Prose,
    /// Running text in heavy letters.
    Stressed,
    /// Running text in a fixed width.
    Code,
    /// Lines in a fixed width.
    Verbatim,
    /// The source of a picture.
    Drawing,
}

/// How wide a line is where the string is, in the size of its letters.
pub(crate) type Ems = f64;

/// The sizes of letters, in points, as the template has them: of the text, of tables and notes, of a figure's number, short and long.
const TEXT: f64 = 9.6;
const SMALL: f64 = 8.3;
const NUMBER: f64 = 21.0;
const NUMBER_LONG: f64 = 13.0;
/// What stands beside the letters of a table's cell and of a figure, both sides. A letter may lean into the first by a little.
const CELL_GAP: f64 = 10.0 - 2.5;
const FIGURE_GAP: f64 = 18.0;
/// Between two lines that are filled in.
const LINES_GAP: f64 = 34.0;

/// Calls `f` with each string that is seen, on a page whose text is so many points wide.
pub(crate) fn each(document: &mut Document, width: f64, f: &mut impl FnMut(Kind, Ems, &mut String)) {
    let lines = [&mut document.title, &mut document.subject, &mut document.foot, &mut document.brand.name];
    for line in lines {
        f(Kind::Line, width / TEXT, line);
    }
    f(Kind::Lines, width / SMALL, &mut document.brand.contact);
    if let Some(picture) = &mut document.brand.logo {
        drawing(picture, f);
    }
    for block in &mut document.blocks {
        each_of(block, width, f);
    }
}

fn each_of(block: &mut Block, width: f64, f: &mut impl FnMut(Kind, Ems, &mut String)) {
    // A notice and a list leave this much of a line.
    let line = (width - 20.0) / TEXT;
    match block {
        Block::Heading { level: _, text, anchor: _ } => f(Kind::Line, line, text),
        Block::Paragraph(runs) | Block::Notice(runs) => inline(runs, line, f),
        Block::List(items) => items.iter_mut().for_each(|runs| inline(runs, line, f)),
        Block::Figures(told) => figures(told, width, f),
        Block::Table(told) => table(told, width, f),
        Block::Pairs(pairs) => {
            for (name, runs) in pairs {
                f(Kind::Prose, (0.31 * width - 8.0) / TEXT, name);
                inline(runs, 0.69 * width / TEXT, f);
            }
        }
        Block::Chart(picture) => drawing(picture, f),
        Block::Square(picture, runs) => {
            drawing(picture, f);
            inline(runs, (width - 116.0) / TEXT, f);
        }
        Block::Verbatim(text) => f(Kind::Verbatim, line, text),
        Block::Lines(fields) => {
            let columns = columns_of_lines(fields.len());
            let room = (width - LINES_GAP * (columns - 1.0)) / columns;
            for field in fields {
                f(Kind::Prose, room / SMALL, &mut field.label);
            }
        }
        Block::Break => {}
    }
}

/// Lines stand three beside each other where they are threes (a name, a signature, a day), else two.
fn columns_of_lines(lines: usize) -> f64 {
    if lines.is_multiple_of(3) { 3.0 } else { 2.0 }
}

fn figures(told: &mut [Figure], width: f64, f: &mut impl FnMut(Kind, Ems, &mut String)) {
    let columns = match told.len() {
        0 | 1 => 1.0,
        2 => 2.0,
        4 => 4.0,
        _ => 3.0,
    };
    let room = (width - 8.0 * (columns - 1.0)) / columns - FIGURE_GAP;
    for figure in told {
        let long = figure.value.chars().count() > 8;
        f(Kind::Stressed, room / if long { NUMBER_LONG } else { NUMBER }, &mut figure.value);
        f(Kind::Stressed, room / TEXT, &mut figure.label);
        f(Kind::Prose, room / SMALL, &mut figure.note);
    }
}

fn table(told: &mut Table, width: f64, f: &mut impl FnMut(Kind, Ems, &mut String)) {
    f(Kind::Stressed, width / TEXT, &mut told.caption);
    let shares: Vec<f64> = told.columns.iter().map(|column| f64::from(column.share.max(1))).collect();
    let all: f64 = shares.iter().sum();
    let rooms: Vec<Ems> = shares.iter().map(|share| (width * share / all - CELL_GAP) / SMALL).collect();
    for (column, room) in told.columns.iter_mut().zip(&rooms) {
        f(Kind::Stressed, *room, &mut column.head);
    }
    for (runs, room) in told.rows.iter_mut().flat_map(|row| row.iter_mut().zip(&rooms)) {
        inline(runs, *room, f);
    }
}

fn inline(runs: &mut [Inline], room: Ems, f: &mut impl FnMut(Kind, Ems, &mut String)) {
    for run in runs {
        match run {
            Inline::Text(text) | Inline::Emphasis(text) | Inline::Anchor(_, text) => {
                f(Kind::Prose, room, text);
            }
            Inline::Strong(text) | Inline::Toned(_, text) => f(Kind::Stressed, room, text),
            Inline::Code(text) => f(Kind::Code, room, text),
            // Its label is spoken, not drawn.
            Inline::Field(_) => {}
        }
    }
}

fn drawing(picture: &mut Picture, f: &mut impl FnMut(Kind, Ems, &mut String)) {
    // Its words for whoever cannot see it are spoken, not drawn.
    f(Kind::Drawing, 0.0, &mut picture.svg);
}
