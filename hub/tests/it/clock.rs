//! The hub's clock jumps by hours, forward and back, while it works: nothing counts backwards, nothing that was acknowledged is gone, what has an end ends by
//! the clock that there is, and people are not flooded. The devices' clocks stay right.
//!
//! The clock is the whole process's: the test runs itself once more, alone.

use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::Duration;

use contract::plane::{EvidenceHeld, IncidentState};
use edge::clock::moved;
use hub::config::Config;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::incidents::{opened, ordered};
use crate::people::{FIRST, PASSWORD, Somebody, log_in};
use crate::stage::{Device, Stage, bootstrap, config, parsed, request};

const ALONE: &str = "SUTURE_CLOCK_ALONE";
const HOUR_MS: i64 = 3_600_000;

#[test]
fn a_clock_that_jumps_under_work_loses_nothing_and_counts_nothing_backwards() {
    if std::env::var_os(ALONE).is_some() {
        return tokio::runtime::Runtime::new().unwrap().block_on(under_a_jumping_clock());
    }
    let mut again = Command::new(std::env::current_exe().unwrap());
    again.args([
        "--exact",
        "clock::a_clock_that_jumps_under_work_loses_nothing_and_counts_nothing_backwards",
        "--nocapture",
    ]);
    let output = again.env(ALONE, "1").output().unwrap();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

/// A hub that tells the syslog of whatever somebody has to hear.
async fn told_by(directory: tempfile::TempDir) -> Stage {
    let (at, alerts) = (directory.path().to_owned(), directory.path().join("alerts.yaml"));
    let yaml = format!(
        "version: 1\nchannels: {{ log: {{ syslog: {{ socket: {} }} }} }}\nroutes: [{{ channels: [log] }}]\n",
        at.join("log").display()
    );
    std::fs::write(&alerts, yaml).unwrap();
    let config = Config { alerts: Some(alerts), alerts_every: Duration::from_millis(50), ..config(&at) };
    let running = hub::serve::start(&config).await.unwrap();
    Stage::of(directory, running).await
}

/// The order that a person gives for the open incident, as the device gets it: its counter.
async fn by_person(device: &Device, somebody: &Somebody) -> u64 {
    let host = &device.sheet.host;
    let path = format!("/api/v1/tenants/clinic-7/hosts/{host}/incidents/i-1/order");
    let body = json!({ "runbook": "RB-FILE-001-own-directories", "person": FIRST });
    let made: Value = parsed(somebody.ask("POST", &path, Some(&body)).await).await;
    let waiting = device.orders(10_000).await.orders;
    let order = waiting.iter().find(|order| order.order.as_str() == made["order"]).unwrap();
    opened(device, order).counter
}

/// Delivers what is new, and says how much the hub holds.
async fn delivered(device: &mut Device) -> u64 {
    let held: EvidenceHeld = parsed(device.get("/v1/evidence").await).await;
    device.log.write_filler();
    let taken: contract::plane::EvidenceTaken = parsed(device.deliver(held.size).await).await;
    assert!(taken.receipt.is_some() && taken.size > held.size);
    taken.size
}

async fn somebody(stage: &Stage) -> Somebody {
    let opened = log_in(stage, FIRST, PASSWORD, None).await;
    let opened: contract::people::SessionOpened = parsed(opened).await;
    Somebody::new(stage, &opened.session)
}

async fn is_in(somebody: &Somebody) -> bool {
    match somebody.ask("GET", "/api/v1/status", None).await.status() {
        StatusCode::OK => true,
        StatusCode::UNAUTHORIZED => false,
        other => panic!("{other}"),
    }
}

async fn under_a_jumping_clock() {
    let directory = tempfile::tempdir().unwrap();
    let syslog = UnixDatagram::bind(directory.path().join("log")).unwrap();
    let stage = told_by(directory).await;
    let mut device = stage.enrolled("clinic-7").await;
    let unused = stage.sheet("clinic-7", "main").await;
    let at_first = somebody(&stage).await;
    let first = ordered(&device, "i-1").await;
    let mut counters = vec![opened(&device, &first).counter];
    let mut sizes = vec![delivered(&mut device).await];

    moved::set(8 * HOUR_MS);
    assert!(!is_in(&at_first).await, "a session idled for eight hours, and opens");
    let ahead = somebody(&stage).await;
    assert!(is_in(&ahead).await);
    assert!(device.orders(0).await.orders.is_empty(), "an order is given out hours after its end");
    let enrol = async || {
        let key = identity::DeviceKey::create().unwrap();
        let log = crate::log::Log::new(&unused);
        let asked =
            bootstrap(&unused).post(format!("{}/v1/enrol", unused.hub)).json(&request(&unused, &key, &log));
        asked.send().await.unwrap().status()
    };
    assert_eq!(enrol().await, StatusCode::FORBIDDEN, "a token is good hours after its end");
    sizes.push(delivered(&mut device).await);
    counters.push(by_person(&device, &ahead).await);

    // Back to where it was: the counters stay above what was signed when it was ahead, and the order that was given then is still to be carried out.
    moved::set(0);
    sizes.push(delivered(&mut device).await);
    counters.push(by_person(&device, &ahead).await);
    assert!(is_in(&ahead).await);
    // To before everything that it knows. Whoever was let in with a certificate of then is not yet: that ends with the clock.
    moved::set(-2 * HOUR_MS);
    assert_eq!(
        device.get("/v1/evidence").await.status(),
        StatusCode::FORBIDDEN,
        "by a certificate of the future"
    );

    moved::set(21 * HOUR_MS);
    assert!(!is_in(&ahead).await, "a session outlives what a session may last");
    let late = somebody(&stage).await;
    sizes.push(delivered(&mut device).await);
    counters.push(by_person(&device, &late).await);
    moved::set(HOUR_MS);
    sizes.push(delivered(&mut device).await);
    counters.push(by_person(&device, &late).await);

    assert!(counters.windows(2).all(|two| two[0] < two[1]), "counters: {counters:?}");
    assert!(sizes.windows(2).all(|two| two[0] < two[1]), "sizes: {sizes:?}");
    one_matter_is_told_once(&late, &syslog).await;

    // A hub that is started after all that, with an hour's error, goes on with what it had.
    let size = *sizes.last().unwrap();
    let Stage { directory, running } = stage;
    running.stop().await;
    let stage = told_by(directory).await;
    let mut device = device.moved(&stage);
    let held: EvidenceHeld = parsed(device.get("/v1/evidence").await).await;
    assert_eq!(held.size, size);
    assert_eq!(delivered(&mut device).await, size + 1);
    let late = Somebody::new(&stage, &late.secret);
    let listed: contract::plane::Page<contract::plane::IncidentView> =
        parsed(late.ask("GET", "/api/v1/tenants/clinic-7/incidents", None).await).await;
    assert!(
        matches!(listed.items[..], [ref one] if matches!(one.state, IncidentState::Ordered(_))),
        "{listed:?}"
    );
    counters.push(by_person(&device, &late).await);
    assert!(counters[counters.len() - 2] < counters[counters.len() - 1], "counters: {counters:?}");
    stage.running.stop().await;
}

/// A jump forward makes every machine look silent for a moment: at most one message for the site, however often the clock jumps within a day.
async fn one_matter_is_told_once(late: &Somebody, syslog: &UnixDatagram) {
    tokio::time::sleep(Duration::from_millis(500)).await;
    syslog.set_nonblocking(true).unwrap();
    let (mut told, mut line) = (Vec::new(), [0; 4096]);
    while let Ok(n) = syslog.recv(&mut line) {
        told.push(String::from_utf8_lossy(&line[..n]).into_owned());
    }
    assert!(told.len() <= 1 && told.iter().all(|line| line.contains("clinic-7/main")), "{told:#?}");
    let listed: Value = parsed(late.ask("GET", "/api/v1/alerts", None).await).await;
    let open = listed["items"].as_array().unwrap().iter().filter(|alert| alert["over"].is_null()).count();
    assert_eq!(open, 0, "what was heard of since is still called silent: {listed}");
}
