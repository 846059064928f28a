//! `suture planner lint`.

use std::path::PathBuf;

use detectors::{Definition, Library};
use planner::{Finding, KnownDetector};
use serde_json::json;

use super::knowledge::{Files, Sources, refused};
use crate::detector;
use crate::exit::{Failure, Status};
use crate::say::{Tone, Voice};

/// Each file with its text.
macro_rules! texts {
    ($($file:literal,)*) => {
        [$((concat!("agent/detectors/", $file), include_str!(concat!("../../../agent/detectors/", $file)))),*]
    };
}

/// The detectors that are shipped with the agent. A test holds the list to the directory.
const DETECTORS: [(&str, &str); 12] = texts![
    "access.yaml",
    "audit.yaml",
    "backup.yaml",
    "certificates.yaml",
    "disks.yaml",
    "kernel.yaml",
    "postgresql.yaml",
    "services.yaml",
    "sshd.yaml",
    "systemd.yaml",
    "time.yaml",
    "web.yaml",
];

pub(super) fn run(sources: &Sources, detectors: &[PathBuf], json: bool) -> Result<(), Failure> {
    let voice = Voice::for_stdout();
    let files = Files::read(sources)?;
    let known = known(detectors)?;
    let findings = planner::lint(&files.knowledge(), &known);
    let rules = files.rules.iter().count();
    if json {
        let told = findings.iter().map(|Finding { file, line, rule, flaw }| {
            json!({ "file": file, "line": line, "rule": rule.as_str(), "flaw": flaw.to_string() })
        });
        let told = told.collect::<Vec<_>>();
        voice.line(&json!({ "rules": rules, "detectors": known.len(), "findings": told }).to_string());
    } else {
        for Finding { file, line, rule, flaw } in &findings {
            voice.line(&format!("{file}:{line}: rule {rule}: {}", voice.tone(Tone::Bad, &flaw.to_string())));
        }
        if findings.is_empty() {
            voice.line(&voice.tone(Tone::Good, &format!("nothing is wrong with {rules} rules")));
        }
    }
    if findings.is_empty() {
        return Ok(());
    }
    Err(Failure::new(Status::Refused, format!("{} things are wrong with {rules} rules", findings.len())))
}

/// The detectors of the given paths, or those that are shipped where none is given.
fn known(paths: &[PathBuf]) -> Result<Vec<KnownDetector>, Failure> {
    let files: Vec<(String, String)> = if paths.is_empty() {
        DETECTORS.map(|(file, text)| (file.to_owned(), text.to_owned())).to_vec()
    } else {
        let read = paths.iter().map(|path| detector::files(path)).collect::<Result<Vec<_>, _>>()?;
        read.into_iter().flatten().collect()
    };
    let texts: Vec<(&str, &str)> = files.iter().map(|(file, text)| (file.as_str(), text.as_str())).collect();
    let library = Library::parse(&texts).map_err(refused)?;
    let known = |detector: &Definition| KnownDetector {
        id: detector.id.clone(),
        kind: detector.kind,
        severity: detector.severity,
    };
    Ok(library.iter().map(known).collect())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn what_is_shipped_is_all_of_the_detectors() {
        let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../agent/detectors");
        let of_the_directory = known(&[beside]).unwrap();
        assert_eq!(known(&[]).unwrap(), of_the_directory, "a file of detectors is not in the list");
        assert!(of_the_directory.len() > 40);
    }
}
