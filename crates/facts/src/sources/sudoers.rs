//! The lines of `/etc/sudoers` and all it includes.

use contract::fact::Absence;

use crate::inputs::{self, Input};
use crate::root::Root;

/// sudo stops here too.
const DEPTH_MAX: u8 = 128;
pub(super) const MAIN: &str = "/etc/sudoers";
const DROP_INS: &str = "/etc/sudoers.d";

/// Every line, continued ones joined, comments cut, includes in their place.
pub(super) fn lines(root: &Root) -> Result<Vec<String>, Absence> {
    let mut seen = Seen::default();
    seen.read(root, MAIN, 0)?;
    Ok(seen.lines)
}

/// What the rules hang on. Whoever may not read them is still told when they change, in the two places where they always are.
pub(super) fn inputs(root: &Root) -> Vec<Input> {
    let mut seen = Seen::default();
    // As far as it can be read: a change in what can will lead to the rest.
    let _ = seen.read(root, MAIN, 0);
    seen.files.push(MAIN.to_owned());
    seen.directories.push(DROP_INS.to_owned());
    [inputs::files(root, seen.files), inputs::entries(root, seen.directories)].concat()
}

#[derive(Default)]
struct Seen {
    lines: Vec<String>,
    /// All that were read, or were to be.
    files: Vec<String>,
    directories: Vec<String>,
}

impl Seen {
    fn read(&mut self, root: &Root, path: &str, depth: u8) -> Result<(), Absence> {
        if depth > DEPTH_MAX {
            return Err(Absence::Malformed);
        }
        self.files.push(path.to_owned());
        for line in root.text(path)?.replace("\\\n", " ").lines().map(str::trim) {
            let (first, argument) = line.split_once([' ', '\t']).unwrap_or((line, ""));
            let argument = argument.trim().trim_matches('"');
            match first {
                "@include" | "#include" => self.read(root, &absolute(argument), depth + 1)?,
                "@includedir" | "#includedir" => {
                    let directory = absolute(argument);
                    self.directories.push(directory.clone());
                    // What package managers and editors leave behind is not read by sudo either.
                    for name in
                        root.names(&directory)?.iter().filter(|n| !n.contains('.') && !n.ends_with('~'))
                    {
                        self.read(root, &format!("{directory}/{name}"), depth + 1)?;
                    }
                }
                _ => {
                    let line = without_comment(line);
                    if !line.is_empty() {
                        self.lines.push(line.to_owned());
                    }
                }
            }
        }
        Ok(())
    }
}

fn absolute(path: &str) -> String {
    if path.starts_with('/') { path.to_owned() } else { format!("/etc/{path}") }
}

/// `#` begins a comment, except where a number follows: then it is a user id.
fn without_comment(line: &str) -> &str {
    let begins = |at: &usize| !line[at + 1..].starts_with(|c: char| c.is_ascii_digit());
    let end = line.match_indices('#').map(|(at, _)| at).find(begins);
    line[..end.unwrap_or(line.len())].trim()
}
