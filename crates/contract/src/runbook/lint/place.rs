//! Where in its file a fault stands, so that a rule about meaning can still name a line. Reads the layout that runbooks are written in; where it
//! finds nothing, the line of the id will do.

use super::fault::RunbookFault;

/// The line, counted from 1.
pub(in crate::runbook) fn line(text: &str, fault: &RunbookFault) -> u64 {
    let lines: Vec<&str> = text.lines().collect();
    let key =
        |key: &str| lines.iter().position(|l| l.strip_prefix(key).is_some_and(|rest| rest.starts_with(':')));
    let found = match fault {
        RunbookFault::EmptyList(list) | RunbookFault::Repeated(list) => key(list),
        RunbookFault::Title => key("title"),
        RunbookFault::AfterItself => key("after"),
        RunbookFault::BadCitation(words) => holding(&lines, words),
        RunbookFault::VerbNotUsed(_) => key("permissions"),
        RunbookFault::VerbNotAsked(verb) => step(&lines, |n, _| n == verb.word()),
        RunbookFault::DisruptionUnsaid(_) => key("disruptive"),
        RunbookFault::DisruptiveWithoutRollback(_) | RunbookFault::NothingToInvert => key("rollback"),
        RunbookFault::Undeclared(name) | RunbookFault::WrongType(name) => {
            holding(&lines, &format!("${name}"))
        }
        RunbookFault::Unused(name) | RunbookFault::BadSet(name) | RunbookFault::NeverBound(name) => {
            lines.iter().position(|l| l.trim() == format!("{name}:"))
        }
        RunbookFault::OutOfRange { field: "the number of steps", .. } => key("steps"),
        RunbookFault::OutOfRange { field, .. } => key(field),
        RunbookFault::Step { step: at, .. }
        | RunbookFault::AccessWithoutInverse { step: at, .. }
        | RunbookFault::FilterNotKept { step: at, .. } => step(&lines, |_, n| n == *at),
        RunbookFault::NameDiffers(_)
        | RunbookFault::NameShape(_)
        | RunbookFault::Twice(_)
        | RunbookFault::NoVerification
        | RunbookFault::NoRollback => None,
    };
    found.or_else(|| key("id")).map_or(1, |index| index as u64 + 1)
}

fn holding(lines: &[&str], words: &str) -> Option<usize> {
    lines.iter().position(|l| l.contains(words))
}

/// The first step of which `is` says so, told its verb's word and its number from 1.
fn step(lines: &[&str], is: impl Fn(&str, usize) -> bool) -> Option<usize> {
    let begin = lines.iter().position(|l| l.starts_with("steps:"))?;
    let body = lines.iter().enumerate().skip(begin + 1);
    // Until the next key at the margin; a step's own lists are further in than the first step.
    let body: Vec<_> = body
        .take_while(|(_, l)| l.is_empty() || l.starts_with([' ', '-', '#']))
        .filter_map(|(index, l)| {
            Some((index, l.len() - l.trim_start().len(), l.trim_start().strip_prefix("- ")?))
        })
        .collect();
    let margin = body.first()?.1;
    let mut steps = body.iter().filter(|(_, indent, _)| *indent == margin).enumerate();
    steps.find_map(|(n, (index, _, text))| {
        is(text.split(':').next().unwrap_or_default(), n + 1).then_some(*index)
    })
}
