//! The fonts that stand in the program: what a page looks like must not hang on what a machine has installed.

use typst::foundations::Bytes;
use typst::text::{Font, FontBook};

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
    fonts: Vec<Font>,
}

impl Fonts {
    /// Reads them.
    pub(crate) fn new() -> Self {
        // Of a collection the first: the second differs in its Latin letters alone.
        Self { fonts: FILES.iter().filter_map(|file| Font::new(Bytes::new(*file), 0)).collect() }
    }

    /// What the typesetter chooses from.
    pub(crate) fn book(&self) -> FontBook {
        FontBook::from_fonts(&self.fonts)
    }

    /// One of them, by its place in the book.
    pub(crate) fn font(&self, index: usize) -> Option<Font> {
        self.fonts.get(index).cloned()
    }

    /// Whether any of them can draw this.
    pub(crate) fn can_draw(&self, letter: char) -> bool {
        self.fonts.iter().any(|font| font.info().coverage.contains(u32::from(letter)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_a_font_and_every_family_is_there() {
        let fonts = Fonts::new();
        assert_eq!(fonts.fonts.len(), FILES.len());
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
