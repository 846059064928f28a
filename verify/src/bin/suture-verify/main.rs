//! `suture-verify`: says whether an evidence log is whole, in order and unaltered, and who vouches for that.
//!
//! Works offline on one directory. Exit status, one for each verdict:
//!
//! | status | verdict | meaning |
//! |---|---|---|
//! | 0 | `intact_witnessed` | intact, and all witnesses named vouch for all of it |
//! | 10 | `intact_unwitnessed_tail` | intact; no witness vouches for the last n records |
//! | 20 | `incomplete` | something that the head covers is missing, or the log was put back to an earlier state |
//! | 30 | `altered` | a record, a tile or the head is not what was signed |
//! | 40 | `fork` | somebody outside saw another history of this log |
//! | 50 | `nothing_verified` | nothing could be tied to anything from outside |
//! | 2 | | the command line could not be understood, or a file named on it could not be used |
//!
//! The verdict is the exit status alone: what is printed may be lost, the status is not.
#![forbid(unsafe_code)]

mod arguments;
mod screen;

use std::process::ExitCode;

use clap::Parser as _;
use verify::{Directory, Report, Uncovered, Verdict, verify_with_progress};

use arguments::{Arguments, Refused};
use screen::Screen;

/// The exit status for a command line that could not be understood; clap has the same.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let screen = Screen::new(arguments.quiet);
    let report = match arguments.trust() {
        Ok(trust) => {
            let log = Directory::new(&arguments.directory);
            let report = verify_with_progress(&log, &trust, &mut |progress| screen.progress(progress));
            screen.progress_done();
            report
        }
        Err(Refused::Trust(why)) => nothing_read(Verdict::NothingVerified(why)),
        Err(Refused::Usage(error)) => {
            eprintln!("suture-verify: {error}");
            return ExitCode::from(USAGE);
        }
    };
    if arguments.json {
        screen::json(&report);
    } else {
        screen.words(&report);
    }
    ExitCode::from(report.verdict.exit_code())
}

fn nothing_read(verdict: Verdict) -> Report {
    Report {
        verdict,
        trust: Vec::new(),
        head: None,
        summary: None,
        witnesses: Vec::new(),
        uncovered: Uncovered::default(),
    }
}
