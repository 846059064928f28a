//! The fonts that stand in the program: what a page looks like must not hang on what a machine has installed.

use typst::foundations::Bytes;
use typst::layout::{Abs, Em};
use typst::text::{Font, FontBook, FontVariations};

use crate::texts::{Ems, Kind};

/// Families in the order in which one is asked for a letter. The first is that of the text.
pub(crate) const FAMILIES: [&str; 21] = [
    "Noto Sans",
    "Noto Sans Arabic",
    "Noto Sans Armenian",
    "Noto Sans Bengali",
    "Noto Sans Devanagari",
    "Noto Sans Ethiopic",
    "Noto Sans Georgian",
    "Noto Sans Gujarati",
    "Noto Sans Gurmukhi",
    "Noto Sans Hebrew",
    "Noto Sans Kannada",
    "Noto Sans Khmer",
    "Noto Sans Lao",
    "Noto Sans Malayalam",
    "Noto Sans Myanmar",
    "Noto Sans Sinhala",
    "Noto Sans Tamil",
    "Noto Sans Telugu",
    "Noto Sans Thai",
    "WenQuanYi Micro Hei",
    "DejaVu Sans Mono",
];

macro_rules! brought {
    ($($name:literal),* $(,)?) => { [$(include_bytes!(concat!("../fonts/", $name))),*] };
}

/// How wide a letter of a fixed width is: 0.602 of its size, which is 0.9 of what stands around it.
const CODE_WIDTH: Ems = 0.602 * 0.9;

/// Where each is from: `fonts/README.md`.
static FILES: [&[u8]; 23] = brought![
    "NotoSans-Regular.ttf",
    "NotoSans-Bold.ttf",
    "NotoSans-Italic.ttf",
    "NotoSansArabic-Regular.ttf",
    "NotoSansArmenian-Regular.ttf",
    "NotoSansBengali-Regular.ttf",
    "NotoSansDevanagari-Regular.ttf",
    "NotoSansEthiopic-Regular.ttf",
    "NotoSansGeorgian-Regular.ttf",
    "NotoSansGujarati-Regular.ttf",
    "NotoSansGurmukhi-Regular.ttf",
    "NotoSansHebrew-Regular.ttf",
    "NotoSansKannada-Regular.ttf",
    "NotoSansKhmer-Regular.ttf",
    "NotoSansLao-Regular.ttf",
    "NotoSansMalayalam-Regular.ttf",
    "NotoSansMyanmar-Regular.ttf",
    "NotoSansSinhala-Regular.ttf",
    "NotoSansTamil-Regular.ttf",
    "NotoSansTelugu-Regular.ttf",
    "NotoSansThai-Regular.ttf",
    "DejaVuSansMono.ttf",
    "wqy-microhei.ttc",
];

/// Every brought font, read.
#[derive(Debug)]
pub(crate) struct Fonts {
    faces: Vec<Font>,
    plain: Widths,
    heavy: Widths,
}

/// How wide the letters are that words without a place to break are made of: Latin, Greek, Cyrillic.
#[derive(Debug)]
struct Widths(Vec<Ems>);

impl Widths {
    /// A letter beyond them is taken to be as wide as high.
    const WIDE: Ems = 1.0;

    fn of(font: Option<&Font>) -> Self {
        let Some(font) = font else { return Self(Vec::new()) };
        let drawn = font.clone().instantiate(font.info().variant, Abs::pt(10.0), &FontVariations::default());
        let width = |letter: u32| {
            let glyph = drawn.ttf().glyph_index(char::from_u32(letter)?)?;
            drawn.x_advance(glyph.0).map(Em::get)
        };
        Self((0..0x530).map(|letter| width(letter).unwrap_or(Self::WIDE)).collect())
    }

    fn word(&self, word: &str) -> Ems {
        let width = |letter| self.0.get(letter as usize).copied().unwrap_or(Self::WIDE);
        word.chars().map(width).sum()
    }
}

impl Fonts {
    /// Reads them.
    pub(crate) fn new() -> Self {
        // Of a collection the first: the second differs in its Latin letters alone.
        let faces: Vec<Font> = FILES.iter().filter_map(|file| Font::new(Bytes::new(*file), 0)).collect();
        // In the order of `FILES`.
        let (plain, heavy) = (Widths::of(faces.first()), Widths::of(faces.get(1)));
        Self { faces, plain, heavy }
    }

    /// How wide a word is, in the size of its letters.
    pub(crate) fn width(&self, kind: Kind, word: &str) -> Ems {
        match kind {
            Kind::Line | Kind::Lines | Kind::Prose | Kind::Drawing => self.plain.word(word),
            Kind::Stressed => self.heavy.word(word),
            Kind::Code | Kind::Verbatim => word.chars().map(|_| CODE_WIDTH).sum(),
        }
    }

    /// What the typesetter chooses from.
    pub(crate) fn book(&self) -> FontBook {
        FontBook::from_fonts(&self.faces)
    }

    /// One of them, by its place in the book.
    pub(crate) fn font(&self, index: usize) -> Option<Font> {
        self.faces.get(index).cloned()
    }

    /// Whether any of them can draw this.
    pub(crate) fn can_draw(&self, letter: char) -> bool {
        self.faces.iter().any(|font| font.info().coverage.contains(u32::from(letter)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_a_font_and_every_family_is_there() {
        let fonts = Fonts::new();
        assert_eq!(fonts.faces.len(), FILES.len());
        let book = fonts.book();
        for family in FAMILIES {
            assert!(book.contains_family(&family.to_lowercase()), "{family}");
        }
        assert_eq!(book.families().count(), FAMILIES.len());
    }

    #[test]
    fn every_file_is_the_one_that_the_readme_names() {
        use sha2::Digest as _;
        let readme = include_str!("../fonts/README.md");
        for file in FILES {
            let digest: Vec<String> =
                sha2::Sha256::digest(file).iter().map(|byte| format!("{byte:02x}")).collect();
            assert!(readme.contains(&digest.concat()), "{}", digest.concat());
        }
        let named = readme.lines().filter(|line| line.starts_with("| `") && line.ends_with("` |")).count();
        assert_eq!(named, FILES.len());
    }

    #[test]
    fn the_scripts_of_people_s_names_are_there() {
        let fonts = Fonts::new();
        for letter in "aßЖΩԱგעعअঅஅഅකกລမកሀ한漢かカ✓→[U+]".chars() {
            assert!(fonts.can_draw(letter), "{letter}");
        }
        assert!(!fonts.can_draw('\u{1F600}'));
    }
}
