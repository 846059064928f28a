//! The report for people: the verdict first, then what it rests on, then what it does not prove.

use contract::time::UtcTime;

use super::{Remark, Report, Summary, TrustUsed, WitnessSeen};
use crate::kit::{Cover, KitReport, LogInKit};
use crate::verdict::Verdict;

impl Verdict {
    /// The verdict in one line, such as `ALTERED at record 17`.
    pub fn headline(&self) -> String {
        match (self, self.index()) {
            (Self::IntactWitnessed, _) => "INTACT and witnessed".to_owned(),
            (Self::IntactUnwitnessedTail { unwitnessed: 0 }, _) => {
                "INTACT and witnessed, with files beyond the head".to_owned()
            }
            (Self::IntactUnwitnessedTail { unwitnessed }, _) => {
                format!("INTACT, with an unwitnessed tail of {unwitnessed}")
            }
            (Self::Incomplete(_), Some(index)) => format!("INCOMPLETE from record {index} on"),
            (Self::Incomplete(_), None) => "INCOMPLETE".to_owned(),
            (Self::Altered(_), Some(index)) => format!("ALTERED at record {index}"),
            (Self::Altered(_), None) => "ALTERED".to_owned(),
            (Self::Fork(_), _) => "FORK".to_owned(),
            (Self::NothingVerified(_), _) => "NOTHING VERIFIED".to_owned(),
        }
    }
}

impl Report {
    /// Everything below the headline, one fact per line, safe to print on a terminal.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![self.explanation(), String::new()];
        lines.extend(self.facts());
        lines.push(String::new());
        lines.extend(limits(&self.verdict, self.head.as_ref().is_some_and(|head| head.key.is_some())));
        lines.push("Not read: writer/, which is the writer's own, and whatever else lies beside tile/ and checkpoint.".to_owned());
        lines.iter().map(|line| printable(line)).collect()
    }

    fn facts(&self) -> Vec<String> {
        let mut lines = self.head_lines();
        lines.extend(self.summary.iter().flat_map(summary_lines));
        lines.extend(self.trust_lines());
        lines.extend(self.witnesses.iter().map(witness_line));
        if self.uncovered.count > 0 {
            let words = format!("{} files under tile/ lie beyond the head", self.uncovered.count);
            lines.push(fact("not covered", &words));
            lines.extend(self.uncovered.names.iter().map(|name| fact("", name)));
        }
        lines.extend(self.remarks.iter().map(|remark| fact("not used", &remark_words(remark))));
        lines
    }

    fn head_lines(&self) -> Vec<String> {
        let Some(head) = &self.head else { return Vec::new() };
        let signed = match &head.key {
            Some(key) => format!("signed by {key}"),
            None => "no key that was given is known to have signed it".to_owned(),
        };
        let mut lines = vec![
            fact("log", &head.checkpoint.origin.to_string()),
            fact("head", &format!("size {}, {signed}", head.checkpoint.size)),
            fact("root", &head.checkpoint.root.to_base64()),
        ];
        if let Some(part) = self.extent.filter(|extent| !extent.is_whole()) {
            let words = format!("records {} to {}; of the others their hashes", part.first(), part.end() - 1);
            lines.push(fact("holds", &words));
        }
        lines
    }

    fn trust_lines(&self) -> Vec<String> {
        if self.trust.is_empty() {
            return vec![fact("trusted", "nothing from outside")];
        }
        let words = |trust: &TrustUsed| match trust {
            TrustUsed::Key(label) => format!("the key {label}"),
            TrustUsed::KeyLog { keys } => format!("a key log, which lists {keys} keys"),
            TrustUsed::Witness(label) => format!("the witness {label}"),
            TrustUsed::HeadsKey(label) => format!("the log of heads {label}"),
            TrustUsed::Head { checkpoint, signed_by_key } => {
                let by = if *signed_by_key { "signed by the key" } else { "on the word of whoever kept it" };
                format!("an earlier head, size {}, {by}", checkpoint.size)
            }
        };
        self.trust.iter().map(|trust| fact("trusted", &words(trust))).collect()
    }
}

impl KitReport {
    /// Everything below the headline, one fact per line, safe to print on a terminal.
    pub fn lines(&self) -> Vec<String> {
        let about = self.host.as_ref().map(|host| format!("{host}: ")).unwrap_or_default();
        let mut lines = vec![format!("{about}{}", self.verdict.explanation()), String::new()];
        lines.extend(self.cover.iter().flat_map(cover_lines));
        for LogInKit { host, site, report } in &self.logs {
            lines.push(String::new());
            lines.push(format!("{host} at {site}: {}", report.verdict.headline()));
            if !report.verdict.is_intact() {
                lines.push(format!("  {}", report.explanation()));
            }
            lines.extend(report.facts().iter().map(|line| format!("  {line}")));
        }
        lines.push(String::new());
        let signed = |log: &LogInKit| log.report.head.as_ref().is_some_and(|head| head.key.is_some());
        lines.extend(limits(&self.verdict, self.logs.iter().all(signed)));
        lines.iter().map(|line| printable(line)).collect()
    }
}

fn cover_lines(cover: &Cover) -> Vec<String> {
    let signed = if cover.signed {
        "signed by the kit key that was given"
    } else {
        "not vouched for: no kit key was given, or it did not sign. So take tenant, period and documents as a claim"
    };
    vec![
        fact("tenant", &cover.tenant),
        fact("period", &format!("from {} until before {}", cover.from, cover.to)),
        fact("export", &format!("{} by {} at {}", cover.export, cover.exported_by, cover.exported_at)),
        fact("cover", signed),
    ]
}

/// What the verdict does not say.
fn limits(verdict: &Verdict, signed: bool) -> Vec<String> {
    if !verdict.is_intact() {
        return vec!["Do not rely on this evidence until the reason is known.".to_owned()];
    }
    let by = if signed { "signed by the holder of the key" } else { "those of the earlier head" };
    vec![
        format!("This shows that the records are unchanged, in order, and {by}."),
        "It does not show that what a record says is true.".to_owned(),
    ]
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

fn remark_words(remark: &Remark) -> String {
    match remark {
        Remark::HeadsProofIgnored => "head.tlog-proof: the key of the log of heads was not given".to_owned(),
        Remark::NotComparable { who, size } => {
            format!(
                "{who} of size {size}: the records and hashes that are there do not lead to a root of that size"
            )
        }
    }
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
