//! Hostile peers, counted: the first of a kind is worth a record at once, the rest of an hour one together, and no minute more than one in all. So a
//! flood cannot fill the log.

use std::collections::BTreeMap;

use contract::record::{Intruded, Intrusion};
use contract::time::MonoNs;

/// Between two records of one kind.
const AGAIN_MS: u64 = 60 * 60 * 1000;
/// Between two records of any kind.
const BETWEEN_MS: u64 = 60 * 1000;

/// What was tried and is not in the log yet, and when something last came there.
#[derive(Debug, Default)]
pub(super) struct Intrusions {
    kinds: BTreeMap<Intrusion, Counted>,
    last: Option<MonoNs>,
}

#[derive(Debug, Default)]
struct Counted {
    count: u64,
    /// The last that the kernel named.
    uid: Option<u32>,
    /// When the last record of this kind was written.
    written: Option<MonoNs>,
}

impl Intrusions {
    /// Something was tried. True where it is the first of its kind since the last record: only then is it worth words.
    pub(super) fn seen(&mut self, what: Intrusion, uid: Option<u32>) -> bool {
        let counted = self.kinds.entry(what).or_default();
        counted.count = counted.count.saturating_add(1);
        counted.uid = uid.or(counted.uid);
        counted.count == 1
    }

    /// What is to be written now, if anything: what has waited longest for its turn.
    pub(super) fn due(&self, now: MonoNs) -> Option<Intruded> {
        let (wait, what, counted) = self.next(now)?;
        (wait == 0).then_some(Intruded { what, count: counted.count, uid: counted.uid })
    }

    /// How long until something is due; none where nothing was tried.
    pub(super) fn due_in_ms(&self, now: MonoNs) -> Option<u64> {
        self.next(now).map(|(wait, ..)| wait)
    }

    /// `record` is in the log.
    pub(super) fn written(&mut self, record: &Intruded, now: MonoNs) {
        let counted = self.kinds.entry(record.what).or_default();
        counted.count = counted.count.saturating_sub(record.count);
        counted.uid = None;
        counted.written = Some(now);
        self.last = Some(now);
    }

    fn next(&self, now: MonoNs) -> Option<(u64, Intrusion, &Counted)> {
        let left =
            |since: Option<MonoNs>, ms: u64| since.map_or(0, |since| ms.saturating_sub(now.ms_since(since)));
        let any = left(self.last, BETWEEN_MS);
        let counted = self.kinds.iter().filter(|(_, counted)| counted.count > 0);
        let waits = counted.map(|(what, counted)| (any.max(left(counted.written, AGAIN_MS)), *what, counted));
        // A kind without a record goes before one that has some.
        waits.min_by_key(|(wait, _, counted)| (*wait, counted.written))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: u64 = 60;

    fn at(seconds: u64) -> MonoNs {
        MonoNs((seconds + 1) * 1_000_000_000)
    }

    /// Writes what is due, as the executor does.
    fn write(intrusions: &mut Intrusions, now: MonoNs) -> Option<Intruded> {
        let due = intrusions.due(now)?;
        intrusions.written(&due, now);
        Some(due)
    }

    #[test]
    fn the_first_is_due_at_once_and_the_rest_of_the_hour_together() {
        let mut intrusions = Intrusions::default();
        assert!(intrusions.seen(Intrusion::WrongUser, Some(1000)));
        let first = write(&mut intrusions, at(0)).unwrap();
        assert_eq!(first, Intruded { what: Intrusion::WrongUser, count: 1, uid: Some(1000) });
        assert!(intrusions.seen(Intrusion::WrongUser, Some(1001)));
        assert!(!intrusions.seen(Intrusion::WrongUser, Some(1002)), "said twice");
        assert_eq!(write(&mut intrusions, at(60 * MINUTE - 1)), None);
        assert_eq!(intrusions.due_in_ms(at(60 * MINUTE - 1)), Some(1000));
        let rest = write(&mut intrusions, at(60 * MINUTE)).unwrap();
        assert_eq!((rest.count, rest.uid), (2, Some(1002)));
        assert_eq!(intrusions.due_in_ms(at(61 * MINUTE)), None);
    }

    #[test]
    fn a_minute_has_one_record_at_most_and_every_kind_gets_its_turn() {
        let mut intrusions = Intrusions::default();
        let kinds = [
            Intrusion::WrongUser,
            Intrusion::Oversize,
            Intrusion::NotUnderstood,
            Intrusion::Slow,
            Intrusion::Flood,
        ];
        let mut written = Vec::new();
        for second in 0..2 * 60 * MINUTE {
            for kind in kinds {
                for _ in 0..100 {
                    intrusions.seen(kind, None);
                }
            }
            written.extend(write(&mut intrusions, at(second)).map(|record| (second, record)));
        }
        assert!(written.windows(2).all(|pair| pair[1].0 - pair[0].0 >= MINUTE), "{written:?}");
        for kind in kinds {
            let of = written.iter().filter(|(_, record)| record.what == kind).count();
            assert_eq!(of, 2, "{kind:?}");
        }
        let counted: u64 = written.iter().map(|(_, record)| record.count).sum();
        let left: u64 = intrusions.kinds.values().map(|counted| counted.count).sum();
        assert_eq!(counted + left, 2 * 60 * MINUTE * 500, "some were lost");
    }

    #[test]
    fn what_could_not_be_written_stays_due() {
        let mut intrusions = Intrusions::default();
        intrusions.seen(Intrusion::Flood, None);
        assert_eq!(intrusions.due(at(0)), intrusions.due(at(9000)));
        intrusions.seen(Intrusion::Flood, None);
        assert_eq!(write(&mut intrusions, at(9001)).unwrap().count, 2);
    }
}
