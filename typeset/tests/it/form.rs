//! Fields: in the file and in its tags, empty, by the names that were told, and a tick that is seen when it is set.

use packet::{Block, Field, FieldKind, Inline, Sheet};
use serde_json::Value;

use super::refused::refused;
use super::sample::{self, columns, heading, sheet, text};
use super::stage::{Made, json, run};

fn field(name: &str, kind: FieldKind) -> Field {
    Field { name: name.to_owned(), label: format!("Łukasz: {name} (“so”)"), kind }
}

/// Two rows to be filled in, and two lines.
fn form() -> (Sheet, Vec<Field>) {
    let cell = |field: &Field| vec![Inline::Field(field.clone())];
    let fields = vec![
        field("done-1", FieldKind::Tick),
        field("where-1", FieldKind::Text),
        field("done-2", FieldKind::Tick),
        field("where-2", FieldKind::Text),
        field("who-signed", FieldKind::Signature),
        field("day", FieldKind::Text),
    ];
    let table = packet::Table {
        caption: "To be filled in".to_owned(),
        columns: columns(&[("What", 3, false), ("Done", 1, false), ("Where", 4, false)]),
        rows: fields[..4].chunks(2).map(|row| vec![text("This"), cell(&row[0]), cell(&row[1])]).collect(),
    };
    let blocks = vec![heading(1, "A form", "form"), Block::Table(table), Block::Lines(fields[4..].to_vec())];
    (sheet("A form", blocks), fields)
}

#[test]
fn each_field_is_in_the_file_by_its_name_with_its_words() {
    let (sheet, fields) = form();
    let made = Made::of(&sheet);
    assert_eq!(made.info("Form"), "AcroForm");
    assert!(made.read_by("qpdf", &["--check", "PDF"]).contains("No syntax or stream encoding errors"));
    let told: Value =
        serde_json::from_str(&made.read_by("qpdf", &["--json", "--json-key=acroform", "PDF"])).unwrap();
    let form = &told["acroform"];
    assert_eq!((&form["hasacroform"], &form["needappearances"]), (&Value::from(true), &Value::from(false)));
    let there = form["fields"].as_array().unwrap();
    assert_eq!(there.len(), fields.len());
    for (there, field) in there.iter().zip(&fields) {
        assert_eq!(there["fullname"], *field.name);
        assert_eq!(there["alternativename"], *field.label);
        let (kind, value) = match field.kind {
            FieldKind::Tick => ("/Btn", Value::from("/Off")),
            FieldKind::Text => ("/Tx", Value::Null),
            FieldKind::Signature => ("/Sig", Value::Null),
        };
        assert_eq!((&there["fieldtype"], &there["value"]), (&Value::from(kind), &value), "{}", field.name);
        // Printed with the page (ISO 32000-1, table 165).
        assert_eq!(there["annotation"]["annotationflags"], 4);
    }
}

#[test]
fn whoever_cannot_see_it_is_told_of_each_field() {
    let (sheet, fields) = form();
    let made = Made::of(&sheet);
    let tags = made.read_by("pdfinfo", &["-struct", "PDF"]);
    let of = |tag: &str| tags.lines().filter(|line| line.split_whitespace().next() == Some(tag)).count();
    assert_eq!((of("Form"), of("Link")), (fields.len(), 0), "{tags}");
    let raw = made.read_by("qpdf", &["--qdf", "--object-streams=disable", "PDF", "-"]);
    assert_eq!(raw.matches("/Tabs /S").count(), 1);
    // Each leads back to its tag (ISO 32000-1, 14.7.4.4); the page's own is `/StructParents`.
    assert_eq!(raw.matches("/StructParent ").count(), fields.len());
    assert!(!raw.contains("field:"), "a place is left that nobody can fill in");
}

#[test]
fn a_tick_is_seen_when_it_is_set() {
    let (sheet, _) = form();
    let made = Made::of(&sheet);
    let before = made.drawn();
    let mut file = std::fs::read(&made.path).unwrap();
    let state = b"/AS/Off";
    let at = file.windows(state.len()).position(|window| window == state).unwrap();
    file[at..at + state.len()].copy_from_slice(b"/AS/Yes");
    std::fs::write(&made.path, file).unwrap();
    let after = made.drawn();
    assert_eq!(before.len(), after.len());
    // A cross of an eighth of an inch, on a page of 850 by 1100.
    let changed = before.iter().zip(&after).filter(|(before, after)| before.abs_diff(**after) > 60).count();
    assert!((20..200).contains(&changed), "{changed}");
}

#[test]
fn a_sheet_without_fields_has_no_form() {
    let made = Made::of(&sample::scripts());
    assert_eq!(made.info("Form"), "none");
    let raw = std::fs::read(&made.path).unwrap();
    assert_eq!(raw.windows(9).filter(|window| *window == b"startxref").count(), 1);
}

#[test]
fn a_field_that_cannot_be_filled_in_or_found_is_no_sheet() {
    let said = |fields: Vec<Field>| run(&json(&sheet("A form", vec![Block::Lines(fields)])), &[]);
    let named = |name: &str| field(name, FieldKind::Text);
    for name in ["", "With space", "a.b", &"a".repeat(101)] {
        refused(&said(vec![named(name)]), 65, "a field's name");
    }
    refused(&said(vec![named("a"), named("a")]), 65, "a field's name is \"a\"");
    refused(&said(vec![Field { label: " ".to_owned(), ..named("a") }]), 65, "a field's label");
    let within = vec![Inline::Text("Here: ".to_owned()), Inline::Field(named("a"))];
    let within = sheet("A form", vec![Block::Paragraph(within)]);
    refused(&run(&json(&within), &[]), 65, "a field stands on a line");
}
