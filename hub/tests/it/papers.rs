//! Papers: signed for one host, under numbers that rise with every change; what makes no sense is refused before it is kept.

use contract::digest::Digest;
use contract::dsse::{PayloadType, open};
use contract::paper::{self, Holds, OpenedPaper, PaperKind};
use contract::people::ProblemDetails;
use contract::plane::{EnvelopeCarried, OrdersWaiting, PapersIssued, TextKept};
use hub::config::Config;
use hub::library::Sources;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::stage::{Device, Stage, bootstrap, config, parsed};

const LIST: &str = "listening: { tcp: [22], udp: [] }\nssh_keys: []\n";
const SITE: &str = "/api/v1/tenants/clinic-7/sites/main/allowlist";
const EXCEPTIONS: &str = "/api/v1/tenants/clinic-7/exceptions";

async fn listed(device: &Device) -> PapersIssued {
    parsed(device.get("/v1/papers").await).await
}

async fn envelope(device: &Device, kind: PaperKind) -> Vec<u8> {
    let carried: EnvelopeCarried = parsed(device.get(&format!("/v1/papers/{kind}")).await).await;
    carried.envelope.0
}

fn opened(device: &Device, kind: PaperKind, envelope: &[u8]) -> Result<OpenedPaper, paper::PaperFault> {
    let sheet = &device.sheet;
    let holds = Holds { tenant: &sheet.tenant, site: &sheet.site, host: &sheet.host };
    paper::open(kind, envelope, std::slice::from_ref(&sheet.hub_key), holds)
}

async fn fetched(device: &Device, kind: PaperKind) -> OpenedPaper {
    let paper = opened(device, kind, &envelope(device, kind).await).unwrap();
    let listed = listed(device).await.papers;
    assert_eq!(listed.iter().find(|p| p.kind == kind).map(|p| p.number), Some(paper.number()));
    paper
}

async fn set(stage: &Stage, path: &str, text: Option<&str>) -> TextKept {
    let body = json!({ "file": "set.yaml", "text": text });
    parsed(stage.operate(Method::POST, path, Some(body)).await).await
}

fn exception(control: &str) -> String {
    format!(
        "- control: {control}\n  reason: The old device cannot do otherwise.\n  risk: Somebody reads along.\n  compensating_controls: \
         [It stands in a locked room.]\n  owner: Ann Example\n  approver: Ben Example\n  from: 2026-11-01\n  until: 2026-12-01\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_is_given_its_own_papers_under_numbers_that_rise_with_every_change() {
    let stage = Stage::start().await;
    let device = stage.enrolled("clinic-7").await;
    let kinds: Vec<_> = listed(&device).await.papers.iter().map(|p| p.kind).collect();
    assert_eq!(kinds, [PaperKind::Baseline, PaperKind::Catalogue], "what was never set is said to be there");
    assert_eq!(device.get("/v1/papers/allowlist").await.status(), StatusCode::NOT_FOUND);
    assert_eq!(device.get("/v1/papers/orders").await.status(), StatusCode::NOT_FOUND);

    // The same text as in the sheet, and so the digest that a site approves.
    let pinned = std::slice::from_ref(&device.sheet.hub_key);
    let enrolled = open(PayloadType::Catalogue, &device.sheet.catalogue.0, pinned).unwrap();
    assert_eq!(fetched(&device, PaperKind::Catalogue).await.digest(), Some(enrolled.digest()));

    let kept = set(&stage, SITE, Some(LIST)).await;
    assert_eq!((kept.digest, kept.hosts), (Some(Digest::of(LIST.as_bytes())), 1));
    let first = fetched(&device, PaperKind::Allowlist).await;
    assert_eq!(first.text(), Some(LIST));
    let bytes = envelope(&device, PaperKind::Allowlist).await;
    assert_eq!(bytes, envelope(&device, PaperKind::Allowlist).await, "the same paper is other bytes");
    set(&stage, SITE, Some("ssh_keys: []\n")).await;
    let second = fetched(&device, PaperKind::Allowlist).await;
    assert!(second.number() > first.number());
    // What was said once and is said again is newer than what was said in between.
    set(&stage, SITE, Some(LIST)).await;
    let third = fetched(&device, PaperKind::Allowlist).await;
    assert!(third.number() > second.number() && third.text() == Some(LIST));
    set(&stage, SITE, None).await;
    let back = fetched(&device, PaperKind::Allowlist).await;
    assert!(back.number() > third.number() && back.text().is_none());

    set(&stage, EXCEPTIONS, Some(&exception("ssh.root-login"))).await;
    assert!(fetched(&device, PaperKind::Exceptions).await.text().unwrap().contains("ssh.root-login"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_shows_in_the_long_poll_at_once_and_nothing_does_without_one() {
    let stage = Stage::start().await;
    let device = stage.enrolled("clinic-7").await;
    let before = device.orders(0).await.papers;
    assert_eq!(before, Some(listed(&device).await.says));
    assert_eq!(device.orders(0).await.papers, before);
    let wakes = tokio::spawn({
        let request = device.client.get(format!("{}/v1/orders?wait_ms=20000", device.url));
        async move { parsed::<OrdersWaiting>(request.send().await.unwrap()).await }
    });
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    let asked = edge::clock::mono();
    set(&stage, SITE, Some(LIST)).await;
    let told = wakes.await.unwrap().papers;
    assert_ne!(told, before, "the device is not told");
    assert!(edge::clock::mono().ms_since(asked) < 5_000, "the device is told late");
    set(&stage, EXCEPTIONS, Some(&exception("ssh.root-login"))).await;
    let with_exceptions = device.orders(0).await.papers;
    assert_ne!(with_exceptions, told);
    set(&stage, EXCEPTIONS, None).await;
    assert_eq!(device.orders(0).await.papers, told);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_baseline_is_told_after_a_restart_and_has_a_higher_number() {
    let stage = Stage::start().await;
    let device = stage.enrolled("clinic-7").await;
    let (says, first) = (device.orders(0).await.papers, fetched(&device, PaperKind::Baseline).await);
    let catalogue = fetched(&device, PaperKind::Catalogue).await;
    let Stage { directory, running } = stage;
    running.stop().await;
    let file = directory.path().join("other.yaml");
    let text = include_str!("../../../baseline/hipaa-v1.yaml").replace("version: 1\n", "version: 2\n");
    std::fs::write(&file, &text).unwrap();
    let sources = Sources { baseline: Some(file), ..Sources::default() };
    let running = hub::serve::start(&Config { sources, ..config(directory.path()) }).await.unwrap();
    let stage = Stage { directory, running };
    let device = device.moved(&stage);
    assert_ne!(device.orders(0).await.papers, says);
    let second = fetched(&device, PaperKind::Baseline).await;
    assert!(second.number() > first.number() && second.text() == Some(text.as_str()));
    assert_eq!(
        fetched(&device, PaperKind::Catalogue).await,
        catalogue,
        "what did not change was numbered anew"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_for_its_own_site_or_host_and_counts_for_nobody_else() {
    let stage = Stage::start().await;
    set_up(&stage).await;
    let (ours, annex) = (stage.enrolled("clinic-7").await, stage.enrolled_at("clinic-7", "annex").await);
    let theirs = stage.enrolled("clinic-8").await;
    set(&stage, SITE, Some(LIST)).await;
    let own = format!("/api/v1/tenants/clinic-7/hosts/{}/allowlist", ours.sheet.host);
    let second = stage.enrolled("clinic-7").await;
    // The sheet of a later host carries it.
    let carried = second.sheet.allowlist.clone().unwrap();
    let signed =
        open(PayloadType::Allowlist, &carried.0, std::slice::from_ref(&second.sheet.hub_key)).unwrap();
    assert_eq!(signed.payload(), LIST.as_bytes());
    assert_eq!((&annex.sheet.allowlist, &ours.sheet.allowlist), (&None, &None));
    for other in [&annex, &theirs] {
        assert_eq!(other.get("/v1/papers/allowlist").await.status(), StatusCode::NOT_FOUND);
    }
    // A host's own goes before its site's, until it is taken back.
    set(&stage, &own, Some("administrators: []\n")).await;
    assert_eq!(fetched(&ours, PaperKind::Allowlist).await.text(), Some("administrators: []\n"));
    assert_eq!(fetched(&second, PaperKind::Allowlist).await.text(), Some(LIST));
    set(&stage, &own, None).await;
    assert_eq!(fetched(&ours, PaperKind::Allowlist).await.text(), Some(LIST));
    // What one host was given opens for no other.
    let bytes = envelope(&ours, PaperKind::Allowlist).await;
    assert_eq!(opened(&second, PaperKind::Allowlist, &bytes), Err(paper::PaperFault::NotForUs));
    let others = format!("/api/v1/tenants/clinic-8/hosts/{}/allowlist", ours.sheet.host);
    let body = json!({ "file": "a", "text": LIST });
    assert_eq!(stage.operate(Method::POST, &others, Some(body)).await.status(), StatusCode::NOT_FOUND);
}

async fn set_up(stage: &Stage) {
    stage.operate(Method::POST, "/api/v1/tenants", Some(json!({ "tenant": "clinic-7" }))).await;
    stage.operate(Method::POST, "/api/v1/tenants/clinic-7/sites", Some(json!({ "site": "main" }))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_is_refused_with_its_place_and_what_was_before_stays() {
    let stage = Stage::start().await;
    let device = stage.enrolled("clinic-7").await;
    set(&stage, SITE, Some(LIST)).await;
    set(&stage, EXCEPTIONS, Some(&exception("ssh.root-login"))).await;
    let says = listed(&device).await.says;
    let same_person = exception("ssh.root-login").replace("Ben Example", "Ann Example");
    let bad: [(&str, &str, &str); 7] = [
        (SITE, "ssh_keys: []\nusers: [ann]\n", "set.yaml:2:1: "),
        (SITE, "setuid:\n  - bin/su\n", "set.yaml:2:5: "),
        (SITE, "ssh_keys: []\nssh_keys: []\n", "set.yaml:2:"),
        (SITE, "{}", "set.yaml:1:1: "),
        (EXCEPTIONS, "", "set.yaml:1: "),
        (EXCEPTIONS, &exception("no.such-control"), "set.yaml:1: "),
        (EXCEPTIONS, &same_person, "set.yaml:1: "),
    ];
    for (path, text, place) in bad {
        let body: Value = json!({ "file": "set.yaml", "text": text });
        let answered = stage.operate(Method::POST, path, Some(body)).await;
        assert_eq!(answered.status(), StatusCode::UNPROCESSABLE_ENTITY, "{text:?}");
        let ProblemDetails { detail, .. } = answered.json().await.unwrap();
        assert!(detail.starts_with(place), "{detail:?} does not begin with {place:?}");
    }
    let unnamed = json!({ "file": "a\nb", "text": LIST });
    let answered = stage.operate(Method::POST, SITE, Some(unnamed)).await;
    assert_eq!(answered.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(listed(&device).await.says, says);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_without_a_devices_certificate_is_given_papers() {
    let stage = Stage::start().await;
    let device = stage.enrolled("clinic-7").await;
    let sheet = stage.sheet("clinic-8", "main").await;
    for path in ["/v1/papers", "/v1/papers/baseline"] {
        let newcomer = bootstrap(&sheet).get(format!("{}{path}", sheet.hub)).send().await.unwrap();
        assert_eq!(newcomer.status(), StatusCode::FORBIDDEN);
    }
    stage.revoke(&device).await;
    for path in ["/v1/papers", "/v1/papers/baseline"] {
        assert_eq!(device.get(path).await.status(), StatusCode::FORBIDDEN);
    }
}
