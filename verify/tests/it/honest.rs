//! Honest logs verify, and nobody is alarmed by what honest writers leave behind.

use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use verify::{ReadError, Source, Verdict, verify_with_progress};

use crate::logs::{self, key, load, log, trust, verify, witness, witnessed_by};

#[test]
fn honest_logs_of_every_shape_are_intact() {
    for size in [1, 2, 3, 255, 256, 257, 512, 700] {
        let report = verify(&log(size), &trust());
        assert_eq!(report.verdict, Verdict::IntactUnwitnessedTail { unwitnessed: size }, "{size}");
        let summary = report.summary.unwrap();
        assert_eq!(summary.kinds["recovered"], size);
        assert_eq!(summary.steps_back, 0);
        let span = summary.last_time.unwrap().ms_since(summary.first_time.unwrap());
        assert_eq!(span, size - 1);
        assert_eq!(report.uncovered.count, 0);
    }
}

#[test]
fn the_cosignature_of_every_named_witness_is_needed() {
    let (hub, bank) = (witness("hub.example/witness"), witness("bank.example/witness"));
    let mut log = log(300);
    log.0.insert("checkpoint".into(), log.cosigned(&hub).to_string().into_bytes());
    let report = verify(&log, &witnessed_by(&[&hub]));
    assert_eq!(report.verdict, Verdict::IntactWitnessed);
    assert_eq!((report.witnessed_size, report.reason()), (300, None));
    let report = verify(&log, &witnessed_by(&[&hub, &bank]));
    assert_eq!(report.verdict, Verdict::IntactUnwitnessedTail { unwitnessed: 300 });
    assert_eq!(report.witnesses.iter().map(|seen| seen.size).collect::<Vec<_>>(), [300, 0]);
    // Nobody asked about the witness: the line is ignored, as the specification says.
    assert_eq!(verify(&log, &trust()).verdict, Verdict::IntactUnwitnessedTail { unwitnessed: 300 });
}

#[test]
fn a_receipt_for_an_earlier_size_leaves_a_tail() {
    let hub = witness("hub.example/witness");
    let mut trust = witnessed_by(&[&hub]);
    for (seen, unwitnessed) in [(1, 699), (256, 444), (257, 443), (699, 1)] {
        trust.receipts = vec![log(seen).cosigned(&hub)];
        let report = verify(&log(700), &trust);
        assert_eq!(report.verdict, Verdict::IntactUnwitnessedTail { unwitnessed });
        assert_eq!(report.witnessed_size, seen);
    }
    trust.receipts = vec![log(700).cosigned(&hub)];
    assert_eq!(verify(&log(700), &trust).verdict, Verdict::IntactWitnessed);
}

#[test]
fn tiles_that_are_ahead_of_the_head_are_stated_and_are_no_alarm() {
    let hub = witness("hub.example/witness");
    let dir = tempfile::tempdir().unwrap();
    logs::write(dir.path(), key(), 250, 0);
    let cosigned = load(dir.path()).cosigned(&hub).to_string();
    let (mut writer, _) = evidence::LogWriter::open(dir.path(), key(), |_| ()).unwrap();
    // Two bundles fill up, and the timer that publishes has not come round yet.
    writer.append((250..600).map(|n| logs::draft(n, n)).collect()).unwrap();
    let mut log = load(dir.path());
    let report = verify(&log, &trust());
    assert_eq!(report.verdict, Verdict::IntactUnwitnessedTail { unwitnessed: 250 });
    assert_eq!(report.uncovered.names, ["tile/0/000", "tile/0/001", "tile/entries/000", "tile/entries/001"]);
    // Wholly witnessed, and still not a plain yes.
    log.0.insert("checkpoint".into(), cosigned.into_bytes());
    let report = verify(&log, &witnessed_by(&[&hub]));
    assert_eq!(report.verdict, Verdict::IntactUnwitnessedTail { unwitnessed: 0 });
    assert_eq!(report.reason(), Some("uncovered_files"));
}

/// A log that publishes a wider head, and removes the older tiles, after its head was read `quiet` times.
struct Growing {
    before: logs::Log,
    after: logs::Log,
    head_reads: AtomicUsize,
    quiet: usize,
}

impl Growing {
    fn now(&self) -> &logs::Log {
        if self.head_reads.load(Ordering::SeqCst) > self.quiet { &self.after } else { &self.before }
    }
}

impl Source for Growing {
    fn read(&self, name: &str, bytes_max: usize) -> Result<Vec<u8>, ReadError> {
        let bytes = self.now().read(name, bytes_max);
        if name == "checkpoint" {
            self.head_reads.fetch_add(1, Ordering::SeqCst);
        }
        bytes
    }

    fn visit_tiles(&self, visit: &mut dyn FnMut(&str)) -> Result<(), ReadError> {
        self.now().visit_tiles(visit)
    }
}

#[test]
fn a_log_that_grows_under_our_eyes_is_read_again() {
    for quiet in [0, 1] {
        let head_reads = AtomicUsize::new(0);
        let growing = Growing { before: log(250), after: log(300), head_reads, quiet };
        let report = verify::verify(&growing, &trust());
        assert_eq!(report.verdict, Verdict::IntactUnwitnessedTail { unwitnessed: 300 });
    }
}

#[test]
fn progress_ends_at_the_size() {
    let mut seen = Vec::new();
    verify_with_progress(&log(700), &trust(), &mut |progress| seen.push((progress.read, progress.size)));
    assert_eq!(seen, [(256, 700), (512, 700), (700, 700)]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn any_honest_history_is_intact(commits in prop::collection::vec(1..200_u64, 1..6), publish in any::<u8>()) {
        let dir = tempfile::tempdir().unwrap();
        let (mut writer, _) = evidence::LogWriter::open(dir.path(), key(), |_| ()).unwrap();
        for (turn, commit) in commits.iter().enumerate() {
            let size = writer.size();
            writer.append((size..size + commit).map(|n| logs::draft(n, n)).collect()).unwrap();
            if publish >> turn & 1 == 1 {
                writer.publish().unwrap();
            }
        }
        writer.publish().unwrap();
        let report = verify(&load(dir.path()), &trust());
        prop_assert_eq!(report.verdict, Verdict::IntactUnwitnessedTail { unwitnessed: commits.iter().sum() });
        prop_assert_eq!(report.uncovered.count, 0);
    }
}
