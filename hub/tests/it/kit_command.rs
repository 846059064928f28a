//! `suture kit` and `suture sheet` as an operator runs them, against a hub in this process. They stand beside the hub's own binary.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use contract::digest::Digest;
use contract::kit::HubKeys;
use reqwest::Method;
use serde_json::Value;
use tlog::proof::Proof;

use crate::kits::{files, grow, machine};
use crate::outside::quick;
use crate::stage::{Stage, parsed};

/// What a command came to: its exit status, and what it said on both streams.
struct Said {
    status: Option<i32>,
    out: String,
    err: String,
}

impl Said {
    fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Self { status: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }
}

async fn suture(stage: &Stage, directory: &Path, arguments: &str) -> Said {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_suture-hub")).with_file_name("suture");
    assert!(program.exists(), "{} is not built: cargo build --workspace", program.display());
    let mut command = Command::new(program);
    command.args(arguments.split_whitespace()).current_dir(directory).env("LOGNAME", "ada");
    command.arg("--hub").arg(format!("http://{}", stage.running.operator()));
    command.arg("--token-file").arg(stage.directory.path().join("operator.token"));
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await;
    Said::of(&output.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kit_is_written_once_and_over_nothing_else() {
    let stage = Stage::start().await;
    let mut device = machine(&stage, "clinic-7", "main").await;
    grow(&mut device, 2000).await;
    let directory = tempfile::tempdir().unwrap();
    let kit = "kit --tenant clinic-7 --from 2026-10-01 --to 2026-10-02";
    let path = directory.path().join("kit-clinic-7-2026-10-01-2026-10-02.zip");

    let dry = suture(&stage, directory.path(), &format!("{kit} --dry-run")).await;
    assert_eq!(dry.status, Some(0), "{}", dry.err);
    assert!(dry.out.contains("nothing was exported") && !path.exists(), "{}", dry.out);

    let first = suture(&stage, directory.path(), kit).await;
    assert_eq!(first.status, Some(0), "{}", first.err);
    let zip = std::fs::read(&path).unwrap();
    for words in
        ["1440 records of the period", "by jane, for ada", &Digest::of(&zip).to_string(), "written to"]
    {
        assert!(first.out.contains(words), "{words} is not in\n{}", first.out);
    }
    assert_eq!(first.err, "", "progress is for terminals");
    let again = suture(&stage, directory.path(), &format!("{kit} --json")).await;
    let said: Value = serde_json::from_str(&again.out).unwrap();
    assert_eq!((again.status, &said["kit"]["again"]), (Some(0), &Value::Bool(true)));
    assert_eq!(said["kit"]["digest"], Digest::of(&zip).to_string());

    let other = suture(&stage, directory.path(), &format!("{kit} --by Grace")).await;
    assert_eq!(other.status, Some(73), "{}", other.out);
    assert!(other.err.contains("--out") && std::fs::read(&path).unwrap() == zip, "{}", other.err);
    let elsewhere = suture(&stage, directory.path(), &format!("{kit} --by Grace --out other.zip")).await;
    assert_eq!(elsewhere.status, Some(0), "{}", elsewhere.err);
    assert_ne!(std::fs::read(directory.path().join("other.zip")).unwrap(), zip);
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 2, "nothing half is left");
}

/// What the auditor's own program says of the kit: its exit status and the verdict.
fn verified(kit: &Path, trust: &[(&str, &str)]) -> (Option<i32>, String) {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_suture-hub")).with_file_name("suture-verify");
    assert!(program.exists(), "{} is not built: cargo build --workspace", program.display());
    let mut command = Command::new(program);
    command.arg(kit).arg("--json");
    for (option, value) in trust {
        command.arg(option).arg(value);
    }
    let said = Said::of(&command.output().unwrap());
    let json: Value =
        serde_json::from_str(&said.out).unwrap_or_else(|e| panic!("{e}: {}{}", said.out, said.err));
    (said.status, json["verdict"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_exported_verifies_with_the_keys_on_the_sheet_and_no_others() {
    let stage = Stage::start_told(quick()).await;
    let mut device = machine(&stage, "clinic-7", "main").await;
    grow(&mut device, 700).await;
    let head = format!("/api/v1/heads/proof?origin={}&size=700", device.sheet.origin);
    for _ in 0..500 {
        let found = stage.operate(Method::GET, &head, None).await.text().await.unwrap();
        if Proof::parse(found.as_bytes())
            .is_ok_and(|p| p.extra.unwrap().windows(5).any(|part| part == b"\n700\n"))
        {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let stamps = stage.directory.path().join("heads/timestamps");
    edge::file::private_directory(&stamps).unwrap();
    for name in ["3.tsr", "3.checkpoint"] {
        edge::file::write_durably(&stamps.join(name), name.as_bytes()).unwrap();
    }
    let directory = tempfile::tempdir().unwrap();
    let kit =
        "kit --tenant clinic-7 --from 2026-10-01T05:00:00.000Z --to 2026-10-01T06:00:00.000Z --out kit.zip";
    assert_eq!(suture(&stage, directory.path(), kit).await.status, Some(0));
    let kit = directory.path().join("kit.zip");
    let files = files(&std::fs::read(&kit).unwrap());
    assert_eq!(files["heads/3.tsr"], b"3.tsr");
    assert!(files.contains_key("heads/3.checkpoint"));
    assert!(files.contains_key(&format!("logs/{}/head.tlog-proof", device.sheet.host)));

    let hub: HubKeys = parsed(stage.operate(Method::GET, "/api/v1/keys", None).await).await;
    let key = device.log.key();
    let (own, kits) = (("--key", key.as_str()), ("--kit-key", hub.kits.as_str()));
    let (witness, heads) = (("--witness", hub.witness.as_str()), ("--heads-key", hub.heads.as_str()));
    assert_eq!(verified(&kit, &[own, kits, witness, heads]), (Some(0), "intact_witnessed".to_owned()));
    assert_eq!(verified(&kit, &[own]), (Some(10), "intact_unwitnessed_tail".to_owned()));
    let stranger = machine(&stage, "clinic-8", "main").await.log.key();
    assert_eq!(verified(&kit, &[("--key", &stranger)]).0, Some(50));
    let mut bytes = std::fs::read(&kit).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    edge::file::write_durably(&kit, &bytes).unwrap();
    assert_eq!(verified(&kit, &[own, kits, witness, heads]), (Some(30), "altered".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_done_is_said_with_its_exit_status() {
    let stage = Stage::start().await;
    let mut device = machine(&stage, "clinic-7", "main").await;
    grow(&mut device, 10).await;
    let directory = tempfile::tempdir().unwrap();
    for (arguments, status, words) in [
        ("kit --tenant clinic-7 --from 2026-10-02 --to 2026-10-01", 2, "before it begins"),
        ("kit --tenant clinic-7 --from 1.10.2026 --to 2026-10-01", 2, "write a day like"),
        (
            "kit --tenant clinic-7 --from 2027-01-01 --to 2027-01-02",
            66,
            "no machine of this tenant has a record",
        ),
        ("kit --tenant clinic-9 --from 2026-10-01 --to 2026-10-02", 66, "no tenant clinic-9"),
        ("sheet --tenant clinic-9", 66, "no machine of tenant clinic-9"),
        ("sheet --tenant clinic-7 --host h-0", 66, "no host h-0"),
    ] {
        let said = suture(&stage, directory.path(), arguments).await;
        assert_eq!(said.status, Some(status), "{arguments}: {}", said.err);
        assert!(said.err.contains(words), "{arguments}: {}", said.err);
    }
    let sheet = suture(&stage, directory.path(), "sheet --tenant clinic-7").await;
    assert_eq!(sheet.status, Some(0), "{}", sheet.err);
    assert!(sheet.out.contains(&device.log.key()), "{}", sheet.out);
}
