//! The table of controls against the rule's paragraphs, made from the baseline and the rule's own table.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use contract::baseline::Baseline;

/// What the rule calls a paragraph: its standard and its specification.
pub(crate) type Rule = BTreeMap<String, (String, String)>;

/// The project's baseline folder.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../baseline")
}

/// Reads the rule's table: citation, standard, specification and more.
pub(crate) fn rule(csv: &str) -> Rule {
    let row = |line: &str| {
        let mut fields = line.split(',').map(str::to_owned);
        Some((fields.next()?, (fields.next()?, fields.next()?)))
    };
    csv.lines().skip(1).filter_map(row).collect()
}

/// One line for each control and citation. A citation that the rule does not have leaves its columns empty.
pub(crate) fn map(baseline: &Baseline, rule: &Rule) -> String {
    let mut csv =
        "control,title,citation,standard,specification,severity,fact,expected,nixos,runbook,person\n"
            .to_owned();
    for control in baseline.controls() {
        for citation in &control.citations {
            let (standard, specification) = rule.get(citation.as_str()).cloned().unwrap_or_default();
            let runbook = control.runbook.as_ref().map_or_else(String::new, ToString::to_string);
            let row = [
                control.id.to_string(),
                control.title.clone(),
                citation.to_string(),
                standard,
                specification,
                control.severity.word().to_owned(),
                control.observe.to_string(),
                control.expected_text(),
                control.nixos.to_string(),
                runbook,
                control.person.clone().unwrap_or_default(),
            ];
            csv.push_str(&row.map(|field| quoted(&field)).join(","));
            csv.push('\n');
        }
    }
    csv
}

/// RFC 4180.
fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\n']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}
