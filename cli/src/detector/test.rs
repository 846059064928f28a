//! `suture detector test`.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use detectors::{Missed, missed};

use crate::exit::{Failure, Status};
use crate::say::{Tone, Voice};

/// The largest file that is read.
const FILE_MAX_BYTES: u64 = 1 << 20;

pub(super) fn run(paths: &[PathBuf], json: bool) -> Result<(), Failure> {
    let voice = Voice::for_stdout();
    let files: Vec<(String, String)> =
        paths.iter().map(|p| read(p)).collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
    let texts: Vec<(&str, &str)> = files.iter().map(|(file, text)| (file.as_str(), text.as_str())).collect();
    let tried = missed(&texts).map_err(|e| Failure::new(Status::Refused, e.to_string()))?;
    if json {
        let missed = tried.missed.iter().map(|Missed { file, line, detector, why }| {
            serde_json::json!({ "file": file, "line": line, "detector": detector, "why": why })
        });
        let told = serde_json::json!({
            "detectors": tried.detectors,
            "samples": tried.samples,
            "missed": missed.collect::<Vec<_>>(),
        });
        voice.line(&told.to_string());
    } else {
        for Missed { file, line, detector, why } in &tried.missed {
            voice.line(&format!("{file}:{line}: {detector}: {}", voice.tone(Tone::Bad, why)));
        }
        if tried.missed.is_empty() {
            let words =
                format!("{} samples of {} detectors do what they should", tried.samples, tried.detectors);
            voice.line(&voice.tone(Tone::Good, &words));
        }
    }
    if tried.missed.is_empty() {
        return Ok(());
    }
    let words = format!("{} of {} samples do not do what they should", tried.missed.len(), tried.samples);
    Err(Failure::new(Status::NotProven, words))
}

/// A file, or all of a directory by name.
pub(crate) fn read(path: &Path) -> Result<Vec<(String, String)>, Failure> {
    if !path.exists() {
        let words = format!("{}: there is no such file or directory", path.display());
        return Err(Failure::new(Status::NothingThere, words));
    }
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
        return Err(Failure::new(
            Status::NothingThere,
            format!("{}: there is no detector in it", path.display()),
        ));
    }
    paths.iter().map(|path| one(path)).collect()
}

fn one(path: &Path) -> Result<(String, String), Failure> {
    if path.extension() != Some(OsStr::new("yaml")) {
        let words = format!("{}: only files named ….yaml belong here", path.display());
        return Err(Failure::new(Status::Refused, words));
    }
    Ok((path.display().to_string(), edge::file::read_text(path, FILE_MAX_BYTES)?))
}
