//! What others' readers find in a file: its structure, its fonts, and where the ink of its pages is.

use super::super::stage::Made;

/// As coarse as a letter of the text still shows.
const DPI: usize = 50;
/// Nothing is printed so near to an edge: not every printer reaches it.
const WHITE_MM: usize = 8;
/// The foot stands below this: it alone makes no page.
const FOOT_MM: usize = 22;

/// Structure, fonts and tags.
pub(super) fn is_sound(made: &Made) {
    assert!(made.read_by("qpdf", &["--check", "PDF"]).contains("No syntax or stream encoding errors"));
    let fonts = made.read_by("pdffonts", &["PDF"]);
    let rows: Vec<&str> = fonts.lines().skip(2).collect();
    assert!(!rows.is_empty());
    for row in rows {
        // The columns before the object's number and generation: embedded, subset, mapped to Unicode.
        let columns: Vec<&str> = row.split_whitespace().rev().skip(2).take(3).collect();
        assert_eq!(columns, ["yes", "yes", "yes"], "{row}");
    }
    assert_eq!(made.info("Tagged"), "yes");
}

/// No page is empty, and none has anything at its edge.
pub(super) fn is_drawn_within_its_margins(made: &Made) {
    let drawn = made.directory().join("drawn");
    std::fs::create_dir(&drawn).unwrap();
    let root = drawn.join("page");
    made.read_by("pdftoppm", &["-gray", "-r", &DPI.to_string(), "PDF", root.to_str().unwrap()]);
    let mut pages: Vec<_> = std::fs::read_dir(&drawn).unwrap().map(|page| page.unwrap().path()).collect();
    pages.sort();
    assert_eq!(pages.len().to_string(), made.info("Pages"));
    for path in pages {
        let bytes = std::fs::read(&path).unwrap();
        let (width, height, grey) = read_pgm(&bytes);
        let (edge, foot) = (pixels(WHITE_MM), height - pixels(FOOT_MM));
        let mut has_ink = false;
        for (row, line) in grey.chunks(width).enumerate() {
            for (column, shade) in line.iter().enumerate() {
                let outside = row < edge || row >= height - edge || column < edge || column >= width - edge;
                assert!(!outside || *shade == 255, "{}: ink at {column}, {row}", path.display());
                has_ink |= row < foot && *shade < 128;
            }
        }
        assert!(has_ink, "{} is empty", path.display());
    }
}

/// So many whole pixels.
const fn pixels(mm: usize) -> usize {
    mm * DPI * 10 / 254
}

/// Width, height and shades of a picture as `pdftoppm -gray` writes it: `P5`, three numbers, then a byte a pixel.
fn read_pgm(bytes: &[u8]) -> (usize, usize, &[u8]) {
    let mut fields = bytes.split_inclusive(u8::is_ascii_whitespace);
    let head: Vec<&[u8]> = fields.by_ref().take(4).collect();
    let number = |field: &[u8]| String::from_utf8_lossy(field).trim().parse::<usize>().unwrap();
    assert_eq!((head[0], number(head[3])), (&b"P5\n"[..], 255));
    let (width, height) = (number(head[1]), number(head[2]));
    let grey = &bytes[head.iter().map(|field| field.len()).sum::<usize>()..];
    assert_eq!(grey.len(), width * height);
    (width, height, grey)
}
