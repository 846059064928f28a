//! What `Match` blocks in `sshd_config` change. `sshd -T` shows what holds for everyone; a `Match` block can loosen it for some, unseen.

use contract::fact::{Absence, Observation};

use super::settings::{lines, matches};
use super::sshd::KEYWORDS;
use crate::root::{Root, count};

/// sshd itself stops following includes of includes here.
const DEPTH_MAX: u8 = 16;

/// How many settings that we judge for everyone are set again within a `Match` block.
pub(super) fn overrides(root: &Root) -> Observation {
    let mut seen = Seen { root, in_match: false, overrides: 0 };
    seen.read("/etc/ssh/sshd_config", 0)?;
    count(seen.overrides)
}

struct Seen<'r> {
    root: &'r Root,
    in_match: bool,
    overrides: usize,
}

impl Seen<'_> {
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
            if pattern.starts_with('/') { pattern.to_owned() } else { format!("/etc/ssh/{pattern}") };
        let (directory, last) = absolute.rsplit_once('/').ok_or(Absence::Malformed)?;
        if directory.contains(['*', '?', '[']) || last.contains(['?', '[']) {
            return Err(Absence::Unsupported);
        }
        for name in self.root.names(directory)?.into_iter().filter(|name| matches(last, name)) {
            self.read(&format!("{directory}/{name}"), depth + 1)?;
        }
        Ok(())
    }
}
