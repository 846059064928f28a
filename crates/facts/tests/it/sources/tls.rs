//! Certificates and keys.

use std::os::unix::fs::PermissionsExt as _;

use contract::fact::Absence;
use contract::time::UtcTime;

use crate::tree::{Tree, number};

/// Self-signed; ECDSA on P-256 with SHA-256; from 2026-01-01 to 2027-01-01.
const SOUND: &str = include_str!("../../certificates/sound.pem");
/// Self-signed; RSA of 1024 bits with SHA-1; the same year.
const WEAK: &str = include_str!("../../certificates/weak.pem");
/// ECDSA on P-256; the first is issued by the second, the second by the third, which vouches for itself.
const LEAF: &str = include_str!("../../certificates/leaf.pem");
const ISSUER: &str = include_str!("../../certificates/issuer.pem");
const TOP: &str = include_str!("../../certificates/top.pem");

fn on_the_second_of_december() -> UtcTime {
    "2026-12-02T00:00:00.000Z".parse().unwrap()
}

fn with(files: &[(&str, &str)]) -> Tree {
    let mut tree = Tree::of(files).clock(on_the_second_of_december);
    tree.config.certificates = files.iter().map(|(path, _)| path.into()).collect();
    tree
}

#[test]
fn the_first_certificate_to_end_counts() {
    let tree = with(&[("/etc/ssl/a.pem", SOUND), ("/etc/ssl/b.pem", WEAK)]);
    assert_eq!(tree.read("tls:days_left"), number(30));
    assert_eq!(tree.read("tls:weak_certificates"), number(1));
    assert_eq!(with(&[("/etc/ssl/a.pem", SOUND)]).read("tls:weak_certificates"), number(0));
    let later = with(&[("/etc/ssl/a.pem", SOUND)]).clock(|| "2027-01-01T00:00:01.000Z".parse().unwrap());
    assert_eq!(later.read("tls:days_left"), number(-1));
}

#[test]
fn the_sites_own_comes_first_and_not_without_the_one_that_vouches_for_it() {
    const STORE: &str = "/etc/ssl/certs/ca-certificates.crt";
    let believes = |store: Option<&str>, parts: &[&str]| {
        let chain = parts.concat();
        let files: Vec<_> =
            [("/etc/ssl/a.pem", &chain[..])].into_iter().chain(store.map(|s| (STORE, s))).collect();
        let mut tree = Tree::of(&files);
        tree.config.certificates = vec!["/etc/ssl/a.pem".into()];
        tree.read("tls:broken_chains")
    };
    let chain = |parts: &[&str]| believes(Some(&[SOUND, TOP].concat()), parts);
    let key = SOUND.replace("CERTIFICATE", "EC PARAMETERS");
    for whole in [
        &[LEAF, ISSUER][..],
        &[LEAF, ISSUER, TOP],
        &[LEAF, TOP, ISSUER],
        &[&key, LEAF, ISSUER],
        &[TOP],
        &[ISSUER],
    ] {
        assert_eq!(chain(whole), number(0), "{whole:?}");
    }
    assert_eq!(chain(&[LEAF]), number(1), "the one between is missing");
    assert_eq!(chain(&[LEAF, TOP]), number(1), "likewise, with the root");
    assert_eq!(chain(&[LEAF, SOUND]), number(1), "somebody else's");
    assert_eq!(chain(&[ISSUER, LEAF]), number(1), "the site's own does not come first");
    assert_eq!(chain(&[LEAF, &ISSUER[..200]]), number(1), "cut off");
    let torn = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert_eq!(chain(&[LEAF, torn]), Err(Absence::Malformed));
    assert_eq!(chain(&[&key]), Err(Absence::Malformed), "no certificate was seen");
    // Without a store nobody knows whether the issuer is believed here; where it stands in the file, nobody has to.
    assert_eq!(believes(None, &[ISSUER]), Err(Absence::Unsupported));
    assert_eq!(believes(None, &[LEAF, ISSUER]), number(0));
}

#[test]
fn der_is_read_as_well_as_pem() {
    let pem = x509_parser::pem::Pem::iter_from_buffer(SOUND.as_bytes()).next().unwrap().unwrap();
    let mut tree = Tree::new().bytes("/etc/ssl/a.der", &pem.contents).clock(on_the_second_of_december);
    tree.config.certificates = vec!["/etc/ssl/a.der".into()];
    assert_eq!(tree.read("tls:days_left"), number(30));
    assert_eq!(tree.read("tls:broken_chains"), number(0));
}

#[test]
fn one_certificate_that_cannot_be_read_leaves_all_unknown() {
    let cut = &SOUND[..SOUND.len() / 2];
    for text in ["", "nonsense", cut, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let tree = with(&[("/etc/ssl/a.pem", SOUND), ("/etc/ssl/b.pem", text)]);
        assert_eq!(tree.read("tls:days_left"), Err(Absence::Malformed), "{text:?}");
    }
    let mut gone = with(&[("/etc/ssl/a.pem", SOUND)]);
    gone.config.certificates.push("/etc/ssl/gone.pem".into());
    assert_eq!(gone.read("tls:days_left"), Err(Absence::NotInstalled));
    assert_eq!(Tree::new().read("tls:days_left"), Err(Absence::NotDeclared));
    assert_eq!(Tree::new().read("tls:names"), Err(Absence::Unsupported));
}

#[test]
fn a_key_is_exposed_where_anyone_may_read_it() {
    let mut tree = Tree::of(&[("/etc/ssl/key.pem", "")]);
    assert_eq!(tree.read("tls:exposed_keys"), Err(Absence::NotDeclared));
    tree.config.certificate_keys = vec!["/etc/ssl/key.pem".into()];
    for (mode, exposed) in [(0o600, 0), (0o640, 0), (0o644, 1), (0o660, 1)] {
        let file = tree.path("/etc/ssl/key.pem");
        std::fs::set_permissions(file, std::fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(tree.read("tls:exposed_keys"), number(exposed), "{mode:o}");
    }
}
