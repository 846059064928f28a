//! What is refused, how the process ends, and that nothing comes out then.

use std::process::{Command, Output};

use packet::{Block, Inline, Picture};

use super::sample::{self, heading, sheet};
use super::stage::{fed, json, run};

pub(crate) fn refused(output: &Output, code: i32, said: &str) {
    let complained = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{complained}");
    assert!(output.stdout.is_empty(), "something came out all the same");
    assert!(complained.contains(said), "{said:?} is not in {complained}");
    assert!(complained.lines().all(|line| line.starts_with("suture-typeset: ")), "{complained}");
}

#[test]
fn what_is_no_sheet_is_named_by_line_and_column() {
    refused(&run(b"", &[]), 65, "line 1 column 0");
    refused(&run(b"{\n  \"document\": 7\n}", &[]), 65, "line 2 column 15");
    refused(&run(b"\xff\xfe", &[]), 65, "line 1 column 1");
    let mut value = serde_json::to_value(sample::month()).unwrap();
    value["colour"] = serde_json::json!("red");
    refused(&run(value.to_string().as_bytes(), &[]), 65, "unknown field `colour`");
}

#[test]
fn a_link_to_nowhere_is_no_sheet() {
    let link = Block::Paragraph(vec![Inline::Anchor("gone".to_owned(), "there".to_owned())]);
    let sheet = sheet("Links", vec![heading(1, "Here", "here"), link]);
    refused(&run(&json(&sheet), &[]), 65, "a link leads to \"gone\"");
}

#[test]
fn a_picture_that_is_none_or_that_points_outside_is_our_mistake() {
    let with = |svg: &str| {
        let picture = Picture { svg: svg.to_owned(), alt: "A picture".to_owned() };
        run(&json(&sheet("Pictures", vec![Block::Chart(picture)])), &[])
    };
    refused(&with("<svg"), 70, "sheet.typ:");
    let outside = |to: &str| {
        format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><image href="{to}" width="9" height="9"/></svg>"#
        )
    };
    for to in ["/etc/passwd", "file:///etc/passwd", "x.png", "https://example.com/x.png"] {
        refused(&with(&outside(to)), 70, "linked image");
    }
    let entity = r#"<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/hostname">]><svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><text>&x;</text></svg>"#;
    refused(&with(entity), 70, "sheet.typ:");
}

#[test]
fn more_than_the_bound_is_refused_before_it_is_read() {
    refused(&run(&vec![b' '; 64 * 1024 * 1024 + 2], &[]), 65, "at most 67108864 bytes");
}

#[test]
fn it_has_no_arguments() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_suture-typeset"));
    command.arg("--help");
    refused(&fed(command, b""), 2, "takes no arguments");
}
