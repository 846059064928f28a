//! What becomes of the log of heads when a hub is restored.

use std::path::Path;

use hub::config::Config;
use hub::serve::start;
use serde_json::{Value, json};

use crate::outside::quick;
use crate::running::{delivered, done, hub, made, text};
use crate::stage::{Stage, config, parsed, plain};

/// Waits until the log of heads has so many entries, and answers its key and its alarms.
async fn heads(stage: &Stage, size: u64) -> (String, Value) {
    for _ in 0..200 {
        let heads = stage.status().await["heads"].clone();
        if heads["size"].as_u64().unwrap() >= size {
            return (heads["key"].as_str().unwrap().to_owned(), heads["alarms"].clone());
        }
        tokio::time::sleep(std::time::Duration::from_millis(30)).await;
    }
    panic!("the log of heads did not grow to {size}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_of_heads_goes_on_from_the_old_directory_and_begins_anew_without_it() {
    let root = tempfile::tempdir().unwrap();
    let stage = Stage::start_told(quick()).await;
    let directory = stage.directory.path().to_owned();
    let mut device = stage.enrolled("clinic-7").await;
    delivered(&mut device, 1).await;
    let (key, _) = heads(&stage, 1).await;
    let backup = root.path().join("backup");
    done(&["backup", "--dir", text(&directory), "--to", text(&backup)]);
    delivered(&mut device, 1).await;
    heads(&stage, 2).await;
    let Stage { directory: old, running } = stage;
    running.stop().await;

    let restored = async |logs_from: Option<&Path>| {
        let to = tempfile::tempdir().unwrap();
        let mut arguments = vec!["restore", "--from", text(&backup), "--dir", text(to.path())];
        if let Some(from) = logs_from {
            arguments.extend(["--logs-from", text(from)]);
        }
        done(&arguments);
        let running = start(&Config { outside: quick(), ..config(to.path()) }).await.unwrap();
        let session = log_in_at(running.operator()).await;
        edge::file::write_durably(&to.path().join("operator.token"), session.as_bytes()).unwrap();
        Stage { directory: to, running }
    };
    let stage = restored(Some(old.path())).await;
    assert_eq!(heads(&stage, 2).await, (key.clone(), json!([])), "it did not go on");
    let mut device = device.moved(&stage);
    delivered(&mut device, 1).await;
    heads(&stage, 3).await;
    stage.running.stop().await;

    let stage = restored(None).await;
    let (anew, alarms) = heads(&stage, 1).await;
    let name = anew.split_once('+').unwrap().0;
    assert!(name.starts_with("localhost/") && name.ends_with("/heads"), "{anew}");
    assert!(name != "localhost/heads" && alarms == json!([]), "{anew} {alarms}");
    let mut device = device.moved(&stage);
    delivered(&mut device, 1).await;
    heads(&stage, 2).await;
    assert!(stage.directory.path().join("heads.1/checkpoint").is_file());
    stage.running.stop().await;

    // Another hub's directory is no place to go on from.
    let (other_root, other, _) = made();
    let to = other_root.path().join("to");
    let (code, _, err) =
        hub(&["restore", "--from", text(&backup), "--dir", text(&to), "--logs-from", text(&other)]);
    assert!(code == 65 && err.contains("own-log"), "{code} {err}");
    assert!(!to.exists());
}

async fn log_in_at(operator: std::net::SocketAddr) -> String {
    let body = json!({ "person": crate::people::FIRST, "password": crate::people::PASSWORD });
    let opened = plain().post(format!("http://{operator}/api/v1/login")).json(&body).send().await.unwrap();
    parsed::<Value>(opened).await["session"].as_str().unwrap().to_owned()
}
