//! Real packets of made-up months, set by the real program, and looked through by what others wrote: every scene, and the card of the week.

mod look;

use std::ops::RangeInclusive;
use std::process::Command;

use contract::blob::Blob;
use packet::sample::Scene;
use packet::{Attached, Document, Packet, Paper, Sheet, document, postcard};

use super::stage::{Made, fed, json, run};

/// Rows of one table in print; what is beyond stands in the attached file.
const ROWS_MAX: usize = 100;

fn scene(name: &str) -> Scene {
    let (_, scene) = Scene::all().into_iter().find(|(of, _)| *of == name).unwrap();
    scene
}

fn sheet(packet: &Packet, document: Document, paper: Paper) -> Sheet {
    let attached = Attached {
        name: "packet.json".into(),
        media_type: "application/json".into(),
        description: "The packet as data".into(),
        is_source: true,
        bytes: Blob(packet.to_json().unwrap()),
    };
    Sheet { document, paper, attached: vec![attached] }
}

/// Whatever holds of every file: what is in it, and where its ink is.
fn look_through(made: &Made, packet: &Packet, sheet: &Sheet) {
    look::is_sound(made);
    look::is_drawn_within_its_margins(made);
    let letters: String = made.words().chars().filter(|c| !c.is_whitespace()).collect();
    for word in packet.client.replace('😀', "U+1F600").split_whitespace() {
        assert!(letters.contains(word), "{word} of the client's name is no text");
    }
    let raw = made.read_by("pdftotext", &["-raw", "PDF", "-"]);
    let joined: String = raw.split_whitespace().collect();
    for log in &packet.logs {
        let head = format!("Log{}size{}root{}", log.origin, log.size, log.root);
        assert!(joined.contains(&head), "the head of {} is not on paper: {joined}", log.host);
    }
    made.read_by("pdfdetach", &["-saveall", "-o", made.directory().to_str().unwrap(), "PDF"]);
    let attached = std::fs::read(made.directory().join("packet.json")).unwrap();
    assert!(attached == sheet.attached[0].bytes.0, "what was attached came out as something else");
}

/// The month of this name, on as many pages.
fn month(name: &str, paper: Paper, bounds: &RangeInclusive<usize>) {
    let packet = scene(name).packet();
    let sheet = sheet(&packet, document(&packet, &Scene::brand()).unwrap(), paper);
    let made = Made::of(&sheet);
    look_through(&made, &packet, &sheet);
    let pages = made.pages();
    assert!(bounds.contains(&pages.len()), "{} pages", pages.len());
    let signed = pages.iter().find(|page| page.contains("Security officer")).unwrap();
    assert!(signed.contains("164.316"), "nothing is signed but a page: {signed}");
    assert_eq!(incident_rows(&pages), packet.incidents.len().min(ROWS_MAX));
    let lines: String = made.words().chars().filter(|c| !c.is_whitespace()).collect();
    for log in &packet.logs {
        let line = format!("suture-verify--head{}:{}:{}kit.zip", log.origin, log.size, log.root);
        assert!(lines.contains(&line), "{line}");
    }
}

/// Counts the rows of the table of incidents; red where they stand on a page without its head above them.
fn incident_rows(pages: &[String]) -> usize {
    // By the day on which it was detected and by how it ended: no other table has both.
    let is_row = |line: &str| {
        let ended = ["Repaired", "Passed without", "Goes on"].iter().any(|ended| line.contains(ended));
        ended && (line.contains(" 2026-10-") || line.contains(" 2026-09-"))
    };
    let is_head = |line: &str| ["What failed", "Detected", "Ended", "After"].iter().all(|h| line.contains(h));
    let mut rows = 0;
    for page in pages {
        let of_page = page.lines().filter(|line| is_row(line)).count();
        let head = page.lines().position(is_head);
        let first = page.lines().position(is_row);
        assert!(of_page == 0 || head.is_some_and(|head| Some(head) < first), "rows without a head: {page}");
        rows += of_page;
    }
    rows
}

#[test]
fn every_scene_is_set_below() {
    let names: Vec<&str> = Scene::all().iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["usual", "one-control", "sixty-controls", "many-incidents", "gaps", "any-script"]);
}

#[test]
fn a_usual_month_on_letter() {
    month("usual", Paper::Letter, &(15..=24));
}

#[test]
fn a_usual_month_on_a4() {
    month("usual", Paper::A4, &(15..=24));
}

#[test]
fn one_control_and_no_incident() {
    month("one-control", Paper::Letter, &(6..=12));
}

#[test]
fn sixty_controls_and_a_machine_that_is_silent() {
    month("sixty-controls", Paper::Letter, &(15..=28));
}

#[test]
fn five_thousand_incidents_of_which_a_page_says_how_many_it_leaves_out() {
    month("many-incidents", Paper::Letter, &(25..=45));
}

#[test]
fn a_month_with_gaps() {
    month("gaps", Paper::Letter, &(15..=24));
}

#[test]
fn a_name_in_any_script() {
    month("any-script", Paper::Letter, &(15..=24));
}

#[test]
fn the_card_of_two_machines_is_one_page() {
    let packet = scene("usual").packet();
    assert_eq!(packet.logs.len(), 2);
    for paper in [Paper::Letter, Paper::A4] {
        let sheet = sheet(&packet, postcard(&packet, &Scene::brand()).unwrap(), paper);
        let made = Made::of(&sheet);
        look_through(&made, &packet, &sheet);
        assert_eq!(made.pages().len(), 1);
    }
}

#[test]
fn a_name_of_many_lines_leaves_the_edge_of_the_paper_free() {
    for part in ["Riverside Family Practice and Partners ", "山田クリニック、", "Ümläut-Straße "] {
        let packet =
            Scene { client: part.repeat(400 / part.chars().count()), ..scene("one-control") }.packet();
        let sheet = sheet(&packet, document(&packet, &Scene::brand()).unwrap(), Paper::Letter);
        look::is_drawn_within_its_margins(&Made::of(&sheet));
    }
}

#[test]
fn neither_day_nor_place_is_in_a_packet() {
    let packet = scene("usual").packet();
    let input = json(&sheet(&packet, document(&packet, &Scene::brand()).unwrap(), Paper::Letter));
    let first = run(&input, &[("TZ", "UTC"), ("LANG", "C")]);
    assert!(first.status.success());
    let places =
        [("Pacific/Kiritimati", "tr_TR.UTF-8", "ar_EG"), ("America/St_Johns", "ja_JP.UTF-8", "de_DE.UTF-8")];
    for (zone, lang, all) in places {
        let environment = [("TZ", zone), ("LANG", lang), ("LC_ALL", all)];
        assert!(run(&input, &environment).stdout == first.stdout, "other bytes with {environment:?}");
        // On another day as well, where there is what makes one.
        let mut moved = Command::new("faketime");
        moved.args(["2031-02-03 04:05:06", env!("CARGO_BIN_EXE_suture-typeset")]);
        moved.envs(environment);
        if Command::new("faketime").arg("--version").output().is_ok() {
            assert!(fed(moved, &input).stdout == first.stdout, "other bytes on another day");
        }
    }
}
