//! `suture detector test` over the shipped detectors and over spoilt ones.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::runbooks::{json, said, suture};

fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../agent/detectors")
}

fn path(of: &Path) -> &str {
    of.to_str().unwrap()
}

#[test]
fn every_shipped_sample_does_what_it_should() {
    let told = json(&["detector", "test", path(&shipped()), "--json"], 0);
    assert!(
        told["detectors"].as_u64().unwrap() >= 40 && told["missed"].as_array().unwrap().is_empty(),
        "{told}"
    );
}

#[test]
fn a_sample_that_fails_is_named_and_ends_with_1() {
    let text = fs::read_to_string(shipped().join("time.yaml")).unwrap();
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("time.yaml");
    fs::write(&file, text.replace("Forward time jump detected!'", "Forward time jump!'")).unwrap();
    let (code, words) = said(&suture(&["detector", "test", path(&file)]));
    assert_eq!(code, Some(1), "{words}");
    assert!(
        words.contains("time.yaml:") && words.contains("time.stepped: it does not count, and must"),
        "{words}"
    );
    let told = json(&["detector", "test", path(dir.path()), "--json"], 1);
    assert_eq!(told["missed"][0]["detector"], "time.stepped");
    assert!(told["missed"][0]["line"].as_u64().unwrap() > 1);
}

#[test]
fn a_file_that_is_refused_ends_with_65_and_none_with_66() {
    let dir = TempDir::new().unwrap();
    let (code, words) = said(&suture(&["detector", "test", path(dir.path())]));
    assert_eq!(code, Some(66), "{words}");
    assert_eq!(said(&suture(&["detector", "test", "no-such-file.yaml"])).0, Some(66));
    let file = dir.path().join("d.yaml");
    for (text, place) in [("[]", "there is no detector"), ("- id: a.b\n  titel: t\n", "d.yaml:2:3: ")] {
        fs::write(&file, text).unwrap();
        let (code, words) = said(&suture(&["detector", "test", path(&file)]));
        assert_eq!(code, Some(65), "{words}");
        assert!(words.contains(place), "{words}");
    }
    fs::write(dir.path().join("notes.txt"), "x").unwrap();
    assert_eq!(said(&suture(&["detector", "test", path(dir.path())])).0, Some(65));
}
