//! What systemd says that a unit is doing.

/// A unit's `ActiveState`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// It runs.
    Active,
    /// It runs, and reads its settings anew.
    Reloading,
    /// It does not run.
    Inactive,
    /// It does not run, and ended badly.
    Failed,
    /// It is being started, or systemd waits to start it once more.
    Activating,
    /// It is being stopped.
    Deactivating,
}

impl State {
    /// From systemd's word; none for one that this version does not know.
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        Some(match word {
            "active" => Self::Active,
            "reloading" | "refreshing" => Self::Reloading,
            "inactive" => Self::Inactive,
            "failed" => Self::Failed,
            "activating" => Self::Activating,
            "deactivating" | "maintenance" => Self::Deactivating,
            _ => return None,
        })
    }

    /// Whether it runs.
    pub(crate) const fn runs(self) -> bool {
        matches!(self, Self::Active | Self::Reloading)
    }

    /// Whether it runs, or systemd is about to have it run: a unit that crashes again and again is in turn either.
    pub(crate) const fn is_wanted(self) -> bool {
        matches!(self, Self::Active | Self::Reloading | Self::Activating)
    }

    /// Whether nothing of it runs.
    pub(crate) const fn is_down(self) -> bool {
        matches!(self, Self::Inactive | Self::Failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_nobody_knows_is_no_state() {
        assert_eq!(State::from_word("active"), Some(State::Active));
        assert_eq!(State::from_word("dancing"), None);
        assert_eq!(State::from_word(""), None);
    }

    #[test]
    fn a_unit_that_waits_to_be_started_again_is_wanted_and_does_not_run() {
        let waits = State::Activating;
        assert!(waits.is_wanted() && !waits.runs() && !waits.is_down());
        assert!(!State::Failed.is_wanted() && State::Failed.is_down());
    }
}
