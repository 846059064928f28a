//! `suture-verify`: says whether evidence is whole, in order and unaltered, and who vouches for that.
//!
//! Works offline on one kit (a file) or one log (a directory). Exit status, one for each verdict:
//!
//! | status | verdict | meaning |
//! |---|---|---|
//! | 0 | `intact_witnessed` | intact, and those who had to witness vouch for all of it |
//! | 10 | `intact_unwitnessed_tail` | intact; nobody outside vouches for the last n records |
//! | 20 | `incomplete` | something that should be there is missing, or a log was put back to an earlier state |
//! | 30 | `altered` | a record, a tile, a head or a document is not what was signed |
//! | 40 | `fork` | somebody outside saw another history of a log |
//! | 50 | `nothing_verified` | nothing could be tied to anything from outside |
//! | 2 | | the command line could not be understood, or a file named on it could not be used |
//!
//! The verdict is the exit status alone: what is printed may be lost, the status is not.
#![forbid(unsafe_code)]

mod arguments;
mod inputs;
mod screen;

use std::fmt::Display;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser as _;
use verify::{Directory, Kit, KitReport, Report, Trust, Verdict, verify_with_progress};

use arguments::Arguments;
use inputs::Refused;
use screen::Screen;

/// The exit status for a command line that could not be understood; clap has the same.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(shell) = arguments.completions {
        Arguments::complete(shell);
        return ExitCode::SUCCESS;
    }
    // The command line is not understood without a path or a shell.
    let path = arguments.path.clone().unwrap_or_default();
    let screen = Screen::new(arguments.quiet, arguments.json);
    let trust = match arguments.trust(&path) {
        Ok(trust) => Ok(trust),
        Err(Refused::Trust(why)) => Err(Verdict::NothingVerified(why)),
        Err(Refused::Usage(error)) => return unusable(&error),
    };
    // A kit is a file. Whatever else is there, or nothing, is judged as a log, which then has no head.
    if path.is_file() { kit(&path, trust, &screen) } else { log(&path, trust, &screen) }
}

fn kit(path: &Path, trust: Result<Trust, Verdict>, screen: &Screen) -> ExitCode {
    let report = match trust {
        Ok(trust) => Kit::new(path).verify(&trust, &mut |progress| screen.progress(progress)),
        Err(verdict) => Ok(KitReport::of(verdict)),
    };
    screen.progress_done();
    match report {
        Ok(report) => {
            screen.show(&report.verdict, || report.lines(), || report.to_json());
            ExitCode::from(report.verdict.exit_code())
        }
        Err(error) => unusable(&format_args!("{}: cannot read it: {error}", path.display())),
    }
}

fn log(path: &Path, trust: Result<Trust, Verdict>, screen: &Screen) -> ExitCode {
    let report = match trust {
        Ok(trust) => {
            let mut progress = |progress| screen.progress(progress);
            verify_with_progress(&Directory::new(path), &trust, &mut progress)
        }
        Err(verdict) => Report::new(verdict),
    };
    screen.progress_done();
    screen.show(&report.verdict, || report.lines(), || report.to_json());
    ExitCode::from(report.verdict.exit_code())
}

fn unusable(why: &dyn Display) -> ExitCode {
    eprintln!("suture-verify: {why}");
    ExitCode::from(USAGE)
}
