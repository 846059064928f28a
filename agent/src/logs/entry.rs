//! One entry of the journal, as `journalctl --output=json` prints it.

use contract::time::MonoNs;
use serde::Deserialize;
use serde_json::Value;

/// Entries may be older than this machine's last start, where the monotonic clock begins; detectors only compare them with each other.
const BEFORE_BOOT_NS: u64 = 1 << 62;

/// What is asked of an entry. Everything else journald knows about it stays where it is.
#[derive(Deserialize)]
pub(super) struct Entry {
    #[serde(rename = "__CURSOR")]
    pub(super) cursor: String,
    #[serde(rename = "__REALTIME_TIMESTAMP")]
    microseconds: Option<String>,
    #[serde(rename = "SYSLOG_IDENTIFIER")]
    identifier: Option<Value>,
    #[serde(rename = "MESSAGE")]
    message: Option<Value>,
}

impl Entry {
    /// The entry as a syslog file would have it, without its time: `program: message`.
    pub(super) fn line(&self) -> Vec<u8> {
        let mut line = self.identifier.as_ref().map(text).unwrap_or_default();
        line.extend_from_slice(b": ");
        line.extend(self.message.as_ref().map(text).unwrap_or_default());
        // One entry is one line, whatever it holds.
        line.iter_mut().filter(|b| **b == b'\n').for_each(|b| *b = b' ');
        line.push(b'\n');
        line
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
        MonoNs((BEFORE_BOOT_NS + now.0).saturating_sub(age_ms.saturating_mul(1_000_000)))
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
