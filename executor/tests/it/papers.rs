//! Papers: the executor takes what the hub signed for this very host, above what was before, writes it down, and measures by it; all else is refused
//! and written down too.

use std::fs;
use std::os::unix::net::UnixStream;

use contract::blob::Blob;
use contract::digest::Digest;
use contract::dsse::{HubSigner, PayloadType, SignatureFault};
use contract::fact::{Absence, FactId, FactValue, FileKind, FileMode, Observation, Permissions};
use contract::finding::{Finding, Verdict};
use contract::outcome::Outcome;
use contract::paper::{Paper, PaperKind};
use contract::record::{Body, PaperState, PaperTaken, Record, Trigger};
use contract::refusal::{Addressee, Granted, Refusal};
use contract::runbook::{Catalogue, CatalogueFile};
use contract::socket::{Answer, Question};

use super::rig::{BASELINE, Rig, ask, replace_in};

const KEYS: &str = "accounts:unlisted_ssh_keys";
const NONE_LISTED: &str = "ssh_keys: []\nadministrators: []\nsetuid: []\n";

fn hand(agent: &mut UnixStream, kind: PaperKind, envelope: Vec<u8>) -> Answer {
    ask(agent, &Question::Paper { kind, envelope: Blob(envelope) })
}

fn kept(answer: &Answer) -> bool {
    matches!(answer, Answer::Kept)
}

fn refusal(answer: Answer) -> Refusal {
    match answer {
        Answer::PaperRefused { refusal } => refusal,
        other => panic!("it was not refused: {other:?}"),
    }
}

fn probe(agent: &mut UnixStream, fact: &str) -> Observation {
    let fact: FactId = fact.parse().unwrap();
    match ask(agent, &Question::Probe { facts: vec![fact.clone()] }) {
        Answer::Probed(seen) => seen.observation(&fact),
        other => panic!("{other:?}"),
    }
}

fn number(seen: Observation) -> i64 {
    match seen {
        Ok(FactValue::Number(n)) => n,
        other => panic!("no number: {other:?}"),
    }
}

fn papers(records: &[Record]) -> Vec<PaperTaken> {
    let taken = |record: &Record| match &record.body {
        Body::PaperTaken(taken) => Some(taken.clone()),
        _ => None,
    };
    records.iter().filter_map(taken).collect()
}

fn taken(paper: PaperKind, state: PaperState, number: u64, text: &str) -> PaperTaken {
    PaperTaken { paper, state, number, text: Some(Digest::of(text.as_bytes())) }
}

/// The shipped baseline, under which nobody else may look into the evidence but whoever likes.
fn lenient() -> String {
    let strict = BASELINE.split("observe: own:evidence\n").nth(1).unwrap().lines().next().unwrap();
    assert!(strict.contains("\"0700\""), "{strict}");
    let first = BASELINE.find("observe: own:evidence\n").unwrap();
    let (before, after) = BASELINE.split_at(first);
    format!("{before}{}", after.replacen("\"0700\"", "\"0755\"", 1))
}

#[test]
fn another_allowlist_is_measured_by_at_once_is_a_record_and_holds_after_a_restart() {
    let rig = Rig::new();
    let running = rig.start();
    let mut agent = rig.agent();
    assert_eq!(probe(&mut agent, KEYS), Err(Absence::NotDeclared));
    let kind = PaperKind::Allowlist;
    let first = rig.sign_paper(&Rig::paper(kind, 1, Some(NONE_LISTED)));
    assert!(kept(&hand(&mut agent, kind, first.clone())));
    assert!(probe(&mut agent, KEYS) != Err(Absence::NotDeclared), "it is not measured by");
    // The same again is no fault and no record: its answer was lost.
    assert!(kept(&hand(&mut agent, kind, first.clone())));
    assert_eq!(fs::read(rig.path("executor/allowlist.dsse")).unwrap(), first);
    drop(running);
    let running = rig.start();
    assert!(probe(&mut rig.agent(), KEYS) != Err(Absence::NotDeclared));
    // Taken back: nothing is declared any more, and the older list does not come back.
    let mut agent = rig.agent();
    assert!(kept(&hand(&mut agent, kind, rig.sign_paper(&Rig::paper(kind, 2, None)))));
    assert_eq!(probe(&mut agent, KEYS), Err(Absence::NotDeclared));
    assert_eq!(refusal(hand(&mut agent, kind, first)), Refusal::Replayed { counter: 1, highest: 2 });
    drop(running);
    let back = PaperTaken { paper: kind, state: PaperState::InForce, number: 2, text: None };
    assert_eq!(papers(&rig.records()), [taken(kind, PaperState::InForce, 1, NONE_LISTED), back]);
}

/// The evidence directory, as the others may look into it.
fn mode() -> FactValue {
    let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    let mode = FileMode::from_st_mode(0o755);
    FactValue::Permissions(Permissions { kind: FileKind::Directory, mode, uid, gid })
}

fn report(agent: &mut UnixStream, verdict: Verdict) {
    let (control, fact) = ("suture.evidence-directory".parse().unwrap(), "own:evidence".parse().unwrap());
    let findings = vec![Finding { control, fact, verdict }];
    let answer = ask(agent, &Question::Findings { trigger: Trigger::Change, findings });
    assert!(matches!(answer, Answer::Recorded { .. }), "{answer:?}");
}

#[test]
fn another_baseline_is_what_runs_and_findings_go_by_and_what_records_name() {
    let rig = Rig::new();
    let running = rig.start();
    let mut agent = rig.agent();
    let (kind, text) = (PaperKind::Baseline, lenient());
    let findings = || Question::Findings { trigger: Trigger::FullScan, findings: rig.all_not_assessed() };
    assert!(matches!(ask(&mut agent, &findings()), Answer::Recorded { .. }));
    rig.loosen();
    report(&mut agent, Verdict::Fail(mode()));
    assert!(kept(&hand(&mut agent, kind, rig.sign_paper(&Rig::paper(kind, 7, Some(&text))))));
    assert!(matches!(ask(&mut agent, &findings()), Answer::Recorded { .. }));
    // What failed under the old one passes under this one, by the executor's own measurement.
    report(&mut agent, Verdict::Pass(mode()));
    // A control that the old one did not have.
    let renamed = text.replace("id: suture.evidence-directory", "id: suture.other-directory");
    assert!(kept(&hand(&mut agent, kind, rig.sign_paper(&Rig::paper(kind, 8, Some(&renamed))))));
    assert!(matches!(ask(&mut agent, &findings()), Answer::Sorry { .. }), "an unknown control was taken");
    drop(running);
    let records = rig.records();
    let named = |record: &Record| record.digests.baseline;
    let of = |text: &str| Some(Digest::of(text.as_bytes()));
    let all: Vec<_> = records.iter().filter(|r| matches!(r.body, Body::Findings(_))).map(named).collect();
    // The last record is what it measured itself.
    let by_new = all.iter().filter(|d| **d == of(&text)).count();
    assert!(by_new > 1 && all[..all.len() - by_new].iter().all(|d| *d == of(BASELINE)), "{all:?}");
    let last = records.iter().rev().find_map(|record| match &record.body {
        Body::Findings(taken) => Some(taken.findings.clone()),
        _ => None,
    });
    assert!(matches!(last.unwrap()[0].verdict, Verdict::Pass(FactValue::Permissions(_))));
    let expected =
        [taken(kind, PaperState::InForce, 7, &text), taken(kind, PaperState::InForce, 8, &renamed)];
    assert_eq!(papers(&records), expected);
    // A start goes by the last, and says so nowhere again.
    let running = rig.start();
    assert!(matches!(ask(&mut rig.agent(), &findings()), Answer::Sorry { .. }));
    drop(running);
    assert_eq!(papers(&rig.records()), expected);
}

#[test]
fn while_a_run_is_under_way_no_baseline_takes_the_place_of_the_one_that_it_began_with() {
    let name = "RB-FILE-001-own-directories.yaml";
    let slow = include_str!("../../../runbooks/RB-FILE-001-own-directories.yaml")
        .replace("hold_down_ms: 250", "hold_down_ms: 4000");
    assert!(slow.contains("hold_down_ms: 4000"));
    let rig = Rig::with(vec![CatalogueFile { file: name.into(), text: slow }]);
    let _running = rig.start();
    rig.loosen();
    let mut agent = rig.agent();
    let envelope = rig.sign(&rig.own_order(1));
    let order = Question::Order { envelope: Blob(envelope.clone()) };
    assert!(matches!(ask(&mut agent, &order), Answer::UnderWay { .. }));
    let paper = rig.sign_paper(&Rig::paper(PaperKind::Baseline, 1, Some(&lenient())));
    match hand(&mut agent, PaperKind::Baseline, paper.clone()) {
        Answer::UnderWay { order } => assert_eq!(order.as_str(), "o-1"),
        other => panic!("{other:?}"),
    }
    assert_eq!(super::rig::send(&mut agent, &envelope).outcome, Outcome::Healed);
    assert!(kept(&hand(&mut agent, PaperKind::Baseline, paper)));
}

#[test]
fn what_is_older_foreign_bent_or_of_another_kind_is_refused_and_written_down() {
    let rig = Rig::new();
    let running = rig.start();
    let mut agent = rig.agent();
    let kind = PaperKind::Baseline;
    let text = lenient();
    let good = Rig::paper(kind, 5, Some(&text));
    assert!(kept(&hand(&mut agent, kind, rig.sign_paper(&good))));
    let held = fs::read(rig.path("executor/baseline.dsse")).unwrap();
    let next = Paper { number: 6, ..good.clone() };
    let stranger = HubSigner::from_seed(&[8; 32]);
    let signature = Refusal::Signature;
    let other = Refusal::GrantRefused(Granted::Paper);
    let replayed = |counter| Refusal::Replayed { counter, highest: 5 };
    let cases = [
        (rig.sign_paper(&Paper { number: 4, ..good.clone() }), replayed(4)),
        (rig.sign_paper(&Paper { text: Some(BASELINE.to_owned()), ..good.clone() }), replayed(5)),
        (
            rig.sign_paper(&Paper { host: "h-2".parse().unwrap(), ..next.clone() }),
            Refusal::NotForUs(Addressee::Host),
        ),
        (
            stranger.sign(PayloadType::Paper, &serde_json::to_vec(&next).unwrap()),
            signature(SignatureFault::NotByAPinnedKey),
        ),
        // What came with the sheet: whoever kept it cannot put it back.
        (rig.sign_as(PayloadType::Baseline, BASELINE.as_bytes()), signature(SignatureFault::WrongType)),
        (rig.sign_paper(&Paper { kind: PaperKind::Allowlist, ..next.clone() }), other.clone()),
        (rig.sign_paper(&Paper { text: Some("name: x".to_owned()), ..next.clone() }), other.clone()),
        (rig.sign_paper(&Paper { text: None, ..next.clone() }), other.clone()),
        (b"{}".to_vec(), signature(SignatureFault::NotAnEnvelope)),
    ];
    let mut refused = Vec::new();
    for (envelope, because) in &cases {
        assert_eq!(refusal(hand(&mut agent, kind, envelope.clone())), *because);
        refused.push(Digest::of(envelope));
    }
    // It excuses nothing, so it takes no exceptions.
    let exceptions = rig.sign_paper(&Rig::paper(PaperKind::Exceptions, 1, Some("[]")));
    assert_eq!(refusal(hand(&mut agent, PaperKind::Exceptions, exceptions)), other);
    assert_eq!(fs::read(rig.path("executor/baseline.dsse")).unwrap(), held);
    drop(running);
    let records = rig.records();
    assert_eq!(papers(&records), [taken(kind, PaperState::InForce, 5, &text)]);
    let written = records.iter().filter_map(|record| match &record.body {
        Body::Refused(_, refused) => Some((refused.envelope, refused.refusal.clone())),
        _ => None,
    });
    let written: Vec<_> = written.collect();
    // The first few of a minute have a record each; the others are counted.
    assert!(written.len() >= 5, "{written:?}");
    for (envelope, because) in written {
        let place = refused.iter().position(|digest| *digest == envelope).unwrap();
        assert_eq!(cases[place].1, because);
    }
}

/// The shipped way to close files, in other bytes.
fn other_catalogue() -> String {
    let text =
        include_str!("../../../runbooks/RB-FILE-001-own-directories.yaml").to_owned() + "# once more\n";
    let file = "RB-FILE-001-own-directories.yaml".to_owned();
    String::from_utf8(Catalogue::bundle(vec![CatalogueFile { file, text }]).unwrap()).unwrap()
}

#[test]
fn a_catalogue_that_the_site_has_not_approved_is_kept_out_until_somebody_approves_its_digest() {
    let rig = Rig::new();
    let mut running = rig.start();
    let mut agent = rig.agent();
    let (kind, text) = (PaperKind::Catalogue, other_catalogue());
    let digest = Digest::of(text.as_bytes());
    let envelope = rig.sign_paper(&Rig::paper(kind, 3, Some(&text)));
    for _ in 0..2 {
        match hand(&mut agent, kind, envelope.clone()) {
            Answer::NotApproved { digest: named } => assert_eq!(named, digest),
            other => panic!("{other:?}"),
        }
    }
    let config = rig.path("executor/executor.yaml");
    let before = fs::read_to_string(&config).unwrap();
    let approved = before.lines().find_map(|l| l.strip_prefix("approved_catalogue: ")).unwrap().to_owned();
    // The approved one goes on, across a restart too.
    rig.loosen();
    assert_eq!(rig.send(&mut agent, &rig.own_order(1)).outcome, Outcome::Healed);
    running.stop();
    drop(rig.start());
    assert_eq!(papers(&rig.records()), [taken(kind, PaperState::NotApproved, 3, &text)]);
    // Somebody approves it.
    replace_in(&config, &approved, &format!("\"{digest}\""));
    let mut running = rig.start();
    let mut agent = rig.agent();
    assert!(kept(&hand(&mut agent, kind, envelope)));
    let old = rig.send(&mut agent, &rig.own_order(2));
    assert!(matches!(old.refusal, Some(Refusal::CatalogueNotApproved { .. })), "{old:?}");
    running.stop();
    let states: Vec<_> = papers(&rig.records()).into_iter().map(|p| (p.state, p.number)).collect();
    assert_eq!(states, [(PaperState::NotApproved, 3), (PaperState::InForce, 3)]);
    assert!(!rig.path("executor/offered-catalogue.dsse").exists());
}

#[test]
fn an_older_disk_is_told_and_goes_by_the_newer_one_once_it_is_brought_again() {
    let rig = Rig::new();
    let file = rig.path("executor/allowlist.dsse");
    let kind = PaperKind::Allowlist;
    let (first, second) = (NONE_LISTED, "ssh_keys: []\n");
    let newest = rig.sign_paper(&Rig::paper(kind, 2, Some(second)));
    let running = rig.start();
    let mut agent = rig.agent();
    assert!(kept(&hand(&mut agent, kind, rig.sign_paper(&Rig::paper(kind, 1, Some(first))))));
    let older = fs::read(&file).unwrap();
    assert!(kept(&hand(&mut agent, kind, newest.clone())));
    drop(running);
    fs::write(&file, &older).unwrap();
    let running = rig.start();
    let mut agent = rig.agent();
    let between = rig.sign_paper(&Rig::paper(kind, 1, Some("setuid: []\n")));
    assert_eq!(refusal(hand(&mut agent, kind, between)), Refusal::Replayed { counter: 1, highest: 2 });
    assert!(kept(&hand(&mut agent, kind, newest.clone())));
    drop(running);
    assert_eq!(fs::read(&file).unwrap(), newest);
    let expected = [
        taken(kind, PaperState::InForce, 1, first),
        taken(kind, PaperState::InForce, 2, second),
        taken(kind, PaperState::Outdated, 2, first),
        taken(kind, PaperState::InForce, 2, second),
    ];
    assert_eq!(papers(&rig.records()), expected);
    // Set up again from the sheet, it keeps what came after the sheet.
    assert!(rig.init().status.success());
    assert_eq!(fs::read(&file).unwrap(), newest);
}

#[test]
fn a_power_cut_between_the_file_and_its_record_is_told_at_the_next_start() {
    let rig = Rig::new();
    drop(rig.start());
    let (kind, text) = (PaperKind::Baseline, lenient());
    fs::write(rig.path("executor/baseline.dsse"), rig.sign_paper(&Rig::paper(kind, 4, Some(&text)))).unwrap();
    let running = rig.start();
    let findings = Question::Findings { trigger: Trigger::FullScan, findings: rig.all_not_assessed() };
    assert!(matches!(ask(&mut rig.agent(), &findings), Answer::Recorded { .. }));
    drop(running);
    assert_eq!(papers(&rig.records()), [taken(kind, PaperState::InForce, 4, &text)]);
}

#[test]
fn the_allowlist_of_the_sheet_is_loaded_and_one_that_is_bent_is_not_and_passes_nothing() {
    let rig = Rig::new();
    let file = rig.path("executor/allowlist.dsse");
    let good = rig.sign_as(PayloadType::Allowlist, NONE_LISTED.as_bytes());
    let mut flipped = good.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    let foreign =
        Paper { host: "h-2".parse().unwrap(), ..Rig::paper(PaperKind::Allowlist, 1, Some(NONE_LISTED)) };
    let cases = [
        ("missing", None, Some(Absence::NotDeclared)),
        ("of the sheet", Some(good.clone()), None),
        ("a flipped bit", Some(flipped), Some(Absence::Unreadable)),
        ("cut off", Some(good[..good.len() / 2].to_vec()), Some(Absence::Unreadable)),
        ("empty", Some(Vec::new()), Some(Absence::Unreadable)),
        (
            "another type",
            Some(rig.sign_as(PayloadType::Baseline, NONE_LISTED.as_bytes())),
            Some(Absence::Unreadable),
        ),
        (
            "another key",
            Some(HubSigner::from_seed(&[8; 32]).sign(PayloadType::Allowlist, NONE_LISTED.as_bytes())),
            Some(Absence::Unreadable),
        ),
        ("another host's", Some(rig.sign_paper(&foreign)), Some(Absence::Unreadable)),
        ("nonsense", Some(rig.sign_as(PayloadType::Allowlist, b"ports: []\n")), Some(Absence::Unreadable)),
    ];
    for (name, bytes, absent) in cases {
        match &bytes {
            Some(bytes) => fs::write(&file, bytes).unwrap(),
            None => assert!(!file.exists()),
        }
        let running = rig.start();
        let seen = probe(&mut rig.agent(), KEYS);
        match absent {
            Some(absence) => assert_eq!(seen, Err(absence), "{name}"),
            None => {
                assert!(!matches!(seen, Err(Absence::NotDeclared | Absence::Unreadable)), "{name}: {seen:?}");
            }
        }
        drop(running);
    }
    // A bent one is replaced by the next that the hub signs.
    fs::write(&file, b"bent").unwrap();
    let _running = rig.start();
    let mut agent = rig.agent();
    let kind = PaperKind::Allowlist;
    assert!(kept(&hand(&mut agent, kind, rig.sign_paper(&Rig::paper(kind, 1, Some(NONE_LISTED))))));
    assert!(!matches!(probe(&mut agent, KEYS), Err(Absence::NotDeclared | Absence::Unreadable)));
}

#[test]
fn a_new_administrator_key_or_setuid_program_is_counted_once_there_is_a_list() {
    if !guest::runnable() {
        return;
    }
    let rig = Rig::in_guest();
    let guest = rig.guest.as_ref().unwrap();
    let _running = rig.start();
    let mut agent = rig.agent();
    let facts = ["accounts:unlisted_administrators", KEYS, "path:unlisted_setuid_files"];
    for fact in facts {
        assert_eq!(probe(&mut agent, fact), Err(Absence::NotDeclared), "{fact}");
    }
    let kind = PaperKind::Allowlist;
    assert!(kept(&hand(&mut agent, kind, rig.sign_paper(&Rig::paper(kind, 1, Some(NONE_LISTED))))));
    let before = facts.map(|fact| number(probe(&mut agent, fact)));
    guest.ok("useradd --groups sudo mallory");
    guest.ok("mkdir -p ~root/.ssh && ssh-keygen -q -t ed25519 -N '' -f /tmp/k && cat /tmp/k.pub >>~root/.ssh/authorized_keys");
    guest.ok("cp /bin/true /usr/local/bin/door && chmod 4755 /usr/local/bin/door");
    assert_eq!(facts.map(|fact| number(probe(&mut agent, fact))), before.map(|n| n + 1));
    // Once they are listed, they are not counted.
    let key = guest.ok("ssh-keygen -l -f /tmp/k.pub | cut -d' ' -f2");
    let listed = format!("administrators: [mallory]\nssh_keys: ['{key}']\nsetuid: [/usr/local/bin/door]\n");
    assert!(kept(&hand(&mut agent, kind, rig.sign_paper(&Rig::paper(kind, 2, Some(&listed))))));
    assert_eq!(facts.map(|fact| number(probe(&mut agent, fact))), before);
}
