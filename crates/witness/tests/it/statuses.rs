//! Every status of the specification, in its order, and what never changes the state.

use tlog::note::SignatureType;
use tlog::witness::AddCheckpoint;
use tlog::{Hash, SignedNote, SigningKey, TreeSize, VerifierKey};
use witness::{Answer, Considered, Logs, LogsError, Witness};

use crate::model::{History, Memory, ORIGIN, cosigned, log_key, time, witness, witness_key};

fn ask(witness: &Witness<Memory>, request: &AddCheckpoint) -> Considered {
    witness.add(&witness_key(), request, time()).unwrap()
}

fn status(witness: &Witness<Memory>, request: &AddCheckpoint) -> u16 {
    ask(witness, request).answer.status
}

#[test]
fn a_new_log_is_taken_up_from_nothing_and_goes_on() {
    let (witness, log) = (witness(), History::new(0, 0, 300));
    for (old, size) in [(0, 0), (0, 0), (0, 3), (3, 3), (3, 8), (8, 9), (9, 300)] {
        let request = log.request(old, size);
        let considered = ask(&witness, &request);
        assert_eq!(considered.answer.status, 200, "{old} to {size}: {considered:?}");
        assert_eq!(cosigned(&request, &considered).unwrap().size.get(), size as u64);
        assert!(
            considered.answer.body.starts_with("\u{2014} w.example ")
                && considered.answer.body.ends_with('\n')
        );
    }
}

#[test]
fn an_unknown_log_is_404_and_a_foreign_signature_403() {
    let witness = witness();
    let sign = |name: &str, seed: u8, text: &str| {
        let key = SigningKey::from_seed(name.parse().unwrap(), SignatureType::Ed25519, &[seed; 32]).unwrap();
        AddCheckpoint {
            old: TreeSize::EMPTY,
            proof: vec![],
            checkpoint: SignedNote::sign(text, &key).unwrap(),
        }
    };
    let head = |origin: &str| format!("{origin}\n1\n{}\n", Hash::from_bytes([7; 32]).to_base64());
    assert_eq!(status(&witness, &sign("log.example/two", 1, &head("log.example/two"))), 404);
    assert_eq!(status(&witness, &sign(ORIGIN, 9, &head(ORIGIN))), 403);
    // The right key, under a text that names another log.
    assert_eq!(status(&witness, &sign(ORIGIN, 1, &head("log.example/two"))), 404);
    assert_eq!(status(&witness, &sign("log.example/two", 1, &head(ORIGIN))), 403);
    let extended = format!("{}an extension\n", head(ORIGIN));
    assert_eq!(status(&witness, &sign(ORIGIN, 1, &extended)), 400);
    assert_eq!(status(&witness, &sign(ORIGIN, 1, &head(ORIGIN))), 200);
}

#[test]
fn a_signature_of_another_key_beside_the_logs_own_is_ignored_and_not_kept() {
    let (witness, log) = (witness(), History::new(0, 0, 9));
    let mut request = log.request(0, 4);
    let stranger = SigningKey::from_seed("x".parse().unwrap(), SignatureType::Ed25519, &[9; 32]).unwrap();
    let line = SignedNote::sign(request.checkpoint.text(), &stranger).unwrap().signatures()[0].clone();
    request.checkpoint.add(line).unwrap();
    assert_eq!(status(&witness, &request), 200);
    let heads = witness.heads().0.lock().unwrap();
    let names: Vec<_> =
        heads.values().flat_map(SignedNote::signatures).map(|s| s.label().name.as_str()).collect();
    assert_eq!(names, [ORIGIN, "w.example"]);
}

#[test]
fn an_old_size_beyond_the_checkpoint_is_400_and_another_than_ours_409_with_ours() {
    let (witness, log) = (witness(), History::new(0, 0, 50));
    assert_eq!(status(&witness, &log.request(5, 4)), 400);
    assert_eq!(status(&witness, &log.request(0, 20)), 200);
    for (old, size) in [(0, 30), (19, 30), (21, 30), (0, 20), (10, 12)] {
        let Answer { status, content_type, body } = ask(&witness, &log.request(old, size)).answer;
        assert_eq!(
            (status, content_type, body.as_str()),
            (409, "text/x.tlog.size", "20\n"),
            "{old} to {size}"
        );
    }
    // 400 comes before 409.
    assert_eq!(status(&witness, &log.request(31, 30)), 400);
    assert_eq!(status(&witness, &log.request(20, 30)), 200);
}

#[test]
fn a_proof_that_does_not_hold_is_422_and_changes_nothing() {
    let (witness, log) = (witness(), History::new(0, 0, 50));
    let mut from_nothing = log.request(0, 21);
    from_nothing.proof.push(Hash::from_bytes([0; 32]));
    assert_eq!(status(&witness, &from_nothing), 422);
    assert_eq!(status(&witness, &log.request(0, 21)), 200);
    let honest = log.request(21, 30);
    let mut bad: Vec<AddCheckpoint> = (0..honest.proof.len())
        .map(|at| {
            let mut request = honest.clone();
            request.proof[at] = Hash::from_bytes([0; 32]);
            request
        })
        .collect();
    bad.push(AddCheckpoint { proof: vec![], ..honest.clone() });
    bad.push(AddCheckpoint {
        proof: [honest.proof.as_slice(), &[honest.proof[0]]].concat(),
        ..honest.clone()
    });
    let mut same = log.request(21, 21);
    same.proof.push(Hash::from_bytes([0; 32]));
    bad.push(same);
    for request in bad {
        let considered = ask(&witness, &request);
        assert_eq!(considered.answer.status, 422);
        assert_eq!(considered.fork, None, "an honest log was accused because of somebody's bad proof");
    }
    assert_eq!(status(&witness, &honest), 200);
}

#[test]
fn another_root_for_the_same_size_is_409_and_proves_the_fork() {
    let (witness, log, other) = (witness(), History::new(0, 0, 50), History::new(1, 10, 50));
    assert_eq!(status(&witness, &log.request(0, 16)), 200);
    let keys: [VerifierKey; 1] = [log_key().verifier().clone()];
    // Whatever old size it claims, and whether the tree of nothing is not empty.
    for old in [0, 7, 16] {
        let considered = ask(&witness, &other.request(old, 16));
        assert_eq!((considered.answer.status, considered.answer.body.as_str()), (409, "16\n"));
        let fork = considered.fork.unwrap();
        assert!(fork.is_proven(&keys));
        assert_eq!(fork.held.text(), log.head(16).text());
    }
    assert_eq!(status(&witness, &log.request(16, 17)), 200, "the state is not that of the fork");
    let mut honest_pair = ask(&witness, &other.request(17, 17)).fork.unwrap();
    honest_pair.offered = log.request(17, 18);
    assert!(!honest_pair.is_proven(&keys), "two heads of one history were called a fork");
}

#[test]
fn a_tree_of_nothing_has_one_root() {
    let witness = witness();
    let text = format!("{ORIGIN}\n0\n{}\n", Hash::from_bytes([7; 32]).to_base64());
    let checkpoint = SignedNote::sign(&text, &log_key()).unwrap();
    assert_eq!(status(&witness, &AddCheckpoint { old: TreeSize::EMPTY, proof: vec![], checkpoint }), 409);
}

#[test]
fn only_keys_of_logs_make_a_list_of_logs() {
    assert!(matches!(Logs::of([witness_key().verifier()]), Err(LogsError::NotALogKey(_))));
    let long = "a".repeat(256);
    let key = SigningKey::from_seed(long.parse().unwrap(), SignatureType::Ed25519, &[1; 32]).unwrap();
    assert!(matches!(Logs::of([key.verifier()]), Err(LogsError::Origin { .. })));
    assert!(Logs::of([]).unwrap().is_empty());
    assert_eq!(Logs::of([log_key().verifier()]).unwrap().len(), 1);
}

#[test]
fn a_head_that_is_kept_but_was_never_cosigned_stops_everything() {
    let (witness, log) = (witness(), History::new(0, 0, 50));
    witness.heads().0.lock().unwrap().insert(ORIGIN.parse().unwrap(), log.head(3));
    assert!(
        witness.add(&witness_key(), &log.request(3, 4), time()).is_err(),
        "a head that somebody put there was believed"
    );
}
