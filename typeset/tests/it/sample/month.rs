//! A month as a clinic gets it.

use contract::blob::Blob;
use packet::{Attached, Block, Field, FieldKind, Figure, Inline, Sheet, Table, Tone};

use super::{chart, columns, digest, heading, logo, sheet, square, text};

fn figure(value: &str, label: &str, note: &str, tone: Tone) -> Figure {
    Figure { value: value.to_owned(), label: label.to_owned(), note: note.to_owned(), tone }
}

fn field(name: &str, label: &str, kind: FieldKind) -> Field {
    Field { name: name.to_owned(), label: label.to_owned(), kind }
}

/// That month, with two files attached.
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
    let mut blocks = machine();
    blocks.extend([
        heading(1, "Repairs", "repairs"),
        Block::Paragraph(text(
            "Each row is one run: what failed was measured, put right, and measured again.",
        )),
        Block::Table(repairs()),
    ]);
    blocks.extend(not_seen());
    blocks
}

fn machine() -> Vec<Block> {
    let code = |words: &str| vec![Inline::Code(words.to_owned())];
    let pair = |name: &str, value| (name.to_owned(), value);
    let mut head = text("18 204 entries, ");
    head.extend(code("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"));
    let mut updates = text("Updates, and ");
    updates.push(Inline::Emphasis("whether they were taken".to_owned()));
    updates.extend(text(
        ": a package that is installed and not in use is said to be so. An item that is longer than its \
         line goes on below its own beginning.",
    ));
    vec![
        heading(1, "The machine", "machine"),
        Block::Pairs(vec![
            pair("Name", code("elm-front-01")),
            pair("Operating system", text("Debian 12, with updates of 30 October")),
            pair(
                "Key of its log",
                code("elm.example/5f2a+8c1d2e3f+AbCdEfGhIjKlMnOpQrStUvWxYz0123456789abcdefghijklm="),
            ),
            pair("Head of its log", head),
        ]),
        heading(2, "What was looked at", "looked"),
        Block::List(vec![
            text("Accounts, passwords and keys: who can get in, and how."),
            updates,
            text("Backups: whether there are any, and whether one could be restored."),
        ]),
    ]
}

fn repairs() -> Table {
    let row = |n: u32| {
        let outcome = match n % 9 {
            0 => Inline::Toned(Tone::Bad, "escalated".to_owned()),
            4 => Inline::Toned(Tone::Unknown, "deferred".to_owned()),
            _ => Inline::Toned(Tone::Good, "healed".to_owned()),
        };
        let long = "A service that keeps records was stopped, and started again within the hour";
        vec![
            text(&format!("{:02} Oct, {:02}:{:02}", 1 + n % 31, n * 7 % 24, n * 13 % 60)),
            text(if n.is_multiple_of(4) { long } else { "Root could log in with a password" }),
            vec![Inline::Code(format!("sshd.permit_root_login.{n}"))],
            vec![outcome],
            vec![Inline::Code(digest(n))],
            text(&(n * 37).to_string()),
        ]
    };
    Table {
        caption: "Every repair, with the record that it is from".to_owned(),
        columns: columns(&[
            ("When", 14, false),
            ("What", 26, false),
            ("Control", 20, false),
            ("Outcome", 12, false),
            ("Record", 26, false),
            ("Seconds", 9, true),
        ]),
        rows: (1..=70).map(row).collect(),
    }
}

fn not_seen() -> Vec<Block> {
    let digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    vec![
        heading(1, "What nobody could see", "not-seen"),
        heading(2, "Why", "why"),
        heading(3, "A level below", "below"),
        Block::Paragraph(text(
            "A control that could not be looked at is neither in order nor out of order, and is counted as \
             neither.",
        )),
        Block::Verbatim(format!(
            "suture-verify kit elm-2026-10.kit \\\n  --policy policy.txt\n    indented by four\n\nsha256 {digest}{digest}"
        )),
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
        Block::Table(Table {
            caption: "What a person answers for".to_owned(),
            columns: columns(&[("What", 4, false), ("Done", 1, false), ("Where it is documented", 4, false)]),
            rows: vec![vec![
                text("Training"),
                vec![Inline::Field(field("done-training", "Training: done", FieldKind::Tick))],
                vec![Inline::Field(field("where-training", "Training: where (documented)", FieldKind::Text))],
            ]],
        }),
        Block::Lines(vec![
            field("name", "Name", FieldKind::Text),
            field("signature", "Signature", FieldKind::Signature),
            field("date", "Datum, Ort – día", FieldKind::Text),
        ]),
    ]
}
