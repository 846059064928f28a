//! The size of this crate, which someone from outside reads in an afternoon.

use std::fs;
use std::path::{Path, PathBuf};

/// Lines of code that the crate stays below, tests not counted.
///
/// 1 000 was the aim. With proof files, policies and witness requests it was not reached without leaving out error
/// messages that say what is wrong; this is the bound that was.
const CODE_LINES_BOUND: usize = 1_200;

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}

/// A line of code is one that is neither blank nor all comment.
fn code_lines(source: &str) -> usize {
    let lines = source.lines().map(str::trim);
    lines.filter(|line| !line.is_empty() && !line.starts_with("//")).count()
}

#[test]
fn the_crate_is_read_in_an_afternoon() {
    let files = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    let lines: usize = files.iter().map(|file| code_lines(&fs::read_to_string(file).unwrap())).sum();
    assert!(lines < CODE_LINES_BOUND, "{lines} lines of code in {} files", files.len());
    assert!(files.len() > 10 && lines > 500, "not all of the crate was counted: {lines} lines");
}
