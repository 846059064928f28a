//! One entry of the journal, as `journalctl --output=json` prints it.

use contract::time::MonoNs;
use serde::Deserialize;
use serde_json::Value;

use super::reading::live;
use crate::detectors::{Claims, Program};

/// What is asked of an entry. Everything else journald knows about it stays where it is.
#[derive(Deserialize)]
pub(super) struct Entry {
    #[serde(rename = "__CURSOR")]
    pub(super) cursor: String,
    #[serde(rename = "__REALTIME_TIMESTAMP")]
    microseconds: Option<String>,
    #[serde(rename = "SYSLOG_IDENTIFIER")]
    identifier: Option<Value>,
    #[serde(rename = "_TRANSPORT")]
    transport: Option<Value>,
    #[serde(rename = "_UID")]
    uid: Option<Value>,
    #[serde(rename = "_EXE")]
    exe: Option<Value>,
    #[serde(rename = "MESSAGE")]
    message: Option<Value>,
}

/// Who wrote an entry.
pub(super) struct Teller {
    transport: Vec<u8>,
    uid: Option<u32>,
    exe: Vec<u8>,
    identifier: Vec<u8>,
}

impl Teller {
    /// The program that journald vouches for.
    pub(super) fn program(&self) -> Option<Program<'_>> {
        let Self { transport, uid, exe, identifier } = self;
        Program::vouched(&Claims { transport, uid: *uid, exe, identifier })
    }
}

impl Entry {
    /// Its message. One entry is one line, whatever it holds.
    pub(super) fn line(&self) -> Vec<u8> {
        let mut line = self.message.as_ref().map(text).unwrap_or_default();
        line.iter_mut().filter(|b| **b == b'\n').for_each(|b| *b = b' ');
        line.push(b'\n');
        line
    }

    /// What journald itself says of who wrote it, and what he says.
    pub(super) fn teller(&self) -> Teller {
        let text = |field: &Option<Value>| field.as_ref().map(text).unwrap_or_default();
        let uid = str::from_utf8(&text(&self.uid)).ok().and_then(|uid| uid.parse().ok());
        Teller {
            transport: text(&self.transport),
            uid,
            exe: text(&self.exe),
            identifier: text(&self.identifier),
        }
    }

    /// When it was written, on our monotonic clock: what piled up while we were away must not look as if it happened at once.
    pub(super) fn at(&self) -> MonoNs {
        let (utc, now) = (edge::clock::utc(), edge::clock::mono());
        let written_ms = self
            .microseconds
            .as_ref()
            .and_then(|us| us.parse::<i64>().ok())
            .map_or(utc.unix_ms(), |us| us / 1_000);
        let age_ms = u64::try_from(utc.unix_ms() - written_ms).unwrap_or(0);
        MonoNs(live(now).0.saturating_sub(age_ms.saturating_mul(1_000_000)))
    }
}

/// A field is text, or bytes where it is not UTF-8, or a list where it stands there twice, or null where it is too long.
fn text(field: &Value) -> Vec<u8> {
    let byte = |v: &Value| v.as_u64().and_then(|n| u8::try_from(n).ok());
    match field {
        Value::String(s) => s.clone().into_bytes(),
        Value::Array(items) if items.iter().all(Value::is_number) => items.iter().filter_map(byte).collect(),
        Value::Array(items) => items.first().map(text).unwrap_or_default(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    }
}
