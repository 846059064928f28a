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

/// `[options] ssh-ed25519 AAAA… [comment]`: the first word that is a key's public half. All of them begin with the length of their own kind.
fn fingerprint(line: &str) -> Option<Fingerprint> {
    let blobs = line.split_whitespace().filter(|word| word.starts_with("AAAA"));
    let mut decoded = blobs.filter_map(|blob| BASE64_STANDARD.decode(blob).ok());
    decoded.next().map(|key| Fingerprint::of(&key))
}
