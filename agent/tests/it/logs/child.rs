//! This test's own program as a process that follows logs, so that it can be killed, or run inside a guest.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use agent::logs::{Reading, Scope, Shared, files, journal, outlet};
use agent::thread::Thread;
use edge::trace::Tracer;

use super::{built_in, detectors, name};

const DIRECTORY: &str = "SUTURE_TEST_FOLLOWS";
const WHAT: &str = "SUTURE_TEST_FOLLOWS_WHAT";
/// So many marked lines it knows.
pub(super) const MARKS: u32 = 240;

/// The words that start it, which is [`program`]: it follows the logs in `directory`, or the journal with the built-in detectors, and writes what it is told, by its
/// id once, to `directory/told`.
pub(super) fn command(program: Command, directory: &Path, what: &str) -> Command {
    let mut command = program;
    command.args(["--exact", "logs::child::follows_until_it_is_killed", "--nocapture"]);
    command.env(DIRECTORY, directory).env(WHAT, what).stdout(Stdio::null()).stdin(Stdio::null());
    command
}

/// This test's own program.
pub(super) fn program() -> PathBuf {
    std::env::current_exe().unwrap()
}

/// What it told, each with its id.
pub(super) fn told(directory: &Path) -> Vec<(String, String)> {
    let text = fs::read_to_string(directory.join("told")).unwrap_or_default();
    // A last line without its end was cut off by a kill: nobody was told it.
    let whole = text.split_inclusive('\n').filter(|l| l.ends_with('\n'));
    let pair = |l: &str| l.trim_end().split_once(' ').map(|(id, d)| (id.to_owned(), d.to_owned()));
    whole.filter_map(pair).collect()
}

#[test]
fn follows_until_it_is_killed() {
    // Other tests start it, as a process of its own; among the tests there is nothing for it to follow.
    let Some(directory) = std::env::var_os(DIRECTORY).map(PathBuf::from) else { return };
    let follows_journal = std::env::var_os(WHAT).unwrap() == "journal";
    let (out, mut inlet) = outlet();
    let known = if follows_journal { built_in() } else { detectors(MARKS) };
    let shared = Reading::resume(known, &directory.join("kept.json"), out, Tracer::new(false)).shared();
    let logs = directory.join("logs");
    let _thread = Thread::begin("logs", move |stop| {
        if follows_journal {
            journal::follow(Path::new("journalctl"), &Shared::clone(&shared), &stop);
        } else {
            files::follow(&Scope::Directories(vec![logs]), &shared, &stop).unwrap();
        }
    });
    let mut ids: BTreeSet<_> = told(&directory).into_iter().map(|(id, _)| id).collect();
    let mut file = OpenOptions::new().append(true).create(true).open(directory.join("told")).unwrap();
    while let Some(told) = inlet.told.blocking_recv() {
        // As the outbox does: what is there is not put there again.
        if ids.insert(told.id().to_string()) {
            file.write_all(format!("\n{} {}\n", told.id(), name(&told)).as_bytes()).unwrap();
        }
        inlet.arrived.send(told.id().clone()).unwrap();
    }
}
