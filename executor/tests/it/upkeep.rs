//! What is done to a log while the executor is stopped, or by itself: reading all of it, changing its key, dropping what the hub holds.

use std::fs;
use std::process::{Command, Output, Stdio};

use contract::fact::Absence;
use contract::finding::{Finding, Verdict};
use contract::record::{Body, Digests, Gap, GapReason, Kind, LineLoss, Lost, Recovered, Trigger};
use contract::socket::{Answer, Question};
use contract::time::{ClockOffset, UtcTime};
use evidence::Draft;
use tlog::checkpoint;

use super::crash::CALLS_MAX;
use super::rig::{BEGINNING, Rig, Template, ask};

fn command(rig: &Rig, verb: &str, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_suture-executor"));
    command.args([verb, "--config"]).arg(rig.path("executor/executor.yaml")).args(more);
    command
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn kinds(rig: &Rig) -> Vec<Kind> {
    rig.records().iter().map(|r| r.body.kind()).collect()
}

#[test]
fn fsck_reads_everything_and_names_the_first_fault() {
    let rig = Rig::new();
    let running = rig.start();
    rig.send(&mut rig.agent(), &rig.own_order(1));
    let busy = command(&rig, "fsck", &[]).output().unwrap();
    assert!(busy.status.code() == Some(74) && said(&busy).contains("another process"), "{}", said(&busy));
    drop(running);
    let whole = command(&rig, "fsck", &[]).output().unwrap();
    assert!(whole.status.success() && said(&whole).contains("whole: 4 of 4 entries"), "{}", said(&whole));

    let tail = rig.evidence().join("writer/tail-0");
    let mut bytes = fs::read(&tail).unwrap();
    let at = bytes.windows(6).position(|w| w == b"opened").unwrap();
    bytes[at] ^= 1;
    fs::write(&tail, bytes).unwrap();
    let altered = command(&rig, "fsck", &[]).output().unwrap();
    assert_eq!(altered.status.code(), Some(74));
    assert!(
        said(&altered).contains("NOT WHOLE: entry 0") && said(&altered).contains("do not delete"),
        "{}",
        said(&altered)
    );
    let json = command(&rig, "fsck", &["--json"]).output().unwrap();
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!((&json["whole"], &json["fault"]["index"]), (&false.into(), &0.into()));
    let nothing = command(&rig, "fsck", &["--json", "--config", "/made/up"]).output().unwrap();
    assert_eq!(nothing.status.code(), Some(2));
}

#[test]
fn fsck_says_that_entries_are_missing_which_only_the_receipt_knows_of() {
    let rig = Rig::new();
    assert!(rig.start().stop().success());
    let copied = Command::new("cp").arg("-a").arg(rig.evidence()).arg(rig.path("old")).status().unwrap();
    assert!(copied.success());
    let mut running = rig.start();
    let mut agent = rig.agent();
    rig.send(&mut agent, &rig.own_order(1));
    let note = rig.cosigned_head(&mut agent);
    assert!(matches!(ask(&mut agent, &Question::Receipt { note }), Answer::Kept));
    assert!(running.stop().success());
    fs::remove_dir_all(rig.evidence()).unwrap();
    fs::rename(rig.path("old"), rig.evidence()).unwrap();
    let short = command(&rig, "fsck", &[]).output().unwrap();
    assert!(short.status.code() == Some(74) && said(&short).contains("entry 3"), "{}", said(&short));
    assert!(said(&short).contains("fetches the missing entries back"), "{}", said(&short));
}

#[test]
fn a_changed_key_is_handed_over_in_two_records_and_older_receipts_still_count() {
    let rig = Rig::new();
    let mut running = rig.start();
    let mut agent = rig.agent();
    let note = rig.cosigned_head(&mut agent);
    assert!(matches!(ask(&mut agent, &Question::Receipt { note }), Answer::Kept));
    let refused = command(&rig, "rotate-key", &[]).output().unwrap();
    assert!(refused.status.code() == Some(74) && said(&refused).contains("another process"));
    assert!(running.stop().success());
    let old = rig.init();
    let changed = command(&rig, "rotate-key", &[]).output().unwrap();
    assert!(changed.status.success(), "{}", said(&changed));
    let (old, new) = (String::from_utf8(old.stdout).unwrap(), String::from_utf8(changed.stdout).unwrap());
    assert_ne!(old, new);
    // The receipt is over a head by the old key.
    assert!(rig.start().stop().success());
    assert_eq!(kinds(&rig)[BEGINNING..], [Kind::KeyNamed, Kind::KeyTaken]);
    let head = fs::read(rig.evidence().join("checkpoint")).unwrap();
    assert!(checkpoint::open(&head, &new.trim().parse().unwrap()).is_ok());
    let Body::KeyTaken(taken) = &rig.records()[BEGINNING + 1].body else { panic!() };
    assert_eq!(taken.key, new.trim());
    assert!(checkpoint::open(taken.handover.as_bytes(), &old.trim().parse().unwrap()).is_ok());
    let whole = command(&rig, "fsck", &[]).output().unwrap();
    assert!(whole.status.success(), "{}", said(&whole));
    let again = command(&rig, "rotate-key", &[]).output().unwrap();
    assert!(again.status.success(), "{}", said(&again));
    assert_eq!(kinds(&rig).len(), BEGINNING + 4);
}

#[test]
fn killed_at_any_write_while_its_key_is_changed_the_log_goes_on_under_one_of_the_two() {
    let (killed, changed) = kill_while_changed(&["pwrite64", "fdatasync"]);
    assert!(killed >= 4 && changed >= 2, "killed at {killed} places, changed after {changed}");
}

#[test]
fn killed_at_any_name_while_its_key_is_changed_the_log_goes_on_under_one_of_the_two() {
    let (killed, changed) = kill_while_changed(&["fsync", "rename"]);
    assert!(killed >= 6 && changed >= 2, "killed at {killed} places, changed after {changed}");
}

/// Kills it at each of its `calls` while the key is changed. At how many places that was, and after how many the key was another.
fn kill_while_changed(calls: &[&str]) -> (u32, u32) {
    let (mut killed, mut changed) = (0, 0);
    let rig = Rig::new();
    assert!(rig.start().stop().success());
    let template = Template::of(&rig);
    for call in calls {
        for nth in 1..CALLS_MAX {
            template.put_back(&rig);
            let plain = command(&rig, "rotate-key", &[]);
            let mut strace = Command::new("strace");
            strace.args(["-f", "-o", "/dev/null", "-e", &format!("inject={call}:signal=SIGKILL:when={nth}")]);
            let status = strace
                .arg(plain.get_program())
                .args(plain.get_args())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .unwrap();
            let place = format!("killed on {call} number {nth}");
            assert!(rig.start().stop().success(), "{place}");
            assert!(!rig.path("executor/keys/evidence-next.key").exists(), "{place}");
            match kinds(&rig)[BEGINNING..] {
                [] => {}
                [Kind::KeyNamed, Kind::KeyTaken] => changed += 1,
                ref other => panic!("{place}: {other:?}"),
            }
            assert!(command(&rig, "fsck", &[]).output().unwrap().status.success(), "{place}");
            if status.success() {
                break;
            }
            killed += 1;
        }
    }
    (killed, changed)
}

#[test]
fn a_long_silence_is_a_gap_that_is_told_before_anything_else_is() {
    let rig = Rig::new();
    let key = executor::keystore::Place::current(&rig.path("executor/keys"), None);
    let (mut log, _) =
        evidence::LogWriter::open(&rig.evidence(), key.load("hub.example/h-1").unwrap(), |_| ()).unwrap();
    let now = edge::clock::utc().unix_seconds().cast_signed();
    let then = UtcTime::from_unix_ms((now - 3 * 60 * 60) * 1000).unwrap();
    let recovered = Recovered { torn_bytes: 0, unfinished: vec![] };
    log.append(vec![Draft {
        time: then,
        clock: ClockOffset::Unknown,
        subject: "log".into(),
        digests: Digests::default(),
        body: Body::Recovered(recovered),
    }])
    .unwrap();
    drop(log);
    assert!(rig.start().stop().success());
    assert_eq!(kinds(&rig).len(), 1, "something was written before the hub's copy could be compared");
    let mut running = rig.start();
    rig.send(&mut rig.agent(), &rig.own_order(1));
    assert!(running.stop().success());
    assert_eq!(kinds(&rig)[1..], [Kind::Gap, Kind::PolicyTaken, Kind::Confined, Kind::Refused]);
    let Body::Gap(gap) = &rig.records()[1].body else { panic!() };
    assert_eq!((gap.reason, gap.from, gap.lost), (GapReason::NotRunning, then, Lost::Unknown));
    assert!(gap.until > then);
}

#[test]
fn what_the_agent_had_to_drop_is_a_gap() {
    let rig = Rig::new();
    let mut running = rig.start();
    let (from, until) = (edge::clock::utc(), edge::clock::utc().plus_ms(5));
    let answer = ask(&mut rig.agent(), &Question::Gap { from, until, lost: 3 });
    assert!(matches!(answer, Answer::Recorded { size: 4 }), "{answer:?}");
    let question = Question::LinesLost { why: LineLoss::RotatedAway, from, until, lost: 2 };
    let answer = ask(&mut rig.agent(), &question);
    assert!(matches!(answer, Answer::Recorded { size: 5 }), "{answer:?}");
    assert!(running.stop().success());
    let gap = Gap { reason: GapReason::OutboxFull, from, until, lost: Lost::Count(3) };
    assert_eq!(rig.records()[BEGINNING].body, Body::Gap(gap));
    let reason = GapReason::Lines(LineLoss::RotatedAway);
    let gap = Gap { reason, from, until, lost: Lost::Count(2) };
    assert_eq!(rig.records()[BEGINNING + 1].body, Body::Gap(gap));
}

#[test]
fn what_the_hub_holds_is_dropped_beyond_the_bound_and_the_rest_goes_on() {
    let rig = Rig::new();
    let config = rig.path("executor/executor.yaml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text + "evidence_keep_mb: 0\n").unwrap();
    let mut running = rig.start();
    let mut agent = rig.agent();
    let finding = Finding {
        control: "suture.evidence-directory".parse().unwrap(),
        fact: "own:evidence".parse().unwrap(),
        verdict: Verdict::NotAssessed(Absence::DoesNotApply),
    };
    rig.send(&mut agent, &rig.own_order(7));
    for _ in 0..4 {
        let findings = vec![finding.clone(); 60 * 300];
        let answer = ask(&mut agent, &Question::Findings { trigger: Trigger::FullScan, findings });
        assert!(matches!(answer, Answer::Recorded { .. }), "{answer:?}");
    }
    assert!(running.stop().success());
    // Not yet: nobody has said that anybody else holds it.
    let mut running = rig.start();
    assert!(rig.evidence().join("tile/entries/000").exists());
    let mut agent = rig.agent();
    let note = rig.cosigned_head(&mut agent);
    assert!(matches!(ask(&mut agent, &Question::Receipt { note }), Answer::Kept));
    assert!(running.stop().success());

    let mut running = rig.start();
    for gone in ["000", "001", "002", "003"] {
        assert!(!rig.evidence().join("tile/entries").join(gone).exists(), "{gone} is still here");
    }
    assert!(rig.evidence().join("tile/0/000").exists(), "the tree was dropped with the entries");
    let mut agent = rig.agent();
    let pruned = ask(&mut agent, &Question::Entries { from: 0 });
    assert!(matches!(&pruned, Answer::Pruned { first: 1024 }), "{pruned:?}");
    assert!(matches!(ask(&mut agent, &Question::Entries { from: 1100 }), Answer::Entries(_)));
    // It knows what it did before all that.
    let again = rig.send(&mut agent, &rig.own_order(7));
    assert_eq!(again.seq, BEGINNING as u64, "{again:?}");
    assert!(running.stop().success());
    let first = rig.records().into_iter().next().unwrap();
    assert!(matches!(first.body, Body::Standing(_)), "replay began elsewhere: {}", first.seq);
    let whole = command(&rig, "fsck", &[]).output().unwrap();
    assert!(whole.status.success() && said(&whole).contains("were pruned here"), "{}", said(&whole));
}
