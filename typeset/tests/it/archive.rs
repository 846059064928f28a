//! What makes the file one that is kept for years: embedded fonts, tags, metadata, attached files. `qpdf` and poppler read it; no checker of PDF/A is at hand.

use super::sample;
use super::stage::Made;

#[test]
fn readers_find_nothing_wrong_and_every_font_inside() {
    for sheet in [sample::month(), sample::scripts(), sample::long(40)] {
        let made = Made::of(&sheet);
        assert!(made.read_by("qpdf", &["--check", "PDF"]).contains("No syntax or stream encoding errors"));
        let fonts = made.read_by("pdffonts", &["PDF"]);
        let rows: Vec<&str> = fonts.lines().skip(2).collect();
        assert!(!rows.is_empty());
        for row in rows {
            // The columns before the object's number and generation: embedded, subset, mapped to Unicode.
            let columns: Vec<&str> = row.split_whitespace().rev().skip(2).take(3).collect();
            assert_eq!(columns, ["yes", "yes", "yes"], "{row}");
        }
    }
}

#[test]
fn it_says_of_itself_what_the_document_says() {
    let sheet = sample::month();
    let made = Made::of(&sheet);
    assert_eq!(made.info("Title"), sheet.document.title);
    assert_eq!(made.info("Subject"), sheet.document.subject);
    assert_eq!(made.info("Author"), sheet.document.brand.name);
    assert_eq!(made.info("Keywords"), "The machine, Repairs, What nobody could see, Read, and signed");
    assert_eq!((made.info("Tagged").as_str(), made.info("JavaScript").as_str()), ("yes", "no"));
    let dates = made.read_by("pdfinfo", &["-rawdates", "PDF"]);
    assert!(dates.contains("D:20261101060000Z") || dates.contains("D:20261101060000+00'00"), "{dates}");
    let metadata = made.read_by("pdfinfo", &["-meta", "PDF"]);
    for claim in [
        "<pdfaid:part>3</pdfaid:part>",
        "<pdfaid:conformance>A</pdfaid:conformance>",
        "<pdfuaid:part>1</pdfuaid:part>",
    ] {
        assert!(metadata.contains(claim), "{claim} is not in {metadata}");
    }
    let catalogue = made.read_by("qpdf", &["--qdf", "--object-streams=disable", "PDF", "-"]);
    assert!(catalogue.contains("/Lang (en)"));
}

#[test]
fn tags_say_what_is_a_head_a_list_a_picture() {
    let made = Made::of(&sample::month());
    let tags = made.read_by("pdfinfo", &["-struct", "PDF"]);
    for tag in
        ["H1", "H2", "H3", "Table", "THead", "TH", "TD", "Caption", "LI", "Figure", "Link", "TOC", "Code"]
    {
        assert!(
            tags.lines().any(|line| line
                .split_whitespace()
                .next()
                .is_some_and(|first| first.trim_end_matches(':') == tag)),
            "no {tag}:\n{tags}"
        );
    }
    let raw = made.read_by("qpdf", &["--qdf", "--object-streams=disable", "PDF", "-"]);
    assert!(raw.contains("/Alt (QR code of the address that is written beside it)"));
    assert!(raw.contains("/Scope /Column") && raw.contains("/Scope /Row"));
}

#[test]
fn headings_are_bookmarks() {
    let made = Made::of(&sample::month());
    let json = made.read_by("qpdf", &["--json", "--json-key=outlines", "PDF"]);
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    let titles = |of: &serde_json::Value| -> Vec<String> {
        of.as_array()
            .unwrap()
            .iter()
            .map(|o| o["title"].as_str().unwrap().trim_start_matches("u:").to_owned())
            .collect()
    };
    let outlines = &value["outlines"];
    assert_eq!(titles(outlines), ["The machine", "Repairs", "What nobody could see", "Read, and signed"]);
    assert_eq!(titles(&outlines[2]["kids"]), ["Why"]);
    assert_eq!(titles(&outlines[2]["kids"][0]["kids"]), ["A level below"]);
}

#[test]
fn attached_files_come_out_as_they_went_in() {
    let sheet = sample::month();
    let made = Made::of(&sheet);
    let list = made.read_by("pdfdetach", &["-list", "PDF"]);
    assert!(list.starts_with("2 embedded files"), "{list}");
    made.read_by("pdfdetach", &["-saveall", "-o", made.directory().to_str().unwrap(), "PDF"]);
    for file in &sheet.attached {
        assert_eq!(std::fs::read(made.directory().join(&file.name)).unwrap(), file.bytes.0, "{}", file.name);
    }
    let raw = made.read_by("qpdf", &["--qdf", "--object-streams=disable", "PDF", "-"]);
    for said in [
        "/AFRelationship /Source",
        "/AFRelationship /Supplement",
        "/Desc (The month as data)",
        "/Subtype /application#2fjson",
    ] {
        assert!(raw.contains(said), "{said}");
    }
}
