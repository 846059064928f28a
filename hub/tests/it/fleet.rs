//! What the hub knows of its fleet: by evidence alone, the same wherever it stands, and the same again from the archive.

use std::time::Duration;

use contract::fact::{Absence, FactValue};
use contract::finding::Verdict;
use contract::record::WaitingFor;
use hub::config::Config;
use hub::serve::start;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tlog::proof::Proof;
use tlog::{VerifierKey, checkpoint, cosignature, leaf_hash};

use crate::console::shown;
use crate::evidence::held;
use crate::stage::{Device, Stage, config, parsed};

async fn asked(stage: &Stage, path: &str) -> Value {
    parsed(stage.operate(Method::GET, &format!("/api/v1{path}"), None).await).await
}

const CONTROL: &str = "suture.evidence-directory";

/// The ids of the shipped baseline's controls.
fn controls() -> Vec<String> {
    let text = include_str!("../../../baseline/hipaa-v1.yaml");
    let baseline = contract::baseline::Baseline::parse("baseline", text).unwrap();
    baseline.controls().iter().map(|control| control.id.to_string()).collect()
}

/// Findings over the whole baseline: so many fail, so many are unknown, the rest passes. The evidence directory's control is the last.
async fn scan(device: &mut Device, fails: usize, unknown: usize) {
    let (seen, from) = (FactValue::Flag(true), held(device).await);
    device.log.clock = edge::clock::utc();
    for (n, control) in controls().iter().filter(|id| *id != CONTROL).enumerate() {
        let verdict = match n {
            n if n < fails => Verdict::Fail(seen.clone()),
            n if n < fails + unknown => Verdict::NotAssessed(Absence::NotRunning),
            _ => Verdict::Pass(seen.clone()),
        };
        device.log.write_finding(control, verdict);
    }
    device.log.write_finding(CONTROL, Verdict::Fail(seen));
    assert_eq!(device.deliver(from).await.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_number_stands_on_every_page_and_in_every_answer() {
    let stage = Stage::start().await;
    let mut device = stage.enrolled("clinic-7").await;
    let host = device.sheet.host.clone();
    let all = controls().len();
    let unheard = asked(&stage, "/fleet").await;
    let words = format!("no score, assessed 0 of {all}");
    assert_eq!(unheard["score"]["words"], json!(words), "what nobody looked at is not known");
    assert_eq!(unheard["score"]["headline"], "amber");

    device.log.entries.truncate(0);
    device.log.open_as(|_| ());
    parsed::<Value>(device.deliver(0).await).await;
    scan(&mut device, 3, 9).await;
    let (fails, assessed) = (4, all - 9);
    let fleet = asked(&stage, "/fleet").await;
    let site = asked(&stage, "/tenants/clinic-7/sites/main").await;
    let machine = asked(&stage, &format!("/tenants/clinic-7/hosts/{host}")).await;
    let score = &machine["row"]["score"];
    assert_eq!(score["passes"], json!(assessed - fails));
    assert_eq!((&score["assessed"], &score["total"]), (&json!(assessed), &json!(all)));
    assert_eq!(score["headline"], "amber", "less than 95 % were assessed");
    let answers =
        [&fleet["score"], &fleet["sites"][0]["score"], &site["row"]["score"], &site["machines"][0]["score"]];
    for answer in answers {
        assert_eq!(answer, score);
    }
    // What the controls add up to is that score.
    let counts =
        |word: &str| machine["controls"].as_array().unwrap().iter().filter(|c| c["counts"] == word).count();
    assert_eq!(json!([counts("passes"), counts("fails")]), json!([score["passes"], score["fails"]]));
    assert_eq!(json!(counts("unknown") + counts("unknown_unmet")), score["not_assessed"]);

    let words = score["words"].as_str().unwrap();
    for page in ["/", "/tenants/clinic-7/sites/main", &format!("/tenants/clinic-7/hosts/{host}")] {
        let text = plain(&shown(&stage, page).await);
        assert!(text.contains(words), "{page} does not say {words:?}");
        let scores = text.matches(" % (").count();
        assert_eq!(scores, text.matches(words).count(), "{page} says another number: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_whose_tables_are_empty_reads_them_out_of_the_archive() {
    let stage = Stage::start().await;
    let mut device = stage.enrolled("clinic-7").await;
    scan(&mut device, 2, 1).await;
    device.log.write_filler();
    for _ in 0..300 {
        device.log.write_filler();
    }
    let from = stage.host().await["evidence"].as_u64().unwrap();
    for from in [from, from + 256] {
        let to = device.log.entries.len().min(usize::try_from(from).unwrap() + 256);
        device.post("/v1/evidence", &device.log.part(from, to)).await;
    }
    let path = format!("/tenants/clinic-7/hosts/{}", device.sheet.host);
    let whole = asked(&stage, &path).await;
    assert_eq!(whole["evidence"], json!(device.log.entries.len()));
    let Stage { directory, running } = stage;
    running.stop().await;
    let database = rusqlite::Connection::open(directory.path().join("hub.db")).unwrap();
    for table in ["reading", "control", "turn", "moment", "last_word"] {
        database.execute(&format!("DELETE FROM {table}"), []).unwrap();
    }
    drop(database);

    let stage = Stage::start_in(directory, hub::config::Outside::default()).await;
    let mut read = asked(&stage, &path).await;
    for _ in 0..200 {
        if read["row"]["standing"]["unread"] == json!(0) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        read = asked(&stage, &path).await;
    }
    for part in ["controls", "evidence", "left_out"] {
        assert_eq!(read[part], whole[part], "{part}");
    }
    assert_eq!(read["row"]["score"], whole["row"]["score"]);
    // And it goes on from there.
    let mut device = device.moved(&stage);
    scan(&mut device, 0, 0).await;
    let score = asked(&stage, &path).await["row"]["score"].clone();
    assert_eq!((&score["fails"], &score["not_assessed"]), (&json!(1), &json!(0)));
}

/// What a page says, without its marks.
fn plain(page: &str) -> String {
    let mut within = false;
    let text: String = page
        .chars()
        .map(|c| {
            within = c == '<' || (within && c != '>');
            if within || c == '>' { ' ' } else { c }
        })
        .collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// An order for the first incident of a device.
async fn ordered(device: &Device) -> contract::ids::OrderId {
    device.report("i-1", CONTROL).await;
    device.orders(10_000).await.orders[0].order.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incident_is_shown_leg_by_leg_and_a_missing_one_says_why() {
    let stage = Stage::start().await;
    let mut device = stage.enrolled("clinic-7").await;
    let order = ordered(&device).await;
    let path = format!("/tenants/clinic-7/hosts/{}/incidents/i-1", device.sheet.host);
    let leg = |view: &Value, name: &str| {
        view["legs"].as_array().unwrap().iter().find(|leg| leg["leg"] == name).unwrap().clone()
    };
    let open = asked(&stage, &path).await;
    for known in ["detected", "published", "decided", "ordered"] {
        assert!(leg(&open, known)["at"].is_string(), "{known}: {open}");
    }
    for missing in ["started", "healed", "recorded", "receipt"] {
        assert!(
            leg(&open, missing)["at"].is_null() && leg(&open, missing)["missing"].is_string(),
            "{missing}"
        );
    }
    device.log.clock = edge::clock::utc();
    device.log.write_accepted(&order, "i-1");
    device.log.clock = device.log.clock.plus_ms(40);
    device.log.write_ended(&order, "i-1", contract::outcome::Outcome::Healed);
    let record = device.log.entries.len() - 1;
    parsed::<Value>(device.deliver(0).await).await;
    let closed = asked(&stage, &path).await;
    for known in ["detected", "published", "decided", "ordered", "started", "healed", "recorded", "receipt"] {
        assert!(
            leg(&closed, known)["at"].is_string() && leg(&closed, known)["missing"].is_null(),
            "{known}: {closed}"
        );
    }
    assert_eq!(leg(&closed, "recorded")["record"], json!(record));
    assert_eq!(leg(&closed, "recorded")["took_ms"], json!(38), "two milliseconds of the forty went before");
    assert_eq!(closed["moments"].as_array().unwrap().len(), 2);
    let site = asked(&stage, "/tenants/clinic-7/sites/main").await;
    assert_eq!(site["healings"][0]["incident"], "i-1");
    let text = shown(&stage, &path).await;
    assert!(text.contains("Receipt") && text.contains("healed"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_people_is_shown_as_it_would_be_done() {
    let stage = Stage::start().await;
    let mut device = stage.enrolled("clinic-7").await;
    let order = ordered(&device).await;
    assert_eq!(asked(&stage, "/approvals").await["for_people"], json!([]));
    device.log.write_waiting(&order, "i-1", WaitingFor::Approval { have: 0, need: 1 });
    parsed::<Value>(device.deliver(0).await).await;
    let waiting = asked(&stage, "/approvals").await["for_people"][0].clone();
    assert_eq!(waiting["order"], json!(order));
    assert_eq!(waiting["plan"]["steps"][0]["verb"], "file.restore");
    assert_eq!(waiting["plan"]["steps"][0]["target"], "evidence", "the parameter is bound");
    let settings = waiting["plan"]["steps"][0]["settings"].to_string();
    assert!(!settings.contains('$'), "{settings}");
    let site = asked(&stage, "/tenants/clinic-7/sites/main").await;
    assert_eq!(
        (&site["row"]["standing"]["waiting"], &site["row"]["standing"]["healing"]),
        (&json!(1), &json!(0))
    );
    let text = shown(&stage, "/approvals").await;
    assert!(text.contains("file.restore") && text.contains(&format!("data-must=\"{}\"", device.sheet.host)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_person_does_so_on_every_page_in_every_number_and_for_the_alerts() {
    let directory = tempfile::tempdir().unwrap();
    let often = Config { alerts_every: Duration::from_millis(50), ..config(directory.path()) };
    let stage = Stage::of(directory, start(&often).await.unwrap()).await;
    let mut device = stage.enrolled("clinic-7").await;
    let order = ordered(&device).await;
    let said = async || {
        let fleet = asked(&stage, "/fleet").await["sites"][0]["standing"]["waiting"].clone();
        let listed =
            asked(&stage, "/tenants/clinic-7/incidents").await["items"][0]["waits_for_person"].clone();
        let metrics = stage.operate(Method::GET, "/metrics", None).await.text().await.unwrap();
        let clinic = shown(&stage, "/tenants/clinic-7/clinic").await;
        (
            fleet == json!(1),
            listed == json!(true),
            metrics.contains("suture_incidents{state=\"waiting\"} 1"),
            !clinic.contains("Nothing waits for a person"),
        )
    };
    assert_eq!(said().await, (false, false, false, false), "an order that is out waits for nobody");
    device.log.write_waiting(&order, "i-1", WaitingFor::Approval { have: 0, need: 1 });
    parsed::<Value>(device.deliver(0).await).await;
    assert_eq!(said().await, (true, true, true, true));
    for tries in 0.. {
        let alerts = asked(&stage, "/alerts").await["items"].clone();
        let what = alerts[0]["what"].as_str().unwrap_or_default();
        if what
            .starts_with("clinic-7/main: call 1: high: suture.evidence-directory waits for a person until ")
        {
            break;
        }
        assert!(tries < 100, "no alert for an order that waits for people: {alerts}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_comes_with_a_proof_that_holds_under_keys_from_elsewhere() {
    let stage = Stage::start().await;
    let mut device = stage.enrolled("clinic-7").await;
    scan(&mut device, 1, 0).await;
    let path = format!("/tenants/clinic-7/hosts/{}/evidence", device.sheet.host);
    let list = asked(&stage, &path).await;
    assert_eq!(list["records"].as_array().unwrap().len(), 50);
    let kinds = asked(&stage, &format!("{path}?kind=opened")).await;
    assert_eq!(kinds["records"].as_array().unwrap().len(), 1);
    assert_eq!(kinds["next"], json!(null), "all of it was looked at");
    assert_eq!(kinds["looked_at"], kinds["size"]);
    let of_control = asked(&stage, &format!("{path}?control={CONTROL}")).await["records"].clone();
    assert_eq!(of_control.as_array().unwrap().len(), 1);
    let index = of_control[0]["index"].as_u64().unwrap();
    assert_eq!(asked(&stage, &format!("{path}?kind=ended")).await["records"], json!([]));
    let mut walked = Vec::new();
    let mut next = json!(list["size"]);
    while let Some(before) = next.as_u64() {
        let page = asked(&stage, &format!("{path}?before={before}")).await;
        walked.extend(page["records"].as_array().unwrap().iter().map(|r| r["index"].as_u64().unwrap()));
        next = page["next"].clone();
    }
    assert_eq!(walked, (0..list["size"].as_u64().unwrap()).rev().collect::<Vec<_>>());

    let record = asked(&stage, &format!("{path}/{index}")).await;
    let entry = record["entry"].as_str().unwrap();
    assert_eq!(entry, device.log.entries[usize::try_from(index).unwrap()]);
    let holds = |proof: &str, entry: &str| {
        let proof = Proof::parse(proof.as_bytes()).unwrap();
        let key: VerifierKey = device.log.key().parse().unwrap();
        let note = proof.checkpoint.to_string();
        let head = checkpoint::open(note.as_bytes(), &key).unwrap();
        let witness: VerifierKey = device.sheet.witness_key.parse().unwrap();
        cosignature::verify(head.note(), &witness).unwrap();
        proof.verify_leaf(&leaf_hash(entry.as_bytes()), head.checkpoint()).is_ok()
    };
    let proof = record["proof"].as_str().unwrap();
    assert!(holds(proof, entry));
    assert!(!holds(proof, &entry.replace("true", "false")), "another entry was proven");
    let file = stage.operate(Method::GET, &format!("/api/v1{path}/{index}/proof"), None).await;
    assert_eq!(file.text().await.unwrap(), proof);
    let none = stage.operate(Method::GET, &format!("/api/v1{path}/{}", list["size"]), None).await;
    assert_eq!(none.status(), StatusCode::NOT_FOUND);
    let page = format!("/tenants/clinic-7/evidence/{}", device.sheet.host);
    assert!(
        shown(&stage, &format!("{page}?kind=&control=&incident=&from=&to="))
            .await
            .contains(&format!("{} that are held", list["size"]))
    );
    let text = shown(&stage, &format!("{page}/{index}")).await;
    assert!(text.contains("c2sp.org/tlog-proof@v1"));
}

/// Runs the console's script for keys as a browser would, without a page: nodejs has the same cryptography.
fn in_the_browsers_script(job: &Value) -> Value {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/src/console/assets/evidence.js");
    let run = "
        require(process.argv[1]);
        const job = JSON.parse(process.argv[2]);
        const said = (work) => work.then((words) => words, (fault) => `refused: ${fault.message}`);
        (async () => {
          const checks = [];
          for (const [entry, proof, key] of job.checks) checks.push(await said(evidence.check(entry, proof, key)));
          const seed = Uint8Array.from(job.seed);
          console.log(JSON.stringify({ checks, approved: await said(evidence.approved(job.envelope, seed)) }));
        })();";
    let program = std::process::Command::new("node")
        .args(["-e", run, script, &job.to_string()])
        .output()
        .expect("nodejs drives the browser's tests too: apt-get install nodejs");
    assert!(program.status.success(), "{}", String::from_utf8_lossy(&program.stderr));
    serde_json::from_slice(&program.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_browser_checks_and_signs_is_what_verifiers_and_sites_take() {
    let stage = Stage::start().await;
    let mut device = stage.enrolled("clinic-7").await;
    let order = ordered(&device).await;
    device.log.write_waiting(&order, "i-1", WaitingFor::Approval { have: 0, need: 1 });
    for _ in 0..11 {
        device.log.write_filler();
    }
    parsed::<Value>(device.deliver(0).await).await;
    let size = device.log.entries.len();
    let path = format!("/tenants/clinic-7/hosts/{}/evidence", device.sheet.host);
    let (key, other) = (device.log.key(), device.log.copy(8).key());
    let mut checks = Vec::new();
    for index in 0..size {
        let record = asked(&stage, &format!("{path}/{index}")).await;
        checks.push(json!([record["entry"], record["proof"], key]));
    }
    let (first, last) = (checks[0].clone(), checks[size - 1].clone());
    checks.push(json!([last[0], first[1], key]));
    checks.push(json!([first[0].as_str().unwrap().replace("clinic-7", "clinic-8"), first[1], key]));
    checks.push(json!([first[0], first[1], other]));
    let envelope = asked(&stage, "/approvals").await["for_people"][0]["envelope"].clone();
    let said =
        in_the_browsers_script(&json!({ "checks": checks, "envelope": envelope, "seed": vec![7; 32] }));
    let words: Vec<&str> = said["checks"].as_array().unwrap().iter().map(|w| w.as_str().unwrap()).collect();
    let (good, bad) = words.split_at(size);
    assert!(good.iter().all(|words| words.starts_with("It holds")), "{good:?}");
    assert!(bad.len() == 3 && bad.iter().all(|words| words.starts_with("refused")), "{bad:?}");

    // The signature is byte for byte the one that the command line makes.
    let bytes = |value: &Value| serde_json::from_value::<contract::blob::Blob>(value.clone()).unwrap().0;
    let signer = contract::dsse::OperatorSigner::from_seed(&[7; 32]);
    let ours: Value = serde_json::from_slice(&signer.approve(&bytes(&envelope)).unwrap()).unwrap();
    let theirs: Value = serde_json::from_slice(&bytes(&said["approved"])).unwrap();
    assert_eq!(theirs, ours);
    let hand_in = format!("/api/v1/tenants/clinic-7/orders/{order}/approve");
    let taken = stage.operate(Method::POST, &hand_in, Some(json!({ "envelope": said["approved"] }))).await;
    assert_eq!(taken.status(), StatusCode::OK);
    assert_eq!(asked(&stage, "/approvals").await["for_people"][0]["signatures"], json!(1));
}
