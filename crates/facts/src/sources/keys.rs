//! SSH keys that are put down for logging in, held against those that may be: counted, never named.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use contract::allowlist::Fingerprint;
use contract::fact::{Absence, Observation};

use super::administrators::key_files;
use crate::root::{Root, count};

/// Where keys lie by the name of their account, be there such an account or not.
pub(super) const DIRECTORY: &str = "/etc/ssh/authorized_keys.d";

/// How many keys of any account are not among `allowed`, each once.
pub(super) fn unlisted<'p>(
    root: &Root,
    accounts: impl Iterator<Item = (&'p str, &'p str)>,
    allowed: &BTreeSet<Fingerprint>,
) -> Observation {
    check_places(root)?;
    let mut files: BTreeSet<String> = accounts.flat_map(|(name, home)| key_files(name, home)).collect();
    files.extend(root.names(DIRECTORY)?.into_iter().map(|name| format!("{DIRECTORY}/{name}")));
    let mut unlisted = BTreeSet::new();
    for file in files {
        // A home that is another's device or no directory holds no keys.
        let text = match root.optional_text(&file) {
            Ok(text) => text.unwrap_or_default(),
            Err(absence) => return Err(absence),
        };
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let key = key_of(line)?;
            if !allowed.contains(&key) {
                unlisted.insert(key);
            }
        }
    }
    count(unlisted.len())
}

/// What sshd is configured by.
pub(super) const SSHD: [&str; 2] = ["/etc/ssh/sshd_config", "/etc/ssh/sshd_config.d"];

/// Refuses to judge where sshd takes keys from elsewhere than where we look: another file, a program, or an authority that signs them.
fn check_places(root: &Root) -> Result<(), Absence> {
    let [main, drop_ins] = SSHD;
    let mut text = root.optional_text(main)?.unwrap_or_default();
    for name in root.names(drop_ins)?.iter().filter(|name| name.strip_suffix(".conf").is_some()) {
        text.push('\n');
        text.push_str(&root.text(format!("{drop_ins}/{name}"))?);
    }
    let known = text.lines().map(str::trim).filter(|line| !line.starts_with('#')).all(|line| {
        let mut words = line.split([' ', '\t', '=']).filter(|word| !word.is_empty());
        match words.next().unwrap_or_default().to_ascii_lowercase().as_str() {
            "authorizedkeysfile" => words.all(|file| KEY_FILES.contains(&file.trim_matches('"'))),
            "authorizedkeyscommand" | "trustedusercakeys" => words.all(|word| word == "none"),
            // What lies elsewhere may say anything.
            "include" => words.all(|file| INCLUDED.contains(&file)),
            _ => true,
        }
    });
    if known { Ok(()) } else { Err(Absence::Unsupported) }
}

/// What is read here of what sshd may include.
const INCLUDED: [&str; 2] = ["/etc/ssh/sshd_config.d/*.conf", "sshd_config.d/*.conf"];

/// The places of [`key_files`], as `sshd_config(5)` has them.
const KEY_FILES: [&str; 6] = [
    "none",
    ".ssh/authorized_keys",
    ".ssh/authorized_keys2",
    "%h/.ssh/authorized_keys",
    "%h/.ssh/authorized_keys2",
    "/etc/ssh/authorized_keys.d/%u",
];

/// `[options] ssh-ed25519 AAAA… [comment]` (`sshd(8)`, on the format of `authorized_keys`). Options may hold anything within quotes, also what looks like a key. One that has
/// an authority let in whomever it signs for says nothing of who comes in.
fn key_of(line: &str) -> Result<Fingerprint, Absence> {
    if let Some(key) = typed(line) {
        return Ok(key);
    }
    let (options, rest) = line.split_at(options_end(line).ok_or(Absence::Malformed)?);
    if options.to_ascii_lowercase().contains("cert-authority") {
        return Err(Absence::Unsupported);
    }
    typed(rest.trim_start()).ok_or(Absence::Malformed)
}

/// Where the options end: at the first space that no quotes hold.
fn options_end(line: &str) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    line.bytes().position(|byte| {
        let ends = !quoted && (byte == b' ' || byte == b'\t');
        quoted ^= byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    })
}

/// A kind of key and its public half, which begins with the length and the name of the same kind (RFC 4253, section 6.6).
fn typed(text: &str) -> Option<Fingerprint> {
    let mut words = text.split_whitespace();
    let (kind, blob) = (words.next()?, words.next()?);
    let key = BASE64_STANDARD.decode(blob).ok()?;
    let (length, rest) = key.split_first_chunk::<4>()?;
    let named = rest.get(..usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    (named == kind.as_bytes()).then(|| Fingerprint::of(&key))
}
