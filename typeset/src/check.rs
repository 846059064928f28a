//! What a sheet must hold beyond its shape, so that every fault is named in its own words and not in the typesetter's.

use std::collections::BTreeSet;

use packet::{Block, Document, Field, Inline, Sheet, Table};

use crate::SetError;

/// Every check of a sheet.
pub(crate) fn check(sheet: &Sheet) -> Result<(), SetError> {
    fields(&sheet.document)?;
    let anchors = headings(&sheet.document.blocks)?;
    let mut names = BTreeSet::new();
    for block in &sheet.document.blocks {
        if let Block::Table(table) = block {
            shape(table)?;
        }
        for field in blanks(block)? {
            named(field, &mut names)?;
        }
        for run in inlines(block) {
            if let Inline::Anchor(anchor, _) = run
                && !anchors.contains(anchor.as_str())
            {
                return Err(SetError::UnknownAnchor(anchor.clone()));
            }
        }
    }
    attached(sheet)
}

fn fields(document: &Document) -> Result<(), SetError> {
    let bad = |field, value: &str, wanted| Err(SetError::BadField { field, value: value.to_owned(), wanted });
    if document.title.trim().is_empty() {
        return bad("title", &document.title, "a document has one");
    }
    let lang = language(&document.lang);
    if lang.is_none() {
        return bad("lang", &document.lang, "a language such as en or en-US");
    }
    let colour = document.brand.colour.strip_prefix('#');
    if !colour.is_some_and(|hex| hex.len() == 6 && hex.bytes().all(|b| b.is_ascii_hexdigit())) {
        return bad("colour", &document.brand.colour, "a colour such as #1f4e79");
    }
    let alts = document.brand.logo.iter().chain(document.blocks.iter().filter_map(|block| match block {
        Block::Chart(picture) | Block::Square(picture, _) => Some(picture),
        _ => None,
    }));
    for picture in alts {
        if picture.alt.trim().is_empty() {
            return bad("alt", &picture.alt, "a picture has words for whoever cannot see it");
        }
    }
    Ok(())
}

/// The language and, where it is told, the region of a tag.
pub(crate) fn language(tag: &str) -> Option<(&str, Option<&str>)> {
    let (lang, region) = tag.split_once('-').map_or((tag, None), |(lang, region)| (lang, Some(region)));
    let letters =
        |s: &str, lengths: &[usize]| lengths.contains(&s.len()) && s.bytes().all(|b| b.is_ascii_alphabetic());
    (letters(lang, &[2, 3]) && region.is_none_or(|region| letters(region, &[2]))).then_some((lang, region))
}

fn headings(blocks: &[Block]) -> Result<BTreeSet<&str>, SetError> {
    let mut anchors = BTreeSet::new();
    let mut above = 0;
    for block in blocks {
        let Block::Heading { level, text, anchor } = block else { continue };
        if !is_plain(anchor) || !anchors.insert(anchor.as_str()) {
            return Err(SetError::BadAnchor { anchor: anchor.clone(), text: text.clone() });
        }
        if !(1..=3).contains(level) || *level > above + 1 {
            return Err(SetError::BadLevel { text: text.clone(), level: *level, above });
        }
        above = *level;
    }
    Ok(anchors)
}

fn shape(table: &Table) -> Result<(), SetError> {
    let columns = table.columns.len();
    let bad = |row, cells| SetError::BadTable { caption: table.caption.clone(), columns, row, cells };
    if columns == 0 {
        return Err(bad(0, 0));
    }
    match table.rows.iter().position(|row| row.len() != columns) {
        Some(index) => Err(bad(index + 1, table.rows[index].len())),
        None => Ok(()),
    }
}

/// Every field of a document that was checked.
pub(crate) fn fields_of(document: &Document) -> Vec<Field> {
    document.blocks.iter().filter_map(|block| blanks(block).ok()).flatten().cloned().collect()
}

/// The fields of a block. One within other words has no room to be filled in.
fn blanks(block: &Block) -> Result<Vec<&Field>, SetError> {
    if let Block::Lines(fields) = block {
        return Ok(fields.iter().collect());
    }
    let alone: Vec<&Field> = match block {
        Block::Table(table) => table.rows.iter().flatten().filter_map(|cell| alone(cell)).collect(),
        _ => Vec::new(),
    };
    let all = inlines(block).into_iter().filter_map(field_of);
    if all.clone().count() == alone.len() {
        return Ok(alone);
    }
    Err(SetError::BadField {
        field: "field",
        value: all.map(|field| field.name.as_str()).collect::<Vec<_>>().join(", "),
        wanted: "a field stands on a line, or alone in its cell of a table",
    })
}

fn alone(cell: &[Inline]) -> Option<&Field> {
    let [one] = cell else { return None };
    field_of(one)
}

fn field_of(run: &Inline) -> Option<&Field> {
    match run {
        Inline::Field(field) => Some(field),
        _ => None,
    }
}

fn named<'a>(field: &'a Field, names: &mut BTreeSet<&'a str>) -> Result<(), SetError> {
    let bad =
        |told, value: &str, wanted| Err(SetError::BadField { field: told, value: value.to_owned(), wanted });
    if !is_plain(&field.name) || field.name.len() > 100 || !names.insert(&field.name) {
        return bad("a field's name", &field.name, "it must be of a-z, 0-9 and -, and once in a document");
    }
    if field.label.trim().is_empty() {
        return bad("a field's label", &field.label, "whoever sees nothing beside it has to be told");
    }
    Ok(())
}

fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// Every run of text of a block.
fn inlines(block: &Block) -> Vec<&Inline> {
    match block {
        Block::Paragraph(runs) | Block::Notice(runs) | Block::Square(_, runs) => runs.iter().collect(),
        Block::List(items) => items.iter().flatten().collect(),
        Block::Table(table) => table.rows.iter().flatten().flatten().collect(),
        Block::Pairs(pairs) => pairs.iter().flat_map(|(_, runs)| runs).collect(),
        Block::Heading { .. }
        | Block::Figures(_)
        | Block::Chart(_)
        | Block::Verbatim(_)
        | Block::Lines(_)
        | Block::Break => Vec::new(),
    }
}

fn attached(sheet: &Sheet) -> Result<(), SetError> {
    let mut names = BTreeSet::new();
    for file in &sheet.attached {
        let plain = !file.name.is_empty()
            && file.name.len() <= 200
            && !file.name.starts_with('.')
            && !file.name.contains(|c: char| c.is_control() || matches!(c, '/' | '\\' | ':'));
        if !plain || !names.insert(file.name.as_str()) {
            return Err(SetError::BadAttachment(file.name.clone()));
        }
        if file.description.trim().is_empty() {
            return Err(SetError::BadField {
                field: "description",
                value: file.description.clone(),
                wanted: "an attached file has one",
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
