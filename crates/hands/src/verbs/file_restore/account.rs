//! The numbers of the accounts that a runbook names, from this machine's own files: never from a directory service that may be away or be lied for.

use std::path::Path;

use contract::resource::Account;

use crate::HandError;

/// Far more than a machine's own accounts take.
const BYTES_MAX: u64 = 8 << 20;

/// A user's number.
pub(super) fn uid(user: &Account) -> Result<u32, HandError> {
    number(Path::new("/etc/passwd"), user.as_str())
        .ok_or(HandError::NotAsDeclared { what: "the declared owner has no account on this machine" })
}

/// A group's number.
pub(super) fn gid(group: &Account) -> Result<u32, HandError> {
    number(Path::new("/etc/group"), group.as_str())
        .ok_or(HandError::NotAsDeclared { what: "the declared group is not on this machine" })
}

/// The third field of the line that begins with `name`: in both files the number.
fn number(file: &Path, name: &str) -> Option<u32> {
    let text = edge::file::read(file, BYTES_MAX).ok()?;
    let text = String::from_utf8_lossy(&text);
    let line = text.lines().find(|line| line.split(':').next() == Some(name))?;
    line.split(':').nth(2)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_that_of_the_whole_name() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("passwd");
        std::fs::write(&file, "rooter:x:7:7::/:/bin/sh\nroot:x:0:0::/:/bin/sh\nodd:x\n").unwrap();
        assert_eq!(number(&file, "root"), Some(0));
        assert_eq!(number(&file, "roo"), None);
        assert_eq!(number(&file, "odd"), None);
    }
}
