//! `user.lock`: lock the accounts that a rule picks, by a `!` before their password field. Inverse: the fields that they had.
//!
//! The account files are changed under the lock that `passwd`, `useradd` and the like take (`lckpwdf`: a record lock on `/etc/.pwd.lock`), and whole:
//! a new file takes the old one's place. The snapshot keeps the fields that are changed and nothing else of the file, since undoing gives back those
//! fields alone: accounts made and passwords set meanwhile stay. No name leaves the machine: the record has the snapshot's digest and a count.
//!
//! An account without a password in `/etc/passwd` itself (its second field empty, not `x`) is not locked by this.

mod shadow;

use std::path::PathBuf;

use contract::fact::FileMode;
use contract::record::{Before, Count, FileBefore};
use contract::resource::{AbsolutePath, AccountRule, Resource};
use contract::runbook::Verb;

use crate::logins::{Login, Logins};
use crate::{Armed, Done, Hand, HandError, Place};
use shadow::{Change, Shadow};

/// What the snapshot calls the list of changed fields.
const KEPT: &str = "password-fields.json";

/// The account files, below a root: `/`, except in tests.
#[derive(Debug, Clone)]
struct Accounts {
    root: PathBuf,
}

#[derive(Debug)]
struct Locking {
    accounts: Accounts,
    changes: Vec<Change>,
}

pub(super) fn arm(rule: AccountRule, place: &Place<'_>) -> Result<Armed, HandError> {
    Accounts { root: "/".into() }.arm(rule, place)
}

pub(super) fn undo(before: &Before, place: &Place<'_>) -> Result<(), HandError> {
    Accounts { root: "/".into() }.undo(before, place)
}

impl Accounts {
    fn arm(self, rule: AccountRule, place: &Place<'_>) -> Result<Armed, HandError> {
        let logins = Logins::read(&self.root)?;
        let changes: Vec<Change> = picked(&logins, rule).into_iter().filter_map(change).collect();
        if changes.is_empty() {
            return Err(HandError::NothingToDo("no account is as the rule says"));
        }
        let list = serde_json::to_vec(&changes)
            .map_err(|_| HandError::NotAsDeclared { what: "the list of accounts cannot be written down" })?;
        let digest = place.snapshot.keep(KEPT, &list)?;
        let owned = self.shadow().owned()?;
        let before = FileBefore {
            digest,
            mode: FileMode::from_st_mode(u32::from(owned.mode.bits())),
            uid: owned.uid,
            gid: owned.gid,
        };
        let shadow = Resource::Path(AbsolutePath::shadow());
        Ok(Armed::new(Before::Files(vec![(shadow, Some(before))]), Locking { accounts: self, changes }))
    }

    fn undo(&self, before: &Before, place: &Place<'_>) -> Result<(), HandError> {
        let Before::Files(files) = before else { return Err(HandError::NoBefore(Verb::UserLock)) };
        let [(_, Some(FileBefore { digest, .. }))] = &files[..] else {
            return Err(HandError::NoBefore(Verb::UserLock));
        };
        let list = place.snapshot.read(KEPT, digest)?;
        let changes: Vec<Change> =
            serde_json::from_slice(&list).map_err(|_| HandError::NoBefore(Verb::UserLock))?;
        let back: Vec<Change> = changes.into_iter().map(Change::reversed).collect();
        self.shadow().change(&back, place).map(|_| ())
    }

    fn shadow(&self) -> Shadow<'_> {
        Shadow::below(&self.root)
    }
}

impl Hand for Locking {
    fn act(self: Box<Self>, place: &Place<'_>) -> Result<Done, HandError> {
        place.go_on()?;
        let locked = self.accounts.shadow().change(&self.changes, place)?;
        if locked == 0 {
            return Err(HandError::NothingToDo("the accounts are no longer as the rule says"));
        }
        Ok(Done { counts: vec![(Count::AccountsLocked, locked)], connections: Vec::new() })
    }
}

/// The accounts that the rule picks. By a password nobody has to know anything to get in: such an account is locked whosever it is. Otherwise the last
/// ones that lead to root are left alone.
fn picked(logins: &Logins, rule: AccountRule) -> Vec<&Login> {
    let picked: Vec<&Login> = match rule {
        AccountRule::EmptyPassword => {
            return logins.accounts().iter().filter(|l| l.password.as_deref() == Some("")).collect();
        }
        AccountRule::SystemWithPassword => {
            logins.accounts().iter().filter(|l| l.is_system() && l.has_password()).collect()
        }
    };
    let names: Vec<&str> = picked.iter().map(|l| l.name.as_str()).collect();
    if logins.somebody_can_get_in(&names) {
        picked
    } else {
        picked.into_iter().filter(|l| !logins.is_a_way_to_root(l)).collect()
    }
}

fn change(login: &Login) -> Option<Change> {
    let from = login.password.clone()?;
    let to = format!("!{from}");
    Some(Change { account: login.name.clone(), from, to })
}

#[cfg(test)]
mod tests;
