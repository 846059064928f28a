//! The journal, through a child `journalctl --follow`. Few of its fields are asked for, and a cursor says how far it was read.

use std::io::{ErrorKind, Read as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use contract::time::MonoNs;
use edge::file;

use super::Reading;
use super::entry::Entry;
use crate::backoff::Backoff;
use crate::detectors::Source;
use crate::thread::{Stop, Woken};

/// A longer entry is not read; journalctl leaves out long fields by itself.
const ENTRY_BYTES_MAX: usize = 1 << 20;
const CURSOR_BYTES_MAX: u64 = 4096;
/// The cursor is written this often, and when we stop.
const STORE_MS: u64 = 5_000;
/// A child that lived shorter did not get going.
const SHORT_LIFE_MS: u64 = 2_000;
/// So many short lives, and the cursor is taken for the reason: the journal may have forgotten what it points at.
const SHORT_LIVES_MAX: u32 = 3;

struct Cursor<'a> {
    path: &'a Path,
    at: Option<String>,
    dirty: bool,
    stored: MonoNs,
}

/// Follows the journal until told to stop. `program` is `journalctl`.
pub fn follow(program: &Path, cursor: &Path, reading: &mut Reading, stop: &Stop) {
    let mut cursor = Cursor::load(cursor);
    let mut backoff = Backoff::new(500, 30_000);
    let mut short_lives = 0;
    reading.tailing("journal".to_owned(), 1);
    loop {
        let began = edge::clock::mono();
        match spawn(program, cursor.at.as_deref()) {
            Ok((mut child, output)) => {
                let stopped = read_all(output, reading, &mut cursor, stop);
                // It may have ended by itself.
                let _ = child.kill();
                let _ = child.wait();
                cursor.store();
                if stopped {
                    return;
                }
            }
            Err(error) => tracing::error!(%error, "journalctl cannot be started"),
        }
        if edge::clock::mono().ms_since(began) > SHORT_LIFE_MS {
            backoff.reset();
            short_lives = 0;
        } else {
            short_lives += 1;
        }
        if short_lives >= SHORT_LIVES_MAX && cursor.at.take().is_some() {
            short_lives = 0;
            reading.lost("the journal no longer holds the place that was read last");
        }
        let random = edge::random::bytes::<8>().map_or(0, u64::from_le_bytes);
        if stop.within(backoff.next(random)) {
            return;
        }
    }
}

fn spawn(program: &Path, cursor: Option<&str>) -> std::io::Result<(Child, ChildStdout)> {
    let mut command = Command::new(program);
    command.args([
        "--follow",
        "--output=json",
        "--output-fields=MESSAGE,SYSLOG_IDENTIFIER,_TRANSPORT,_UID,_EXE",
        "--quiet",
    ]);
    match cursor {
        Some(cursor) => command.args(["--no-tail", &format!("--after-cursor={cursor}")]),
        None => command.arg("--lines=0"),
    };
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    match child.stdout.take() {
        Some(output) => Ok((child, output)),
        None => Err(ErrorKind::BrokenPipe.into()),
    }
}

/// Reads until the child ends (false) or we are told to stop (true).
fn read_all(mut output: ChildStdout, reading: &mut Reading, cursor: &mut Cursor<'_>, stop: &Stop) -> bool {
    let mut held = Vec::new();
    let mut block = vec![0; 64 * 1024];
    loop {
        let limit = if cursor.dirty { Duration::from_millis(STORE_MS) } else { Duration::from_secs(3600) };
        match stop.wait(Some(&output), limit) {
            Woken::Stopped => return true,
            Woken::Nothing => {}
            Woken::Readable => match output.read(&mut block) {
                Ok(0) => return false,
                Ok(n) => {
                    held.extend_from_slice(&block[..n]);
                    take_entries(&mut held, reading, cursor);
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(_) => return false,
            },
        }
        let now = edge::clock::mono();
        reading.tell(now);
        if cursor.dirty && now.ms_since(cursor.stored) >= STORE_MS {
            cursor.store();
        }
    }
}

/// Takes the whole lines out of `held`.
fn take_entries(held: &mut Vec<u8>, reading: &mut Reading, cursor: &mut Cursor<'_>) {
    let whole = held.iter().rposition(|&b| b == b'\n').map_or(0, |n| n + 1);
    for line in held[..whole].split(|&b| b == b'\n').filter(|l| !l.is_empty()) {
        match serde_json::from_slice::<Entry>(line) {
            Ok(entry) => {
                let teller = entry.teller();
                reading.take(&Source::Journal(teller.program()), &entry.line(), entry.at());
                cursor.at = Some(entry.cursor);
                cursor.dirty = true;
            }
            Err(_) => reading.lost("journalctl printed an entry that is not understood"),
        }
    }
    held.drain(..whole);
    if held.len() > ENTRY_BYTES_MAX {
        held.clear();
        reading.lost("a journal entry is too long");
    }
}

impl<'a> Cursor<'a> {
    fn load(path: &'a Path) -> Self {
        let at = file::read_text(path, CURSOR_BYTES_MAX)
            .ok()
            .map(|c| c.trim().to_owned())
            .filter(|c| !c.is_empty());
        Self { path, at, dirty: false, stored: MonoNs(0) }
    }

    fn store(&mut self) {
        let Some(at) = self.at.as_ref().filter(|_| self.dirty) else { return };
        match file::write_durably(self.path, at.as_bytes()) {
            Ok(()) => (self.dirty, self.stored) = (false, edge::clock::mono()),
            Err(error) => {
                tracing::error!(error = crate::chain(&error), "the place in the journal is not stored");
            }
        }
    }
}
