//! A sheet is good for one machine.

use contract::dsse::{PayloadType, open};
use contract::plane::Enrolled;
use identity::DeviceKey;
use reqwest::StatusCode;

use crate::log::Log;
use crate::stage::{Stage, bootstrap, parsed, request};

#[tokio::test(flavor = "multi_thread")]
async fn a_sheet_is_used_once_and_its_own_key_may_ask_again() {
    let stage = Stage::start().await;
    let sheet = stage.sheet("clinic-7", "main").await;
    let (key, log) = (DeviceKey::create().unwrap(), Log::new(&sheet));
    let enrol = |body: contract::plane::EnrolRequest| {
        let request = bootstrap(&sheet).post(format!("{}/v1/enrol", sheet.hub)).json(&body);
        async move { request.send().await.unwrap() }
    };
    let first: Enrolled = parsed(enrol(request(&sheet, &key, &log)).await).await;
    let again: Enrolled = parsed(enrol(request(&sheet, &key, &log)).await).await;
    assert_eq!(first.certificate, again.certificate);

    let other_key = request(&sheet, &DeviceKey::create().unwrap(), &log);
    assert_eq!(enrol(other_key).await.status(), StatusCode::FORBIDDEN);
    let mut other_log = request(&sheet, &key, &log);
    let seed = tlog::SigningKey::from_seed(
        sheet.origin.parse().unwrap(),
        tlog::note::SignatureType::Ed25519,
        &[8; 32],
    );
    other_log.evidence_key = seed.unwrap().verifier().to_string();
    assert_eq!(enrol(other_log).await.status(), StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_request_uses_nothing_up() {
    let stage = Stage::start().await;
    let (sheet, other) = (stage.sheet("clinic-7", "main").await, stage.sheet("clinic-8", "main").await);
    let (key, log) = (DeviceKey::create().unwrap(), Log::new(&sheet));
    let good = || request(&sheet, &key, &log);
    let cases = [
        (
            "wrong secret",
            {
                let mut r = good();
                r.secret = other.secret.clone();
                r
            },
            StatusCode::FORBIDDEN,
        ),
        (
            "another's token",
            {
                let mut r = good();
                r.token = other.token.clone();
                r.secret = other.secret.clone();
                r
            },
            StatusCode::FORBIDDEN,
        ),
        (
            "no request",
            {
                let mut r = good();
                r.csr = "no".into();
                r
            },
            StatusCode::BAD_REQUEST,
        ),
        (
            "another's log",
            {
                let mut r = good();
                r.evidence_key = Log::new(&other).key();
                r
            },
            StatusCode::BAD_REQUEST,
        ),
        (
            "a witness's key",
            {
                let mut r = good();
                r.evidence_key = sheet.witness_key.clone();
                r
            },
            StatusCode::BAD_REQUEST,
        ),
    ];
    for (name, body, expected) in cases {
        let response =
            bootstrap(&sheet).post(format!("{}/v1/enrol", sheet.hub)).json(&body).send().await.unwrap();
        assert_eq!(response.status(), expected, "{name}");
    }
    let response =
        bootstrap(&sheet).post(format!("{}/v1/enrol", sheet.hub)).json(&good()).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_machine_gets_no_certificate_again_from_its_old_sheet() {
    let stage = Stage::start().await;
    let device = stage.enrolled("clinic-7").await;
    stage.revoke(&device).await;
    let body = request(&device.sheet, &device.key, &device.log);
    let again =
        bootstrap(&device.sheet).post(format!("{}/v1/enrol", device.url)).json(&body).send().await.unwrap();
    assert_eq!(again.status(), StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sheet_carries_the_signed_files_and_names_nobody() {
    let stage = Stage::start().await;
    let sheet = stage.sheet("clinic-7", "main").await;
    let pinned = [sheet.hub_key.clone()];
    let baseline = open(PayloadType::Baseline, &sheet.baseline.0, &pinned).unwrap();
    contract::baseline::Baseline::parse("b", std::str::from_utf8(baseline.payload()).unwrap()).unwrap();
    let catalogue = open(PayloadType::Catalogue, &sheet.catalogue.0, &pinned).unwrap();
    contract::runbook::Catalogue::parse(catalogue.payload()).unwrap();
    assert!(sheet.host.as_str().starts_with("h-") && sheet.host.as_str().len() == 18);
    assert_eq!(sheet.origin, format!("localhost/{}", sheet.host));
    assert_eq!(sheet.hub, format!("https://localhost:{}", stage.running.device().port()));
}
