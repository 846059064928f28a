//! Messages. The answer is asked for as the input of one tool that has to be used: its schema is the question's.

use planner::model::Prompt;
use serde_json::json;

use super::{End, Foreign, Heard, Request, parsed};

const TOOL: &str = "answer";

pub(super) fn request(model: &str, prompt: &Prompt, max_output_tokens: u32) -> Request {
    let body = json!({
        "model": model,
        "max_tokens": max_output_tokens,
        "system": prompt.system,
        "messages": [{ "role": "user", "content": prompt.user }],
        "tools": [{ "name": TOOL, "description": "Give the answer.", "input_schema": prompt.schema }],
        "tool_choice": { "type": "tool", "name": TOOL },
        "stream": true,
    });
    Request {
        path: "messages".to_owned(),
        query: None,
        key: ("x-api-key", ""),
        headers: &[("anthropic-version", "2023-06-01")],
        body,
    }
}

pub(super) fn hear(heard: &mut Heard, data: &str) -> Result<(), Foreign> {
    let event = parsed(data)?;
    match event["type"].as_str().ok_or(Foreign)? {
        "message_start" => heard.input_tokens = event["message"]["usage"]["input_tokens"].as_u64(),
        "content_block_start" => {
            // A second use of the tool would be a second answer.
            let is_answer = event["content_block"]["type"] == "tool_use";
            if is_answer && (event["content_block"]["name"] != TOOL || !heard.text.is_empty()) {
                return Err(Foreign);
            }
        }
        "content_block_delta" if event["delta"]["type"] == "input_json_delta" => {
            heard.text.push_str(event["delta"]["partial_json"].as_str().ok_or(Foreign)?);
        }
        "message_delta" => {
            heard.output_tokens = event["usage"]["output_tokens"].as_u64().or(heard.output_tokens);
            match event["delta"]["stop_reason"].as_str() {
                None => {}
                Some("tool_use" | "end_turn") => heard.ends(End::Whole),
                Some("max_tokens" | "model_context_window_exceeded") => heard.ends(End::CutOff),
                Some("refusal") => heard.ends(End::Refused),
                Some(_) => return Err(Foreign),
            }
        }
        "message_stop" => heard.closed = true,
        "error" => return Err(Foreign),
        // Words beside the tool's input, signs of life, and what may be added: nothing of it is an answer.
        _ => {}
    }
    Ok(())
}
