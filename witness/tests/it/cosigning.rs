//! What a running witness cosigns, refuses, remembers and keeps.

use std::net::TcpStream;
use std::sync::Barrier;

use tlog::cosignature;
use tlog::note::{NoteSignature, SignedNote};
use tlog::witness::AddCheckpoint;
use witness::ForkAttempt;

use crate::stage::{Answer, History, Running, exchange, log_key};

/// The size that an answer cosigns.
fn cosigned(witness: &Running, request: &AddCheckpoint, answer: &Answer) -> u64 {
    assert_eq!(answer.status, 200, "{answer:?}");
    let mut note = request.checkpoint.clone();
    note.add(NoteSignature::parse(answer.body.trim_end()).unwrap()).unwrap();
    let cosigned = cosignature::verify(&note, &witness.key).unwrap();
    assert!(cosigned.time().unix_seconds() > 1_704_067_200);
    cosigned.checkpoint().size.get()
}

#[test]
fn a_log_is_cosigned_and_the_newest_head_outlives_the_process() {
    let (log, witness) = (History::new(0, 0, 400), Running::start());
    let request = log.request(0, 5);
    assert_eq!(cosigned(&witness, &request, &witness.ask(&request)), 5);
    let witness = witness.restart();
    let size = Answer { status: 409, content_type: "text/x.tlog.size".to_owned(), body: "5\n".to_owned() };
    assert_eq!(witness.ask(&log.request(0, 9)), size);
    let request = log.request(5, 300);
    assert_eq!(cosigned(&witness, &request, &witness.ask(&request)), 300);
    // What was answered was durable before.
    let witness = witness.kill_and_restart();
    assert_eq!(witness.ask(&log.request(5, 300)).body, "300\n");
    // The same head once more is a fresh cosignature.
    let request = log.request(300, 300);
    assert_eq!(cosigned(&witness, &request, &witness.ask(&request)), 300);
}

#[test]
fn a_fork_is_refused_and_its_proof_kept() {
    let (log, other) = (History::new(0, 0, 40), History::new(1, 3, 40));
    let witness = Running::start();
    let request = log.request(0, 10);
    cosigned(&witness, &request, &witness.ask(&request));
    assert_eq!(witness.ask(&other.request(10, 10)).status, 409);
    assert_eq!(witness.ask(&other.request(10, 10)).status, 409);
    assert_eq!(witness.ask(&other.request(10, 20)).status, 422);
    let forks = witness.directory.path().join("forks");
    let names: Vec<_> = std::fs::read_dir(forks).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(names.len(), 4, "each fork is kept once: {names:?}");
    for held in names.iter().filter(|path| path.extension().is_some_and(|e| e == "held")) {
        let fork = ForkAttempt {
            held: SignedNote::parse(&std::fs::read(held).unwrap()).unwrap(),
            offered: AddCheckpoint::parse(&std::fs::read(held.with_extension("offered")).unwrap()).unwrap(),
        };
        assert!(fork.is_proven(&[log_key().verifier().clone()]));
    }
    let request = log.request(10, 11);
    assert_eq!(cosigned(&witness, &request, &witness.ask(&request)), 11, "the honest history goes on");
}

#[test]
fn of_many_histories_at_once_one_is_cosigned() {
    let witness = Running::start();
    let histories: Vec<History> = (0..16).map(|i| History::new(i, i % 3, 12)).collect();
    let barrier = Barrier::new(histories.len());
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let offers: Vec<_> = histories
            .iter()
            .map(|history| {
                scope.spawn(|| {
                    let request = history.request(0, 12);
                    barrier.wait();
                    witness.ask(&request).status
                })
            })
            .collect();
        offers.into_iter().map(|offer| offer.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|s| **s == 200).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|s| [200, 409].contains(s)), "{statuses:?}");
}

#[test]
fn what_is_no_request_is_told_so_and_the_connection_goes_on() {
    let (log, witness) = (History::new(0, 0, 9), Running::start());
    let mut stream = TcpStream::connect(&witness.address).unwrap();
    let mut status = |method, path, body: &[u8]| exchange(&mut stream, method, path, body).status;
    assert_eq!(status("GET", "/add-checkpoint", b""), 405);
    assert_eq!(status("POST", "/", b""), 404);
    assert_eq!(status("POST", "/add-checkpoint", b"old 0\n\n"), 400);
    let mut unknown = log.request(0, 3).to_string();
    unknown = unknown.replace("hub.example/heads", "hub.example/other");
    assert_eq!(status("POST", "/add-checkpoint", unknown.as_bytes()), 404);
    let mut forged = log.request(0, 3).to_string();
    forged = forged.replace("heads\n3\n", "heads\n4\n");
    assert_eq!(status("POST", "/add-checkpoint", forged.as_bytes()), 403);
    assert_eq!(status("POST", "/add-checkpoint", log.request(4, 3).to_string().as_bytes()), 400);
    assert_eq!(status("POST", "/add-checkpoint", log.request(0, 3).to_string().as_bytes()), 200);
    assert_eq!(witness.send("POST", "/add-checkpoint", &vec![b'a'; 300 * 1024]).status, 413);
}

#[test]
fn a_head_on_the_disk_that_was_altered_is_never_built_on() {
    let (log, witness) = (History::new(0, 0, 40), Running::start());
    let request = log.request(0, 10);
    cosigned(&witness, &request, &witness.ask(&request));
    let heads = witness.directory.path().join("heads");
    let head = std::fs::read_dir(heads).unwrap().next().unwrap().unwrap().path();
    let text = std::fs::read_to_string(&head).unwrap();
    for altered in [text.replace("heads\n10\n", "heads\n9\n"), String::new(), text.replace('\u{2014}', "-")] {
        edge::file::write_durably(&head, altered.as_bytes()).unwrap();
        assert_eq!(witness.ask(&log.request(10, 11)).status, 500);
        assert_eq!(witness.ask(&log.request(0, 11)).status, 500);
    }
    edge::file::write_durably(&head, text.as_bytes()).unwrap();
    assert_eq!(witness.ask(&log.request(10, 11)).status, 200);
}
