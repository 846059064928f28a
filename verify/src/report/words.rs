//! The report for people: the verdict first, then what it rests on, then what it does not prove.

use contract::time::UtcTime;

use super::{Report, Summary, TrustUsed, WitnessSeen};
use crate::verdict::Verdict;

impl Report {
    /// The verdict in one line, such as `ALTERED at record 17`.
    pub fn headline(&self) -> String {
        match (&self.verdict, self.verdict.index()) {
            (Verdict::IntactWitnessed, _) => "INTACT and witnessed".to_owned(),
            (Verdict::IntactUnwitnessedTail { unwitnessed: 0 }, _) => {
                "INTACT and witnessed, with files beyond the head".to_owned()
            }
            (Verdict::IntactUnwitnessedTail { unwitnessed }, _) => {
                format!("INTACT, with an unwitnessed tail of {unwitnessed}")
            }
            (Verdict::Incomplete(_), Some(index)) => format!("INCOMPLETE from record {index} on"),
            (Verdict::Incomplete(_), None) => "INCOMPLETE".to_owned(),
            (Verdict::Altered(_), Some(index)) => format!("ALTERED at record {index}"),
            (Verdict::Altered(_), None) => "ALTERED".to_owned(),
            (Verdict::Fork(_), _) => "FORK".to_owned(),
            (Verdict::NothingVerified(_), _) => "NOTHING VERIFIED".to_owned(),
        }
    }

    /// Everything below the headline, one fact per line, safe to print on a terminal.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![self.explanation(), String::new()];
        lines.extend(self.head_lines());
        lines.extend(self.summary.iter().flat_map(summary_lines));
        lines.extend(self.trust_lines());
        lines.extend(self.witnesses.iter().map(witness_line));
        if self.uncovered.count > 0 {
            lines.push(fact(
                "not covered",
                &format!("{} files under tile/ lie beyond the head", self.uncovered.count),
            ));
            lines.extend(self.uncovered.names.iter().map(|name| fact("", name)));
        }
        lines.extend(self.limits());
        lines.iter().map(|line| printable(line)).collect()
    }

    fn head_lines(&self) -> Vec<String> {
        let Some(head) = &self.head else { return Vec::new() };
        let signed = if head.signed {
            "signed by the key given"
        } else {
            "its signature was not checked: no key given"
        };
        vec![
            fact("log", &head.checkpoint.origin.to_string()),
            fact("head", &format!("size {}, {signed}", head.checkpoint.size)),
            fact("root", &head.checkpoint.root.to_base64()),
        ]
    }

    fn trust_lines(&self) -> Vec<String> {
        if self.trust.is_empty() {
            return vec![fact("trusted", "nothing from outside")];
        }
        let words = |trust: &TrustUsed| match trust {
            TrustUsed::Key(label) => format!("the key {label}"),
            TrustUsed::Witness(label) => format!("the witness {label}"),
            TrustUsed::Head { checkpoint, signed_by_key } => {
                let by = if *signed_by_key { "signed by the key" } else { "on the word of whoever kept it" };
                format!("an earlier head, size {}, {by}", checkpoint.size)
            }
        };
        self.trust.iter().map(|trust| fact("trusted", &words(trust))).collect()
    }

    /// What the verdict does not say.
    fn limits(&self) -> Vec<String> {
        let mut lines = vec![String::new()];
        if self.verdict.is_intact() {
            let by = match &self.head {
                Some(head) if head.signed => "signed by the holder of the key",
                _ => "those of the earlier head",
            };
            lines.push(format!("This shows that the records are unchanged, in order, and {by}."));
            lines.push("It does not show that what a record says is true.".to_owned());
        } else {
            lines.push("Do not rely on this log until the reason is known.".to_owned());
        }
        lines.push("Not read: writer/, which is the writer's own, and whatever else lies beside tile/ and checkpoint.".to_owned());
        lines
    }
}

fn summary_lines(summary: &Summary) -> Vec<String> {
    let kinds: Vec<String> = summary.kinds.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
    let time = |time: Option<UtcTime>| time.map_or("?".to_owned(), |time| time.to_string());
    let back = match summary.steps_back {
        0 => String::new(),
        times => format!(", which went back {times} times"),
    };
    let (first, last) = (time(summary.first_time), time(summary.last_time));
    let span = format!("{first} to {last}, by the host's clock{back}");
    vec![
        fact(
            "checked",
            "every record's bytes, form, number and link to the one before; every hash tile; the root",
        ),
        fact("records", &kinds.join(", ")),
        fact("times", &span),
    ]
}

fn witness_line(seen: &WitnessSeen) -> String {
    let words = match seen.time.and_then(|time| i64::try_from(time.unix_seconds()).ok()) {
        None => format!("no cosignature of {}", seen.witness),
        Some(seconds) => {
            let time = UtcTime::from_unix_ms(seconds.saturating_mul(1000));
            let time = time.map_or_else(|_| format!("second {seconds}"), |time| time.to_string());
            format!("the first {} records, by {} at {time}", seen.size, seen.witness)
        }
    };
    fact("witnessed", &words)
}

fn fact(name: &str, words: &str) -> String {
    format!("{name:<12} {words}")
}

/// What stands in a log may be written by an attacker, and a terminal obeys control characters.
fn printable(line: &str) -> String {
    line.chars().fold(String::with_capacity(line.len()), |mut out, c| {
        if c.is_control() {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_never_handed_a_control_character() {
        assert_eq!(printable("a\u{1b}[2Jb\nc\u{9b}"), "a\\u{1b}[2Jb\\nc\\u{9b}");
    }
}
