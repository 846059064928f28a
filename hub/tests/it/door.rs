//! Who is let in on the device plane.

use identity::{Authority, DeviceKey, Holder, VerifiedRequest};
use reqwest::{Client, StatusCode};

use crate::stage::{Stage, bootstrap, client, parsed, plain};

#[tokio::test(flavor = "multi_thread")]
async fn without_a_certificate_of_this_hub_there_is_no_connection() {
    let stage = Stage::start().await;
    let sheet = stage.sheet("clinic-7", "main").await;
    let stranger = Authority::create("localhost", edge::clock::utc()).unwrap();
    let key = DeviceKey::create().unwrap();
    let csr = VerifiedRequest::verify(&key.request().unwrap()).unwrap();
    let holder = Holder { tenant: sheet.tenant.clone(), site: sheet.site.clone(), host: sheet.host.clone() };
    let foreign = stranger.device(&csr, &holder, edge::clock::utc()).unwrap();

    let url = format!("{}/v1/orders", sheet.hub);
    assert!(client(&sheet, &foreign.certificate_pem, &key.pem()).get(&url).send().await.is_err());
    // In plain text, and with TLS that shows no certificate.
    assert!(plain().get(url.replace("https", "http")).send().await.is_err());
    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(rustls_pki_types::pem::PemObject::from_pem_slice(sheet.hub_authority.as_bytes()).unwrap())
        .unwrap();
    let bare = rustls::ClientConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let bare = Client::builder().no_proxy().tls_backend_preconfigured(bare).build().unwrap();
    assert!(bare.get(&url).send().await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_below_tls_1_3_is_spoken() {
    let stage = Stage::start().await;
    let device = stage.enrolled("clinic-7").await;
    let mut roots = rustls::RootCertStore::empty();
    let authority = device.sheet.hub_authority.as_bytes();
    roots.add(rustls_pki_types::pem::PemObject::from_pem_slice(authority).unwrap()).unwrap();
    let certificate =
        rustls_pki_types::pem::PemObject::from_pem_slice(device.certificate.as_bytes()).unwrap();
    let key = rustls_pki_types::pem::PemObject::from_pem_slice(device.key.pem().as_bytes()).unwrap();
    let old = rustls::ClientConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(vec![certificate], key)
        .unwrap();
    let old = Client::builder().no_proxy().tls_backend_preconfigured(old).build().unwrap();
    assert!(old.get(format!("{}/v1/evidence", device.url)).send().await.is_err());
    assert_eq!(device.get("/v1/evidence").await.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bootstrap_certificate_can_do_nothing_but_enrol() {
    let stage = Stage::start().await;
    let sheet = stage.sheet("clinic-7", "main").await;
    let client = bootstrap(&sheet);
    for path in ["/v1/orders", "/v1/evidence"] {
        let refused = client.get(format!("{}{path}", sheet.hub)).send().await.unwrap();
        assert_eq!(refused.status(), StatusCode::FORBIDDEN, "{path}");
    }
    let incident = crate::stage::drift("i-1", "suture.evidence-directory");
    let refused = client.post(format!("{}/v1/incidents", sheet.hub)).json(&incident).send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    assert!(stage.incidents("clinic-7").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_cuts_a_wait_and_counts_for_what_comes_after() {
    let stage = Stage::start().await;
    let device = stage.enrolled("clinic-7").await;
    assert_eq!(device.get("/v1/evidence").await.status(), StatusCode::OK);
    let waiting = tokio::spawn(device.client.get(format!("{}/v1/orders?wait_ms=25000", device.url)).send());
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    let before = edge::clock::mono();
    stage.revoke(&device).await;
    assert!(waiting.await.unwrap().is_err(), "the wait was answered");
    assert!(edge::clock::mono().ms_since(before) < 5_000, "the wait went on");
    assert_eq!(device.get("/v1/evidence").await.status(), StatusCode::FORBIDDEN);
    assert_eq!(
        device.post("/v1/incidents", &crate::stage::drift("i-1", "a.b")).await.status(),
        StatusCode::FORBIDDEN
    );
    assert_eq!(stage.host().await["certificate"]["revoked"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_makes_no_sense_is_named_by_line_and_column() {
    let stage = Stage::start().await;
    let device = stage.enrolled("clinic-7").await;
    let url = format!("{}/v1/incidents", device.url);
    let good = crate::stage::drift("i-1", "suture.evidence-directory").to_string();
    let cases = [
        (good.replacen('{', "{\n\"colour\": \"red\",", 1), "line 2 column 8"),
        (good.replace("i-1", "../etc"), "line 1"),
        (good.replacen('{', "{\"found\":\"2026-11-21T06:00:00.000Z\",", 1), "duplicate field"),
        (format!("{good}x"), "trailing characters"),
        (String::new(), "line 1 column 0"),
        ("[".repeat(5000), "line 1 column"),
    ];
    for (body, expected) in cases {
        let response = device.client.post(&url).body(body.clone()).send().await.unwrap();
        let (status, text) = (response.status(), response.text().await.unwrap());
        assert_eq!(status, StatusCode::BAD_REQUEST, "{expected}");
        assert!(text.contains(expected), "{expected}: {text}");
    }
    let huge = device.client.post(&url).body("x".repeat(70_000)).send().await;
    assert!(huge.is_err() || huge.is_ok_and(|r| r.status() == StatusCode::PAYLOAD_TOO_LARGE));
    assert_eq!(device.get("/v1/orders?wait_ms=1&tenant=other").await.status(), StatusCode::BAD_REQUEST);
    assert_eq!(device.get("/api/v1/nowhere").await.status(), StatusCode::NOT_FOUND);
    let held: contract::plane::EvidenceHeld = parsed(device.get("/v1/evidence").await).await;
    assert_eq!(held.size, 0);
}
