//! Whoever is not let in: in the handshake, or by 403; on a connection that is open, at once; and in the hub's own log.

use std::sync::Arc;

use identity::{Authority, Holder, VerifiedRequest};
use reqwest::{Method, StatusCode};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::renewal::aged;
use crate::stage::{Device, Stage, bootstrap, client, drift, plain};

/// A connection of `device`, below HTTP.
pub(crate) async fn raw(device: &Device) -> TlsStream<TcpStream> {
    let port: u16 = device.url.rsplit(':').next().unwrap().parse().unwrap();
    let tls = identity::client_config(&device.sheet.hub_authority, &device.certificate, &device.key.pem());
    let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let name = "localhost".try_into().unwrap();
    TlsConnector::from(Arc::new(tls.unwrap())).connect(name, stream).await.unwrap()
}

/// A certificate for `device`'s key and names by an authority.
fn issued(authority: &Authority, device: &Device) -> String {
    let csr = VerifiedRequest::verify(&device.key.request().unwrap()).unwrap();
    let holder = Holder {
        tenant: device.sheet.tenant.clone(),
        site: device.sheet.site.clone(),
        host: device.sheet.host.clone(),
    };
    authority.device(&csr, &holder, edge::clock::utc()).unwrap().certificate_pem
}

#[tokio::test(flavor = "multi_thread")]
async fn none_of_the_wrong_certificates_opens_anything_and_each_is_in_the_own_log() {
    let stage = Stage::start().await;
    let device = stage.enrolled("clinic-7").await;
    let url = format!("{}/v1/evidence", device.url);
    let shown = |certificate: &str| {
        let asked = client(&device.sheet, certificate, &device.key.pem()).get(&url);
        async move { asked.send().await }
    };
    // Another hub's authority, which signs the same names; and one that signs itself, which a client's own authority does.
    let rogue = Authority::create("localhost", edge::clock::utc()).unwrap();
    assert!(shown(&issued(&rogue, &device)).await.is_err());
    let own = client(&device.sheet, rogue.certificate_pem(), &rogue.key_pem());
    assert!(own.get(&url).send().await.is_err());
    // Our own authority's, of which the registry knows nothing: the names in it open nothing, its own or another tenant's.
    let read = |name: &str| std::fs::read_to_string(stage.directory.path().join("keys").join(name)).unwrap();
    let stolen = Authority::load(&read("authority.pem"), &read("authority.key"), "localhost").unwrap();
    let refused = shown(&issued(&stolen, &device)).await.unwrap();
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    // One that has run out, one that was revoked, one for enrolment alone, and no TLS at all.
    let old = aged(&stage, &stage.enrolled("clinic-7").await, 400);
    assert_eq!(old.get("/v1/evidence").await.status(), StatusCode::FORBIDDEN);
    let revoked = stage.enrolled("clinic-7").await;
    stage.revoke(&revoked).await;
    for _ in 0..3 {
        assert_eq!(revoked.get("/v1/evidence").await.status(), StatusCode::FORBIDDEN);
    }
    let newcomer = bootstrap(&device.sheet).get(&url).send().await.unwrap();
    assert_eq!(newcomer.status(), StatusCode::FORBIDDEN);
    assert!(plain().get(url.replace("https", "http")).send().await.is_err());
    assert_eq!(device.get("/v1/evidence").await.status(), StatusCode::OK);

    let of = |device: &Device, why: &str| {
        let host = &device.sheet.host;
        format!(
            r#"{{"host":"{host}","tenant":"clinic-7","what":{{"turned_away":{{"times":1,"why":"{why}"}}}}}}"#
        )
    };
    let of_nobody = |why: &str| format!(r#"{{"what":{{"turned_away":{{"times":1,"why":"{why}"}}}}}}"#);
    let lines = [
        of_nobody("handshake"),
        of_nobody("unknown"),
        of(&old, "out_of_time"),
        of(&revoked, "revoked"),
        of(&device, "other_use"),
    ];
    let log = stage.own_log().await;
    for line in lines {
        // Once, however often: the rest is counted.
        assert_eq!(log.matches(&line).count(), 1, "{line} is not once in\n{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_counts_on_the_next_byte_whatever_is_under_way() {
    let stage = Stage::start().await;
    let device = stage.enrolled("clinic-7").await;
    let body = drift("i-1", "suture.evidence-directory").to_string();
    let head = format!(
        "POST /v1/incidents HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let (begun, rest) = body.split_at(20);
    let mut half_sent = raw(&device).await;
    half_sent.write_all(format!("{head}{begun}").as_bytes()).await.unwrap();
    let mut idle = raw(&device).await;
    let mut half_head = raw(&device).await;
    half_head.write_all(b"GET /v1/evidence HTTP/1.1\r\nhost: local").await.unwrap();
    // All of them have come so far before the certificate is revoked.
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    stage.revoke(&device).await;
    let _ = half_sent.write_all(rest.as_bytes()).await;
    let _ = half_head.write_all(b"host\r\n\r\n").await;
    let _ = idle.write_all(b"GET /v1/evidence HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    for (mut connection, which) in [(half_sent, "a body"), (idle, "an idle one"), (half_head, "a head")] {
        let mut answer = Vec::new();
        let limit = std::time::Duration::from_secs(5);
        let read = tokio::time::timeout(limit, connection.read_to_end(&mut answer)).await;
        assert!(read.is_ok(), "{which} is still open");
        assert_eq!(String::from_utf8_lossy(&answer), "", "{which} was answered");
    }
    assert!(stage.incidents("clinic-7").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_of_what_was_revoked_is_signed_and_keeps_exactly_those_out() {
    let stage = Stage::start().await;
    let (kept, revoked) = (stage.enrolled("clinic-7").await, stage.enrolled("clinic-7").await);
    stage.revoke(&revoked).await;
    let list = stage.operate(Method::GET, "/api/v1/certificates/crl", None).await;
    assert_eq!(list.status(), StatusCode::OK);
    let list = CertificateRevocationListDer::from_pem_slice(&list.bytes().await.unwrap()).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(kept.sheet.hub_authority.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .with_crls([list])
        .build()
        .unwrap();
    let judge = |device: &Device| {
        let shown = CertificateDer::from_pem_slice(device.certificate.as_bytes()).unwrap();
        let now = std::time::Duration::from_secs(edge::clock::utc().unix_seconds());
        verifier.verify_client_cert(&shown, &[], UnixTime::since_unix_epoch(now)).map(drop)
    };
    judge(&kept).unwrap();
    let refused = judge(&revoked).unwrap_err();
    let is_revoked = rustls::Error::InvalidCertificate(rustls::CertificateError::Revoked);
    assert_eq!(refused, is_revoked);
}
