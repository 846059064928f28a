//! The witness: what is mirrored, what is cosigned, and what never is.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use contract::plane::{EvidenceHeld, EvidenceTaken};
use contract::socket::EntryPackage;
use reqwest::StatusCode;
use tlog::note::SignedNote;
use tlog::{VerifierKey, cosignature};

use crate::log::Log;
use crate::stage::{Device, Stage, parsed};

pub(crate) async fn held(device: &Device) -> u64 {
    parsed::<EvidenceHeld>(device.get("/v1/evidence").await).await.size
}

pub(crate) async fn refused(device: &Device, package: &EntryPackage) -> String {
    let response = device.post("/v1/evidence", package).await;
    assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
    response.text().await.unwrap()
}

/// Checks a receipt with the witness key of the sheet, and says what it covers.
pub(crate) fn covered(device: &Device, receipt: &str) -> u64 {
    let key: VerifierKey = device.sheet.witness_key.parse().unwrap();
    let note = SignedNote::parse(receipt.as_bytes()).unwrap();
    let log_key: VerifierKey = device.log.key().parse().unwrap();
    note.verify(&log_key).unwrap();
    cosignature::verify(&note, &key).unwrap().checkpoint().size.get()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_log_is_mirrored_piece_by_piece_and_every_head_is_cosigned() {
    let stage = Stage::start().await;
    let mut device = stage.enrolled("clinic-7").await;
    let mut size = 0;
    for grow in [1, 1, 3, 250, 2, 300, 256] {
        for _ in 0..grow {
            device.log.write_filler();
        }
        let total = device.log.entries.len();
        while size < total as u64 {
            let to = total.min(usize::try_from(size).unwrap() + 256);
            let taken: EvidenceTaken =
                parsed(device.post("/v1/evidence", &device.log.part(size, to)).await).await;
            assert_eq!(taken.size, to as u64);
            assert_eq!(taken.receipt.is_some(), to == total, "a receipt for entries that are not held");
            if let Some(receipt) = taken.receipt {
                assert_eq!(covered(&device, &receipt), total as u64);
            }
            size = to as u64;
        }
    }
    // What stands on the disk is the log, byte by byte, in the tiles' layout.
    let directory = stage.directory.path().join("archive/clinic-7").join(device.sheet.host.as_str());
    let full = std::fs::read(directory.join("tile/entries/002")).unwrap();
    let third: Vec<_> = tlog::tile::bundle::entries(&full, 256).map(|e| e.unwrap().to_vec()).collect();
    let expected: Vec<_> = device.log.entries[512..768].iter().map(|e| e.as_bytes().to_vec()).collect();
    assert_eq!(third, expected);
    let note = std::fs::read_to_string(directory.join("checkpoint")).unwrap();
    assert_eq!(covered(&device, &note), size);
    assert!(!directory.join("staged").exists());
    let partials = std::fs::read_dir(directory.join("tile/entries/003.p")).unwrap().count();
    assert_eq!(partials, 1, "narrower bundles were left behind");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_goes_on_from_the_disk_staged_entries_included() {
    let stage = Stage::start().await;
    let mut device = stage.enrolled("clinic-7").await;
    for _ in 0..9 {
        device.log.write_filler();
    }
    parsed::<EvidenceTaken>(device.deliver(0).await).await;
    for _ in 0..9 {
        device.log.write_filler();
    }
    let part: EvidenceTaken = parsed(device.post("/v1/evidence", &device.log.part(10, 13)).await).await;
    assert_eq!((part.size, part.receipt), (13, None));

    let stage = stage.restart().await;
    let mut device = device.moved(&stage);
    assert_eq!(held(&device).await, 13);
    let whole: EvidenceTaken = parsed(device.deliver(13).await).await;
    assert_eq!(covered(&device, &whole.receipt.unwrap()), 19);
    // Nothing new under the same head: the receipt again, since the first may have been lost.
    let again: EvidenceTaken = parsed(device.deliver(19).await).await;
    assert_eq!(covered(&device, &again.receipt.unwrap()), 19);
    device.log.write_filler();
    assert_eq!(parsed::<EvidenceTaken>(device.deliver(19).await).await.size, 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_package_that_begins_elsewhere_is_told_where_the_log_ends() {
    let stage = Stage::start().await;
    let mut device = stage.enrolled("clinic-7").await;
    device.log.write_filler();
    parsed::<EvidenceTaken>(device.deliver(0).await).await;
    for from in [0, 1] {
        let response = device.deliver(from).await;
        assert_eq!(response.status(), StatusCode::CONFLICT);
        assert_eq!(response.json::<EvidenceHeld>().await.unwrap().size, 2);
    }
    assert_eq!(stage.host().await["alarms"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_is_refused_kept_as_an_alarm_and_never_cosigned() {
    let stage = Stage::start().await;
    let mut device = stage.enrolled("clinic-7").await;
    device.log.write_filler();
    device.log.write_filler();
    let receipt = parsed::<EvidenceTaken>(device.deliver(0).await).await.receipt;

    // The same key signs another history: another last record, and the old size.
    let mut other = device.log.twin();
    other.open_as(|_| ());
    other.write_finding(
        "files.passwd",
        contract::finding::Verdict::NotAssessed(contract::fact::Absence::TimedOut),
    );
    other.write_filler();
    let same_size = EntryPackage { from: 3, entries: vec![], checkpoint: other.checkpoint(3) };
    assert!(refused(&device, &same_size).await.contains("fork"));
    let smaller = EntryPackage { from: 3, entries: vec![], checkpoint: other.checkpoint(2) };
    assert!(refused(&device, &smaller).await.contains("fork"));
    // An honest older head is no fork.
    let older = EntryPackage { from: 3, entries: vec![], checkpoint: device.log.checkpoint(2) };
    assert_eq!(parsed::<EvidenceTaken>(device.post("/v1/evidence", &older).await).await.receipt, receipt);
    assert_eq!(
        stage.alarms("shorter_log"),
        ["the host signs 2 entries, and the hub holds 3"],
        "but it is told"
    );
    assert_eq!(stage.alarms("fork").len(), 2);
    assert_eq!(stage.host().await["alarms"], 3);
    assert_eq!(stage.host().await["evidence"], 3);
    device.log.write_filler();
    let honest: EvidenceTaken = parsed(device.deliver(3).await).await;
    assert_eq!(covered(&device, &honest.receipt.unwrap()), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_that_are_not_the_next_records_of_this_log_are_named_and_not_held() {
    let stage = Stage::start().await;
    let mut device = stage.enrolled("clinic-7").await;
    let other = stage.enrolled("clinic-8").await;
    for _ in 0..3 {
        device.log.write_filler();
    }
    let log = &device.log;
    let bent = |at: usize, text: &str| {
        let mut entries = log.entries.clone();
        entries[at] = text.to_owned();
        EntryPackage { from: 0, entries, checkpoint: log.checkpoint(4) }
    };
    let opened_as = |change: fn(&mut contract::record::Opened)| {
        let mut twin = log.twin();
        twin.open_as(change);
        twin.package(0)
    };
    let mut headless = log.twin();
    headless.write_filler();
    let mut twice = log.twin();
    twice.open_as(|_| ());
    twice.open_as(|_| ());
    let cases: Vec<(EntryPackage, &str)> = vec![
        (bent(2, "{}"), "entry 2 is not a record"),
        (bent(2, "patient"), "entry 2 is not a record"),
        (bent(2, &log.entries[3]), "entry 2 does not continue this log: its sequence"),
        (
            bent(1, &log.entries[1].replace("\"torn_bytes\":0", "\"torn_bytes\":1")),
            "entry 2 does not continue this log: its previous record",
        ),
        (bent(1, &log.entries[1].replace(&device.sheet.origin, &other.sheet.origin)), "its origin"),
        (other.log.package(0), "not signed by the key"),
        (opened_as(|o| o.tenant = "clinic-8".parse().unwrap()), "another tenant"),
        (opened_as(|o| o.host = "h-0".parse().unwrap()), "another host"),
        (opened_as(|o| o.key = "k".to_owned()), "another key"),
        (headless.package(0), "its kind"),
        (twice.package(0), "entry 1 does not continue this log: its kind"),
        (EntryPackage { checkpoint: log.checkpoint(3), ..log.package(0) }, "fewer than"),
        (EntryPackage { checkpoint: "no".to_owned(), ..log.package(0) }, "not signed"),
    ];
    for (package, expected) in cases {
        let text = refused(&device, &package).await;
        assert!(text.contains(expected), "{expected}: {text}");
        assert_eq!(held(&device).await, 0);
    }
    assert_eq!(parsed::<EvidenceTaken>(device.deliver(0).await).await.size, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_that_was_changed_is_not_built_upon() {
    let stage = Stage::start().await;
    let mut device = stage.enrolled("clinic-7").await;
    for _ in 0..3 {
        device.log.write_filler();
    }
    parsed::<EvidenceTaken>(device.deliver(0).await).await;
    let directory = stage.directory.path().join("archive/clinic-7").join(device.sheet.host.as_str());
    let tile = directory.join("tile/0/000.p/4");
    let mut bytes = std::fs::read(&tile).unwrap();
    bytes[5] ^= 1;
    edge::file::write_durably(&tile, &bytes).unwrap();
    let stage = stage.restart().await;
    let device = device.moved(&stage);
    assert_eq!(device.get("/v1/evidence").await.status(), StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_entry_is_not_copied_into_a_wider_bundle() {
    let stage = Stage::start().await;
    let mut device = stage.enrolled("clinic-7").await;
    for _ in 0..3 {
        device.log.write_filler();
    }
    parsed::<EvidenceTaken>(device.deliver(0).await).await;
    let directory = stage.directory.path().join("archive/clinic-7").join(device.sheet.host.as_str());
    let bundle = directory.join("tile/entries/000.p/4");
    let (sound, head) =
        (std::fs::read(&bundle).unwrap(), std::fs::read(directory.join("checkpoint")).unwrap());
    let mut bytes = sound.clone();
    *bytes.last_mut().unwrap() ^= 1;
    edge::file::write_durably(&bundle, &bytes).unwrap();
    device.log.write_filler();
    assert_eq!(device.deliver(4).await.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(std::fs::read(directory.join("checkpoint")).unwrap(), head);
    edge::file::write_durably(&bundle, &sound).unwrap();
    assert_eq!(parsed::<EvidenceTaken>(device.deliver(4).await).await.size, 5);
}

/// Every file below `directory` with its bytes, by path.
pub(crate) fn files(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files(&path));
        } else {
            all.insert(path.clone(), std::fs::read(&path).unwrap());
        }
    }
    all
}

/// What the hub remembers of the logs beside their copies, which a power cut would leave behind as well.
fn put_back_memory(directory: &Path, all: &BTreeMap<PathBuf, Vec<u8>>) {
    let remembered = |path: &Path| {
        let name = path.strip_prefix(directory).unwrap().to_string_lossy().into_owned();
        ["hub.db", "heads.db", "heads/"].iter().any(|word| name.starts_with(word))
    };
    for path in files(directory).into_keys().filter(|path| remembered(path)) {
        std::fs::remove_file(path).unwrap();
    }
    for (path, bytes) in all.iter().filter(|(path, _)| remembered(path)) {
        edge::file::write_durably(path, bytes).unwrap();
    }
}

pub(crate) fn put_back(directory: &Path, all: &BTreeMap<PathBuf, Vec<u8>>) {
    std::fs::remove_dir_all(directory).unwrap();
    for (path, bytes) in all {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        edge::file::write_durably(path, bytes).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_power_cut_after_any_write_leaves_the_old_head_or_the_new_and_the_log_goes_on() {
    let mut stage = Stage::start().await;
    let mut device = stage.enrolled("clinic-7").await;
    let archive = stage.directory.path().join("archive/clinic-7").join(device.sheet.host.as_str());
    for _ in 0..250 {
        device.log.write_filler();
    }
    parsed::<EvidenceTaken>(device.deliver(0).await).await;
    for _ in 0..20 {
        device.log.write_filler();
    }
    parsed::<EvidenceTaken>(device.post("/v1/evidence", &device.log.part(251, 253)).await).await;
    let before = files(&archive);
    let Stage { directory, running } = stage;
    running.stop().await;
    let memory = files(directory.path());
    stage = Stage::start_in(directory, hub::config::Outside::default()).await;
    device = device.moved(&stage);
    parsed::<EvidenceTaken>(device.deliver(253).await).await;
    let after = files(&archive);
    // Entries, then hashes, then the head: the order in which they are written. Removing what is superseded comes last.
    let mut written: Vec<_> = after.iter().filter(|(path, bytes)| before.get(*path) != Some(bytes)).collect();
    written
        .sort_by_key(|(path, _)| (path.ends_with("checkpoint"), !path.to_string_lossy().contains("entries")));
    assert!(written.len() >= 6, "{}", written.len());

    for cut in 0..=written.len() {
        let mut left = before.clone();
        left.extend(written[..cut].iter().map(|(path, bytes)| ((*path).clone(), (*bytes).clone())));
        let Stage { directory, running } = stage;
        running.stop().await;
        put_back(&archive, &left);
        put_back_memory(directory.path(), &memory);
        stage = Stage {
            running: hub::serve::start(&crate::stage::config(directory.path())).await.unwrap(),
            directory,
        };
        device = device.moved(&stage);
        let size = held(&device).await;
        assert_eq!(size, if cut == written.len() { 271 } else { 253 }, "after {cut} writes");
        let taken: EvidenceTaken = parsed(device.deliver(size).await).await;
        assert_eq!(covered(&device, &taken.receipt.unwrap()), 271);
        let whole = files(&archive);
        assert!(
            after.iter().all(|(path, bytes)| path.ends_with("checkpoint") || whole.get(path) == Some(bytes))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_package_above_its_bounds_is_refused() {
    let stage = Stage::start().await;
    let device = stage.enrolled("clinic-7").await;
    let many =
        EntryPackage { from: 0, entries: vec![String::new(); 257], checkpoint: device.log.checkpoint(1) };
    assert!(refused(&device, &many).await.contains("at most 256"));
    assert_eq!(Log::new(&device.sheet).entries, device.log.entries);
}
