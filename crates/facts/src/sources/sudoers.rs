//! The lines of `/etc/sudoers` and all it includes.

use contract::fact::Absence;

use crate::root::Root;

/// sudo stops here too.
const DEPTH_MAX: u8 = 128;

/// Every line, continued ones joined, comments cut, includes in their place.
pub(super) fn lines(root: &Root) -> Result<Vec<String>, Absence> {
    let mut all = Vec::new();
    read(root, "/etc/sudoers", 0, &mut all)?;
    Ok(all)
}

fn read(root: &Root, path: &str, depth: u8, all: &mut Vec<String>) -> Result<(), Absence> {
    if depth > DEPTH_MAX {
        return Err(Absence::Malformed);
    }
    for line in root.text(path)?.replace("\\\n", " ").lines().map(str::trim) {
        let (first, argument) = line.split_once([' ', '\t']).unwrap_or((line, ""));
        let argument = argument.trim().trim_matches('"');
        match first {
            "@include" | "#include" => read(root, &absolute(argument), depth + 1, all)?,
            "@includedir" | "#includedir" => {
                let directory = absolute(argument);
                // What package managers and editors leave behind is not read by sudo either.
                for name in root.names(&directory)?.iter().filter(|n| !n.contains('.') && !n.ends_with('~')) {
                    read(root, &format!("{directory}/{name}"), depth + 1, all)?;
                }
            }
            _ => {
                let line = without_comment(line);
                if !line.is_empty() {
                    all.push(line.to_owned());
                }
            }
        }
    }
    Ok(())
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
