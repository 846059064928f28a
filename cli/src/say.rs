//! Words on a terminal: colours only where there is one and nobody said `NO_COLOR`.

use std::io::{IsTerminal as _, Write as _};

/// How to colour.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Voice {
    colour: bool,
}

/// What a word means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Good,
    Bad,
    Unsure,
    Quiet,
    Strong,
}

impl Voice {
    pub(crate) fn for_stdout() -> Self {
        let silenced = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
        Self { colour: std::io::stdout().is_terminal() && !silenced }
    }

    /// `text` in a tone. Padding belongs inside `text`, since colour codes have no width.
    pub(crate) fn tone(self, tone: Tone, text: &str) -> String {
        let code = match tone {
            Tone::Good => "32",
            Tone::Bad => "31",
            Tone::Unsure => "33",
            Tone::Quiet => "2",
            Tone::Strong => "1",
        };
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// A heading, after an empty line.
    pub(crate) fn heading(self, text: &str) {
        self.line(&format!("\n{}", self.tone(Tone::Strong, text)));
    }

    /// One line, at once: whoever watches sees things as they happen. A reader that went away is no reason to stop half-way.
    #[expect(clippy::unused_self, reason = "all output goes through the voice")]
    pub(crate) fn line(self, text: &str) {
        let mut out = std::io::stdout().lock();
        let _ = writeln!(out, "{text}").and_then(|()| out.flush());
    }
}
