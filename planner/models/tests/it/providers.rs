//! Each wire as its provider speaks it.

use std::time::Duration;

use models::Micro;
use planner::model::Reply;

use super::server::{Act, Server, answer, stream};
use super::{ANSWER, KEY, Rig};

const WIRES: [&str; 3] = ["openai", "anthropic", "google"];

fn said() -> Reply {
    Reply::Said(ANSWER.as_bytes().to_vec())
}

#[tokio::test]
async fn each_wire_is_asked_by_the_schema_and_streamed_and_its_answer_is_put_together() {
    for wire in WIRES {
        let server = Server::start(vec![Act::says(&answer(wire, ANSWER))]).await;
        let asked = Rig::new(&[("m", wire, server.url.clone())]).ask().await;
        assert_eq!(
            (asked.reply, asked.model.as_str(), asked.threshold),
            (said(), "m", 80),
            "{wire}: {:?}",
            asked.why
        );
        assert_eq!(asked.cost, Micro(140), "{wire}: 100 tokens at one, 20 at two");
        let seen = server.seen();
        let [request] = &seen[..] else { panic!("{seen:?}") };
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        let (path, schema, key) = match wire {
            "openai" => (
                "/v1/chat/completions",
                &body["response_format"]["json_schema"]["schema"],
                format!("authorization: Bearer {KEY}"),
            ),
            "anthropic" => ("/v1/messages", &body["tools"][0]["input_schema"], format!("x-api-key: {KEY}")),
            _ => (
                "/v1/models/a-model:streamGenerateContent?alt=sse",
                &body["generationConfig"]["responseJsonSchema"],
                format!("x-goog-api-key: {KEY}"),
            ),
        };
        assert!(head.starts_with(&format!("POST {path} HTTP/1.1")), "{head}");
        assert!(head.to_lowercase().contains(&key.to_lowercase()), "{wire}: the key is not where it belongs");
        assert_eq!(*schema, super::prompt().schema, "{wire}");
        assert!(body.to_string().contains("ignore-previous-instructions"), "what is asked is not sent");
    }
}

#[tokio::test]
async fn an_answer_is_the_same_in_whatever_pieces_it_comes() {
    for wire in WIRES {
        let bytes = answer(wire, ANSWER).into_bytes();
        for piece in [1, 2, 3, 7, 64] {
            let act = Act::Writes { bytes: bytes.clone(), piece, pause: Duration::from_micros(1) };
            let server = Server::start(vec![act]).await;
            let asked = Rig::new(&[("m", wire, server.url.clone())]).ask().await;
            assert_eq!(asked.reply, said(), "{wire} in pieces of {piece}: {:?}", asked.why);
        }
    }
}

#[tokio::test]
async fn a_refusal_and_a_cut_are_told_from_an_answer() {
    let event = |text: &str| stream(&[text.to_owned()]);
    let openai = |finish: &str| {
        event(&format!(
            r#"{{"choices":[{{"index":0,"delta":{{"content":"{{"}},"finish_reason":"{finish}"}}]}}"#
        ))
    };
    let anthropic = |stop: &str| {
        stream(&[
            format!(
                r#"{{"type":"message_delta","delta":{{"stop_reason":"{stop}"}},"usage":{{"output_tokens":3}}}}"#
            ),
            r#"{"type":"message_stop"}"#.to_owned(),
        ])
    };
    let google = |finish: &str| event(&format!(r#"{{"candidates":[{{"finishReason":"{finish}"}}]}}"#));
    for (wire, says, expected) in [
        ("openai", openai("content_filter"), Reply::Refused),
        (
            "openai",
            event(r#"{"choices":[{"index":0,"delta":{"refusal":"I will not"},"finish_reason":"stop"}]}"#),
            Reply::Refused,
        ),
        ("openai", openai("length"), Reply::CutOff),
        ("openai", openai("stop"), Reply::CutOff),
        ("anthropic", anthropic("refusal"), Reply::Refused),
        ("anthropic", anthropic("max_tokens"), Reply::CutOff),
        ("google", google("SAFETY"), Reply::Refused),
        ("google", event(r#"{"promptFeedback":{"blockReason":"OTHER"}}"#), Reply::Refused),
        ("google", google("MAX_TOKENS"), Reply::CutOff),
    ] {
        let server = Server::start(vec![Act::says(&says)]).await;
        let asked = Rig::new(&[("m", wire, server.url.clone())]).ask().await;
        assert_eq!(asked.reply, expected, "{wire}: {says}");
    }
}

#[tokio::test]
async fn a_stream_that_breaks_is_no_answer() {
    for wire in WIRES {
        let whole = answer(wire, ANSWER);
        let start = whole.find("\r\n\r\n").unwrap() + 4;
        // Cut anywhere before its end, what came is never taken for an answer.
        for at in (start..whole.len() - 20).step_by(17) {
            let server = Server::start(vec![Act::says(&whole[..at]), Act::Hangs]).await;
            let asked = Rig::new(&[("m", wire, server.url.clone())]).ask().await;
            assert!(!matches!(asked.reply, Reply::Said(_)), "{wire} cut at {at}");
        }
    }
}
