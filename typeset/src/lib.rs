//! Makes one PDF of one [`Sheet`], for the program of the same name.
//!
//! ```text
//! Sheet ─▶ checked (links, names, shapes) ─▶ legible (what no font can draw is written out) ─▶ typst, with one fixed template ─▶ PDF/A-3a and PDF/UA-1
//! ```
//! No network, no file, no clock, no environment: the same sheet gives the same bytes, on any machine and on any day. What a tenant wrote is data to the template
//! and never a part of it.
#![forbid(unsafe_code)]

mod breaks;
mod check;
mod fonts;
mod form;
mod legible;
mod press;
mod texts;
mod world;

use packet::Sheet;
use thiserror::Error;

pub use press::Typst;

/// Whatever sets a sheet. There is one; a second one would have to look the same from outside.
pub trait Typesetter {
    /// The PDF of this sheet.
    fn set(&self, sheet: Sheet) -> Result<Vec<u8>, SetError>;
}

/// Why there is no PDF.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SetError {
    /// A link leads nowhere.
    #[error("a link leads to {0:?}, and no heading has that name")]
    UnknownAnchor(String),
    /// A heading's name is not one, or is another's as well.
    #[error(
        "the heading {text:?} has the name {anchor:?}: it must be of a-z, 0-9 and -, and once in a document"
    )]
    BadAnchor {
        /// The name.
        anchor: String,
        /// The heading's words.
        text: String,
    },
    /// A heading stands where a reader who cannot see it would miss one above it.
    #[error("the heading {text:?} is of level {level}, below one of level {above}")]
    BadLevel {
        /// The heading's words.
        text: String,
        /// Its level.
        level: u8,
        /// The level of the one before it, or 0.
        above: u8,
    },
    /// A table's row has another number of cells than the table has columns, or there is no column.
    #[error("the table {caption:?} has {columns} columns, and its row {row} has {cells} cells")]
    BadTable {
        /// What it holds.
        caption: String,
        /// How many columns it has.
        columns: usize,
        /// Which row, from 1.
        row: usize,
        /// How many cells that row has.
        cells: usize,
    },
    /// An attached file's name is no plain name of a file, or another's as well.
    #[error("an attached file is called {0:?}: that must be a plain name, and once in a sheet")]
    BadAttachment(String),
    /// A field of the document does not hold what it should.
    #[error("{field} is {value:?}: {wanted}")]
    BadField {
        /// Which.
        field: &'static str,
        /// What it holds.
        value: String,
        /// What it should hold.
        wanted: &'static str,
    },
    /// The typesetter did not do it.
    #[error("{}", .0.join("\n"))]
    Failed(Vec<String>),
}

impl SetError {
    /// Whether the sheet is at fault, and not the typesetter.
    pub fn is_the_sheets(&self) -> bool {
        !matches!(self, Self::Failed(_))
    }
}
