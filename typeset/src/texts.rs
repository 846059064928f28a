//! Every string of a document that is seen, and what it is.

use packet::{Block, Document, Inline, Picture};

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

/// Calls `f` with each string that is seen.
pub(crate) fn each(document: &mut Document, f: &mut impl FnMut(Kind, &mut String)) {
    let lines = [&mut document.title, &mut document.subject, &mut document.foot, &mut document.brand.name];
    for line in lines {
        f(Kind::Line, line);
    }
    f(Kind::Lines, &mut document.brand.contact);
    if let Some(picture) = &mut document.brand.logo {
        drawing(picture, f);
    }
    for block in &mut document.blocks {
        each_of(block, f);
    }
}

fn each_of(block: &mut Block, f: &mut impl FnMut(Kind, &mut String)) {
    match block {
        Block::Heading { level: _, text, anchor: _ } => f(Kind::Line, text),
        Block::Paragraph(runs) | Block::Notice(runs) => inline(runs, f),
        Block::List(items) => items.iter_mut().for_each(|runs| inline(runs, f)),
        Block::Figures(figures) => {
            for figure in figures {
                for text in [&mut figure.value, &mut figure.label, &mut figure.note] {
                    f(Kind::Prose, text);
                }
            }
        }
        Block::Table(table) => {
            f(Kind::Prose, &mut table.caption);
            table.columns.iter_mut().for_each(|column| f(Kind::Prose, &mut column.head));
            table.rows.iter_mut().flatten().for_each(|runs| inline(runs, f));
        }
        Block::Pairs(pairs) => {
            for (name, runs) in pairs {
                f(Kind::Prose, name);
                inline(runs, f);
            }
        }
        Block::Chart(picture) => drawing(picture, f),
        Block::Square(picture, runs) => {
            drawing(picture, f);
            inline(runs, f);
        }
        Block::Verbatim(text) => f(Kind::Verbatim, text),
        Block::Lines(labels) => labels.iter_mut().for_each(|label| f(Kind::Prose, label)),
        Block::Break => {}
    }
}

fn inline(runs: &mut [Inline], f: &mut impl FnMut(Kind, &mut String)) {
    for run in runs {
        match run {
            Inline::Text(text)
            | Inline::Strong(text)
            | Inline::Emphasis(text)
            | Inline::Toned(_, text)
            | Inline::Anchor(_, text) => f(Kind::Prose, text),
            Inline::Code(text) => f(Kind::Code, text),
        }
    }
}

fn drawing(picture: &mut Picture, f: &mut impl FnMut(Kind, &mut String)) {
    // Its words for whoever cannot see it are spoken, not drawn.
    f(Kind::Drawing, &mut picture.svg);
}
