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

#[test]
fn two_machines_of_a_site_give_one_name_to_an_address_and_two_sites_two() {
    let dir = tempfile::tempdir().unwrap();
    let secret = |name: &str, text: &str, mode: u32| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        path
    };
    let hex = "0123456789abcdef".repeat(4) + "\n";
    let (one, two) = (secret("one", &hex, 0o400), secret("two", &hex, 0o440));
    let key = |path: &Path, site: &str| shared_key(path, &"clinic".parse().unwrap(), &site.parse().unwrap());
    let named = |key: SiteKey| {
        let mut detectors = built_in(key).unwrap();
        let line = "Nov 21 06:20:01 host sshd[1]: Failed password for root from 192.0.2.1 port 1 ssh2\n";
        let seen = detectors.observe(line.repeat(6).as_bytes(), &Source::Syslog, contract::time::MonoNs(1));
        seen.signals[0].about.identity().unwrap()
    };
    let main = named(key(&one, "main").unwrap());
    assert_eq!(named(key(&two, "main").unwrap()), main);
    assert_ne!(named(key(&one, "branch").unwrap()), main);
    // The secret is not the key, and a machine without one has names of its own.
    assert_ne!(named(SiteKey::new(&contract::digest::unhex(hex.trim()).unwrap())), main);
    assert_ne!(named(site_key(&dir.path().join("site.key")).unwrap()), main);

    let refused = |path: &Path| key(path, "main").unwrap_err().source.to_string();
    assert!(refused(&secret("open", &hex, 0o644)).contains("everybody on this machine may read it"));
    assert!(refused(&secret("short", &hex[..62], 0o400)).contains("64 hexadecimal digits"));
    assert!(refused(&secret("empty", "", 0o400)).contains("64 hexadecimal digits"));
    assert!(
        key(&dir.path().join("none"), "main").is_err(),
        "a secret that is missing is no reason to make one up"
    );
}
