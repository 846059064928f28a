//! Administrators who can log in with a key of their own: counted, never named.

use std::collections::BTreeSet;

use contract::fact::{Absence, Observation};

use super::settings::lines;
use crate::root::{Root, count};

/// Groups whose members may become root, on Debian and elsewhere.
const GROUPS: [&str; 3] = ["sudo", "wheel", "admin"];

/// A person's account, as far as it matters here.
pub(super) struct Person<'a> {
    pub(super) name: &'a str,
    pub(super) gid: u32,
    pub(super) home: &'a str,
}

/// How many of `people` administer the machine and have a key on it.
pub(super) fn with_key<'p>(root: &Root, people: impl Iterator<Item = Person<'p>>) -> Observation {
    let groups = groups(&root.text("/etc/group")?).ok_or(Absence::Malformed)?;
    let mut found = 0;
    for person in people {
        if is_administrator(&groups, &person) && has_key(root, &person)? {
            found += 1;
        }
    }
    count(found)
}

/// How many of `people`, besides root, may become root and are not among `allowed`.
pub(super) fn unlisted<'p>(
    root: &Root,
    people: impl Iterator<Item = (Person<'p>, u32)>,
    allowed: &BTreeSet<String>,
) -> Observation {
    let groups = groups(&root.text("/etc/group")?).ok_or(Absence::Malformed)?;
    let unlisted = people
        .filter(|(person, uid)| person.name != "root" && (*uid == 0 || is_administrator(&groups, person)))
        .filter(|(person, _)| !allowed.contains(person.name));
    count(unlisted.count())
}

fn is_administrator(groups: &[(u32, Vec<String>)], person: &Person<'_>) -> bool {
    groups.iter().any(|(gid, members)| *gid == person.gid || members.iter().any(|m| m == person.name))
}

/// The number and the members of each group that administers.
fn groups(text: &str) -> Option<Vec<(u32, Vec<String>)>> {
    let mut groups = Vec::new();
    for line in text.lines().filter(|l| !l.is_empty()) {
        let fields: Vec<&str> = line.split(':').collect();
        let [name, _, gid, members] = fields[..] else { return None };
        if GROUPS.contains(&name) {
            groups.push((gid.parse().ok()?, members.split(',').map(str::to_owned).collect()));
        }
    }
    Some(groups)
}

/// Where sshd looks by default, and where NixOS puts what its generation declares.
pub(super) fn key_files(name: &str, home: &str) -> [String; 3] {
    [
        format!("{home}/.ssh/authorized_keys"),
        format!("{home}/.ssh/authorized_keys2"),
        format!("/etc/ssh/authorized_keys.d/{name}"),
    ]
}

fn has_key(root: &Root, person: &Person<'_>) -> Result<bool, Absence> {
    for file in key_files(person.name, person.home) {
        if root.optional_text(file)?.is_some_and(|text| lines(&text).next().is_some()) {
            return Ok(true);
        }
    }
    Ok(false)
}
