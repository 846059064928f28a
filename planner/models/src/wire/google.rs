//! `streamGenerateContent`.

use planner::model::Prompt;
use serde_json::json;

use super::{End, Foreign, Heard, Request, parsed};

pub(super) fn request(model: &str, prompt: &Prompt, max_output_tokens: u32) -> Request {
    let body = json!({
        "systemInstruction": { "parts": [{ "text": prompt.system }] },
        "contents": [{ "role": "user", "parts": [{ "text": prompt.user }] }],
        "generationConfig": {
            "responseMimeType": "application/json",
            "responseJsonSchema": prompt.schema,
            "maxOutputTokens": max_output_tokens,
            "temperature": 0,
            "candidateCount": 1,
        },
    });
    Request {
        path: format!("models/{model}:streamGenerateContent"),
        query: Some("alt=sse"),
        key: ("x-goog-api-key", ""),
        headers: &[],
        body,
    }
}

pub(super) fn hear(heard: &mut Heard, data: &str) -> Result<(), Foreign> {
    let event = parsed(data)?;
    if event.get("error").is_some() {
        return Err(Foreign);
    }
    if let Some(usage) = event.get("usageMetadata") {
        heard.input_tokens = usage["promptTokenCount"].as_u64().or(heard.input_tokens);
        let (said, thought) = (usage["candidatesTokenCount"].as_u64(), usage["thoughtsTokenCount"].as_u64());
        heard.output_tokens =
            said.or(thought).map(|_| said.unwrap_or(0) + thought.unwrap_or(0)).or(heard.output_tokens);
    }
    if event["promptFeedback"]["blockReason"].is_string() {
        heard.ends(End::Refused);
        heard.closed = true;
        return Ok(());
    }
    let Some(candidate) = event["candidates"].as_array().and_then(|all| all.first()) else { return Ok(()) };
    for part in candidate["content"]["parts"].as_array().into_iter().flatten() {
        if part["thought"] != true {
            heard.text.push_str(part["text"].as_str().unwrap_or_default());
        }
    }
    match candidate["finishReason"].as_str() {
        None => {}
        Some("STOP") => heard.ends(End::Whole),
        Some("MAX_TOKENS") => heard.ends(End::CutOff),
        Some("SAFETY" | "RECITATION" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII" | "LANGUAGE") => {
            heard.ends(End::Refused);
        }
        Some(_) => return Err(Foreign),
    }
    // It has no other sign of its end.
    heard.closed |= heard.end.is_some();
    Ok(())
}
