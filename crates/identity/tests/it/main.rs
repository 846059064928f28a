//! Handshakes in memory: who is let in, and who is not.
#![allow(clippy::unwrap_used, reason = "a failed expectation is the test's own message")]

use std::sync::Arc;

use contract::digest::Digest;
use contract::time::UtcTime;
use identity::{Authority, DeviceKey, Holder, IdentityError, VerifiedRequest, client_config, server_config};
use rustls::{ClientConfig, ClientConnection, ServerConfig, ServerConnection};

fn now() -> UtcTime {
    // The handshake reads the machine's clock, so these certificates must be good under it.
    let since_1970 = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis();
    UtcTime::from_unix_ms(i64::try_from(since_1970).unwrap()).unwrap()
}

fn holder() -> Holder {
    Holder {
        tenant: "clinic-7".parse().unwrap(),
        site: "main".parse().unwrap(),
        host: "h-1".parse().unwrap(),
    }
}

fn server(authority: &Authority, at: UtcTime) -> Arc<ServerConfig> {
    server_config(authority, &["localhost".to_owned()], at).unwrap().0
}

/// An enrolled device of `signer` that believes servers of `believed`, certified at `at`.
fn device(signer: &Authority, believed: &Authority, at: UtcTime) -> (ClientConfig, Digest) {
    let key = DeviceKey::create().unwrap();
    let request = VerifiedRequest::verify(&key.request().unwrap()).unwrap();
    let issued = signer.device(&request, &holder(), at).unwrap();
    let config = client_config(believed.certificate_pem(), &issued.certificate_pem, &key.pem()).unwrap();
    (config, issued.fingerprint)
}

/// Runs the handshake to its end and says which client certificate the server saw.
fn shake(client: ClientConfig, server: Arc<ServerConfig>) -> Result<Digest, rustls::Error> {
    let mut client = ClientConnection::new(Arc::new(client), "localhost".try_into().unwrap()).unwrap();
    let mut server = ServerConnection::new(server).unwrap();
    while client.is_handshaking() || server.is_handshaking() {
        let mut wire = Vec::new();
        client.write_tls(&mut wire).unwrap();
        server.read_tls(&mut wire.as_slice()).unwrap();
        server.process_new_packets()?;
        let mut wire = Vec::new();
        server.write_tls(&mut wire).unwrap();
        client.read_tls(&mut wire.as_slice()).unwrap();
        client.process_new_packets()?;
    }
    Ok(identity::fingerprint(&server.peer_certificates().unwrap()[0]))
}

#[test]
fn an_enrolled_device_is_let_in_and_named_by_its_fingerprint() {
    let hub = Authority::create("localhost", now()).unwrap();
    let (client, fingerprint) = device(&hub, &hub, now());
    assert_eq!(shake(client, server(&hub, now())), Ok(fingerprint));
}

#[test]
fn nobody_else_is_let_in() {
    let hub = Authority::create("localhost", now()).unwrap();
    let stranger = Authority::create("localhost", now()).unwrap();
    let ahead = now().plus_ms(2 * 3_600_000);
    let cases = [
        ("another hub's device", device(&stranger, &hub, now()).0),
        ("a device that believes another hub", device(&hub, &stranger, now()).0),
        ("a certificate of the future", device(&hub, &hub, ahead).0),
        ("another hub's device whose certificate has run out", device(&stranger, &hub, long_ago()).0),
    ];
    for (who, client) in cases {
        assert!(shake(client, server(&hub, now())).is_err(), "{who} was let in");
    }
}

fn long_ago() -> UtcTime {
    UtcTime::from_unix_ms(now().unix_ms() - 91 * 24 * 3_600_000).unwrap()
}

#[test]
fn a_certificate_that_has_run_out_still_proves_its_key_and_nothing_else_does() {
    let hub = Authority::create("localhost", now()).unwrap();
    let key = DeviceKey::create().unwrap();
    let request = VerifiedRequest::verify(&key.request().unwrap()).unwrap();
    let old = hub.device(&request, &holder(), long_ago()).unwrap();
    let config = |key: &DeviceKey| client_config(hub.certificate_pem(), &old.certificate_pem, &key.pem());
    assert_eq!(shake(config(&key).unwrap(), server(&hub, now())), Ok(old.fingerprint));
    // With another key the certificate is not even shown.
    assert!(config(&DeviceKey::create().unwrap()).is_err());
    // The authority's own certificate is no client, however old.
    let root = Authority::create("localhost", UtcTime::from_unix_ms(86_400_000).unwrap()).unwrap();
    let as_client = client_config(hub.certificate_pem(), root.certificate_pem(), &root.key_pem()).unwrap();
    assert!(shake(as_client, server(&root, now())).is_err());
    let said = identity::validity_of(&old.certificate_pem).unwrap();
    assert_eq!(said.until.unix_ms() / 1_000, old.validity.until.unix_ms() / 1_000);
    assert!(!said.holds(now()));
    let whole = said.until.ms_since(said.from);
    assert_eq!(said.due().ms_since(said.from), whole / 3 * 2);
}

#[test]
fn without_a_certificate_the_handshake_fails() {
    let hub = Authority::create("localhost", now()).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    let pem = hub.certificate_pem().as_bytes();
    roots.add(rustls_pki_types::pem::PemObject::from_pem_slice(pem).unwrap()).unwrap();
    let bare = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    assert!(shake(bare, server(&hub, now())).is_err());
}

#[test]
fn a_clock_an_hour_behind_still_believes() {
    let hub = Authority::create("localhost", now()).unwrap();
    let ahead = now().plus_ms(55 * 60 * 1000);
    let (client, _) = device(&hub, &hub, ahead);
    assert!(shake(client, server(&hub, ahead)).is_ok());
}

#[test]
fn only_client_certificates_are_clients() {
    let hub = Authority::create("localhost", now()).unwrap();
    let bootstrap = hub.bootstrap(&holder(), now()).unwrap();
    let client =
        client_config(hub.certificate_pem(), &bootstrap.issued.certificate_pem, &bootstrap.key_pem).unwrap();
    assert_eq!(shake(client, server(&hub, now())), Ok(bootstrap.issued.fingerprint));
    // The authority's own certificate and key are no client either.
    let root = client_config(hub.certificate_pem(), hub.certificate_pem(), &hub.key_pem()).unwrap();
    assert!(shake(root, server(&hub, now())).is_err());
}

#[test]
fn an_authority_survives_its_files_and_refuses_anothers_key() {
    let hub = Authority::create("localhost", now()).unwrap();
    let other = Authority::create("localhost", now()).unwrap();
    let again = Authority::load(hub.certificate_pem(), &hub.key_pem(), "localhost").unwrap();
    let (client, _) = device(&again, &hub, now());
    assert!(shake(client, server(&hub, now())).is_ok());
    let refusal = Authority::load(hub.certificate_pem(), &other.key_pem(), "localhost").unwrap_err();
    assert!(matches!(refusal, IdentityError::NotAPair), "{refusal}");
    assert!(matches!(
        Authority::load("", &hub.key_pem(), "localhost"),
        Err(IdentityError::Pem { what: "certificate" })
    ));
    assert!(matches!(
        Authority::load(hub.certificate_pem(), "", "localhost"),
        Err(IdentityError::Pem { what: "private key" })
    ));
}

#[test]
fn of_a_request_only_the_key_counts() {
    let hub = Authority::create("localhost", now()).unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let mut greedy = rcgen::CertificateParams::new(vec!["hub.example".to_owned()]).unwrap();
    greedy.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    greedy.distinguished_name.push(rcgen::DnType::CommonName, "root of all");
    let request = VerifiedRequest::verify(&greedy.serialize_request(&key).unwrap().pem().unwrap()).unwrap();
    assert_eq!(request.key_digest(), Digest::of(key.public_key_raw()));

    let issued = hub.device(&request, &holder(), now()).unwrap();
    let pem = x509_parser::pem::parse_x509_pem(issued.certificate_pem.as_bytes()).unwrap().1;
    let certificate = pem.parse_x509().unwrap();
    assert_eq!(certificate.subject().to_string(), "CN=suture-agent");
    assert!(!certificate.is_ca());
    let names = &certificate.subject_alternative_name().unwrap().unwrap().value.general_names;
    assert!(matches!(
        names.as_slice(),
        [x509_parser::extensions::GeneralName::URI("spiffe://localhost/clinic-7/main/h-1")]
    ));
}

#[test]
fn no_bent_request_yields_another_key() {
    let text = DeviceKey::create().unwrap().request().unwrap();
    let honest = VerifiedRequest::verify(&text).unwrap().key_digest();
    let der = x509_parser::pem::parse_x509_pem(text.as_bytes()).unwrap().1.contents;
    for at in 0..der.len() {
        let mut bent = der.clone();
        bent[at] ^= 1;
        let bent = rustls_pki_types::CertificateSigningRequestDer::from(bent);
        let pem = pem_of(&bent);
        // A bit that means nothing may bend; the key that is certified may not.
        let taken = VerifiedRequest::verify(&pem).map(|request| request.key_digest());
        assert!(
            taken.is_err() || taken.is_ok_and(|key| key == honest),
            "byte {at} bent: another key was taken"
        );
    }
    assert!(VerifiedRequest::verify("").is_err());
    let ed25519 = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let request = rcgen::CertificateParams::default().serialize_request(&ed25519).unwrap();
    assert!(matches!(VerifiedRequest::verify(&request.pem().unwrap()), Err(IdentityError::KeyKind)));
}

fn pem_of(der: &[u8]) -> String {
    let body = String::from(contract::blob::Blob(der.to_vec()));
    format!("-----BEGIN CERTIFICATE REQUEST-----\n{body}\n-----END CERTIFICATE REQUEST-----\n")
}
