//! What each kind of provider is sent, and what its events say. Pure.
//!
//! Each is asked for JSON by the schema, and streamed: so a provider that drips is seen to be alive and is still cut off in time. What a provider makes of
//! the schema is its own matter; the answer is judged elsewhere.

mod anthropic;
mod google;
mod openai;

use planner::model::Prompt;
use serde::Deserialize;
use serde_json::Value;

/// The most of an answer's text that is kept, in bytes.
pub(crate) const TEXT_BYTES_MAX: usize = 64 * 1024;

/// Which way a provider is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Wire {
    /// Chat completions, as `OpenAI` has them, and vLLM, Ollama and llama.cpp's server.
    Openai,
    /// Messages, as Anthropic has them.
    Anthropic,
    /// `streamGenerateContent`, as Google has it.
    Google,
}

/// A request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Request {
    /// After the model's address.
    pub(crate) path: String,
    pub(crate) query: Option<&'static str>,
    /// The header that holds the key, and what stands before it there.
    pub(crate) key: (&'static str, &'static str),
    pub(crate) headers: &'static [(&'static str, &'static str)],
    pub(crate) body: Value,
}

/// What was heard of an answer.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) text: String,
    pub(crate) end: Option<End>,
    pub(crate) input_tokens: Option<u64>,
    pub(crate) output_tokens: Option<u64>,
    /// The stream said itself that nothing follows.
    pub(crate) closed: bool,
}

/// How an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// It is whole.
    Whole,
    /// The model or its provider would not.
    Refused,
    /// It was as long as it may be.
    CutOff,
}

/// An event that is none of this wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Foreign;

impl Wire {
    pub(crate) fn request(self, model: &str, prompt: &Prompt, max_output_tokens: u32) -> Request {
        match self {
            Self::Openai => openai::request(model, prompt, max_output_tokens),
            Self::Anthropic => anthropic::request(model, prompt, max_output_tokens),
            Self::Google => google::request(model, prompt, max_output_tokens),
        }
    }

    /// Takes one event in.
    pub(crate) fn hear(self, heard: &mut Heard, data: &str) -> Result<(), Foreign> {
        match self {
            Self::Openai => openai::hear(heard, data),
            Self::Anthropic => anthropic::hear(heard, data),
            Self::Google => google::hear(heard, data),
        }?;
        if heard.text.len() > TEXT_BYTES_MAX { Err(Foreign) } else { Ok(()) }
    }
}

impl Heard {
    /// A refusal stays one, whatever comes after it.
    fn ends(&mut self, end: End) {
        if self.end != Some(End::Refused) {
            self.end = Some(end);
        }
    }
}

fn parsed(data: &str) -> Result<Value, Foreign> {
    serde_json::from_str(data).map_err(|_| Foreign)
}
