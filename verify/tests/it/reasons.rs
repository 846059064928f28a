//! Every reason that the format knows is reached, and none that it does not know.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::{Value, json};
use tlog::note::{SignedNote, SigningKey};
use verify::{KeyLog, OutsideHead, ReadError, Source, Trust};

use crate::logs::{self, Log, all, key, key_of, log, log_with, trust, witness, witnessed_by};
use crate::zip::{Files, SAMPLE, brought, judge};

const FORMAT: &str = include_str!("../../../docs/evidence-format.md");

/// The codes of §11's second table, with their verdicts.
fn codes() -> BTreeSet<(String, String)> {
    let table = FORMAT.split("| verdict | reasons (stable codes) |").nth(1).unwrap();
    let mut codes = BTreeSet::new();
    for row in table.lines().skip(2).take_while(|line| line.starts_with('|')) {
        let mut words = row.split('`').skip(1).step_by(2);
        let verdict = words.next().unwrap();
        codes.extend(words.map(|code| (verdict.to_owned(), code.to_owned())));
    }
    codes
}

type Cases = Vec<(String, String)>;

fn of_log(cases: &mut Cases, log: &impl Source, trust: &Trust) {
    let verdict = verify::verify(log, trust).verdict;
    cases.push((verdict.name().to_owned(), verdict.reason().unwrap().to_owned()));
}

fn of_kit(cases: &mut Cases, spoil: impl FnOnce(&mut Files)) {
    let mut files = Files::of(&SAMPLE);
    spoil(&mut files);
    let verdict = judge(&files.pack(), &brought(&SAMPLE)).verdict;
    cases.push((verdict.name().to_owned(), verdict.reason().unwrap().to_owned()));
}

fn spoilt(size: u64, spoil: impl FnOnce(&mut Vec<Vec<u8>>)) -> Log {
    let mut log = log(size);
    let mut entries = log.entries();
    spoil(&mut entries);
    log.reframe(&entries);
    log
}

fn replaced(entry: &mut Vec<u8>, old: &str, new: &str) {
    let text = String::from_utf8(entry.clone()).unwrap();
    assert!(text.contains(old));
    *entry = text.replacen(old, new, 1).into_bytes();
}

fn without(mut log: Log, name: &str) -> Log {
    log.0.remove(name).unwrap();
    log
}

fn typed(text: &str) -> OutsideHead {
    OutsideHead::parse(text.as_bytes()).unwrap()
}

/// A log whose files cannot be listed.
struct Unlisted(Log);

impl Source for Unlisted {
    fn read(&self, name: &str, bytes_max: usize) -> Result<Vec<u8>, ReadError> {
        self.0.read(name, bytes_max)
    }

    fn visit_tiles(&self, _: &mut dyn FnMut(&str)) -> Result<(), ReadError> {
        Err(ReadError::NotAFile)
    }
}

fn incomplete(cases: &mut Cases) {
    of_log(cases, &without(log(300), "tile/entries/001.p/44"), &trust());
    of_log(cases, &spoilt(3, |entries| drop(entries.pop())), &trust());
    of_log(cases, &without(log(300), "tile/1/000.p/1"), &trust());
    of_log(cases, &Unlisted(log(3)), &trust());
    let later = typed(&log(5).head().to_string());
    of_log(cases, &log(3), &Trust { heads: vec![later], ..trust() });
    let earlier = typed(&log(2).head().to_string());
    of_log(cases, &log(3), &Trust { heads: vec![earlier], ..Trust::default() });
    of_kit(cases, |files| {
        let mut cover = files.cover();
        cover["period"]["to"] = json!("2027-01-01T00:00:00.000Z");
        cover["logs"][0]["end"] = json!(512);
        let name = files.folder() + "tile/entries/002.p/188";
        files.0.remove(&name).unwrap();
        files.set_cover(&cover, &SAMPLE.keys.kits);
    });
    of_kit(cases, |files| drop(files.0.remove("documents/gaps.json").unwrap()));
    let elsewhere = key_of("hub.example/h-2", 3).verifier().clone();
    let mut more = brought(&SAMPLE);
    more.keys.push(elsewhere);
    let verdict = judge(&SAMPLE.zip, &more).verdict;
    cases.push((verdict.name().to_owned(), verdict.reason().unwrap().to_owned()));
}

fn altered_records(cases: &mut Cases) {
    let cut = |log: &mut Log| _ = log.0.get_mut("tile/entries/000.p/3").unwrap().pop();
    let mut short = log(3);
    cut(&mut short);
    of_log(cases, &short, &trust());
    of_log(cases, &spoilt(3, |entries| entries[1].push(b' ')), &trust());
    of_log(cases, &spoilt(3, |entries| entries[1] = b"{}".to_vec()), &trust());
    of_log(cases, &spoilt(3, |entries| entries.swap(1, 2)), &trust());
    of_log(cases, &spoilt(3, |entries| replaced(&mut entries[1], "h-1\"", "h-2\"")), &trust());
    let another_prev = |entry: &mut Vec<u8>| {
        let at = String::from_utf8(entry.clone()).unwrap().find("\"prev\":\"").unwrap() + 8;
        entry[at] = if entry[at] == b'0' { b'1' } else { b'0' };
    };
    of_log(cases, &spoilt(3, |entries| another_prev(&mut entries[1])), &trust());
    let number = |entry: &mut Vec<u8>| replaced(entry, "\"torn_bytes\":", "\"torn_bytes\":7");
    of_log(cases, &spoilt(3, |entries| number(&mut entries[1])), &trust());
    let tile = "tile/0/000.p/3";
    of_log(cases, &without(spoilt(3, |entries| number(&mut entries[1])), tile), &trust());
    of_log(cases, &without(spoilt(3, |entries| number(&mut entries[2])), tile), &trust());
    let mut entries = log(3).entries();
    entries.swap(1, 2);
    of_log(cases, &Log::forge(&entries, &key()), &trust());
    of_log(cases, &spoilt(3, |entries| entries.push(vec![])), &trust());
    let named = format!(r#"{{"key":"{}"}}"#, key().verifier());
    let mut entries = log(3).entries();
    let (old, new) = (r#""kind":"recovered""#, r#""kind":"key_taken""#);
    replaced(&mut entries[2], old, new);
    replaced(&mut entries[2], r#"{"torn_bytes":2,"unfinished":[]}"#, &named);
    of_log(cases, &Log::forge(&entries, &key()), &trust());
}

fn altered_files(cases: &mut Cases) {
    let flipped = |size, name: &str, at: usize| {
        let mut log = log(size);
        log.0.get_mut(name).unwrap()[at] ^= 1;
        log
    };
    of_log(cases, &flipped(300, "tile/1/000.p/1", 0), &trust());
    let mut leftover = log(3);
    leftover.0.insert("tile/0/000.p/2".into(), vec![7; 64]);
    of_log(cases, &leftover, &trust());
    of_log(cases, &flipped(3, "checkpoint", ORIGIN_END), &trust());
    let mut forged = log(3);
    replaced(forged.0.get_mut("checkpoint").unwrap(), "\n3\n", "\n2\n");
    of_log(cases, &forged, &trust());
    let hub = witness("hub.example/witness");
    let mut crossed = log(3);
    let moved = log_with(key(), 3, 1_000).cosigned(&hub).signatures()[1].clone();
    let mut note = crossed.note();
    note.add(moved).unwrap();
    crossed.0.insert("checkpoint".into(), note.to_string().into_bytes());
    of_log(cases, &crossed, &witnessed_by(&[&hub]));
}

/// Where the first line of a head of [`logs::ORIGIN`] ends.
const ORIGIN_END: usize = logs::ORIGIN.len();

fn altered_kits(cases: &mut Cases) {
    let stolen: &SigningKey = &SAMPLE.keys.kits;
    let verdict = judge(b"PK", &brought(&SAMPLE)).verdict;
    cases.push((verdict.name().to_owned(), verdict.reason().unwrap().to_owned()));
    let mut damaged = SAMPLE.zip.clone();
    damaged[60] ^= 1;
    let verdict = judge(&damaged, &brought(&SAMPLE)).verdict;
    cases.push((verdict.name().to_owned(), verdict.reason().unwrap().to_owned()));
    of_kit(cases, |files| {
        let mut cover = files.cover();
        cover["more"] = Value::Null;
        files.set_cover(&cover, stolen);
    });
    of_kit(cases, |files| {
        let cover = String::from_utf8(files.0["kit.json"].clone()).unwrap().replace("site-1", "site-2");
        files.0.insert("kit.json".into(), cover.into_bytes());
    });
    of_kit(cases, |files| {
        let cover = files.cover();
        files.set_cover(&cover, &key_of("hub.example/kits", 99));
    });
    of_kit(cases, |files| files.0.get_mut("README.txt").unwrap()[0] ^= 1);
    of_kit(cases, |files| drop(files.0.insert("documents/more.json".into(), vec![])));
    of_kit(cases, |files| {
        let (mut cover, name) = (files.cover(), files.folder() + "head.tlog-proof");
        let proof = String::from_utf8(files.0[&name].clone()).unwrap().replace("index 5", "index 4");
        cover["files"][&name] = json!(contract::digest::Digest::of(proof.as_bytes()).to_string());
        files.0.insert(name, proof.into_bytes());
        files.set_cover(&cover, stolen);
    });
}

fn fork(cases: &mut Cases) {
    let other = log_with(key(), 3, 1_000);
    let signed = OutsideHead::parse(&other.0["checkpoint"]).unwrap();
    of_log(cases, &log(3), &Trust { heads: vec![signed], ..trust() });
    of_log(cases, &log(3), &Trust { heads: vec![typed(&other.head().to_string())], ..trust() });
}

fn nothing_verified(cases: &mut Cases) {
    of_log(cases, &log(3), &Trust::default());
    let dir = tempfile::tempdir().unwrap();
    logs::write(dir.path(), key(), 3, 0);
    let own = dir.path().join("checkpoint");
    let program = || Command::new(env!("CARGO_BIN_EXE_suture-verify"));
    let output = program().arg(dir.path()).args(["--json", "--checkpoint"]).arg(own).output().unwrap();
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    cases.push((said["verdict"].as_str().unwrap().into(), said["reason"].as_str().unwrap().into()));
    let heads = vec![typed(&Log::forge(&[], &key()).head().to_string())];
    of_log(cases, &log(3), &Trust { heads, ..trust() });
    let elsewhere = key_of("hub.example/h-2", 3);
    let of_elsewhere = log_with(key_of("hub.example/h-2", 3), 3, 0);
    let heads = vec![typed(&of_elsewhere.head().to_string())];
    of_log(cases, &log(3), &Trust { heads, ..trust() });
    let spoilt = log(3).note().to_string().replacen("\n3\n", "\n2\n", 1);
    of_log(cases, &log(3), &Trust { heads: vec![typed(&spoilt)], ..trust() });
    let (hub, bank) = (witness("hub.example/witness"), witness("bank.example/witness"));
    of_log(cases, &log(3), &Trust { witnesses: all(&[&key()]), ..trust() });
    let receipt = |note: SignedNote| Trust { receipts: vec![note], ..witnessed_by(&[&hub]) };
    of_log(cases, &log(3), &receipt(log(3).cosigned(&bank)));
    let spoilt = log(3).cosigned(&hub).to_string().replacen("\n3\n", "\n2\n", 1);
    of_log(cases, &log(3), &receipt(SignedNote::parse(spoilt.as_bytes()).unwrap()));
    of_log(cases, &log(3), &receipt(of_elsewhere.cosigned_by(&elsewhere, &hub)));
    of_log(cases, &without(log(3), "checkpoint"), &trust());
    of_log(cases, &Log::forge(&log(3).entries(), &key_of(logs::ORIGIN, 9)), &trust());
    let revoked = format!("suture key log v1\n{}\n{} 1 2\n", logs::ORIGIN, key().verifier());
    let key_logs = vec![KeyLog::parse(&revoked).unwrap()];
    of_log(cases, &log(3), &Trust { key_logs, ..Trust::default() });
    of_log(cases, &of_elsewhere, &trust());
    of_log(cases, &Log::forge(&[], &key()), &trust());
    of_kit(cases, |files| {
        let mut cover = files.cover();
        cover["logs"] = json!([]);
        let folder = files.folder();
        files.0.retain(|name, _| !name.starts_with(&folder));
        let listed = cover["files"].as_object_mut().unwrap();
        listed.retain(|name, _| !name.starts_with(&folder));
        files.set_cover(&cover, &SAMPLE.keys.kits);
    });
}

#[test]
fn every_reason_is_reached_and_none_is_unknown() {
    let mut cases = Cases::new();
    for some in [incomplete, altered_records, altered_files, altered_kits, fork, nothing_verified] {
        some(&mut cases);
    }
    let reached: BTreeSet<(String, String)> = cases.into_iter().collect();
    let known = codes();
    assert!(known.len() > 40, "the table of reasons was found: {known:?}");
    let missing: Vec<_> = known.difference(&reached).collect();
    let unknown: Vec<_> = reached.difference(&known).collect();
    assert!(
        missing.is_empty() && unknown.is_empty(),
        "not reached {missing:?}; not in the format {unknown:?}"
    );
}
