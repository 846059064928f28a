//! Paper, page breaks, and tables that are longer than a page.

use packet::{Block, Inline, Paper, Table};

use super::sample::{self, columns, heading, sheet, text};
use super::stage::Made;

#[test]
fn paper_is_what_was_asked_for() {
    for (paper, size) in [(Paper::A4, "595.276 x 841.89 pts (A4)"), (Paper::Letter, "612 x 792 pts (letter)")]
    {
        let mut sheet = sheet("Paper", vec![Block::Paragraph(text("A word."))]);
        sheet.paper = paper;
        assert_eq!(Made::of(&sheet).info("Page size"), size);
    }
}

#[test]
fn a_break_breaks_and_a_heading_does_not() {
    let blocks =
        vec![heading(1, "One", "one"), heading(1, "Two", "two"), Block::Break, heading(1, "Three", "three")];
    let pages = Made::of(&sheet("Breaks", blocks)).pages();
    assert_eq!(pages.len(), 2);
    assert!(pages[0].contains("One") && pages[0].contains("Two") && pages[1].contains("Three"));
    for (index, page) in pages.iter().enumerate() {
        assert!(page.contains(&format!("Page {} of 2", index + 1)), "{page}");
        assert!(page.contains("Harbour Lane IT for Elm Street Clinic, October 2026"), "{page}");
    }
}

#[test]
fn contents_follow_the_first_page_and_know_where_things_are() {
    let pages = Made::of(&sample::month()).pages();
    assert!(pages[1].contains("Contents") && pages[2].contains("The machine"));
    let line = pages[1].lines().find(|line| line.trim_start().starts_with("What nobody could see")).unwrap();
    let told: usize = line.rsplit(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap();
    assert!(pages[told - 1].contains("neither in order nor out of order"), "{line}");
}

#[test]
fn a_table_of_five_thousand_rows_has_its_head_on_each_page() {
    let made = Made::of(&sample::long(5_000));
    let pages = made.pages();
    assert!((100..=300).contains(&pages.len()), "{} pages", pages.len());
    for page in &pages {
        let line = page
            .lines()
            .find(|line| line.trim_start().starts_with("Row"))
            .unwrap_or_else(|| panic!("no head: {page}"));
        assert!(line.contains("Control") && line.contains("Outcome"), "{line}");
    }
    assert!(pages.last().unwrap().contains("5000"));
}

#[test]
fn a_row_stays_together_and_one_that_is_longer_than_a_page_loses_nothing() {
    let words = |n: u32, of: &str| (0..n).map(|i| format!("{of}{i}")).collect::<Vec<_>>().join(" ");
    let mut rows: Vec<_> = (0..60).map(|n| vec![text(&words(40, &format!("r{n}w"))), text("x")]).collect();
    rows.push(vec![text(&words(3_000, "z")), text("y")]);
    let table =
        Table { caption: "Rows".to_owned(), columns: columns(&[("Words", 4, false), ("No", 1, true)]), rows };
    let made = Made::of(&sheet("Rows", vec![Block::Table(table)]));
    let pages = made.pages();
    for n in 0..60 {
        let first = pages.iter().position(|page| page.contains(&format!("r{n}w0 "))).unwrap();
        assert!(pages[first].contains(&format!("r{n}w39")), "row {n} is torn");
    }
    let words = made.words();
    for n in 0..3_000 {
        assert!(words.contains(&format!("z{n} ")), "z{n} is gone");
    }
}

#[test]
fn a_word_without_end_stays_on_the_page_and_is_whole_when_it_is_read() {
    let digest = "0123456789abcdef".repeat(12);
    let cell = vec![Inline::Code(digest.clone())];
    let table = Table {
        caption: "Digests".to_owned(),
        columns: columns(&[("A", 1, false), ("B", 4, false)]),
        rows: vec![vec![cell.clone(), text("beside")], vec![text(&digest), text("beside")]],
    };
    let blocks = vec![Block::Paragraph(cell), Block::Verbatim(digest.clone()), Block::Table(table)];
    let made = Made::of(&sheet("Words", blocks));
    // Nothing lies outside of the page's margins: 20 mm are 56.7 points.
    let boxes = made.read_by("pdftotext", &["-bbox", "PDF", "-"]);
    for line in boxes.lines().filter(|line| line.contains("<word")) {
        let right: f64 = line.split("xMax=\"").nth(1).unwrap().split('"').next().unwrap().parse().unwrap();
        assert!(right <= 612.0 - 56.0, "{line}");
    }
    let text = made.read_by("pdftotext", &["-raw", "PDF", "-"]);
    let joined: String = text.split_whitespace().collect();
    assert!(joined.matches(&digest).count() >= 3, "{text}");
}

#[test]
fn a_word_that_is_too_long_for_its_column_is_not_written_over_the_next() {
    let words = [
        "telecommunications",
        "Donaudampfschifffahrtsgesellschaft",
        "sshd.permit_root_login",
        "12345678901234567890",
    ];
    let row = |word: &&str| {
        vec![
            text(word),
            vec![Inline::Code((*word).to_owned())],
            vec![Inline::Strong((*word).to_owned())],
            text("beside"),
        ]
    };
    let table = Table {
        caption: "Narrow".to_owned(),
        columns: columns(&[
            ("internationalization", 2, false),
            ("B", 2, false),
            ("C", 2, false),
            ("D", 14, false),
        ]),
        rows: words.iter().map(row).collect(),
    };
    let made = Made::of(&sheet("Narrow", vec![Block::Table(table)]));
    let boxes = made.read_by("pdftotext", &["-bbox", "PDF", "-"]);
    let side = |line: &str, name: &str| -> f64 {
        line.split(&format!("{name}=\"")).nth(1).unwrap().split('"').next().unwrap().parse().unwrap()
    };
    let beside: Vec<f64> =
        boxes.lines().filter(|line| line.contains(">beside<")).map(|line| side(line, "xMin")).collect();
    assert_eq!(beside.len(), words.len());
    // The left edges of the columns, by the letters of their heads.
    let edges: Vec<f64> = ["B", "C", "D"]
        .iter()
        .map(|head| side(boxes.lines().find(|line| line.contains(&format!(">{head}<"))).unwrap(), "xMin"))
        .collect();
    let top = side(boxes.lines().find(|line| line.contains(">D<")).unwrap(), "yMax");
    for line in boxes
        .lines()
        .filter(|line| line.contains("<word") && side(line, "yMin") > top && side(line, "yMax") < 700.0)
    {
        for edge in &edges {
            assert!(
                side(line, "xMin") >= *edge - 0.1 || side(line, "xMax") <= *edge,
                "{line} is written over {edge}"
            );
        }
    }
}
