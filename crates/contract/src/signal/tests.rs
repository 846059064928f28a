use super::*;

#[test]
fn the_sets_are_in_order_so_that_the_search_finds_everything() {
    for set in [names::UNITS, names::MOUNTS] {
        assert!(set.is_sorted_by(|a, b| a < b));
        assert!(set.iter().all(|name| names::known(set, name.as_bytes()) == Some(name)));
    }
}

#[test]
fn what_a_site_alone_knows_is_not_told() {
    assert_eq!(Unit::known(b"nginx.service").unwrap().to_string(), "nginx.service");
    assert_eq!(Unit::known(b"postgresql@15-main.service").unwrap().to_string(), "postgresql@.service");
    for name in ["jane-doe.service", "nginx.service ", "postgresql@x", "getty@.service.x", "", "@"] {
        assert_eq!(Unit::known(name.as_bytes()), None, "{name}");
    }
    assert_eq!(Mount::known(b"/var").unwrap().to_string(), "/var");
    assert_eq!(Mount::known(b"/home/jane"), None);
    let other = Unit::other(Pseudonym([1; 8]));
    assert_eq!(other.to_string().parse(), Ok(other));
    for text in ["other:jane", "other:010101010101010", "other:01010101010101AB", "jane.service"] {
        assert!(text.parse::<Unit>().is_err(), "{text}");
    }
}

#[test]
fn devices_are_the_kernels_own_names() {
    for name in [
        "sda",
        "sdb12",
        "sdaa1",
        "nvme0",
        "nvme0n1",
        "nvme1n1p2",
        "mmcblk0p1",
        "dm-3",
        "md127",
        "sr0",
        "vda1",
        "ata1",
    ] {
        assert_eq!(Device::of(name.as_bytes()).unwrap().to_string(), name);
    }
    for name in [
        "",
        "sd",
        "sda1234",
        "sdjoe",
        "joe",
        "nvme",
        "nvme0n",
        "nvme0p1",
        "nvme0n1p2p3",
        "dm-",
        "dm-1234",
        "sda 1",
        "nvme1234",
    ] {
        assert_eq!(Device::of(name.as_bytes()), None, "{name}");
    }
}

#[test]
fn every_kind_stands_in_the_list_once_under_its_word() {
    let words: std::collections::BTreeSet<String> = SignalKind::ALL.iter().map(ToString::to_string).collect();
    assert_eq!(words.len(), SignalKind::ALL.len());
    // A kind that the list lacks would be one more than the last.
    assert_eq!(SignalKind::ALL.len(), SignalKind::NetworkLink as usize + 1);
    assert_eq!(SignalKind::CrashLoop.to_string(), "crash_loop");
}

#[test]
fn what_was_told_before_there_were_kinds_is_still_read() {
    let old = r#"{"detector":"disk.full","count":3,"window_s":60}"#;
    let signal: Signal = serde_json::from_str(old).unwrap();
    assert_eq!((signal.kind, signal.severity), (SignalKind::Unsaid, Severity::Medium));
    assert!(signal.about.is_empty());
    assert!(serde_json::from_str::<Signal>(&old.replace("count", "text")).is_err());
    let about: About = serde_json::from_str(r#"{"unit":"other:00000000000000ff","percent":7}"#).unwrap();
    assert_eq!(about.identity().unwrap(), "other:00000000000000ff");
    assert!(serde_json::from_str::<About>(r#"{"unit":"jane"}"#).is_err());
    assert!(serde_json::from_str::<About>(r#"{"note":"jane"}"#).is_err());
}

#[test]
fn a_name_that_everybody_knows_is_no_pseudonym_and_no_instance() {
    let unit = Unit::known(b"getty@tty1.service").unwrap().known_to_all().unwrap();
    assert_eq!((unit.to_string().parse(), unit.to_string().as_str()), (Ok(unit), "getty@.service"));
    assert_eq!(Unit::other(Pseudonym([1; 8])).known_to_all(), None);
    assert_eq!(Mount::other(Pseudonym([1; 8])).known_to_all(), None);
    assert_eq!("/var".parse(), Ok(Mount::known(b"/var").unwrap().known_to_all().unwrap()));
    for text in ["other:0101010101010101", "getty@jane.service", "jane.service", ""] {
        assert!(text.parse::<KnownUnit>().is_err() && text.parse::<KnownMount>().is_err(), "{text}");
    }
}
