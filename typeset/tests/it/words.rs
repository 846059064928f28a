//! Text is text: of whatever script, and whatever it would mean to a typesetter.

use packet::{Block, Field, FieldKind, Figure, Inline, Table, Tone};

use super::sample::{self, columns, heading, sheet, text};
use super::stage::Made;

#[test]
fn names_of_many_scripts_can_be_read_out_again() {
    let words = Made::of(&sample::scripts()).words();
    for name in [
        "Łukasz Müller",
        "Nguyễn Thị Hương",
        "Ελένη Παπαδοπούλου",
        "Наталія Шевченко",
        "Արամ Խաչատրյան",
        "ნინო ბერიძე",
        "አበበ በቀለ",
        "王小明，張偉",
        "田中さくら、タナカ",
        "김민준",
        "สมชาย ใจดี",
    ] {
        assert!(words.contains(name), "{name} is not in {words}");
    }
    for group in ["שרה", "محمد", "प्रिया", "অমর্ত্য"] {
        assert!(words.contains(group), "{group} is not in {words}");
    }
}

/// Everything that means something to typst, to XML, or to a PDF.
const HOSTILE: &str = r#"#panic("x") $ * _ <b> [ ] \ ` @a <label> // /* = - + / ~ -- --- "q" 'q' #read("/data.json") %PDF ) ( << {{ }} &amp; &#60; ../../x"#;

#[test]
fn what_means_something_to_a_typesetter_stays_text_wherever_it_stands() {
    let hostile = || HOSTILE.to_owned();
    let table = Table {
        caption: hostile(),
        columns: columns(&[(HOSTILE, 1, false)]),
        rows: vec![vec![text(HOSTILE)]],
    };
    let figure = Figure { value: hostile(), label: hostile(), note: hostile(), tone: Tone::Bad };
    let blocks = vec![
        heading(1, HOSTILE, "a"),
        Block::Paragraph(vec![
            Inline::Text(hostile()),
            Inline::Strong(hostile()),
            Inline::Emphasis(hostile()),
            Inline::Code(hostile()),
            Inline::Toned(Tone::Unknown, hostile()),
            Inline::Anchor("a".to_owned(), hostile()),
        ]),
        Block::Notice(text(HOSTILE)),
        Block::List(vec![text(HOSTILE)]),
        Block::Figures(vec![figure]),
        Block::Table(table),
        Block::Pairs(vec![(hostile(), text(HOSTILE))]),
        Block::Verbatim(hostile()),
        Block::Lines(vec![Field { name: "a".to_owned(), label: hostile(), kind: FieldKind::Text }]),
    ];
    let mut sheet = sheet(HOSTILE, blocks);
    for line in [
        &mut sheet.document.subject,
        &mut sheet.document.foot,
        &mut sheet.document.brand.name,
        &mut sheet.document.brand.contact,
    ] {
        HOSTILE.clone_into(line);
    }
    let made = Made::of(&sheet);
    let joined = |s: &str| s.split_whitespace().collect::<String>();
    let found = joined(&made.read_by("pdftotext", &["-raw", "PDF", "-"])).matches(&joined(HOSTILE)).count();
    // Title, subject, name, contact, heading, six runs, notice, list, table's head, caption and cell, verbatim. Narrow columns are read across.
    assert!(found >= 17, "{found} times");
    assert_eq!(made.info("Title"), HOSTILE);
}

#[test]
fn what_no_font_has_is_written_out() {
    let blocks = vec![
        heading(1, "A \u{1F600} face", "a"),
        Block::Paragraph(text(
            "before \u{1F600} after, \u{7} bell, \u{202E}turned\u{2066}, \u{E001} private, \u{10FFFF}",
        )),
        Block::Paragraph(vec![Inline::Code("code \u{1F4BE}".to_owned())]),
    ];
    let made = Made::of(&sheet("Signs \u{1F4C4}", blocks));
    let words = made.words();
    for said in [
        "Signs [U+1F4C4]",
        "A [U+1F600] face",
        "before [U+1F600] after, [U+0007] bell, [U+202E]turned[U+2066], [U+E001] private, [U+10FFFF]",
        "code [U+1F4BE]",
    ] {
        assert!(words.contains(said), "{said:?} is not in {words}");
    }
}

#[test]
fn letters_that_no_one_font_has_together_are_written_out_as_well() {
    // A Devanagari sign on a Latin letter, a Thai one on a Chinese one, a tone mark on Ethiopic.
    let words = "x\u{93F} 漢\u{E34} አ\u{300} ක\u{301}";
    let made =
        Made::of(&sheet("Groups", vec![Block::Paragraph(text(words)), Block::Paragraph(text("the end"))]));
    assert!(made.words().contains("the end"));
}
