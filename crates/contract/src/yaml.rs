//! Our own files in YAML: read strictly, refused with file, line and column.
//!
//! Unknown keys are refused by the types (`deny_unknown_fields`), duplicate keys and the old booleans (`yes`, `off`) by the reader.

use serde::de::DeserializeOwned;
use thiserror::Error;

/// Why a YAML file was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{file}:{line}:{column}: {message}")]
pub struct YamlError {
    /// The file, as it was named to us.
    pub file: String,
    /// Counted from 1; 0 where the reader could not tell.
    pub line: u64,
    /// Counted from 1; 0 where the reader could not tell.
    pub column: u64,
    /// What is wrong there.
    pub message: String,
}

/// Parses `text` into `T`. `file` is only for the message.
pub fn parse<T: DeserializeOwned>(file: &str, text: &str) -> Result<T, YamlError> {
    let options = serde_yaml::options! {
        strict_booleans: true,
        with_snippet: false,
    };
    serde_yaml::from_str_with_options(text, options).map_err(|e| {
        let (line, column) = e.location().map_or((0, 0), |l| (l.line(), l.column()));
        let message = e.without_snippet().to_string();
        // The place stands in front of the message already.
        let message = message.split(" at line ").next().unwrap_or_default().to_owned();
        YamlError { file: file.to_owned(), line, column, message }
    })
}

/// Where a top-level list item with this `id:` stands, so that a rule about meaning can still name a line.
pub fn line_of_id(text: &str, id: &str) -> u64 {
    text.lines()
        .position(|l| {
            l.trim_start().trim_start_matches("- ").strip_prefix("id:").is_some_and(|v| v.trim() == id)
        })
        .map_or(0, |n| n as u64 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only the parse is under test")]
    struct Sample {
        name: String,
        on: Option<bool>,
    }

    fn refusal(text: &str) -> YamlError {
        parse::<Sample>("sample.yaml", text).unwrap_err()
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_place() {
        let e = refusal("name: a\ncolour: red\n");
        assert_eq!((e.file.as_str(), e.line, e.column), ("sample.yaml", 2, 1));
        assert!(e.message.contains("colour"), "{e}");
    }

    #[test]
    fn a_duplicate_key_and_an_old_boolean_are_refused() {
        assert_eq!(refusal("name: a\nname: b\n").line, 2);
        assert_eq!(refusal("name: a\non: yes\n").line, 2);
        assert!(parse::<Sample>("s", "").is_err(), "an empty file was taken");
    }
}
