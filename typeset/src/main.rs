//! `suture-typeset`: reads one sheet as JSON on standard input, and writes one PDF to standard output.
//!
//! The hub starts it for one document and no longer: the typesetter's memory, and whatever is unsound in it, ends with it, away from the process that holds keys.
//! It has no arguments and reads nothing else: no file, no clock, no environment. Nothing stands on standard output unless all of the PDF does. How much memory and
//! time a document may take is for whoever starts it to say.
//!
//! # Exit codes
//!
//! | code | meaning |
//! |---|---|
//! | 0 | the PDF is written |
//! | 2 | it was given arguments, and has none |
//! | 65 | what came in is no sheet: the message names the line and column, or what is wrong in it |
//! | 70 | the typesetter failed: our mistake; its diagnostics stand one a line (where it gave up altogether, a signal ends it, and 101 where it was built for tests) |
//! | 74 | standard input could not be read, or standard output not be written |
#![forbid(unsafe_code)]

use std::io::{Read as _, Write as _};
use std::process::ExitCode;

use packet::Sheet;
use typeset::{Typesetter, Typst};

/// What a sheet may be, with its attached files.
const SHEET_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// How the process ends; see the table above.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exit {
    BadArguments = 2,
    NoSheet = 65,
    Failed = 70,
    Io = 74,
}

fn main() -> ExitCode {
    match run(&Typst::new()) {
        Ok(()) => ExitCode::SUCCESS,
        Err((exit, message)) => {
            for line in message.lines() {
                // Where nobody listens any more, nothing is lost.
                let _ = writeln!(std::io::stderr(), "suture-typeset: {line}");
            }
            ExitCode::from(exit as u8)
        }
    }
}

fn run(typesetter: &impl Typesetter) -> Result<(), (Exit, String)> {
    if std::env::args_os().len() > 1 {
        let told = "takes no arguments: one sheet on standard input, one PDF on standard output";
        return Err((Exit::BadArguments, told.to_owned()));
    }
    let mut bytes = Vec::new();
    let mut input = std::io::stdin().lock().take(SHEET_BYTES_MAX + 1);
    input.read_to_end(&mut bytes).map_err(|e| (Exit::Io, format!("standard input: {e}")))?;
    if bytes.len() as u64 > SHEET_BYTES_MAX {
        return Err((Exit::NoSheet, format!("a sheet is at most {SHEET_BYTES_MAX} bytes")));
    }
    let sheet: Sheet =
        serde_json::from_slice(&bytes).map_err(|e| (Exit::NoSheet, format!("no sheet: {e}")))?;
    drop(bytes);
    let pdf = typesetter
        .set(sheet)
        .map_err(|e| (if e.is_the_sheets() { Exit::NoSheet } else { Exit::Failed }, e.to_string()))?;
    let mut output = std::io::stdout().lock();
    output
        .write_all(&pdf)
        .and_then(|()| output.flush())
        .map_err(|e| (Exit::Io, format!("standard output: {e}")))
}
