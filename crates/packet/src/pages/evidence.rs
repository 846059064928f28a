//! The logs that all of it is from: their heads, in text and for a camera, and how to verify them.

use super::{PageError, Slots, Writing, put, say};
use crate::document::{Block, Inline};
use crate::input::Cosigned;
use crate::packet::LogSeen;
use crate::words;

pub(super) fn fill(writing: &Writing<'_>, slots: &mut Slots) -> Result<(), PageError> {
    let unread: u64 = writing.packet.logs.iter().map(|log| log.unread).sum();
    let later = if unread == 0 {
        String::new()
    } else {
        format!(
            " {unread} records are of kinds that a later release has brought: they were verified, and nothing of them is in any number."
        )
    };
    say(
        slots,
        "evidence_text",
        format!(
            "Each log was walked from its first record to the head below, record by record, before a number was taken from it.{later} Keep this page: a history \
             that was rewritten later contradicts it."
        ),
    );
    put(slots, "logs", logs(writing, false)?);
    let lines: Vec<String> = writing
        .packet
        .logs
        .iter()
        .map(|log| format!("suture-verify --head {}:{}:{} kit.zip", log.origin, log.size, log.root))
        .collect();
    let lines =
        if lines.is_empty() { "No machine has a log to verify.".to_owned() } else { lines.join("\n") };
    put(slots, "verify_lines", vec![Block::Verbatim(lines)]);
    Ok(())
}

/// The postcard's share.
pub(super) fn postcard(writing: &Writing<'_>, slots: &mut Slots) -> Result<(), PageError> {
    put(slots, "logs", logs(writing, true)?);
    Ok(())
}

fn logs(writing: &Writing<'_>, short: bool) -> Result<Vec<Block>, PageError> {
    let mut blocks = Vec::new();
    for log in &writing.packet.logs {
        if !short {
            let anchor = format!("log-{}", log.host.as_str().replace('.', "-"));
            blocks.push(Block::Heading { level: 2, text: format!("{} at {}", log.host, log.site), anchor });
        }
        let lines = format!("{}\n{}\n{}\n", log.origin, log.size, log.root);
        let alt = format!("QR code of the head of {}, whose three lines stand beside it", log.host);
        let picture = crate::chart::qr(&lines, alt)
            .map_err(|source| PageError::Code { host: log.host.clone(), source })?;
        blocks.push(Block::Square(picture, beside(writing, log, short)));
    }
    if blocks.is_empty() {
        blocks.push(crate::cell::paragraph("No machine has a log."));
    }
    Ok(blocks)
}

/// The words beside a code.
fn beside(writing: &Writing<'_>, log: &LogSeen, short: bool) -> Vec<Inline> {
    let strong = |words: &str| Inline::Strong(words.to_owned());
    let mut beside = vec![
        strong("Log "),
        Inline::Code(log.origin.clone()),
        strong(" size "),
        Inline::Code(log.size.to_string()),
        strong(" root "),
        Inline::Code(log.root.clone()),
    ];
    let of_period = match log.bounds {
        Some((first, last)) => format!(
            ". Of this time: {}, from #{} to #{}.",
            words::many(records(log), "record", "records"),
            first.seq,
            last.seq
        ),
        None => ". No record of this time.".to_owned(),
    };
    beside.push(Inline::Text(of_period));
    if !short {
        let cosigned = signers(writing, &log.cosigned);
        let outside = match &log.outside {
            Some(outside) => format!(
                "The hub's log of heads has it with size {}, and is cosigned outside by {}.",
                outside.size,
                signers(writing, &outside.cosigned)
            ),
            None => {
                "No head of it stands in the hub's log of heads under enough cosignatures from outside yet."
                    .to_owned()
            }
        };
        beside.push(Inline::Text(format!(" Cosigned by {cosigned}. {outside}")));
    }
    beside
}

/// Who cosigned, and when.
fn signers(writing: &Writing<'_>, all: &[Cosigned]) -> String {
    let one = |seen: &Cosigned| format!("{} at {}", seen.by, writing.zone.wall(seen.time));
    let all: Vec<String> = all.iter().map(one).collect();
    if all.is_empty() { "nobody".to_owned() } else { all.join(", ") }
}

fn records(log: &LogSeen) -> usize {
    usize::try_from(log.records).unwrap_or(usize::MAX)
}
