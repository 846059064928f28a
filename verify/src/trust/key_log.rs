//! Key logs: which key counts for heads of which sizes (docs/evidence-format.md §6).
//!
//! Kept by whoever trusts it, outside of what is verified. Revocation is a last size: no clock has a say in it.

use tlog::checkpoint::Origin;
use tlog::note::{KeyError, SignatureType, VerifierKey};

/// The first line of a key log.
const HEADER: &str = "suture key log v1";

/// The keys of one log, each with the sizes of heads that it counts for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyLog {
    origin: Origin,
    terms: Vec<Term>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Term {
    key: VerifierKey,
    first: u64,
    /// None while nothing ends it.
    last: Option<u64>,
}

/// Why a text is not a key log, and the line that says so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {fault}")]
pub struct KeyLogError {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub fault: KeyLogFault,
}

/// Why a line cannot be part of a key log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyLogFault {
    /// Not the line that begins every key log.
    #[error("a key log begins with the line `{HEADER}`")]
    Header,
    /// Not a log's origin.
    #[error("the second line is the log's origin")]
    Origin,
    /// There is no line for a key, or the last one does not end in a newline.
    #[error("a key log names at least one key, and its last line ends in a newline")]
    End,
    /// Not three fields.
    #[error("not <verifier key> <first size> <last size, or ->, with one space between them")]
    Fields,
    /// Not a key.
    #[error("{0}")]
    Key(KeyError),
    /// A key of another log, or a witness's.
    #[error("not a key that signs heads of this log")]
    OtherKey,
    /// Sizes that are no numbers, or that do not come after those of the line before.
    #[error("sizes are numbers from 1, the last not below the first, and above those of the line before")]
    Sizes,
}

impl KeyLog {
    /// Reads a key log.
    pub fn parse(text: &str) -> Result<Self, KeyLogError> {
        let fault = |line, fault| KeyLogError { line, fault };
        let lines: Vec<&str> = text.split('\n').collect();
        if lines.first() != Some(&HEADER) {
            return Err(fault(1, KeyLogFault::Header));
        }
        let Some((&"", lines)) = lines.split_last() else {
            return Err(fault(lines.len(), KeyLogFault::End));
        };
        let [_, origin, rest @ ..] = lines else { return Err(fault(2, KeyLogFault::Origin)) };
        let origin = origin.parse().map_err(|_| fault(2, KeyLogFault::Origin))?;
        let mut log = Self { origin, terms: Vec::new() };
        for (n, line) in rest.iter().enumerate() {
            let term = log.term(line).map_err(|why| fault(n + 3, why))?;
            log.terms.push(term);
        }
        if log.terms.is_empty() { Err(fault(3, KeyLogFault::End)) } else { Ok(log) }
    }

    fn term(&self, line: &str) -> Result<Term, KeyLogFault> {
        let fields: Vec<&str> = line.split(' ').collect();
        let &[key, first, last] = fields.as_slice() else { return Err(KeyLogFault::Fields) };
        let key: VerifierKey = key.parse().map_err(KeyLogFault::Key)?;
        if key.label().name != *self.origin.key_name() || key.signature_type() != SignatureType::Ed25519 {
            return Err(KeyLogFault::OtherKey);
        }
        let first = size(first).ok_or(KeyLogFault::Sizes)?;
        let last = if last == "-" { None } else { Some(size(last).ok_or(KeyLogFault::Sizes)?) };
        // A term without an end leaves nothing for those after it.
        let floor = self.terms.last().map_or(Some(0), |before| before.last);
        let ascends = floor.is_some_and(|floor| first > floor) && last.is_none_or(|last| last >= first);
        if ascends { Ok(Term { key, first, last }) } else { Err(KeyLogFault::Sizes) }
    }

    /// The log that it is about.
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Whether it lists a key, for whatever sizes.
    pub(crate) fn lists(&self, key: &VerifierKey) -> bool {
        self.keys().any(|listed| listed == key)
    }

    /// Its keys, in its order.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &VerifierKey> {
        self.terms.iter().map(|term| &term.key)
    }

    /// The key whose heads of this size count.
    pub(crate) fn in_force(&self, size: u64) -> Option<&VerifierKey> {
        let covers = |term: &&Term| term.first <= size && term.last.is_none_or(|last| size <= last);
        self.terms.iter().find(covers).map(|term| &term.key)
    }
}

/// A decimal number above 0, without a sign and without leading zeros.
fn size(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    if plain { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tlog::note::SigningKey;

    fn key(name: &str, seed: u8) -> String {
        let key = SigningKey::from_seed(name.parse().unwrap(), SignatureType::Ed25519, &[seed; 32]);
        key.unwrap().verifier().to_string()
    }

    #[test]
    fn a_key_counts_for_its_sizes() {
        let (one, two) = (key("a/h", 1), key("a/h", 2));
        let log = format!("{HEADER}\na/h\n{one} 1 17\n{two} 20 -\n");
        let log = KeyLog::parse(&log).unwrap();
        let at = |size| log.in_force(size).map(ToString::to_string);
        assert_eq!(
            (at(1), at(17), at(20), at(u64::MAX)),
            (Some(one.clone()), Some(one), Some(two.clone()), Some(two))
        );
        assert_eq!((at(0), at(18), at(19)), (None, None, None));
        assert!(log.lists(&key("a/h", 2).parse().unwrap()) && !log.lists(&key("a/h", 3).parse().unwrap()));
    }

    #[test]
    fn what_is_no_key_log_is_refused_with_its_line() {
        let (one, two, other) = (key("a/h", 1), key("a/h", 2), key("a/i", 1));
        for (body, line, fault) in [
            (String::new(), 3, KeyLogFault::End),
            (format!("{one} 1 -"), 3, KeyLogFault::End),
            (format!("{one} 1\n"), 3, KeyLogFault::Fields),
            (format!("{one}  1 -\n"), 3, KeyLogFault::Fields),
            (format!("{one} 1 - \n"), 3, KeyLogFault::Fields),
            (format!("{one} 0 -\n"), 3, KeyLogFault::Sizes),
            (format!("{one} 01 -\n"), 3, KeyLogFault::Sizes),
            (format!("{one} +1 -\n"), 3, KeyLogFault::Sizes),
            (format!("{one} 5 4\n"), 3, KeyLogFault::Sizes),
            (format!("{one} 1 5\n{two} 5 -\n"), 4, KeyLogFault::Sizes),
            (format!("{one} 1 -\n{two} 5 -\n"), 4, KeyLogFault::Sizes),
            (format!("{other} 1 -\n"), 3, KeyLogFault::OtherKey),
            ("x 1 -\n".to_owned(), 3, KeyLogFault::Key(KeyError::Form)),
            (format!("{one} 1 5\n\n"), 4, KeyLogFault::Fields),
        ] {
            let found = KeyLog::parse(&format!("{HEADER}\na/h\n{body}")).unwrap_err();
            assert_eq!(found, KeyLogError { line, fault }, "{body}");
        }
        assert_eq!(KeyLog::parse("suture key log v2\na/h\n").unwrap_err().fault, KeyLogFault::Header);
        assert_eq!(KeyLog::parse("").unwrap_err().fault, KeyLogFault::Header);
    }
}
