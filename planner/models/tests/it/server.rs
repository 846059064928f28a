//! A server that answers each connection by a script: what it writes, in which pieces, how slowly, and when it hangs up.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What is done with one connection after its request was read.
#[derive(Clone)]
pub(crate) enum Act {
    /// These bytes, in pieces of so many, with a pause between them; then it hangs up.
    Writes { bytes: Vec<u8>, piece: usize, pause: Duration },
    /// Nothing at all.
    Hangs,
}

impl Act {
    pub(crate) fn says(text: &str) -> Self {
        Self::Writes { bytes: text.as_bytes().to_vec(), piece: usize::MAX, pause: Duration::ZERO }
    }
}

pub(crate) struct Server {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Answers the first connection by the first act, and so on; the last act is repeated.
    pub(crate) async fn start(acts: Vec<Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&seen);
        tokio::spawn(async move {
            for n in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                let act = acts.get(n).or(acts.last()).unwrap().clone();
                let kept = Arc::clone(&kept);
                tokio::spawn(async move { serve(stream, act, &kept).await });
            }
        });
        Self { url, seen }
    }

    /// The requests, each whole.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

async fn serve(mut stream: TcpStream, act: Act, seen: &Mutex<Vec<String>>) {
    let mut request = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let n = stream.read(&mut piece).await.unwrap_or(0);
        request.extend_from_slice(&piece[..n]);
        let text = String::from_utf8_lossy(&request);
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            if n == 0 {
                return;
            }
            continue;
        };
        let length = head
            .lines()
            .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
        if n == 0 || body.len() >= length.unwrap_or(0) {
            break;
        }
    }
    seen.lock().unwrap().push(String::from_utf8_lossy(&request).into_owned());
    match act {
        Act::Hangs => tokio::time::sleep(Duration::from_secs(60)).await,
        Act::Writes { bytes, piece, pause } => {
            for part in bytes.chunks(piece.min(bytes.len().max(1))) {
                if stream.write_all(part).await.is_err() {
                    return;
                }
                if !pause.is_zero() {
                    tokio::time::sleep(pause).await;
                }
            }
            let _ = stream.shutdown().await;
        }
    }
}

pub(crate) fn http(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n{body}", body.len())
}

/// A stream of events that ends with the connection.
pub(crate) fn stream(events: &[String]) -> String {
    let body = events.iter().map(|event| format!("data: {event}\n\n")).collect::<Vec<_>>().concat();
    format!(
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: text/event-stream; charset=utf-8\r\n\r\n{body}"
    )
}

/// An answer in two halves, as each wire has it.
pub(crate) fn answer(wire: &str, text: &str) -> String {
    let (one, two) = text.split_at(text.len() / 2);
    let q = |text: &str| serde_json::to_string(text).unwrap();
    stream(&match wire {
        "openai" => vec![
            r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#.to_owned(),
            format!(r#"{{"choices":[{{"index":0,"delta":{{"content":{}}},"finish_reason":null}}]}}"#, q(one)),
            format!(r#"{{"choices":[{{"index":0,"delta":{{"content":{}}},"finish_reason":null}}]}}"#, q(two)),
            r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#.to_owned(),
            r#"{"choices":[],"usage":{"prompt_tokens":100,"completion_tokens":20}}"#.to_owned(),
            "[DONE]".to_owned(),
        ],
        "anthropic" => vec![
            r#"{"type":"message_start","message":{"usage":{"input_tokens":100,"output_tokens":1}}}"#.to_owned(),
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"answer","input":{}}}"#.to_owned(),
            r#"{"type":"ping"}"#.to_owned(),
            format!(r#"{{"type":"content_block_delta","index":0,"delta":{{"type":"input_json_delta","partial_json":{}}}}}"#, q(one)),
            format!(r#"{{"type":"content_block_delta","index":0,"delta":{{"type":"input_json_delta","partial_json":{}}}}}"#, q(two)),
            r#"{"type":"content_block_stop","index":0}"#.to_owned(),
            r#"{"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":20}}"#.to_owned(),
            r#"{"type":"message_stop"}"#.to_owned(),
        ],
        "google" => vec![
            format!(r#"{{"candidates":[{{"content":{{"parts":[{{"text":{}}}]}}}}]}}"#, q(one)),
            format!(
                r#"{{"candidates":[{{"content":{{"parts":[{{"text":{}}}]}},"finishReason":"STOP"}}],"usageMetadata":{{"promptTokenCount":100,"candidatesTokenCount":20}}}}"#,
                q(two)
            ),
        ],
        other => panic!("{other}"),
    })
}
