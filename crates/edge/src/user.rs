//! Who runs this process, as the machine knows them.

use std::fs;

/// What stands in `/proc/self/loginuid` where nobody logged in.
const NOBODY: u32 = u32::MAX;

/// The user's name, or the number where it has none; with whoever logged in before becoming that user, where the kernel knows.
pub fn who() -> String {
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let login = fs::read_to_string("/proc/self/loginuid").ok();
    said(&passwd, rustix::process::getuid().as_raw(), login.and_then(|text| text.trim().parse().ok()))
}

fn said(passwd: &str, user: u32, login: Option<u32>) -> String {
    let now = name(passwd, user);
    match login {
        Some(login) if login != NOBODY && login != user => format!("{} as {now}", name(passwd, login)),
        Some(_) | None => now,
    }
}

fn name(passwd: &str, user: u32) -> String {
    let number = user.to_string();
    let found = passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == number).then(|| name.chars().take(32).collect())
    });
    found.unwrap_or(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_logged_in_is_named_with_whom_they_became() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\neve:x:1000:1000::/home/eve:/bin/sh\n";
        assert_eq!(said(passwd, 0, Some(1000)), "eve as root");
        assert_eq!(said(passwd, 1000, Some(1000)), "eve");
        assert_eq!(said(passwd, 1000, Some(NOBODY)), "eve");
        assert_eq!(said(passwd, 7, None), "7");
    }
}
