//! What a restore must not do: sign a second history, go on beside the hub that it replaces, believe where a backup says that its files are.

use std::path::Path;

use contract::record::Body;
use serde_json::{Value, json};

use crate::process::{serve, terminate};
use crate::running::{Process, done, hub, made, own_log, text};

/// What is between a restored hub's name and its logs', which both have.
pub(crate) fn epoch_of(restored: &Value) -> u64 {
    let epoch = |log: &str| {
        let name = restored[log].as_str().unwrap().strip_prefix("localhost/").unwrap();
        name.split_once('/').unwrap().0.parse::<u64>().unwrap()
    };
    assert!(restored["ended"].is_null(), "{restored}");
    assert_eq!(epoch("own_log"), epoch("heads"));
    epoch("heads")
}

#[test]
fn two_restores_of_one_backup_sign_under_two_names() {
    let (root, directory, _) = made();
    let backup = root.path().join("backup");
    done(&["backup", "--dir", text(&directory), "--to", text(&backup)]);
    let mut epochs = std::collections::BTreeSet::new();
    for n in 0..3 {
        let copy = root.path().join(format!("copy-{n}"));
        epochs.insert(epoch_of(&done(&["restore", "--from", text(&backup), "--dir", text(&copy)])));
        let record = own_log(&copy).swap_remove(0);
        let Body::Opened(opened) = record.body else { panic!("{record:?}") };
        assert_eq!(opened.succeeds.unwrap().origin, "localhost/own");
    }
    assert_eq!(epochs.len(), 3, "{epochs:?}");
    assert!(epochs.iter().all(|epoch| *epoch > 2 && *epoch < 1 << 48), "{epochs:?}");
}

#[test]
fn a_restore_without_the_old_log_tells_of_each_packet_again() {
    let (root, directory, _) = made();
    assert_eq!(terminate(&mut Process::start(&directory).child), Some(0));
    let packets = |directory: &Path| rusqlite::Connection::open(directory.join("packets.db")).unwrap();
    let digest = contract::digest::Digest::of(b"{}").to_string();
    packets(&directory)
        .execute(
            "INSERT INTO packet (id, tenant, kind, period, serial, time, digest, recorded) VALUES ('p-1', 'clinic-7', 'month', '2026-10', 1, 0, ?1, 4000)",
            [digest],
        )
        .unwrap();
    let backup = root.path().join("backup");
    done(&["backup", "--dir", text(&directory), "--to", text(&backup)]);
    let copy = root.path().join("copy");
    done(&["restore", "--from", text(&backup), "--dir", text(&copy)]);
    assert_eq!(terminate(&mut Process::start(&copy).child), Some(0));
    let told = own_log(&copy).into_iter().filter(|record| matches!(record.body, Body::Packet(_)));
    let told: Vec<i64> = told.map(|record| record.seq.cast_signed()).collect();
    let recorded: i64 =
        packets(&copy).query_row("SELECT recorded FROM packet", [], |row| row.get(0)).unwrap();
    assert_eq!(told, [recorded]);
}

#[test]
fn no_hub_goes_on_beside_the_one_that_took_its_logs() {
    let (root, directory, _) = made();
    let backup = root.path().join("backup");
    done(&["backup", "--dir", text(&directory), "--to", text(&backup)]);
    let (second, third) = (root.path().join("second"), root.path().join("third"));
    let takes = |to: &Path| {
        hub(&["restore", "--from", text(&backup), "--dir", text(to), "--logs-from", text(&directory)])
    };

    // While it runs, its logs are its own; and a try leaves it as it was.
    let mut process = Process::start(&directory);
    let (code, _, err) = takes(&second);
    assert!(code == 75 && err.contains("a hub runs in the directory"), "{code} {err}");
    assert!(!second.exists() && !root.path().join("second.restoring").exists());
    assert_eq!(terminate(&mut process.child), Some(0));
    // One that comes to nothing does so as well.
    let seed = backup.join("keys/orders.seed");
    let whole = std::fs::read(&seed).unwrap();
    edge::file::write_durably(&seed, b"another").unwrap();
    assert_eq!(takes(&second).0, 65);
    std::fs::remove_dir_all(root.path().join("second.restoring")).unwrap();
    edge::file::write_durably(&seed, &whole).unwrap();
    assert_eq!(terminate(&mut Process::start(&directory).child), Some(0));

    let (code, _, err) = takes(&second);
    assert_eq!(code, 0, "{err}");
    let output = serve(&directory).args(["--operator", "127.0.0.1:0"]).output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(78) && err.contains("was replaced"), "{err}");
    for command in [&["backup", "--to", text(&third)][..], &["user", "list"], &["rotate", "own-log"]] {
        let (code, _, err) = hub(&[command, &["--dir", text(&directory)]].concat());
        assert!(code != 0 && err.contains("was replaced"), "{command:?}: {code} {err}");
    }
    let (code, _, err) = takes(&third);
    assert!(code == 78 && err.contains("was replaced") && !third.exists(), "{code} {err}");
    assert_eq!(terminate(&mut Process::start(&second).child), Some(0));
}

#[test]
fn a_backup_that_somebody_chose_writes_nothing_outside_and_is_known_by_its_digest() {
    let (root, directory, _) = made();
    let backup = root.path().join("backup");
    let made = done(&["backup", "--dir", text(&directory), "--to", text(&backup)]);
    let kept = made["manifest"].as_str().unwrap().to_owned();
    let (to, payload) = (root.path().join("second"), root.path().join("payload"));
    let restore = |manifest: &str| {
        hub(&["restore", "--from", text(&backup), "--dir", text(&to), "--manifest", manifest])
    };
    // What it names is there and has the digest: only that it lies outside is wrong.
    let manifest = backup.join("MANIFEST.json");
    let honest = std::fs::read(&manifest).unwrap();
    edge::file::write_durably(&payload, b"mine").unwrap();
    let target = root.path().join("target");
    for (named, source) in [
        ("../payload".to_owned(), backup.join("../payload")),
        (text(&target).to_owned(), target.clone()),
        ("keys/../../payload".to_owned(), payload.clone()),
        ("./payload".to_owned(), backup.join("payload")),
    ] {
        edge::file::write_durably(&source, b"mine").unwrap();
        let mut chosen: Value = serde_json::from_slice(&honest).unwrap();
        let digest = contract::digest::Digest::of(b"mine");
        chosen["files"][&named] = json!({ "bytes": 4, "digest": digest });
        let chosen = serde_json::to_vec(&chosen).unwrap();
        edge::file::write_durably(&manifest, &chosen).unwrap();
        let (code, _, err) = restore(&contract::digest::Digest::of(&chosen).to_string());
        assert!(code == 65 && err.contains("no path within a backup"), "{named}: {code} {err}");
        assert!(!to.exists() && !root.path().join("second.restoring").exists(), "{named}");
        let (code, _, err) = restore(&kept);
        assert!(code == 65 && err.contains(&kept), "{named}: {code} {err}");
    }
    edge::file::write_durably(&manifest, &honest).unwrap();
    let (code, _, err) = restore(&kept);
    assert_eq!(code, 0, "{err}");
}
