use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use contract::baseline::Baseline;

use super::*;

fn beside(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

#[test]
fn what_is_shipped_is_all_that_lies_there() {
    let mut names: Vec<_> = std::fs::read_dir(beside("detectors"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, SHIPPED.map(|(name, _)| name));
}

#[test]
fn what_a_detector_has_looked_at_is_in_the_baseline() {
    let text = std::fs::read_to_string(beside("../baseline/hipaa-v1.yaml")).unwrap();
    let baseline = Baseline::parse("hipaa-v1.yaml", &text).unwrap();
    for detector in library().unwrap().iter() {
        for control in &detector.look {
            assert!(baseline.control(control).is_some(), "{} looks at {control}", detector.id);
        }
    }
}

#[test]
fn the_sites_key_is_drawn_once_and_never_by_itself_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("site.key");
    site_key(&path).unwrap();
    let drawn = std::fs::read(&path).unwrap();
    assert_eq!(drawn.len(), 32);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    site_key(&path).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), drawn);
    std::fs::write(&path, b"short").unwrap();
    assert!(site_key(&path).is_err());
    assert_eq!(std::fs::read(&path).unwrap(), b"short");
}
