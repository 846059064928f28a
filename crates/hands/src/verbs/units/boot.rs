//! Whether a unit starts at boot: links below `/etc/systemd/system`, made and removed by systemd, made durable here.

use std::path::Path;

use edge::file::sync_directory;

use crate::HandError;
use crate::systemd::Unit;

/// What systemd changed: the kind of change, the link, what it points to.
type Changes = Vec<(String, String, String)>;

/// Whether it starts at boot; none where that cannot be said of it: nothing in its file says what would start it.
pub(super) fn starts_at_boot(unit: &Unit) -> Result<Option<bool>, HandError> {
    // What was made at run time has no file, and systemd no answer.
    if unit.has_no_file()? {
        return Ok(None);
    }
    let word: String = unit.ask("see whether it is enabled", "GetUnitFileState", &unit.name().as_str())?;
    Ok(match word.as_str() {
        "enabled" => Some(true),
        // Enabled until the next boot is not enabled.
        "disabled" | "enabled-runtime" | "linked" | "linked-runtime" => Some(false),
        _ => None,
    })
}

/// Has it start at boot. Nothing that stands in the way is overwritten.
pub(super) fn enable(unit: &Unit) -> Result<(), HandError> {
    const ENABLE: &str = "enable it";
    let (runtime, force) = (false, false);
    let body = (vec![unit.name().as_str()], runtime, force);
    let (_, changes): (bool, Changes) = unit.ask(ENABLE, "EnableUnitFiles", &body)?;
    settle(unit, ENABLE, &changes)?;
    match starts_at_boot(unit)? {
        Some(true) => Ok(()),
        Some(false) | None => Err(unit.said(ENABLE, "it is not enabled afterwards".to_owned())),
    }
}

/// No longer. One that is disabled is left alone.
pub(super) fn disable(unit: &Unit) -> Result<(), HandError> {
    const DISABLE: &str = "disable it";
    let runtime = false;
    let changes: Changes = unit.ask(DISABLE, "DisableUnitFiles", &(vec![unit.name().as_str()], runtime))?;
    settle(unit, DISABLE, &changes)?;
    match starts_at_boot(unit)? {
        Some(true) => Err(unit.said(DISABLE, "it is enabled afterwards".to_owned())),
        Some(false) | None => Ok(()),
    }
}

fn settle(unit: &Unit, action: &'static str, changes: &Changes) -> Result<(), HandError> {
    let mut directories: Vec<&Path> =
        changes.iter().filter_map(|(_, link, _)| Path::new(link).parent()).collect();
    directories.sort();
    directories.dedup();
    for directory in directories {
        // A `….wants` that lost its last link is gone itself: then its parent has to be synced.
        let there = directory.ancestors().find(|d| d.is_dir()).unwrap_or(Path::new("/"));
        for directory in [Some(there), there.parent()].into_iter().flatten() {
            sync_directory(directory).map_err(|e| HandError::File {
                path: e.path,
                action: e.action,
                source: e.source,
            })?;
        }
    }
    unit.ask(action, "Reload", &())
}
