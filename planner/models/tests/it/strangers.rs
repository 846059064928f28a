//! Providers that do not answer, answer something else, or lead elsewhere; and that no key is ever told.

use std::time::{Duration, Instant};

use models::{Models, ModelsError};
use planner::model::Reply;

use super::server::{Act, Server, answer, http, stream};
use super::{ANSWER, KEY, MUCH, Rig, file, now, prompt, tenant};

async fn reply(acts: Vec<Act>) -> (Reply, usize, Option<String>) {
    let server = Server::start(acts).await;
    let asked = Rig::new(&[("m", "openai", server.url.clone())]).ask().await;
    assert!(!format!("{asked:?}").contains(KEY), "the key is told");
    (asked.reply, server.seen().len(), asked.why)
}

#[tokio::test]
async fn what_passes_is_tried_again_within_the_time_and_what_does_not_is_not() {
    let good = || Act::says(&answer("openai", ANSWER));
    for status in ["429 Too Many Requests", "529 Overloaded", "503 Service Unavailable", "500 Oops"] {
        let (reply, asked, why) = reply(vec![Act::says(&http(status, "", "")), good()]).await;
        assert!(matches!(reply, Reply::Said(_)), "{status}: {why:?}");
        assert_eq!(asked, 2, "{status}");
    }
    for status in ["400 Bad Request", "401 Unauthorized", "404 Not Found", "204 No Content"] {
        let (reply, asked, why) = reply(vec![Act::says(&http(status, "", KEY)), good()]).await;
        assert_eq!((reply, asked), (Reply::Failed, 1), "{status}");
        assert!(why.unwrap().contains(&status[..3]));
    }
    let later = Act::says(&http("429 Too Many Requests", "retry-after: 1\r\n", ""));
    let began = Instant::now();
    let (said, asked, _) = reply(vec![later, good()]).await;
    assert!(matches!(said, Reply::Said(_)) && asked == 2 && began.elapsed() >= Duration::from_secs(1));
    // Beyond its time it is not waited for.
    let much_later = Act::says(&http("429 Too Many Requests", "retry-after: 3600\r\n", ""));
    let began = Instant::now();
    let (said, asked, _) = reply(vec![much_later, good()]).await;
    assert_eq!((said, asked), (Reply::Failed, 1));
    assert!(began.elapsed() < Duration::from_millis(1_500), "it waited for nothing");
}

#[tokio::test]
async fn whoever_drips_or_says_nothing_is_silent_when_the_time_is_over() {
    assert_eq!(reply(vec![Act::Hangs]).await.0, Reply::Silent);
    let bytes = answer("openai", ANSWER).into_bytes();
    let drips = Act::Writes { bytes, piece: 1, pause: Duration::from_millis(50) };
    assert_eq!(reply(vec![drips]).await.0, Reply::Silent);
}

#[tokio::test]
async fn what_is_no_stream_of_its_wire_is_no_answer() {
    let event = |text: &str| stream(&[text.to_owned()]);
    for says in [
        http("200 OK", "content-type: application/json\r\n", ANSWER),
        http("200 OK", "content-type: text/html\r\n", "<h1>Log in</h1>"),
        event("{"),
        event("null"),
        event(r#"{"error":{"message":"no"}}"#),
        event(r#"{"choices":[{"index":0,"delta":{},"finish_reason":"a_new_one"}]}"#),
        stream(&vec![
            format!(
                r#"{{"choices":[{{"index":0,"delta":{{"content":"{}"}}}}]}}"#,
                "x".repeat(9_000)
            );
            20
        ]),
        stream(&["x".repeat(300_000)]),
    ] {
        let (reply, _, why) = reply(vec![Act::says(&says)]).await;
        assert_eq!(reply, Reply::Failed, "{}: {why:?}", &says[..80]);
    }
}

#[tokio::test]
async fn nobody_is_followed_elsewhere_and_the_key_does_not_arrive_there() {
    let elsewhere = Server::start(vec![Act::says(&answer("openai", ANSWER))]).await;
    for status in ["301 Moved Permanently", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let there = format!("location: {}/chat/completions\r\n", elsewhere.url);
        assert_eq!(reply(vec![Act::says(&http(status, &there, ""))]).await.0, Reply::Failed);
    }
    assert!(elsewhere.seen().is_empty(), "{:?}", elsewhere.seen());
}

#[tokio::test]
async fn a_server_that_shows_no_certificate_that_is_believed_hears_nothing() {
    let server = Server::start(vec![Act::Hangs]).await;
    let url = server.url.replace("http://", "https://");
    let asked = Rig::new(&[("m", "openai", url)]).ask().await;
    assert!(matches!(asked.reply, Reply::Failed | Reply::Silent), "{asked:?}");
    assert!(server.seen().iter().all(|request| !request.contains(KEY)), "the key was sent in the clear");
}

#[tokio::test]
async fn where_the_first_fails_the_next_is_asked_and_where_it_refuses_nobody_else_is() {
    let fails = Server::start(vec![Act::says(&http("400 Bad Request", "", ""))]).await;
    let good = Server::start(vec![Act::says(&answer("anthropic", ANSWER))]).await;
    let models = [("first", "openai", fails.url.clone()), ("second", "anthropic", good.url.clone())];
    let asked = Rig::new(&models).ask().await;
    assert_eq!((asked.model.as_str(), asked.reply), ("second", Reply::Said(ANSWER.as_bytes().to_vec())));
    let refuses =
        stream(&[r#"{"choices":[{"index":0,"delta":{},"finish_reason":"content_filter"}]}"#.to_owned()]);
    let refuses = Server::start(vec![Act::says(&refuses)]).await;
    let models = [("first", "openai", refuses.url.clone()), ("second", "anthropic", good.url.clone())];
    let asked = Rig::new(&models).ask().await;
    assert_eq!((asked.model.as_str(), asked.reply), ("first", Reply::Refused));
    assert_eq!(good.seen().len(), 1);
}

#[test]
fn a_file_that_makes_no_sense_is_refused_with_its_place() {
    let directory = tempfile::tempdir().unwrap();
    let good = [("m", "openai", "https://models.example/v1".to_owned())];
    let path = file(&directory, &good, "", MUCH);
    assert!(!format!("{:?}", Models::read(&path).unwrap()).contains(KEY), "the key is printed");
    let said = |path: &std::path::Path| Models::read(path).unwrap_err().to_string();
    let text = edge::file::read_text(&path, 100_000).unwrap();
    for (from, to, told) in [
        ("version: 1", "version: 1\ncolour: red", "models.yaml:2:1"),
        ("version: 1", "version: 2", "version 2"),
        ("wire: openai", "wire: telepathy", "models.yaml:3"),
        ("https://", "http://", "must be https"),
        ("https://", "https://user:pass@", "no name, no password"),
        ("timeout_ms: 1500", "timeout_ms: 10", "timeout_ms is"),
        ("timeout_ms: 1500", "timeout_ms: 1500, threshold: 20", "threshold is"),
        ("hour: 1000", "hour: many", "models.yaml:5"),
        ("model: a-model", "model: \"a?key=b\"", "model is its provider's name"),
    ] {
        assert!(text.contains(from), "{from}");
        edge::file::write_durably(&path, text.replacen(from, to, 1).as_bytes()).unwrap();
        assert!(said(&path).contains(told), "{to}: {}", said(&path));
    }
    let twice = [good[0].clone(), good[0].clone()];
    assert!(said(&file(&directory, &twice, "", MUCH)).contains("appears twice"));
    assert!(said(&file(&directory, &[], "", MUCH)).contains("models"));
    let path = file(&directory, &good, "", MUCH);
    let key = directory.path().join("key");
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    assert!(matches!(Models::read(&path), Err(ModelsError::File(_))), "others may read the key");
}

#[tokio::test]
async fn what_a_model_is_asked_stands_in_no_path_and_no_header() {
    let server = Server::start(vec![Act::says(&answer("google", ANSWER))]).await;
    let rig = Rig::new(&[("m", "google", server.url.clone())]);
    rig.models.ask(&tenant(), &prompt(), now()).await;
    let seen = server.seen();
    let (head, _) = seen[0].split_once("\r\n\r\n").unwrap();
    assert!(!head.contains("ignore-previous") && !head.lines().next().unwrap().contains(KEY), "{head}");
}
