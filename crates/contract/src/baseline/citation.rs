//! A paragraph of the HIPAA Security Rule, 45 CFR Part 164, Subpart C.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A paragraph such as `164.312(a)(2)(iii)`. Only the shape is checked here; that the paragraph exists is checked against the rule's own table,
/// which is data beside the baseline.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Citation(String);

/// Why a string is not a citation.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is not a citation: it must be written like 164.312(a)(2)(iii)")]
pub struct BadCitation(String);

impl Citation {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Citation {
    type Err = BadCitation;
    fn from_str(s: &str) -> Result<Self, BadCitation> {
        let section = |rest: &str| {
            let (number, paragraphs) = rest.split_at_checked(2)?;
            let digits = number.bytes().all(|b| b.is_ascii_digit());
            (digits && are_paragraphs(paragraphs)).then_some(())
        };
        s.strip_prefix("164.3")
            .and_then(section)
            .map(|()| Self(s.to_owned()))
            .ok_or_else(|| BadCitation(s.chars().take(40).collect()))
    }
}

/// One to four groups such as `(a)`, `(2)`, `(iii)`.
fn are_paragraphs(text: &str) -> bool {
    let groups: Vec<_> = text.split_inclusive(')').collect();
    let is_group = |group: &&str| {
        group.strip_prefix('(').and_then(|g| g.strip_suffix(')')).is_some_and(|inner| {
            (1..=4).contains(&inner.len()) && inner.bytes().all(|b| b.is_ascii_alphanumeric())
        })
    };
    (1..=4).contains(&groups.len()) && groups.iter().all(is_group)
}

impl TryFrom<String> for Citation {
    type Error = BadCitation;
    fn try_from(s: String) -> Result<Self, BadCitation> {
        s.parse()
    }
}

impl From<Citation> for String {
    fn from(c: Citation) -> String {
        c.0
    }
}

impl fmt::Display for Citation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Citation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paragraphs_of_the_security_rule_are_citations() {
        for good in ["164.312(b)", "164.312(a)(2)(iii)", "164.308(a)(7)(ii)(D)"] {
            assert_eq!(good.parse::<Citation>().unwrap().as_str(), good);
        }
        let bad = [
            "",
            "164.312",
            "164.412(a)",
            "164.312()",
            "164.312(a",
            "164.312(a)x",
            "164.3(a)",
            "164.312(a) ",
            "164.3é(a)",
        ];
        for bad in bad {
            assert!(bad.parse::<Citation>().is_err(), "{bad:?} was taken");
        }
    }
}
