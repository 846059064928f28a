//! [`Typst`]: a sheet through typst, as an archive file with tags.

use std::collections::BTreeSet;

use packet::{Attached, Document, Paper, Sheet};
use serde_json::{Value, json};
use typst::WorldExt as _;
use typst::diag::SourceDiagnostic;
use typst::ecow::EcoVec;
use typst::foundations::{Bytes, Datetime, Smart};
use typst::layout::{Frame, FrameItem};
use typst_layout::PagedDocument;
use typst_pdf::{PdfOptions, PdfStandard, PdfStandards, Timestamp};

use crate::fonts::{FAMILIES, Fonts};
use crate::world::SheetWorld;
use crate::{SetError, Typesetter, breaks, check, form, legible, texts};

/// How often a document is set anew because letters met for which no font has a common sign.
const ROUNDS_MAX: usize = 4;

/// Typst, with the brought fonts.
#[derive(Debug)]
pub struct Typst {
    fonts: Fonts,
}

impl Default for Typst {
    fn default() -> Self {
        Self::new()
    }
}

impl Typst {
    /// Reads the fonts.
    pub fn new() -> Self {
        Self { fonts: Fonts::new() }
    }

    /// The world in which one document is set.
    fn world(&self, beside: &Beside, document: &Document) -> Result<SheetWorld<'_>, SetError> {
        let mut marked = document.clone();
        texts::each(&mut marked, width(beside.paper), &mut |kind, room, text| {
            *text = breaks::mark(&self.fonts, kind, room, text);
        });
        let (lang, region) = check::language(&document.lang).unwrap_or(("en", None));
        let data = json!({
            "document": marked,
            "lang": lang.to_ascii_lowercase(),
            "region": region.map(str::to_ascii_uppercase),
            "paper": match beside.paper { Paper::Letter => "us-letter", Paper::A4 => "a4" },
            "attached": beside.told,
            "families": FAMILIES,
            "mark": breaks::MARK,
        });
        let data = ("/data.json".to_owned(), Bytes::from_string(data.to_string()));
        let files = std::iter::once(data).chain(beside.files.iter().cloned());
        SheetWorld::new(&self.fonts, files).map_err(|e| SetError::Failed(vec![e]))
    }
}

/// What a sheet holds beside its document.
struct Beside {
    paper: Paper,
    /// What the template is told of each attached file.
    told: Vec<Value>,
    /// Each file by its path, held once: they may be most of a sheet.
    files: Vec<(String, Bytes)>,
}

impl Beside {
    fn of(paper: Paper, attached: Vec<Attached>) -> Self {
        let mut beside = Self { paper, told: Vec::new(), files: Vec::new() };
        for (index, file) in attached.into_iter().enumerate() {
            let path = format!("/attached/{index}");
            beside.told.push(json!({
                "name": file.name, "path": path, "media_type": file.media_type,
                "description": file.description, "is_source": file.is_source,
            }));
            beside.files.push((path, Bytes::new(file.bytes.0)));
        }
        beside
    }
}

/// The text of a page between its margins, in points.
fn width(paper: Paper) -> f64 {
    match paper {
        Paper::Letter => 612.0 - 113.4,
        Paper::A4 => 595.3 - 113.4,
    }
}

impl Typesetter for Typst {
    fn set(&self, sheet: Sheet) -> Result<Vec<u8>, SetError> {
        check::check(&sheet)?;
        let Sheet { mut document, paper, attached } = sheet;
        let beside = Beside::of(paper, attached);
        let (options, fields) = (options(&document)?, check::fields_of(&document));
        texts::each(&mut document, width(paper), &mut |kind, _, text| {
            *text = legible::legible(&self.fonts, kind, text);
        });
        let pages = self.pages(&beside, document)?;
        let failed = |found: EcoVec<SourceDiagnostic>| SetError::Failed(said(None, &found));
        let file = typst_pdf::pdf(&pages, &options).map_err(failed)?;
        form::with_fields(file, &fields).map_err(|e| SetError::Failed(vec![e.to_string()]))
    }
}

impl Typst {
    /// The pages of a legible document.
    ///
    /// Where letters stand together, each may have a font and no font all of them. None such is known (the typesetter takes each letter from where it is); if there
    /// are any, they are written out, and the document is set anew: a name that is hard to set must not keep a clinic from its packet.
    fn pages(&self, beside: &Beside, mut document: Document) -> Result<PagedDocument, SetError> {
        for _ in 0..ROUNDS_MAX {
            let world = self.world(beside, &document)?;
            let pages = typst::compile::<PagedDocument>(&world)
                .output
                .map_err(|found| SetError::Failed(said(Some(&world), &found)))?;
            let mut lost = BTreeSet::new();
            pages.pages().iter().for_each(|page| find_lost(&page.frame, &mut lost));
            if lost.is_empty() {
                return Ok(pages);
            }
            texts::each(&mut document, width(beside.paper), &mut |_, _, text| {
                *text = legible::written_out(&lost, text);
            });
        }
        Err(SetError::Failed(vec!["letters without a sign in any font were left".to_owned()]))
    }
}

/// Groups of letters that came out as the empty box: each has a font, and no font has all of them.
fn find_lost(frame: &Frame, lost: &mut BTreeSet<String>) {
    for (_, item) in frame.items() {
        match item {
            FrameItem::Group(group) => find_lost(&group.frame, lost),
            FrameItem::Text(text) => {
                let boxes = text.glyphs.iter().filter(|glyph| glyph.id == 0);
                let groups = boxes.filter_map(|glyph| text.text.get(glyph.range()));
                lost.extend(groups.filter(|group| !group.is_ascii()).map(str::to_owned));
            }
            FrameItem::Shape(..) | FrameItem::Image(..) | FrameItem::Link(..) | FrameItem::Tag(_) => {}
        }
    }
}

fn options(document: &Document) -> Result<PdfOptions, SetError> {
    let standards = PdfStandards::new(&[PdfStandard::A_3a, PdfStandard::Ua_1])
        .map_err(|e| SetError::Failed(vec![e.message().to_string()]))?;
    Ok(PdfOptions {
        ident: Smart::Custom(format!("{}\n{}\n{}", document.brand.name, document.title, document.dated)),
        creator: Smart::Custom(Some(concat!("suture-typeset ", env!("CARGO_PKG_VERSION")).to_owned())),
        timestamp: dated(&document.dated.to_string()).map(Timestamp::new_utc),
        standards,
        ..PdfOptions::default()
    })
}

/// `2026-11-21T05:54:23.123Z`, as the typesetter has it.
fn dated(instant: &str) -> Option<Datetime> {
    let number = |range: std::ops::Range<usize>| instant.get(range)?.parse::<u8>().ok();
    let year = instant.get(0..4)?.parse().ok()?;
    Datetime::from_ymd_hms(
        year,
        number(5..7)?,
        number(8..10)?,
        number(11..13)?,
        number(14..16)?,
        number(17..19)?,
    )
}

/// Diagnostics, a line each. What is found when the file is written may point into the template as well; the message says enough.
fn said(world: Option<&SheetWorld<'_>>, found: &[SourceDiagnostic]) -> Vec<String> {
    let one = |diagnostic: &SourceDiagnostic| {
        let line = world.and_then(|world| world.line(world.range(diagnostic.span)?));
        let mut words = line.map_or_else(Vec::new, |line| vec![format!("sheet.typ:{line}:")]);
        words.push(diagnostic.message.to_string());
        words.extend(diagnostic.hints.iter().map(|hint| format!("({})", hint.v)));
        words.join(" ").replace('\n', " ")
    };
    found.iter().map(one).collect()
}

#[cfg(test)]
mod tests;
