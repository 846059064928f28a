//! SSH keys that are put down for logging in, held against those that may be: counted, never named.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use contract::allowlist::Fingerprint;
use contract::fact::{Absence, Observation};

use super::administrators::key_files;
use super::settings::lines;
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
        for line in lines(&text) {
            let key = fingerprint(line).ok_or(Absence::Malformed)?;
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
    let known = lines(&text).all(|line| {
        let mut words = line.split([' ', '\t', '=']).filter(|word| !word.is_empty());
        match words.next().unwrap_or_default().to_ascii_lowercase().as_str() {
            "authorizedkeysfile" => words.all(|file| KEY_FILES.contains(&file.trim_matches('"'))),
            "authorizedkeyscommand" | "trustedusercakeys" => words.all(|word| word == "none"),
            // What lies elsewhere may say anything.
            "include" => words.all(|file| {
                file.starts_with("/etc/ssh/sshd_config.d/") || file.starts_with("sshd_config.d/")
            }),
            _ => true,
        }
    });
    if known { Ok(()) } else { Err(Absence::Unsupported) }
}

/// The places of [`key_files`], as `sshd_config(5)` has them.
const KEY_FILES: [&str; 6] = [
    "none",
    ".ssh/authorized_keys",
    ".ssh/authorized_keys2",
    "%h/.ssh/authorized_keys",
    "%h/.ssh/authorized_keys2",
    "/etc/ssh/authorized_keys.d/%u",
];

/// `[options] ssh-ed25519 AAAA… [comment]`: the first word that is a key's public half. All of them begin with the length of their own kind.
fn fingerprint(line: &str) -> Option<Fingerprint> {
    let blobs = line.split_whitespace().filter(|word| word.starts_with("AAAA"));
    let mut decoded = blobs.filter_map(|blob| BASE64_STANDARD.decode(blob).ok());
    decoded.next().map(|key| Fingerprint::of(&key))
}
