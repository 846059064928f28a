//! Chat completions.

use planner::model::Prompt;
use serde_json::json;

use super::{End, Foreign, Heard, Request, parsed};

pub(super) fn request(model: &str, prompt: &Prompt, max_output_tokens: u32) -> Request {
    let body = json!({
        "model": model,
        "messages": [
            { "role": "system", "content": prompt.system },
            { "role": "user", "content": prompt.user },
        ],
        "response_format": {
            "type": "json_schema",
            "json_schema": { "name": "answer", "strict": true, "schema": prompt.schema },
        },
        // Servers that are compatible know this name; the newer one they do not all know.
        "max_tokens": max_output_tokens,
        "temperature": 0,
        "stream": true,
        "stream_options": { "include_usage": true },
    });
    Request {
        path: "chat/completions".to_owned(),
        query: None,
        key: ("authorization", "Bearer "),
        headers: &[],
        body,
    }
}

pub(super) fn hear(heard: &mut Heard, data: &str) -> Result<(), Foreign> {
    if data == "[DONE]" {
        heard.closed = true;
        return Ok(());
    }
    let event = parsed(data)?;
    if event.get("error").is_some() {
        return Err(Foreign);
    }
    if let Some(usage) = event.get("usage").filter(|usage| usage.is_object()) {
        heard.input_tokens = usage["prompt_tokens"].as_u64().or(heard.input_tokens);
        heard.output_tokens = usage["completion_tokens"].as_u64().or(heard.output_tokens);
    }
    let choices = event["choices"].as_array().ok_or(Foreign)?;
    // One answer is asked for. What says something else says nothing.
    let Some(choice) = choices.first().filter(|choice| choice["index"].as_u64().unwrap_or(0) == 0) else {
        return Ok(());
    };
    if choice["delta"]["refusal"].as_str().is_some_and(|said| !said.is_empty()) {
        heard.ends(End::Refused);
    }
    heard.text.push_str(choice["delta"]["content"].as_str().unwrap_or_default());
    match choice["finish_reason"].as_str() {
        None => {}
        Some("stop") => heard.ends(End::Whole),
        Some("length") => heard.ends(End::CutOff),
        Some("content_filter") => heard.ends(End::Refused),
        Some(_) => return Err(Foreign),
    }
    Ok(())
}
