//! The journal, through a child `journalctl --follow`. Only a few of its fields are asked for, and a cursor says how far it was read.

use std::io::{ErrorKind, Read as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use contract::heartbeat::{Following, LogSource};
use contract::record::LineLoss;
use contract::time::MonoNs;

use super::entry::{Entry, FIELDS};
use super::reading::{Reading, STORE_MS, Shared, hold};
use crate::backoff::Backoff;
use crate::detectors::Source;
use crate::thread::{Stop, Woken};

/// A longer entry is passed over and counted; journalctl leaves out long fields by itself.
const ENTRY_BYTES_MAX: usize = 1 << 20;
/// A child that lived shorter did not get going.
const SHORT_LIFE_MS: u64 = 2_000;
/// So many short lives, and the cursor is taken for the reason: the journal may have forgotten what it points at.
const SHORT_LIVES_MAX: u32 = 3;

/// Entries as they come.
struct Stream {
    /// What is not a whole line yet.
    held: Vec<u8>,
    /// True within an entry that is too long: what follows belongs to it, up to its end.
    within: bool,
    /// The entry that comes first if the journal still holds it.
    expected: Option<String>,
    dirty: bool,
    stored: MonoNs,
}

/// Follows the journal until told to stop. `program` is `journalctl`.
pub fn follow(program: &Path, shared: &Shared, stop: &Stop) {
    let mut backoff = Backoff::new(500, 30_000);
    let mut short_lives = 0;
    loop {
        let began = edge::clock::mono();
        let cursor = hold(shared).kept.cursor.clone();
        let mut lived = false;
        match spawn(program, cursor.as_deref()) {
            Ok((mut child, output)) => {
                lived = true;
                hold(shared).tailing(LogSource::Journal, 1);
                let stopped = Stream::new(cursor).read_all(output, shared, stop);
                // It may have ended by itself.
                let _ = child.kill();
                let _ = child.wait();
                if stopped {
                    return;
                }
            }
            Err(error) => tracing::error!(%error, "journalctl cannot be started"),
        }
        let mut reading = hold(shared);
        reading.pulse().source(LogSource::Journal, |s| s.state = Following::Refused);
        if edge::clock::mono().ms_since(began) > SHORT_LIFE_MS {
            backoff.reset();
            short_lives = 0;
        } else if lived {
            // One that was not even begun (no memory, no process to be had) says nothing of the cursor.
            short_lives += 1;
        }
        if short_lives >= SHORT_LIVES_MAX && reading.kept.cursor.take().is_some() {
            short_lives = 0;
            reading.lost(LineLoss::JournalForgot, 1);
            after(&mut reading);
        }
        drop(reading);
        let random = edge::random::bytes::<8>().map_or(0, u64::from_le_bytes);
        if stop.within(backoff.next(random)) {
            return;
        }
    }
}

/// Writes down and tells what is new.
fn after(reading: &mut Reading) {
    if reading.has_news(edge::clock::mono()) {
        reading.store(None);
    }
}

/// From the entry at the cursor on, which was read already: that it comes first shows that nothing was lost in between.
fn spawn(program: &Path, cursor: Option<&str>) -> std::io::Result<(Child, ChildStdout)> {
    let mut command = Command::new(program);
    command.args(["--follow", "--output=json", "--quiet", &format!("--output-fields={FIELDS}")]);
    match cursor {
        Some(cursor) => command.args(["--no-tail", &format!("--cursor={cursor}")]),
        None => command.arg("--lines=0"),
    };
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    match child.stdout.take() {
        Some(output) => Ok((child, output)),
        None => Err(ErrorKind::BrokenPipe.into()),
    }
}

impl Stream {
    const fn new(expected: Option<String>) -> Self {
        Self { held: Vec::new(), within: false, expected, dirty: false, stored: MonoNs(0) }
    }

    /// Reads until the child ends (false) or we are told to stop (true).
    fn read_all(&mut self, mut output: ChildStdout, shared: &Shared, stop: &Stop) -> bool {
        let mut block = vec![0; 64 * 1024];
        let stopped = loop {
            let is_restless = self.dirty || hold(shared).is_owing();
            let limit = Duration::from_millis(if is_restless { STORE_MS } else { 60 * 60 * 1_000 });
            match stop.wait(Some(&output), limit) {
                Woken::Stopped => break true,
                Woken::Nothing => self.after(&mut hold(shared)),
                Woken::Readable => match output.read(&mut block) {
                    Ok(0) => break false,
                    Ok(n) => {
                        let mut reading = hold(shared);
                        self.read(&block[..n], &mut reading);
                        self.after(&mut reading);
                    }
                    Err(e) if e.kind() == ErrorKind::Interrupted => {}
                    Err(_) => break false,
                },
            }
        };
        let mut reading = hold(shared);
        if reading.settle() || self.dirty {
            reading.store(None);
        }
        stopped
    }

    /// Takes the whole lines out of what was read by now.
    fn read(&mut self, bytes: &[u8], reading: &mut Reading) {
        for piece in bytes.split_inclusive(|&b| b == b'\n') {
            let ends = piece.ends_with(b"\n");
            if !self.within {
                self.held.extend_from_slice(piece);
                if self.held.len() > ENTRY_BYTES_MAX {
                    self.within = true;
                    reading.lost(LineLoss::TooLong, 1);
                } else if ends && self.held.len() > 1 {
                    self.entry(reading);
                }
            }
            if ends {
                self.within = false;
            }
            if ends || self.within {
                self.held.clear();
            }
        }
    }

    fn entry(&mut self, reading: &mut Reading) {
        let Ok(entry) = serde_json::from_slice::<Entry>(&self.held) else {
            return reading.lost(LineLoss::JournalBent, 1);
        };
        if let Some(expected) = self.expected.take() {
            if entry.cursor == expected {
                return;
            }
            reading.lost(LineLoss::JournalForgot, 1);
        }
        if entry.is_cut() {
            reading.lost(LineLoss::TooLong, 1);
        }
        if let Some(dropped) = entry.dropped() {
            reading.lost(LineLoss::JournalDropped, dropped);
        }
        reading.take(&Source::Journal(entry.teller().program()), &entry.line(), entry.at());
        reading.kept.cursor = Some(entry.cursor);
        self.dirty = true;
    }

    fn after(&mut self, reading: &mut Reading) {
        let now = edge::clock::mono();
        reading.tell(now);
        self.dirty |= reading.settle();
        let is_time = self.dirty && now.ms_since(self.stored) >= STORE_MS;
        if (reading.has_news(now) || is_time) && reading.store(None) {
            (self.dirty, self.stored) = (false, now);
        }
    }
}
