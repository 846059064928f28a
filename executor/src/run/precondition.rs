//! What must hold before a runbook's steps, beyond the check that fails. What cannot be looked at does not hold.

use std::path::Path;

use contract::ids::ControlId;
use contract::runbook::Precondition;

/// Whether it holds. `passes` measures a control.
pub(super) fn holds(precondition: &Precondition, passes: impl Fn(&ControlId) -> bool) -> bool {
    match precondition {
        Precondition::Passes(id) => passes(id),
        Precondition::Exists(path) => std::fs::symlink_metadata(path.as_str()).is_ok(),
        Precondition::UnitKnown(unit) => super::unit_is_known(unit),
        Precondition::FreeMb { at, mb } => rustix::fs::statvfs(at.as_str())
            .is_ok_and(|fs| fs.f_bavail.saturating_mul(fs.f_frsize) >> 20 >= u64::from(*mb)),
        Precondition::Fuller { at, percent } => facts::filled_percent(Path::new(at.as_str()))
            .is_ok_and(|filled| filled > Some(u64::from(*percent))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds_here(text: &str) -> bool {
        let precondition: Precondition = contract::yaml::parse("a test", text).unwrap();
        holds(&precondition, |id| id.as_str() == "backup.recent")
    }

    #[test]
    fn a_disk_is_fuller_than_what_it_is_filled_to_less_one_and_not_than_what_it_is_filled_to() {
        let here = tempfile::tempdir().unwrap();
        let at = here.path().display();
        let filled = facts::filled_percent(here.path()).unwrap().unwrap();
        let fuller = |percent: u64| holds_here(&format!("fuller: {{ at: '{at}', percent: {percent} }}"));
        // Others write here as well: a percent more may be used by the second look.
        assert!(filled == 0 || fuller(filled - 1), "{filled} % are filled");
        assert!(!fuller((filled + 1).min(100)), "{filled} % are filled");
        assert!(!holds_here(&format!("fuller: {{ at: '{at}/nowhere', percent: 0 }}")), "nobody could look");
        assert!(!holds_here("fuller: { at: /proc, percent: 0 }"), "it counts no room");
    }

    #[test]
    fn room_is_what_others_may_still_use_and_a_path_is_there_or_not() {
        let here = tempfile::tempdir().unwrap();
        let at = here.path().display();
        assert!(holds_here(&format!("free_mb: {{ at: '{at}', mb: 1 }}")));
        assert!(!holds_here(&format!("free_mb: {{ at: '{at}', mb: 4000000000 }}")));
        assert!(!holds_here(&format!("free_mb: {{ at: '{at}/nowhere', mb: 1 }}")));
        assert!(holds_here(&format!("exists: '{at}'")) && !holds_here(&format!("exists: '{at}/nowhere'")));
        assert!(holds_here("passes: backup.recent") && !holds_here("passes: time.sync"));
    }
}
