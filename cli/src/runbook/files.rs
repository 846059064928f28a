//! Runbooks on the disk: only files named `RB-….yaml`, each read with a bound. What else lies among them is named and refused, as the hub does.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use contract::ids::RunbookId;
use contract::runbook::{Approved, CatalogueError, CatalogueFile};

use crate::exit::{Failure, Status};

/// The largest runbook that is read.
const FILE_MAX_BYTES: u64 = 1 << 20;

/// One file, and where it came from.
#[derive(Debug)]
pub(crate) struct Found {
    /// Where it is, as the operator named it.
    pub(super) path: PathBuf,
    pub(crate) file: CatalogueFile,
}

/// A file, or all of a directory by name.
pub(crate) fn read(path: &Path) -> Result<Vec<Found>, Failure> {
    if !path.is_dir() {
        return one(path).map(|found| vec![found]);
    }
    let listing = |e: std::io::Error| {
        Failure::new(Status::CannotCreate, format!("{}: cannot list it: {e}", path.display()))
    };
    let entries = std::fs::read_dir(path).map_err(listing)?;
    let mut paths = entries.map(|e| e.map(|e| e.path())).collect::<Result<Vec<_>, _>>().map_err(listing)?;
    paths.sort();
    if paths.is_empty() {
        let words = format!("{}: there is no runbook in it", path.display());
        return Err(Failure::new(Status::NothingThere, words));
    }
    paths.iter().map(|path| one(path)).collect()
}

fn one(path: &Path) -> Result<Found, Failure> {
    let named = |name: &&str| name.starts_with("RB-") && path.extension() == Some(OsStr::new("yaml"));
    let Some(name) = path.file_name().and_then(OsStr::to_str).filter(named) else {
        let words = format!("{}: only files named RB-….yaml belong here", path.display());
        return Err(Failure::new(Status::Refused, words));
    };
    if !path.exists() {
        let words = format!("{}: there is no such file or directory", path.display());
        return Err(Failure::new(Status::NothingThere, words));
    }
    let text = edge::file::read_text(path, FILE_MAX_BYTES)?;
    Ok(Found { file: CatalogueFile { file: name.to_owned(), text }, path: path.to_owned() })
}

/// All of a path, each sound, by id.
pub(super) fn sound(path: &Path) -> Result<BTreeMap<RunbookId, Approved>, Failure> {
    let each = read(path)?.into_iter().map(|found| {
        let approved = Approved::read(&found.file.file, &found.file.text).map_err(|faults| {
            let words: Vec<_> = faults.iter().map(CatalogueError::to_string).collect();
            Failure::new(Status::Refused, words.join("\n        "))
        })?;
        Ok((approved.runbook.id.clone(), approved))
    });
    each.collect()
}
