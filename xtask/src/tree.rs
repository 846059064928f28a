//! The text files of the checkout: everything that is not built, not git's own and not somebody's data.

use std::fs;
use std::path::Path;

/// Directories of no interest, by name.
const SKIPPED: [&str; 4] = ["target", ".git", "suture-data", "node_modules"];

/// One text file.
#[derive(Debug, Clone)]
pub(crate) struct SourceFile {
    /// Its path from the root of the checkout, with `/`.
    pub(crate) path: String,
    /// What it says.
    pub(crate) text: String,
}

impl SourceFile {
    pub(crate) fn lines(&self) -> std::str::Lines<'_> {
        self.text.lines()
    }

    pub(crate) fn is_rust(&self) -> bool {
        self.extension() == Some("rs")
    }

    pub(crate) fn is_prose(&self) -> bool {
        self.extension() == Some("md")
    }

    fn extension(&self) -> Option<&str> {
        Path::new(&self.path).extension().and_then(|e| e.to_str())
    }

    /// Tests: a file named `tests.rs`, or anything below a directory `tests`.
    pub(crate) fn is_test(&self) -> bool {
        self.path.ends_with("/tests.rs") || self.path.split('/').any(|part| part == "tests")
    }

    /// Test vectors, taken over as others wrote them.
    pub(crate) fn is_vector(&self) -> bool {
        self.path.split('/').any(|part| part == "vectors")
    }
}

/// Reads the whole checkout. What is not UTF-8 is not text and is left out.
pub(crate) fn read(root: &Path) -> Result<Vec<SourceFile>, String> {
    let mut files = Vec::new();
    walk(root, "", &mut files)?;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

fn walk(directory: &Path, prefix: &str, files: &mut Vec<SourceFile>) -> Result<(), String> {
    let failed = |e: std::io::Error| format!("{}: {e}", directory.display());
    for entry in fs::read_dir(directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        let kind = entry.file_type().map_err(failed)?;
        if kind.is_dir() && !SKIPPED.contains(&name.as_str()) {
            walk(&entry.path(), &format!("{path}/"), files)?;
        } else if kind.is_file() {
            let bytes = fs::read(entry.path()).map_err(|e| format!("{path}: {e}"))?;
            files.extend(String::from_utf8(bytes).ok().map(|text| SourceFile { path, text }));
        }
    }
    Ok(())
}
