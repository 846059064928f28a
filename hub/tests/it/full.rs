//! A disk that is full: nothing is acknowledged that is not kept, each refusal says so, and when there is room again it goes on.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::stage::{Device, Stage, config, drift};

/// A small file system of its own.
struct Small(PathBuf);

impl Small {
    fn new(at: &Path) -> Self {
        let mut mount = Command::new("mount");
        let mounted =
            mount.args(["-t", "tmpfs", "-o", "size=48m,mode=700", "small"]).arg(at).status().unwrap();
        assert!(mounted.success(), "root may mount a small file system");
        Self(at.to_owned())
    }

    fn fill(&self) {
        let mut file = OpenOptions::new().create(true).append(true).open(self.0.join("filler")).unwrap();
        for size in [1 << 16, 1 << 12, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
    }

    fn free(&self) {
        std::fs::remove_file(self.0.join("filler")).unwrap();
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

async fn report(device: &Device, n: usize) -> (StatusCode, Value) {
    // Long enough that what is free in a file that was written before is soon used up.
    let control = format!("made-up.n{n}-{}", "x".repeat(20));
    let answer = device.post("/v1/incidents", &drift(&format!("i-{n}"), &control)).await;
    (answer.status(), answer.json().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_loses_nothing_that_was_acknowledged_and_goes_on_when_there_is_room() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("not run: only root can mount a small disk");
        return;
    }
    let outer = tempfile::tempdir().unwrap();
    let small = Small::new(outer.path());
    let directory = tempfile::tempdir_in(outer.path()).unwrap();
    let running = hub::serve::start(&config(directory.path())).await.unwrap();
    let stage = Stage::of(directory, running).await;
    let mut device = stage.enrolled("clinic-7").await;
    assert_eq!(report(&device, 0).await.0, StatusCode::OK);
    assert_eq!(device.deliver(0).await.status(), StatusCode::OK);

    small.fill();
    let (mut acknowledged, mut refused) = (vec![0], Vec::new());
    for n in 1.. {
        small.fill();
        let (status, said) = report(&device, n).await;
        if status == StatusCode::OK {
            acknowledged.push(n);
            assert!(n < 20_000, "the disk is never full");
            continue;
        }
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(said["problem"].as_str().unwrap().contains("nothing was taken"), "{said}");
        refused.push(n);
        if refused.len() == 3 {
            break;
        }
    }
    for _ in 0..300 {
        device.log.write_filler();
    }
    let (held, part) = (1, device.log.part(1, 257));
    let evidence = device.post("/v1/evidence", &part).await;
    assert_eq!(evidence.status(), StatusCode::INTERNAL_SERVER_ERROR);
    // What cannot be recorded is not done; looking goes on.
    let tenant = || Some(json!({ "tenant": "late" }));
    let added = stage.operate(Method::POST, "/api/v1/tenants", tenant()).await;
    assert_eq!(added.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(stage.operate(Method::GET, "/api/v1/status", None).await.status(), StatusCode::OK);

    small.free();
    for n in &refused {
        assert_eq!(report(&device, *n).await.0, StatusCode::OK, "{n}, when there is room");
    }
    let evidence = device.post("/v1/evidence", &part).await;
    assert_eq!(evidence.status(), StatusCode::OK, "{}", evidence.text().await.unwrap());
    assert_eq!(device.deliver(held + 256).await.status(), StatusCode::OK);
    let added = stage.operate(Method::POST, "/api/v1/tenants", tenant()).await;
    assert_eq!(added.status(), StatusCode::CREATED, "the hub's own log goes on without a restart");

    let stage = stage.restart().await;
    let device = device.moved(&stage);
    let held: contract::plane::EvidenceHeld = crate::stage::parsed(device.get("/v1/evidence").await).await;
    assert_eq!(held.size, 301);
    let database = rusqlite::Connection::open(stage.directory.path().join("hub.db")).unwrap();
    let count = |n: &usize| -> u32 {
        let sql = "SELECT count(*) FROM incident WHERE incident = ?1";
        database.query_row(sql, [format!("i-{n}")], |row| row.get(0)).unwrap()
    };
    for n in acknowledged.iter().chain(&refused) {
        assert_eq!(count(n), 1, "incident {n}");
    }
    drop((database, stage));
}
