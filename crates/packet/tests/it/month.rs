//! What a month comes to.

use contract::fact::FactValue;
use contract::ids::{ControlId, OrderId};
use contract::outcome::Outcome;
use contract::record::{
    Body, Gap, GapReason, Lost, Moved, PaperState, PaperTaken, Recovered, Resolution, RunState,
};
use contract::time::ClockOffset;
use packet::{Broken, Over};

use contract::signal::SignalKind;
use packet::sample::{EXCEPTED, FAIL, Log, PASS, Scene, UNSEEN, at, control, october, signal};

fn order(id: &str) -> OrderId {
    id.parse().unwrap()
}

fn spans(log: &Log) -> Vec<(ControlId, u64, Option<Over>)> {
    let episodes = log.october(&[]).episodes;
    episodes.into_iter().map(|episode| (episode.control, episode.began.seq, episode.over)).collect()
}

#[test]
fn an_episode_goes_from_the_first_failure_to_the_record_that_ends_it() {
    let sync = "time.sync";
    let begun =
        Log::opened("2026-09-20").found("2026-10-02", &[(sync, FAIL)]).found("2026-10-03", &[(sync, FAIL)]);
    let healed = begun
        .clone()
        .accepted("2026-10-04", "o-1", sync)
        .ended("2026-10-05", "o-1", sync, Outcome::Healed, Resolution::Passes(FactValue::Flag(true)))
        .found("2026-10-06", &[(sync, PASS)]);
    let over = healed.october(&[]).episodes.remove(0);
    assert_eq!((over.began.seq, over.runs), (1, vec![order("o-1")]));
    assert!(matches!(over.over, Some(Over::Healed(o, at)) if o == order("o-1") && at.seq == 4));
    let [(_, 1, Some(Over::Passed(passed)))] =
        &spans(&begun.clone().found("2026-10-07", &[(sync, PASS)]))[..]
    else {
        panic!("somebody else mended it")
    };
    assert_eq!(passed.seq, 3);
    let [(_, 1, Some(Over::Excepted(_)))] =
        &spans(&begun.clone().found("2026-10-07", &[(sync, EXCEPTED)]))[..]
    else {
        panic!("it was accepted")
    };
    // Looking away ends nothing.
    assert_eq!(spans(&begun.clone().found("2026-10-07", &[(sync, UNSEEN)])), [(control(sync), 1, None)]);
    // A repair that was undone does not, either.
    let undone = begun
        .accepted("2026-10-04", "o-2", sync)
        .then("2026-10-04", Body::Moved(Moved { order: order("o-2"), to: RunState::Reverting }))
        .ended("2026-10-05", "o-2", sync, Outcome::Reverted, Resolution::Fails(FactValue::Flag(false)));
    assert_eq!(spans(&undone), [(control(sync), 1, None)]);
    let run = undone.october(&[]).runs.remove(0);
    assert_eq!((run.undone.unwrap().seq, run.end.unwrap().outcome), (4, Outcome::Reverted));
}

#[test]
fn what_lies_across_the_end_of_a_month_belongs_to_both() {
    let (a, b, c, d) = ("time.sync", "time.offset", "disk.space", "ssh.root-login");
    let log = Log::opened("2026-08-01")
        // Over before October.
        .found("2026-09-01", &[(a, FAIL)])
        .found("2026-09-02", &[(a, PASS)])
        // From September into October.
        .found("2026-09-30T23:00:00.000Z", &[(b, FAIL)])
        .accepted("2026-09-30T23:59:00.000Z", "o-b", b)
        .ended(
            "2026-10-01T00:01:00.000Z",
            "o-b",
            b,
            Outcome::Healed,
            Resolution::Passes(FactValue::Flag(true)),
        )
        // From October into November.
        .found("2026-10-31T23:00:00.000Z", &[(c, FAIL)])
        .accepted("2026-10-31T23:59:00.000Z", "o-c", c)
        .ended(
            "2026-11-01T00:01:00.000Z",
            "o-c",
            c,
            Outcome::Healed,
            Resolution::Passes(FactValue::Flag(true)),
        )
        // Of November alone.
        .found("2026-11-02", &[(d, FAIL)]);
    let machine = log.october(&[]);
    let episodes: Vec<_> = machine.episodes.iter().map(|e| (e.control.as_str(), e.over.is_some())).collect();
    assert_eq!(
        episodes,
        [(b, true), (c, false)],
        "at the end of October nobody knew that it would be healed"
    );
    let runs: Vec<_> = machine.runs.iter().map(|run| (run.order.as_str(), run.end.is_some())).collect();
    assert_eq!(runs, [("o-b", true), ("o-c", false)]);
    assert_eq!((machine.records, machine.size), (3, 10));
    assert!(!machine.held.contains_key(&control(d)));
}

#[test]
fn the_score_is_over_the_controls_that_were_asked_for() {
    let all = ["time.sync", "time.offset", "disk.space", "ssh.root-login"];
    let log = Log::opened("2026-09-20")
        .found("2026-09-29", &[("time.sync", FAIL), ("time.offset", PASS), ("disk.space", PASS)])
        .found(
            "2026-10-30",
            &[("time.sync", PASS), ("time.offset", PASS), ("disk.space", FAIL), ("files.passwd", FAIL)],
        );
    let marks = ["2026-09-01", "2026-10-01", "2026-10-15"];
    let machine = log.walk(&all, &marks, &log.head()).unwrap();
    let words: Vec<_> = machine.scores.iter().map(|s| s.as_ref().map(ToString::to_string)).collect();
    let [before, then, late, end] = &words[..] else { panic!("{words:?}") };
    assert_eq!(*before, None, "there was no log yet");
    assert_eq!(then.as_deref(), Some("66.6 % (2 of 3), assessed 3 of 4"));
    // Nobody has looked for two days: nothing is known.
    assert_eq!(late.as_deref(), Some("no score, assessed 0 of 4"));
    assert_eq!(end.as_deref(), Some("66.6 % (2 of 3), assessed 3 of 4"));
}

#[test]
fn the_month_ends_with_what_was_written_before_its_end_however_the_clock_went() {
    // Put forward into November and back again.
    let log = Log::opened("2026-10-01")
        .found("2026-11-07", &[("time.sync", FAIL)])
        .found("2026-10-31T12:00:00.000Z", &[("time.sync", PASS)]);
    let machine = log.october(&["time.sync"]);
    assert_eq!(machine.scores[0].unwrap().to_string(), "100.0 % (1 of 1), assessed 1 of 1");
    assert_eq!((machine.records, machine.steps_back), (2, 1));
}

#[test]
fn silence_is_told_by_the_records_around_it() {
    let log = Log::opened("2026-09-20")
        .found("2026-09-30T23:30:00.000Z", &[])
        .found("2026-10-01T02:00:00.000Z", &[])
        // Twelve days.
        .found("2026-10-13T02:00:00.000Z", &[])
        .found("2026-10-13T04:30:00.000Z", &[]);
    let silences = log.october(&[]).silences;
    let [off, last] = &silences[..] else { panic!("{silences:?}") };
    assert_eq!((off.ms(), off.after.unwrap().seq, off.before.unwrap().seq), (12 * 86_400_000, 2, 3));
    assert_eq!((last.from, last.until, last.before), (at("2026-10-13T04:30:00.000Z"), october().to(), None));
    // An hour before the month is over is no silence yet, and neither is what ends an hour into the next one.
    let whole = |last: &str| {
        let mut log = Log::opened("2026-09-30T23:00:00.000Z");
        for hour in (0..31 * 24).step_by(2) {
            log = log.found(&format!("2026-10-{:02}T{:02}:00:00.000Z", hour / 24 + 1, hour % 24), &[]);
        }
        log.found(last, &[]).october(&[]).silences
    };
    assert_eq!(
        (whole("2026-10-31T23:00:00.000Z"), whole("2026-11-01T00:30:00.000Z")),
        (Vec::new(), Vec::new())
    );
    // From before the month until after it.
    let log = Log::opened("2026-09-20").found("2026-11-05", &[]);
    let [all] = log.october(&[]).silences[..] else { panic!("one") };
    assert_eq!(all.ms(), october().ms());
}

#[test]
fn gaps_count_where_they_reach_into_the_month() {
    let gap = |from: &str, until: &str| {
        let (from, until) = (at(from), at(until));
        Body::Gap(Gap { reason: GapReason::NotRunning, from, until, lost: Lost::Unknown })
    };
    let log = Log::opened("2026-09-01")
        .then("2026-09-10", gap("2026-09-05", "2026-09-10"))
        .then("2026-10-02", gap("2026-09-28", "2026-10-02"))
        .then("2026-10-03", Body::Recovered(Recovered { torn_bytes: 12, unfinished: vec![order("o-1")] }))
        // Told when it was over, and of two months.
        .then("2026-11-03", gap("2026-10-30", "2026-11-03"))
        .then("2026-11-09", gap("2026-11-05", "2026-11-09"));
    let broken = log.october(&[]).broken;
    let [
        Broken::Gap { at: reported, .. },
        Broken::Recovered { torn_bytes: 12, unfinished: 1, .. },
        Broken::Gap { at: later, .. },
    ] = &broken[..]
    else {
        panic!("{broken:?}")
    };
    assert_eq!((reported.seq, later.seq), (2, 4));
}

#[test]
fn every_record_says_how_far_its_clock_could_be_trusted() {
    let empty = || Body::Recovered(Recovered { torn_bytes: 0, unfinished: Vec::new() });
    let log = Log::opened("2026-10-01")
        .by_clock("2026-10-02", ClockOffset::SynchronisedWithinMs(40), empty())
        .by_clock("2026-10-03", ClockOffset::Unsynchronised, empty())
        .by_clock("2026-10-04", ClockOffset::Unsynchronised, empty())
        .by_clock("2026-10-05", ClockOffset::Unknown, empty())
        .by_clock("2026-11-05", ClockOffset::SynchronisedWithinMs(9000), empty());
    let clocks = log.october(&[]).clocks;
    let (many, first, last) = clocks.unkept.unwrap();
    assert_eq!((clocks.kept, clocks.worst.unwrap().0, clocks.unknown), (2, 40, 1));
    assert_eq!((many, first.seq, last.seq), (2, 2, 3));
}

#[test]
fn each_week_says_what_its_looks_found() {
    let log = Log::opened("2026-09-20")
        .found("2026-09-30", &[("backup.recent", PASS)])
        .found("2026-10-02", &[("backup.recent", FAIL)])
        .found("2026-10-07T23:59:59.999Z", &[("backup.recent", PASS)])
        .found("2026-10-08", &[("backup.recent", FAIL)])
        .found("2026-10-31", &[("backup.recent", PASS)]);
    let machine = log.october(&[]);
    let weeks: Vec<_> = machine.weeks[&control("backup.recent")]
        .iter()
        .map(|(week, looks)| (*week, looks.passed, looks.failed, looks.bounds.map(|(a, b)| (a.seq, b.seq))))
        .collect();
    assert_eq!(
        weeks,
        [(0, 1, 1, Some((2, 3))), (1, 0, 1, Some((4, 4))), (4, 1, 0, Some((5, 5)))],
        "of the third and fourth nothing is known"
    );
}

#[test]
fn a_signal_counts_once_and_a_log_that_never_told_of_any_says_nothing() {
    let failed = |incident: &str, count| {
        signal(incident, "ssh.failed-logins", SignalKind::FailedLogins, count, at("2026-10-02"))
    };
    let log = Log::opened("2026-09-20")
        .then("2026-09-21", failed("s-0", 9))
        .then("2026-10-02", failed("s-1", 5))
        .then("2026-10-03", failed("s-1", 5))
        .then("2026-10-04", failed("s-2", 6))
        .then("2026-11-02", failed("s-3", 6));
    let machine = log.october(&[]);
    let seen: Vec<_> =
        machine.signals.iter().map(|seen| (seen.signal.incident.as_str(), seen.at.seq)).collect();
    assert_eq!((seen, machine.tells_signals), (vec![("s-1", 2), ("s-2", 4)], true));
    assert!(!Log::opened("2026-09-20").october(&[]).tells_signals);
    let scene = Scene { incidents: 0, ..Scene::default() };
    let packet = scene.packet();
    assert_eq!(packet.access.failed_log_ins.value(), Some(&4), "twice on each of two machines");
    assert_eq!(packet.access.new_administrators.value(), Some(&2));
    assert_eq!(
        packet.noticed.iter().map(|one| (one.times, one.lines)).collect::<Vec<_>>(),
        [(2, 2), (2, 2), (4, 38)]
    );
    // No log of this machine ever told of one: that is no nought.
    let silent = Scene {
        incidents: 0,
        hosts: vec!["late".into()],
        since: "2026-11".parse().unwrap(),
        ..Scene::default()
    };
    assert_eq!(silent.packet().access.failed_log_ins, packet::Claim::not(packet::Unmeasured::NoKind));
}

#[test]
fn a_record_waits_until_the_first_head_that_covers_it_was_taken() {
    let log = Log::opened("2026-09-20")
        .found("2026-10-02T00:00:00.000Z", &[("time.sync", PASS)])
        .found("2026-10-02T00:00:01.000Z", &[("time.sync", PASS)])
        .found("2026-10-03T00:00:00.000Z", &[("time.sync", PASS)]);
    let waited = |heads: &[(u64, Option<&str>)]| {
        let heads = heads.iter().map(|(size, taken)| (*size, taken.map(at))).collect();
        let walk = packet::Walk::new(
            log.whose.clone(),
            log.origin(),
            october(),
            std::collections::BTreeSet::new(),
            Vec::new(),
        );
        let mut walk = walk.witnessed_by(heads);
        log.entries.iter().for_each(|entry| walk.entry(entry).unwrap());
        walk.end(&log.head()).unwrap().witnessed
    };
    let noon = Some("2026-10-02T12:00:00.000Z");
    let all = waited(&[(1, None), (3, noon), (4, Some("2026-10-03T00:00:05.000Z"))]);
    assert_eq!(all.longest.map(|(ms, at)| (ms, at.seq)), Some((12 * 3_600_000, 1)));
    assert_eq!(all.unknown, 0, "what was before the month is of no matter");
    assert_eq!(waited(&[(3, None), (4, noon)]).unknown, 2);
    assert_eq!(waited(&[(3, noon)]).unknown, 1, "of the last record nobody knows");
}

#[test]
fn what_passes_in_the_hold_down_of_a_repair_was_repaired_by_it() {
    let sync = "time.sync";
    let begun = Log::opened("2026-09-20")
        .found("2026-10-02T00:00:00.000Z", &[(sync, FAIL)])
        .accepted("2026-10-02T00:00:01.000Z", "o-1", sync)
        .found("2026-10-02T00:00:02.000Z", &[(sync, PASS)]);
    let passes = || Resolution::Passes(FactValue::Flag(true));
    let healed = begun.clone().ended("2026-10-02T00:00:04.000Z", "o-1", sync, Outcome::Healed, passes());
    let [(_, 1, Some(Over::Healed(_, at)))] = &spans(&healed)[..] else { panic!("{:?}", spans(&healed)) };
    assert_eq!(at.seq, 4);
    // It failed again before the repair was over, and was undone.
    let fails = Resolution::Fails(FactValue::Flag(false));
    let again = begun.clone().found("2026-10-02T00:00:03.000Z", &[(sync, FAIL)]);
    let undone = again.ended("2026-10-02T00:00:04.000Z", "o-1", sync, Outcome::Reverted, fails);
    assert_eq!(spans(&undone), [(control(sync), 1, None)]);
    // A repair of which nothing more is heard ends nothing, and holds nothing open for ever.
    let left = begun.found("2026-10-03", &[(sync, PASS)]);
    let [(_, 1, Some(Over::Passed(at)))] = &spans(&left)[..] else { panic!("{:?}", spans(&left)) };
    assert_eq!(at.seq, 4);
}

#[test]
fn one_record_by_a_clock_that_is_ahead_makes_no_silence_and_no_score() {
    let hourly = |ahead: Option<&str>| {
        let mut log = Log::opened("2026-09-30T23:30:00.000Z");
        for day in 1..=31 {
            for hour in 0..24 {
                log = log.found(&format!("2026-10-{day:02}T{hour:02}:00:00.000Z"), &[("time.sync", PASS)]);
                if let Some(ahead) = ahead.filter(|_| (day, hour) == (3, 4)) {
                    log = log.found(ahead, &[("time.sync", FAIL)]);
                }
            }
        }
        log.found("2026-11-01T00:30:00.000Z", &[("time.sync", PASS)])
    };
    let marks = ["2026-10-02", "2026-10-20"];
    let of = |log: &Log| log.walk(&["time.sync"], &marks, &log.head()).unwrap();
    let honest = of(&hourly(None));
    assert_eq!(honest.silences, []);
    for ahead in ["2037-01-01", "2026-10-11T04:30:00.000Z", "2026-10-25T04:30:00.000Z"] {
        let stepped = of(&hourly(Some(ahead)));
        assert_eq!(stepped.silences, [], "{ahead}");
        assert_eq!(stepped.scores[0], honest.scores[0], "{ahead}");
        assert_eq!(stepped.scores[1].unwrap().assessed(), 1, "{ahead}");
    }
    // What was there all the same is found by its record, wherever in the log it stands.
    let back = hourly(None).found("2026-10-01T12:00:00.000Z", &[("disk.space", PASS)]);
    assert_eq!(back.walk(&["disk.space"], &marks, &back.head()).unwrap().scores[0].unwrap().assessed(), 1);
}

#[test]
fn a_machine_is_not_silent_before_it_was_there() {
    let machine =
        Log::opened("2026-10-20").found("2026-10-20T01:00:00.000Z", &[("time.sync", PASS)]).october(&[]);
    assert_eq!(machine.since.map(|since| since.time), Some(at("2026-10-20")));
    let [silence] = &machine.silences[..] else { panic!("{:?}", machine.silences) };
    assert_eq!(silence.from, at("2026-10-20T01:00:00.000Z"));
    assert_eq!(Log::opened("2026-11-02").october(&[]).silences, []);
}

#[test]
fn what_was_not_approved_leaves_in_force_what_was() {
    let paper = |state, text: &[u8]| {
        let (kind, text) = (contract::paper::PaperKind::Exceptions, Some(contract::digest::Digest::of(text)));
        Body::PaperTaken(PaperTaken { paper: kind, state, number: 1, text })
    };
    let log = Log::opened("2026-08-01")
        .then("2026-08-02", paper(PaperState::InForce, b"a"))
        .then("2026-08-03", paper(PaperState::InForce, b"b"))
        .then("2026-08-04", paper(PaperState::NotApproved, b"c"));
    let papers = log.october(&[]).papers;
    let in_force: Vec<_> =
        papers.iter().filter(|paper| paper.state == PaperState::InForce).map(|p| p.text).collect();
    assert_eq!(in_force, [Some(contract::digest::Digest::of(b"b"))]);
}
