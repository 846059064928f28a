//! The cover of a kit: `kit.json` says what is in it, and `kit.note` is the exporter's signature over that.

use std::collections::{BTreeMap, BTreeSet};

use contract::canonical;
use contract::digest::{Digest, hex};
use serde::Deserialize;
use tlog::checkpoint::Origin;
use tlog::hash::Hash;
use tlog::note::{SignedNote, VerifierKey};

mod fault;

pub use fault::{CoverFault, CoverFaultPart};

use crate::extent::Extent;
use crate::frame::Stamp;
use crate::log::Stated;

/// The name of the cover.
pub(super) const COVER: &str = "kit.json";
/// The name of the note that is signed over it.
pub(super) const NOTE: &str = "kit.note";
/// Most bytes of a cover.
pub(super) const COVER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What a kit says of itself. Unless the hub's kit key signed it, nobody who is known vouches for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cover {
    /// Whose evidence it is.
    pub tenant: String,
    /// The first instant of the period.
    pub from: String,
    /// The first instant after it.
    pub to: String,
    /// Who made the kit.
    pub exported_by: String,
    /// When.
    pub exported_at: String,
    /// The number under which the hub keeps the export.
    pub export: String,
    /// Whether the kit key that was given signed all this.
    pub signed: bool,
    pub(super) period: (Stamp, Stamp),
    pub(super) exported: Stamp,
    pub(super) logs: Vec<LogCover>,
    pub(super) files: BTreeMap<String, Digest>,
}

/// What a kit says of one of its logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LogCover {
    pub(super) host: String,
    pub(super) site: String,
    pub(super) stated: Stated,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CoverFile {
    export: Export,
    files: BTreeMap<String, Digest>,
    format: u64,
    kind: String,
    logs: Vec<LogFile>,
    period: Period,
    tenant: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Export {
    by: String,
    id: String,
    time: Stamp,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Period {
    from: Stamp,
    to: Stamp,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LogFile {
    end: u64,
    first: u64,
    host: String,
    origin: String,
    root: String,
    site: String,
    size: u64,
}

impl Cover {
    /// Reads the exact bytes of `kit.json`.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, CoverFault> {
        canonical::check(bytes).map_err(CoverFault::NotCanonical)?;
        let file: CoverFile =
            serde_json::from_slice(bytes).map_err(|error| CoverFault::Form(error.to_string()))?;
        let part = |fits, part| if fits { Ok(()) } else { Err(CoverFault::Part(part)) };
        part(file.format == 1 && file.kind == "suture-kit", CoverFaultPart::Format)?;
        let texts = [&file.export.id, &file.tenant];
        let sites = file.logs.iter().map(|log| &log.site);
        let ids = texts.into_iter().chain(sites).all(|text| is_text(text));
        part(ids && is_person(&file.export.by), CoverFaultPart::Text)?;
        part(file.period.from < file.period.to, CoverFaultPart::Period)?;
        let logs = file.logs.iter().map(LogCover::read).collect::<Result<Vec<_>, _>>()?;
        let mut origins = BTreeSet::new();
        let once = logs.iter().all(|log| origins.insert(&log.stated.origin));
        part(once && logs.is_sorted_by(|a, b| a.host < b.host), CoverFaultPart::LogOrder)?;
        part(!file.files.keys().any(|name| has_cover_of_its_own(name)), CoverFaultPart::Files)?;
        Ok(Self {
            tenant: file.tenant,
            from: file.period.from.as_str().to_owned(),
            to: file.period.to.as_str().to_owned(),
            period: (file.period.from, file.period.to),
            exported_by: file.export.by,
            exported_at: file.export.time.as_str().to_owned(),
            exported: file.export.time,
            export: file.export.id,
            signed: false,
            logs,
            files: file.files,
        })
    }
}

impl LogCover {
    fn read(log: &LogFile) -> Result<Self, CoverFault> {
        let part = CoverFault::Part;
        if !is_host(&log.host) {
            return Err(part(CoverFaultPart::Text));
        }
        let origin: Origin = log.origin.parse().map_err(|_| part(CoverFaultPart::Text))?;
        let extent = Extent::new(log.size, log.first, log.end).ok_or(part(CoverFaultPart::Extent))?;
        let root = Hash::from_base64(&log.root).ok_or(part(CoverFaultPart::Root))?;
        let stated = Stated { origin, extent, root };
        Ok(Self { host: log.host.clone(), site: log.site.clone(), stated })
    }
}

/// Checks that `kit.note` is over this cover, and, where the key is known, that the hub signed it.
pub(super) fn check_note(bytes: &[u8], cover: &[u8], key: Option<&VerifierKey>) -> Result<(), CoverFault> {
    let note = SignedNote::parse(bytes).map_err(CoverFault::Note)?;
    let digest = note.text().strip_prefix("suture kit v1\n").and_then(|rest| rest.strip_suffix('\n'));
    let hexadecimal = |digest: &&str| {
        digest.len() == 64 && digest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let digest = digest.filter(hexadecimal).ok_or(CoverFault::NoteText)?;
    if let Some(key) = key {
        note.verify(key).map_err(CoverFault::Signature)?;
    }
    if digest == hex(Digest::of(cover).as_bytes()) { Ok(()) } else { Err(CoverFault::OtherCover) }
}

/// Whether a file is covered by something else than the list of files.
pub(super) fn covered_by_tree(name: &str, logs: &[LogCover]) -> bool {
    // The logs are in ascending order of their hosts.
    let of_log =
        name.strip_prefix("logs/").and_then(|rest| rest.split_once('/')).is_some_and(|(host, rest)| {
            (rest == "checkpoint" || rest.starts_with("tile/"))
                && logs.binary_search_by(|log| log.host.as_str().cmp(host)).is_ok()
        });
    name == COVER || name == NOTE || of_log
}

/// Whether the list of files may not name it: a file of a tree, of whatever host, or the cover itself.
fn has_cover_of_its_own(name: &str) -> bool {
    let in_log = name.strip_prefix("logs/").and_then(|rest| rest.split_once('/'));
    let of_tree = in_log.is_some_and(|(_, rest)| rest == "checkpoint" || rest.starts_with("tile/"));
    name == COVER || name == NOTE || of_tree
}

fn is_text(text: &str) -> bool {
    (1..=160).contains(&text.len()) && text.bytes().all(|byte| matches!(byte, 0x20..=0x7e))
}

/// People have names in every script.
fn is_person(text: &str) -> bool {
    (1..=160).contains(&text.chars().count()) && !text.contains(char::is_control)
}

fn is_host(host: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=160).contains(&host.len()) && host.bytes().all(letter) && host != "." && host != ".."
}
