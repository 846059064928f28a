//! The HIPAA Security Rule, 45 CFR Part 164, Subpart C, as the table of its paragraphs: what each is called, whose safeguard it is, and which of them no
//! control of a baseline can speak to, so that a person has to.

use std::collections::BTreeSet;

use contract::baseline::{Baseline, Citation};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The columns of the table, as its first line has to name them.
const COLUMNS: &str = "citation,standard,specification,kind,safeguard";

/// All paragraphs, in the rule's own order. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule(Vec<Paragraph>);

/// One paragraph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paragraph {
    /// Where it stands.
    pub citation: Citation,
    /// Its standard, in the rule's words.
    pub standard: String,
    /// Its implementation specification; none where it is the standard itself.
    pub specification: Option<String>,
    /// What the rule asks by it.
    pub kind: ParagraphKind,
    /// Whose safeguard it is.
    pub safeguard: Safeguard,
}

/// What the rule asks by a paragraph (164.306(d)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParagraphKind {
    /// It is a standard.
    Standard,
    /// It has to be implemented.
    Required,
    /// It has to be implemented where that is reasonable and appropriate; where it is not, that has to be documented.
    Addressable,
}

/// The sections of the rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Safeguard {
    /// 164.308.
    Administrative,
    /// 164.310.
    Physical,
    /// 164.312.
    Technical,
    /// 164.314.
    Organizational,
    /// 164.316.
    Documentation,
}

impl Safeguard {
    /// Whose safeguard a paragraph is, by its section.
    pub fn of(citation: Option<&Citation>) -> Option<Self> {
        let all = [
            Self::Administrative,
            Self::Physical,
            Self::Technical,
            Self::Organizational,
            Self::Documentation,
        ];
        all.into_iter()
            .find(|one| citation.is_some_and(|citation| citation.as_str().starts_with(one.section())))
    }

    /// The section that it is.
    const fn section(self) -> &'static str {
        match self {
            Self::Administrative => "164.308(",
            Self::Physical => "164.310(",
            Self::Technical => "164.312(",
            Self::Organizational => "164.314(",
            Self::Documentation => "164.316(",
        }
    }
}

/// Why a table of the rule is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{file}:{line}: {what}")]
pub struct RuleError {
    file: String,
    /// Counted from 1.
    line: usize,
    what: &'static str,
}

impl Rule {
    /// Parses the table. `file` is only for the messages.
    pub fn parse(file: &str, text: &str) -> Result<Self, RuleError> {
        let wrong = |line, what| RuleError { file: file.to_owned(), line, what };
        let mut lines = (1..).zip(text.lines());
        if lines.next().is_none_or(|(_, columns)| columns != COLUMNS) {
            return Err(wrong(
                1,
                "the first line has to name the columns citation,standard,specification,kind,safeguard",
            ));
        }
        let (mut paragraphs, mut seen) = (Vec::new(), BTreeSet::new());
        for (line, row) in lines {
            let paragraph = paragraph(row).map_err(|what| wrong(line, what))?;
            if !seen.insert(paragraph.citation.clone()) {
                return Err(wrong(line, "this paragraph is there twice"));
            }
            paragraphs.push(paragraph);
        }
        if paragraphs.is_empty() {
            return Err(wrong(2, "there is no paragraph"));
        }
        Ok(Self(paragraphs))
    }

    /// All paragraphs, in the rule's own order.
    pub fn paragraphs(&self) -> &[Paragraph] {
        &self.0
    }

    /// The paragraph of a citation.
    pub fn paragraph(&self, citation: &Citation) -> Option<&Paragraph> {
        self.0.iter().find(|paragraph| paragraph.citation == *citation)
    }

    /// The paragraphs that no control of this baseline cites, in the rule's own order: a person has to attest what is done about them.
    pub fn left_to_people<'r>(&'r self, baseline: &Baseline) -> impl Iterator<Item = &'r Paragraph> {
        let cited: BTreeSet<Citation> =
            baseline.controls().iter().flat_map(|control| control.citations.iter().cloned()).collect();
        self.0.iter().filter(move |paragraph| !cited.contains(&paragraph.citation))
    }
}

/// One row. No field holds a comma or a quotation mark, so none is quoted.
fn paragraph(row: &str) -> Result<Paragraph, &'static str> {
    if row.contains('"') {
        return Err("no field may be quoted");
    }
    let [citation, standard, specification, kind, safeguard] = row.split(',').collect::<Vec<_>>()[..] else {
        return Err("a line has five fields");
    };
    let citation: Citation = citation.parse().map_err(|_| "this is not written as a citation")?;
    let word = |text: &str| serde_json::Value::from(text);
    let kind =
        serde_json::from_value(word(kind)).map_err(|_| "a kind is standard, required or addressable")?;
    let safeguard: Safeguard = serde_json::from_value(word(safeguard))
        .map_err(|_| "a safeguard is administrative, physical, technical, organizational or documentation")?;
    if !citation.as_str().starts_with(safeguard.section()) {
        return Err("this safeguard has another section");
    }
    if standard.is_empty() {
        return Err("the standard has no name");
    }
    if kind == ParagraphKind::Standard && !specification.is_empty() {
        return Err("a standard has no specification");
    }
    let specification = Some(specification.to_owned()).filter(|text| !text.is_empty());
    Ok(Paragraph { citation, standard: standard.to_owned(), specification, kind, safeguard })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "baseline/hipaa-security-rule.csv";
    const TABLE: &str = include_str!("../../../baseline/hipaa-security-rule.csv");
    const BASELINE: &str = include_str!("../../../baseline/hipaa-v1.yaml");

    #[test]
    fn the_shipped_table_is_the_whole_rule() {
        let rule = Rule::parse(FILE, TABLE).unwrap();
        let many = |safeguard| rule.paragraphs().iter().filter(|p| p.safeguard == safeguard).count();
        assert_eq!(
            [
                Safeguard::Administrative,
                Safeguard::Physical,
                Safeguard::Technical,
                Safeguard::Organizational,
                Safeguard::Documentation
            ]
            .map(many),
            [30, 12, 12, 6, 5]
        );
        let retention = rule.paragraph(&"164.316(b)(2)(i)".parse().unwrap()).unwrap();
        assert_eq!(retention.kind, ParagraphKind::Required);
        assert!(rule.paragraph(&"164.399(a)".parse().unwrap()).is_none());
    }

    #[test]
    fn what_no_control_speaks_to_is_left_to_people() {
        let rule = Rule::parse(FILE, TABLE).unwrap();
        let baseline = Baseline::parse("baseline/hipaa-v1.yaml", BASELINE).unwrap();
        let left: Vec<_> = rule.left_to_people(&baseline).collect();
        let of = |safeguard| left.iter().filter(|p| p.safeguard == safeguard).count();
        assert_eq!((of(Safeguard::Technical), of(Safeguard::Organizational)), (0, 6));
        let has = |citation: &str| left.iter().any(|p| p.citation.as_str() == citation);
        // Risk analysis and a sanction policy are people's; access control is not.
        assert!(has("164.308(a)(1)(ii)(A)") && has("164.308(a)(1)(ii)(C)") && !has("164.312(a)(1)"));
        // Every citation of the baseline stands in the table.
        let known = |citation: &Citation| rule.paragraph(citation).is_some();
        assert!(baseline.controls().iter().flat_map(|c| &c.citations).all(known));
    }

    #[test]
    fn a_table_that_makes_no_sense_is_refused_with_its_line() {
        let row = "164.312(a)(1),Access control,,standard,technical";
        let refused = |rows: &[&str]| {
            let text = [&[COLUMNS], rows].concat().join("\n");
            Rule::parse("r.csv", &text).unwrap_err().to_string()
        };
        assert!(Rule::parse("r.csv", &format!("{COLUMNS}\n{row}\n")).is_ok());
        for (bad, what) in [
            ("164.312(a)(1),Access control,,standard", "five fields"),
            ("164.312(a)(1),\"Access, control\",,standard,technical", "quoted"),
            ("164.312,Access control,,standard,technical", "citation"),
            ("164.312(a)(1),Access control,,wished,technical", "kind"),
            ("164.312(a)(1),Access control,,standard,magical", "safeguard"),
            ("164.312(a)(1),Access control,,standard,physical", "another section"),
            ("164.312(a)(1),,,standard,technical", "no name"),
            ("164.312(a)(1),Access control,More,standard,technical", "no specification"),
            (row, "twice"),
        ] {
            let says = refused(&[row, bad]);
            assert!(says.starts_with("r.csv:3: ") && says.contains(what), "{says}");
        }
        assert!(refused(&[]).starts_with("r.csv:2: "));
        assert!(Rule::parse("r.csv", "").unwrap_err().to_string().starts_with("r.csv:1: "));
    }
}
