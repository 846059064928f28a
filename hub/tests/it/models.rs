//! A hub that asks a model what no rule speaks of, over real HTTP: its pick is an order like any other, and whatever else it says is a person's matter.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use contract::decision::{Choice, Escalation, Provenance};
use contract::plane::IncidentState;
use hub::config::Config;
use hub::serve::start;

use crate::incidents::{CONTROL, opened};
use crate::stage::{Stage, config};

/// Chat completions that always answer this.
fn provider(answer: &'static str) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (url, seen) =
        (format!("http://{}/v1", listener.local_addr().unwrap()), Arc::new(Mutex::new(Vec::new())));
    let kept = Arc::clone(&seen);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let (mut request, mut piece) = (String::new(), [0; 4096]);
            loop {
                let n = stream.read(&mut piece).unwrap();
                request += &String::from_utf8_lossy(&piece[..n]);
                let length = |head: &str| {
                    let line = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                    line.and_then(|length| length.parse::<usize>().ok())
                };
                let whole = request
                    .split_once("\r\n\r\n")
                    .is_some_and(|(head, body)| length(head) == Some(body.len()));
                if n == 0 || whole {
                    break;
                }
            }
            kept.lock().unwrap().push(request);
            let content = serde_json::to_string(answer).unwrap();
            let event = format!(
                r#"{{"choices":[{{"index":0,"delta":{{"content":{content}}},"finish_reason":"stop"}}]}}"#
            );
            let body = format!("data: {event}\n\ndata: [DONE]\n\n");
            let head = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: text/event-stream\r\n\r\n";
            let _ = stream.write_all(format!("{head}{body}").as_bytes());
        }
    });
    (url, seen)
}

/// A hub whose rules speak of nothing but the clock, and that may ask.
async fn asking(url: &str) -> Stage {
    let directory = tempfile::tempdir().unwrap();
    let (rules, models) = (directory.path().join("rules.yaml"), directory.path().join("models.yaml"));
    let rule = "rules:\n  - id: time\n    os: linux\n    priority: 100\n    when:\n      controls: [time.sync]\n    run: RB-TIME-001-sync\n";
    edge::file::write_durably(&rules, rule.as_bytes()).unwrap();
    let yaml = format!(
        "version: 1\nkeep: true\nmodels:\n  - {{ id: small, wire: openai, url: \"{url}\", model: m, input_price: 1, output_price: 1, timeout_ms: 5000 }}\nbudgets:\n  default: {{ hour: 2, day: 2, month: 1000000 }}\n"
    );
    edge::file::write_durably(&models, yaml.as_bytes()).unwrap();
    let plain = config(directory.path());
    let sources = hub::library::Sources { rules: Some(rules), ..plain.sources.clone() };
    let config = Config { models: Some(models), sources, ..plain };
    Stage::of(directory, start(&config).await.unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_models_pick_is_an_order_that_says_who_chose_and_stays_within_the_budget() {
    let answer = r#"{"runbook_id":"RB-FILE-001-own-directories","confidence":95,"reason":"repairs_it"}"#;
    let (url, seen) = provider(answer);
    let stage = asking(&url).await;
    let device = stage.enrolled("clinic-7").await;
    device.report("i-1", CONTROL).await;
    let order = opened(&device, &device.orders(10_000).await.orders[0]);
    assert_eq!(order.runbook.as_str(), "RB-FILE-001-own-directories");
    let Provenance::Model(asked) = order.provenance else { panic!("{:?}", order.provenance) };
    assert_eq!((asked.model.as_str(), asked.confidence), ("small", Some(95)));
    let requests = seen.lock().unwrap().clone();
    assert_eq!(requests.len(), 1);
    assert!(
        requests[0].contains("suture.evidence-directory") && !requests[0].contains("clinic-7"),
        "{}",
        requests[0]
    );
    let incident = stage.incidents("clinic-7").await.remove(0);
    assert!(
        incident.why.as_deref().is_some_and(|why| why.contains("small") && why.contains("95 %")),
        "{incident:?}"
    );
    // Question and answer are kept, as this hub is told to.
    let database = rusqlite::Connection::open(stage.directory.path().join("hub.db")).unwrap();
    let (prompt, said): (String, String) = database
        .query_row("SELECT prompt, said FROM asked", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    assert_eq!((prompt, said.as_str()), (asked.prompt.to_string(), answer));

    // Another machine's is the second question of the hour; a third is not asked.
    for (n, expected) in [(2, 2), (3, 2)] {
        let other = stage.enrolled("clinic-7").await;
        other.report(&format!("i-{n}"), CONTROL).await;
        for _ in 0..200 {
            if stage.incidents("clinic-7").await.last().unwrap().state != IncidentState::Drifted {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        assert_eq!(seen.lock().unwrap().len(), expected, "question {n}");
    }
    let last = stage.incidents("clinic-7").await.pop().unwrap();
    assert_eq!(last.decision.unwrap().choice, Choice::Escalate(Escalation::ModelBudget));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_on_the_list_is_a_persons_matter_and_where_nothing_fits_nobody_is_asked() {
    let (url, seen) =
        provider(r#"{"runbook_id":"RB-SSH-001-log-in","confidence":100,"reason":"repairs_it"}"#);
    let stage = asking(&url).await;
    let device = stage.enrolled("clinic-7").await;
    let choice = async |incident: &str, control: &str| {
        device.report(incident, control).await;
        for _ in 0..200 {
            let all = stage.incidents("clinic-7").await;
            let one = all.into_iter().find(|view| view.incident.as_str() == incident).unwrap();
            if let Some(decision) = one.decision {
                return decision.choice;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("{incident} is not decided");
    };
    assert_eq!(choice("i-1", CONTROL).await, Choice::Escalate(Escalation::ModelAstray));
    assert_eq!(choice("i-2", "nobody.knows").await, Choice::Escalate(Escalation::NothingFits));
    assert_eq!(seen.lock().unwrap().len(), 1, "there was nothing to choose from");
    assert!(device.orders(0).await.orders.is_empty());
}
