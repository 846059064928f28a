//! Turns: the same bytes for everybody who has something waiting.

use std::collections::{HashMap, HashSet};

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn subject(tenant: &str, site: &str) -> Subject {
    Subject::new(tenant.parse().unwrap(), site.parse().unwrap())
}

fn filled(of: &[(&str, &str, u64)], bytes: u32) -> Turns {
    let mut turns = Turns::default();
    for (tenant, site, sequence) in of {
        turns.push(&subject(tenant, site), Entry { sequence: Sequence(*sequence), bytes });
    }
    turns
}

fn order(turns: &mut Turns) -> Vec<u64> {
    std::iter::from_fn(|| turns.next()).map(|(_, entry)| entry.sequence.0).collect()
}

/// In bytes, and not by what the code thinks that it costs.
fn cost(entry: Entry) -> u64 {
    u64::from(entry.bytes).max(64)
}

/// A message for which a turn lasts once.
const WHOLE: u32 = 1024;

#[test]
fn tenants_take_turns_and_sites_within_them() {
    let all = [
        ("flood", "a", 1),
        ("flood", "a", 2),
        ("flood", "a", 3),
        ("flood", "b", 4),
        ("calm", "x", 5),
        ("quiet", "y", 6),
    ];
    assert_eq!(order(&mut filled(&all, WHOLE)), [1, 5, 6, 4, 2, 3]);
    // A turn lasts for all of these.
    assert_eq!(order(&mut filled(&all, 100)), [1, 4, 2, 3, 5, 6]);
}

#[test]
fn the_turn_goes_on_where_it_was() {
    let mut turns = filled(&[("a", "s", 1), ("a", "s", 2), ("b", "s", 3), ("c", "s", 4)], WHOLE);
    let first = turns.next().unwrap();
    turns.push(&first.0, first.1);
    assert_eq!(order(&mut turns), [3, 4, 2, 1]);
}

#[test]
fn what_is_taken_out_or_cleared_has_no_turn() {
    let mut turns =
        filled(&[("a", "s", 1), ("a", "t", 2), ("b", "s", 3), ("c", "s", 4), ("c", "s", 5)], WHOLE);
    assert!(turns.remove(&subject("a", "s"), Sequence(1)));
    assert!(!turns.remove(&subject("a", "s"), Sequence(1)));
    assert!(!turns.remove(&subject("b", "t"), Sequence(3)), "it stands elsewhere");
    assert!(turns.remove(&subject("b", "s"), Sequence(3)));
    assert!(!turns.lanes.contains_key(&"b".parse().unwrap()), "an empty lane is left");
    turns.clear(&"c".parse().unwrap());
    assert_eq!(order(&mut turns), [2]);
    assert!(turns.is_idle() && turns.lanes.is_empty());
}

/// What is put there between two takings: whose, and how long.
#[derive(Debug, Clone)]
enum Step {
    Put(u8, u32),
    Take,
}

const LONGEST: u32 = 64 * 1024;

fn step() -> impl Strategy<Value = Step> {
    let length = prop_oneof![0..200_u32, 1000..1100_u32, 0..=LONGEST];
    prop_oneof![(0..4_u8, length).prop_map(|(who, bytes)| Step::Put(who, bytes)), Just(Step::Take)]
}

/// Bytes that two tenants got since both have something waiting without a break.
#[derive(Default)]
struct Together(HashMap<(TenantId, TenantId), (i64, i64)>);

impl Together {
    /// `who` got that much; those in `waiting` still have something.
    fn take(&mut self, who: &TenantId, cost: i64, before: &HashSet<TenantId>) {
        for a in before {
            for b in before.iter().filter(|b| *b > a) {
                let got = self.0.entry((a.clone(), b.clone())).or_default();
                got.0 += if a == who { cost } else { 0 };
                got.1 += if b == who { cost } else { 0 };
            }
        }
    }

    fn break_with(&mut self, who: &TenantId) {
        self.0.retain(|(a, b), _| a != who && b != who);
    }

    fn apart(&self) -> i64 {
        self.0.values().map(|(a, b)| (a - b).abs()).max().unwrap_or(0)
    }
}

proptest! {
    /// Over any arrivals, and any time in which two tenants both have something waiting, they get the same bytes but for a quantum and two longest
    /// messages (the measure of the paper). The order of messages from one site is kept, and nothing is lost or given twice.
    #[test]
    fn any_two_that_wait_get_the_same_bytes(steps in vec(step(), 1..400)) {
        let (mut turns, mut together) = (Turns::default(), Together::default());
        let mut waiting: HashMap<TenantId, VecDeque<u64>> = HashMap::new();
        let bound = i64::try_from(QUANTUM).unwrap() + 2 * i64::from(LONGEST);
        let takes = steps.len();
        for (n, step) in steps.into_iter().chain(std::iter::repeat_n(Step::Take, takes)).enumerate() {
            match step {
                Step::Put(who, bytes) => {
                    let subject = subject(&format!("t{who}"), "s");
                    let sequence = u64::try_from(n).unwrap();
                    waiting.entry(subject.tenant().clone()).or_default().push_back(sequence);
                    turns.push(&subject, Entry { sequence: Sequence(sequence), bytes });
                }
                Step::Take => {
                    let before = waiting.iter().filter(|(_, all)| !all.is_empty()).map(|(t, _)| t.clone()).collect();
                    let Some((subject, entry)) = turns.next() else {
                        prop_assert!(waiting.values().all(VecDeque::is_empty), "something is lost");
                        continue;
                    };
                    let tenant = subject.tenant();
                    together.take(tenant, i64::try_from(cost(entry)).unwrap(), &before);
                    prop_assert!(together.apart() <= bound, "{} bytes apart", together.apart());
                    let all = waiting.get_mut(tenant).unwrap();
                    prop_assert_eq!(all.pop_front(), Some(entry.sequence.0));
                    if all.is_empty() {
                        together.break_with(tenant);
                    }
                }
            }
        }
        prop_assert!(turns.is_idle() && turns.lanes.is_empty());
    }

    /// From when all wait: nobody gets less than its share, by more than a quantum and one longest message, whatever lengths the others publish.
    #[test]
    fn nobody_gets_less_than_its_share_minus_one_message(
        lengths in vec(vec(0..=LONGEST, 1..60), 2..6),
    ) {
        let mut turns = Turns::default();
        let mut left = HashMap::new();
        for (who, lengths) in lengths.iter().enumerate() {
            let subject = subject(&format!("t{who}"), "s");
            left.insert(subject.tenant().clone(), lengths.len());
            for (n, bytes) in lengths.iter().enumerate() {
                turns.push(&subject, Entry { sequence: Sequence(u64::try_from(n).unwrap()), bytes: *bytes });
            }
        }
        let mut got: HashMap<_, _> = left.keys().map(|tenant| (tenant.clone(), 0)).collect();
        while left.values().all(|left| *left > 0) {
            let (subject, entry) = turns.next().unwrap();
            *left.get_mut(subject.tenant()).unwrap() -= 1;
            *got.get_mut(subject.tenant()).unwrap() += cost(entry);
            let (least, most) = (got.values().min().unwrap(), got.values().max().unwrap());
            prop_assert!(most - least <= QUANTUM + u64::from(LONGEST), "{least} bytes beside {most}");
        }
    }

    /// A storm of others delays a single message by one turn of each of them, which is no more than a quantum and one message that was begun; where it
    /// is longer than a quantum, by as many turns as it has quanta.
    #[test]
    fn a_storm_delays_a_single_message_by_one_round(
        storms in 1..6_u64, storm in 0..=LONGEST, taken in 0..50_usize, single in 0..=LONGEST,
    ) {
        let mut turns = Turns::default();
        let mut of_storm = Entry { sequence: Sequence(0), bytes: storm };
        let rounds = cost(Entry { bytes: single, ..of_storm }).div_ceil(QUANTUM);
        let bound = storms * (rounds * QUANTUM + cost(of_storm));
        // Of each so many that none of them runs out before.
        for n in 0..storms * (bound / cost(of_storm) + 60) {
            of_storm.sequence = Sequence(n);
            let entry = of_storm;
            turns.push(&subject(&format!("storm-{}", n % storms), "s"), entry);
        }
        for _ in 0..taken {
            turns.next();
        }
        let entry = Entry { sequence: Sequence(99_999), bytes: single };
        turns.push(&subject("calm", "s"), entry);
        let mut waited = 0;
        loop {
            let (subject, entry) = turns.next().unwrap();
            if subject.tenant().as_str() == "calm" {
                break;
            }
            waited += cost(entry);
            prop_assert!(waited <= bound, "{waited} bytes of others, more than {bound}");
        }
    }
}
