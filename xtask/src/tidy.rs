//! What the text of one file may hold.
//!
//! A line that must break a rule says so in itself: `tidy: allow <rule>`, with the reason beside it. Test vectors are taken over as others wrote
//! them and are only searched for secrets.

use crate::Finding;
use crate::tree::SourceFile;

/// What a Rust file aims at.
pub(crate) const LINES_AIM: usize = 200;
/// What no Rust file exceeds.
const LINES_MAX: usize = 500;

/// Names that say nothing about what is inside.
const STRAYS: [&str; 8] = ["util", "utils", "common", "helper", "helpers", "misc", "manager", "managers"];

/// Words that promise what no software can. Whole words, in any case.
const PROMISES: [&str; 8] = [
    concat!("ensu", "res"),
    concat!("guaran", "tees"),
    concat!("guaran", "teed"),
    concat!("compli", "ant"),
    concat!("certi", "fied"),
    concat!("audit", "-ready"),
    concat!("100 % ", "secure"),
    concat!("100% ", "secure"),
];

/// The law's own words are quoted, not promised; the licence is its author's.
const QUOTED: [&str; 3] = ["baseline/hipaa-security-rule.csv", "LICENSE", "Cargo.lock"];

/// Where somebody's own machine shows through.
const MACHINES: [&str; 3] = [concat!("/ro", "ot/"), concat!("/wo", "rk/"), concat!("/Us", "ers/")];

/// How secrets begin.
const SECRETS: [&str; 3] =
    [concat!("PRIVATE", " KEY-----"), concat!("PRIVATE", "+KEY+"), concat!("AK", "IA")];

/// Every rule on one file.
pub(crate) fn check(file: &SourceFile) -> Vec<Finding> {
    let mut findings = secrets(file);
    if file.is_vector() {
        return findings;
    }
    findings.extend(names(file));
    findings.extend(promises(file));
    findings.extend(machines(file));
    if file.is_rust() {
        findings.extend(shape(file));
        findings.extend(skipped_work(file));
        findings.extend(empty_tests(file));
    }
    findings
}

/// The lines that a rule applies to, with their numbers.
fn lines<'a>(file: &'a SourceFile, rule: &str) -> impl Iterator<Item = (usize, &'a str)> {
    let mark = format!("tidy: allow {rule}");
    file.lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line))
        .filter(move |(_, line)| !line.contains(&mark))
}

fn at(rule: &'static str, file: &SourceFile, line: usize, what: impl Into<String>) -> Finding {
    Finding::new(rule, format!("{}:{line}", file.path), what)
}

fn names(file: &SourceFile) -> Option<Finding> {
    let stray = file.path.split('/').find(|part| {
        let stem = part.split('.').next().unwrap_or(part);
        STRAYS.contains(&stem)
    })?;
    Some(Finding::new("names", &file.path, format!("{stray} says nothing about what is inside")))
}

fn promises(file: &SourceFile) -> Vec<Finding> {
    if QUOTED.contains(&file.path.as_str()) || (file.is_rust() && file.is_test()) {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for (number, line) in lines(file, "words") {
        let line = if file.is_rust() { read_by_people(line) } else { line.to_owned() }.to_lowercase();
        let found = PROMISES.iter().filter(|word| holds_word(&line, word));
        findings.extend(
            found.map(|word| at("words", file, number, format!("{word}: nothing here can promise that"))),
        );
    }
    findings
}

/// What people are shown of a line of Rust: its strings, and documentation (clap prints it). An identifier promises nothing.
fn read_by_people(line: &str) -> String {
    let start = line.trim_start();
    if start.starts_with("///") || start.starts_with("//!") {
        return line.to_owned();
    }
    line.split('"').skip(1).step_by(2).collect::<Vec<_>>().join(" ")
}

fn holds_word(line: &str, word: &str) -> bool {
    let letter = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    line.match_indices(word).any(|(start, found)| {
        !letter(line[..start].chars().next_back()) && !letter(line[start + found.len()..].chars().next())
    })
}

fn machines(file: &SourceFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in lines(file, "paths") {
        for path in MACHINES {
            // At the beginning of an absolute path only: `a/root/b` is somebody's relative one.
            let absolute = |(start, _): (usize, &str)| {
                let before = line[..start].chars().next_back();
                !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '}' | ')'))
            };
            if line.match_indices(path).any(absolute) {
                findings.push(at("paths", file, number, format!("{path} is a path of one machine")));
            }
        }
    }
    findings
}

fn secrets(file: &SourceFile) -> Vec<Finding> {
    let holds = |line: &str| SECRETS.iter().any(|s| line.contains(s));
    lines(file, "secrets")
        .filter(|(_, line)| holds(line))
        .map(|(number, _)| at("secrets", file, number, "looks like a secret key"))
        .collect()
}

fn shape(file: &SourceFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !file.is_test() && !file.text.starts_with("//!") {
        findings.push(at("head", file, 1, "begins without //!: what is it for?"));
    }
    let count = file.lines().count();
    if count > LINES_MAX {
        findings.push(at("size", file, count, format!("{count} lines: no file exceeds {LINES_MAX}")));
    }
    findings
}

fn skipped_work(file: &SourceFile) -> Vec<Finding> {
    let skipped = |line: &str| {
        let code = line.split("//").next().unwrap_or(line).trim_start();
        [concat!("to", "do!("), concat!("unimple", "mented!(")].iter().any(|m| code.contains(m))
            || code.starts_with(concat!("#[ign", "ore"))
    };
    lines(file, "skipped")
        .filter(|(_, line)| skipped(line))
        .map(|(number, line)| {
            at("skipped", file, number, format!("work or a test is left out: {}", line.trim()))
        })
        .collect()
}

/// Tests with nothing in them: they are green whatever happens. Reads the layout that rustfmt leaves.
fn empty_tests(file: &SourceFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut lines = file.lines().enumerate();
    while let Some((index, attribute)) = lines.next() {
        if !attribute.trim_start().starts_with("#[") || !attribute.trim_end().ends_with("test]") {
            continue;
        }
        let Some((_, opening)) = lines.find(|(_, line)| line.ends_with('{') || line.ends_with("{}")) else {
            break;
        };
        let code: String = if opening.ends_with("{}") {
            String::new()
        } else {
            let body = lines.by_ref().map(|(_, line)| line.split("//").next().unwrap_or(line).trim());
            body.take_while(|line| *line != "}").collect()
        };
        if code.is_empty() || code == "Ok(())" {
            findings.push(at("empty", file, index + 1, "this test tests nothing"));
        }
    }
    findings
}

#[cfg(test)]
mod tests;
