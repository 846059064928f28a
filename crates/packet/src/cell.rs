//! Short ways to write the cells of a table.

use crate::document::{Block, Column, Inline, Table, Tone};

/// The inlines of a cell.
pub(crate) type Cell = Vec<Inline>;

pub(crate) fn text(text: impl Into<String>) -> Cell {
    vec![Inline::Text(text.into())]
}

pub(crate) fn code(text: impl Into<String>) -> Cell {
    vec![Inline::Code(text.into())]
}

pub(crate) fn toned((word, tone): (&str, Tone)) -> Cell {
    vec![Inline::Toned(tone, word.to_owned())]
}

pub(crate) fn paragraph(words: impl Into<String>) -> Block {
    Block::Paragraph(text(words))
}

/// A title with its short name under it.
pub(crate) fn named(title: &str, id: &str) -> Cell {
    vec![Inline::Text(format!("{title} ")), Inline::Code(id.to_owned())]
}

/// A table; where it has no row, its words for that.
pub(crate) fn table(caption: &str, columns: &[(&str, u8)], rows: Vec<Vec<Cell>>, none: &str) -> Vec<Block> {
    if rows.is_empty() {
        return vec![paragraph(none)];
    }
    let column = |(head, share): &(&str, u8)| Column {
        head: head.trim_start_matches('#').to_owned(),
        share: *share,
        number: head.starts_with('#'),
    };
    let columns = columns.iter().map(column).collect();
    vec![Block::Table(Table { caption: caption.to_owned(), columns, rows })]
}
