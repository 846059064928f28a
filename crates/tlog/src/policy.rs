//! Whose signatures make a checkpoint count: trust policy files (<https://c2sp.org/tlog-policy>).
//!
//! Beyond the specification: logs have Ed25519 keys and witnesses Ed25519 cosigning keys. A key of another type
//! could never be checked here, so a policy that builds on one is refused instead of half obeyed.

use crate::decimal;
use crate::note::{KeyError, SignatureType, VerifierKey};

/// The logs and witnesses that someone trusts, and which of the witnesses have to agree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    logs: Vec<Party>,
    witnesses: Vec<Party>,
    rules: Vec<Rule>,
    /// Position of the rule that decides. Only a policy still being read has none, and nothing satisfies that.
    quorum: Option<usize>,
}

/// A log or a witness in a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Party {
    /// A witness's name in this policy, which means nothing outside it; for a log the name of its key.
    pub name: String,
    /// An Ed25519 key of a log, or a cosigning key of a witness.
    pub key: VerifierKey,
    /// Where it is reached; the protocol is the application's to know.
    pub url: Option<String>,
}

/// What a name stands for: it holds when `least` of its witness and its members do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Rule {
    /// Names are octets to be compared, and need not be UTF-8.
    name: Vec<u8>,
    /// The one witness of a rule that is a witness.
    witness: Option<VerifierKey>,
    /// Positions of earlier rules, for a rule that is a group.
    members: Vec<usize>,
    least: usize,
    /// Whether it is a member of a group: no name may be so twice.
    listed: bool,
}

impl Policy {
    /// Reads a policy file, whose lines all end in a newline.
    pub fn parse(file: impl AsRef<[u8]>) -> Result<Self, PolicyError> {
        // The predefined name is a group that needs nobody, and that no other group may list.
        let none = Rule { name: b"none".to_vec(), listed: true, ..Rule::default() };
        let mut policy = Self { logs: Vec::new(), witnesses: Vec::new(), rules: vec![none], quorum: None };
        let mut line = 0;
        for text in file.as_ref().split_inclusive(|byte| *byte == b'\n') {
            line += 1;
            policy.read(text).map_err(|fault| PolicyError { line, fault })?;
        }
        let complete = policy.quorum.is_some();
        if complete { Ok(policy) } else { Err(PolicyError { line, fault: PolicyFault::Quorum }) }
    }

    /// The logs, any one of which may sign. None at all where the log is known from elsewhere.
    pub fn logs(&self) -> &[Party] {
        &self.logs
    }

    /// The witnesses, whether the quorum depends on them or not.
    pub fn witnesses(&self) -> &[Party] {
        &self.witnesses
    }

    /// Whether the witnesses that have cosigned are enough. `seen` says of a key whether its cosignature was
    /// verified.
    pub fn satisfied(&self, seen: impl Fn(&VerifierKey) -> bool) -> bool {
        let mut held = Vec::with_capacity(self.rules.len());
        for rule in &self.rules {
            let witness = usize::from(rule.witness.as_ref().is_some_and(&seen));
            held.push(witness + rule.members.iter().filter(|at| held[**at]).count() >= rule.least);
        }
        self.quorum.is_some_and(|at| held[at])
    }

    fn read(&mut self, line: &[u8]) -> Result<(), PolicyFault> {
        let line = line.strip_suffix(b"\n").ok_or(PolicyFault::Character)?;
        if line.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') {
            return Err(PolicyFault::Character);
        }
        let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
        let words: Vec<&[u8]> = line.split(blank).filter(|word| !word.is_empty()).collect();
        match words.as_slice() {
            [] => {}
            [first, ..] if first.starts_with(b"#") => {}
            [b"log", key, url @ ..] if url.len() <= 1 => {
                let key = parse_key(key, SignatureType::Ed25519, &self.logs)?;
                self.logs.push(Party { name: key.label().name.to_string(), key, url: url.first().map(text) });
            }
            [b"witness", name, key, url @ ..] if url.len() <= 1 => {
                let key = parse_key(key, SignatureType::CosignatureV1, &self.witnesses)?;
                self.define(name, Rule { witness: Some(key.clone()), least: 1, ..Rule::default() })?;
                self.witnesses.push(Party { name: text(name), key, url: url.first().map(text) });
            }
            [b"group", name, least, members @ ..] => {
                let members = members.iter().map(|name| self.list(name)).collect::<Result<Vec<_>, _>>()?;
                let least = threshold(least, members.len()).ok_or(PolicyFault::Threshold)?;
                self.define(name, Rule { members, least, ..Rule::default() })?;
            }
            [b"quorum", name] if self.quorum.is_none() => self.quorum = Some(self.find(name)?),
            [b"quorum", _] => return Err(PolicyFault::Quorum),
            _ => return Err(PolicyFault::Line),
        }
        Ok(())
    }

    fn define(&mut self, name: &[u8], rule: Rule) -> Result<(), PolicyFault> {
        if self.find(name).is_ok() {
            return Err(PolicyFault::Taken);
        }
        self.rules.push(Rule { name: name.to_vec(), ..rule });
        Ok(())
    }

    fn find(&self, name: &[u8]) -> Result<usize, PolicyFault> {
        self.rules.iter().position(|rule| rule.name == name).ok_or(PolicyFault::Undefined)
    }

    /// Finds a name that becomes the member of a group.
    fn list(&mut self, name: &[u8]) -> Result<usize, PolicyFault> {
        let at = self.find(name)?;
        let listed = std::mem::replace(&mut self.rules[at].listed, true);
        if listed { Err(PolicyFault::Listed) } else { Ok(at) }
    }
}

/// Reads a key that can do its part, and that is none of `others` under another name.
fn parse_key(key: &[u8], wanted: SignatureType, others: &[Party]) -> Result<VerifierKey, PolicyFault> {
    let key = str::from_utf8(key).map_err(|_| KeyError::Form).and_then(str::parse::<VerifierKey>);
    let key = key.and_then(|key| key.expect_type(wanted).map(|()| key)).map_err(PolicyFault::Key)?;
    let repeated = others.iter().any(|other| other.key.public() == key.public());
    if repeated { Err(PolicyFault::RepeatedKey) } else { Ok(key) }
}

/// How many of a group's members are needed: a number from 1 to all of them.
fn threshold(word: &[u8], members: usize) -> Option<usize> {
    let least = match word {
        b"any" => 1,
        b"all" => members,
        number => usize::try_from(decimal::parse(str::from_utf8(number).ok()?)?).ok()?,
    };
    Some(least).filter(|least| (1..=members).contains(least))
}

fn text(word: &&[u8]) -> String {
    String::from_utf8_lossy(word).into_owned()
}

/// Why a file is not a policy, and the line that says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {fault}")]
pub struct PolicyError {
    /// The line, counted from 1; the last one where something is missing.
    pub line: usize,
    /// What is wrong with it.
    pub fault: PolicyFault,
}

/// Why a line cannot be part of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PolicyFault {
    /// A control character other than a tab, or no newline at the end of the file.
    #[error("a control character other than a tab, or no newline at the end")]
    Character,
    /// None of the four lines that exist, or a word too many or too few.
    #[error(
        "not log <key> [<url>], witness <name> <key> [<url>], group <name> all|any|<k> <name>... or quorum <name>"
    )]
    Line,
    /// Not the key of a log or of a witness.
    #[error(transparent)]
    Key(KeyError),
    /// The key stands for another log or witness already, perhaps by another name.
    #[error("the key is listed already")]
    RepeatedKey,
    /// The name is defined already, or is `none`.
    #[error("the name is defined already")]
    Taken,
    /// The name is not defined before this line.
    #[error("a name that no earlier line defines")]
    Undefined,
    /// The name is a member of a group already, or is `none`.
    #[error("a name that cannot be a member of a group, or is one already")]
    Listed,
    /// A group that nothing, or no set of its members, could satisfy.
    #[error("a group takes all, any, or a number from 1 to that of its members")]
    Threshold,
    /// No quorum line, or a second one.
    #[error("a policy has exactly one quorum line")]
    Quorum,
}
