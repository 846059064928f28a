//! Administrators who can log in with a key of their own: counted, never named.

use std::collections::BTreeSet;

use contract::fact::{Absence, Observation};

use super::settings::lines;
use super::sudoers;
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
    let groups =
        groups(&root.text("/etc/group")?, |name| GROUPS.contains(&name)).ok_or(Absence::Malformed)?;
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
    let text = root.text("/etc/group")?;
    let by_rule = ByRule::of(root)?;
    let mighty = groups(&text, |name| GROUPS.contains(&name) || by_rule.groups.contains(name));
    let mighty = mighty.ok_or(Absence::Malformed)?;
    let administers = |person: &Person<'_>, uid: u32| {
        uid == 0 || is_administrator(&mighty, person) || by_rule.users.contains(person.name)
    };
    let unlisted = people
        .filter(|(person, uid)| person.name != "root" && administers(person, *uid))
        .filter(|(person, _)| !allowed.contains(person.name));
    count(unlisted.count())
}

/// Whom a rule of sudo's lets do anything.
#[derive(Default)]
struct ByRule {
    users: BTreeSet<String>,
    groups: BTreeSet<String>,
}

impl ByRule {
    /// Of a machine without sudo nobody. A rule over an alias, a netgroup, a number or all of a kind may mean anybody: then it is not known who is meant.
    fn of(root: &Root) -> Result<Self, Absence> {
        let mut found = Self::default();
        let lines = match sudoers::lines(root) {
            Ok(lines) => lines,
            Err(Absence::NotInstalled) => return Ok(found),
            Err(absence) => return Err(absence),
        };
        for line in lines {
            let Some((left, commands)) = line.split_once('=') else { continue };
            if left.starts_with("Defaults") || left.contains("_Alias") || !names_all(commands) {
                continue;
            }
            // `ann, %staff host = …`: the last word before `=` is the host, or a list of them.
            let mut words = left.trim().rsplitn(2, char::is_whitespace);
            let (_, users) = (words.next(), words.next().ok_or(Absence::Malformed)?);
            for user in users.split(',').map(str::trim) {
                let group = user.strip_prefix('%');
                let name = group.unwrap_or(user);
                if !is_name(name) {
                    return Err(Absence::Unsupported);
                }
                let names = if group.is_some() { &mut found.groups } else { &mut found.users };
                names.insert(name.to_owned());
            }
        }
        Ok(found)
    }
}

/// Whether a rule is for every command, and not for named ones alone. Whom they are run as stands in brackets.
fn names_all(commands: &str) -> bool {
    let outside = commands.split('(').filter_map(|part| part.rsplit(')').next());
    let mut words = outside.flat_map(|part| part.split([' ', '\t', ',', ':', '=']));
    words.any(|word| word == "ALL")
}

/// One account or group, written out. Aliases are in capitals, and so is `ALL`.
fn is_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    !name.is_empty() && name.bytes().all(plain) && !name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')
}

fn is_administrator(groups: &[(u32, Vec<String>)], person: &Person<'_>) -> bool {
    groups.iter().any(|(gid, members)| *gid == person.gid || members.iter().any(|m| m == person.name))
}

/// The number and the members of each group that is `wanted`.
fn groups(text: &str, wanted: impl Fn(&str) -> bool) -> Option<Vec<(u32, Vec<String>)>> {
    let mut groups = Vec::new();
    for line in text.lines().filter(|l| !l.is_empty()) {
        let fields: Vec<&str> = line.split(':').collect();
        let [name, _, gid, members] = fields[..] else { return None };
        if wanted(name) {
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
