//! What is printed. A failure to print changes nothing: the exit status is the verdict.

use std::io::{IsTerminal as _, Write as _, stderr, stdout};

use verify::{Progress, Verdict};

/// Logs shorter than this are done before anyone wonders.
const PROGRESS_SIZE_MIN: u64 = 50_000;
/// Records between two words of progress.
const PROGRESS_STEP: u64 = 256 * 64;

const RESET: &str = "\x1b[0m";
const ERASE_LINE: &str = "\r\x1b[K";

/// What is printed of the verdict.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Words,
    Json,
    Nothing,
}

/// Where words go, and how.
pub(crate) struct Screen {
    form: Form,
    colour: bool,
    progress: bool,
}

impl Screen {
    pub(crate) fn new(quiet: bool, json: bool) -> Self {
        let form = match (quiet, json) {
            (true, _) => Form::Nothing,
            (false, true) => Form::Json,
            (false, false) => Form::Words,
        };
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self {
            form,
            colour: stdout().is_terminal() && !no_colour,
            progress: stderr().is_terminal() && !quiet,
        }
    }

    /// On a terminal only: in a file, progress is noise.
    pub(crate) fn progress(&self, Progress { read, size }: Progress) {
        if self.progress && size >= PROGRESS_SIZE_MIN && read.is_multiple_of(PROGRESS_STEP) {
            _ = write!(stderr(), "{ERASE_LINE}checked {read} of {size} records");
        }
    }

    pub(crate) fn progress_done(&self) {
        if self.progress {
            _ = write!(stderr(), "{ERASE_LINE}");
        }
    }

    /// The verdict and what stands behind it, in words or as one JSON object on one line.
    pub(crate) fn show<E>(
        &self,
        verdict: &Verdict,
        lines: impl FnOnce() -> Vec<String>,
        json: impl FnOnce() -> Result<String, E>,
    ) {
        match self.form {
            Form::Nothing => {}
            Form::Json => {
                if let Ok(json) = json() {
                    _ = writeln!(stdout(), "{json}");
                }
            }
            Form::Words => {
                let (begin, end) = if self.colour { (colour(verdict), RESET) } else { ("", "") };
                let headline = format!("{begin}{}{end}", verdict.headline());
                let words = [headline].into_iter().chain(lines()).collect::<Vec<_>>().join("\n");
                _ = writeln!(stdout(), "{words}");
            }
        }
    }
}

/// Bold green for what may be relied on, yellow for what lacks something, red for the rest.
const fn colour(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::IntactWitnessed | Verdict::IntactUnwitnessedTail { .. } => "\x1b[1;32m",
        Verdict::Incomplete(_) => "\x1b[1;33m",
        Verdict::Altered(_) | Verdict::Fork(_) | Verdict::NothingVerified(_) => "\x1b[1;31m",
    }
}
