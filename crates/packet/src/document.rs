//! A document as data: what the page, the letter and the printed sheet have in common. [`crate::html`] and the typesetter each make their own of it, and
//! neither adds a word.

use contract::blob::Blob;
use contract::time::UtcTime;
use serde::{Deserialize, Serialize};

/// A document: blocks in their order, and what is said of the whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// Its title.
    pub title: String,
    /// What it is about, in a sentence.
    pub subject: String,
    /// The language of its own words, such as `en` (BCP 47).
    pub lang: String,
    /// The time that it bears: that of what it tells of, never that of its making.
    pub dated: UtcTime,
    /// Who hands it over.
    pub brand: Brand,
    /// What stands at the foot of each page, beside the page's number.
    pub foot: String,
    /// Whether a table of contents follows on the first page break.
    pub contents: bool,
    /// What it says.
    pub blocks: Vec<Block>,
}

/// Who hands a document over, and how it looks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Brand {
    /// The name.
    pub name: String,
    /// How they are reached; may be empty.
    pub contact: String,
    /// The colour of rules and headings, `#rrggbb`, dark enough to be read on white.
    pub colour: String,
    /// The sign; none where there is the name alone.
    pub logo: Option<Picture>,
}

/// A picture, and its words for whoever cannot see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Picture {
    /// An SVG 1.1 document: shapes and text, no script, no reference to anything outside.
    pub svg: String,
    /// What it shows. A chart's numbers stand here, or in a table beside it.
    pub alt: String,
}

/// A piece of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Block {
    /// A heading. Those of level 1 begin a chapter and stand in the contents, those of level 2 as well.
    Heading {
        /// From 1 to 3.
        level: u8,
        /// Its words.
        text: String,
        /// The name by which a link finds it: `[a-z0-9-]+`, once in a document.
        anchor: String,
    },
    /// A paragraph.
    Paragraph(Vec<Inline>),
    /// A paragraph that has to be seen: what was not looked at, what a number does not say.
    Notice(Vec<Inline>),
    /// A list.
    List(Vec<Vec<Inline>>),
    /// A row of big numbers with their words.
    Figures(Vec<Figure>),
    /// A table. Its head is repeated on each page.
    Table(Table),
    /// Names and values, in two columns without a head.
    Pairs(Vec<(String, Vec<Inline>)>),
    /// A picture in the full width of the text.
    Chart(Picture),
    /// A small square picture (a QR code) with words beside it.
    Square(Picture, Vec<Inline>),
    /// Verbatim lines in a fixed width: commands, digests.
    Verbatim(String),
    /// Fields on lines, each with its label under it.
    Lines(Vec<Field>),
    /// What follows begins on a new page.
    Break,
}

/// A big number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figure {
    /// The number, or `not measured`.
    pub value: String,
    /// What it counts.
    pub label: String,
    /// Its denominator, or its reason.
    pub note: String,
    /// How it looks.
    pub tone: Tone,
}

/// How a word looks: in colour, and always in words as well.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tone {
    /// As any other.
    #[default]
    Plain,
    /// In order.
    Good,
    /// Not known.
    Unknown,
    /// Somebody has to look.
    Bad,
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// What it holds.
    pub caption: String,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its rows, each with as many cells as there are columns.
    pub rows: Vec<Vec<Vec<Inline>>>,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// Its head.
    pub head: String,
    /// Its share of the width, beside the others'.
    pub share: u8,
    /// Whether its cells are numbers, which stand to the right.
    pub number: bool,
}

/// A run of text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Inline {
    /// Plain.
    Text(String),
    /// Stressed.
    Strong(String),
    /// Set off lightly.
    Emphasis(String),
    /// Verbatim, in a fixed width; it may be broken anywhere.
    Code(String),
    /// A word with a colour.
    Toned(Tone, String),
    /// A link to a heading of this document.
    Anchor(String, String),
    /// A field, alone in its cell of a table.
    Field(Field),
}

/// What a person fills in: by hand on paper, or in the printed sheet on a screen (ISO 32000-1, 12.7).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// The name by which programs find it: `[a-z0-9-]+`, once in a document.
    pub name: String,
    /// What is to be filled in, for whoever sees nothing beside it.
    pub label: String,
    /// How it is filled in.
    pub kind: FieldKind,
}

/// How a field is filled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldKind {
    /// Ticked.
    Tick,
    /// Written into.
    Text,
    /// Signed: by hand, or by a certificate.
    Signature,
}

/// What a typesetter is given: one JSON object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sheet {
    /// What to set.
    pub document: Document,
    /// On which paper.
    pub paper: Paper,
    /// What is put into the file beside it.
    pub attached: Vec<Attached>,
}

/// A size of paper.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Paper {
    /// 8.5 by 11 inches.
    #[default]
    Letter,
    /// 210 by 297 millimetres (ISO 216).
    A4,
}

/// A file within a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attached {
    /// Its name, once in a sheet.
    pub name: String,
    /// Its media type (RFC 6838), such as `application/json`.
    pub media_type: String,
    /// What it is.
    pub description: String,
    /// Whether the document was made from it (`Source` in ISO 32000-2, 7.11.3), or it belongs to it (`Supplement`).
    pub is_source: bool,
    /// Its bytes.
    pub bytes: Blob,
}
