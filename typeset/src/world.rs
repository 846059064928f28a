//! Everything that the typesetter may read: the template, the sheet, its attached files, the brought fonts. There is nothing else.

use typst::diag::{FileError, FileResult};
use typst::foundations::{Bytes, Datetime, Duration};
use typst::syntax::{FileId, RootedPath, Source, VirtualPath, VirtualRoot};
use typst::text::{Font, FontBook};
use typst::utils::LazyHash;
use typst::{Feature, Library, LibraryExt as _, World};

use crate::fonts::Fonts;

/// The template. It is the same for every sheet.
const TEMPLATE: &str = include_str!("sheet.typ");

/// One sheet's world.
#[derive(Debug)]
pub(crate) struct SheetWorld<'a> {
    library: LazyHash<Library>,
    book: LazyHash<FontBook>,
    fonts: &'a Fonts,
    template: Source,
    files: Vec<(FileId, Bytes)>,
}

impl<'a> SheetWorld<'a> {
    /// A world of these fonts and files, each with its path from the root.
    pub(crate) fn new(
        fonts: &'a Fonts,
        files: impl IntoIterator<Item = (String, Bytes)>,
    ) -> Result<Self, String> {
        let files = files.into_iter().map(|(path, bytes)| Ok((named(&path)?, bytes)));
        Ok(Self {
            // What tells a table's head from its cells for whoever has it read aloud is behind a feature.
            library: LazyHash::new(
                Library::builder().with_features([Feature::A11yExtras].into_iter().collect()).build(),
            ),
            book: LazyHash::new(fonts.book()),
            fonts,
            template: Source::new(named("sheet.typ")?, TEMPLATE.to_owned()),
            files: files.collect::<Result<_, String>>()?,
        })
    }

    /// The line of the template that a diagnostic points at.
    pub(crate) fn line(&self, range: std::ops::Range<usize>) -> Option<usize> {
        self.template.lines().byte_to_line(range.start).map(|line| line + 1)
    }
}

fn named(path: &str) -> Result<FileId, String> {
    let path = VirtualPath::new(path).map_err(|e| format!("{path}: {e:?}"))?;
    Ok(RootedPath::new(VirtualRoot::Project, path).intern())
}

impl World for SheetWorld<'_> {
    fn library(&self) -> &LazyHash<Library> {
        &self.library
    }

    fn book(&self) -> &LazyHash<FontBook> {
        &self.book
    }

    fn main(&self) -> FileId {
        self.template.id()
    }

    fn source(&self, id: FileId) -> FileResult<Source> {
        if id == self.template.id() { Ok(self.template.clone()) } else { Err(FileError::AccessDenied) }
    }

    fn file(&self, id: FileId) -> FileResult<Bytes> {
        let file = self.files.iter().find(|(there, _)| *there == id);
        file.map(|(_, bytes)| bytes.clone()).ok_or(FileError::AccessDenied)
    }

    fn font(&self, index: usize) -> Option<Font> {
        self.fonts.font(index)
    }

    fn today(&self, _: Option<Duration>) -> Option<Datetime> {
        // There is no today: a document bears the time of what it tells of.
        None
    }
}
