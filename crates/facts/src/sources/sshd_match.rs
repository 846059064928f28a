//! What `Match` blocks in `sshd_config` change. `sshd -T` shows what holds for everyone; a `Match` block can loosen it for some, unseen.

use std::collections::BTreeSet;

use contract::fact::{Absence, Observation};

use super::settings::{lines, matches};
use super::sshd::KEYWORDS;
use crate::inputs::{self, Input};
use crate::root::{Root, count};

/// sshd itself stops following includes of includes here.
const DEPTH_MAX: u8 = 16;
const DIRECTORY: &str = "/etc/ssh";
const MAIN: &str = "/etc/ssh/sshd_config";

/// How many settings that we judge for everyone are set again within a `Match` block.
pub(super) fn overrides(root: &Root) -> Observation {
    let mut seen = Seen::new(root);
    seen.read(MAIN, 0)?;
    count(seen.overrides)
}

/// What the configuration hangs on: its own directory, which holds the host keys too, and what is included from elsewhere.
pub(super) fn inputs(root: &Root) -> Vec<Input> {
    let mut seen = Seen::new(root);
    // As far as it can be read: a change in what can will lead to the rest.
    let _ = seen.read(MAIN, 0);
    let elsewhere = seen.included.iter().filter(|directory| directory.as_str() != DIRECTORY);
    // Named apart from its directory, since it may be a link that leads elsewhere.
    let main = inputs::files(root, [MAIN]);
    [main, vec![Input::Files(root.path(DIRECTORY))], inputs::entries(root, elsewhere)].concat()
}

struct Seen<'r> {
    root: &'r Root,
    in_match: bool,
    overrides: usize,
    /// The directories that files are included from.
    included: BTreeSet<String>,
}

impl<'r> Seen<'r> {
    const fn new(root: &'r Root) -> Self {
        Self { root, in_match: false, overrides: 0, included: BTreeSet::new() }
    }

    fn read(&mut self, path: &str, depth: u8) -> Result<(), Absence> {
        if depth > DEPTH_MAX {
            return Err(Absence::Malformed);
        }
        let text = self.root.text(path)?;
        // A block ends with the file that opened it.
        let outside = self.in_match;
        for line in lines(&text) {
            let (keyword, value) = line.split_once([' ', '\t', '=']).unwrap_or((line, ""));
            match keyword.to_ascii_lowercase().as_str() {
                "match" => self.in_match = !value.trim().eq_ignore_ascii_case("all"),
                "include" => {
                    for pattern in value.split_whitespace() {
                        self.include(pattern.trim_matches('"'), depth)?;
                    }
                }
                keyword if self.in_match && (KEYWORDS.contains(&keyword) || keyword == "channeltimeout") => {
                    self.overrides += 1;
                }
                _ => {}
            }
        }
        self.in_match = outside;
        Ok(())
    }

    /// Relative names are below `/etc/ssh`; only the last part of a path is taken as a pattern.
    fn include(&mut self, pattern: &str, depth: u8) -> Result<(), Absence> {
        let absolute =
            if pattern.starts_with('/') { pattern.to_owned() } else { format!("{DIRECTORY}/{pattern}") };
        let (directory, last) = absolute.rsplit_once('/').ok_or(Absence::Malformed)?;
        if directory.contains(['*', '?', '[']) || last.contains(['?', '[']) {
            return Err(Absence::Unsupported);
        }
        self.included.insert(directory.to_owned());
        for name in self.root.names(directory)?.into_iter().filter(|name| matches(last, name)) {
            self.read(&format!("{directory}/{name}"), depth + 1)?;
        }
        Ok(())
    }
}
