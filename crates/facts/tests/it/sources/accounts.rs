//! Accounts, login.defs and PAM.

use contract::fact::Absence;

use crate::tree::{Tree, check, number, word};

const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash
daemon:x:1:1::/usr/sbin:/usr/sbin/nologin
sync:x:4:65534::/bin:/bin/sync
postgres:x:105:112::/var/lib/postgresql:/bin/bash
odd:x:106:113::/:
ada:x:1000:1000:Ada:/home/ada:/bin/bash
ben:x:1001:1001:Ben:/home/ben:/bin/zsh
gone:x:1002:1002::/home/gone:/bin/sh
nobody:x:65534:65534::/:/bin/sh
";
const SHADOW: &str = "root:!:20000:0:99999:7:::
daemon:*:20000:0:99999:7:::
ada:$y$j9T$x$y:20000:0:99999:7:::
ben:$1$x$y:20000:0:99999:7:::
gone:$6$x$y:20000:0:99999:7:::
old:abcdefghijklm:20000:0:99999:7:::
locked:!$1$x$y:20000:0:99999:7:::
open::20000:0:99999:7:::
";

#[test]
fn accounts_are_counted() {
    let files = [("/etc/passwd", PASSWD), ("/etc/shadow", SHADOW)];
    check(&files, "accounts:uid_zero", &number(1));
    check(&files, "accounts:duplicate_uids", &number(0));
    check(&files, "accounts:system_accounts_with_shell", &number(2));
    check(&files, "accounts:empty_passwords", &number(1));
    check(&files, "accounts:weak_password_hashes", &number(2));
    let twins = format!("{PASSWD}toor::0:0::/root:/bin/sh\n");
    let files = [("/etc/passwd", twins.as_str()), ("/etc/shadow", SHADOW)];
    check(&files, "accounts:uid_zero", &number(2));
    check(&files, "accounts:duplicate_uids", &number(1));
    check(&files, "accounts:empty_passwords", &number(2));
}

#[test]
fn accounts_that_make_no_sense_are_not_counted() {
    for text in ["", "\n", "root:x:0:0:root:/root", "+::::::\n", "root:x:zero:0::/root:/bin/sh\n"] {
        check(&[("/etc/passwd", text)], "accounts:uid_zero", &Err(Absence::Malformed));
    }
    for text in ["", "root:x\n"] {
        let files = [("/etc/passwd", PASSWD), ("/etc/shadow", text)];
        check(&files, "accounts:empty_passwords", &Err(Absence::Malformed));
    }
    check(&[], "accounts:uid_zero", &Err(Absence::NotInstalled));
    check(&[("/etc/passwd", PASSWD)], "accounts:empty_passwords", &Err(Absence::NotInstalled));
    let odd = Tree::new().directory("/etc/passwd");
    assert_eq!(odd.read("accounts:uid_zero"), Err(Absence::Unreadable));
    assert_eq!(odd.read("accounts:names"), Err(Absence::Unsupported));
}

#[test]
fn service_accounts_with_a_password_are_counted() {
    let shadow = |line: &str| format!("{SHADOW}{line}\n");
    for (line, want) in [
        ("postgres:!:20000:0:99999:7:::", 0),
        ("postgres:!$y$j9T$x$y:20000:0:99999:7:::", 0),
        ("postgres:$y$j9T$x$y:20000:0:99999:7:::", 1),
        ("postgres::20000:0:99999:7:::", 0),
    ] {
        let shadow = shadow(line);
        let files = [("/etc/passwd", PASSWD), ("/etc/shadow", shadow.as_str())];
        check(&files, "accounts:system_accounts_with_password", &number(want));
    }
    check(&[("/etc/passwd", PASSWD)], "accounts:system_accounts_with_password", &Err(Absence::NotInstalled));
}

#[test]
fn administrators_are_people_of_the_right_group_with_a_key_of_their_own() {
    const FACT: &str = "accounts:administrators_with_key";
    const ROOTS: &str = "/root/.ssh/authorized_keys"; // tidy: allow paths: root's home on every machine
    let machine = |group: &str| Tree::of(&[("/etc/passwd", PASSWD), ("/etc/group", group)]);
    let key = "ssh-ed25519 AAAA ada\n";
    check(&[("/etc/passwd", PASSWD)], FACT, &Err(Absence::NotInstalled));
    assert_eq!(machine("sudo:x:27:ada,ben\n").read(FACT), number(0), "no key");
    let with = |group: &str, file: &str, text: &str| machine(group).file(file, text).read(FACT);
    assert_eq!(with("sudo:x:27:ada,ben\n", "/home/ada/.ssh/authorized_keys", key), number(1));
    assert_eq!(
        with("wheel:x:1000:\n", "/home/ada/.ssh/authorized_keys2", key),
        number(1),
        "by their own group"
    );
    assert_eq!(with("wheel:x:1:ben\n", "/etc/ssh/authorized_keys.d/ben", key), number(1), "declared");
    assert_eq!(
        with("users:x:100:ada\n", "/home/ada/.ssh/authorized_keys", key),
        number(0),
        "no administrator"
    );
    assert_eq!(
        with("sudo:x:27:ada\n", "/home/ada/.ssh/authorized_keys", "# none\n\n"),
        number(0),
        "no key in it"
    );
    assert_eq!(with("sudo:x:27:root\n", ROOTS, key), number(0), "root is nobody's own");
    assert_eq!(with("sudo:x:27\n", "/home/ada/.ssh/authorized_keys", key), Err(Absence::Malformed));
}

#[test]
fn open_homes_are_those_of_people() {
    let tree = Tree::of(&[("/etc/passwd", PASSWD)]).directory("/home/ada").directory("/home/ben");
    let tree = tree.mode("/home/ada", 0o700).mode("/home/ben", 0o755);
    assert_eq!(tree.read("accounts:open_home_directories"), number(1));
    let tree = tree.mode("/home/ben", 0o750);
    assert_eq!(tree.read("accounts:open_home_directories"), number(0));
}

#[test]
fn the_last_shell_timeout_wins() {
    let fact = "accounts:shell_timeout_seconds";
    check(&[], fact, &Err(Absence::NotInstalled));
    check(&[("/etc/profile", "# TMOUT=900\nMY_TMOUT=5\n")], fact, &number(0));
    check(&[("/etc/profile", "export TMOUT=900")], fact, &number(900));
    let files =
        [("/etc/profile", "TMOUT=60\n"), ("/etc/profile.d/z.sh", "readonly TMOUT=\"600\"; export TMOUT")];
    check(&files, fact, &number(600));
    check(&[("/etc/profile", ""), ("/etc/profile.d/z.sh~", "TMOUT=600")], fact, &number(0));
}

#[test]
fn login_defs_say_what_new_accounts_get() {
    let defs = "# UMASK 000\nUMASK\t\t027\nPASS_MAX_DAYS 99999\nPASS_MAX_DAYS 90 # last wins\nENCRYPT_METHOD YESCRYPT\n";
    let files = [("/etc/login.defs", defs)];
    check(&files, "login_defs:umask", &word("027"));
    check(&files, "login_defs:pass_max_days", &number(90));
    check(&files, "login_defs:encrypt_method", &word("YESCRYPT"));
    let files = [("/etc/login.defs", "")];
    check(&files, "login_defs:umask", &word("022"));
    check(&files, "login_defs:pass_max_days", &number(-1));
    check(&files, "login_defs:encrypt_method", &word("unset"));
    let files = [("/etc/login.defs", "PASS_MAX_DAYS soon\nENCRYPT_METHOD what ever\n")];
    check(&files, "login_defs:pass_max_days", &Err(Absence::Malformed));
    check(&files, "login_defs:encrypt_method", &Err(Absence::Malformed));
    check(&[], "login_defs:umask", &Err(Absence::NotInstalled));
}

#[test]
fn pam_locks_where_a_stack_says_so() {
    let auth = "auth required pam_faillock.so preauth\nauth [success=1 default=ignore] pam_unix.so nullok\n";
    let stack = ("/etc/pam.d/common-auth", auth);
    let fact = "pam:faillock_deny";
    check(&[], fact, &Err(Absence::NotInstalled));
    check(&[("/etc/pam.d/common-auth", "#auth required pam_faillock.so\n")], fact, &number(0));
    check(&[stack], fact, &number(3));
    check(&[stack, ("/etc/security/faillock.conf", "# deny = 9\ndeny = 5\n")], fact, &number(5));
    let patient = ("/etc/pam.d/sshd", "auth required /lib/pam_faillock.so authfail deny=50\n");
    check(&[stack, patient], fact, &number(50));
    check(&[("/etc/pam.d/login", "auth required pam_faillock.so deny=few")], fact, &Err(Absence::Malformed));
}

#[test]
fn pam_says_how_short_a_password_may_be() {
    let unix = "password [success=1 default=ignore] pam_unix.so obscure yescrypt\n";
    let quality = "password requisite pam_pwquality.so retry=3\n";
    let fact = "pam:password_min_length";
    let of = |text| ("/etc/pam.d/common-password", text);
    check(&[of(unix)], fact, &number(6));
    check(&[of("password required pam_unix.so minlen=9")], fact, &number(9));
    check(&[of(quality)], fact, &number(8));
    check(&[of("password requisite pam_pwquality.so minlen=14")], fact, &number(14));
    let settings = ("/etc/security/pwquality.conf", "minlen = 12\n");
    let later = ("/etc/security/pwquality.conf.d/50.conf", "minlen=16");
    check(&[of(quality), settings], fact, &number(12));
    check(&[of(quality), settings, later], fact, &number(16));
    check(&[("/etc/pam.d/login", "auth required pam_unix.so")], fact, &Err(Absence::Malformed));
}
