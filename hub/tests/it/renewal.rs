//! A certificate is renewed before its end and after it, by whoever holds its key, until it is revoked.

use contract::plane::{Enrolled, Problem, RenewRequest, TurnedAway};
use identity::{DeviceKey, Holder, VerifiedRequest};
use reqwest::StatusCode;

use crate::stage::{Device, Stage, bootstrap, client, parsed, request};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

fn renewal(key: &DeviceKey) -> RenewRequest {
    RenewRequest { csr: key.request().unwrap() }
}

fn database(stage: &Stage) -> rusqlite::Connection {
    rusqlite::Connection::open(stage.directory.path().join("hub.db")).unwrap()
}

/// As if `device` had been certified `days` ago: another certificate over its key, by the hub's own authority, stands in the registry for the one it has.
pub(crate) fn aged(stage: &Stage, device: &Device, days: i64) -> Device {
    let keys = |name: &str| std::fs::read_to_string(stage.directory.path().join("keys").join(name)).unwrap();
    let authority =
        identity::Authority::load(&keys("authority.pem"), &keys("authority.key"), "localhost").unwrap();
    let holder = Holder {
        tenant: device.sheet.tenant.clone(),
        site: device.sheet.site.clone(),
        host: device.sheet.host.clone(),
    };
    let then = contract::time::UtcTime::from_unix_ms(edge::clock::utc().unix_ms() - days * DAY_MS).unwrap();
    let csr = VerifiedRequest::verify(&device.key.request().unwrap()).unwrap();
    let old = authority.device(&csr, &holder, then).unwrap();
    let sql = "UPDATE certificate SET fingerprint = ?2, pem = ?3, valid_from = ?4, valid_until = ?5 WHERE host = ?1 AND kind = 'device'";
    let values = rusqlite::params![
        holder.host.as_str(),
        old.fingerprint.to_string(),
        old.certificate_pem,
        old.validity.from.unix_ms(),
        old.validity.until.unix_ms()
    ];
    assert_eq!(database(stage).execute(sql, values).unwrap(), 1);
    Device {
        url: device.url.clone(),
        client: client(&device.sheet, &old.certificate_pem, &device.key.pem()),
        certificate: old.certificate_pem,
        key: DeviceKey::load(&device.key.pem()).unwrap(),
        sheet: device.sheet.clone(),
        log: crate::log::Log::new(&device.sheet),
    }
}

async fn problem(response: reqwest::Response) -> (StatusCode, Option<TurnedAway>) {
    let status = response.status();
    (status, response.json::<Problem>().await.unwrap().turned_away)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_is_due_is_renewed_once_however_often_it_is_asked_for() {
    let stage = Stage::start().await;
    let young = stage.enrolled("clinic-7").await;
    let same: Enrolled = parsed(young.post("/v1/renew", &renewal(&young.key)).await).await;
    assert_eq!(same.certificate, young.certificate, "a certificate that is not due was replaced");

    let due = aged(&stage, &young, 21);
    let first: Enrolled = parsed(due.post("/v1/renew", &renewal(&due.key)).await).await;
    let again: Enrolled = parsed(due.post("/v1/renew", &renewal(&due.key)).await).await;
    assert_eq!(first.certificate, again.certificate, "a lost answer costs a certificate each time");
    assert_ne!(first.certificate, due.certificate);
    let renewed = client(&due.sheet, &first.certificate, &due.key.pem());
    let held = renewed.get(format!("{}/v1/evidence", due.url)).send().await.unwrap();
    assert_eq!(held.status(), StatusCode::OK);
    // The old one is good to its own end.
    assert_eq!(due.get("/v1/evidence").await.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_has_run_out_opens_its_renewal_and_nothing_else() {
    let stage = Stage::start().await;
    let device = aged(&stage, &stage.enrolled("clinic-7").await, 400);
    let out_of_time = (StatusCode::FORBIDDEN, Some(TurnedAway::OutOfTime));
    for path in ["/v1/orders", "/v1/evidence", "/v1/evidence/entries?from=0", "/v1/standing"] {
        assert_eq!(problem(device.get(path).await).await, out_of_time, "{path}");
    }
    let incident = crate::stage::drift("i-1", "suture.evidence-directory");
    assert_eq!(problem(device.post("/v1/incidents", &incident).await).await, out_of_time);
    assert!(stage.incidents("clinic-7").await.is_empty());
    // A machine that is turned away is not heard of: nobody looked at it.
    assert!(stage.host().await["seen"].is_null(), "{}", stage.host().await);
    let other = renewal(&DeviceKey::create().unwrap());
    assert_eq!(device.post("/v1/renew", &other).await.status(), StatusCode::FORBIDDEN);

    let Enrolled { certificate } = parsed(device.post("/v1/renew", &renewal(&device.key)).await).await;
    let renewed = client(&device.sheet, &certificate, &device.key.pem());
    let held = renewed.get(format!("{}/v1/evidence", device.url)).send().await.unwrap();
    assert_eq!(held.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_revoked_is_never_renewed_by_any_of_its_certificates() {
    let stage = Stage::start().await;
    let old = aged(&stage, &stage.enrolled("clinic-7").await, 40);
    let Enrolled { certificate } = parsed(old.post("/v1/renew", &renewal(&old.key)).await).await;
    let new = Device {
        client: client(&old.sheet, &certificate, &old.key.pem()),
        certificate,
        key: DeviceKey::load(&old.key.pem()).unwrap(),
        url: old.url.clone(),
        sheet: old.sheet.clone(),
        log: crate::log::Log::new(&old.sheet),
    };
    stage.revoke(&new).await;
    let revoked = (StatusCode::FORBIDDEN, Some(TurnedAway::Revoked));
    assert_eq!(problem(new.get("/v1/evidence").await).await, revoked);
    for device in [&new, &old] {
        assert_eq!(problem(device.post("/v1/renew", &renewal(&device.key)).await).await, revoked);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bootstrap_certificate_is_never_renewed() {
    let stage = Stage::start().await;
    let sheet = stage.sheet("clinic-7", "main").await;
    let body = renewal(&DeviceKey::create().unwrap());
    let asked = bootstrap(&sheet).post(format!("{}/v1/renew", sheet.hub)).json(&body).send().await.unwrap();
    assert_eq!(problem(asked).await, (StatusCode::FORBIDDEN, Some(TurnedAway::OtherUse)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_waits_a_quarter_of_an_hour_and_its_user_may_ask_again_later() {
    let stage = Stage::start().await;
    let (used, late) = (stage.sheet("clinic-7", "main").await, stage.sheet("clinic-7", "main").await);
    let key = DeviceKey::create().unwrap();
    let enrol = |sheet: &contract::plane::EnrolmentSheet| {
        let body = request(sheet, &key, &crate::log::Log::new(sheet));
        bootstrap(sheet).post(format!("{}/v1/enrol", sheet.hub)).json(&body).send()
    };
    let first: Enrolled = parsed(enrol(&used).await.unwrap()).await;
    let left: i64 = database(&stage)
        .query_row("SELECT max(token_until) FROM host", [], |row| row.get(0))
        .map(|until: i64| until - edge::clock::utc().unix_ms())
        .unwrap();
    assert!((14 * 60_000..=15 * 60_000).contains(&left), "{left} ms");
    database(&stage).execute("UPDATE host SET token_until = token_until - 900000", []).unwrap();
    assert_eq!(enrol(&late).await.unwrap().status(), StatusCode::FORBIDDEN);
    let again: Enrolled = parsed(enrol(&used).await.unwrap()).await;
    assert_eq!(first.certificate, again.certificate);
}
