//! The words that rules and requests are made of, each with one grammar.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why a text is not such a word.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{text:?} is not {what}")]
pub struct BadWord {
    text: String,
    what: &'static str,
}

fn of(text: &str, max: usize, more: &[u8]) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || more.contains(&b);
    let begins = text.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric);
    begins && text.len() <= max && text.bytes().all(plain)
}

fn verb(text: &str) -> bool {
    of(text, 40, b".-") && text.as_bytes()[0].is_ascii_lowercase()
}

fn dashed(text: &str) -> bool {
    of(text, 64, b"-.")
}

fn person(text: &str) -> bool {
    of(text, 64, b"-._@")
}

fn sysctl(text: &str) -> bool {
    of(text, 128, b"._-") && !text.contains("..") && !text.ends_with('.')
}

fn unit(text: &str) -> bool {
    const KINDS: [&str; 8] =
        [".service", ".socket", ".timer", ".mount", ".target", ".path", ".slice", ".scope"];
    let plain = |b: u8| b.is_ascii_alphanumeric() || b":_.-@\\".contains(&b);
    text.len() <= 255
        && text.bytes().all(plain)
        && KINDS.iter().any(|kind| text.strip_suffix(kind).is_some_and(|name| !name.is_empty()))
        && !text.starts_with(['@', '-', '.'])
}

macro_rules! word {
    ($(#[$doc:meta])* $name:ident, $what:literal, $fits:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Box<str>);

        impl $name {
            /// Its text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<&str> for $name {
            type Error = BadWord;
            fn try_from(text: &str) -> Result<Self, BadWord> {
                if $fits(text) {
                    Ok(Self(text.into()))
                } else {
                    Err(BadWord { text: text.chars().take(80).collect(), what: $what })
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadWord;
            fn try_from(text: String) -> Result<Self, BadWord> {
                Self::try_from(text.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = BadWord;
            fn from_str(text: &str) -> Result<Self, BadWord> {
                Self::try_from(text)
            }
        }

        impl From<$name> for String {
            fn from(word: $name) -> String {
                word.0.into()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

word!(
    /// A runbook step's verb, such as `unit.restart`. That it is written like one does not make it known: see [`Verbs`].
    VerbWord, "a verb: a to z, 0 to 9, . and -, at most 40", verb
);
word!(
    /// A rule's name in decisions.
    RuleId, "a rule's id: a to z, 0 to 9, . and -, at most 64", dashed
);
word!(
    /// A policy's name.
    PolicyName, "a policy's name: a to z, 0 to 9, . and -, at most 64", dashed
);
word!(
    /// What a site calls a machine or a run, such as `reception`.
    Tag, "a tag: a to z, 0 to 9, . and -, at most 64", dashed
);
word!(
    /// The code with which an extension gives its reason: a word, so that no sentence and no name of a patient gets into the evidence by it.
    Code, "a code: a to z, 0 to 9, . and -, at most 64", dashed
);
word!(
    /// A person, as the hub names them.
    Person, "a person: a to z, 0 to 9, -, ., _ and @, at most 64", person
);
word!(
    /// A kernel parameter with dots, such as `net.ipv4.ip_forward`. The spelling with slashes is refused: one key, one spelling.
    SysctlKey, "a kernel parameter, written with dots", sysctl
);
word!(
    /// A unit by its full name, such as `auditd.service`. Whoever asks about a unit hands over the name that systemd itself calls it by (`Id`), since an
    /// alias is another name for the same.
    UnitName, "the full name of a unit, such as auditd.service", unit
);

/// The verbs that there are. A verb that is not among them is denied, and a rule that names one is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verbs(Box<[VerbWord]>);

/// A verb's place in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct VerbIndex(pub(crate) u16);

impl Verbs {
    /// The table. It holds each verb once, however often it is named.
    pub fn of(words: &[&str]) -> Result<Self, BadWord> {
        let mut verbs: Vec<VerbWord> =
            words.iter().map(|w| VerbWord::try_from(*w)).collect::<Result<_, _>>()?;
        verbs.sort();
        verbs.dedup();
        Ok(Self(verbs.into()))
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &VerbWord> {
        self.0.iter()
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn find(&self, verb: &VerbWord) -> Option<VerbIndex> {
        let place = self.0.binary_search(verb).ok()?;
        u16::try_from(place).ok().map(VerbIndex)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_has_one_grammar() {
        for bad in [
            "",
            "auditd",
            "a b.service",
            "../x.service",
            "@.service.x",
            "-a.service",
            ".service",
            "a*.service",
        ] {
            assert!(UnitName::try_from(bad).is_err(), "{bad:?} was taken for a unit");
        }
        assert!(UnitName::try_from("systemd-fsck@dev-disk-by\\x2duuid.service").is_ok());
        for bad in ["", "Unit.restart", "unit restart", "1x", &"a".repeat(41)] {
            assert!(VerbWord::try_from(bad).is_err(), "{bad:?} was taken for a verb");
        }
        for bad in ["net/ipv4/ip_forward", "net..x", ".x", "x."] {
            assert!(SysctlKey::try_from(bad).is_err(), "{bad:?} was taken for a kernel parameter");
        }
        assert!(Code::try_from("the patient said so").is_err());
    }

    #[test]
    fn a_verb_is_known_or_it_is_not() {
        let verbs = Verbs::of(&["unit.restart", "file.restore", "unit.restart"]).unwrap();
        let place = |word: &str| verbs.find(&word.try_into().unwrap());
        assert_eq!((place("file.restore"), place("unit.restart")), (Some(VerbIndex(0)), Some(VerbIndex(1))));
        assert_eq!(place("unit.stop"), None);
        assert!(Verbs::of(&["Not A Verb"]).is_err());
    }
}
