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
    /// Running text in a fixed width.
    Code,
    /// Lines in a fixed width.
    Verbatim,
    /// The source of a picture.
    Drawing,
}

/// How many letters about stand in a line where the string is.
pub(crate) type Room = usize;

/// A line of the page, less what a broad letter takes.
const LINE: Room = 85;
/// A line of a table, in its smaller letters, less the space beside each column.
const TABLE_LINE: Room = 100;
const COLUMN_GAP: Room = 3;
/// The names in front of values, and the values.
const NAME: Room = 24;
const VALUE: Room = 55;
/// A figure's words, and its number. Four stand in a row at most.
const FIGURE: Room = 16;
const NUMBER: Room = 9;
/// Beside a square picture; below a line to be filled in.
const HALF: Room = 40;

/// Calls `f` with each string that is seen.
pub(crate) fn each(document: &mut Document, f: &mut impl FnMut(Kind, Room, &mut String)) {
    let lines = [&mut document.title, &mut document.subject, &mut document.foot, &mut document.brand.name];
    for line in lines {
        f(Kind::Line, LINE, line);
    }
    f(Kind::Lines, LINE, &mut document.brand.contact);
    if let Some(picture) = &mut document.brand.logo {
        drawing(picture, f);
    }
    for block in &mut document.blocks {
        each_of(block, f);
    }
}

fn each_of(block: &mut Block, f: &mut impl FnMut(Kind, Room, &mut String)) {
    match block {
        Block::Heading { level: _, text, anchor: _ } => f(Kind::Line, LINE, text),
        Block::Paragraph(runs) | Block::Notice(runs) => inline(runs, LINE, f),
        Block::List(items) => items.iter_mut().for_each(|runs| inline(runs, LINE, f)),
        Block::Figures(figures) => figures.iter_mut().for_each(|told| figure(told, f)),
        Block::Table(told) => table(told, f),
        Block::Pairs(pairs) => {
            for (name, runs) in pairs {
                f(Kind::Prose, NAME, name);
                inline(runs, VALUE, f);
            }
        }
        Block::Chart(picture) => drawing(picture, f),
        Block::Square(picture, runs) => {
            drawing(picture, f);
            inline(runs, VALUE, f);
        }
        Block::Verbatim(text) => f(Kind::Verbatim, LINE, text),
        Block::Lines(labels) => labels.iter_mut().for_each(|label| f(Kind::Prose, HALF, label)),
        Block::Break => {}
    }
}

fn figure(told: &mut Figure, f: &mut impl FnMut(Kind, Room, &mut String)) {
    f(Kind::Prose, NUMBER, &mut told.value);
    f(Kind::Prose, FIGURE, &mut told.label);
    f(Kind::Prose, FIGURE, &mut told.note);
}

fn table(told: &mut Table, f: &mut impl FnMut(Kind, Room, &mut String)) {
    f(Kind::Prose, LINE, &mut told.caption);
    let shares: Vec<Room> = told.columns.iter().map(|column| Room::from(column.share.max(1))).collect();
    let all: Room = shares.iter().sum();
    let room = |share: &Room| (TABLE_LINE * share / all.max(1)).saturating_sub(COLUMN_GAP);
    let rooms: Vec<Room> = shares.iter().map(room).collect();
    for (column, room) in told.columns.iter_mut().zip(&rooms) {
        f(Kind::Prose, *room, &mut column.head);
    }
    for (runs, room) in told.rows.iter_mut().flat_map(|row| row.iter_mut().zip(&rooms)) {
        inline(runs, *room, f);
    }
}

fn inline(runs: &mut [Inline], room: Room, f: &mut impl FnMut(Kind, Room, &mut String)) {
    for run in runs {
        match run {
            Inline::Text(text)
            | Inline::Strong(text)
            | Inline::Emphasis(text)
            | Inline::Toned(_, text)
            | Inline::Anchor(_, text) => f(Kind::Prose, room, text),
            Inline::Code(text) => f(Kind::Code, room, text),
        }
    }
}

fn drawing(picture: &mut Picture, f: &mut impl FnMut(Kind, Room, &mut String)) {
    // Its words for whoever cannot see it are spoken, not drawn.
    f(Kind::Drawing, LINE, &mut picture.svg);
}
