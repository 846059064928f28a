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
    let (mut unlisted, mut local) = (BTreeSet::new(), BTreeSet::new());
    for (person, uid) in people {
        local.insert(person.name);
        if person.name != "root" && administers(&person, uid) {
            unlisted.insert(person.name);
        }
    }
    // Accounts that are kept elsewhere are no less mighty.
    let members = mighty.iter().flat_map(|(_, members)| members).chain(&by_rule.users).map(String::as_str);
    unlisted.extend(members.filter(|name| !name.is_empty() && *name != "root" && !local.contains(name)));
    count(unlisted.iter().filter(|name| !allowed.contains(**name)).count())
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
        if !root.has(sudoers::MAIN)? {
            return Ok(found);
        }
        // A file that is included and is not there leaves the rules unknown, and not empty.
        let lines = sudoers::lines(root).map_err(|absence| match absence {
            Absence::NotInstalled => Absence::Unreadable,
            other => other,
        })?;
        for line in lines {
            let Some((left, right)) = line.split_once('=') else { continue };
            let first = left.split([' ', '\t', '@', ':', '!', '>']).next().unwrap_or_default();
            match first {
                // A rule that names it may allow anything.
                "Cmnd_Alias" | "Cmd_Alias" if names_all(right) => return Err(Absence::Unsupported),
                "Defaults" | "User_Alias" | "Runas_Alias" | "Host_Alias" | "Cmnd_Alias" | "Cmd_Alias" => {
                    continue;
                }
                _ if !names_all(right) => continue,
                _ => {}
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

/// Programs that are as good as every command.
const SHELLS: [&str; 10] = ["sh", "bash", "dash", "zsh", "ksh", "csh", "tcsh", "fish", "su", "env"];

/// Whether a rule is for every command, or for one that starts any other, and not for named ones alone. Whom they are run as stands in brackets.
fn names_all(commands: &str) -> bool {
    let outside = commands.split('(').filter_map(|part| part.rsplit(')').next());
    let mut words = outside.flat_map(|part| part.split([' ', '\t', ',', ':', '=']));
    let is_shell = |word: &str| word.rsplit_once('/').is_some_and(|(_, name)| SHELLS.contains(&name));
    words.any(|word| word == "ALL" || is_shell(word))
}

/// One account or group, written out. What is in capitals is an alias, and so is `ALL` (sudoers, "Aliases").
fn is_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    let in_alias = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
    !name.is_empty() && name.bytes().all(plain) && !name.bytes().all(in_alias)
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
