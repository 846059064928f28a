//! Packets on their way out: made when they are due, printed, mailed, locked; and what was altered where it is kept goes out by no way.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use archive::Retention;
use contract::digest::Digest;
use contract::packet::{PacketKind, PacketView};
use contract::time::UtcTime;
use hub::config::{ArchivePace, Archives, Config};
use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::alerts::mail_server;
use crate::heads::{key, policy};
use crate::outside::{Outsider, quick, until};
use crate::packets::{fetch, json_of, made, october};
use crate::stage::{Stage, config, parsed};

fn typesetter(directory: &Path) -> std::path::PathBuf {
    let path = directory.join("typeset");
    std::fs::write(&path, "#!/bin/sh\n/bin/cat >/dev/null; printf '%%PDF-1.7 made'\n").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// A store in a directory that is looked after all the time.
fn archives(beside: &Path) -> Archives {
    let pace = ArchivePace {
        look: Duration::from_millis(100),
        retry: Duration::from_millis(100),
        ..ArchivePace::default()
    };
    Archives { directory: Some(beside.join("worm")), s3: None, retention: Retention::default(), pace }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_due_is_made_printed_mailed_and_locked_by_itself_once() {
    let first = Stage::start().await;
    let device = october(&first, "clinic-7").await;
    first.sheet("clinic-9", "main").await;
    let directory = first.stopped().await;
    let beside = tempfile::tempdir().unwrap();
    let (port, mails) = mail_server();
    let yaml = format!(
        "version: 1\nmail: {{ host: 127.0.0.1, port: {port}, tls: loopback-only, from: 'Packets <packets@msp.example>' }}\ntenants:\n  clinic-7: {{ client: Riverside Family Practice, zone: America/Chicago, prepared_by: Lakeshore, mail: [office@riverside.example], attach: true, postcard: true }}\n  clinic-9: {{ client: Nobody Yet, zone: UTC, prepared_by: Lakeshore }}\n"
    );
    let profiles = beside.path().join("packets.yaml");
    std::fs::write(&profiles, yaml).unwrap();
    let told = Config {
        packets: Some(profiles),
        typesetter: Some(typesetter(beside.path())),
        alerts_every: Duration::from_millis(25),
        archives: archives(beside.path()),
        ..config(directory.path())
    };
    let due = due_month("America/Chicago");
    let running = hub::serve::start(&told).await.unwrap();
    let stage = Stage::of(directory, running).await;
    drop(device);
    let mut heard = Vec::new();
    for _ in 0..2 {
        heard.push(mails.recv_timeout(Duration::from_secs(60)).unwrap());
    }
    for mail in &heard {
        let subject = mail.lines().find(|line| line.starts_with("Subject: ")).unwrap();
        assert!(
            ["Subject: Your monthly packet is ready", "Subject: Your weekly postcard is ready"]
                .contains(&subject),
            "{subject}"
        );
        let readable: String =
            mail.split("\r\n").take_while(|line| !line.contains("application/pdf")).collect();
        assert!(!readable.contains("Riverside") && !readable.contains("clinic-7"), "{readable}");
        assert!(mail.contains("filename=\"packet.pdf\""), "the packet is not in the letter");
    }
    let packets = loop {
        let listed: Value = parsed(stage.operate(Method::GET, "/api/v1/packets", None).await).await;
        let packets: Vec<PacketView> = serde_json::from_value(listed["packets"].clone()).unwrap();
        if packets.len() == 2 && packets.iter().all(|packet| packet.locked_in == ["directory"]) {
            break packets;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let month = packets.iter().find(|packet| packet.kind == PacketKind::Month).unwrap();
    assert_eq!((month.period.as_str(), month.number, month.by.as_ref()), (due.as_str(), 1, None));
    assert_eq!(fetch(&stage, month, "packet.pdf").await, b"%PDF-1.7 made");
    let packet = json_of(&stage, month).await;
    assert_eq!(
        (packet.client.as_str(), packet.zone.as_str()),
        ("Riverside Family Practice", "America/Chicago")
    );
    let stored = beside.path().join(format!("worm/packets/clinic-7/month/{due}/1/packet.pdf"));
    assert_eq!(std::fs::read(stored).unwrap(), b"%PDF-1.7 made");
    // Nothing is made or mailed twice, and a tenant without machines has none.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert!(mails.try_recv().is_err());
    let listed: Value = parsed(stage.operate(Method::GET, "/api/v1/packets", None).await).await;
    assert_eq!(listed["packets"].as_array().unwrap().len(), 2);
    unlock(&beside.path().join("worm"));
}

/// The month that is due when a hub starts now: the last one that is over, some hours after its end.
fn due_month(zone: &str) -> String {
    let settled = edge::clock::utc().unix_ms() - 6 * 60 * 60 * 1000;
    let zone = packet::Zone::named(zone).unwrap();
    packet::Month::of(UtcTime::from_unix_ms(settled).unwrap(), &zone).before().to_string()
}

/// Takes the immutable flags off, so that the directory can be removed.
fn unlock(path: &Path) {
    if path.is_dir() {
        for entry in std::fs::read_dir(path).unwrap() {
            unlock(&entry.unwrap().path());
        }
    } else if let Ok(file) = std::fs::File::open(path)
        && let Ok(flags) = rustix::fs::ioctl_getflags(&file)
    {
        let _ = rustix::fs::ioctl_setflags(&file, flags - rustix::fs::IFlags::IMMUTABLE);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_was_altered_under_its_digest_is_given_to_nobody() {
    let stage = Stage::start().await;
    october(&stage, "clinic-7").await;
    let view = made(&stage, "clinic-7").await;
    let directory = stage.stopped().await;
    let database = rusqlite::Connection::open(directory.path().join("packets.db")).unwrap();
    let changed = database
        .execute(
            "UPDATE content SET bytes = ?1 WHERE digest = (SELECT digest FROM packet_file WHERE name = 'packet.html')",
            [b"<p>All is well.</p>".to_vec()],
        )
        .unwrap();
    assert_eq!(changed, 1);
    drop(database);
    let running = hub::serve::start(&config(directory.path())).await.unwrap();
    let stage = Stage::of(directory, running).await;
    let path = format!("/api/v1/tenants/clinic-7/packets/{}/packet.html", view.id);
    let refused = stage.operate(Method::GET, &path, None).await;
    assert_eq!(refused.status(), StatusCode::INTERNAL_SERVER_ERROR);
    fetch(&stage, &view, "packet.json").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_packet_that_was_altered_where_it_is_kept_is_given_to_nobody() {
    let stage = Stage::start().await;
    october(&stage, "clinic-7").await;
    let view = made(&stage, "clinic-7").await;
    let directory = stage.stopped().await;
    // As somebody with the hub's disk would have it: other bytes, under the digest that they have.
    let database = rusqlite::Connection::open(directory.path().join("packets.db")).unwrap();
    let page = b"<p>All is well.</p>".to_vec();
    let digest = Digest::of(&page).to_string();
    database.execute("INSERT INTO content VALUES (?1, ?2)", rusqlite::params![digest, page]).unwrap();
    let changed =
        database.execute("UPDATE packet_file SET digest = ?1 WHERE name = 'packet.html'", [&digest]).unwrap();
    assert_eq!(changed, 1);
    drop(database);
    let running = hub::serve::start(&config(directory.path())).await.unwrap();
    let stage = Stage::of(directory, running).await;
    for file in ["packet.html", "packet.json"] {
        let path = format!("/api/v1/tenants/clinic-7/packets/{}/{file}", view.id);
        let refused = stage.operate(Method::GET, &path, None).await;
        assert_eq!(refused.status(), StatusCode::INTERNAL_SERVER_ERROR, "{file}");
    }
    let path = format!("/api/v1/tenants/clinic-7/packets/{}/acknowledge", view.id);
    assert_eq!(stage.operate(Method::POST, &path, None).await.status(), StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_altered_is_neither_mailed_nor_stored_and_holds_up_no_other() {
    let stage = Stage::start().await;
    let mut views = Vec::new();
    for tenant in ["clinic-7", "clinic-9"] {
        october(&stage, tenant).await;
        views.push(made(&stage, tenant).await);
    }
    let directory = stage.stopped().await;
    let database = rusqlite::Connection::open(directory.path().join("packets.db")).unwrap();
    let alter = "UPDATE content SET bytes = ?1 WHERE digest = (SELECT digest FROM packet_file WHERE packet = 1 AND name = 'packet.html')";
    assert_eq!(database.execute(alter, [b"<p>All is well.</p>".to_vec()]).unwrap(), 1);
    let due = "INSERT INTO outgoing (packet, whom, next) SELECT number, 'office@' || tenant || '.example', 0 FROM packet";
    assert_eq!(database.execute(due, []).unwrap(), 2);
    let beside = tempfile::tempdir().unwrap();
    let (port, mails) = mail_server();
    let clinic = |tenant: &str| {
        format!(
            "  {tenant}: {{ client: A Practice, zone: UTC, prepared_by: Lakeshore, mail: [office@{tenant}.example], attach: true }}\n"
        )
    };
    let profiles = beside.path().join("packets.yaml");
    let server =
        format!("mail: {{ host: 127.0.0.1, port: {port}, tls: loopback-only, from: 'P <p@msp.example>' }}");
    let yaml = format!("version: 1\n{server}\ntenants:\n{}{}", clinic("clinic-7"), clinic("clinic-9"));
    std::fs::write(&profiles, yaml).unwrap();
    let told = Config {
        packets: Some(profiles),
        alerts_every: Duration::from_millis(25),
        archives: archives(beside.path()),
        ..config(directory.path())
    };
    let running = hub::serve::start(&told).await.unwrap();
    let stage = Stage::of(directory, running).await;
    let mail = mails.recv_timeout(Duration::from_secs(60)).unwrap();
    assert!(mail.contains("office@clinic-9.example") && mail.contains("filename=\"packet.html\""), "{mail}");
    let one = |sql: &str| database.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    while one("SELECT count(*) FROM stored WHERE packet = 2") == 0
        || one("SELECT tries FROM outgoing WHERE packet = 1") == 0
    {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(one("SELECT count(*) FROM outgoing WHERE packet = 1 AND sent IS NOT NULL"), 0);
    assert_eq!(one("SELECT count(*) FROM stored WHERE packet = 1"), 0);
    let stored = |view: &PacketView| {
        beside.path().join(format!("worm/packets/{}/month/2026-10/1/packet.html", view.tenant)).exists()
    };
    assert_eq!((stored(&views[0]), stored(&views[1])), (false, true));
    alert(&stage, "is not what the hub's own log says that it was").await;
    let told = alert(&stage, "packet 1 of 2026-10 does not lie in the store directory").await;
    assert_eq!((told["kind"].as_str(), told["tenant"].as_str()), (Some("fault"), Some("clinic-7")));
    drop(stage);
    unlock(&beside.path().join("worm"));
}

/// Waits for an alert of these words.
async fn alert(stage: &Stage, words: &str) -> Value {
    for _ in 0..600 {
        let listed: Value = parsed(stage.operate(Method::GET, "/api/v1/alerts", None).await).await;
        let told = listed["items"].as_array().unwrap().iter();
        if let Some(told) = told.clone().find(|told| told["what"].as_str().unwrap().contains(words)) {
            return told.clone();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("nobody is told that {words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_is_told_of_a_packet_that_is_due_and_cannot_be_made() {
    let stage = Stage::start().await;
    october(&stage, "clinic-7").await;
    let directory = stage.stopped().await;
    let beside = tempfile::tempdir().unwrap();
    let profiles = beside.path().join("packets.yaml");
    let yaml =
        "version: 1\ntenants:\n  clinic-7: { client: A Practice, zone: UTC, prepared_by: Lakeshore }\n";
    std::fs::write(&profiles, yaml).unwrap();
    // As it ends where it would take more memory than it may have.
    let ended = beside.path().join("typeset");
    std::fs::write(&ended, "#!/bin/sh\n/bin/cat >/dev/null; kill -KILL $$\n").unwrap();
    std::fs::set_permissions(&ended, std::fs::Permissions::from_mode(0o755)).unwrap();
    let told = Config {
        packets: Some(profiles),
        typesetter: Some(ended),
        alerts_every: Duration::from_millis(25),
        ..config(directory.path())
    };
    let running = hub::serve::start(&told).await.unwrap();
    let stage = Stage::of(directory, running).await;
    let alerted = alert(&stage, "the packet of the month that is due cannot be made").await;
    assert_eq!((alerted["kind"].as_str(), alerted["tenant"].as_str()), (Some("fault"), Some("clinic-7")));
    assert!(alerted["what"].as_str().unwrap().contains("the typesetter was ended"), "{alerted}");
    let listed: Value = parsed(stage.operate(Method::GET, "/api/v1/packets", None).await).await;
    assert_eq!(listed["packets"].as_array().unwrap().len(), 0);
    // A start that has not looked yet does not say that all is well.
    let directory = stage.stopped().await;
    let idle = Config { packets: None, typesetter: None, ..told };
    let stage = Stage::of(directory, hub::serve::start(&idle).await.unwrap()).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let same = alert(&stage, "the packet of the month that is due cannot be made").await;
    assert_eq!((&same["id"], &same["over"]), (&alerted["id"], &Value::Null));
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_is_told_of_a_packet_that_could_not_be_printed() {
    let stage = Stage::start().await;
    october(&stage, "clinic-7").await;
    let directory = stage.stopped().await;
    let beside = tempfile::tempdir().unwrap();
    let gives_up = beside.path().join("typeset");
    std::fs::write(&gives_up, "#!/bin/sh\n/bin/cat >/dev/null; echo no such letter >&2; exit 70\n").unwrap();
    std::fs::set_permissions(&gives_up, std::fs::Permissions::from_mode(0o755)).unwrap();
    let told = Config {
        typesetter: Some(gives_up.clone()),
        alerts_every: Duration::from_millis(25),
        ..config(directory.path())
    };
    let stage = Stage::of(directory, hub::serve::start(&told).await.unwrap()).await;
    assert!(made(&stage, "clinic-7").await.no_pdf.is_some());
    let unprinted = alert(&stage, "packet 1 of 2026-10 has no PDF").await;
    assert!(unprinted["what"].as_str().unwrap().contains("no such letter"), "{unprinted}");
    assert_eq!(unprinted["tenant"], "clinic-7");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_cosigned_outside_stands_in_the_packet_with_a_proof() {
    let mut one = Outsider::new("one.example");
    let stage = Stage::start_told(quick()).await;
    let log = key(&stage.status().await["heads"]);
    one.start(&log.to_string());
    let files = tempfile::tempdir().unwrap();
    let told = policy(files.path(), &format!("log {log}\n{}quorum one\n", one.line("one")));
    let stage = stage.restart_told(told).await;
    october(&stage, "clinic-7").await;
    until(&stage, "witnessed", |heads| heads["quorum_met"] == true && heads["witnessed"].is_u64()).await;
    let packet = json_of(&stage, &made(&stage, "clinic-7").await).await;
    let seen = &packet.logs[0];
    let outside = seen.outside.as_ref().unwrap();
    let names: Vec<&str> = outside.cosigned.iter().map(|seen| seen.by.as_str()).collect();
    assert_eq!(names, ["one.example"]);
    assert!((1..=seen.size).contains(&outside.size));
    let proof = tlog::proof::Proof::parse(outside.proof.as_bytes()).unwrap();
    let entry = proof.extra.clone().unwrap();
    assert!(entry.starts_with(format!("{}\n{}\n", seen.origin, outside.size).as_bytes()));
    let signed = tlog::VerifiedCheckpoint::from_note(proof.checkpoint.clone(), &log).unwrap();
    proof.verify_leaf(&tlog::leaf_hash(&entry), signed.checkpoint()).unwrap();
    tlog::cosignature::verify(&proof.checkpoint, &one.key).unwrap();
}
