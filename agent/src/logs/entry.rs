//! One entry of the journal, as `journalctl --output=json` prints it.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use contract::time::MonoNs;
use serde::Deserialize;
use serde_json::Value;

use super::reading::live;
use crate::detectors::{Claims, Program};

/// What is asked of an entry, beside its place and time. Everything else journald knows about it stays where it is.
pub(super) const FIELDS: &str = "MESSAGE,MESSAGE_ID,N_DROPPED,SYSLOG_IDENTIFIER,_TRANSPORT,_UID,_EXE";
/// Journald's own words: it held back a writer that wrote too much, and the kernel's buffer ran over.
const DROPPED: [&[u8]; 2] = [b"a596d6fe7bfa4994828e72309e95d61e", b"e9bf28e6e834481bb6f48f548ad13606"];

#[derive(Deserialize)]
pub(super) struct Entry {
    #[serde(rename = "__CURSOR")]
    pub(super) cursor: String,
    #[serde(rename = "__REALTIME_TIMESTAMP")]
    microseconds: Option<String>,
    #[serde(rename = "SYSLOG_IDENTIFIER")]
    identifier: Option<Value>,
    /// There, and nothing, where it is too long.
    #[serde(default, rename = "MESSAGE", deserialize_with = "there")]
    message: Option<Value>,
    #[serde(rename = "MESSAGE_ID")]
    message_id: Option<Value>,
    #[serde(rename = "N_DROPPED")]
    dropped: Option<Value>,
    #[serde(rename = "_TRANSPORT")]
    transport: Option<Value>,
    #[serde(rename = "_UID")]
    uid: Option<Value>,
    #[serde(rename = "_EXE")]
    exe: Option<Value>,
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
            .filter(|program| program.by_root || !is_borrowed(program.name, exe))
    }
}

/// True where a name that many detectors know is that of a file in the Nix store, and not of the running system's: a user may have had it made.
fn is_borrowed(name: &[u8], exe: &[u8]) -> bool {
    // These become root, and are logged under the user that started them.
    const BECOME_ROOT: [&str; 3] = ["sudo", "su", "login"];
    let Some(name) = BECOME_ROOT.into_iter().find(|n| n.as_bytes() == name) else { return false };
    let systems = std::fs::canonicalize(Path::new("/run/current-system/sw/bin").join(name));
    exe.starts_with(b"/nix/store/") && !systems.is_ok_and(|path| path.as_os_str().as_bytes() == exe)
}

/// Keeps a null apart from nothing at all.
fn there<'de, D: serde::Deserializer<'de>>(field: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(field).map(Some)
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

    /// True where the message was left out because it is too long.
    pub(super) fn is_cut(&self) -> bool {
        matches!(self.message, Some(Value::Null))
    }

    /// So many entries journald says that it or the kernel dropped, where it says so.
    pub(super) fn dropped(&self) -> Option<u64> {
        let is_driver = self.transport.as_ref().is_some_and(|t| text(t) == b"driver");
        let id = self.message_id.as_ref().map(text)?;
        if !is_driver || !DROPPED.contains(&id.as_slice()) {
            return None;
        }
        let number = self.dropped.as_ref().map(text).and_then(|n| String::from_utf8(n).ok()?.parse().ok());
        Some(number.unwrap_or(1))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_user_had_made_in_the_nix_store_is_not_taken_for_the_systems_own() {
        let name = |uid, exe: &str| {
            let entry = serde_json::json!({
                "__CURSOR": "c", "_TRANSPORT": "syslog", "_UID": uid, "_EXE": exe, "SYSLOG_IDENTIFIER": "sshd",
            });
            let teller = serde_json::from_value::<Entry>(entry).unwrap().teller();
            teller.program().map(|p| (String::from_utf8(p.name.to_vec()).unwrap(), p.by_root))
        };
        let (user, root) = (|name: &str| Some((name.to_owned(), false)), Some(("sshd".to_owned(), true)));
        assert_eq!(name("1000", "/usr/bin/sudo"), user("sudo"));
        assert_eq!(name("1000", "/nix/store/abc-mine/bin/sudo"), None);
        assert_eq!(name("71", "/nix/store/abc-postgresql-15/bin/postgres"), user("postgres"));
        assert_eq!(name("0", "/nix/store/abc-sudo/bin/sudo"), root);
    }
}
