//! The hub as a witness of others.

use contract::plane::EvidenceTaken;
use hub::config::Outside;
use reqwest::StatusCode;
use tlog::note::{NoteSignature, SignatureType};
use tlog::tree::{Subtree, complete_root, prove_consistency};
use tlog::witness::AddCheckpoint;
use tlog::{
    Checkpoint, CompactRange, Hash, SignedNote, SigningKey, TreeSize, VerifierKey, cosignature, leaf_hash,
};
use witness::ForkAttempt;

use crate::outside::quick;
use crate::stage::{Device, Stage, parsed, plain};

/// Sends a request without any token; as a reverse proxy would, under another name.
async fn ask(stage: &Stage, body: String) -> (StatusCode, String) {
    let request = plain().post(stage.url("/witness/add-checkpoint")).header("host", "hub.example").body(body);
    let response = request.send().await.unwrap();
    (response.status(), response.text().await.unwrap())
}

fn request(old: u64, proof: Vec<Hash>, checkpoint: &str) -> AddCheckpoint {
    let checkpoint = SignedNote::parse(checkpoint.as_bytes()).unwrap();
    AddCheckpoint { old: TreeSize::new(old), proof, checkpoint }
}

fn proof(entries: &[String], old: u64, size: u64) -> Vec<Hash> {
    let leaves: Vec<Hash> = entries.iter().map(|e| leaf_hash(e.as_bytes())).collect();
    let read = |Subtree { level, index }: Subtree| -> Result<Hash, std::convert::Infallible> {
        let start = usize::try_from(index).unwrap() << level;
        Ok(complete_root(&leaves[start..start + (1 << level)]).unwrap())
    };
    prove_consistency(TreeSize::new(old), TreeSize::new(size), read).unwrap()
}

fn cosigned(request: &AddCheckpoint, body: &str, key: &VerifierKey) -> u64 {
    let mut note = request.checkpoint.clone();
    note.add(NoteSignature::parse(body.trim_end()).unwrap()).unwrap();
    cosignature::verify(&note, key).unwrap().checkpoint().size.get()
}

fn witness_key(device: &Device) -> VerifierKey {
    device.sheet.witness_key.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sites_head_is_cosigned_where_the_mirror_holds_it_and_nowhere_else() {
    let stage = Stage::start().await;
    let mut device = stage.enrolled("clinic-7").await;
    for _ in 0..4 {
        device.log.write_filler();
    }
    // Known by name, and nothing held: a first head is not believed on a witness's word.
    let (status, _) = ask(&stage, request(0, vec![], &device.log.checkpoint(5)).to_string()).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    parsed::<EvidenceTaken>(device.deliver(0).await).await;

    let held = request(5, vec![], &device.log.checkpoint(5));
    let (status, body) = ask(&stage, held.to_string()).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert_eq!(cosigned(&held, &body, &witness_key(&device)), 5);
    assert_eq!(
        ask(&stage, request(0, vec![], &device.log.checkpoint(5)).to_string()).await,
        (StatusCode::CONFLICT, "5\n".to_owned())
    );

    // An honest larger head, whose entries did not come: proven, and yet not cosigned.
    device.log.write_filler();
    let ahead = request(5, proof(&device.log.entries, 5, 6), &device.log.checkpoint(6));
    let (status, _) = ask(&stage, ahead.to_string()).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    let unproven = request(5, vec![], &device.log.checkpoint(6));
    assert_eq!(ask(&stage, unproven.to_string()).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(stage.host().await["alarms"], 0);
    parsed::<EvidenceTaken>(device.deliver(5).await).await;
    assert_eq!(ask(&stage, ahead.to_string()).await, (StatusCode::CONFLICT, "6\n".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sites_fork_is_an_alarm_and_both_heads_are_kept_on_either_way() {
    let stage = Stage::start().await;
    let mut device = stage.enrolled("clinic-7").await;
    device.log.write_filler();
    device.log.write_filler();
    parsed::<EvidenceTaken>(device.deliver(0).await).await;
    let mut other = device.log.twin();
    other.open_as(|opened| opened.software = "0.2.0".to_owned());
    other.write_filler();
    other.write_filler();
    // As a witness is asked.
    let (status, body) = ask(&stage, request(3, vec![], &other.checkpoint(3)).to_string()).await;
    assert_eq!((status, body.as_str()), (StatusCode::CONFLICT, "3\n"));
    assert_eq!(stage.host().await["alarms"], 1);
    let forks = stage.directory.path().join("witness/forks");
    let kept = || std::fs::read_dir(&forks).unwrap().count();
    assert_eq!(kept(), 2);
    // And as evidence is delivered: another head of the same size.
    other.write_filler();
    let mut third = device.log.twin();
    third.open_as(|opened| opened.software = "0.3.0".to_owned());
    third.write_filler();
    third.write_filler();
    let mut package = third.part(3, 3);
    package.checkpoint = third.checkpoint(3);
    assert_eq!(device.post("/v1/evidence", &package).await.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(kept(), 4);
    let key: VerifierKey = device.log.key().parse().unwrap();
    for file in std::fs::read_dir(&forks).unwrap().map(|f| f.unwrap().path()) {
        if file.extension().is_some_and(|e| e == "held") {
            let fork = ForkAttempt {
                held: SignedNote::parse(&std::fs::read(&file).unwrap()).unwrap(),
                offered: AddCheckpoint::parse(&std::fs::read(file.with_extension("offered")).unwrap())
                    .unwrap(),
            };
            assert!(fork.is_proven(std::slice::from_ref(&key)));
        }
    }
}

fn foreign_head(size: u64, name: u8) -> (VerifierKey, String) {
    let origin = "elsewhere.example/log";
    let key = SigningKey::from_seed(origin.parse().unwrap(), SignatureType::Ed25519, &[5; 32]).unwrap();
    let mut range = CompactRange::new();
    (0..size).for_each(|i| {
        range.append(leaf_hash(&[name, u8::try_from(i).unwrap()]));
    });
    let head = Checkpoint { origin: origin.parse().unwrap(), size: TreeSize::new(size), root: range.root() };
    (key.verifier().clone(), head.sign(&key).unwrap().note().to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_of_the_policy_is_witnessed_by_its_proofs_and_others_are_unknown() {
    let (log, three) = foreign_head(3, 1);
    let files = tempfile::tempdir().unwrap();
    let path = files.path().join("policy");
    std::fs::write(&path, format!("log {log}\nquorum none\n")).unwrap();
    let told = Outside { witness_for: Some(path), ..quick() };
    let stage = Stage::start().await;
    assert_eq!(ask(&stage, request(0, vec![], &three).to_string()).await.0, StatusCode::NOT_FOUND);
    let device = stage.enrolled("clinic-7").await;
    let stage = stage.restart_told(told.clone()).await;
    let first = request(0, vec![], &three);
    let (status, body) = ask(&stage, first.to_string()).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert_eq!(cosigned(&first, &body, &witness_key(&device)), 3);
    let stage = stage.restart_told(told).await;
    let fork = request(3, vec![], &foreign_head(3, 2).1);
    assert_eq!(ask(&stage, fork.to_string()).await, (StatusCode::CONFLICT, "3\n".to_owned()));
    assert_eq!(std::fs::read_dir(stage.directory.path().join("witness/forks")).unwrap().count(), 2);
    assert_eq!(ask(&stage, "nonsense".to_owned()).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(ask(&stage, "a".repeat(300 * 1024)).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    // Beside the witness the operator's plane asks for its token as ever.
    let status = plain().get(stage.url("/witness/other")).send().await.unwrap().status();
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}
