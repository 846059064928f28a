//! Observations: typed facts of a host, or a typed reason why a fact could not be had.
//!
//! A fact never carries log text, a user name or a host name: counts, switches, modes, ports and words of a small alphabet only.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Where a fact comes from. A closed set: each has one room in the `facts` crate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// `/etc/passwd`, `/etc/shadow`, `/etc/group`: counts only.
    Accounts,
    /// The Linux audit subsystem.
    Audit,
    /// Backups and restore tests that were declared to Suture.
    Backup,
    /// How much work waits for the processor, from `/proc/pressure`.
    Cpu,
    /// Disk encryption, swap and room, from `/proc` and `/sys`.
    Disk,
    /// Packet filter rules.
    Firewall,
    /// journald's settings and store.
    Journal,
    /// Listening sockets, from `/proc/net`.
    Listening,
    /// `/etc/login.defs`.
    LoginDefs,
    /// The NixOS generation that runs.
    Nixos,
    /// Suture's own directories, by their role.
    Own,
    /// PAM's configuration.
    Pam,
    /// Owner and mode of a path.
    Path,
    /// The effective configuration of the SSH server, from `sshd -T`.
    Sshd,
    /// sudo's rules.
    Sudo,
    /// Kernel parameters, from `/proc/sys`.
    Sysctl,
    /// The clock's discipline, as chrony or timesyncd tells it.
    Time,
    /// X.509 certificates in files.
    Tls,
    /// systemd's units, over D-Bus.
    Unit,
    /// Package updates.
    Updates,
}

impl Source {
    /// All of them.
    pub const ALL: [Self; 20] = [
        Self::Accounts,
        Self::Audit,
        Self::Backup,
        Self::Cpu,
        Self::Disk,
        Self::Firewall,
        Self::Journal,
        Self::Listening,
        Self::LoginDefs,
        Self::Nixos,
        Self::Own,
        Self::Pam,
        Self::Path,
        Self::Sshd,
        Self::Sudo,
        Self::Sysctl,
        Self::Time,
        Self::Tls,
        Self::Unit,
        Self::Updates,
    ];

    /// Its word in a fact's id.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Accounts => "accounts",
            Self::Audit => "audit",
            Self::Backup => "backup",
            Self::Cpu => "cpu",
            Self::Disk => "disk",
            Self::Firewall => "firewall",
            Self::Journal => "journal",
            Self::Listening => "listening",
            Self::LoginDefs => "login_defs",
            Self::Nixos => "nixos",
            Self::Own => "own",
            Self::Pam => "pam",
            Self::Path => "path",
            Self::Sshd => "sshd",
            Self::Sudo => "sudo",
            Self::Sysctl => "sysctl",
            Self::Time => "time",
            Self::Tls => "tls",
            Self::Unit => "unit",
            Self::Updates => "updates",
        }
    }
}

/// A fact's name: `<source>:<name>`, such as `sshd:permitrootlogin`, `sysctl:kernel.kptr_restrict` or `path:/etc/shadow`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FactId {
    source: Source,
    name: String,
}

/// Why a string is not a fact's id.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "{0:?} is not a fact: it must be `source:name` with a known source and a name of letters, digits and ._/@- without `..`"
)]
pub struct BadFactId(String);

crate::schema::text!(FactId, "^[a-z_]+:[A-Za-z0-9._/@][A-Za-z0-9._/@-]*$", Some((3, 110)));

impl FactId {
    /// Where it comes from.
    pub const fn source(&self) -> Source {
        self.source
    }

    /// Its name within the source.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl FromStr for FactId {
    type Err = BadFactId;
    fn from_str(s: &str) -> Result<Self, BadFactId> {
        let bad = || BadFactId(s.chars().take(80).collect());
        let (source, name) = s.split_once(':').ok_or_else(bad)?;
        let source = Source::ALL.into_iter().find(|k| k.word() == source).ok_or_else(bad)?;
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._/@-".contains(&b);
        let plain = !name.is_empty() && name.len() <= 96 && name.bytes().all(allowed);
        if !plain || name.starts_with('-') || name.split('/').any(|part| part == "..") {
            return Err(bad());
        }
        Ok(Self { source, name: name.to_owned() })
    }
}

impl TryFrom<String> for FactId {
    type Error = BadFactId;
    fn try_from(s: String) -> Result<Self, BadFactId> {
        s.parse()
    }
}

impl From<FactId> for String {
    fn from(id: FactId) -> String {
        id.to_string()
    }
}

impl fmt::Display for FactId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}:{}", self.source.word(), self.name))
    }
}

impl fmt::Debug for FactId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A word of at most 64 characters from `[A-Za-z0-9_.:,+@/-]`: enough for a setting, too little for a sentence.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Word(String);

/// Why a string is not a word.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("not a word of at most 64 characters from [A-Za-z0-9_.:,+@/-]")]
pub struct BadWord;

crate::schema::text!(Word, "^[A-Za-z0-9_.:,+@/-]+$", Some((1, 64)));

impl Word {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Word {
    type Error = BadWord;
    fn try_from(s: String) -> Result<Self, BadWord> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"_.:,+@/-".contains(&b);
        if !s.is_empty() && s.len() <= 64 && s.bytes().all(allowed) { Ok(Self(s)) } else { Err(BadWord) }
    }
}

impl From<Word> for String {
    fn from(w: Word) -> String {
        w.0
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Permission bits including set-uid, set-gid and sticky, written as four octal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FileMode(u16);

/// Why a string is not a file mode.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is not a file mode: it must be four octal digits in quotes, such as \"0700\"")]
pub struct BadFileMode(String);

crate::schema::text!(FileMode, "^[0-7]{4}$", None);

impl FileMode {
    /// The low twelve bits of `st_mode`.
    pub const fn from_st_mode(st_mode: u32) -> Self {
        Self((st_mode & 0o7777) as u16)
    }

    /// The bits.
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// True where this mode grants nothing that `limit` does not.
    pub const fn within(self, limit: Self) -> bool {
        self.0 & !limit.0 == 0
    }
}

impl TryFrom<String> for FileMode {
    type Error = BadFileMode;
    fn try_from(s: String) -> Result<Self, BadFileMode> {
        let octal = s.len() == 4 && s.bytes().all(|b| (b'0'..=b'7').contains(&b));
        match u16::from_str_radix(&s, 8) {
            Ok(bits) if octal => Ok(Self(bits)),
            _ => Err(BadFileMode(s.chars().take(20).collect())),
        }
    }
}

impl From<FileMode> for String {
    fn from(m: FileMode) -> String {
        m.to_string()
    }
}

impl fmt::Display for FileMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04o}", self.0)
    }
}

impl fmt::Debug for FileMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What kind of thing a path names. Symbolic links are never followed, so they are a kind of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A device, socket or pipe.
    Special,
}

/// Who may do what with a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Permissions {
    /// What it is.
    pub kind: FileKind,
    /// Its mode.
    pub mode: FileMode,
    /// Its owner, by number.
    pub uid: u32,
    /// Its group, by number.
    pub gid: u32,
}

/// The value of a fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FactValue {
    /// On or off.
    Flag(bool),
    /// A count, a size or an age; the fact's name says the unit. At most 2^53 either side of zero, so that any JSON reader sees it exactly.
    Number(i64),
    /// A setting.
    Word(Word),
    /// TCP or UDP ports, ascending.
    Ports(Vec<u16>),
    /// Owner and mode of a path.
    Permissions(Permissions),
}

impl fmt::Display for FactValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(true) => f.pad("on"),
            Self::Flag(false) => f.pad("off"),
            Self::Number(n) => f.pad(&n.to_string()),
            Self::Word(w) => f.pad(w.as_str()),
            Self::Ports(p) if p.is_empty() => f.pad("no ports"),
            Self::Ports(p) => f.pad(&p.iter().map(u16::to_string).collect::<Vec<_>>().join(",")),
            Self::Permissions(p) => f.pad(&format!("{} {}:{}", p.mode, p.uid, p.gid)),
        }
    }
}

/// Why a fact could not be had. Never a pass, never a fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Error, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Absence {
    /// Only root may look.
    #[error("needs root")]
    NeedsRoot,
    /// The program or file that would tell is not on this machine.
    #[error("not installed")]
    NotInstalled,
    /// The service that would tell does not run.
    #[error("not running")]
    NotRunning,
    /// It took longer than its limit.
    #[error("timed out")]
    TimedOut,
    /// It is there and could not be read.
    #[error("unreadable")]
    Unreadable,
    /// It was read and made no sense.
    #[error("malformed")]
    Malformed,
    /// It makes no sense on this kind of machine.
    #[error("does not apply here")]
    DoesNotApply,
    /// Nobody has declared to Suture what would have to be looked at.
    #[error("not declared")]
    NotDeclared,
    /// This version has no way to look.
    #[error("no source for it")]
    Unsupported,
}

/// What was seen of one fact.
pub type Observation = Result<FactValue, Absence>;

/// What was seen of a host at one moment. A fact that nobody asked for is not in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FactSet(BTreeMap<FactId, Seen>);

/// An [`Observation`] as it stands in a file: `{"value": …}` or `{"absent": …}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Seen {
    Value(FactValue),
    Absent(Absence),
}

impl FactSet {
    /// Adds what was seen of `id`, replacing what was seen before.
    pub fn insert(&mut self, id: FactId, seen: Observation) {
        self.0.insert(id, seen.map_or_else(Seen::Absent, Seen::Value));
    }

    /// What was seen of `id`; a fact that nobody looked at is [`Absence::Unsupported`], never a value.
    pub fn observation(&self, id: &FactId) -> Observation {
        match self.0.get(id) {
            Some(Seen::Value(v)) => Ok(v.clone()),
            Some(Seen::Absent(a)) => Err(*a),
            None => Err(Absence::Unsupported),
        }
    }

    /// How many facts were looked at.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True where nothing was looked at.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_words_hold_no_sentence_and_no_escape() {
        for bad in
            ["", "sshd", "sshd:", "nosource:x", "path:/etc/../shadow", "sshd:a b", "path:-x", "sshd:a\n"]
        {
            assert!(bad.parse::<FactId>().is_err(), "{bad:?} was taken");
        }
        assert_eq!("path:/etc/shadow".parse::<FactId>().unwrap().name(), "/etc/shadow");
        assert!(Word::try_from("please ignore".to_owned()).is_err());
        assert!(Word::try_from("x".repeat(65)).is_err());
    }

    #[test]
    fn a_mode_is_four_octal_digits_and_compares_by_what_it_grants() {
        let mode = |s: &str| FileMode::try_from(s.to_owned());
        assert!(mode("0700").unwrap().within(mode("0700").unwrap()));
        assert!(!mode("0750").unwrap().within(mode("0700").unwrap()));
        assert!(!mode("4700").unwrap().within(mode("0755").unwrap()));
        for bad in ["700", "+700", "0800", "00700", "-700"] {
            assert!(mode(bad).is_err(), "{bad} was taken");
        }
    }

    #[test]
    fn what_nobody_looked_at_is_absent() {
        let set = FactSet::default();
        assert_eq!(set.observation(&"sshd:permitrootlogin".parse().unwrap()), Err(Absence::Unsupported));
    }
}
