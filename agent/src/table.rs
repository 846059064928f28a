//! A scan as a table for people: control, citation, verdict, what was observed; and the score, never without its coverage.

use std::fmt::Write as _;

use contract::baseline::{Baseline, Citation};
use contract::finding::{Finding, Tally, Verdict};

/// Whether verdicts are coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colours {
    /// They are.
    On,
    /// Plain text.
    Off,
}

/// The table with its last line.
pub fn render(baseline: &Baseline, findings: &[Finding], colours: Colours) -> String {
    let rows: Vec<[String; 4]> = findings.iter().map(|finding| row(baseline, finding)).collect();
    let titles = ["CONTROL", "CITATION", "VERDICT", "OBSERVED"].map(str::to_owned);
    let width = |n: usize| rows.iter().chain([&titles]).map(|row| row[n].chars().count()).max().unwrap_or(0);
    let widths = [width(0), width(1), width(2)];
    let mut out = String::new();
    line(&mut out, &titles, widths, None);
    for (cells, finding) in rows.iter().zip(findings) {
        line(&mut out, cells, widths, (colours == Colours::On).then(|| colour(&finding.verdict)));
    }
    let _ = writeln!(out, "\n{}", summary(Tally::of(findings)));
    out
}

/// `31 of 40 assessed pass; coverage 40 of 52`.
pub fn summary(tally: Tally) -> String {
    format!(
        "{} of {} assessed pass; coverage {} of {}",
        tally.pass,
        tally.assessed(),
        tally.assessed(),
        tally.total()
    )
}

fn row(baseline: &Baseline, finding: &Finding) -> [String; 4] {
    let citations = baseline.control(&finding.control).map(|c| c.citations.as_slice()).unwrap_or_default();
    let cited = citations.iter().map(Citation::as_str).collect::<Vec<_>>().join(" ");
    let (verdict, observed) = match &finding.verdict {
        Verdict::Pass(value) => ("pass", value.to_string()),
        Verdict::Fail(value) => ("FAIL", value.to_string()),
        Verdict::Excepted(value) => ("excepted", value.to_string()),
        Verdict::NotAssessed(absence) => ("not assessed", absence.to_string()),
    };
    [finding.control.to_string(), cited, verdict.to_owned(), observed]
}

fn line(out: &mut String, cells: &[String; 4], widths: [usize; 3], colour: Option<&str>) {
    let [control, cited, verdict, observed] = cells;
    let (on, off) = colour.map_or(("", ""), |c| (c, "\x1b[0m"));
    let [a, b, c] = widths;
    let _ = writeln!(out, "{control:a$}  {cited:b$}  {on}{verdict:c$}{off}  {observed}");
}

const fn colour(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Pass(_) => "\x1b[32m",
        Verdict::Fail(_) => "\x1b[31m",
        Verdict::Excepted(_) => "\x1b[33m",
        Verdict::NotAssessed(_) => "\x1b[2m",
    }
}
