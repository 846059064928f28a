//! Sheets to look at and to test with: a month as a clinic gets it, and what is hard to set.

use std::fmt::Write as _;

use contract::blob::Blob;
use contract::time::UtcTime;
use packet::{Attached, Block, Brand, Column, Document, Figure, Inline, Paper, Picture, Sheet, Table, Tone};

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

fn figure(value: &str, label: &str, note: &str, tone: Tone) -> Figure {
    Figure { value: value.to_owned(), label: label.to_owned(), note: note.to_owned(), tone }
}

/// A month as a clinic gets it.
pub(crate) fn month() -> Sheet {
    let mut sheet = sheet("Elm Street Clinic: October 2026", first_page());
    let document = &mut sheet.document;
    "What was looked at, what was found, what was done, and what nobody could see."
        .clone_into(&mut document.subject);
    document.contents = true;
    document.brand.logo = Some(logo());
    document.blocks.extend(details());
    document.blocks.extend(signing());
    sheet.attached = vec![
        Attached {
            name: "packet.json".to_owned(),
            media_type: "application/json".to_owned(),
            description: "The month as data".to_owned(),
            is_source: true,
            bytes: Blob(br#"{"month":"2026-10"}"#.to_vec()),
        },
        Attached {
            name: "kit.zip".to_owned(),
            media_type: "application/zip".to_owned(),
            description: "The evidence".to_owned(),
            is_source: false,
            bytes: Blob((0..4096u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect()),
        },
    ];
    sheet
}

fn first_page() -> Vec<Block> {
    vec![
        Block::Figures(vec![
            figure("61 of 64", "controls in order", "on 31 October, of 64 that were looked at", Tone::Good),
            figure("12", "faults repaired", "of 14 that were met; each was measured again", Tone::Plain),
            figure("2", "need you", "one asks for a decision, one for a new disk", Tone::Bad),
            figure("3", "could not be looked at", "each with its reason in chapter 3", Tone::Unknown),
            figure("not measured", "time to restore", "no restore was tried this month", Tone::Unknown),
            figure(
                "99.8 %",
                "of the month was watched",
                "1 h 29 min were not: the line was down",
                Tone::Plain,
            ),
        ]),
        Block::Notice(vec![
            Inline::Strong("This does not certify anything. ".to_owned()),
            Inline::Text(
                "It says what was looked at, and what was not. Three controls were not looked at: see "
                    .to_owned(),
            ),
            Inline::Anchor("not-seen".to_owned(), "What nobody could see".to_owned()),
            Inline::Text(".".to_owned()),
        ]),
        Block::Paragraph(vec![
            Inline::Text("In October the machine ".to_owned()),
            Inline::Code("elm-front-01".to_owned()),
            Inline::Text(
                " was watched on all 31 days. Most of what went wrong was put right at once, as ".to_owned(),
            ),
            Inline::Anchor("repairs".to_owned(), "Repairs".to_owned()),
            Inline::Text(
                " tells row by row. The share of controls in order went from 88 % to 98 %.".to_owned(),
            ),
        ]),
        Block::Chart(chart()),
        Block::Break,
    ]
}

fn details() -> Vec<Block> {
    let rows = (1..=70u32).map(|n| {
        let outcome = match n % 9 {
            0 => Inline::Toned(Tone::Bad, "escalated".to_owned()),
            4 => Inline::Toned(Tone::Unknown, "deferred".to_owned()),
            _ => Inline::Toned(Tone::Good, "healed".to_owned()),
        };
        vec![
            text(&format!("{:02} Oct, {:02}:{:02}", 1 + n % 31, n * 7 % 24, n * 13 % 60)),
            text(if n % 4 == 0 {
                "A service that keeps records was stopped, and started again within the hour"
            } else {
                "Root could log in with a password"
            }),
            vec![Inline::Code(format!("sshd.permit_root_login.{n}"))],
            vec![outcome],
            vec![Inline::Code(format!("{:064x}", u128::from(n) * 0x1234_5678_9abc_def0_1234))],
            text(&(n * 37).to_string()),
        ]
    });
    let repairs = Table {
        caption: "Every repair, with the record that it is from".to_owned(),
        columns: columns(&[
            ("When", 14, false),
            ("What", 26, false),
            ("Control", 20, false),
            ("Outcome", 12, false),
            ("Record", 26, false),
            ("Seconds", 9, true),
        ]),
        rows: rows.collect(),
    };
    vec![
        heading(1, "The machine", "machine"),
        Block::Pairs(vec![
            ("Name".to_owned(), vec![Inline::Code("elm-front-01".to_owned())]),
            ("Operating system".to_owned(), text("Debian 12, with updates of 30 October")),
            ("Key of its log".to_owned(), vec![Inline::Code("elm.example/5f2a+8c1d2e3f+AbCdEfGhIjKlMnOpQrStUvWxYz0123456789abcdefghijklm=".to_owned())]),
            ("Head of its log".to_owned(), vec![Inline::Text("18 204 entries, ".to_owned()), Inline::Code("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".to_owned())]),
        ]),
        heading(2, "What was looked at", "looked"),
        Block::List(vec![
            text("Accounts, passwords and keys: who can get in, and how."),
            vec![Inline::Text("Updates, and ".to_owned()), Inline::Emphasis("whether they were taken".to_owned()), Inline::Text(": a package that is installed and not in use is said to be so. A list's item that is longer than its line goes on below its own beginning.".to_owned())],
            text("Backups: whether there are any, and whether one could be restored."),
        ]),
        heading(1, "Repairs", "repairs"),
        Block::Paragraph(text("Each row is one run: what failed was measured, put right, and measured again.")),
        Block::Table(repairs),
        heading(1, "What nobody could see", "not-seen"),
        heading(2, "Why", "why"),
        heading(3, "A level below", "below"),
        Block::Paragraph(text("A control that could not be looked at is neither in order nor out of order, and is counted as neither.")),
        Block::Verbatim("suture-verify kit elm-2026-10.kit \\\n  --policy policy.txt\n    indented by four\n\nsha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a089f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".to_owned()),
    ]
}

fn signing() -> Vec<Block> {
    vec![
        Block::Break,
        heading(1, "Read, and signed", "signed"),
        Block::Square(
            square(),
            vec![
                Inline::Text("What stands here can be looked up, and checked without us, at ".to_owned()),
                Inline::Code("https://suture.harbourlane.example/packets/elm-street/2026-10".to_owned()),
                Inline::Text(". The evidence is in this file: open its attachments.".to_owned()),
            ],
        ),
        Block::Paragraph(text("I have read this.")),
        Block::Lines(vec!["Name".to_owned(), "Role".to_owned(), "Signature".to_owned(), "Date".to_owned()]),
    ]
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
            vec![Inline::Code(format!("{:064x}", u128::from(n) * 0x1234_5678_9abc_def0_1234))],
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
