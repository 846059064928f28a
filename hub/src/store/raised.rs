//! What alarms are about, by their own words, and which of them stand.

use contract::time::UtcTime;
use serde::Serialize;
use utoipa::ToSchema;

/// What waits too long for a write-once store is told again and again while it does: what was not told for a day is over.
const LAG_MS: u64 = 24 * 60 * 60 * 1000;

/// What an alarm is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum AlarmAbout {
    /// The machine's log did what a log must never do.
    Log,
    /// What was delivered is not what the machine signed.
    Delivery,
    /// The hub's own copy has less than the hub vouched for.
    Copy,
    /// A write-once store does not hold what it must.
    WriteOnce,
    /// A kind that this hub does not know.
    Unknown,
    /// Something runs there that nothing explains. Whether it still stands, the quarantine says.
    Software,
    /// The log's key was changed, as it may be: good to know for whoever keeps keys on paper.
    Key,
}

impl AlarmAbout {
    /// By the alarm's own word.
    pub(crate) fn of(kind: &str) -> Self {
        match kind {
            "fork" | "key_handover" | "bad_record" | "bad_checkpoint" | "shorter_log" => Self::Log,
            "entries_differ" => Self::Delivery,
            "mirror_rolled_back" => Self::Copy,
            "quarantined" => Self::Software,
            "key_rotated" => Self::Key,
            kind if kind.starts_with("archive_") => Self::WriteOnce,
            _ => Self::Unknown,
        }
    }

    /// Whether somebody has to look, and until when: a change of keys is a note, and a quarantine is over once somebody approved.
    pub(crate) fn stands(self, kind: &str, last: UtcTime, now: UtcTime) -> bool {
        match self {
            Self::WriteOnce if kind == "archive_lag" => now.ms_since(last) <= LAG_MS,
            Self::Log | Self::Delivery | Self::Copy | Self::WriteOnce | Self::Unknown => true,
            Self::Software | Self::Key => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_keys_is_a_note_and_what_a_log_must_never_do_stands_for_ever() {
        let now = edge::clock::utc();
        let much_later = now.plus_ms(400 * LAG_MS);
        for (kind, about, stands) in [
            ("fork", AlarmAbout::Log, true),
            ("shorter_log", AlarmAbout::Log, true),
            ("entries_differ", AlarmAbout::Delivery, true),
            ("mirror_rolled_back", AlarmAbout::Copy, true),
            ("archive_missing", AlarmAbout::WriteOnce, true),
            ("archive_lag", AlarmAbout::WriteOnce, false),
            ("quarantined", AlarmAbout::Software, false),
            ("key_rotated", AlarmAbout::Key, false),
            ("of another hub", AlarmAbout::Unknown, true),
        ] {
            assert_eq!(AlarmAbout::of(kind), about, "{kind}");
            assert_eq!(about.stands(kind, now, much_later), stands, "{kind}");
        }
        assert!(AlarmAbout::WriteOnce.stands("archive_lag", now, now.plus_ms(LAG_MS)));
    }
}
