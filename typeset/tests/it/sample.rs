//! Sheets to look at and to test with: a month as a clinic gets it, and what is hard to set.

// With its path, for the example that takes this file from elsewhere.
#[path = "sample/month.rs"]
mod month;

use std::fmt::Write as _;

use contract::time::UtcTime;
use packet::{Block, Brand, Column, Document, Inline, Paper, Picture, Sheet, Table, Tone};

pub(crate) use month::month;

pub(crate) fn text(words: &str) -> Vec<Inline> {
    vec![Inline::Text(words.to_owned())]
}

pub(crate) fn heading(level: u8, words: &str, anchor: &str) -> Block {
    Block::Heading { level, text: words.to_owned(), anchor: anchor.to_owned() }
}

pub(crate) fn sheet(title: &str, blocks: Vec<Block>) -> Sheet {
    let brand = Brand {
        name: "Harbour Lane IT".to_owned(),
        contact: "+1 555 0100\nhelp@harbourlane.example".to_owned(),
        colour: "#1f4e79".to_owned(),
        logo: None,
    };
    let document = Document {
        title: title.to_owned(),
        subject: String::new(),
        lang: "en".to_owned(),
        dated: "2026-11-01T06:00:00.000Z".parse::<UtcTime>().unwrap(),
        brand,
        foot: "Harbour Lane IT for Elm Street Clinic, October 2026".to_owned(),
        contents: false,
        blocks,
    };
    Sheet { document, paper: Paper::Letter, attached: Vec::new() }
}

pub(crate) fn columns(told: &[(&str, u8, bool)]) -> Vec<Column> {
    let column = |(head, share, number): &(&str, u8, bool)| Column {
        head: (*head).to_owned(),
        share: *share,
        number: *number,
    };
    told.iter().map(column).collect()
}

pub(crate) fn logo() -> Picture {
    let svg = r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 320 64" width="320" height="64"><rect x="2" y="2" width="60" height="60" rx="12" fill="#1f4e79"/><path d="M14 40 q8 -12 16 0 t16 0" fill="none" stroke="#fff" stroke-width="5"/><circle cx="32" cy="20" r="6" fill="#fff"/><text x="78" y="42" font-size="28" font-weight="bold" fill="#1f4e79">Harbour Lane IT</text></svg>"##;
    Picture { svg: svg.to_owned(), alt: "Harbour Lane IT".to_owned() }
}

/// A line chart of a month's days.
pub(crate) fn chart() -> Picture {
    let value = |day: u32| 88.0 + f64::from(day * 7 % 5) + f64::from(day) * 0.2;
    let mut svg = String::from(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 730 210" width="730" height="210" font-size="11"><g stroke="#ccc" stroke-width="0.7">"##,
    );
    for tick in 0..5 {
        let y = 20 + tick * 40;
        write!(svg, r#"<line x1="44" y1="{y}" x2="710" y2="{y}"/>"#).unwrap();
    }
    svg.push_str(r##"</g><g fill="#444" text-anchor="end">"##);
    for tick in 0..5 {
        write!(svg, r#"<text x="38" y="{}">{} %</text>"#, 24 + tick * 40, 100 - tick * 5).unwrap();
    }
    svg.push_str(r##"</g><polyline fill="none" stroke="#1f4e79" stroke-width="2" points=""##);
    for day in 0..31 {
        write!(svg, "{},{:.1} ", 50 + day * 22, 20.0 + (100.0 - value(day)) * 8.0).unwrap();
    }
    svg.push_str(r##""/><g fill="#444" text-anchor="middle">"##);
    for day in (0..31).step_by(5) {
        write!(svg, r#"<text x="{}" y="202">{} Oct</text>"#, 50 + day * 22, day + 1).unwrap();
    }
    svg.push_str("</g></svg>");
    Picture {
        svg,
        alt: "Share of controls in order by day: from 88 % on 1 October to 98 % on 31 October.".to_owned(),
    }
}

/// Something like a QR code, of modules that no reader would read.
pub(crate) fn square() -> Picture {
    let mut svg = String::from(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 29 29" width="290" height="290"><path d=""#,
    );
    for (x, y) in (0..29u32).flat_map(|x| (0..29u32).map(move |y| (x, y))) {
        let finder = |cx: u32, cy: u32| {
            let d = x.abs_diff(cx).max(y.abs_diff(cy));
            (d <= 4).then_some(d != 2 && d != 4)
        };
        let dark =
            finder(3, 3).or(finder(25, 3)).or(finder(3, 25)).unwrap_or((x * 7 + y * 13 + x * y) % 5 < 2);
        if dark {
            write!(svg, "M{x} {y}h1v1h-1z").unwrap();
        }
    }
    svg.push_str(r#""/></svg>"#);
    Picture { svg, alt: "QR code of the address that is written beside it".to_owned() }
}

/// Something that looks like a digest.
pub(crate) fn digest(n: u32) -> String {
    let word = |i: u32| (n + i).wrapping_mul(2_654_435_761).rotate_left(i);
    (1..=8).map(|i| format!("{:08x}", word(i * 7))).collect::<Vec<_>>().concat()
}

/// Names in the scripts of many people.
pub(crate) fn scripts() -> Sheet {
    let names = [
        ("Latin", "Łukasz Müller, Þóra Jónsdóttir, Nguyễn Thị Hương"),
        ("Greek", "Ελένη Παπαδοπούλου"),
        ("Cyrillic", "Наталія Шевченко"),
        ("Armenian", "Արամ Խաչատրյան"),
        ("Georgian", "ნინო ბერიძე"),
        ("Hebrew", "שרה כהן"),
        ("Arabic", "محمد عبد الله"),
        ("Devanagari", "प्रिया शर्मा"),
        ("Bengali", "অমর্ত্য সেন"),
        ("Gujarati", "મહેશ પટેલ"),
        ("Gurmukhi", "ਹਰਪ੍ਰੀਤ ਸਿੰਘ"),
        ("Tamil", "முத்துலட்சுமி"),
        ("Telugu", "శ్రీనివాస్"),
        ("Kannada", "ಕೃಷ್ಣಮೂರ್ತಿ"),
        ("Malayalam", "ലക്ഷ്മി"),
        ("Sinhala", "කුමාර"),
        ("Thai", "สมชาย ใจดี"),
        ("Lao", "ສົມພອນ"),
        ("Khmer", "សុខ សុភា"),
        ("Myanmar", "အောင်ဆန်း"),
        ("Ethiopic", "አበበ በቀለ"),
        ("Chinese", "王小明，張偉"),
        ("Japanese", "田中さくら、タナカ"),
        ("Korean", "김민준"),
    ];
    let rows = names.iter().map(|(script, name)| {
        let bold = vec![Inline::Strong((*name).to_owned())];
        vec![text(script), text(name), bold, vec![Inline::Code((*name).to_owned())]]
    });
    let table = Table {
        caption: "Names".to_owned(),
        columns: columns(&[
            ("Script", 2, false),
            ("Name", 4, false),
            ("Stressed", 4, false),
            ("Verbatim", 4, false),
        ]),
        rows: rows.collect(),
    };
    let mut sheet = sheet("田中さくら and محمد عبد الله", vec![Block::Table(table)]);
    sheet.paper = Paper::A4;
    sheet
}

/// A table of so many rows.
pub(crate) fn long(rows: u32) -> Sheet {
    let row = |n: u32| {
        vec![
            text(&n.to_string()),
            text("A password of five letters was accepted"),
            vec![Inline::Code(format!("pam.minimum_length.{n}"))],
            vec![Inline::Toned(Tone::Good, "healed".to_owned())],
            vec![Inline::Code(digest(n))],
        ]
    };
    let table = Table {
        caption: "Every record".to_owned(),
        columns: columns(&[
            ("Row", 6, true),
            ("What", 26, false),
            ("Control", 20, false),
            ("Outcome", 12, false),
            ("Record", 36, false),
        ]),
        rows: (1..=rows).map(row).collect(),
    };
    sheet("A long table", vec![heading(1, "Records", "records"), Block::Table(table)])
}
