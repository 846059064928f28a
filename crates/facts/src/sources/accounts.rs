//! `/etc/passwd`, `/etc/shadow` and the shells' start-up files: counts only, no name leaves this module.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt as _;

use contract::allowlist::Allowlist;
use contract::fact::{Absence, Observation};

use super::administrators::{self, Person};
use super::{FactSource, keys, shells, sudoers};
use crate::config::Config;
use crate::inputs::{self, Input, UNHEARD};
use crate::root::{Root, count};

/// Accounts of people begin here, on Debian and on NixOS.
const FIRST_PERSON: u32 = 1000;
/// `nobody`, on every Linux.
const NOBODY: u32 = 65534;
/// Shells that let nobody in.
const NO_SHELLS: [&str; 5] = ["nologin", "false", "sync", "shutdown", "halt"];
/// The crypt(5) methods that are slow enough: yescrypt, gost-yescrypt, scrypt, SHA-512, bcrypt.
const STRONG_HASHES: [&str; 7] = ["$y$", "$gy$", "$7$", "$6$", "$2a$", "$2b$", "$2y$"];

/// Accounts and passwords.
pub(crate) struct Accounts<'a> {
    root: &'a Root,
    allowed: &'a Result<Allowlist, Absence>,
    passwd: OnceCell<Result<Vec<Account>, Absence>>,
    shadow: OnceCell<Result<Vec<Shadow>, Absence>>,
}

struct Account {
    name: String,
    uid: u32,
    gid: u32,
    has_empty_password: bool,
    home: String,
    has_shell: bool,
}

impl Account {
    const fn is_person(&self) -> bool {
        self.uid >= FIRST_PERSON && self.uid != NOBODY && self.has_shell
    }
}

struct Shadow {
    name: String,
    password: String,
}

impl<'a> Accounts<'a> {
    pub(crate) fn new(config: &'a Config) -> Self {
        Self {
            root: &config.root,
            allowed: &config.allowed,
            passwd: OnceCell::new(),
            shadow: OnceCell::new(),
        }
    }

    fn accounts(&self) -> Result<&[Account], Absence> {
        let read = || parse_passwd(&self.root.text("/etc/passwd")?).ok_or(Absence::Malformed);
        self.passwd.get_or_init(read).as_deref().map_err(|a| *a)
    }

    fn passwords(&self) -> Result<&[Shadow], Absence> {
        let read = || parse_shadow(&self.root.text("/etc/shadow")?).ok_or(Absence::Malformed);
        self.shadow.get_or_init(read).as_deref().map_err(|a| *a)
    }

    fn counted(&self, which: impl Fn(&Account) -> bool) -> Observation {
        count(self.accounts()?.iter().filter(|a| which(a)).count())
    }

    fn duplicate_uids(&self) -> Observation {
        let accounts = self.accounts()?;
        let distinct: BTreeSet<u32> = accounts.iter().map(|a| a.uid).collect();
        count(accounts.len() - distinct.len())
    }

    fn empty_passwords(&self) -> Observation {
        let in_shadow = self.passwords()?.iter().filter(|s| s.password.is_empty()).count();
        count(in_shadow + self.accounts()?.iter().filter(|a| a.has_empty_password).count())
    }

    fn weak_password_hashes(&self) -> Observation {
        let weak = |p: &str| opens(p) && !STRONG_HASHES.iter().any(|s| p.starts_with(s));
        count(self.passwords()?.iter().filter(|s| weak(&s.password)).count())
    }

    /// Accounts made for software, which nobody should be able to log in to.
    fn system_accounts_with_password(&self) -> Observation {
        let passwords = self.passwords()?;
        let has_password = |a: &Account| passwords.iter().any(|s| s.name == a.name && opens(&s.password));
        self.counted(|a| (1..FIRST_PERSON).contains(&a.uid) && has_password(a))
    }

    fn administrators_with_key(&self) -> Observation {
        let people = self.accounts()?.iter().filter(|a| a.is_person());
        administrators::with_key(
            self.root,
            people.map(|a| Person { name: &a.name, gid: a.gid, home: &a.home }),
        )
    }

    fn administrators_inputs(&self) -> Vec<Input> {
        let people = self.accounts().unwrap_or_default().iter().filter(|a| a.is_person());
        let keys = people.flat_map(|a| administrators::key_files(&a.name, &a.home));
        [inputs::files(self.root, ["/etc/passwd", "/etc/group"]), inputs::files(self.root, keys)].concat()
    }

    fn unlisted_administrators(&self) -> Observation {
        let allowed = self.allowed(|list| list.administrators.as_ref())?;
        let people = self.accounts()?.iter();
        let people = people.map(|a| (Person { name: &a.name, gid: a.gid, home: &a.home }, a.uid));
        administrators::unlisted(self.root, people, allowed)
    }

    fn unlisted_ssh_keys(&self) -> Observation {
        let allowed = self.allowed(|list| list.ssh_keys.as_ref())?;
        keys::unlisted(
            self.root,
            self.accounts()?.iter().map(|a| (a.name.as_str(), a.home.as_str())),
            allowed,
        )
    }

    /// What the allowlist says of one kind of thing.
    fn allowed<T>(&self, of: impl Fn(&'a Allowlist) -> Option<&'a T>) -> Result<&'a T, Absence> {
        of(self.allowed.as_ref().map_err(|absence| *absence)?).ok_or(Absence::NotDeclared)
    }

    fn open_home_directories(&self) -> Observation {
        let mut open = 0;
        for account in self.accounts()? {
            if !account.is_person() {
                continue;
            }
            match self.root.lstat(&account.home) {
                Ok(home) if home.is_dir() && home.mode() & 0o007 != 0 => open += 1,
                // An account whose home was never made has nothing to read there.
                Ok(_) | Err(Absence::NotInstalled) => {}
                Err(absence) => return Err(absence),
            }
        }
        count(open)
    }
}

impl FactSource for Accounts<'_> {
    fn read(&self, name: &str) -> Observation {
        match name {
            "uid_zero" => self.counted(|a| a.uid == 0),
            "duplicate_uids" => self.duplicate_uids(),
            "empty_passwords" => self.empty_passwords(),
            "weak_password_hashes" => self.weak_password_hashes(),
            "system_accounts_with_shell" => {
                self.counted(|a| (1..FIRST_PERSON).contains(&a.uid) && a.has_shell)
            }
            "system_accounts_with_password" => self.system_accounts_with_password(),
            "administrators_with_key" => self.administrators_with_key(),
            "open_home_directories" => self.open_home_directories(),
            "shell_timeout_seconds" => shells::timeout_seconds(self.root),
            "unlisted_administrators" => self.unlisted_administrators(),
            "unlisted_ssh_keys" => self.unlisted_ssh_keys(),
            _ => Err(Absence::Unsupported),
        }
    }

    fn inputs(&self, name: &str) -> Vec<Input> {
        let root = self.root;
        let passwd = || inputs::files(root, ["/etc/passwd"]);
        let with_shadow = || inputs::files(root, ["/etc/passwd", "/etc/shadow"]);
        match name {
            "uid_zero" | "duplicate_uids" | "system_accounts_with_shell" => passwd(),
            "empty_passwords" | "system_accounts_with_password" => with_shadow(),
            "weak_password_hashes" => inputs::files(root, ["/etc/shadow"]),
            "administrators_with_key" => self.administrators_inputs(),
            "open_home_directories" => {
                let people = self.accounts().unwrap_or_default().iter().filter(|a| a.is_person());
                [passwd(), inputs::places(root, people.map(|a| &a.home))].concat()
            }
            "shell_timeout_seconds" => shells::inputs(root),
            "unlisted_administrators" => {
                let files = inputs::files(root, ["/etc/passwd", "/etc/group"]);
                [files, sudoers::inputs(root), vec![Input::Every(UNHEARD)]].concat()
            }
            "unlisted_ssh_keys" => {
                let keys = self
                    .accounts()
                    .unwrap_or_default()
                    .iter()
                    .flat_map(|a| administrators::key_files(&a.name, &a.home));
                let [main, drop_ins] = keys::SSHD;
                let more = inputs::entries(root, [keys::DIRECTORY, drop_ins]);
                let files = inputs::files(root, keys.chain([main.to_owned()]));
                [passwd(), files, more, vec![Input::Every(UNHEARD)]].concat()
            }
            _ => Vec::new(),
        }
    }
}

/// `None` where a line has not seven fields, or where there is no account at all. NIS lines (`+`, `-`) hide accounts that we cannot see.
fn parse_passwd(text: &str) -> Option<Vec<Account>> {
    let account = |line: &str| {
        let fields: Vec<&str> = line.split(':').collect();
        let [name, password, uid, gid, _, home, shell] = fields[..] else { return None };
        let shell_name = shell.rsplit('/').next().unwrap_or_default();
        Some(Account {
            name: name.to_owned(),
            uid: uid.parse().ok()?,
            gid: gid.parse().ok()?,
            has_empty_password: password.is_empty(),
            home: home.to_owned(),
            // An empty field means `/bin/sh`.
            has_shell: !NO_SHELLS.contains(&shell_name),
        })
    };
    let accounts = text.lines().filter(|l| !l.is_empty()).map(account).collect::<Option<Vec<_>>>()?;
    (!accounts.is_empty()).then_some(accounts)
}

/// Whether a password field lets anyone in who knows the password. A locked one (`!`, `*`) does not; an empty one is counted elsewhere.
fn opens(password: &str) -> bool {
    !password.is_empty() && !password.starts_with(['!', '*'])
}

/// The first two fields of each line; `None` where a line has not nine fields, or where there is no line at all.
fn parse_shadow(text: &str) -> Option<Vec<Shadow>> {
    let entry = |line: &str| {
        let fields: Vec<&str> = line.split(':').collect();
        let shadow = || Shadow { name: fields[0].to_owned(), password: fields[1].to_owned() };
        (fields.len() == 9).then(shadow)
    };
    let entries = text.lines().filter(|l| !l.is_empty()).map(entry).collect::<Option<Vec<_>>>()?;
    (!entries.is_empty()).then_some(entries)
}
