use super::*;

fn sheet(words: &str) -> Sheet {
    let document = serde_json::from_value(json!({
        "title": "Letters", "subject": "", "lang": "en", "dated": "2026-11-01T06:00:00.000Z", "foot": "", "contents": false,
        "brand": {"name": "A name", "contact": "", "colour": "#000000", "logo": null},
        "blocks": [{"paragraph": [{"text": words}, {"code": words}]}],
    }));
    Sheet { document: document.unwrap(), paper: Paper::A4, attached: Vec::new() }
}

fn beside(sheet: &Sheet) -> Beside {
    Beside::of(sheet.paper, sheet.attached.clone())
}

#[test]
fn each_field_has_its_place_and_each_place_its_field() {
    let typst = Typst::new();
    let field = |name: &str| packet::Field {
        name: name.to_owned(),
        label: name.to_owned(),
        kind: packet::FieldKind::Text,
    };
    let mut sheet = sheet("words");
    sheet.document.blocks = vec![packet::Block::Lines(vec![field("a"), field("b")])];
    let pages = typst.pages(&beside(&sheet), sheet.document.clone()).unwrap();
    let file = typst_pdf::pdf(&pages, &options(&sheet.document).unwrap()).unwrap();
    let told = |fields: &[packet::Field]| form::with_fields(file.clone(), fields);
    let whole = told(&[field("a"), field("b")]).unwrap();
    assert!(whole.starts_with(&file), "what typst wrote stays as it is");
    assert_eq!(told(&[field("a")]), Err(form::FormError::Unasked("b".to_owned())));
    let (name, places) = ("c".to_owned(), 0);
    assert_eq!(told(&[field("a"), field("b"), field("c")]), Err(form::FormError::Places { name, places }));
    for spoilt in [Vec::new(), b"%PDF-1.7".to_vec(), file[..file.len() / 2].to_vec()] {
        assert!(matches!(form::with_fields(spoilt, &[field("a")]), Err(form::FormError::Unread(_))));
    }
}

/// What typst-pdf would refuse to write: the check before it is left out here.
#[test]
fn letters_that_come_out_as_empty_boxes_are_found_and_written_out() {
    let typst = Typst::new();
    let sheet = sheet("a \u{1F600} b");
    let world = typst.world(&beside(&sheet), &sheet.document).unwrap();
    let mut lost = BTreeSet::new();
    let pages = typst::compile::<PagedDocument>(&world).output.unwrap();
    pages.pages().iter().for_each(|page| find_lost(&page.frame, &mut lost));
    assert_eq!(lost, BTreeSet::from(["\u{1F600}".to_owned()]));
    let pages = typst.pages(&beside(&sheet), sheet.document.clone()).unwrap();
    assert!(typst_pdf::pdf(&pages, &options(&sheet.document).unwrap()).is_ok());
}

#[test]
fn a_letter_takes_any_mark_of_any_script() {
    let typst = Typst::new();
    let marks = [
        0x300..0x370,
        0x591..0x5c8,
        0x64b..0x660,
        0x900..0xe00,
        0xe31..0xe50,
        0x1000..0x10a0,
        0x17b0..0x17d4,
    ];
    let marks =
        marks.into_iter().flatten().filter_map(char::from_u32).filter(|mark| typst.fonts.can_draw(*mark));
    let marks: Vec<char> = marks.collect();
    assert!(marks.len() > 1_000);
    for letter in "xЖक漢".chars() {
        let words: Vec<String> = marks.iter().map(|mark| format!("{letter}{mark}")).collect();
        assert!(typst.set(sheet(&words.join(" "))).is_ok(), "{letter}");
    }
}

#[test]
fn there_is_no_today_and_no_other_file() {
    use typst::World as _;
    let typst = Typst::new();
    let sheet = sheet("words");
    let world = typst.world(&beside(&sheet), &sheet.document).unwrap();
    assert!(world.today(None).is_none());
    assert!(world.file(world.main()).is_err());
}

#[test]
fn the_time_of_a_document_is_read_to_the_second() {
    assert_eq!(dated("2026-11-21T05:54:23.123Z"), Datetime::from_ymd_hms(2026, 11, 21, 5, 54, 23));
    assert_eq!(dated("2026-11-21"), None);
}
