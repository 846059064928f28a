//! One question to somebody outside: bounded in time by the client, and in bytes here.

use reqwest::{Client, Response, Url};

use crate::problem::chain;

/// The longest answer that is read: a token with its whole certificate path is a few kilobytes.
const ANSWER_MAX_BYTES: usize = 64 * 1024;

/// An answer.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) status: u16,
    pub(super) content_type: String,
    pub(super) body: Vec<u8>,
}

/// Sends `body`; an error says, for people, why there is no answer.
pub(super) async fn ask(
    client: &Client,
    url: &Url,
    content_type: &'static str,
    body: Vec<u8>,
) -> Result<Said, String> {
    let request = client.post(url.clone()).header("content-type", content_type).body(body);
    let response = request.send().await.map_err(|e| chain(&e.without_url()))?;
    let status = response.status().as_u16();
    let header = response.headers().get("content-type").and_then(|v| v.to_str().ok());
    // Parameters after a semicolon are nobody's business here.
    let content_type =
        header.and_then(|v| v.split(';').next()).unwrap_or_default().trim().to_ascii_lowercase();
    Ok(Said { status, content_type, body: read(response).await? })
}

async fn read(mut response: Response) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    while let Some(part) = response.chunk().await.map_err(|e| chain(&e.without_url()))? {
        if body.len() + part.len() > ANSWER_MAX_BYTES {
            return Err(format!("its answer is longer than {ANSWER_MAX_BYTES} bytes"));
        }
        body.extend_from_slice(&part);
    }
    Ok(body)
}
