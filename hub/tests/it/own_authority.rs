//! A hub whose authority somebody else made.

use std::path::{Path, PathBuf};

use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::running::{Process, delivered, hub, text};

/// What is wrong with one.
type Change = fn(&mut rcgen::CertificateParams);

/// An authority of somebody else's below a root, in two files, and what is wrong with it where something is.
fn of_others(at: &Path, change: impl FnOnce(&mut rcgen::CertificateParams)) -> (PathBuf, PathBuf) {
    let root_key = rcgen::KeyPair::generate().unwrap();
    let mut root = rcgen::CertificateParams::new(Vec::new()).unwrap();
    root.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let root = rcgen::Issuer::new(root, root_key);
    let key = rcgen::KeyPair::generate().unwrap();
    let mut own = rcgen::CertificateParams::new(Vec::new()).unwrap();
    own.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Constrained(0));
    own.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign, rcgen::KeyUsagePurpose::CrlSign];
    own.distinguished_name.push(rcgen::DnType::CommonName, "An authority of the MSP's own");
    change(&mut own);
    let own = own.signed_by(&key, &root).unwrap();
    let (certificate, secret) = (at.join("own.pem"), at.join("own.key"));
    std::fs::write(&certificate, own.pem()).unwrap();
    std::fs::write(&secret, key.serialize_pem()).unwrap();
    (certificate, secret)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_of_somebody_elses_signs_for_the_machines_and_what_is_none_is_turned_down() {
    let root = tempfile::tempdir().unwrap();
    let init = |name: &str, certificate: &Path, key: &Path| {
        let directory = root.path().join(name);
        let told =
            ["--name", "localhost", "--authority", text(certificate), "--authority-key", text(key), "--json"];
        let (code, out, err) = hub(&[&["init", "--dir", text(&directory)], &told[..]].concat());
        (directory, code, out, err)
    };
    let (certificate, key) = of_others(root.path(), |_| ());
    let (directory, code, out, err) = init("hub", &certificate, &key);
    assert_eq!(code, 0, "{err}");
    let link = serde_json::from_str::<Value>(&out).unwrap()["link"].as_str().unwrap().to_owned();
    let process = Process::start(&directory).let_in(link.split_once("/join#").unwrap().1).await;
    let mut device = process.enrolled("clinic-7").await;
    delivered(&mut device, 3).await;
    let authority = std::fs::read_to_string(&certificate).unwrap();
    assert_eq!(device.sheet.hub_authority.trim(), authority.trim());
    let revoked = process.operate(Method::GET, "/api/v1/certificates/crl", None).await;
    assert_eq!(revoked.status(), StatusCode::OK, "it signs no list of what is revoked");
    process.kill();

    let changes: [(&str, Change, &str); 3] = [
        ("leaf", |own| own.is_ca = rcgen::IsCa::ExplicitNoCa, "basic constraints"),
        ("lists", |own| own.key_usages.truncate(1), "cRLSign"),
        ("old", |own| own.not_after = rcgen::date_time_ymd(2026, 1, 1), "not valid"),
    ];
    for (name, change, says) in changes {
        let (certificate, key) = of_others(root.path(), change);
        let (directory, code, _, err) = init(name, &certificate, &key);
        assert!(code != 0 && err.contains(says), "{name}: {code} {err}");
        assert!(!directory.join("hub.json").exists(), "{name} made a hub");
    }
    let (certificate, _) = of_others(root.path(), |_| ());
    let other = root.path().join("other.key");
    std::fs::write(&other, rcgen::KeyPair::generate().unwrap().serialize_pem()).unwrap();
    let (_, code, _, err) = init("pair", &certificate, &other);
    assert!(code != 0 && err.contains("does not belong"), "{code} {err}");
}
