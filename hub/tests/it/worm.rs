//! The write-once stores behind the mirror: what goes there, what waits, and what is found when somebody was there.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use archive::s3::{Credentials, S3};
use archive::{Directory, Key, Lock, Mode, WriteOnce as _};
use contract::plane::EvidenceTaken;
use contract::socket::EntryPackage;
use hub::config::{ArchivePace, Archives, Config, S3Bucket};
use hub::serve::{StartError, start};
use reqwest::Method;
use serde_json::Value;
use tempfile::TempDir;

use crate::moto::Moto;
use crate::stage::{Device, Stage, config, parsed};

/// A hub's directory, and beside it the archive's; the flags come off at the end, so that both can be removed.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn worm(&self) -> std::path::PathBuf {
        self.0.path().join("worm")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        fn unseal(path: &Path) {
            if path.is_dir() {
                for entry in std::fs::read_dir(path).unwrap() {
                    unseal(&entry.unwrap().path());
                }
            } else if let Ok(file) = std::fs::File::open(path)
                && let Ok(flags) = rustix::fs::ioctl_getflags(&file)
            {
                let _ = rustix::fs::ioctl_setflags(&file, flags - rustix::fs::IFlags::IMMUTABLE);
            }
        }
        unseal(self.0.path());
    }
}

/// Looks at every turn; nothing is late and everything is audited each time.
const EAGER: ArchivePace = ArchivePace {
    look: Duration::from_millis(50),
    retry: Duration::from_millis(50),
    lag: Duration::from_hours(1),
    audit: Duration::ZERO,
};

fn archives(directory: Option<&Place>, s3: Option<&str>, pace: ArchivePace) -> Archives {
    let s3 = s3.map(|url| S3Bucket {
        place: format!("{url}/evidence/hub-1").parse().unwrap(),
        region: "us-east-1".parse().unwrap(),
        credentials: None,
    });
    Archives { directory: directory.map(Place::worm), s3, pace, ..Archives::default() }
}

/// A file with an access key, since a test must not change its process's environment.
fn with_key(mut archives: Archives, directory: &Path) -> Archives {
    let path = directory.join("access-key");
    edge::file::write_durably(&path, b"aws_access_key_id = AK\naws_secret_access_key = secret\n").unwrap();
    if let Some(s3) = &mut archives.s3 {
        s3.credentials = Some(path);
    }
    archives
}

async fn stage(directory: TempDir, archives: Archives) -> Stage {
    let archives = with_key(archives, directory.path());
    let running = start(&Config { archives, ..config(directory.path()) }).await.unwrap();
    Stage::of(directory, running).await
}

async fn again(stage: Stage, archives: Archives) -> Stage {
    let Stage { directory, running } = stage;
    running.stop().await;
    self::stage(directory, archives).await
}

fn bucket(url: &str) -> S3 {
    let place = format!("{url}/evidence/hub-1").parse().unwrap();
    let credentials = Credentials::new("AK".to_owned(), "secret".to_owned(), None);
    S3::new(place, "us-east-1".parse().unwrap(), credentials, edge::clock::utc).unwrap()
}

/// Writes `count` records and delivers what the hub has not got.
async fn grow(device: &mut Device, count: usize) -> u64 {
    let mut from = device.log.entries.len();
    if from == 1 {
        from = 0;
    }
    for _ in 0..count {
        device.log.write_filler();
    }
    while from < device.log.entries.len() {
        let to = device.log.entries.len().min(from + 256);
        let part = device.log.part(from as u64, to);
        parsed::<EvidenceTaken>(device.post("/v1/evidence", &part).await).await;
        from = to;
    }
    from as u64
}

/// Waits until `seen` finds in the status what it looks for; a hub that never gets there is red.
async fn until(stage: &Stage, what: &str, seen: impl Fn(&Stage, &Value) -> bool) {
    let begun = Instant::now();
    loop {
        let status = stage.status().await;
        if seen(stage, &status) {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{what} never came: {status:#}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Whether every store holds the one log up to `size`.
fn stored(size: u64) -> impl Fn(&Stage, &Value) -> bool {
    move |_, status| {
        let stores = status["archives"].as_array().unwrap();
        !stores.is_empty()
            && stores.iter().all(|s| s["hosts"][0]["stored"] == size && s["hosts"][0]["waits"].is_null())
    }
}

fn key(device: &Device, rest: &str) -> Key {
    format!("clinic-7/{}/{rest}", device.sheet.host).parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_mirror_holds_is_stored_locked_and_audited_in_both_stores() {
    let (moto, place) = (Moto::start(), Place::new());
    moto.bucket("evidence").await;
    let told = archives(Some(&place), Some(&moto.url), EAGER);
    let stage = stage(tempfile::tempdir().unwrap(), told.clone()).await;
    let mut device = stage.enrolled("clinic-7").await;
    let size = grow(&mut device, 600).await;
    until(&stage, "everything", stored(size)).await;

    let mirror = stage.directory.path().join("archive/clinic-7").join(device.sheet.host.as_str());
    let (s3, directory) = (bucket(&moto.url), Directory::open(&place.worm()).unwrap());
    let head = format!("heads/{size:020}");
    for (name, file) in [
        ("tile/entries/000", "tile/entries/000"),
        ("tile/entries/001", "tile/entries/001"),
        ("tile/0/001", "tile/0/001"),
        (head.as_str(), "checkpoint"),
    ] {
        let (name, bytes) = (key(&device, name), std::fs::read(mirror.join(file)).unwrap());
        assert_eq!(s3.oldest(&name).await.unwrap().as_ref(), Some(&bytes), "{name}");
        assert_eq!(directory.oldest(&name).await.unwrap().as_ref(), Some(&bytes), "{name}");
        let lock = s3.lock(&name).await.unwrap();
        assert!(matches!(lock, Some(Lock::Locked { mode: Mode::Compliance, .. })), "{name}: {lock:?}");
        let sealed = matches!(directory.lock(&name).await.unwrap(), Some(Lock::Locked { .. }));
        assert_eq!(sealed, directory.can_seal().is_ok(), "{name}");
    }
    let partial: Key =
        format!("partial/clinic-7/{}/tile/entries/002.p/89", device.sheet.host).parse().unwrap();
    assert_eq!(s3.lock(&partial).await.unwrap(), Some(Lock::Unlocked));
    let below = key(&device, "tile");
    assert_eq!(
        s3.versions(&below).await.unwrap().len(),
        4,
        "a partial tile was locked, or something stored twice"
    );

    // What was known of the store is lost; and the log goes on.
    let Stage { directory, running } = stage;
    running.stop().await;
    let database = rusqlite::Connection::open(directory.path().join("hub.db")).unwrap();
    assert_eq!(database.execute("DELETE FROM archived", []).unwrap(), 2);
    drop(database);
    let stage = self::stage(directory, told).await;
    let mut device = device.moved(&stage);
    let size = grow(&mut device, 200).await;
    until(&stage, "the rest", stored(size)).await;
    assert_eq!(s3.versions(&below).await.unwrap().len(), 6, "something was stored twice");
    assert_eq!(stage.host().await["alarms"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_away_delays_no_receipt_and_gets_everything_when_it_is_back() {
    let moto = Moto::start();
    let (port, url) = (moto.port(), moto.url.clone());
    drop(moto);
    let pace = ArchivePace { lag: Duration::ZERO, ..EAGER };
    let stage = stage(tempfile::tempdir().unwrap(), archives(None, Some(&url), pace)).await;
    let mut device = stage.enrolled("clinic-7").await;
    let size = grow(&mut device, 300).await;
    until(&stage, "the wait", |_, status| !status["archives"][0]["hosts"][0]["waits"].is_null()).await;
    until(&stage, "the alarm", |stage, _| !stage.alarms("archive_lag").is_empty()).await;
    assert_eq!(stage.status().await["archives"][0]["hosts"][0]["stored"], 0);

    // A hub that stopped meanwhile goes on where it was.
    let stage = again(stage, archives(None, Some(&url), pace)).await;
    let moto = Moto::start_on(port);
    moto.bucket("evidence").await;
    until(&stage, "everything", stored(size)).await;
    assert_eq!(bucket(&url).versions(&key(&device, "tile")).await.unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_does_in_the_bucket_is_an_alarm_by_its_name() {
    let moto = Moto::start();
    moto.bucket("evidence").await;
    let stage = stage(tempfile::tempdir().unwrap(), archives(None, Some(&moto.url), EAGER)).await;
    let mut device = stage.enrolled("clinic-7").await;
    let size = grow(&mut device, 300).await;
    until(&stage, "everything", stored(size)).await;
    assert_eq!(stage.host().await["alarms"], 0);

    let path = |rest: &str| format!("/evidence/hub-1/{}", key(&device, rest));
    let (bundle, tile, head) =
        (path("tile/entries/000"), path("tile/0/000"), path(&format!("heads/{size:020}")));
    moto.tamper(Method::PUT, &bundle, &[], "other").await;
    moto.tamper(Method::DELETE, &tile, &[], "").await;
    let short = "<Retention><Mode>COMPLIANCE</Mode><RetainUntilDate>2027-02-19T00:00:00Z</RetainUntilDate></Retention>";
    let digest = [("content-md5", "AAAAAAAAAAAAAAAAAAAAAA==")];
    let shortened = moto.tamper(Method::PUT, &format!("{head}?retention"), &digest, short).await;
    assert!(shortened.status().is_success());
    // Three objects are fewer than a sample, so each audit reads all of them.
    for (kind, says) in [
        ("archive_newer_version", "tile/entries/000"),
        ("archive_delete_marker", "tile/0/000"),
        ("archive_unlocked", "2027-02-19"),
    ] {
        until(&stage, kind, |stage, _| stage.alarms(kind).iter().any(|detail| detail.contains(says))).await;
    }
    assert_eq!(stage.alarms("archive_missing"), [""; 0]);
    assert_eq!(stage.alarms("archive_differs"), [""; 0]);
    // The oldest is read, whatever lies on top.
    assert_ne!(bucket(&moto.url).oldest(&key(&device, "tile/entries/000")).await.unwrap().unwrap(), b"other");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_was_exchanged_or_removed_is_an_alarm_and_so_is_another_under_our_name() {
    let place = Place::new();
    let stage = stage(tempfile::tempdir().unwrap(), archives(Some(&place), None, EAGER)).await;
    let mut device = stage.enrolled("clinic-7").await;
    let size = grow(&mut device, 300).await;
    until(&stage, "everything", stored(size)).await;
    let root = place.worm().join("clinic-7").join(device.sheet.host.as_str());
    let unsealed = |rest: &str| {
        let path = root.join(rest);
        if let Ok(flags) = rustix::fs::ioctl_getflags(std::fs::File::open(&path).unwrap()) {
            let file = std::fs::File::open(&path).unwrap();
            let _ = rustix::fs::ioctl_setflags(&file, flags - rustix::fs::IFlags::IMMUTABLE);
        }
        std::fs::remove_file(&path).unwrap();
        path
    };
    edge::file::write_durably(&unsealed("tile/0/000"), b"other").unwrap();
    unsealed("tile/entries/000");
    // A head that will come, and is there already.
    let next = root.join(format!("heads/{:020}", size + 1));
    edge::file::write_durably(&next, b"not the hub's").unwrap();
    grow(&mut device, 1).await;
    for (kind, says) in [
        ("archive_differs", "tile/0/000 holds other bytes"),
        ("archive_missing", "tile/entries/000 was stored"),
        ("archive_differs", "nothing was overwritten"),
    ] {
        until(&stage, kind, |stage, _| stage.alarms(kind).iter().any(|detail| detail.contains(says))).await;
    }
    assert_eq!(std::fs::read(next).unwrap(), b"not the hub's");
}

#[tokio::test(flavor = "multi_thread")]
async fn both_heads_of_a_fork_are_kept_locked() {
    let place = Place::new();
    let stage = stage(tempfile::tempdir().unwrap(), archives(Some(&place), None, EAGER)).await;
    let mut device = stage.enrolled("clinic-7").await;
    grow(&mut device, 2).await;
    let mut other = device.log.twin();
    other.open_as(|_| ());
    other.write_filler();
    other.open_as(|_| ());
    let fork = EntryPackage { from: 3, entries: vec![], checkpoint: other.checkpoint(3) };
    assert_eq!(device.post("/v1/evidence", &fork).await.status(), 422);
    let directory = Directory::open(&place.worm()).unwrap();
    let begun = Instant::now();
    let kept = loop {
        let kept = directory.versions(&"forks".parse().unwrap()).await.unwrap();
        if kept.len() == 2 {
            break kept;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{kept:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let mut all = Vec::new();
    for version in &kept {
        all.extend(directory.oldest(&version.key).await.unwrap().unwrap());
    }
    let text = String::from_utf8(all).unwrap();
    let offered = fork.checkpoint.lines().nth(2).unwrap();
    let mirror = stage.directory.path().join("archive/clinic-7").join(device.sheet.host.as_str());
    let held = std::fs::read_to_string(mirror.join("checkpoint")).unwrap();
    assert!(text.contains(offered) && text.contains(held.lines().nth(2).unwrap()), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_cannot_lock_or_a_key_that_is_missing_stops_the_start() {
    let moto = Moto::start();
    moto.tamper(Method::PUT, "/evidence", &[], "").await;
    let directory = tempfile::tempdir().unwrap();
    let told = with_key(archives(None, Some(&moto.url), EAGER), directory.path());
    let error = start(&Config { archives: told.clone(), ..config(directory.path()) }).await.unwrap_err();
    assert!(matches!(error, StartError::Archive(_)));
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("turn versioning on"), "{cause}");
    std::fs::remove_file(told.s3.as_ref().unwrap().credentials.as_ref().unwrap()).unwrap();
    let error = start(&Config { archives: told, ..config(directory.path()) }).await.unwrap_err();
    assert!(matches!(error, StartError::Archive(_)));
}

#[test]
fn fewer_than_six_years_and_a_secret_in_a_url_are_bad_arguments() {
    let directory = tempfile::tempdir().unwrap();
    for (arguments, says) in [
        (["--archive-years", "5"], "164.316"),
        (["--archive-s3", "https://key:secret@s3.example/bucket"], "secret no more"),
        (["--archive-s3", "http://s3.example/bucket"], "not https"),
        (["--archive-s3-region", "eu-central-1"], "--archive-s3"),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_suture-hub"));
        let output =
            command.arg("serve").arg("--dir").arg(directory.path()).args(arguments).output().unwrap();
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{message}");
        assert!(message.contains(says), "{message}");
    }
}
