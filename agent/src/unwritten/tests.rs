//! What is added comes out once, oldest first; what has no room is counted; a restart changes nothing.

use contract::incident::{Incident, What};
use contract::signal::{About, Signal, SignalKind};

use super::*;

fn at(ms: i64) -> UtcTime {
    UtcTime::from_unix_ms(ms).unwrap()
}

fn signal(n: usize) -> Signalled {
    let signal = Signal {
        detector: "a.b".parse().unwrap(),
        kind: SignalKind::Malware,
        severity: contract::baseline::Severity::High,
        count: 1,
        window_s: 60,
        about: About::default(),
    };
    let incident = format!("inc-{n}").parse().unwrap();
    Signalled::of(&Incident { incident, found: at(0), what: What::Signal(signal) }).unwrap()
}

fn reread(kept: &Kept) -> Kept {
    serde_json::from_slice(&serde_json::to_vec(kept).unwrap()).unwrap()
}

#[test]
fn all_come_out_once_in_pieces_that_a_record_holds_and_the_rest_is_counted() {
    let mut kept = Kept::default();
    for n in 0..WAITING_MAX + 7 {
        for _ in 0..2 {
            kept.add(signal(n), at(i64::try_from(n).unwrap()));
        }
        kept = reread(&kept);
    }
    let mut seen = Vec::new();
    while let Some(Owed::Signals(some)) = kept.owed(SIGNALS_MAX) {
        assert!((1..=SIGNALS_MAX).contains(&some.len()));
        kept.settle(&Owed::Signals(some.clone()));
        seen.extend(some);
    }
    assert_eq!(seen, (0..WAITING_MAX).map(signal).collect::<Vec<_>>());
    let last = i64::try_from(WAITING_MAX + 6).unwrap();
    // Each was told twice, and nothing tells a second telling apart from a further signal once the first was omitted.
    let omitted = Omitted { many: 14, from: at(0), until: at(last) };
    assert_eq!(kept.owed(SIGNALS_MAX), Some(Owed::Omitted(omitted)));
    let Question::LinesLost { why, lost, .. } = Owed::Omitted(omitted).question() else { panic!() };
    assert_eq!((why, lost), (LineLoss::Unkept, 14));
}

#[test]
fn what_was_omitted_while_it_was_told_is_told_next() {
    let told = Omitted { many: 3, from: at(1), until: at(5) };
    let mut kept =
        Kept { signals: VecDeque::new(), omitted: Some(Omitted { many: 5, until: at(9), ..told }) };
    kept.settle(&Owed::Omitted(told));
    let rest = Omitted { many: 2, from: at(5), until: at(9) };
    assert_eq!(kept.owed(SIGNALS_MAX), Some(Owed::Omitted(rest)));
    kept.settle(&Owed::Omitted(rest));
    assert_eq!(kept, Kept::default());
}

#[tokio::test]
async fn it_outlives_the_process_and_a_bent_file_does_not_read_as_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("unwritten.json");
    Unwritten::open(&path, at(1)).unwrap().add(signal(1)).await;
    let again = Unwritten::open(&path, at(2)).unwrap();
    let owed = again.next(SIGNALS_MAX).await;
    assert_eq!(owed, Owed::Signals(vec![signal(1)]));
    again.written(owed).await;
    assert_eq!(hold(&Unwritten::open(&path, at(3)).unwrap().held).kept, Kept::default());
    std::fs::write(&path, "{").unwrap();
    let bent = Unwritten::open(&path, at(4)).unwrap().next(SIGNALS_MAX).await;
    assert_eq!(bent, Owed::Omitted(Omitted { many: 1, from: at(4), until: at(4) }));
}

#[tokio::test]
async fn a_disk_that_cannot_be_written_keeps_nobody_waiting() {
    let dir = tempfile::tempdir().unwrap();
    let unwritten = Unwritten::open(&dir.path().join("gone/unwritten.json"), at(1)).unwrap();
    unwritten.add(signal(1)).await;
    assert_eq!(unwritten.next(SIGNALS_MAX).await, Owed::Signals(vec![signal(1)]));
}

#[test]
fn one_signal_that_is_refused_keeps_no_other_from_the_evidence_and_becomes_a_gap() {
    let (mut kept, mut sifting) = (Kept::default(), Sifting::default());
    let bad = signal(3);
    (0..40).for_each(|n| kept.add(signal(n), at(0)));
    let (mut written, mut asked) = (Vec::new(), 0);
    while let Some(owed) = kept.owed(sifting.most()) {
        let Owed::Signals(signals) = &owed else { break };
        asked += 1;
        if signals.contains(&bad) {
            if sifting.refused(owed.many()) {
                kept.give_up(&owed, at(9));
            }
        } else {
            sifting.written();
            kept.settle(&owed);
            written.extend(signals.clone());
        }
        assert!(asked < 100, "it is asked for ever");
    }
    let others: Vec<_> = (0..40).filter(|n| *n != 3).map(signal).collect();
    assert_eq!(written, others);
    assert_eq!(kept.owed(SIGNALS_MAX), Some(Owed::Omitted(Omitted { many: 1, from: at(0), until: at(9) })));
    // Together, alone, 31 one by one, and the last eight together.
    assert_eq!((asked, sifting.most()), (1 + 1 + 31 + 1, SIGNALS_MAX));
}

#[test]
fn that_something_is_missing_is_never_given_up() {
    let told = Omitted { many: 3, from: at(1), until: at(5) };
    let mut kept = Kept { signals: VecDeque::new(), omitted: Some(told) };
    kept.give_up(&Owed::Omitted(told), at(9));
    assert_eq!(kept.owed(SIGNALS_MAX), Some(Owed::Omitted(told)));
}
