//! A document as one HTML file: no script, nothing from outside, readable on paper and on a phone.

use std::fmt::Write as _;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::document::{Block, Document, Field, FieldKind, Figure, Inline, Picture, Table, Tone};

/// How it looks.
const STYLE: &str = include_str!("html/packet.css");

/// The file.
pub fn html(document: &Document) -> String {
    let brand = &document.brand;
    let colour = if is_colour(&brand.colour) { &brand.colour } else { "#1f3a5f" };
    html! {
        (DOCTYPE)
        html lang=(document.lang) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="description" content=(document.subject);
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:";
                title { (document.title) }
                style { (PreEscaped(STYLE)) (PreEscaped(format!(":root{{--brand:{colour}}}"))) }
            }
            body {
                header {
                    @if let Some(logo) = &brand.logo { (picture(logo, "logo")) } @else { p .brand { (brand.name) } }
                    @if !brand.contact.is_empty() { p .contact { (brand.contact) } }
                }
                p .title { (document.title) }
                @if document.contents { (contents(document)) }
                main { @for block in &document.blocks { (one(block)) } }
                footer { p { (document.foot) } }
            }
        }
    }
    .into_string()
}

fn contents(document: &Document) -> Markup {
    html! {
        nav aria-label="Contents" {
            ol {
                @for block in &document.blocks {
                    @if let Block::Heading { level: 1, text, anchor } = block { li { a href={"#" (anchor)} { (text) } } }
                }
            }
        }
    }
}

fn one(block: &Block) -> Markup {
    html! {
        @match block {
            Block::Heading { level: 1, text, anchor } => h1 id=(anchor) { (text) },
            Block::Heading { level: 2, text, anchor } => h2 id=(anchor) { (text) },
            Block::Heading { text, anchor, .. } => h3 id=(anchor) { (text) },
            Block::Paragraph(run) => p { (inlines(run)) },
            Block::Notice(run) => p .notice { (inlines(run)) },
            Block::List(items) => ul { @for item in items { li { (inlines(item)) } } },
            Block::Figures(figures) => div .figures { @for figure in figures { (big(figure)) } },
            Block::Table(table) => (grid(table)),
            Block::Pairs(pairs) => dl { @for (name, value) in pairs { dt { (name) } dd { (inlines(value)) } } },
            Block::Chart(chart) => figure { (picture(chart, "chart")) },
            Block::Square(square, run) => div .square { (picture(square, "code")) p { (inlines(run)) } },
            Block::Verbatim(text) => pre tabindex="0" { (text) },
            Block::Lines(fields) => div .lines { @for field in fields { p { (field.label) } } },
            Block::Break => hr;,
        }
    }
}

fn big(figure: &Figure) -> Markup {
    html! {
        div class={"figure " (class(figure.tone))} {
            p .value { (figure.value) }
            p .label { (figure.label) }
            p .note { (figure.note) }
        }
    }
}

fn grid(table: &Table) -> Markup {
    html! {
        div .scrolls role="region" aria-label=(table.caption) tabindex="0" {
            table {
                caption { (table.caption) }
                thead { tr { @for column in &table.columns { th scope="col" .number[column.number] { (column.head) } } } }
                tbody {
                    @for row in &table.rows {
                        tr { @for (cell, column) in row.iter().zip(&table.columns) { td .number[column.number] { (inlines(cell)) } } }
                    }
                }
            }
        }
    }
}

fn inlines(run: &[Inline]) -> Markup {
    html! {
        @for inline in run {
            @match inline {
                Inline::Text(text) => (text),
                Inline::Strong(text) => strong { (text) },
                Inline::Emphasis(text) => em { (text) },
                Inline::Code(text) => code { (text) },
                Inline::Toned(tone, text) => span class=(class(*tone)) { (text) },
                Inline::Anchor(to, text) => a href={"#" (to)} { (text) },
                Inline::Field(field) => (blank(field)),
            }
        }
    }
}

/// A field of a page that is printed: nothing that is typed into a page would be kept.
fn blank(field: &Field) -> Markup {
    html! {
        @match field.kind {
            FieldKind::Tick => span role="img" aria-label=(field.label) { "☐" },
            FieldKind::Text | FieldKind::Signature => span role="img" aria-label=(field.label) {},
        }
    }
}

/// A picture as an image: whatever is in it, nothing of it runs.
fn picture(picture: &Picture, class: &str) -> Markup {
    let mut data = String::from("data:image/svg+xml,");
    for byte in picture.svg.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~ /=:;,()".contains(&byte) {
            data.push(char::from(byte));
        } else {
            // Writing into a string does not fail.
            let _ = write!(data, "%{byte:02X}");
        }
    }
    html! { img class=(class) src=(data) alt=(picture.alt); }
}

const fn class(tone: Tone) -> &'static str {
    match tone {
        Tone::Plain => "plain",
        Tone::Good => "good",
        Tone::Unknown => "unknown",
        Tone::Bad => "bad",
    }
}

/// `#rrggbb`.
fn is_colour(text: &str) -> bool {
    text.len() == 7 && text.starts_with('#') && text.bytes().skip(1).all(|byte| byte.is_ascii_hexdigit())
}
