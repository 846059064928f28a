use proptest::prelude::*;

use super::*;
use crate::fact::{Absence, FactValue};

const NOW_MS: i64 = 1_800_000_000_000;

fn now() -> UtcTime {
    UtcTime::from_unix_ms(NOW_MS).unwrap()
}

fn at(ms: i64) -> UtcTime {
    UtcTime::from_unix_ms(NOW_MS + ms).unwrap()
}

fn verdict(word: Word) -> Verdict {
    let seen = FactValue::Flag(true);
    match word {
        Word::Pass => Verdict::Pass(seen),
        Word::Fail => Verdict::Fail(seen),
        Word::Excepted => Verdict::Excepted(seen),
        Word::NotAssessed => Verdict::NotAssessed(Absence::NotRunning),
    }
}

fn word() -> impl Strategy<Value = Word> {
    (0..Word::ALL.len()).prop_map(|n| Word::ALL[n])
}

/// A control after some findings of any kind, the last one a while ago.
fn held() -> impl Strategy<Value = Held> {
    (proptest::collection::vec(word(), 1..5), 0..4 * 24_i64)
        .prop_map(|(words, hours)| {
            let last = -hours * 3_600_000;
            words.iter().zip(0_u64..).fold(None, |before, (word, seq)| {
                Some(Held::next(before.as_ref(), &verdict(*word), (at(last), seq)))
            })
        })
        .prop_map(Option::unwrap)
}

fn score(all: &[Held], now: UtcTime) -> Score {
    Score::of(all.iter().map(|held| held.count(now)))
}

/// Not worse than before in any respect: nothing that is asked below may be true of a look away.
fn is_better(after: Score, before: Score) -> bool {
    let greener = after.headline() == Headline::Green && before.headline() != Headline::Green;
    after.permille() > before.permille() || after.coverage_permille() > before.coverage_permille() || greener
}

proptest! {
    #[test]
    fn what_cannot_be_seen_any_more_never_raises_a_score(
        all in proptest::collection::vec((held(), any::<bool>()), 1..40),
    ) {
        let before: Vec<Held> = all.iter().map(|(held, _)| held.clone()).collect();
        let gone = all.iter().map(|(held, goes)| if *goes {
            Held::next(Some(held), &verdict(Word::NotAssessed), (now(), 99))
        } else {
            held.clone()
        });
        let after: Vec<Held> = gone.collect();
        let (after, before) = (score(&after, now()), score(&before, now()));
        prop_assert!(!is_better(after, before), "{before} became {after}");
        prop_assert_eq!(after.total(), before.total());
    }

    #[test]
    fn time_that_goes_by_without_a_look_never_raises_a_score(
        all in proptest::collection::vec(held(), 1..40),
        hours in 0..100_i64,
    ) {
        let (before, after) = (score(&all, now()), score(&all, at(hours * 3_600_000)));
        prop_assert!(!is_better(after, before), "{before} became {after}");
    }

    #[test]
    fn controls_that_nobody_looked_at_never_raise_a_score(
        all in proptest::collection::vec(held(), 0..40), more in 1..20_u32,
    ) {
        let before = score(&all, now());
        let mut after = before;
        after.add(Counted::Unknown, more);
        prop_assert!(!is_better(after, before) || before.total() == 0, "{before} became {after}");
        prop_assert_eq!(after.permille(), before.permille());
    }

    #[test]
    fn a_site_is_the_sum_of_its_machines_and_every_part_is_within_its_whole(
        a in proptest::collection::vec(held(), 0..20), b in proptest::collection::vec(held(), 0..20),
    ) {
        let both: Vec<Held> = a.iter().chain(&b).cloned().collect();
        let sum = score(&a, now()).and(score(&b, now()));
        prop_assert_eq!(sum, score(&both, now()));
        prop_assert_eq!(sum.total() as usize, both.len());
        prop_assert!(sum.many(Counted::Passes) <= sum.measured() && sum.measured() <= sum.total());
        prop_assert!(sum.permille().is_none_or(|permille| permille <= 1000));
        prop_assert_eq!(sum.permille() == Some(1000), sum.assessed() > 0 && sum.many(Counted::Passes) == sum.measured());
    }
}

fn counted(passes: u32, fails: u32, excepted: u32, unknown: u32, unknown_unmet: u32) -> Score {
    Score { passes, fails, excepted, unknown, unknown_unmet }
}

#[test]
fn the_number_never_stands_without_what_it_was_measured_over() {
    let cases = [
        (counted(93, 5, 2, 9, 0), "93.0 % (93 of 100), assessed 100 of 109"),
        (counted(2, 1, 0, 0, 0), "66.6 % (2 of 3), assessed 3 of 3"),
        (counted(75, 3, 2, 28, 1), "92.5 % (75 of 81), assessed 80 of 109"),
        (counted(0, 4, 0, 0, 0), "0.0 % (0 of 4), assessed 4 of 4"),
        (counted(0, 0, 0, 7, 0), "no score, assessed 0 of 7"),
        (counted(0, 0, 0, 7, 2), "no score, assessed 0 of 9"),
        (counted(0, 0, 0, 0, 0), "no score, assessed 0 of 0"),
    ];
    for (score, words) in cases {
        assert_eq!(score.to_string(), words);
    }
}

#[test]
fn below_95_percent_assessed_the_headline_is_amber_whatever_the_score() {
    assert_eq!(counted(95, 0, 0, 5, 0).headline(), Headline::Green);
    assert_eq!(counted(94, 0, 0, 5, 0).headline(), Headline::Amber);
    assert_eq!(counted(0, 94, 0, 6, 0).headline(), Headline::Amber);
    assert_eq!(counted(94, 1, 0, 5, 0).headline(), Headline::Red);
    assert_eq!(counted(94, 0, 1, 5, 0).headline(), Headline::Green);
    assert_eq!(counted(99, 0, 0, 0, 1).headline(), Headline::Red);
    assert_eq!(Score::default().headline(), Headline::Amber);
}

#[test]
fn a_scans_own_numbers_are_those_of_its_score() {
    let tally = Tally { pass: 7, fail: 2, excepted: 1, not_assessed: 5 };
    let score = Score::from(tally);
    assert_eq!((score.assessed(), score.total()), (tally.assessed(), tally.total()));
    assert_eq!(score.many(Counted::Passes), tally.pass);
}

#[test]
fn an_excepted_control_is_assessed_and_is_no_pass() {
    let score = counted(8, 0, 2, 0, 0);
    assert_eq!((score.permille(), score.assessed(), score.total()), (Some(800), 10, 10));
}

#[test]
fn a_look_counts_for_two_days_and_not_from_the_future() {
    let seen = |ms| Held::next(None, &verdict(Word::Pass), (at(ms), 0)).count(now());
    let two_days = 2 * 24 * 3_600_000;
    assert_eq!(seen(-two_days), Counted::Passes);
    assert_eq!(seen(-two_days - 1), Counted::Unknown);
    assert_eq!(seen(3_600_000), Counted::Passes);
    assert_eq!(seen(3_600_001), Counted::Unknown);
}

#[test]
fn what_failed_and_is_not_seen_any_more_still_counts_against_until_it_passes() {
    let next = |before: &Held, word, seq| Held::next(Some(before), &verdict(word), (at(-1000), seq));
    let failed = Held::next(None, &verdict(Word::Fail), (at(-5000), 3));
    let unseen = next(&failed, Word::NotAssessed, 4);
    assert_eq!(unseen.count(now()), Counted::UnknownUnmet);
    let longer = next(&unseen, Word::NotAssessed, 5);
    assert_eq!((longer.count(now()), longer.since.1, longer.checked.1), (Counted::UnknownUnmet, 4, 5));
    let passed = next(&longer, Word::Pass, 6);
    assert_eq!((passed.count(now()), passed.since.1), (Counted::Passes, 6));
    assert_eq!(next(&passed, Word::NotAssessed, 7).count(now()), Counted::Unknown);
}
