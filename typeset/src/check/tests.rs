use contract::blob::Blob;
use packet::{Attached, Brand, Column, Paper, Picture};

use super::*;

fn sheet(blocks: Vec<Block>) -> Sheet {
    Sheet {
        document: Document {
            title: "A title".to_owned(),
            subject: String::new(),
            lang: "en".to_owned(),
            dated: contract::time::UtcTime::from_unix_ms(0).unwrap(),
            brand: Brand {
                name: "A name".to_owned(),
                contact: String::new(),
                colour: "#1f4e79".to_owned(),
                logo: None,
            },
            foot: String::new(),
            contents: false,
            blocks,
        },
        paper: Paper::A4,
        attached: Vec::new(),
    }
}

fn heading(level: u8, anchor: &str) -> Block {
    Block::Heading { level, text: format!("About {anchor}"), anchor: anchor.to_owned() }
}

fn link(anchor: &str) -> Vec<Inline> {
    vec![Inline::Anchor(anchor.to_owned(), "there".to_owned())]
}

#[test]
fn a_link_leads_to_a_heading_wherever_it_stands() {
    let column = Column { head: "A".to_owned(), share: 1, number: false };
    let table = |anchor: &str| Table {
        caption: String::new(),
        columns: vec![column.clone()],
        rows: vec![vec![link(anchor)]],
    };
    let picture = Picture { svg: String::new(), alt: "A picture".to_owned() };
    let places: [&dyn Fn(&str) -> Block; 6] = [
        &|to| Block::Paragraph(link(to)),
        &|to| Block::Notice(link(to)),
        &|to| Block::List(vec![Vec::new(), link(to)]),
        &|to| Block::Table(table(to)),
        &|to| Block::Pairs(vec![("A".to_owned(), link(to))]),
        &|to| Block::Square(picture.clone(), link(to)),
    ];
    for place in places {
        // Before its heading as well as after it.
        assert_eq!(check(&sheet(vec![place("here"), heading(1, "here")])), Ok(()));
        let gone = Err(SetError::UnknownAnchor("gone".to_owned()));
        assert_eq!(check(&sheet(vec![heading(1, "here"), place("gone")])), gone);
    }
}

#[test]
fn headings_have_names_of_their_own_and_leave_out_no_level() {
    assert_eq!(
        check(&sheet(vec![heading(1, "a"), heading(2, "b"), heading(3, "c"), heading(1, "d")])),
        Ok(())
    );
    for wrong in [
        vec![heading(1, "a"), heading(1, "a")],
        vec![heading(1, "")],
        vec![heading(1, "A b")],
        vec![heading(2, "a")],
        vec![heading(1, "a"), heading(3, "b")],
        vec![heading(0, "a")],
        vec![heading(1, "a"), heading(2, "b"), heading(3, "c"), heading(4, "d")],
    ] {
        assert!(check(&sheet(wrong.clone())).is_err(), "{wrong:?}");
    }
}

#[test]
fn a_row_has_a_cell_for_each_column() {
    let column = Column { head: "A".to_owned(), share: 1, number: false };
    let table =
        |columns, rows| Table { caption: "C".to_owned(), columns: vec![column.clone(); columns], rows };
    let row = |cells| vec![Vec::new(); cells];
    assert_eq!(check(&sheet(vec![Block::Table(table(2, vec![row(2), row(2)]))])), Ok(()));
    let wrong = Err(SetError::BadTable { caption: "C".to_owned(), columns: 2, row: 2, cells: 1 });
    assert_eq!(check(&sheet(vec![Block::Table(table(2, vec![row(2), row(1)]))])), wrong);
    assert!(check(&sheet(vec![Block::Table(table(0, Vec::new()))])).is_err());
}

#[test]
fn fields_hold_what_they_should() {
    let with = |change: &dyn Fn(&mut Document)| {
        let mut sheet = sheet(Vec::new());
        change(&mut sheet.document);
        check(&sheet)
    };
    assert_eq!(with(&|d| "de-CH".clone_into(&mut d.lang)), Ok(()));
    assert!(with(&|d| " ".clone_into(&mut d.title)).is_err());
    for lang in ["", "e", "english", "en-", "en_US", "e1"] {
        assert!(with(&|d| lang.clone_into(&mut d.lang)).is_err(), "{lang}");
    }
    for colour in ["", "1f4e79", "#1f4e7", "#1f4e7g", "red"] {
        assert!(with(&|d| colour.clone_into(&mut d.brand.colour)).is_err(), "{colour}");
    }
    assert!(with(&|d| d.brand.logo = Some(Picture { svg: String::new(), alt: String::new() })).is_err());
}

#[test]
fn attached_files_have_plain_names_of_their_own() {
    let attached = |names: &[&str]| {
        let file = |name: &&str| Attached {
            name: (*name).to_owned(),
            media_type: "text/plain".to_owned(),
            description: "A file".to_owned(),
            is_source: false,
            bytes: Blob(Vec::new()),
        };
        check(&Sheet { attached: names.iter().map(file).collect(), ..sheet(Vec::new()) })
    };
    assert_eq!(attached(&["a.json", "b.json", "a b c.txt"]), Ok(()));
    for wrong in [&["a", "a"][..], &[""], &["a/b"], &["../a"], &["/a"], &["a\\b"], &["a\nb"], &["."]] {
        assert!(attached(wrong).is_err(), "{wrong:?}");
    }
}
