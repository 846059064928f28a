//! What the documents point at must be there: files that they link to, and tests that they name as `path/to/file.rs::test_name`.

use std::collections::BTreeMap;

use crate::Finding;
use crate::tree::SourceFile;

/// The longest an ARCHITECTURE.md that is read to its end may be.
const ARCHITECTURE_LINES_MAX: usize = 400;

/// Every pointer of every document.
pub(crate) fn check(files: &[SourceFile]) -> Vec<Finding> {
    let known: BTreeMap<&str, &str> = files.iter().map(|f| (f.path.as_str(), f.text.as_str())).collect();
    let mut findings = Vec::new();
    for file in files.iter().filter(|f| f.is_prose() && !f.is_vector()) {
        for (index, line) in file.lines().enumerate() {
            let place = format!("{}:{}", file.path, index + 1);
            let tests = line.split('`').skip(1).step_by(2).filter_map(|code| code.split_once(".rs::"));
            for (path, test) in tests {
                let path = format!("{path}.rs");
                let there =
                    known.get(path.as_str()).is_some_and(|text| text.contains(&format!("fn {test}(")));
                if !there {
                    findings.push(Finding::new(
                        "links",
                        &place,
                        format!("there is no test {test} in {path}"),
                    ));
                }
            }
            for target in targets(line) {
                let path = beside(&file.path, target);
                let folder = format!("{}/", path.trim_end_matches('/'));
                if !known.contains_key(path.as_str()) && !known.keys().any(|path| path.starts_with(&folder)) {
                    findings.push(Finding::new("links", &place, format!("{target} is not there")));
                }
            }
        }
        if file.path == "ARCHITECTURE.md" && file.lines().count() > ARCHITECTURE_LINES_MAX {
            let what = format!("longer than {ARCHITECTURE_LINES_MAX} lines: nobody reads it to the end");
            findings.push(Finding::new("links", &file.path, what));
        }
    }
    findings
}

/// The relative targets of a line's Markdown links.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target).filter_map(
        |target| {
            let path = target.split('#').next().unwrap_or_default();
            (!path.is_empty() && !path.contains("://")).then_some(path)
        },
    )
}

/// A link's target, seen from the root.
fn beside(document: &str, target: &str) -> String {
    let mut parts: Vec<&str> = document.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "." | "" => {}
            ".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn red(document: &str) -> usize {
        let file = |path: &str, text: &str| SourceFile { path: path.to_owned(), text: text.to_owned() };
        let code = file("a/src/x.rs", "#[test]\nfn it_holds() { assert!(true); }\n");
        check(&[code, file("docs/page.md", document), file("README.md", "read")]).len()
    }

    #[test]
    fn a_test_that_is_not_there_is_red() {
        assert_eq!(red("guarded by `a/src/x.rs::it_holds`"), 0);
        assert_eq!(red("guarded by `a/src/x.rs::it_held`"), 1);
        assert_eq!(red("guarded by `a/src/y.rs::it_holds`, and `a/src/x.rs::it_holds`"), 1);
    }

    #[test]
    fn a_link_to_nothing_is_red() {
        assert_eq!(red("[read](../README.md#top), [code](../a/src), [web](https://example.com/x)"), 0);
        assert_eq!(red("[read](README.md)"), 1);
    }

    #[test]
    fn an_architecture_of_a_book_s_length_is_red() {
        let long =
            SourceFile { path: "ARCHITECTURE.md".to_owned(), text: "x\n".repeat(ARCHITECTURE_LINES_MAX + 1) };
        assert_eq!(check(&[long]).len(), 1);
    }
}
