//! `suture packet` as an operator runs it, against a hub in this process; printed by the real typesetter where the workspace was built.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use hub::config::Config;
use packet::Packet;

use crate::packets::october;
use crate::stage::{Stage, config};

fn beside(program: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_BIN_EXE_suture-hub")).with_file_name(program);
    assert!(path.exists(), "{} is not built: cargo build --workspace", path.display());
    path
}

async fn suture(stage: &Stage, directory: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(beside("suture"));
    command.arg("packet").args(arguments).current_dir(directory);
    command.arg("--hub").arg(format!("http://{}", stage.running.operator()));
    command.arg("--token-file").arg(stage.directory.path().join("operator.token"));
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A hub with the real typesetter and a machine of whose October there is something to tell.
async fn printing() -> Stage {
    let first = Stage::start().await;
    october(&first, "clinic-7").await;
    let directory = first.stopped().await;
    let told = Config { typesetter: Some(beside("suture-typeset")), ..config(directory.path()) };
    let running = hub::serve::start(&told).await.unwrap();
    Stage::of(directory, running).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_packet_is_printed_written_file_by_file_and_the_same_again() {
    let stage = printing().await;
    let at = tempfile::tempdir().unwrap();
    let month = ["--tenant", "clinic-7", "--month", "2026-10"];
    let dry = suture(&stage, at.path(), &[&month[..], &["--dry-run"]].concat()).await;
    assert!(
        dry.status.success() && said(&dry).contains("there is no packet of 2026-10 yet"),
        "{}",
        said(&dry)
    );
    let first = suture(&stage, at.path(), &month).await;
    assert!(first.status.success(), "{}", said(&first));
    assert!(
        said(&first).contains("records verified in") && said(&first).contains("in no write-once store yet"),
        "{}",
        said(&first)
    );
    let out = at.path().join("packet-clinic-7-2026-10-1");
    let pdf = std::fs::read(out.join("packet.pdf")).unwrap();
    assert!(pdf.starts_with(b"%PDF-") && pdf.len() > 50_000, "{} bytes", pdf.len());
    let json = std::fs::read(out.join("packet.json")).unwrap();
    let packet: Packet = serde_json::from_slice(&json).unwrap();
    assert_eq!(packet.summary.fixed.value(), Some(&1));
    // The JSON lies within the PDF, byte for byte.
    let attached = at.path().join("attached.json");
    let detached = Command::new("pdfdetach")
        .args(["-savefile", "packet.json", "-o"])
        .arg(&attached)
        .arg(out.join("packet.pdf"))
        .status();
    assert!(detached.unwrap().success());
    assert_eq!(std::fs::read(attached).unwrap(), json);
    // Again into the same place: nothing is written over, and all is the same.
    let again = suture(&stage, at.path(), &[&month[..], &["--json"]].concat()).await;
    assert!(again.status.success(), "{}", said(&again));
    let told: serde_json::Value = serde_json::from_slice(&again.stdout).unwrap();
    assert_eq!(told["packet"]["again"], true);
    std::fs::write(out.join("packet.html"), "another").unwrap();
    let taken = suture(&stage, at.path(), &month).await;
    assert_eq!(taken.status.code(), Some(73), "{}", said(&taken));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_made_is_said_with_a_status_of_its_own() {
    let stage = printing().await;
    let at = tempfile::tempdir().unwrap();
    let status = async |arguments: &[&str]| {
        let output = suture(&stage, at.path(), arguments).await;
        (output.status.code(), said(&output))
    };
    assert_eq!(status(&["--tenant", "clinic-7"]).await.0, Some(2));
    assert_eq!(status(&["--tenant", "clinic-7", "--month", "soon"]).await.0, Some(2));
    let (code, words) = status(&["--tenant", "clinic-7", "--month", "2999-01"]).await;
    assert!(code == Some(66) && words.contains("until then there is a preview"), "{words}");
    assert_eq!(status(&["--tenant", "nobody", "--month", "2026-10"]).await.0, Some(66));
    let (code, words) = status(&["--tenant", "clinic-7", "--preview", "--out", "now"]).await;
    assert!(code == Some(0) && at.path().join("now/packet.pdf").exists(), "{words}");
    let (code, words) = status(&[
        "--tenant",
        "clinic-7",
        "--month",
        "2026-10",
        "--correct",
        "There is nothing that could be corrected.",
    ])
    .await;
    assert!(code == Some(66) && words.contains("make it first"), "{words}");
}
