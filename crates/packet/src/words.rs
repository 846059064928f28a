//! The words of the packet that are not in its templates: English, all in one place.

use contract::baseline::Citation;
use contract::decision::Provenance;
use contract::ids::HostId;
use contract::outcome::Outcome;
use contract::record::{Authority, GapReason, LineLoss, Lost};
use contract::score::Counted;

use crate::claim::{Cite, LogName, Unmeasured};
use crate::document::Tone;
use crate::input::SilentReason;
use crate::missing::MissingWhat;
use crate::rule::{ParagraphKind, Safeguard};
use crate::upkeep::Looks;

/// The packet's template.
pub(crate) const PACKET: &str = include_str!("words/packet.md");
/// The postcard's.
pub(crate) const POSTCARD: &str = include_str!("words/postcard.md");

/// What every packet says (invariant 12).
pub(crate) const DISCLAIMER: &str = "This packet does not certify compliance with HIPAA or with any other regulation, and \
it is not legal advice. It says what monitoring saw on the machines that are named in it, and what was attempted about it.";

/// How a control stood, in a word.
pub(crate) const fn state(state: Counted) -> (&'static str, Tone) {
    match state {
        Counted::Passes => ("Passes", Tone::Good),
        Counted::Fails => ("Fails", Tone::Bad),
        Counted::Excepted => ("Accepted", Tone::Plain),
        Counted::Unknown => ("Not known", Tone::Unknown),
        Counted::UnknownUnmet => ("Not known; failed before", Tone::Bad),
    }
}

/// What the looks of a week found: the worst of it first.
pub(crate) fn looks(looks: Looks) -> (String, Tone) {
    let Looks { passed, failed, excepted, unseen } = looks;
    let all = passed + failed + excepted + unseen;
    match (failed, unseen, excepted) {
        (1.., ..) => (format!("Failed at {failed} of {all} looks"), Tone::Bad),
        (0, 1.., _) => (format!("Not seen at {unseen} of {all} looks"), Tone::Unknown),
        (0, 0, 1..) => (format!("Accepted at {excepted} of {all} looks"), Tone::Plain),
        (0, 0, 0) => (format!("Passed at {}", many(all as usize, "look", "looks")), Tone::Good),
    }
}

/// Why something was not measured.
pub(crate) fn unmeasured(reason: Unmeasured) -> String {
    match reason {
        Unmeasured::NoRecord => "no record of the month".to_owned(),
        Unmeasured::NoKind => "no record of this release tells of it".to_owned(),
        Unmeasured::Stale => "not looked at for two days".to_owned(),
        Unmeasured::NeverSeen => "no record speaks of it".to_owned(),
        Unmeasured::Absent(absence) => absence.to_string(),
        Unmeasured::TextNotHeld => "the text is not at hand".to_owned(),
        Unmeasured::NotKept => "it is not kept over time".to_owned(),
        Unmeasured::NothingHappened => "nothing to measure".to_owned(),
    }
}

/// Why there is no log of a machine.
pub(crate) const fn silent(reason: SilentReason) -> &'static str {
    match reason {
        SilentReason::NeverEnrolled => "it was never enrolled",
        SilentReason::NoRecordReceived => "no record of it was received",
    }
}

/// How a repair ended.
pub(crate) const fn outcome(outcome: Outcome) -> (&'static str, Tone) {
    match outcome {
        Outcome::Healed => ("Healed", Tone::Good),
        Outcome::Failed => ("Failed; could not be undone", Tone::Bad),
        Outcome::Reverted => ("Undone", Tone::Bad),
        Outcome::Deferred => ("Deferred", Tone::Plain),
        Outcome::Refused => ("Refused", Tone::Plain),
        Outcome::Expired => ("Expired", Tone::Plain),
        Outcome::Escalated => ("Handed to a person", Tone::Bad),
        Outcome::Observed => ("Only watched", Tone::Plain),
    }
}

/// Under whose authority a repair stood, and who or what chose it.
pub(crate) fn authority(authority: &Authority, chosen: &Provenance) -> String {
    let under = match authority {
        Authority::Hub => "an order of the hub",
        Authority::StandingOrder(_) => "a standing order, while the hub was out of reach",
    };
    match chosen {
        Provenance::Rules { .. } => format!("{under}; chosen by the rules"),
        Provenance::Model(asked) => format!("{under}; chosen by the model {}", asked.model),
        Provenance::Person(person) => format!("{under}; chosen by {person}"),
    }
}

/// What is missing.
pub(crate) fn missing(what: MissingWhat) -> String {
    let how_many = |lost: Lost, one: &str| match lost {
        Lost::Count(many) => format!("{many} {one}"),
        Lost::Unknown => format!("nobody can tell how many {one}"),
    };
    match what {
        MissingWhat::Silence => "No record was written, and none says why".to_owned(),
        MissingWhat::Interrupted { torn_bytes, unfinished } => format!(
            "The recorder was interrupted: {torn_bytes} bytes that nobody had been told of were cut off, {unfinished} repairs were under way"
        ),
        MissingWhat::FetchedBack { entries } => {
            format!("{entries} records that the machine had lost were fetched back from the hub's copy")
        }
        MissingWhat::Declared { reason, lost } => match reason {
            GapReason::NotRunning => {
                format!(
                    "Suture, or the whole machine, was off or could not write ({})",
                    how_many(lost, "records")
                )
            }
            GapReason::OutboxFull => {
                format!(
                    "The hub was out of reach for so long that incidents were dropped ({})",
                    how_many(lost, "incidents")
                )
            }
            GapReason::LogLost => format!("Records before this log are lost ({})", how_many(lost, "records")),
            GapReason::Lines(why) => format!("{} ({})", lines(why), how_many(lost, "lines or times")),
        },
    }
}

const fn lines(loss: LineLoss) -> &'static str {
    match loss {
        LineLoss::RotatedAway => "A log file was rotated away unread",
        LineLoss::Truncated => "A log file was cut",
        LineLoss::EventsDropped => "The kernel dropped events: a log file may have come and gone unread",
        LineLoss::TooLong => "A log line was too long to be read whole",
        LineLoss::TooManyFiles => "There are more log files than are followed",
        LineLoss::Unreadable => "A log file could no longer be read",
        LineLoss::PlacesLost => "How far the logs were read was lost",
        LineLoss::JournalForgot => "The journal had dropped what was to be read next",
        LineLoss::JournalDropped => "The journal dropped entries",
        LineLoss::JournalBent => "A journal entry was not understood",
        LineLoss::Unkept => {
            "Signals of detectors could not be kept until they were written down, or make no record"
        }
    }
}

/// The sections of the rule.
pub(crate) const fn safeguard(safeguard: Safeguard) -> &'static str {
    match safeguard {
        Safeguard::Administrative => "Administrative safeguards (45 CFR 164.308)",
        Safeguard::Physical => "Physical safeguards (45 CFR 164.310)",
        Safeguard::Technical => "Technical safeguards (45 CFR 164.312)",
        Safeguard::Organizational => "Organizational requirements (45 CFR 164.314)",
        Safeguard::Documentation => "Policies, procedures and documentation (45 CFR 164.316)",
    }
}

/// The same, for an anchor.
pub(crate) const fn slug(safeguard: Safeguard) -> &'static str {
    match safeguard {
        Safeguard::Administrative => "administrative",
        Safeguard::Physical => "physical",
        Safeguard::Technical => "technical",
        Safeguard::Organizational => "organizational",
        Safeguard::Documentation => "documentation",
    }
}

/// A citation as a field's name has it: `164-308-a-1-ii-a`.
pub(crate) fn field_of(citation: &Citation) -> String {
    let parts = citation.as_str().split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("-").to_ascii_lowercase()
}

/// What the rule asks by a paragraph.
pub(crate) const fn kind(kind: ParagraphKind) -> &'static str {
    match kind {
        ParagraphKind::Standard => "standard",
        ParagraphKind::Required => "required",
        ParagraphKind::Addressable => "addressable",
    }
}

/// A length of time, in the two largest units that matter.
pub(crate) fn lasting(ms: u64) -> String {
    let seconds = ms / 1000;
    let two = |high: u64, high_unit: &str, low: u64, low_unit: &str| {
        if low == 0 { format!("{high} {high_unit}") } else { format!("{high} {high_unit} {low} {low_unit}") }
    };
    match seconds {
        0..10 => format!("{}.{} s", seconds, ms % 1000 / 100),
        10..60 => format!("{seconds} s"),
        60..3_600 => two(seconds / 60, "min", seconds % 60, "s"),
        3_600..86_400 => two(seconds / 3_600, "h", seconds % 3_600 / 60, "min"),
        _ => two(seconds / 86_400, "d", seconds % 86_400 / 3_600, "h"),
    }
}

/// `1 machine`, `2 machines`.
pub(crate) fn many(number: usize, one: &str, more: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {more}") }
}

/// A number out of a thousand as a percentage, rounded down.
pub(crate) fn percent(permille: u32) -> String {
    format!("{}.{} %", permille / 10, permille % 10)
}

/// Records, for a column of a table: the first few, and how many more there are. The machine is left out where there is only `alone`.
pub(crate) fn cites(cites: &[Cite], alone: Option<&HostId>) -> String {
    const SHOWN: usize = 3;
    let mut named: Option<&LogName> = None;
    let mut words: Vec<String> = Vec::new();
    for cite in cites.iter().take(SHOWN) {
        let range = if cite.first == cite.last {
            format!("#{}", cite.first)
        } else {
            format!("#{}–#{}", cite.first, cite.last)
        };
        // A log is named once, for as long as the next record stands in it too.
        words.push(match &cite.log {
            log if named == Some(log) => range,
            LogName::Host(host) if alone == Some(host) => range,
            LogName::Hub => format!("hub {range}"),
            LogName::Host(host) => format!("{host} {range}"),
        });
        named = Some(&cite.log);
    }
    if cites.len() > SHOWN {
        words.push(format!("{} more", cites.len() - SHOWN));
    }
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_short_and_never_rounded_up() {
        for (ms, words) in [
            (0, "0.0 s"),
            (1_999, "1.9 s"),
            (59_999, "59 s"),
            (60_000, "1 min"),
            (3_599_000, "59 min 59 s"),
            (7_260_000, "2 h 1 min"),
            (90_000_000, "1 d 1 h"),
        ] {
            assert_eq!(lasting(ms), words);
        }
        assert_eq!(percent(999), "99.9 %");
    }

    #[test]
    fn a_long_list_of_records_says_how_many_more_there_are() {
        let host: HostId = "h-1".parse().unwrap();
        let all: Vec<_> = (0..5).map(|seq| Cite::one(&host, seq * 2)).collect();
        assert_eq!(cites(&all, Some(&host)), "#0, #2, #4, 2 more");
        let range = Cite { last: 9, ..Cite::one(&host, 3) };
        assert_eq!(cites(&[range, Cite::of_hub(7)], None), "h-1 #3–#9, hub #7");
        assert_eq!(cites(&all[..2], None), "h-1 #0, #2");
        assert_eq!(cites(&[], None), "none");
    }
}
