//! The file system as it is laid out now.

use std::path::{Path, PathBuf};

use crate::interest::Layout;

/// Far more than any directory of settings holds.
const DIRECTORIES_MAX: usize = 8192;

/// This machine's.
pub struct Live;

impl Layout for Live {
    fn link(&self, path: &Path) -> Option<PathBuf> {
        std::fs::read_link(path).ok()
    }

    fn directories(&self, path: &Path) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut left = vec![path.to_owned()];
        while let Some(directory) = left.pop().filter(|_| found.len() < DIRECTORIES_MAX) {
            // What cannot be listed may still be watched: by its parent, or not at all.
            for entry in std::fs::read_dir(&directory).into_iter().flatten().flatten() {
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    left.push(entry.path());
                }
            }
            found.push(directory);
        }
        found
    }
}
