//! A log's key changes by two records of the log, and in no other way.

use contract::plane::{EvidenceHeld, EvidenceTaken};
use contract::record::{Body, Digests, KeyNamed, KeyTaken, Recovered};
use contract::socket::EntryPackage;
use evidence::{Draft, LogWriter, Package};
use reqwest::StatusCode;
use tlog::SigningKey;
use tlog::note::{SignatureType, SignedNote};

use crate::log::Log;
use crate::stage::{Device, Stage, parsed, plain};

/// Delivers everything from `from` on; the receipt is by the log's present key.
async fn taken(device: &Device, from: u64) -> EvidenceTaken {
    let taken: EvidenceTaken = parsed(device.deliver(from).await).await;
    let note = SignedNote::parse(taken.receipt.clone().unwrap().as_bytes()).unwrap();
    note.verify(&device.log.key().parse().unwrap()).unwrap();
    taken
}

async fn refused(device: &Device, from: u64) -> String {
    let response = device.deliver(from).await;
    assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
    response.text().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_the_old_one_names_takes_over_and_the_operator_hears_of_it() {
    let stage = Stage::start().await;
    let mut device = stage.enrolled("clinic-7").await;
    assert_eq!(taken(&device, 0).await.size, 1);
    device.log.rotate(21);
    assert_eq!(taken(&device, 1).await.size, 3);
    let told = stage.alarms("key_rotated");
    assert!(told.len() == 1 && told[0].contains(&device.log.key()), "{told:?}");

    let stage = stage.restart().await;
    let mut device = device.moved(&stage);
    device.log.write_filler();
    assert_eq!(taken(&device, 3).await.size, 4);
    device.log.rotate(22);
    device.log.rotate(23);
    assert_eq!(taken(&device, 4).await.size, 8);
    let stage = stage.restart().await;
    let mut device = device.moved(&stage);
    device.log.write_filler();
    assert_eq!(taken(&device, 8).await.size, 9);
    assert_eq!(stage.alarms("key_rotated").len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hand_over_may_come_in_a_later_package_than_the_first_that_its_head_is_sent_with() {
    let stage = Stage::start().await;
    let mut device = stage.enrolled("clinic-7").await;
    assert_eq!(taken(&device, 0).await.size, 1);
    for _ in 0..254 {
        device.log.write_filler();
    }
    // The naming is the last entry of the first package, and the taking over the first of the next.
    device.log.rotate(21);
    let part: EvidenceTaken = parsed(device.post("/v1/evidence", &device.log.part(1, 256)).await).await;
    assert_eq!((part.size, part.receipt), (256, None));
    let stage = stage.restart().await;
    let device = device.moved(&stage);
    assert_eq!(taken(&device, 256).await.size, 257);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_key_takes_over_without_the_old_ones_hand_over() {
    let stage = Stage::start().await;
    let mut device = stage.enrolled("clinic-7").await;
    assert_eq!(taken(&device, 0).await.size, 1);
    // Signed by a stranger, at once or under a head that promises more.
    let honest = device.log.entries.clone();
    device.log.rotate(21);
    let stranger = device.log.key();
    device.log.entries.clone_from(&honest);
    device.log.write_filler();
    assert!(refused(&device, 1).await.contains("not signed by the key in force"));
    // Named by nobody.
    device.log.entries.clone_from(&honest);
    let handover = device.log.checkpoint(1);
    device.log.write("log", Body::KeyTaken(KeyTaken { handover: handover.clone(), key: stranger.clone() }));
    assert!(refused(&device, 1).await.contains("hand-over"));
    // Named, and handed over by itself: the old key signed no such head.
    device.log.entries.clone_from(&honest);
    device.log.write("log", Body::KeyNamed(KeyNamed { key: stranger.clone() }));
    let own = device.log.checkpoint(2);
    device.log.write("log", Body::KeyTaken(KeyTaken { handover: own, key: stranger }));
    assert!(refused(&device, 1).await.contains("hand-over"));
    assert_eq!(stage.alarms("key_rotated").len(), 0);
}

/// The log of a device whose two records of a rotation are these, under a head of the key with that seed.
fn forged(log: &Log, named: u8, taken: u8, handover: impl FnOnce(&Log) -> String, signs: u8) -> EntryPackage {
    let mut log = log.copy(9);
    log.write("log", Body::KeyNamed(KeyNamed { key: log.copy(named).key() }));
    let taken = KeyTaken { handover: handover(&log), key: log.copy(taken).key() };
    log.write("log", Body::KeyTaken(taken));
    log.copy(signs).package(1)
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_hand_overs_are_refused_with_an_alarm_each_and_a_genuine_one_is_taken_after_them() {
    let stage = Stage::start().await;
    let mut device = stage.enrolled("clinic-7").await;
    assert_eq!(taken(&device, 0).await.size, 1);
    let log = &device.log;
    let mut unfinished = log.copy(9);
    unfinished.write("log", Body::KeyNamed(KeyNamed { key: log.copy(21).key() }));
    unfinished.write_filler();
    let mut back = log.copy(9);
    back.rotate(21);
    back.rotate(9);
    let good = |log: &Log| log.checkpoint(2);
    let cases = [
        (forged(log, 21, 22, good, 22), "not the one that was named"),
        (forged(log, 21, 21, |log| log.copy(21).checkpoint(2), 21), "not signed by the key in force"),
        (forged(log, 21, 21, |_| "no note".to_owned(), 21), "not signed by the key in force"),
        (
            forged(log, 21, 21, |log| log.checkpoint(1), 21),
            "not the head of the records up to the naming one",
        ),
        (forged(log, 9, 9, good, 9), "in force before"),
        (unfinished.package(1), "is not taken"),
        (back.package(1), "in force before"),
    ];
    for (package, expected) in cases {
        let response = device.post("/v1/evidence", &package).await;
        assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY, "{expected}");
        let text = response.text().await.unwrap();
        assert!(text.contains("hand-over of the log's key") && text.contains(expected), "{expected}: {text}");
    }
    assert_eq!(stage.alarms("key_handover").len(), 6, "{:?}", stage.alarms("key_handover"));
    // The old key after its hand-over, and the new one before it.
    let late = forged(log, 21, 21, good, 9);
    let response = device.post("/v1/evidence", &late).await;
    assert!(response.text().await.unwrap().contains("not signed by the key in force"));
    assert_eq!(stage.alarms("bad_checkpoint").len(), 1);
    device.log.rotate(21);
    assert_eq!(taken(&device, 1).await.size, 3);
    let older = EntryPackage { from: 3, entries: vec![], checkpoint: device.log.checkpoint(1) };
    let response = device.post("/v1/evidence", &older).await;
    assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY, "a head of one entry by the later key");
    let older = EntryPackage { from: 3, entries: vec![], checkpoint: device.log.copy(9).checkpoint(1) };
    assert_eq!(device.post("/v1/evidence", &older).await.status(), StatusCode::OK);
}

fn draft(body: Body) -> Draft {
    let time = "2026-11-21T07:00:00.000Z".parse().unwrap();
    let clock = contract::time::ClockOffset::Unknown;
    Draft { time, clock, subject: "log".to_owned(), digests: Digests::default(), body }
}

fn grow(writer: &mut LogWriter, count: usize) {
    let filler = || draft(Body::Recovered(Recovered { torn_bytes: 0, unfinished: vec![] }));
    writer.append((0..count).map(|_| filler()).collect()).unwrap();
}

/// Ships everything as an agent does, and restarts the hub after every package.
async fn shipped(mut stage: Stage, mut device: Device, writer: &LogWriter) -> (Stage, Device) {
    loop {
        let held = parsed::<EvidenceHeld>(device.get("/v1/evidence").await).await.size;
        if held == writer.size() {
            return (stage, device);
        }
        let Package { from, entries, head } = writer.package(held).unwrap().unwrap();
        let entries = entries.into_iter().map(|entry| String::from_utf8(entry).unwrap()).collect();
        let package = EntryPackage { from, entries, checkpoint: head };
        let taken: EvidenceTaken = parsed(device.post("/v1/evidence", &package).await).await;
        assert!(taken.size > held);
        stage = stage.restart().await;
        device = device.moved(&stage);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_log_is_shipped_over_its_rotations_with_the_hub_restarted_after_every_package() {
    let stage = Stage::start().await;
    let device = stage.enrolled("clinic-7").await;
    let files = tempfile::tempdir().unwrap();
    let origin = device.sheet.origin.clone();
    let key =
        |seed| SigningKey::from_seed(origin.parse().unwrap(), SignatureType::Ed25519, &[seed; 32]).unwrap();
    let third = key(22);
    let (mut writer, _) = LogWriter::open(files.path(), key(9), |_| ()).unwrap();
    let opened = contract::record::Record::parse(device.log.entries[0].as_bytes()).unwrap().body;
    writer.append(vec![draft(opened)]).unwrap();
    let (stage, device) = shipped(stage, device, &writer).await;
    // Three packages before the one that holds the hand-over: their head is by a key that nobody has heard of yet.
    grow(&mut writer, 700);
    writer.rotate(key(21), draft).unwrap();
    grow(&mut writer, 10);
    let (stage, device) = shipped(stage, device, &writer).await;
    assert_eq!(stage.alarms("key_rotated").len(), 1);
    // And one that comes by itself.
    writer.rotate(key(22), draft).unwrap();
    let (stage, device) = shipped(stage, device, &writer).await;
    assert_eq!(stage.alarms("key_rotated").len(), 2);
    assert_eq!(stage.host().await["alarms"], 2);

    let directory = stage.directory.path().join("archive/clinic-7").join(device.sheet.host.as_str());
    let log = std::fs::read_to_string(directory.join("keys")).unwrap();
    let lines: Vec<_> = log.lines().skip(2).map(|line| line.split(' ').skip(1).collect::<Vec<_>>()).collect();
    assert_eq!(lines, [["1", "702"], ["703", "714"], ["715", "-"]]);
    // As a witness, the hub cosigns what the third key signed, and nothing of that size by the first.
    let head = writer.package(writer.size()).unwrap().unwrap().head;
    let ask = |head: String| {
        let request = format!("old {}\n\n{head}", writer.size());
        plain().post(stage.url("/witness/add-checkpoint")).body(request).send()
    };
    assert_eq!(ask(head.clone()).await.unwrap().status(), StatusCode::OK);
    let checkpoint = tlog::checkpoint::open(head.as_bytes(), third.verifier()).unwrap().checkpoint().clone();
    let by_the_first = checkpoint.sign(&key(9)).unwrap().note().to_string();
    assert_eq!(ask(by_the_first).await.unwrap().status(), StatusCode::FORBIDDEN);
    // The key log is no more than a note of where to look.
    let wrong = log.replace("703", "70").replace("715", "71");
    edge::file::write_durably(&directory.join("keys"), wrong.as_bytes()).unwrap();
    let stage = stage.restart().await;
    let device = device.moved(&stage);
    grow(&mut writer, 1);
    let (stage, _) = shipped(stage, device, &writer).await;
    assert_eq!(stage.host().await["evidence"], writer.size());
    assert_eq!(
        std::fs::read_to_string(directory.join("keys")).unwrap(),
        log,
        "and is made again from the log"
    );
}
