//! Who can still get in: from the machine's own account files, below a root. What is read here stays here; only whether somebody can goes out.

use std::path::{Path, PathBuf};

use crate::HandError;

/// Groups whose members may become root.
const ADMINS: [&str; 3] = ["sudo", "wheel", "admin"];

/// Shells that let nobody in.
const NO_SHELLS: [&str; 2] = ["nologin", "false"];

/// No account file is near this long.
const BYTES_MAX: u64 = 8 << 20;

/// The numbers that systems keep for their own accounts, root's aside.
const SYSTEM: std::ops::Range<u32> = 1..1000;

/// The accounts of a machine.
#[derive(Debug)]
pub(crate) struct Logins {
    root: PathBuf,
    accounts: Vec<Login>,
    admins: Vec<String>,
}

/// One account.
#[derive(Debug)]
pub(crate) struct Login {
    pub(crate) name: String,
    uid: u32,
    home: String,
    has_shell: bool,
    /// Its password field in `/etc/shadow`; none where it has no line there.
    pub(crate) password: Option<String>,
    is_admin: bool,
}

impl Logins {
    /// Reads them.
    pub(crate) fn read(root: &Path) -> Result<Self, HandError> {
        let text = |name: &str| -> Result<String, HandError> {
            let path = root.join("etc").join(name);
            edge::file::read_text(&path, BYTES_MAX).map_err(|e| HandError::File {
                path: e.path,
                action: "read the accounts",
                source: e.source,
            })
        };
        let (passwd, group, shadow) = (text("passwd")?, text("group")?, text("shadow")?);
        let (admins, admin_gids) = admins(&group);
        let account = |line: &str| {
            let fields: Vec<&str> = line.split(':').collect();
            let [name, _, uid, gid, _, home, shell] = fields[..] else { return None };
            let gid: u32 = gid.parse().ok()?;
            Some(Login {
                name: name.to_owned(),
                uid: uid.parse().ok()?,
                home: home.to_owned(),
                has_shell: !NO_SHELLS.contains(&shell.rsplit('/').next().unwrap_or_default()),
                password: password(&shadow, name),
                is_admin: admins.iter().any(|admin| admin == name) || admin_gids.contains(&gid),
            })
        };
        let accounts = passwd.lines().filter_map(account).collect();
        Ok(Self { root: root.to_owned(), accounts, admins })
    }

    /// All of them.
    pub(crate) fn accounts(&self) -> &[Login] {
        &self.accounts
    }

    /// Whether root, or somebody who may become root, can get in, if the passwords of these accounts were no longer any good.
    pub(crate) fn somebody_can_get_in(&self, without: &[&str]) -> bool {
        self.accounts.iter().any(|login| {
            let has_password = login.has_password() && !without.contains(&login.name.as_str());
            self.is_a_way_to_root(login) && login.has_shell && (has_password || self.has_key(login))
        })
    }

    /// Whether who gets in as this one is root, or may become it.
    pub(crate) fn is_a_way_to_root(&self, login: &Login) -> bool {
        login.uid == 0 || login.is_admin || self.admins.contains(&login.name)
    }

    fn has_key(&self, login: &Login) -> bool {
        let home = self.root.join(login.home.strip_prefix('/').unwrap_or(&login.home));
        let text = edge::file::read(&home.join(".ssh/authorized_keys"), BYTES_MAX).unwrap_or_default();
        let is_key = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
        String::from_utf8_lossy(&text).lines().any(is_key)
    }
}

impl Login {
    /// An account of the system's own, and not root.
    pub(crate) fn is_system(&self) -> bool {
        SYSTEM.contains(&self.uid)
    }

    /// Whether some password is the right one: locked (`!`) and impossible (`*`) fields, and empty ones, are none.
    pub(crate) fn has_password(&self) -> bool {
        let traditional = |hash: &str| {
            hash.len() == 13 && hash.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'/')
        };
        self.password.as_deref().is_some_and(|hash| hash.starts_with(['$', '_']) || traditional(hash))
    }
}

/// The members of the administrators' groups, and those groups' numbers.
fn admins(group: &str) -> (Vec<String>, Vec<u32>) {
    let (mut members, mut numbers) = (Vec::new(), Vec::new());
    for line in group.lines() {
        let fields: Vec<&str> = line.split(':').collect();
        let [name, _, gid, listed] = fields[..] else { continue };
        if ADMINS.contains(&name) {
            members.extend(listed.split(',').filter(|m| !m.is_empty()).map(str::to_owned));
            numbers.extend(gid.parse::<u32>());
        }
    }
    (members, numbers)
}

fn password(shadow: &str, name: &str) -> Option<String> {
    let line = shadow.lines().find(|line| line.split(':').next() == Some(name))?;
    line.split(':').nth(1).map(str::to_owned)
}
